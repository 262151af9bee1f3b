import {
  createRng,
  type Params,
  type Rng,
  type SampleRequest,
  type Sampler,
  type StudyView,
  TradewrightError,
} from '@tradewright/core'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { fitGp, GaussianProcess, type GpParameters, leaveOneOutSkill } from './gaussian-process.ts'
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
const FIT_POINTS = 112
/** Likelihoods to compute in a fit: fewer where each costs more. */
const fitEvaluations = (points: number): number => (points > 80 ? 14 : 24)
const WIDE_CANDIDATES = 192
const NEAR_CANDIDATES = 128
const NEAR_CENTERS = 6
const REFINED = 3
const REFINE_EVALUATIONS = 20
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
  readonly best: number
  readonly box: Box
  /** shape [candidates * d], NaN where inactive */
  readonly points: Float64Array
  readonly count: number
  readonly means: Float64Array
  /** shape [candidates * capacity] */
  readonly whitened: Float64Array
  readonly taken: Float64Array
  readonly capacity: number
}

class GpState {
  readonly #settings: Settings
  readonly #observations = new Observations()

  constructor(settings: Settings) {
    this.#settings = settings
  }

  sample(request: SampleRequest): readonly Params[] {
    const { count, firstTrial } = request
    const observations = this.#observations
    observations.sync(request)
    const startup = (): readonly Params[] =>
      Array.from({ length: count }, (_, i) => startupPoint(request, firstTrial + i))
    if (observations.count < Math.max(2, this.#settings.startup)) return startup()
    const losses = observations.losses.subarray(0, observations.count)
    const axes = observations.axes
    const numeric = axes.filter((axis) => axis.kind !== 'categorical').length
    const { trustRegion: wanted } = this.#settings
    const local = wanted === 'auto' ? numeric > TRUST_REGION_ABOVE : wanted
    const region = local ? trustRegion(losses, 2 * numeric, numeric) : { length: Number.POSITIVE_INFINITY, since: 0 }
    // A new region begins with a design of its own.
    if (observations.count - region.since < Math.max(this.#settings.startup, region.since > 0 ? 2 * numeric : 0))
      return Array.from({ length: count }, (_, i) => request.space.sample(request.rng(firstTrial + i + RESTART_STREAM)))
    const rows = this.#rows(region.since)
    const y = transformLosses(
      Float64Array.from(rows, (row) => observations.losses[row]),
      Float64Array.from(rows, (row) => observations.violations[row]),
    )
    const search = this.#prepare(request, rows, y, region.length)
    return this.#batch(request, search)
  }

  /** Observations of the model, in trial order: all since `since`, or the best and the newest half each. */
  #rows(since: number): Int32Array {
    const { count } = this.#observations
    const all = Int32Array.from({ length: count - since }, (_, i) => since + i)
    const most = this.#settings.observations
    if (all.length <= most) return all
    const chosen = new Set<number>()
    for (const row of this.#observations.ranked()) if (row >= since && chosen.size < most >> 1) chosen.add(row)
    for (let row = count - 1; chosen.size < most; row--) chosen.add(row)
    return Int32Array.from(chosen).sort()
  }

  #prepare(request: SampleRequest, rows: Int32Array, y: Float64Array, length: number): Search {
    const { axes, points } = this.#observations
    const d = axes.length
    const x = new Float64Array(rows.length * d)
    rows.forEach((row, i) => {
      x.set(points.subarray(row * d, (row + 1) * d), i * d)
    })
    const kinds = axes.map((axis) => (axis.kind === 'categorical' ? 'category' : 'number') as 'category' | 'number')
    const order = Int32Array.from({ length: rows.length }, (_, i) => i).sort((a, b) => y[a] - y[b] || a - b)
    const chosen = fitSubset(order)
    const parameters = fitGp(
      gather(x, d, chosen),
      Float64Array.from(chosen, (i) => y[i]),
      kinds,
      fitEvaluations(chosen.length),
    )
    const capacity = rows.length + request.count
    const gp = new GaussianProcess(parameters, kinds, capacity)
    gp.add(x, y, rows.length)
    const center = x.slice(order[0] * d, (order[0] + 1) * d)
    const box = boxAround(axes, center, parameters, length)
    const rng = request.rng(request.firstTrial)
    const candidates = this.#candidates(request, x, order, box, rng)
    const count = candidates.length / d
    const search: Search = {
      gp,
      best: y[order[0]],
      box,
      points: candidates,
      count,
      means: new Float64Array(count),
      whitened: new Float64Array(count * capacity),
      taken: new Float64Array(count),
      capacity,
    }
    for (let c = 0; c < count; c++) {
      search.means[c] = gp.whiten(candidates, c * d, search.whitened, c * capacity)
      search.taken[c] = squareSum(search.whitened, c * capacity, 0, gp.n)
    }
    return search
  }

  /** Points all over the box, and points near the best ones at every scale. */
  #candidates({ space }: SampleRequest, x: Float64Array, order: Int32Array, box: Box, rng: Rng): Float64Array {
    const { axes } = this.#observations
    const d = axes.length
    const out = new Float64Array((WIDE_CANDIDATES + NEAR_CANDIDATES) * d)
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
    const { gp, best, points, count, means, taken } = search
    const values = new Float64Array(count)
    for (let c = 0; c < count; c++)
      values[c] = logExpectedImprovement(means[c], Math.sqrt(Math.max(1e-12, gp.parameters.scale - taken[c])), best)
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
    const { gp, best, box } = search
    const free = axes
      .map((_, a) => a)
      .filter((a) => axes[a].kind !== 'categorical' && !Number.isNaN(start[a]) && axes[a].count > 1)
    if (free.length === 0) return [start, from]
    const point = start.slice()
    const gradients = new Float64Array(2 * d)
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
      return -(Math.log(sigma) + logH(z))
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

/** The largest expected improvement that a Gaussian process sees, in units of the first objective. */
export function expectedImprovementOf({ space, trials, directions, seed }: StudyView): number {
  const observations = new Observations()
  const request = { space, count: 1, firstTrial: trials.length, history: trials, directions, seed }
  observations.sync({ ...request, rng: (trial) => createRng(seed, trial) })
  const { count, axes, points, losses } = observations
  if (count < 2) return Number.POSITIVE_INFINITY
  const d = axes.length
  const kinds = axes.map((axis) => (axis.kind === 'categorical' ? 'category' : 'number') as 'category' | 'number')
  const chosen = fitSubset(observations.ranked())
  const values = Float64Array.from(chosen, (row) => losses[row * directions.length])
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)
  if (!(deviation > 0) || !Number.isFinite(deviation)) return deviation === 0 ? 0 : Number.POSITIVE_INFINITY
  const y = values.map((v) => (v - mean) / deviation)
  const x = gather(points, d, chosen)
  const gp = new GaussianProcess(fitGp(x, y, kinds, 24), kinds, chosen.length)
  gp.add(x, y, chosen.length)
  const best = y.reduce((a, b) => Math.min(a, b))
  const rng = createRng(seed, RESTART_STREAM - 1)
  const center = observations.copyPoint(observations.ranked()[0])
  const gradients = new Float64Array(2 * d)
  let most = Number.NEGATIVE_INFINITY
  for (let c = 0; c < 400; c++) {
    const near = c % 2 === 0 ? undefined : 10 ** (-3 * rng.uniform())
    const unit = space.toUnit(
      space.fromUnit(center.map((u) => (near === undefined ? rng.uniform() : u + near * 0.3 * rng.normal()))),
    )
    const at = unit.map((u, a) => (isActive(axes, a, unit) ? u : Number.NaN))
    const { mean: mu, variance } = gp.predict(at, gradients)
    most = Math.max(most, logExpectedImprovement(mu, Math.sqrt(variance), best))
  }
  return deviation * Math.exp(most)
}

/** How well a Gaussian process foretells trials of this history that it has not seen: at most 1, 0 is worthless. */
export function gpSkill(request: SampleRequest): number {
  const observations = new Observations()
  observations.sync(request)
  const { count, axes, losses, violations, points } = observations
  if (count < 4) return 0
  const kinds = axes.map((axis) => (axis.kind === 'categorical' ? 'category' : 'number') as 'category' | 'number')
  const y = transformLosses(losses.slice(0, count), violations.slice(0, count))
  const x = points.slice(0, count * axes.length)
  return leaveOneOutSkill(x, y, kinds, fitGp(x, y, kinds, fitEvaluations(count)))
}

/** The best, the newest and some of the rest: what the hyperparameters are fitted to. */
function fitSubset(order: Int32Array): Int32Array {
  const n = order.length
  if (n <= FIT_POINTS) return Int32Array.from({ length: n }, (_, i) => i)
  const chosen = new Set<number>()
  for (let i = 0; i < FIT_POINTS * 0.4; i++) chosen.add(order[i])
  for (let i = n - 1; chosen.size < FIT_POINTS * 0.7; i--) chosen.add(i)
  for (let i = 0; i < n && chosen.size < FIT_POINTS; i++) chosen.add(Math.floor(((i * 0.618034) % 1) * n))
  return Int32Array.from(chosen).sort()
}

function gather(x: Float64Array, d: number, rows: Int32Array): Float64Array {
  const out = new Float64Array(rows.length * d)
  rows.forEach((row, i) => {
    out.set(x.subarray(row * d, (row + 1) * d), i * d)
  })
  return out
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
 * category), maximum a posteriori fit, log expected improvement climbed with gradients, generations by the kriging
 * believer, trust regions above 8 numeric dimensions. Best for few, costly trials. Where it differs from the papers:
 * losses go through a shifted logarithm chosen by likelihood (heavy-tailed objectives); the fit sees at most 112
 * observations and the model `observations`, the best and the newest; improvement is sought with one region, in blocks.
 *
 * @throws TradewrightError `BAD_OPTION` for counts below 2.
 * @see Jones, Schonlau, Welch (1998), J. Global Optim. 13; Snoek, Larochelle, Adams (2012), NeurIPS 25 (Matern, ARD);
 *   Ament et al. (2023), NeurIPS 36 (log EI); Ginsbourger et al. (2010) (believer); Eriksson et al. (2019), NeurIPS 32
 *   (TuRBO); Hutter, Hoos, Leyton-Brown (2011), LION (categories, conditions).
 */
export function gpSampler(options: GpOptions = {}): Sampler {
  const { startup = 10, observations = 300, trustRegion: region = 'auto' } = options
  for (const [name, value] of Object.entries({ startup, observations }))
    if (!Number.isInteger(value) || value < 2)
      throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= 2, was ${value}`, { [name]: value })
  const state = new GpState({ startup, observations, trustRegion: region })
  return unlessWanted({ name: 'gp', flags: { generationSize: 4 }, sample: (request) => state.sample(request) }, options)
}
