import {
  createRng,
  normalQuantile,
  type Params,
  type Rng,
  type SampleRequest,
  type Sampler,
  TradewrightError,
} from '@tradewright/core'
import { CmaEs } from './cma-es.ts'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { refuseUnknown } from './known-options.ts'
import { nonDominatedOrder } from './non-dominated-sort.ts'
import { type Axis, cellOf, Observations, snapUnit } from './observations.ts'

/** A trial of another study that a run starts from. */
export interface WarmStartTrial {
  readonly params: Params
  /** In the study's direction. */
  readonly value: number
}

/** Options of {@link cmaEsSampler}. */
export interface CmaEsOptions extends DuplicatesOption {
  /** Points of a population, >= 4. @default 4 + 3 ln(dimensions), rounded to a multiple of 8 */
  readonly population?: number | undefined
  /** First standard deviation as a part of each parameter's range. @default 1 / 6 */
  readonly sigma?: number | undefined
  /** What follows a run that has converged: larger populations, larger and smaller in turn, or the same again. @default 'bipop' */
  readonly restarts?: 'ipop' | 'bipop' | 'same' | undefined
  /** Trials of a similar study: the first run starts where they were good. */
  readonly warmStart?: readonly WarmStartTrial[] | undefined
}

declare module '@tradewright/core' {
  interface SamplerOptionsByName {
    'cma-es': CmaEsOptions
  }
}

const RESTART_STREAM = 2 ** 47
const BOUND_TRIES = 16
const WHERE_TRIES = 50
/** A run is over when every direction is narrower than this part of the range. */
const NARROW = 1e-7

/** Where the first run begins, in the unit cube; an internal way in for portfolios. */
export interface CmaEsBeginning {
  /** shape [dimensions], the mean; 0.5 where inactive. */
  readonly mean: Float64Array
  readonly sigma: number
}

interface Settings {
  readonly beginning?: CmaEsBeginning | undefined
  readonly population: number | undefined
  readonly sigma: number
  readonly restarts: 'ipop' | 'bipop' | 'same'
  readonly warmStart: readonly WarmStartTrial[]
}

/** Multiples of the generation size, so that a population is whole generations. */
const populationFor = (n: number): number => Math.max(1, Math.round((4 + 3 * Math.log(Math.max(1, n))) / 8)) * 8

class CmaEsState {
  readonly #settings: Settings
  readonly #observations = new Observations()
  #numeric: readonly number[] = []
  #categorical: readonly number[] = []
  #run: CmaEs | undefined
  /** Probabilities of the values of each categorical axis. */
  #probabilities: Float64Array[] = []
  #used = 0
  #restarts = 0
  #largeBudget = 0
  #smallBudget = 0
  #largeRuns = 0
  #runStart = 0
  #small = false
  #recent: number[] = []

  constructor(settings: Settings) {
    this.#settings = settings
  }

