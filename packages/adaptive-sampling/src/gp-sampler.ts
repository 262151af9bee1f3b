import { type Params, type SampleRequest, type Sampler, TradewrightError } from '@tradewright/core'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { FeasibilityModel } from './feasibility-model.ts'
import { GaussianProcess } from './gaussian-process.ts'
import { type Box, boxAround } from './gp-box.ts'
import { drawnCandidates, sweptCandidates } from './gp-candidates.ts'
import { GpFits, gather, kindsOf } from './gp-fits.ts'
import { refuseUnknown } from './known-options.ts'
import { lbfgs } from './lbfgs.ts'
import { logExpectedImprovement, logH, logHSlope } from './log-expected-improvement.ts'
import { transformLosses } from './loss-transform.ts'
import { Observations, snapUnit } from './observations.ts'
import { startupPoint } from './startup.ts'
import { trustRegion } from './trust-region.ts'

/** Options of {@link gpSampler}. */
export interface GpOptions extends DuplicatesOption {
  /** Trials before the first modelled one. @default 10 */
  readonly startup?: number | undefined
  /** Observations of the model at most: the best and the newest. Time grows with its square. @default 300 */
  readonly observations?: number | undefined
  /** Trust regions: never, always, or above 8 dimensions. @default 'auto' */
  readonly trustRegion?: 'auto' | boolean | undefined
}

declare module '@tradewright/core' {
  interface SamplerOptionsByName {
    gp: GpOptions
  }
}

const TRUST_REGION_ABOVE = 8
/** Successes before there is a model. */
const LEAST_SUCCESSES = 4
const REFINED = 2
const REFINE_EVALUATIONS = 16
const RESTART_STREAM = 2 ** 46

interface Settings {
  readonly startup: number
  readonly observations: number
  readonly trustRegion: 'auto' | boolean
}

/** What one generation's search works on. */
interface Search {
  readonly gp: GaussianProcess
  /** What must be improved on; falls with what is believed of the generation's earlier points. */
  best: number
  readonly box: Box
  /** shape [candidates * d], NaN where inactive */
  readonly points: Float64Array
  readonly count: number
  readonly means: Float64Array
  /** shape [candidates * capacity] */
  readonly whitened: Float64Array
  readonly taken: Float64Array
  /** shape [candidates], logarithm of the probability not to fail. */
  readonly success: Float64Array
  readonly feasibility: FeasibilityModel | undefined
  readonly capacity: number
}

class GpState {
  readonly #settings: Settings
  readonly #observations = new Observations()
  readonly #fits = new GpFits(this.#observations)

  constructor(settings: Settings) {
    this.#settings = settings
  }

