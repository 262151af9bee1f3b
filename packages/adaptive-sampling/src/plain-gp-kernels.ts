import { choleskyRows, inverseFromCholesky, solveLower } from './cholesky.ts'
import { BLOCK, type BlockModel, type BlockWork, type FitWork, type GpKernels, type LineWork } from './gp-kernels.ts'
import { RATIONAL, SQRT5 } from './gp-parameters.ts'

function fitWork(n: number, d: number): FitWork {
  const pairs = (n * (n - 1)) / 2
  const width = d + (d & 1)
  const squares = new Float64Array(pairs * width)
  const l = new Float64Array(n * n)
  const inverse = new Float64Array(n * n)
  const scratch = new Float64Array(n * n)
  const roots = new Float64Array(pairs)
  const sums = new Float64Array(pairs)
  const joint = new Float64Array(pairs)
  const share = new Float64Array(pairs)
  return {
    squares,
    width,
    l,
    inverse,
    roots,
    sums,
    joint,
    share,
    distances(weights, sumsToo) {
      for (let p = 0; p < pairs; p++) {
        let square = 0
        let sum = 0
        for (let j = 0, at = p * width; j < d; j++) {
          const s = squares[at + j]
          square += weights[j] * s
          if (sumsToo) {
            const q = 1 / (1 + weights[width + j] * s)
            sum += q * q
          }
        }
        roots[p] = SQRT5 * Math.sqrt(square)
        sums[p] = sum
      }
    },
    factor: () => choleskyRows(l, n, 0, n),
    invert() {
      inverseFromCholesky(l, n, inverse, scratch)
    },
    gradients(weights, sumsToo, gradient) {
      for (let p = 0; p < pairs; p++)
        for (let j = 0, at = p * width; j < d; j++) {
          const s = squares[at + j]
          gradient[j] -= joint[p] * s * weights[j]
          if (!sumsToo) continue
          const q = 1 / (1 + weights[width + j] * s)
          gradient[width + j] -= share[p] * (-2 * RATIONAL * q * q * q) * s * weights[2 * width + j]
        }
    },
  }
}

function blockWork({ n, d, stride, columns, l, weights }: BlockModel): BlockWork {
  const points = new Float64Array(BLOCK * d)
  const roots = new Float64Array(BLOCK * stride)
  const sums = new Float64Array(BLOCK * stride)
  return {
    points,
    roots,
    sums,
    distances(count, sumsToo) {
      for (let c = 0; c < count; c++)
        for (let i = 0; i < n; i++) {
          let square = 0
          let sum = 0
          for (let j = 0; j < d; j++) {
            const difference = points[c * d + j] - columns[j * stride + i]
            const s = difference * difference
            square += weights[j] * s
            if (sumsToo) {
              const q = 1 / (1 + weights[d + j] * s)
              sum += q * q
            }
          }
          roots[c * stride + i] = SQRT5 * Math.sqrt(square)
          sums[c * stride + i] = sum
        }
    },
    solve(count) {
      for (let c = 0; c < count; c++) solveLower(l, stride, n, roots, 0, c * stride)
    },
  }
}

function lineWork(n: number, count: number): LineWork {
  const stride = n + (n & 1)
  const values = new Float64Array(count)
  const [column, rest, restSums] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)]
  const roots = new Float64Array(count * stride)
  const sums = new Float64Array(count * stride)
  return {
    values,
    column,
    rest,
    restSums,
    roots,
    sums,
    stride,
    distances(weight, sumWeight) {
      for (let m = 0; m < count; m++)
        for (let i = 0, at = m * stride; i < n; i++, at++) {
          const difference = values[m] - column[i]
          const s = difference * difference
          roots[at] = SQRT5 * Math.sqrt(rest[i] + weight * s)
          const q = 1 / (1 + sumWeight * s)
          sums[at] = restSums[i] + q * q
        }
    },
  }
}

/** The kernels in TypeScript: the reference. */
export const plainGpKernels: GpKernels = { form: 'plain', fitWork, blockWork, lineWork }
