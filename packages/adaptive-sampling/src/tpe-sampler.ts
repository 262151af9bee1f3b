import { type Params, type Rng, type SampleRequest, type Sampler, TradewrightError } from '@tradewright/core'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { refuseUnknown } from './known-options.ts'
import { DominationCounts } from './non-dominated-sort.ts'
import { isActive, Observations } from './observations.ts'
import { type ParzenGroup, parzenGroups } from './parzen-group.ts'
import { startupPoint } from './startup.ts'

/** Options of {@link tpeSampler}. */
export interface TpeOptions extends DuplicatesOption {
  /** Trials before the first modelled one. @default 10 */
  readonly startup?: number | undefined
  /** Candidates drawn from the good mixture, of which the best is asked. @default 32 */
  readonly candidates?: number | undefined
  /** Product kernels over all parameters of a group; false models every parameter by itself. @default true */
  readonly multivariate?: boolean | undefined
  /** Weight of the prior kernel beside the observations'. @default 1 */
  readonly priorWeight?: number | undefined
}

declare module '@tradewright/core' {
  interface SamplerOptionsByName {
    tpe: TpeOptions
  }
}

const MAX_GOOD = 25
const GOOD_PART = 0.1
/** No good observation counts less than this, where the mean is 1. */
const LEAST_WEIGHT = 1e-3
const WHERE_TRIES = 24

/** What is left of an old observation's weight: the newest 25 count fully. */
function ageWeight(index: number, count: number): number {
  const ramp = count - MAX_GOOD
  if (count < MAX_GOOD || index >= ramp) return 1
  return ramp === 1 ? 1 / count : 1 / count + ((1 - 1 / count) * index) / (ramp - 1)
}

type TpeSettings = { readonly [K in 'startup' | 'candidates' | 'priorWeight']: number } & {
  readonly multivariate: boolean
}

/** 1 for the first `goods` of `order`, 0 for all others. */
function equalWeights(order: Int32Array, goods: number): Float64Array {
  const weights = new Float64Array(order.length)
  for (const index of order.subarray(0, goods)) weights[index] = 1
  return weights
}

class Tpe {
  readonly #observations = new Observations()
  readonly #options: TpeSettings
  #groups: readonly ParzenGroup[] = []
  #dominated = new DominationCounts()
  #points = new Float64Array(0)
  #good = new Float64Array(0)
  #bad = new Float64Array(0)

  constructor(options: TpeSettings) {
    this.#options = options
  }

