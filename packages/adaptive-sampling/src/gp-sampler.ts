import { type Params, type Rng, type SampleRequest, type Sampler, TradewrightError } from '@tradewright/core'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { FeasibilityModel } from './feasibility-model.ts'
import { GaussianProcess } from './gaussian-process.ts'
import { GpFits, gather, kindsOf } from './gp-fits.ts'
import type { GpParameters } from './gp-parameters.ts'
import { refuseUnknown } from './known-options.ts'
import { lbfgs } from './lbfgs.ts'
import { logExpectedImprovement, logH, logHSlope } from './log-expected-improvement.ts'
import { transformLosses } from './loss-transform.ts'
import { type Axis, cellOf, isActive, Observations, snapUnit } from './observations.ts'
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
const WIDE_CANDIDATES = 192
const NEAR_CANDIDATES = 128
const NEAR_CENTERS = 6
const CROSSED_CANDIDATES = 64
const CROSSED_PARENTS = 10
/** Points from which the mean is followed down axis by axis, values tried on each axis, and rounds. */
const SWEPT = 2
const SWEEP_VALUES = 24
const SWEEP_ROUNDS = 2
/** Part of the variance that is a sum of functions of one axis, from which on axes are swept. */
const SWEPT_FROM = 0.05
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

/** A box of the unit cube. */
interface Box {
  readonly low: Float64Array
  readonly high: Float64Array
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
    const candidates = this.#candidates(request, x, order, box, rng)
    const swept = this.#sweep(request, gp, x, order, box, rng)
    const all = new Float64Array(candidates.length + swept.length)
    all.set(candidates)
    all.set(swept, candidates.length)
    const count = all.length / d
    const search: Search = {
      gp,
      best: y[order[0]],
      box,
      points: all,
      count,
      means: new Float64Array(count),
      whitened: new Float64Array(count * capacity),
      taken: new Float64Array(count),
      success: new Float64Array(count),
      feasibility: observations.succeeded < observations.count ? new FeasibilityModel(observations, kinds) : undefined,
      capacity,
    }
    const gradients = new Float64Array(2 * d)
    const slope = new Float64Array(d)
    gp.whiten(all, count, search.whitened, search.means)
    for (let c = 0; c < count; c++) {
      search.taken[c] = squareSum(search.whitened, c * capacity, 0, gp.n)
      if (search.feasibility !== undefined)
        search.success[c] = search.feasibility.log(all.subarray(c * d, (c + 1) * d), gradients, slope)
    }
    return search
  }

  /** From good points down the mean, axis by axis: how additive functions are descended. */
  #sweep(
    { space }: SampleRequest,
    gp: GaussianProcess,
    x: Float64Array,
    order: Int32Array,
    box: Box,
    rng: Rng,
  ): Float64Array {
    const { axes } = this.#observations
    const d = axes.length
    if (gp.parameters.sumScale < SWEPT_FROM * gp.variance) return new Float64Array(0)
    const out: number[] = []
    const parents = new Set(axes.map(({ parent }) => parent))
    for (let s = 0; s < Math.min(SWEPT, order.length); s++) {
      const from = order[s === 0 ? 0 : rng.below(Math.min(CROSSED_PARENTS, order.length))]
      const point = x.slice(from * d, (from + 1) * d)
      for (let round = 0; round < SWEEP_ROUNDS; round++)
        for (let a = 0; a < d; a++) {
          // Other axes are active under other values of a parent: those are left to the candidates.
          if (Number.isNaN(point[a]) || axes[a].count === 1 || parents.has(a)) continue
          const values = this.#sweepValues(a, point[a], box, rng)
          const means = new Float64Array(values.length)
          gp.meansAlong(point, a, values, means)
          let least = 0
          for (let i = 1; i < values.length; i++) if (means[i] < means[least]) least = i
          const old = point[a]
          point[a] = values[least]
          if (space.where !== undefined && !space.where(space.fromUnit(point.map((u) => (Number.isNaN(u) ? 0.5 : u)))))
            point[a] = old
        }
      out.push(...point)
    }
    return Float64Array.from(out)
  }

  /** Where an axis is tried: where it stands, even steps over the box with a random offset, and near where it stands. */
  #sweepValues(a: number, current: number, box: Box, rng: Rng): Float64Array {
    const axis = this.#observations.axes[a]
    if (axis.kind === 'categorical' && axis.count <= SWEEP_VALUES) {
      const values = Float64Array.from({ length: axis.count + 1 }, (_, i) => (i - 0.5) / axis.count)
      values[0] = current
      return values
    }
    const values = new Float64Array(SWEEP_VALUES + 1)
    values[0] = current
    const width = box.high[a] - box.low[a]
    const even = (SWEEP_VALUES * 2) / 3
    const offset = rng.uniform()
    for (let i = 0; i < SWEEP_VALUES; i++) {
      const u =
        i < even
          ? box.low[a] + ((i + offset) / even) * width
          : current + 10 ** (-3 + 2 * rng.uniform()) * width * rng.normal()
      values[1 + i] = snapUnit(axis, Math.min(1, Math.max(0, u)))
    }
    return values
  }

  /** Points all over the box, points near the best ones at every scale, and crosses of good ones. */
  #candidates({ space }: SampleRequest, x: Float64Array, order: Int32Array, box: Box, rng: Rng): Float64Array {
    const { axes } = this.#observations
    const d = axes.length
    const out = new Float64Array((WIDE_CANDIDATES + NEAR_CANDIDATES + CROSSED_CANDIDATES) * d)
    const unit = new Float64Array(d)
    let kept = 0
    const keep = (): void => {
      for (let a = 0; a < d; a++) unit[a] = snapUnit(axes[a], unit[a])
      if (space.where !== undefined && !space.where(space.fromUnit(unit))) return
      for (let a = 0; a < d; a++) out[kept * d + a] = isActive(axes, a, unit) ? unit[a] : Number.NaN
      kept++
    }
    for (let c = 0; c < WIDE_CANDIDATES; c++) {
      for (let a = 0; a < d; a++) unit[a] = box.low[a] + rng.uniform() * (box.high[a] - box.low[a])
      keep()
    }
    for (let c = 0; c < NEAR_CANDIDATES; c++) {
      const center = order[c % Math.min(NEAR_CENTERS, order.length)] * d
      const scale = 10 ** (-3 + 2.5 * rng.uniform())
      for (let a = 0; a < d; a++) {
        const old = x[center + a]
        if (Number.isNaN(old)) unit[a] = rng.uniform()
        else if (axes[a].kind === 'categorical') unit[a] = rng.uniform() < 1.5 * scale ? rng.uniform() : old
        else unit[a] = Math.min(1, Math.max(0, old + scale * (box.high[a] - box.low[a]) * rng.normal()))
      }
      keep()
    }
    const parents = Math.min(CROSSED_PARENTS, order.length)
    for (let c = 0; c < CROSSED_CANDIDATES; c++) {
      const first = order[rng.below(parents)] * d
      const second = order[rng.below(parents)] * d
      for (let a = 0; a < d; a++) {
        const u = x[(rng.below(2) === 0 ? first : second) + a]
        unit[a] = Number.isNaN(u) ? rng.uniform() : u
      }
      keep()
    }
    return out.subarray(0, kept * d)
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

