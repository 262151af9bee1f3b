import type { Rng } from '@tradewright/core'
import { symmetricEigen } from './symmetric-eigen.ts'

/** Strategy parameters of one population size. */
interface Strategy {
  readonly lambda: number
  /** shape [lambda], best first; positive ones sum to 1, negative ones punish the worst. */
  readonly weights: Float64Array
  readonly mu: number
  readonly muEff: number
  readonly cSigma: number
  readonly dSigma: number
  readonly cc: number
  readonly c1: number
  readonly cMu: number
  readonly chi: number
}

/** The default parameters of Hansen (2016), table 1, for `n` dimensions. */
export function cmaStrategy(n: number, lambda: number): Strategy {
  const raw = Float64Array.from({ length: lambda }, (_, i) => Math.log((lambda + 1) / 2) - Math.log(i + 1))
  const mu = lambda >> 1
  const sum = (from: number, to: number, power: number): number => {
    let s = 0
    for (let i = from; i < to; i++) s += raw[i] ** power
    return s
  }
  const muEff = sum(0, mu, 1) ** 2 / sum(0, mu, 2)
  const muEffBad = sum(mu, lambda, 1) ** 2 / Math.max(1e-12, sum(mu, lambda, 2))
  const c1 = 2 / ((n + 1.3) ** 2 + muEff)
  const cMu = Math.min(1 - c1, (2 * (0.25 + muEff - 2 + 1 / muEff)) / ((n + 2) ** 2 + muEff))
  const alpha = Math.min(
    1 + c1 / Math.max(cMu, 1e-12),
    1 + (2 * muEffBad) / (muEff + 2),
    (1 - c1 - cMu) / (n * Math.max(cMu, 1e-12)),
  )
  const good = sum(0, mu, 1)
  const bad = -raw.reduce((s, w) => s + Math.min(0, w), 0)
  const weights = raw.map((w) => (w >= 0 ? w / good : (alpha * w) / bad))
  const cSigma = (muEff + 2) / (n + muEff + 5)
  return {
    lambda,
    weights,
    mu,
    muEff,
    cSigma,
    dSigma: 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + cSigma,
    cc: (4 + muEff / n) / (n + 4 + (2 * muEff) / n),
    c1,
    cMu,
    chi: Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)),
  }
}

/** How a run of {@link CmaEs} begins. */
export interface CmaStart {
  /** shape [n]; copied. */
  readonly mean: Float64Array
  readonly sigma: number
  readonly lambda: number
  /** shape [n * n], the first covariance; the identity where absent. Copied. */
  readonly covariance?: Float64Array | undefined
}

/**
 * Covariance matrix adaptation, one run: a normal distribution that moves and turns towards good points.
 *
 * @see Hansen (2016), "The CMA evolution strategy: a tutorial", arXiv 1604.00772 (active update, table 1); Hansen (2011),
 *   "Injecting external solutions into CMA-ES", arXiv 1110.4181 (length limit of points that others drew).
 */
export class CmaEs {
  readonly n: number
  readonly strategy: Strategy
  readonly mean: Float64Array
  sigma: number
  generations = 0
  /** shape [n], factors that keep discrete axes from freezing. */
  readonly margin: Float64Array
  readonly #covariance: Float64Array
  readonly #values: Float64Array
  readonly #vectors: Float64Array
  readonly #pathSigma: Float64Array
  readonly #pathC: Float64Array
  readonly #z: Float64Array
  readonly #startSigma: number

  constructor({ mean, sigma, lambda, covariance }: CmaStart) {
    const n = mean.length
    this.n = n
    this.strategy = cmaStrategy(n, lambda)
    this.mean = mean.slice()
    this.sigma = sigma
    this.#startSigma = sigma
    this.margin = new Float64Array(n).fill(1)
    this.#covariance = new Float64Array(n * n)
    this.#values = new Float64Array(n).fill(1)
    this.#vectors = new Float64Array(n * n)
    for (let i = 0; i < n; i++) {
      this.#covariance[i * n + i] = 1
      this.#vectors[i * n + i] = 1
    }
    if (covariance !== undefined) {
      this.#covariance.set(covariance)
      this.#decompose(false)
    }
    this.#pathSigma = new Float64Array(n)
    this.#pathC = new Float64Array(n)
    this.#z = new Float64Array(n)
  }

