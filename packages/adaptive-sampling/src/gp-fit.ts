import { solveLower, solveUpper } from './cholesky.ts'
import { fastestGpKernels } from './fastest-gp-kernels.ts'
import type { FitWork, GpKernels } from './gp-kernels.ts'
import { type AxisKinds, axisSquare, type GpParameters, RATIONAL } from './gp-parameters.ts'
import { lbfgs } from './lbfgs.ts'

const MIN_NOISE = 1e-6
const LOW_LOG = Math.log(1e-3)
const HIGH_LOG = Math.log(1e4)

/** Where a fit begins, and how much it may cost. */
interface GpFitOptions {
  /** Most likelihoods to compute. O(n^3 + n^2 d) each. */
  readonly evaluations: number
  /** shape [2 d + 3], where to begin: `theta` of another fit, or {@link firstTheta}. Read only. */
  readonly from: Float64Array
  /** What the costly loops run on; every form gives the same numbers. @default the fastest that runs here */
  readonly kernels?: GpKernels | undefined
}

/** Where a fit begins that knows nothing; `rough` with short lengths in the sum. */
export function firstTheta(d: number, rough = false): Float64Array {
  const theta = new Float64Array(2 * d + 3)
  if (rough) theta.fill(Math.log(300), d, 2 * d)
  theta[2 * d] = rough ? Math.log(0.3) : 0
  theta[2 * d + 1] = rough ? 0 : Math.log(0.3)
  theta[2 * d + 2] = Math.log(1e-3)
  return theta
}

/** A fit, and how likely it is. */
export interface GpFit {
  readonly parameters: GpParameters
  /** Negative logarithm of the posterior, up to a constant. */
  readonly loss: number
}

/**
 * Maximum a posteriori hyperparameters of a Gaussian process: a Matern 5/2 kernel with one length an axis, plus a sum of
 * rational quadratic kernels (alpha 2) of one axis each, which learns additive functions from few points.
 *
 * @param x     shape [n * d]. NaN where inactive. Read only.
 * @param y     shape [n], standardised. Read only.
 * @see Rasmussen, Williams (2006), "Gaussian processes for machine learning", equations 4.17, 5.8, 5.9; Duvenaud,
 *   Nickisch, Rasmussen (2011), "Additive Gaussian processes", NeurIPS 24 (orders 1 and d). The priors are those of
 *   Optuna's GPSampler, and Gamma(1.1, 2) on the variance of the sum.
 */
export function fitGp(x: Float64Array, y: Float64Array, kinds: AxisKinds, options: GpFitOptions): GpFit {
  const { evaluations, from, kernels = fastestGpKernels() } = options
  const n = y.length
  const d = kinds.length
  const work = kernels.fitWork(n, d)
  const { squares, width } = work
  for (let i = 1, p = 0; i < n; i++)
    for (let k = 0; k < i; k++, p++)
      for (let j = 0; j < d; j++) squares[p * width + j] = axisSquare(kinds[j], x[i * d + j], x[k * d + j])
  const pairs: Pairs = {
    work,
    slope: new Float64Array((n * (n - 1)) / 2),
    shape: new Float64Array((n * (n - 1)) / 2),
    alpha: new Float64Array(n),
    weights: new Float64Array(3 * width),
    slopes: new Float64Array(2 * width),
  }
  const sums = d > 1
  const objective = (theta: Float64Array, gradient: Float64Array): number =>
    negativeLogPosterior(theta, gradient, y, d, sums, pairs)
  const low = new Float64Array(2 * d + 3).fill(LOW_LOG)
  const high = new Float64Array(2 * d + 3).fill(HIGH_LOG)
  low[2 * d] = Math.log(1e-2)
  high[2 * d] = Math.log(1e2)
  low[2 * d + 1] = Math.log(1e-4)
  high[2 * d + 1] = Math.log(1e2)
  low[2 * d + 2] = Math.log(MIN_NOISE)
  high[2 * d + 2] = 0
  const theta = from.slice()
  const loss = lbfgs(theta, objective, { low, high, evaluations, tolerance: 1e-3, firstStep: 1 })
  return {
    parameters: {
      inverseSquares: theta.slice(0, d).map(Math.exp),
      scale: Math.exp(theta[2 * d]),
      sumInverseSquares: theta.slice(d, 2 * d).map(Math.exp),
      sumScale: sums ? Math.exp(theta[2 * d + 1]) : 0,
      noise: Math.exp(theta[2 * d + 2]),
      theta,
    },
    loss,
  }
}

