import { philox4x32 } from '@tradewright/core'
import { type Kernels, type MatmulShape, matmulFlag } from './kernels.ts'

const LEAK = 0.01
const GELU_A = 0.7978845608028654
const GELU_B = 0.044715
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** f(x) of each activation, in the order of `activationKinds`. */
const ACTIVATIONS: readonly ((x: number) => number)[] = [
  (x) => Math.max(x, 0),
  (x) => Math.max(x, LEAK * x),
  (x) => (x > 0 ? x : Math.expm1(x)),
  sigmoid,
  Math.tanh,
  (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  (x) => x * sigmoid(x),
  (x) => 0.5 * x * (1 + Math.tanh(GELU_A * (x + GELU_B * x ** 3))),
]

/** f'(x) of each activation, from x and y = f(x). */
const SLOPES: readonly ((x: number, y: number) => number)[] = [
  (_, y) => (y > 0 ? 1 : 0),
  (_, y) => (y > 0 ? 1 : LEAK),
  (_, y) => (y > 0 ? 1 : y + 1),
  (_, y) => y * (1 - y),
  (_, y) => 1 - y * y,
  (_, y) => 1 - Math.exp(-y),
  (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  (x) => {
    const t = Math.tanh(GELU_A * (x + GELU_B * x ** 3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * GELU_A * (1 + 3 * GELU_B * x * x)
  },
]

/** The nearest bfloat16, ties to even, as its 16 bits. */
export function toBrainBits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

/** The nearest float16, ties to even, as its 16 bits. */
export function toFloat16Bits(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0
  const size = Math.abs(x)
  if (Number.isNaN(x)) return 0x7e00
  if (size >= 65520) return sign | 0x7c00
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.max(size, 2 ** -24))))
  // Log2 may be one off at a power of two; the step below then is exact all the same, or is corrected by the carry.
  const shift =
    size >= 2 ** (exponent + 1) ? exponent + 1 : size < 2 ** exponent && exponent > -14 ? exponent - 1 : exponent
  const scaled = size / 2 ** (shift - 10)
  let rounded = Math.floor(scaled)
  const rest = scaled - rounded
  if (rest > 0.5 || (rest === 0.5 && rounded % 2 === 1)) rounded++
  return sign | ((shift + 14) * 1024 + rounded)
}

/** The value of a float16's 16 bits. */
export function fromFloat16Bits(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/** See {@link Kernels.adam}: p, g, m and v of one length, anywhere. */
export function plainAdam(
  p: Float32Array,
  g: Float32Array,
  m: Float32Array,
  v: Float32Array,
  [rate, beta1, rest1, beta2, rest2, epsilon, c1, c2, l2, decay]: ArrayLike<number> & Iterable<number>,
): void {
  for (let i = 0; i < p.length; i++) {
    const d = g[i] + l2 * p[i]
    const m1 = beta1 * m[i] + rest1 * d
    const v1 = beta2 * v[i] + rest2 * d * d
    m[i] = m1
    v[i] = v1
    p[i] -= rate * ((m1 * c1) / (Math.sqrt(v1 * c2) + epsilon) + decay * p[i])
  }
}

/** See {@link Kernels.momentum}: p, g and v of one length, anywhere. */
export function plainMomentum(
  p: Float32Array,
  g: Float32Array,
  v: Float32Array,
  [rate, mu, damp, l2]: ArrayLike<number> & Iterable<number>,
  nesterov: boolean,
): void {
  for (let i = 0; i < p.length; i++) {
    const d = g[i] + l2 * p[i]
    const v1 = mu * v[i] + damp * d
    v[i] = v1
    p[i] -= rate * (nesterov ? d + mu * v1 : v1)
  }
}

/** The kernels in plain TypeScript: the reference of the WebAssembly ones, and the fallback where there is none. */
export function plainKernels(buffer: ArrayBufferLike): Kernels {
  const f = new Float32Array(buffer)
  const bits = new Uint32Array(buffer)
  const halves = new Uint16Array(buffer)
  const view = (at: number, n: number): Float32Array => f.subarray(at >> 2, (at >> 2) + n)
  const counter = new Uint32Array(4)
  const key = new Uint32Array(2)
  const block = new Uint32Array(4)
  return {
    name: 'plain',
    packedBytes: () => 0,
    pack() {},
    matmul(m, { n, k, aRow, aColumn, bRow, bColumn }: MatmulShape, a, b, _packed, c, flags, bias, mask) {
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let sum = 0
          for (let p = 0; p < k; p++) sum += f[(a + i * aRow + p * aColumn) >> 2] * f[(b + p * bRow + j * bColumn) >> 2]
          const at = (c >> 2) + i * n + j
          if (flags & matmulFlag.accumulate) sum += f[at]
          if (flags & matmulFlag.bias) sum += f[(bias >> 2) + j]
          if (flags & matmulFlag.relu) sum = Math.max(sum, 0)
          if (flags & matmulFlag.mask && !(f[(mask >> 2) + i * n + j] > 0)) sum = 0
          f[at] = sum
        }
    },
    epilogue(m, n, c, flags, bias, mask) {
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          const at = (c >> 2) + i * n + j
          if (flags & matmulFlag.bias) f[at] += f[(bias >> 2) + j]
          if (flags & matmulFlag.relu) f[at] = Math.max(f[at], 0)
          if (flags & matmulFlag.mask && !(f[(mask >> 2) + i * n + j] > 0)) f[at] = 0
        }
    },
    activate(kind, n, x, y) {
      const apply = ACTIVATIONS[kind]
      for (let i = 0; i < n; i++) f[(y >> 2) + i] = apply(f[(x >> 2) + i])
    },
    activateGrad(kind, n, x, y, dy, dx) {
      const slope = SLOPES[kind]
      for (let i = 0; i < n; i++)
        f[(dx >> 2) + i] = f[(dy >> 2) + i] * slope(kind < 6 ? 0 : f[(x >> 2) + i], f[(y >> 2) + i])
    },
    fill(n, value, x) {
      f.fill(value, x >> 2, (x >> 2) + n)
    },
    axpy(n, a, x, y) {
      for (let i = 0; i < n; i++) f[(y >> 2) + i] += a * f[(x >> 2) + i]
    },
    scale(n, a, x) {
      for (let i = 0; i < n; i++) f[(x >> 2) + i] *= a
    },
    sumSquares(n, x) {
      let sum = 0
      for (let i = 0; i < n; i++) sum += f[(x >> 2) + i] ** 2
      return sum
    },
    columnSum(rows, columns, x, out, accumulate) {
      for (let j = 0; j < columns; j++) {
        let sum = accumulate ? f[(out >> 2) + j] : 0
        for (let i = 0; i < rows; i++) sum += f[(x >> 2) + i * columns + j]
        f[(out >> 2) + j] = sum
      }
    },
    layerNorm(rows, n, eps, x, gamma, beta, y, stat) {
      for (let i = 0; i < rows; i++) {
        const row = (x >> 2) + i * n
        let mean = 0
        for (let j = 0; j < n; j++) mean += f[row + j] / n
        let variance = 0
        for (let j = 0; j < n; j++) variance += (f[row + j] - mean) ** 2 / n
        const rstd = 1 / Math.sqrt(variance + eps)
        for (let j = 0; j < n; j++)
          f[(y >> 2) + i * n + j] = (f[row + j] - mean) * rstd * f[(gamma >> 2) + j] + f[(beta >> 2) + j]
        f[(stat >> 2) + 2 * i] = mean
        f[(stat >> 2) + 2 * i + 1] = rstd
      }
    },
    layerNormGrad(rows, n, x, gamma, stat, dy, dx, dgamma, dbeta) {
      for (let i = 0; i < rows; i++) {
        const mean = f[(stat >> 2) + 2 * i]
        const rstd = f[(stat >> 2) + 2 * i + 1]
        const at = (base: number, j: number): number => (base >> 2) + i * n + j
        let sum = 0
        let product = 0
        for (let j = 0; j < n; j++) {
          const g = f[at(dy, j)]
          const h = (f[at(x, j)] - mean) * rstd
          f[(dgamma >> 2) + j] += g * h
          f[(dbeta >> 2) + j] += g
          sum += (g * f[(gamma >> 2) + j]) / n
          product += (g * f[(gamma >> 2) + j] * h) / n
        }
        if (dx === 0) continue
        for (let j = 0; j < n; j++)
          f[at(dx, j)] = rstd * (f[at(dy, j)] * f[(gamma >> 2) + j] - sum - (f[at(x, j)] - mean) * rstd * product)
      }
    },
    embed(rows, columns, column, size, x, table, y) {
      let to = y >> 2
      for (let i = 0; i < rows; i++) {
        const row = (x >> 2) + i * columns
        for (let j = 0; j < columns; j++) if (j !== column) f[to++] = f[row + j]
        for (let j = 0; j < size; j++) f[to++] = f[(table >> 2) + f[row + column] * size + j]
      }
    },
    embedGrad(rows, columns, column, size, x, dy, dx, dtable) {
      let from = dy >> 2
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const value = j === column ? 0 : f[from++]
          if (dx !== 0) f[(dx >> 2) + i * columns + j] = value
        }
        const index = f[(x >> 2) + i * columns + column]
        for (let j = 0; j < size; j++) f[(dtable >> 2) + index * size + j] += f[from++]
      }
    },
    dropout(n, x, y, threshold, factor, key0, key1, step, first) {
      key[0] = key0
      key[1] = key1
      for (let i = 0; i < n; i++) {
        if (i % 8 === 0) {
          counter[0] = first + i / 8
          counter[1] = step
          counter[2] = 0
          counter[3] = 0
          philox4x32(counter, key, block)
        }
        const word = block[(i >> 1) & 3]
        const draw = i & 1 ? word >>> 16 : word & 0xffff
        f[(y >> 2) + i] = draw >= threshold ? f[(x >> 2) + i] * factor : 0
      }
    },
    toHalf(kind, n, x, y) {
      for (let i = 0; i < n; i++)
        halves[(y >> 1) + i] = kind === 0 ? toBrainBits(bits[(x >> 2) + i]) : toFloat16Bits(f[(x >> 2) + i])
    },
    fromHalf(kind, n, x, y) {
      for (let i = 0; i < n; i++) {
        const half = halves[(x >> 1) + i]
        if (kind === 0) bits[(y >> 2) + i] = half << 16
        else f[(y >> 2) + i] = fromFloat16Bits(half)
      }
    },
    scaleAt(n, at, x) {
      const a = f[at >> 2]
      for (let i = 0; i < n; i++) f[(x >> 2) + i] *= a
    },
    adam(n, p, g, m, v, numbers) {
      plainAdam(view(p, n), view(g, n), view(m, n), view(v, n), view(numbers, 10))
    },
    momentum(n, p, g, v, numbers, nesterov) {
      plainMomentum(view(p, n), view(g, n), view(v, n), view(numbers, 4), nesterov === 1)
    },
  }
}
