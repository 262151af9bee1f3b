import { normalCdf, normalPdf } from '@tradewright/core'
import { GaussianProcess } from './gaussian-process.ts'
import { firstTheta, fitGp } from './gp-fit.ts'
import { gather } from './gp-fits.ts'
import type { AxisKinds } from './gp-parameters.ts'
import type { Observations } from './observations.ts'

/** Trials it learns from, at most: the newest, and some of the older ones. */
const POINTS = 160
const NEWEST = 100
const EVALUATIONS = 16
/** The newest trials: the more of them failed, the more a probability counts. */
const RECENT = 16
const MOST_WEIGHT = 16

/**
 * The probability that a trial does not fail: a Gaussian process over 0 and 1.
 *
 * @see Rasmussen, Williams (2006), section 6.5 (least-squares classification); Gelbart, Snoek, Adams (2014), "Bayesian
 *   optimization with unknown constraints", UAI (the product with the expected improvement).
 */
export class FeasibilityModel {
  readonly #gp: GaussianProcess
  readonly #threshold: number
  readonly #weight: number

  /** @param kinds of the axes of the observations, of which some must have failed and some not. */
  constructor(observations: Observations, kinds: AxisKinds) {
    const { count, points, failed } = observations
    const rows = newestAndSome(count)
    const labels = Float64Array.from(rows, (row) => 1 - failed[row])
    const mean = labels.reduce((a, b) => a + b, 0) / labels.length
    const deviation = Math.max(1e-3, Math.sqrt(mean * (1 - mean)))
    const y = labels.map((v) => (v - mean) / deviation)
    const x = gather(points, kinds.length, rows)
    const { parameters } = fitGp(x, y, kinds, { evaluations: EVALUATIONS, from: firstTheta(kinds.length) })
    this.#gp = new GaussianProcess(parameters, kinds, rows.length)
    this.#gp.add(x, y, rows.length)
    this.#threshold = (0.5 - mean) / deviation
    let lost = 0
    for (let i = Math.max(0, count - RECENT); i < count; i++) lost += failed[i] / Math.min(RECENT, count)
    this.#weight = Math.min(MOST_WEIGHT, 1 / Math.max(1e-3, 1 - lost) ** 2)
  }

  /**
   * {@link FeasibilityModel.log} of many points, without gradients.
   *
   * @param points shape [count * d]. Read only.
   */
  logs(points: Float64Array, count: number): Float64Array {
    const gp = this.#gp
    const whitened = new Float64Array(count * gp.stride)
    const means = new Float64Array(count)
    gp.whiten(points, count, whitened, means)
    return means.map((mean, c) => {
      let taken = 0
      for (let i = c * gp.stride; i < c * gp.stride + gp.n; i++) taken += whitened[i] * whitened[i]
      const spread = Math.sqrt(Math.max(1e-12, gp.variance - taken) + gp.parameters.noise)
      return this.#weight * Math.log(normalCdf(Math.max(-30, (mean - this.#threshold) / spread)))
    })
  }

  /**
   * Logarithm of the probability of success, weighted: a search along the border of what fails, where the objective is
   * often best, keeps its distance once most of its trials fail.
   *
   * @param gradients shape [2 * d], scratch; overwritten.
   * @param slope     shape [d], gradient by the numeric coordinates; overwritten.
   */
  log(point: Float64Array, gradients: Float64Array, slope: Float64Array): number {
    const { mean, variance } = this.#gp.predict(point, gradients)
    const spread = Math.sqrt(variance + this.#gp.parameters.noise)
    const z = Math.max(-30, (mean - this.#threshold) / spread)
    const p = normalCdf(z)
    const d = slope.length
    const factor = z === -30 ? 0 : normalPdf(z) / p / spread
    for (let j = 0; j < d; j++)
      slope[j] = this.#weight * factor * (gradients[j] - (0.5 * z * gradients[d + j]) / spread)
    return this.#weight * Math.log(p)
  }
}

function newestAndSome(count: number): Int32Array {
  if (count <= POINTS) return Int32Array.from({ length: count }, (_, i) => i)
  const chosen = new Set<number>()
  for (let i = count - 1; chosen.size < NEWEST; i--) chosen.add(i)
  for (let i = 0; chosen.size < POINTS; i++) chosen.add(Math.floor(((i * 0.618034) % 1) * count))
  return Int32Array.from(chosen).sort()
}