  sample(request: SampleRequest): readonly Params[] {
    const { count, firstTrial } = request
    const observations = this.#observations
    if (!observations.sync(request)) this.#fits.clear()
    const startup = (): readonly Params[] =>
      Array.from({ length: count }, (_, i) => startupPoint(request, firstTrial + i))
    const { axes, succeeded } = observations
    if (observations.count < Math.max(2, this.#settings.startup) || succeeded < LEAST_SUCCESSES) return startup()
    const rows = observations.successes()
    const losses = Float64Array.from(rows, (row) => observations.losses[row])
    const numeric = axes.filter((axis) => axis.kind !== 'categorical').length
    const { trustRegion: wanted } = this.#settings
    const local = wanted === 'auto' ? numeric > TRUST_REGION_ABOVE : wanted
    const region = local ? trustRegion(losses, 2 * numeric, numeric) : { length: Number.POSITIVE_INFINITY, since: 0 }
    // A new region begins with a design of its own.
    if (succeeded - region.since < Math.max(LEAST_SUCCESSES, region.since > 0 ? 2 * numeric : 0))
      return Array.from({ length: count }, (_, i) => request.space.sample(request.rng(firstTrial + i + RESTART_STREAM)))
    return this.#batch(request, this.#prepare(request, this.#modelled(rows, region.since), region.length))
  }

  skill(request: SampleRequest, part: number): number {
    const observations = this.#observations
    if (!observations.sync(request)) this.#fits.clear()
    const { axes, losses, violations, points, succeeded } = observations
    if (succeeded < LEAST_SUCCESSES) return 0
    const rows = this.#modelled(observations.successes(), 0)
    const y = transformLosses(
      Float64Array.from(rows, (row) => losses[row]),
      Float64Array.from(rows, (row) => violations[row]),
    )
    const kinds = kindsOf(axes)
    const x = gather(points, axes.length, rows)
    const gp = new GaussianProcess(this.#fits.fit(x, y, kinds).parameters, kinds, rows.length)
    gp.add(x, y, rows.length)
    return gp.skill(part)
  }

  /** Observations of the model, in trial order: all since `since`, or the best and the newest half each. */
  #modelled(rows: Int32Array, since: number): Int32Array {
    const all = rows.subarray(since)
    const most = this.#settings.observations
    if (all.length <= most) return all
    const chosen = new Set<number>()
    for (const row of this.#observations.ranked()) if (row >= all[0] && chosen.size < most >> 1) chosen.add(row)
    for (let i = all.length - 1; chosen.size < most; i--) chosen.add(all[i])
    return Int32Array.from(chosen).sort()
  }

  #prepare(request: SampleRequest, rows: Int32Array, length: number): Search {
    const observations = this.#observations
    const { axes, points, losses, violations } = observations
    const d = axes.length
    const x = gather(points, d, rows)
    const y = transformLosses(
      Float64Array.from(rows, (row) => losses[row]),
      Float64Array.from(rows, (row) => violations[row]),
    )
    const kinds = kindsOf(axes)
    const order = Int32Array.from({ length: rows.length }, (_, i) => i).sort((a, b) => y[a] - y[b] || a - b)
    const { parameters } = this.#fits.fit(x, y, kinds)
    const gp = new GaussianProcess(parameters, kinds, rows.length + request.count)
    const capacity = gp.stride
    gp.add(x, y, rows.length)
    const center = x.slice(order[0] * d, (order[0] + 1) * d)
    const box = boxAround(axes, center, parameters, length)
    const rng = request.rng(request.firstTrial)
    const source = { space: request.space, axes, x, order, box, rng }
    const candidates = drawnCandidates(source)
    const swept = sweptCandidates(source, gp)
    const all = new Float64Array(candidates.length + swept.length)
    all.set(candidates)
    all.set(swept, candidates.length)
    const count = all.length / d
    const feasibility =
      observations.succeeded < observations.count ? new FeasibilityModel(observations, kinds) : undefined
    const search: Search = {
      gp,
      best: y[order[0]],
      box,
      points: all,
      count,
      means: new Float64Array(count),
      whitened: new Float64Array(count * capacity),
      taken: new Float64Array(count),
      success: feasibility?.logs(all, count) ?? new Float64Array(count),
      feasibility,
      capacity,
    }
    gp.whiten(all, count, search.whitened, search.means)
    for (let c = 0; c < count; c++) search.taken[c] = squareSum(search.whitened, c * capacity, 0, gp.n)
    return search
  }

  #batch(request: SampleRequest, search: Search): readonly Params[] {
    const { space, count, firstTrial, rng } = request
    const { axes } = this.#observations
    const d = axes.length
    const answers: Params[] = []
    const fantasy = new Float64Array(1)
    for (let i = 0; i < count; i++) {
      const point = this.#choose(request, search)
      if (point === undefined) {
        answers.push(space.sample(rng(firstTrial + i)))
        continue
      }
      answers.push(space.fromUnit(point.map((u) => (Number.isNaN(u) ? 0.5 : u))))
      if (i === count - 1) break
      // The kriging believer: the model takes its own mean for the result.
      fantasy[0] = search.gp.mean(point, 0)
      search.best = Math.min(search.best, fantasy[0])
      const from = search.gp.n
      search.gp.add(point, fantasy, 1)
      for (let c = 0; c < search.count; c++) {
        search.gp.extend(search.points, c * d, search.whitened, c * search.capacity, from)
        search.taken[c] += squareSum(search.whitened, c * search.capacity, from, search.gp.n)
      }
    }
    return answers
  }

  /** The point of largest log expected improvement: the best candidates, climbed from. */
  #choose({ space }: SampleRequest, search: Search): Float64Array | undefined {
    const { axes } = this.#observations
    const d = axes.length
    const { gp, best, points, count, means, taken, success } = search
    const values = new Float64Array(count)
    for (let c = 0; c < count; c++)
      values[c] =
        success[c] + logExpectedImprovement(means[c], Math.sqrt(Math.max(1e-12, gp.variance - taken[c])), best)
    const order = Int32Array.from({ length: count }, (_, c) => c).sort((a, b) => values[b] - values[a] || a - b)
    let chosen: Float64Array | undefined
    let value = Number.NEGATIVE_INFINITY
    for (const c of order.subarray(0, REFINED)) {
      const start = points.slice(c * d, (c + 1) * d)
      const [climbed, reached] = this.#climb(search, start, values[c])
      const allowed =
        space.where === undefined || space.where(space.fromUnit(climbed.map((u) => (Number.isNaN(u) ? 0.5 : u))))
      if (allowed && reached > value) {
        chosen = climbed
        value = reached
      } else if (values[c] > value) {
        chosen = start
        value = values[c]
      }
    }
    return chosen
  }