  sample(request: SampleRequest): readonly Params[] {
    const { count, firstTrial, rng } = request
    const observations = this.#observations
    if (!observations.sync(request)) {
      this.#groups = parzenGroups(observations, this.#options.multivariate)
      this.#dominated = new DominationCounts()
    }
    if (observations.count < this.#options.startup)
      return Array.from({ length: count }, (_, i) => startupPoint(request, firstTrial + i))
    this.#split()
    return Array.from({ length: count }, (_, i) => this.#next(request, rng(firstTrial + i)))
  }

  /** Splits the observations into good and bad, and models both. */
  #split(): void {
    const { count, succeeded, losses, violations, objectives, pruned } = this.#observations
    let order: Int32Array
    if (objectives > 1) {
      this.#dominated.update(losses, violations, count, objectives)
      order = this.#dominated.order(losses, objectives)
    } else {
      order = this.#observations.ranked()
      // Pruned trials come after all that ended: their values are those of an earlier step.
      if (pruned.subarray(0, count).includes(1))
        order = Int32Array.from(order).sort((a, b) =>
          violations[a] === violations[b] ? pruned[a] - pruned[b] : violations[a] < violations[b] ? -1 : 1,
        )
    }
    const most = objectives > 1 ? Number.POSITIVE_INFINITY : MAX_GOOD
    // Failures are bad, however few succeeded.
    const goods = Math.min(Math.ceil(GOOD_PART * count), most, succeeded)
    const good = objectives > 1 ? equalWeights(order, goods) : this.#improvements(order, goods)
    for (const group of this.#groups) group.fit(good, this.#options.priorWeight, ageWeight)
  }

  /**
   * Weights of the first `goods` of `order`, 0 for all others: how much better each is than the first that is not good,
   * in units of their mean.
   */
  #improvements(order: Int32Array, goods: number): Float64Array {
    const { losses, violations, pruned } = this.#observations
    const weights = equalWeights(order, goods)
    const edge = losses[order[Math.min(goods, order.length - 1)]]
    let sum = 0
    for (const index of order.subarray(0, goods)) {
      if (violations[index] > 0 || pruned[index] === 1) return weights
      sum += edge - losses[index]
    }
    if (sum > 0 && Number.isFinite(sum))
      for (const index of order.subarray(0, goods))
        weights[index] = Math.max(LEAST_WEIGHT, ((edge - losses[index]) / sum) * goods)
    return weights
  }

  #next(request: SampleRequest, rng: Rng): Params {
    const { space } = request
    const { axes } = this.#observations
    const unit = new Float64Array(axes.length)
    for (let attempt = 0; attempt < WHERE_TRIES; attempt++) {
      unit.fill(0.5)
      for (const group of this.#groups) if (isActive(axes, group.members[0], unit)) this.#chooseGroup(group, unit, rng)
      const params = space.fromUnit(unit)
      if (space.where !== undefined && !space.where(params)) continue
      // The constant liar: until it is told, a trial counts as bad, so that the next one goes elsewhere.
      for (const group of this.#groups) if (isActive(axes, group.members[0], unit)) group.lie(unit)
      return params
    }
    return space.sample(rng)
  }

  /** The candidate with the best ratio of densities, into its places of `unit`. */
  #chooseGroup(group: ParzenGroup, unit: Float64Array, rng: Rng): void {
    const { candidates } = this.#options
    const m = group.members.length
    if (this.#points.length < candidates * m) {
      this.#points = new Float64Array(candidates * m)
      this.#good = new Float64Array(candidates)
      this.#bad = new Float64Array(candidates)
    }
    for (let c = 0; c < candidates; c++) group.good.sample(rng, this.#points, c * m)
    group.good.logDensities(this.#points, candidates, this.#good)
    group.bad.logDensities(this.#points, candidates, this.#bad)
    let best = 0
    for (let c = 1; c < candidates; c++) if (this.#good[c] - this.#bad[c] > this.#good[best] - this.#bad[best]) best = c
    for (let i = 0; i < m; i++) unit[group.members[i]] = this.#points[best * m + i]
  }
}

/**
 * The tree-structured Parzen estimator: models the density of good and of bad parameters, and asks where their ratio is
 * largest.
 *
 * As Optuna 5: the best tenth (at most 25) is good, kernels are products of truncated normals with the larger distance
 * to a neighbour as bandwidth. Where it differs: a good trial weighs as much as it is better than the best of the bad
 * ones; bandwidths of the good ones may fall to (n + 2)^-(1 + 2 / d) of the range in d dimensions (at most the power 1.5)
 * instead of 1 / (n + 2), so that few parameters are found to more digits; 32 candidates are drawn instead of 24; the first
 * trials are scrambled Sobol points; parameters of one condition are one group, always; trials of one generation are
 * told to each other as bad (constant liar); ordered axes of more than 16 values are judged by densities instead of
 * masses; several objectives are split by how many others dominate a trial, and by crowding distance, instead of hypervolume;
 * infeasible trials come after feasible ones by their violation, and failed ones are bad.
 *
 * @throws TradewrightError `BAD_OPTION` for counts below 1 and a weight that is not above 0.
 * @see Bergstra, Bardenet, Bengio, Kegl (2011), "Algorithms for hyper-parameter optimization", NeurIPS 24; Falkner,
 *   Klein, Hutter (2018), "BOHB", ICML (product kernels); Watanabe (2023), arXiv 2304.11127 (what its parts do); Ozaki
 *   et al. (2022), JAIR 73 (several objectives); Ginsbourger, Le Riche, Carraro (2010) (the liar).
 */
export function tpeSampler(options: TpeOptions = {}): Sampler {
  refuseUnknown('tpe', options, ['startup', 'candidates', 'multivariate', 'priorWeight', 'duplicates'])
  const { startup = 10, candidates = 32, multivariate = true, priorWeight = 1 } = options
  for (const [name, value] of Object.entries({ startup, candidates }))
    if (!Number.isInteger(value) || value < 1)
      throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= 1, was ${value}`, { [name]: value })
  if (!(priorWeight > 0 && Number.isFinite(priorWeight)))
    throw new TradewrightError('BAD_OPTION', `priorWeight must be above 0, was ${priorWeight}`, { priorWeight })
  const tpe = new Tpe({ startup, candidates, multivariate, priorWeight })
  return unlessWanted(
    {
      name: 'tpe',
      flags: { generationSize: 8, multiObjective: true },
      sample: (request) => tpe.sample(request),
    },
    options,
  )
}