  sample(request: SampleRequest): readonly Params[] {
    const observations = this.#observations
    if (!observations.sync(request) || this.#run === undefined) this.#begin(request)
    this.#learn(request)
    return Array.from({ length: request.count }, (_, i) => this.#draw(request, request.rng(request.firstTrial + i)))
  }

  #begin(request: SampleRequest): void {
    const { axes } = this.#observations
    const axisNumbers = axes.map((_, a) => a).filter((a) => axes[a].count > 1)
    this.#numeric = axisNumbers.filter((a) => axes[a].kind !== 'categorical')
    this.#categorical = axisNumbers.filter((a) => axes[a].kind === 'categorical')
    this.#used = 0
    this.#restarts = 0
    this.#largeRuns = 0
    this.#largeBudget = 0
    this.#smallBudget = 0
    this.#small = false
    const n = this.#numeric.length
    const lambda = this.#settings.population ?? populationFor(n)
    const { beginning, sigma } = this.#settings
    if (beginning === undefined) this.#start(new Float64Array(n).fill(0.5), sigma, lambda)
    else {
      this.#start(
        Float64Array.from(this.#numeric, (a) => beginning.mean[a]),
        beginning.sigma,
        lambda,
      )
      this.#leanTowards(beginning.mean)
    }
    if (this.#settings.warmStart.length > 0) this.#warm(request, lambda)
  }

  #start(mean: Float64Array, sigma: number, lambda: number): void {
    const { axes } = this.#observations
    this.#run = new CmaEs({ mean, sigma, lambda })
    this.#probabilities = this.#categorical.map((a) => new Float64Array(axes[a].count).fill(1 / axes[a].count))
    this.#runStart = this.#used
    this.#recent = []
  }

  /** Half the mass of every category on the value of a point. */
  #leanTowards(unit: Float64Array): void {
    this.#categorical.forEach((a, i) => {
      const p = this.#probabilities[i]
      const hit = cellOf(this.#observations.axes[a], unit[a])
      for (let c = 0; c < p.length; c++) p[c] = 0.5 * p[c] + (c === hit ? 0.5 : 0)
    })
  }

  /** Mean and covariance of the best tenth of other trials (Nomura et al. 2021, alpha 0.1). */
  #warm({ space, directions }: SampleRequest, lambda: number): void {
    const sign = directions[0] === 'maximize' ? -1 : 1
    const good = this.#settings.warmStart
      .filter((t) => Number.isFinite(t.value) && space.contains(t.params))
      .sort((a, b) => sign * (a.value - b.value))
    if (good.length === 0) return
    const chosen = good.slice(0, Math.max(1, Math.ceil(good.length / 10))).map((t) => space.toUnit(t.params))
    const n = this.#numeric.length
    const mean = new Float64Array(n)
    for (const unit of chosen) for (let i = 0; i < n; i++) mean[i] += unit[this.#numeric[i]] / chosen.length
    const covariance = new Float64Array(n * n)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        let sum = i === j ? 0.01 : 0
        for (const unit of chosen)
          sum += ((unit[this.#numeric[i]] - mean[i]) * (unit[this.#numeric[j]] - mean[j])) / chosen.length
        covariance[i * n + j] = sum
      }
    let trace = 0
    for (let i = 0; i < n; i++) trace += covariance[i * n + i] / n
    this.#run = new CmaEs({ mean, sigma: Math.sqrt(trace), lambda, covariance: covariance.map((c) => c / trace) })
  }

  /** Learns from every whole population that is finished. */
  #learn({ seed }: SampleRequest): void {
    const observations = this.#observations
    for (;;) {
      const run = this.#run
      if (run === undefined || observations.count - this.#used < run.strategy.lambda) return
      const members = Array.from({ length: run.strategy.lambda }, (_, i) => this.#used + i)
      this.#used += members.length
      if (observations.best < 0) {
        // Nothing has succeeded yet, so there is nothing to learn but that it is not here.
        this.#elsewhere(run, seed)
        continue
      }
      this.#rank(members)
      this.#rankFailures(members)
      if (run.n > 0) {
        run.update(this.#populationOf(members))
        this.#keepMargins(run)
      }
      this.#learnCategories(members)
      this.#recent.push(observations.losses[members[0] * observations.objectives])
      if (this.#converged(run)) this.#restart(run, seed)
    }
  }

  #rank(members: number[]): void {
    const { objectives, losses, violations } = this.#observations
    if (objectives === 1) members.sort((a, b) => this.#observations.compare(a, b))
    else {
      const part = Float64Array.from(members.flatMap((m) => [...losses.subarray(m * objectives, (m + 1) * objectives)]))
      const order = nonDominatedOrder(
        part,
        Float64Array.from(members, (m) => violations[m]),
        members.length,
        objectives,
      )
      const old = [...members]
      order.forEach((from, to) => {
        members[to] = old[from]
      })
    }
  }

  /** Failures, which come last, by their distance from the best point known: a run that fails goes back towards it. */
  #rankFailures(members: number[]): void {
    const { failed, best, points, axes } = this.#observations
    const from = members.findIndex((row) => failed[row] === 1)
    if (from < 0) return
    const d = axes.length
    const distance = (row: number): number => {
      let sum = 0
      for (let a = 0; a < d; a++) {
        const step = points[row * d + a] - points[best * d + a]
        if (axes[a].kind === 'categorical') sum += step === 0 ? 0 : 1
        else sum += Number.isNaN(step) ? 0 : step * step
      }
      return sum
    }
    const ordered = members.splice(from).map((row) => ({ row, away: distance(row) }))
    ordered.sort((a, b) => a.away - b.away || a.row - b.row)
    for (const { row } of ordered) members.push(row)
  }

  #populationOf(members: readonly number[]): Float64Array {
    const { points, axes } = this.#observations
    const n = this.#numeric.length
    const population = new Float64Array(members.length * n)
    members.forEach((row, k) => {
      for (let i = 0; i < n; i++) population[k * n + i] = points[row * axes.length + this.#numeric[i]]
    })
    return population
  }

  /** Ordered axes: the neighbour of the mean's cell keeps a probability of at least 1 / (population * dimensions). */
  #keepMargins(run: CmaEs): void {
    const { axes } = this.#observations
    const far = -normalQuantile(1 / (run.strategy.lambda * Math.max(2, run.n)))
    for (let i = 0; i < run.n; i++) {
      const axis = axes[this.#numeric[i]]
      if (axis.kind !== 'ordered') continue
      const cell = cellOf(axis, run.mean[i])
      const left = cell === 0 ? Number.POSITIVE_INFINITY : run.mean[i] - axis.edges[cell]
      const right = cell === axis.count - 1 ? Number.POSITIVE_INFINITY : axis.edges[cell + 1] - run.mean[i]
      const nearest = Math.min(left, right)
      run.margin[i] = Math.max(1, nearest / (far * Math.max(1e-12, run.deviation(i))))
    }
  }

  #learnCategories(members: readonly number[]): void {
    const { axes, points } = this.#observations
    const weights = this.#run?.strategy.weights ?? new Float64Array(0)
    this.#categorical.forEach((a, i) => {
      const axis = axes[a]
      const p = this.#probabilities[i]
      const rate = CATEGORY_RATE
      const old = p.slice()
      members.forEach((row, k) => {
        const unit = points[row * axes.length + a]
        if (weights[k] <= 0 || Number.isNaN(unit)) return
        const hit = cellOf(axis, unit)
        for (let c = 0; c < axis.count; c++) p[c] += rate * weights[k] * ((c === hit ? 1 : 0) - old[c])
      })
      // The margin: no value dies out.
      const floor = 0.15 / axis.count
      let sum = 0
      for (let c = 0; c < axis.count; c++) sum += p[c] = Math.max(floor, p[c])
      for (let c = 0; c < axis.count; c++) p[c] /= sum
    })
  }

  #converged(run: CmaEs): boolean {
    if (run.n === 0) return false
    if (run.stalled(NARROW)) return true
    const window = 10 + Math.ceil((30 * run.n) / run.strategy.lambda)
    if (this.#recent.length < window) return false
    const last = this.#recent.slice(-window)
    const low = Math.min(...last)
    const high = Math.max(...last)
    return high - low <= 1e-12 * Math.max(1e-300, Math.abs(low), Math.abs(high))
  }

  /** The same run from a random place. */
  #elsewhere(run: CmaEs, seed: number): void {
    const rng = createRng(seed, RESTART_STREAM + ++this.#restarts)
    this.#start(
      Float64Array.from({ length: run.n }, () => rng.uniform()),
      this.#settings.sigma,
      run.strategy.lambda,
    )
  }

  /** The next run, elsewhere: BIPOP gives the same number of trials to large and to small populations. */
  #restart(run: CmaEs, seed: number): void {
    const spent = this.#used - this.#runStart
    const base = this.#settings.population ?? populationFor(run.n)
    const { restarts, sigma } = this.#settings
    if (this.#small) this.#smallBudget += spent
    else this.#largeBudget += spent
    this.#restarts++
    const rng = createRng(seed, RESTART_STREAM + this.#restarts)
    const mean = Float64Array.from({ length: run.n }, () => rng.uniform())
    this.#small = restarts === 'bipop' && this.#largeRuns > 0 && this.#smallBudget < this.#largeBudget
    if (restarts === 'same') this.#start(mean, sigma, base)
    else if (this.#small) this.#start(mean, sigma * 10 ** (-2 * rng.uniform()), base)
    else this.#start(mean, sigma, base * 2 ** ++this.#largeRuns)
  }

  #draw({ space }: SampleRequest, rng: Rng): Params {
    const { axes } = this.#observations
    const unit = new Float64Array(axes.length).fill(0.5)
    for (let i = 0; i < WHERE_TRIES; i++) {
      this.#drawNumbers(axes, unit, rng)
      this.#categorical.forEach((a, c) => {
        unit[a] = (pick(this.#probabilities[c], rng.uniform()) + 0.5) / axes[a].count
      })
      const params = space.fromUnit(unit)
      if (space.where === undefined || space.where(params)) return params
    }
    return space.sample(rng)
  }

  #drawNumbers(axes: readonly Axis[], unit: Float64Array, rng: Rng): void {
    const run = this.#run
    if (run === undefined || run.n === 0) return
    const x = new Float64Array(run.n)
    for (let i = 0; i < BOUND_TRIES; i++) {
      run.draw(rng, x)
      if (x.every((v) => v >= 0 && v <= 1)) break
    }
    for (let i = 0; i < run.n; i++)
      unit[this.#numeric[i]] = snapUnit(axes[this.#numeric[i]], Math.min(1, Math.max(0, x[i])))
  }
}