/** What one likelihood after the other is computed in. */
interface Pairs {
  readonly work: FitWork
  readonly slope: Float64Array
  readonly shape: Float64Array
  readonly alpha: Float64Array
  /** shape [3 * width]: 1 / length^2; of the sum, times RATIONAL; of the sum. */
  readonly weights: Float64Array
  readonly slopes: Float64Array
}

function negativeLogPosterior(
  theta: Float64Array,
  gradient: Float64Array,
  y: Float64Array,
  d: number,
  sums: boolean,
  pairs: Pairs,
): number {
  const n = y.length
  const { work, slope, shape, alpha, weights, slopes } = pairs
  const { width, l, inverse, roots, sums: sumShape, joint, share } = work
  const w = theta.subarray(0, d).map(Math.exp)
  const v = theta.subarray(d, 2 * d).map(Math.exp)
  const scale = Math.exp(theta[2 * d])
  const sumScale = sums ? Math.exp(theta[2 * d + 1]) : 0
  const noise = Math.exp(theta[2 * d + 2])
  const part = sumScale / d
  for (let j = 0; j < d; j++) {
    weights[j] = w[j]
    weights[width + j] = RATIONAL * v[j]
    weights[2 * width + j] = v[j]
  }
  work.distances(weights, sums)
  for (let i = 0, p = 0; i < n; i++) {
    for (let k = 0; k < i; k++, p++) {
      const root = roots[p]
      const decay = Math.exp(-root)
      shape[p] = (1 + root + (root * root) / 3) * decay
      slope[p] = -(5 / 6) * (1 + root) * decay
      let covariance = scale * shape[p]
      if (sums) covariance += part * sumShape[p]
      l[i * n + k] = covariance
    }
    l[i * n + i] = scale + sumScale + noise
  }
  gradient.fill(0)
  if (!work.factor()) return Number.POSITIVE_INFINITY
  alpha.set(y)
  solveLower(l, n, n, alpha)
  let value = 0
  for (let i = 0; i < n; i++) value += 0.5 * alpha[i] * alpha[i] + Math.log(l[i * n + i])
  solveUpper(l, n, n, alpha)
  work.invert()
  let scaleGradient = 0
  let sumGradient = 0
  let trace = 0
  for (let i = 0, p = 0; i < n; i++) {
    for (let k = 0; k < i; k++, p++) {
      const b = alpha[i] * alpha[k] - inverse[i * n + k]
      scaleGradient += b * shape[p]
      joint[p] = b * scale * slope[p]
      sumGradient += b * sumShape[p]
      share[p] = b * part
    }
    trace += alpha[i] * alpha[i] - inverse[i * n + i]
  }
  work.gradients(weights, sums, slopes.fill(0))
  gradient.set(slopes.subarray(0, d))
  if (sums) gradient.set(slopes.subarray(width, width + d), d)
  gradient[2 * d] = -scale * (scaleGradient + 0.5 * trace)
  gradient[2 * d + 1] = -part * sumGradient - 0.5 * sumScale * trace
  gradient[2 * d + 2] = -0.5 * noise * trace
  // Priors on lengths: exp(-(0.1 / w + 0.1 w)); on scale: Gamma(2, 1); on the sum's: Gamma(1.1, 2); on noise: Gamma(1.1, 30).
  for (let j = 0; j < (sums ? 2 : 1) * d; j++) {
    const u = j < d ? w[j] : v[j - d]
    // Short lengths are common in functions of one axis: their price grows with the logarithm.
    const price = j < d ? 0.1 * u : SUM_PRICE * Math.log1p(u)
    value += 0.1 / u + price
    gradient[j] += -0.1 / u + (j < d ? 0.1 * u : (SUM_PRICE * u) / (1 + u))
  }
  value += scale - Math.log(scale) + 30 * noise - 0.1 * Math.log(noise)
  gradient[2 * d] += scale - 1
  gradient[2 * d + 2] += 30 * noise - 0.1
  if (sums) {
    value += 2 * sumScale - 0.1 * Math.log(sumScale)
    gradient[2 * d + 1] += 2 * sumScale - 0.1
  }
  return value
}

const SUM_PRICE = 0.5