  /** Standard deviation along one axis, without the margin. */
  deviation(axis: number): number {
    return this.sigma * Math.sqrt(this.#covariance[axis * this.n + axis])
  }

  /** The largest standard deviation in any direction. */
  get largestDeviation(): number {
    return this.sigma * Math.sqrt(this.#values.reduce((a, b) => Math.max(a, b), 0))
  }

  /** Whether the run can do no more: too narrow, too wide, or too badly conditioned. */
  stalled(smallest: number): boolean {
    const most = this.#values.reduce((a, b) => Math.max(a, b), 0)
    const least = this.#values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
    return !(this.sigma * Math.sqrt(most) > smallest && most < 1e14 * least && this.sigma < 1e4 * this.#startSigma)
  }

  /** One draw, not yet bounded. `out` shape [n]. */
  draw(rng: Rng, out: Float64Array): void {
    const { n, sigma, margin } = this
    for (let j = 0; j < n; j++) this.#z[j] = rng.normal() * Math.sqrt(Math.max(0, this.#values[j]))
    for (let i = 0; i < n; i++) {
      let y = 0
      for (let j = 0; j < n; j++) y += this.#vectors[i * n + j] * this.#z[j]
      out[i] = this.mean[i] + sigma * margin[i] * y
    }
  }

  /**
   * Learns from a population.
   *
   * @param points  shape [lambda * n], best first; NaN where a coordinate took no part. Read only.
   */
  update(points: Float64Array): void {
    const { n, strategy, sigma, mean } = this
    const { lambda, weights, mu, muEff, cSigma, dSigma, cc, c1, cMu, chi } = strategy
    const steps = this.#steps(points)
    const shift = new Float64Array(n)
    for (let k = 0; k < mu; k++)
      for (let i = 0; i < n; i++) if (!Number.isNaN(steps[k * n + i])) shift[i] += weights[k] * steps[k * n + i]
    for (let i = 0; i < n; i++) mean[i] = Math.min(1, Math.max(0, mean[i] + sigma * shift[i]))
    const white = this.#whiten(shift, 0)
    this.generations++
    let length = 0
    for (let i = 0; i < n; i++) {
      this.#pathSigma[i] = (1 - cSigma) * this.#pathSigma[i] + Math.sqrt(cSigma * (2 - cSigma) * muEff) * white[i]
      length += this.#pathSigma[i] ** 2
    }
    length = Math.sqrt(length)
    const settled = Math.sqrt(1 - (1 - cSigma) ** (2 * this.generations))
    const h = length / settled < (1.4 + 2 / (n + 1)) * chi ? 1 : 0
    for (let i = 0; i < n; i++)
      this.#pathC[i] = (1 - cc) * this.#pathC[i] + h * Math.sqrt(cc * (2 - cc) * muEff) * shift[i]
    this.#adaptCovariance(steps, lambda, weights, c1, cMu, (1 - h) * cc * (2 - cc))
    this.sigma = sigma * Math.exp(Math.min(1, (cSigma / dSigma) * (length / chi - 1)))
    this.#decompose(true)
  }

  /** Points as steps from the mean in units of sigma, none longer than a draw of the distribution would be. */
  #steps(points: Float64Array): Float64Array {
    const { n, strategy, sigma, mean, margin } = this
    const steps = new Float64Array(strategy.lambda * n)
    const longest = Math.sqrt(n) + (2 * n) / (n + 2)
    for (let k = 0; k < strategy.lambda; k++) {
      for (let i = 0; i < n; i++) steps[k * n + i] = (points[k * n + i] - mean[i]) / (sigma * margin[i])
      let square = 0
      for (const z of this.#whiten(steps, k * n)) square += z * z
      const length = Math.sqrt(square)
      if (length > longest) for (let i = 0; i < n; i++) steps[k * n + i] *= longest / length
    }
    return steps
  }

  /** C^(-1/2) times a step; NaN counts as 0. */
  #whiten(step: Float64Array, offset: number): Float64Array {
    const { n } = this
    const out = new Float64Array(n)
    for (let j = 0; j < n; j++) {
      let projection = 0
      for (let i = 0; i < n; i++) {
        const y = step[offset + i]
        if (!Number.isNaN(y)) projection += this.#vectors[i * n + j] * y
      }
      projection /= Math.sqrt(Math.max(1e-300, this.#values[j]))
      for (let i = 0; i < n; i++) out[i] += this.#vectors[i * n + j] * projection
    }
    return out
  }

  #adaptCovariance(
    steps: Float64Array,
    lambda: number,
    weights: Float64Array,
    c1: number,
    cMu: number,
    lost: number,
  ): void {
    const { n } = this
    const c = this.#covariance
    let total = 0
    const scaled = new Float64Array(lambda)
    for (let k = 0; k < lambda; k++) {
      total += weights[k]
      scaled[k] = weights[k]
      if (weights[k] >= 0) continue
      // A bad step is shortened to the length that keeps the matrix positive.
      let square = 0
      for (const z of this.#whiten(steps, k * n)) square += z * z
      scaled[k] *= n / Math.max(1e-12, square)
    }
    const keep = 1 + c1 * lost - c1 - cMu * total
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) {
        const old = c[i * n + j]
        let sum = 0
        for (let k = 0; k < lambda; k++) {
          const product = steps[k * n + i] * steps[k * n + j]
          // A coordinate that took no part says nothing: its entry stays.
          sum += Number.isNaN(product) ? weights[k] * old : scaled[k] * product
        }
        const value = keep * old + c1 * this.#pathC[i] * this.#pathC[j] + cMu * sum
        c[i * n + j] = value
        c[j * n + i] = value
      }
  }

  #decompose(warm: boolean): void {
    symmetricEigen(this.#covariance, this.n, this.#values, this.#vectors, warm)
    for (let j = 0; j < this.n; j++) this.#values[j] = Math.max(1e-20, this.#values[j])
  }
}