/** The trust region as a box: longer along axes on which the function changes slowly. Categorical axes are whole. */
function boxAround(axes: readonly Axis[], center: Float64Array, { inverseSquares }: GpParameters, length: number): Box {
  const d = axes.length
  const low = new Float64Array(d)
  const high = new Float64Array(d).fill(1)
  if (!Number.isFinite(length)) return { low, high }
  let logSum = 0
  let count = 0
  for (let a = 0; a < d; a++)
    if (axes[a].kind !== 'categorical') {
      logSum += -0.5 * Math.log(inverseSquares[a])
      count++
    }
  for (let a = 0; a < d; a++) {
    if (axes[a].kind === 'categorical' || Number.isNaN(center[a])) continue
    const weight = Math.exp(-0.5 * Math.log(inverseSquares[a]) - logSum / count)
    const half = 0.5 * length * Math.min(10, Math.max(0.1, weight))
    low[a] = Math.max(0, center[a] - half)
    high[a] = Math.min(1, center[a] + half)
    if (axes[a].kind === 'ordered') {
      // At least the neighbouring values.
      const cell = cellOf(axes[a], center[a])
      low[a] = Math.min(low[a], axes[a].edges[Math.max(0, cell - 1)])
      high[a] = Math.max(high[a], axes[a].edges[Math.min(axes[a].count, cell + 2)])
    }
  }
  return { low, high }
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
