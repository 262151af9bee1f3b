import { choleskyRows, inverseFromCholesky, solveLower, solveUpper } from './cholesky.ts'

export const SQRT5: number = Math.sqrt(5)
/** The rational quadratic kernel (1 + RATIONAL v s)^-2 curves at 0 as Matern 5/2 does, and needs no exponential. */
export const RATIONAL: number = 5 / 12

/** Hyperparameters: what a fit finds. */
export interface GpParameters {
  /** shape [d], 1 / length^2 of each axis in the part that joins all axes. */
  readonly inverseSquares: Float64Array
  /** Variance of that part. */
  readonly scale: number
  /** shape [d], 1 / length^2 of each axis in the sum of functions of one axis. */
  readonly sumInverseSquares: Float64Array
  /** Variance of the sum; 0 leaves it out. */
  readonly sumScale: number
  /** Variance of the noise. */
  readonly noise: number
  /** shape [2 d + 3], the logarithms a fit works on: a later fit may begin there. */
  readonly theta: Float64Array
}

/** Whether an axis has an order: distances on others are 0 or 1. */
export type AxisKinds = readonly ('number' | 'category')[]

/** Squared distance along one axis; an inactive coordinate (NaN) is as far from active ones as two categories are. */
export function axisSquare(kind: 'number' | 'category', a: number, b: number): number {
  const difference = a - b
  if (difference === 0) return 0
  if (Number.isNaN(difference)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : 1
  return kind === 'number' ? difference * difference : 1
}

/** A posterior over functions: given observations, the mean and variance anywhere. */
export class GaussianProcess {
  readonly d: number
  n = 0
  readonly parameters: GpParameters
  readonly #kinds: AxisKinds
  /** Whether every coordinate is a number: no categories, nothing inactive. */
  #plain: boolean
  readonly #capacity: number
  readonly #x: Float64Array
  readonly #y: Float64Array
  readonly #l: Float64Array
  readonly #alpha: Float64Array
  readonly #k: Float64Array
  readonly #slope: Float64Array
  readonly #sumSlope: Float64Array
  readonly #beta: Float64Array
  readonly #part: number

  /** @param capacity observations, later ones included. */
  constructor(parameters: GpParameters, kinds: AxisKinds, capacity: number) {
    this.parameters = parameters
    this.d = kinds.length
    this.#kinds = kinds
    this.#plain = kinds.every((kind) => kind === 'number')
    this.#capacity = capacity
    this.#x = new Float64Array(capacity * this.d)
    this.#y = new Float64Array(capacity)
    this.#l = new Float64Array(capacity * capacity)
    this.#alpha = new Float64Array(capacity)
    this.#k = new Float64Array(capacity)
    this.#slope = new Float64Array(capacity)
    this.#sumSlope = new Float64Array(capacity * this.d)
    this.#beta = new Float64Array(capacity)
    this.#part = parameters.sumScale / this.d
  }

  /** Variance of the function before anything is known. */
  get variance(): number {
    return this.parameters.scale + this.parameters.sumScale
  }

  /** Adds observations; the factor grows by their rows. `x` shape [count * d], copied. */
  add(x: Float64Array, y: Float64Array, count: number): void {
    const { d } = this
    const from = this.n
    this.#x.set(x.subarray(0, count * d), from * d)
    this.#y.set(y.subarray(0, count), from)
    if (this.#plain) for (let i = 0; i < count * d; i++) if (Number.isNaN(x[i])) this.#plain = false
    this.n += count
    for (let jitter = 0; ; jitter = Math.max(10 * jitter, 1e-8)) {
      for (let i = from; i < this.n; i++) {
        this.#covariances(this.#x, i * d, 0, i, this.#l, i * this.#capacity)
        this.#l[i * this.#capacity + i] = this.variance * (1 + jitter) + this.parameters.noise
      }
      if (choleskyRows(this.#l, this.#capacity, from, this.n) || jitter > 1) break
    }
    this.#alpha.set(this.#y.subarray(0, this.n))
    const alpha = this.#alpha.subarray(0, this.n)
    solveLower(this.#l, this.#capacity, this.n, alpha)
    solveUpper(this.#l, this.#capacity, this.n, alpha)
  }

  /** Covariances of a point with the observations from `from` to `count`. */
  #covariances(points: Float64Array, at: number, from: number, count: number, out: Float64Array, offset: number): void {
    const { d } = this
    const { inverseSquares, sumInverseSquares, scale } = this.parameters
    const x = this.#x
    const part = this.#part
    const kinds = this.#kinds
    const plain = this.#plain
    for (let i = from; i < count; i++) {
      let square = 0
      let sum = 0
      for (let j = 0, row = i * d; j < d; j++) {
        const difference = points[at + j] - x[row + j]
        const s = plain ? difference * difference : axisSquare(kinds[j], points[at + j], x[row + j])
        square += inverseSquares[j] * s
        if (part > 0) {
          const q = 1 / (1 + RATIONAL * sumInverseSquares[j] * s)
          sum += q * q
        }
      }
      const root = SQRT5 * Math.sqrt(square)
      out[offset + i] = scale * (1 + root + (root * root) / 3) * Math.exp(-root) + part * sum
    }
  }

  /** Mean at a point. O(n d). */
  mean(points: Float64Array, at: number): number {
    this.#covariances(points, at, 0, this.n, this.#k, 0)
    let mean = 0
    for (let i = 0; i < this.n; i++) mean += this.#k[i] * this.#alpha[i]
    return mean
  }

  /**
   * Means along one axis through a point.
   *
   * @param point  shape [d]. Read only.
   * @param values shape [m], coordinates of the axis to try. Read only.
   * @param out    shape [m], filled.
   */
  meansAlong(point: Float64Array, axis: number, values: Float64Array, out: Float64Array): void {
    const { d, n } = this
    const { inverseSquares, sumInverseSquares, scale } = this.parameters
    const x = this.#x
    const part = this.#part
    const kinds = this.#kinds
    const rest = this.#k
    const sums = this.#slope
    for (let i = 0; i < n; i++) {
      let square = 0
      let sum = 0
      for (let j = 0, row = i * d; j < d; j++) {
        if (j === axis) continue
        const s = axisSquare(kinds[j], point[j], x[row + j])
        square += inverseSquares[j] * s
        if (part > 0) {
          const q = 1 / (1 + RATIONAL * sumInverseSquares[j] * s)
          sum += q * q
        }
      }
      rest[i] = square
      sums[i] = sum
    }
    for (let m = 0; m < values.length; m++) {
      let mean = 0
      for (let i = 0; i < n; i++) {
        const s = axisSquare(kinds[axis], values[m], x[i * d + axis])
        const root = SQRT5 * Math.sqrt(rest[i] + inverseSquares[axis] * s)
        let k = scale * (1 + root + (root * root) / 3) * Math.exp(-root)
        if (part > 0) {
          const q = 1 / (1 + RATIONAL * sumInverseSquares[axis] * s)
          k += part * (sums[i] + q * q)
        }
        mean += k * this.#alpha[i]
      }
      out[m] = mean
    }
  }

  /**
   * Whitened covariances of a point: L^-1 k. Their square sum is what the observations take from its variance.
   *
   * @param out  holds the first `from` numbers already; the rest is filled. Room for `capacity`.
   * @returns the mean.
   */
  whiten(points: Float64Array, at: number, out: Float64Array, offset: number): number {
    this.#covariances(points, at, 0, this.n, out, offset)
    let mean = 0
    for (let i = 0; i < this.n; i++) mean += out[offset + i] * this.#alpha[i]
    solveLower(this.#l, this.#capacity, this.n, out, 0, offset)
    return mean
  }

  /** Extends what {@link whiten} gave by the observations added since. */
  extend(points: Float64Array, at: number, out: Float64Array, offset: number, from: number): void {
    this.#covariances(points, at, from, this.n, out, offset)
    solveLower(this.#l, this.#capacity, this.n, out, from, offset)
  }

  /**
   * Mean and variance at a point, with their gradients by the numeric coordinates.
   *
   * @param gradients shape [2 * d], of the mean and of the variance; 0 for categories. Fully overwritten.
   */
  predict(point: Float64Array, gradients: Float64Array): { readonly mean: number; readonly variance: number } {
    const { d, n } = this
    const { inverseSquares, sumInverseSquares, scale } = this.parameters
    const part = this.#part
    const k = this.#k
    const slope = this.#slope
    const sumSlope = this.#sumSlope
    for (let i = 0; i < n; i++) {
      let square = 0
      let sum = 0
      for (let j = 0; j < d; j++) {
        const s = axisSquare(this.#kinds[j], point[j], this.#x[i * d + j])
        square += inverseSquares[j] * s
        if (part > 0) {
          const q = 1 / (1 + RATIONAL * sumInverseSquares[j] * s)
          sum += part * q * q
          sumSlope[i * d + j] = -4 * RATIONAL * part * q * q * q
        }
      }
      const root = SQRT5 * Math.sqrt(square)
      const decay = scale * Math.exp(-root)
      k[i] = (1 + root + (root * root) / 3) * decay + sum
      slope[i] = -(5 / 3) * (1 + root) * decay
    }
    const beta = this.#beta.subarray(0, n)
    beta.set(k.subarray(0, n))
    solveLower(this.#l, this.#capacity, n, beta)
    let mean = 0
    let taken = 0
    for (let i = 0; i < n; i++) {
      mean += k[i] * this.#alpha[i]
      taken += beta[i] * beta[i]
    }
    solveUpper(this.#l, this.#capacity, n, beta)
    gradients.fill(0)
    for (let i = 0; i < n; i++) {
      const a = this.#alpha[i]
      const b = -2 * beta[i]
      for (let j = 0; j < d; j++) {
        if (this.#kinds[j] !== 'number') continue
        const step = point[j] - this.#x[i * d + j]
        if (Number.isNaN(step)) continue
        let g = slope[i] * inverseSquares[j]
        if (part > 0) g += sumSlope[i * d + j] * sumInverseSquares[j]
        gradients[j] += a * g * step
        gradients[d + j] += b * g * step
      }
    }
    return { mean, variance: Math.max(1e-12, this.variance - taken) }
  }

  /**
   * How well the model foretells each of its observations from the others: 1 less the leave-one-out error over the
   * variance. At most 1; 0 is as good as the mean, less is worse.
   *
   * @see Rasmussen, Williams (2006), equation 5.12.
   */
  skill(part = 1): number {
    const { n } = this
    const l = new Float64Array(n * n)
    for (let i = 0; i < n; i++) l.set(this.#l.subarray(i * this.#capacity, i * this.#capacity + i + 1), i * n)
    const inverse = new Float64Array(n * n)
    inverseFromCholesky(l, n, inverse, new Float64Array(n * n))
    const order = Int32Array.from({ length: n }, (_, i) => i).sort((i, k) => this.#y[i] - this.#y[k] || i - k)
    const best = order.subarray(0, Math.max(2, Math.ceil(part * n)))
    let mean = 0
    for (const i of best) mean += this.#y[i] / best.length
    let error = 0
    let variance = 0
    for (const i of best) {
      error += (this.#alpha[i] / inverse[i * n + i]) ** 2
      variance += (this.#y[i] - mean) ** 2
    }
    return variance > 0 ? 1 - error / variance : 0
  }
}
