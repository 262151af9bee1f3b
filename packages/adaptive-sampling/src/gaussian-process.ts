import { choleskyRows, inverseFromCholesky, solveLower, solveUpper } from './cholesky.ts'
import { lbfgs } from './lbfgs.ts'

const SQRT5 = Math.sqrt(5)

/** Hyperparameters: what a fit finds. */
export interface GpParameters {
  /** shape [d], 1 / length^2 of each axis. */
  readonly inverseSquares: Float64Array
  /** Variance of the function. */
  readonly scale: number
  /** Variance of the noise. */
  readonly noise: number
}

/** Whether an axis has an order: distances on others are 0 or 1. */
export type AxisKinds = readonly ('number' | 'category')[]

/** Squared distance along one axis; an inactive coordinate (NaN) is as far from active ones as two categories are. */
function axisSquare(kind: 'number' | 'category', a: number, b: number): number {
  const difference = a - b
  if (difference === 0) return 0
  if (Number.isNaN(difference)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : 1
  return kind === 'number' ? difference * difference : 1
}

const MIN_NOISE = 1e-6
const LOW_LOG = Math.log(1e-3)
const HIGH_LOG = Math.log(1e4)

/**
 * Maximum a posteriori hyperparameters of a Gaussian process with a Matern 5/2 kernel and one length an axis.
 *
 * @param x     shape [n * d]. NaN where inactive. Read only.
 * @param y     shape [n], standardised. Read only.
 * @param evaluations most likelihoods to compute. O(n^3 + n^2 d) each.
 * @see Rasmussen, Williams (2006), "Gaussian processes for machine learning", equations 4.17, 5.8, 5.9. The priors are
 *   those of Optuna's GPSampler.
 */
export function fitGp(x: Float64Array, y: Float64Array, kinds: AxisKinds, evaluations: number): GpParameters {
  const n = y.length
  const d = kinds.length
  const pairs = (n * (n - 1)) / 2
  const squares = new Float64Array(pairs * d)
  for (let i = 1, p = 0; i < n; i++)
    for (let k = 0; k < i; k++, p++)
      for (let j = 0; j < d; j++) squares[p * d + j] = axisSquare(kinds[j], x[i * d + j], x[k * d + j])
  const work = {
    l: new Float64Array(n * n),
    inverse: new Float64Array(n * n),
    scratch: new Float64Array(n * n),
    slope: new Float64Array(pairs),
    shape: new Float64Array(pairs),
    alpha: new Float64Array(n),
  }
  const objective = (theta: Float64Array, gradient: Float64Array): number =>
    negativeLogPosterior(theta, gradient, squares, y, d, work)
  const low = new Float64Array(d + 2).fill(LOW_LOG)
  const high = new Float64Array(d + 2).fill(HIGH_LOG)
  low[d] = Math.log(1e-2)
  high[d] = Math.log(1e2)
  low[d + 1] = Math.log(MIN_NOISE)
  high[d + 1] = 0
  const theta = new Float64Array(d + 2)
  theta[d + 1] = Math.log(1e-3)
  lbfgs(theta, objective, { low, high, evaluations, tolerance: 1e-3, firstStep: 1 })
  return {
    inverseSquares: theta.slice(0, d).map(Math.exp),
    scale: Math.exp(theta[d]),
    noise: Math.exp(theta[d + 1]),
  }
}

function negativeLogPosterior(
  theta: Float64Array,
  gradient: Float64Array,
  squares: Float64Array,
  y: Float64Array,
  d: number,
  work: {
    readonly l: Float64Array
    readonly inverse: Float64Array
    readonly scratch: Float64Array
    readonly slope: Float64Array
    readonly shape: Float64Array
    readonly alpha: Float64Array
  },
): number {
  const n = y.length
  const { l, inverse, scratch, slope, shape, alpha } = work
  const w = theta.subarray(0, d).map(Math.exp)
  const scale = Math.exp(theta[d])
  const noise = Math.exp(theta[d + 1])
  for (let i = 0, p = 0; i < n; i++) {
    for (let k = 0; k < i; k++, p++) {
      let square = 0
      for (let j = 0, at = p * d; j < d; j++) square += w[j] * squares[at + j]
      const root = SQRT5 * Math.sqrt(square)
      const decay = Math.exp(-root)
      shape[p] = (1 + root + (root * root) / 3) * decay
      slope[p] = -(5 / 6) * (1 + root) * decay
      l[i * n + k] = scale * shape[p]
    }
    l[i * n + i] = scale + noise
  }
  gradient.fill(0)
  if (!choleskyRows(l, n, 0, n)) return Number.POSITIVE_INFINITY
  alpha.set(y)
  solveLower(l, n, n, alpha)
  let value = 0
  for (let i = 0; i < n; i++) value += 0.5 * alpha[i] * alpha[i] + Math.log(l[i * n + i])
  solveUpper(l, n, n, alpha)
  inverseFromCholesky(l, n, inverse, scratch)
  let scaleGradient = 0
  let trace = 0
  for (let i = 0, p = 0; i < n; i++) {
    for (let k = 0; k < i; k++, p++) {
      const b = alpha[i] * alpha[k] - inverse[i * n + k]
      scaleGradient += b * shape[p]
      const weight = b * scale * slope[p]
      for (let j = 0, at = p * d; j < d; j++) gradient[j] -= weight * squares[at + j] * w[j]
    }
    trace += alpha[i] * alpha[i] - inverse[i * n + i]
  }
  gradient[d] = -scale * (scaleGradient + 0.5 * trace)
  gradient[d + 1] = -0.5 * noise * trace
  // Priors on w: exp(-(0.1 / w + 0.1 w)); on scale: Gamma(2, 1); on noise: Gamma(1.1, 30).
  for (let j = 0; j < d; j++) {
    value += 0.1 / w[j] + 0.1 * w[j]
    gradient[j] += -0.1 / w[j] + 0.1 * w[j]
  }
  value += scale - Math.log(scale) + 30 * noise - 0.1 * Math.log(noise)
  gradient[d] += scale - 1
  gradient[d + 1] += 30 * noise - 0.1
  return value
}

/** A posterior over functions: given observations, the mean and variance anywhere. */
export class GaussianProcess {
  readonly d: number
  n = 0
  readonly parameters: GpParameters
  readonly #kinds: AxisKinds
  readonly #capacity: number
  readonly #x: Float64Array
  readonly #y: Float64Array
  readonly #l: Float64Array
  readonly #alpha: Float64Array
  readonly #k: Float64Array
  readonly #slope: Float64Array
  readonly #beta: Float64Array

  /** @param capacity observations, later ones included. */
  constructor(parameters: GpParameters, kinds: AxisKinds, capacity: number) {
    this.parameters = parameters
    this.d = kinds.length
    this.#kinds = kinds
    this.#capacity = capacity
    this.#x = new Float64Array(capacity * this.d)
    this.#y = new Float64Array(capacity)
    this.#l = new Float64Array(capacity * capacity)
    this.#alpha = new Float64Array(capacity)
    this.#k = new Float64Array(capacity)
    this.#slope = new Float64Array(capacity)
    this.#beta = new Float64Array(capacity)
  }

  /** Adds observations; the factor grows by their rows. `x` shape [count * d], copied. */
  add(x: Float64Array, y: Float64Array, count: number): void {
    const { d } = this
    const from = this.n
    this.#x.set(x.subarray(0, count * d), from * d)
    this.#y.set(y.subarray(0, count), from)
    this.n += count
    for (let jitter = 0; ; jitter = Math.max(10 * jitter, 1e-8)) {
      for (let i = from; i < this.n; i++) {
        this.#covariances(this.#x, i * d, i, this.#l, i * this.#capacity)
        this.#l[i * this.#capacity + i] = this.parameters.scale * (1 + jitter) + this.parameters.noise
      }
      if (choleskyRows(this.#l, this.#capacity, from, this.n) || jitter > 1) break
    }
    this.#alpha.set(this.#y.subarray(0, this.n))
    const alpha = this.#alpha.subarray(0, this.n)
    solveLower(this.#l, this.#capacity, this.n, alpha)
    solveUpper(this.#l, this.#capacity, this.n, alpha)
  }

  /** Covariances of a point with the first `count` observations. */
  #covariances(points: Float64Array, at: number, count: number, out: Float64Array, offset: number): void {
    const { d } = this
    const { inverseSquares, scale } = this.parameters
    const x = this.#x
    for (let i = 0; i < count; i++) {
      let square = 0
      for (let j = 0, row = i * d; j < d; j++) {
        const a = points[at + j]
        const b = x[row + j]
        const difference = a - b
        square +=
          this.#kinds[j] === 'number' && difference === difference
            ? inverseSquares[j] * difference * difference
            : inverseSquares[j] * axisSquare(this.#kinds[j], a, b)
      }
      const root = SQRT5 * Math.sqrt(square)
      out[offset + i] = scale * (1 + root + (root * root) / 3) * Math.exp(-root)
    }
  }

  /** Mean at a point. O(n d). */
  mean(points: Float64Array, at: number): number {
    this.#covariances(points, at, this.n, this.#k, 0)
    let mean = 0
    for (let i = 0; i < this.n; i++) mean += this.#k[i] * this.#alpha[i]
    return mean
  }

  /**
   * Whitened covariances of a point: L^-1 k. Their square sum is what the observations take from its variance.
   *
   * @param out  holds the first `from` numbers already; the rest is filled. Room for `capacity`.
   * @param k    shape [capacity], the plain covariances; filled.
   */
  whiten(points: Float64Array, at: number, out: Float64Array, offset: number): number {
    this.#covariances(points, at, this.n, out, offset)
    let mean = 0
    for (let i = 0; i < this.n; i++) mean += out[offset + i] * this.#alpha[i]
    solveLower(this.#l, this.#capacity, this.n, out, 0, offset)
    return mean
  }

  /** Extends what {@link whiten} gave by the observations added since. */
  extend(points: Float64Array, at: number, out: Float64Array, offset: number, from: number): void {
    const { d } = this
    const { inverseSquares, scale } = this.parameters
    for (let i = from; i < this.n; i++) {
      let square = 0
      for (let j = 0; j < d; j++)
        square += inverseSquares[j] * axisSquare(this.#kinds[j], points[at + j], this.#x[i * d + j])
      const root = SQRT5 * Math.sqrt(square)
      out[offset + i] = scale * (1 + root + (root * root) / 3) * Math.exp(-root)
    }
    solveLower(this.#l, this.#capacity, this.n, out, from, offset)
  }

  /**
   * Mean and variance at a point, with their gradients by the numeric coordinates.
   *
   * @param gradients shape [2 * d], of the mean and of the variance; 0 for categories. Fully overwritten.
   */
  predict(point: Float64Array, gradients: Float64Array): { readonly mean: number; readonly variance: number } {
    const { d, n } = this
    const { inverseSquares, scale } = this.parameters
    const k = this.#k
    const slope = this.#slope
    for (let i = 0; i < n; i++) {
      let square = 0
      for (let j = 0; j < d; j++) square += inverseSquares[j] * axisSquare(this.#kinds[j], point[j], this.#x[i * d + j])
      const root = SQRT5 * Math.sqrt(square)
      const decay = scale * Math.exp(-root)
      k[i] = (1 + root + (root * root) / 3) * decay
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
      const a = this.#alpha[i] * slope[i]
      const b = -2 * beta[i] * slope[i]
      for (let j = 0; j < d; j++) {
        if (this.#kinds[j] !== 'number') continue
        const step = point[j] - this.#x[i * d + j]
        if (Number.isNaN(step)) continue
        gradients[j] += a * inverseSquares[j] * step
        gradients[d + j] += b * inverseSquares[j] * step
      }
    }
    return { mean, variance: Math.max(1e-12, scale - taken) }
  }
}

/**
 * How well a Gaussian process foretells observations it has not seen: 1 less the leave-one-out error over the variance.
 *
 * @param x shape [n * d]. Read only.
 * @param y shape [n], standardised. Read only.
 * @returns at most 1; 0 is as good as the mean, less is worse.
 * @see Rasmussen, Williams (2006), equation 5.12.
 */
export function leaveOneOutSkill(x: Float64Array, y: Float64Array, kinds: AxisKinds, parameters: GpParameters): number {
  const n = y.length
  const d = kinds.length
  const l = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let k = 0; k <= i; k++) {
      let square = 0
      for (let j = 0; j < d; j++)
        square += parameters.inverseSquares[j] * axisSquare(kinds[j], x[i * d + j], x[k * d + j])
      const root = SQRT5 * Math.sqrt(square)
      l[i * n + k] = parameters.scale * (1 + root + (root * root) / 3) * Math.exp(-root)
    }
    l[i * n + i] += parameters.noise
  }
  if (!choleskyRows(l, n, 0, n)) return 0
  const inverse = new Float64Array(n * n)
  inverseFromCholesky(l, n, inverse, new Float64Array(n * n))
  const alpha = y.slice()
  solveLower(l, n, n, alpha)
  solveUpper(l, n, n, alpha)
  let error = 0
  let variance = 0
  for (let i = 0; i < n; i++) {
    error += (alpha[i] / inverse[i * n + i]) ** 2
    variance += y[i] * y[i]
  }
  return variance > 0 ? 1 - error / variance : 0
}