  #climb(search: Search, start: Float64Array, from: number): [Float64Array, number] {
    const { axes } = this.#observations
    const d = axes.length
    const { gp, best, box, feasibility } = search
    const free = axes
      .map((_, a) => a)
      .filter((a) => axes[a].kind !== 'categorical' && !Number.isNaN(start[a]) && axes[a].count > 1)
    if (free.length === 0) return [start, from]
    const point = start.slice()
    const gradients = new Float64Array(2 * d)
    const slopes = new Float64Array(d)
    const objective = (x: Float64Array, gradient: Float64Array): number => {
      free.forEach((a, i) => {
        point[a] = x[i]
      })
      const { mean, variance } = gp.predict(point, gradients)
      const sigma = Math.sqrt(variance)
      const z = (best - mean) / sigma
      const slope = logHSlope(z)
      free.forEach((a, i) => {
        const sigmaGradient = gradients[d + a] / (2 * sigma)
        gradient[i] = -((1 - slope * z) * sigmaGradient - slope * gradients[a]) / sigma
      })
      if (feasibility === undefined) return -(Math.log(sigma) + logH(z))
      const success = feasibility.log(point, gradients, slopes)
      free.forEach((a, i) => {
        gradient[i] -= slopes[a]
      })
      return -(Math.log(sigma) + logH(z) + success)
    }
    const x = Float64Array.from(free, (a) => start[a])
    const reached = -lbfgs(x, objective, {
      low: Float64Array.from(free, (a) => Math.min(start[a], box.low[a])),
      high: Float64Array.from(free, (a) => Math.max(start[a], box.high[a])),
      evaluations: REFINE_EVALUATIONS,
      tolerance: 1e-3,
      firstStep: 0.1,
    })
    const end = start.slice()
    free.forEach((a, i) => {
      end[a] = snapUnit(axes[a], x[i])
    })
    return [end, reached]
  }
}

function squareSum(values: Float64Array, offset: number, from: number, to: number): number {
  let sum = 0
  for (let i = offset + from; i < offset + to; i++) sum += values[i] * values[i]
  return sum
}

/**
 * Bayesian optimization with a Gaussian process: models the loss everywhere and asks where the expected improvement is
 * largest.
 *
 * Matern 5/2 kernel with a length for every axis (categories are 0 or 1 apart, inactive parameters as far as another
 * category) plus a sum of kernels of one axis each, maximum a posteriori fit, log expected improvement climbed with
 * gradients, generations by the kriging believer (what is believed must be improved on, too), trust regions above 8
 * numeric dimensions. Best for few, costly trials. Failed trials teach a model of the probability not to fail, by which
 * the improvement is multiplied. Where it differs from the papers: losses go through a shifted logarithm chosen by
 * likelihood (heavy-tailed objectives); fits begin where the fit of an earlier prefix of the history ended; the fit sees
 * at most 112 observations and the model `observations`, the best and the newest; improvement is sought with one region,
 * in blocks; where the sum matters, candidates also come from going down the mean axis by axis.
 *
 * @throws TradewrightError `BAD_OPTION` for counts below 2.
 * @see Jones, Schonlau, Welch (1998), J. Global Optim. 13; Snoek, Larochelle, Adams (2012), NeurIPS 25 (Matern, ARD);
 *   Ament et al. (2023), NeurIPS 36 (log EI); Ginsbourger et al. (2010) (believer); Eriksson et al. (2019), NeurIPS 32
 *   (TuRBO); Duvenaud et al. (2011), NeurIPS 24 (sums); Gelbart et al. (2014), UAI (failures); Hutter, Hoos, Leyton-Brown (2011), LION (categories, conditions).
 */
export function gpSampler(options: GpOptions = {}): Sampler {
  refuseUnknown('gp', options, ['startup', 'observations', 'trustRegion', 'duplicates'])
  const { startup = 10, observations = 300, trustRegion: region = 'auto' } = options
  for (const [name, value] of Object.entries({ startup, observations }))
    if (!Number.isInteger(value) || value < 2)
      throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= 2, was ${value}`, { [name]: value })
  return unlessWanted(gpFrom({ startup, observations, trustRegion: region }), options)
}

/** A Gaussian process that tells how able it is. */
export interface SkilledSampler extends Sampler {
  /**
   * How well it foretells the best `part` of the trials of this history from the others: at most 1, 0 is worthless.
   */
  skill(request: SampleRequest, part: number): number
}

/** The sampler of {@link gpSampler}, which may ask a point twice; an internal way in for portfolios. */
export function gpFrom(settings: Partial<Settings> = {}): SkilledSampler {
  const state = new GpState({ startup: 10, observations: 300, trustRegion: 'auto', ...settings })
  return {
    name: 'gp',
    flags: { generationSize: 4 },
    sample: (request) => state.sample(request),
    skill: (request, part) => state.skill(request, part),
  }
}