const CATEGORY_RATE = 0.3

function pick(probabilities: Float64Array, uniform: number): number {
  let rest = uniform
  for (let c = 0; c < probabilities.length - 1; c++) {
    rest -= probabilities[c]
    if (rest < 0) return c
  }
  return probabilities.length - 1
}

/**
 * CMA-ES: a normal distribution over all parameters that learns scale and correlations from ranks alone.
 *
 * Strong on continuous, ill-conditioned and rugged functions. Populations are read from the history in blocks, so points
 * that others asked (enqueued, another sampler's) are learned from as injected ones. Where it differs from the papers:
 * bounds are kept by drawing again, then clipping; the margin of ordered parameters scales their axis only and leaves
 * the mean; categorical parameters have probabilities of their own, moved by the same weights (as CatCMA, with a fixed
 * rate); a coordinate that is inactive in a trial leaves its row of the covariance as it was; failed
 * trials rank last, those nearest to the best point first, and where nothing has succeeded the run begins elsewhere.
 *
 * @throws TradewrightError `BAD_OPTION` for a population below 4 or a sigma that is not above 0.
 * @see Hansen (2016), arXiv 1604.00772; Hamano, Saito, Nomura, Shirakawa (2022), "CMA-ES with margin", GECCO; Auger,
 *   Hansen (2005), CEC (IPOP); Hansen (2009), GECCO (BIPOP); Nomura, Watanabe, Akimoto, Ozaki, Onishi (2021), AAAI (warm
 *   start); Hamano, Saito, Nomura, Uchida, Shirakawa (2024), "CatCMA", GECCO.
 */
export function cmaEsSampler(options: CmaEsOptions = {}): Sampler {
  refuseUnknown('cma-es', options, ['population', 'sigma', 'restarts', 'warmStart', 'duplicates'])
  const { population, sigma = 1 / 6, restarts = 'bipop', warmStart = [] } = options
  if (population !== undefined && !(Number.isInteger(population) && population >= 4))
    throw new TradewrightError('BAD_OPTION', `population must be an integer >= 4, was ${population}`, { population })
  if (!(sigma > 0 && sigma <= 10))
    throw new TradewrightError('BAD_OPTION', `sigma must be above 0, was ${sigma}`, { sigma })
  return unlessWanted(cmaEsFrom({ population, sigma, restarts, warmStart }), options)
}

/** A CMA-ES whose first run may begin at a point. */
export function cmaEsFrom(settings: Settings): Sampler {
  const state = new CmaEsState(settings)
  return {
    name: 'cma-es',
    flags: { generationSize: 8, multiObjective: true },
    sample: (request) => state.sample(request),
  }
}
