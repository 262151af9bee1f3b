import { type Params, type Rng, type SampleRequest, type Sampler, TradewrightError } from '@tradewright/core'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { child } from './genetic-variation.ts'
import { refuseUnknown } from './known-options.ts'
import { crowdingDistances, nonDominatedRanks } from './non-dominated-sort.ts'
import { Observations } from './observations.ts'
import { nichedSelection, referencePoints } from './reference-points.ts'
import { startupPoint } from './startup.ts'

/** Options of {@link nsga2Sampler}. */
export interface Nsga2Options extends DuplicatesOption {
  /** Members of the population, >= 4. @default 48 */
  readonly population?: number | undefined
}

/** Options of {@link nsga3Sampler}. */
export interface Nsga3Options extends Nsga2Options {
  /** Divisions of the reference simplex along each objective. @default the most that give no more points than members */
  readonly divisions?: number | undefined
}

declare module '@tradewright/core' {
  interface SamplerOptionsByName {
    nsga2: Nsga2Options
    nsga3: Nsga3Options
  }
}

/** Who of `pool` survives: at most `size` observations, and whether the first of two wins a tournament. */
type Selection = (
  observations: Observations,
  pool: readonly number[],
  size: number,
) => {
  readonly members: readonly number[]
  readonly beats: (a: number, b: number, rng: Rng) => boolean
}

const WHERE_TRIES = 30

function frontsOf(
  observations: Observations,
  pool: readonly number[],
): { ranks: Map<number, number>; fronts: number[][] } {
  const { losses, violations, objectives } = observations
  const part = new Float64Array(pool.length * objectives)
  pool.forEach((row, i) => {
    part.set(losses.subarray(row * objectives, (row + 1) * objectives), i * objectives)
  })
  const byPosition = nonDominatedRanks(
    part,
    Float64Array.from(pool, (row) => violations[row]),
    pool.length,
    objectives,
  )
  const ranks = new Map(pool.map((row, i) => [row, byPosition[i]]))
  const fronts: number[][] = []
  pool.forEach((row, i) => {
    fronts[byPosition[i]] ??= []
    fronts[byPosition[i]].push(row)
  })
  return { ranks, fronts }
}

const rankOf = (ranks: ReadonlyMap<number, number>, row: number): number => ranks.get(row) ?? Number.POSITIVE_INFINITY

const byCrowding: Selection = (observations, pool, size) => {
  const { ranks, fronts } = frontsOf(observations, pool)
  const members: number[] = []
  const distance = new Map<number, number>()
  for (const front of fronts) {
    if (members.length >= size) break
    const distances = crowdingDistances(observations.losses, observations.objectives, front)
    const order = front.map((_, i) => i).sort((a, b) => distances[b] - distances[a] || a - b)
    for (const i of order.slice(0, size - members.length)) {
      members.push(front[i])
      distance.set(front[i], distances[i])
    }
  }
  return {
    members,
    beats(a, b) {
      const [x, y] = [rankOf(ranks, a), rankOf(ranks, b)]
      return x < y || (x === y && (distance.get(a) ?? 0) > (distance.get(b) ?? 0))
    },
  }
}

function byReferencePoints(divisions: number | undefined): Selection {
  return (observations, pool, size) => {
    const { ranks, fronts } = frontsOf(observations, pool)
    const { losses, objectives } = observations
    const points = referencePoints(objectives, size, divisions)
    const members: number[] = []
    for (const front of fronts) {
      if (members.length + front.length <= size) members.push(...front)
      else {
        members.push(...nichedSelection(losses, objectives, members, front, points, size - members.length))
        break
      }
      if (members.length >= size) break
    }
    const beats = (a: number, b: number, rng: Rng): boolean => {
      const [x, y] = [rankOf(ranks, a), rankOf(ranks, b)]
      return x === y ? rng.below(2) === 0 : x < y
    }
    return { members, beats }
  }
}

/** Survivors are chosen after every block of this many trials, so that they do not depend on the generation size. */
const BLOCK = 8

class Nsga {
  readonly #observations = new Observations()
  readonly #size: number
  readonly #select: Selection
  #selected: ReturnType<Selection> | undefined
  #used = 0

  constructor(size: number, select: Selection) {
    this.#size = size
    this.#select = select
  }

  #survive(): void {
    for (; this.#observations.count - this.#used >= BLOCK; this.#used += BLOCK) {
      const fresh = Array.from({ length: BLOCK }, (_, i) => this.#used + i)
      this.#selected = this.#select(this.#observations, [...(this.#selected?.members ?? []), ...fresh], this.#size)
    }
  }

  sample(request: SampleRequest): readonly Params[] {
    const { count, firstTrial, rng, space } = request
    const observations = this.#observations
    if (!observations.sync(request)) {
      this.#selected = undefined
      this.#used = 0
    }
    this.#survive()
    if (this.#selected === undefined || observations.count < Math.min(this.#size, 16) || observations.succeeded < 4)
      return Array.from({ length: count }, (_, i) => startupPoint(request, firstTrial + i))
    const { beats } = this.#selected
    // Failures may survive where little else does, but have no children.
    const members = this.#selected.members.filter((row) => observations.failed[row] === 0)
    if (members.length === 0) return Array.from({ length: count }, (_, i) => startupPoint(request, firstTrial + i))
    const tournament = (draws: Rng): Float64Array => {
      const a = members[draws.below(members.length)]
      const b = members[draws.below(members.length)]
      return observations.copyPoint(beats(a, b, draws) ? a : b)
    }
    return Array.from({ length: count }, (_, i) => {
      const draws = rng(firstTrial + i)
      for (let attempt = 0; attempt < WHERE_TRIES; attempt++) {
        const params = space.fromUnit(child(observations.axes, tournament(draws), tournament(draws), draws))
        if (space.where === undefined || space.where(params)) return params
      }
      return space.sample(draws)
    })
  }
}

function make(name: string, options: Nsga2Options, select: Selection): Sampler {
  const { population = 48 } = options
  if (!Number.isInteger(population) || population < 4)
    throw new TradewrightError('BAD_OPTION', `population must be an integer >= 4, was ${population}`, { population })
  const state = new Nsga(population, select)
  return unlessWanted(
    { name, flags: { generationSize: 8, multiObjective: true }, sample: (request) => state.sample(request) },
    options,
  )
}

/**
 * NSGA-II: a genetic algorithm for several objectives, by non-domination rank and crowding distance.
 *
 * Where it differs: survivors are chosen after every 8 trials instead of a whole population, so that it needs no memory
 * but the trials.
 *
 * @throws TradewrightError `BAD_OPTION` for a population below 4.
 * @see Deb, Pratap, Agarwal, Meyarivan (2002), IEEE Trans. Evol. Comput. 6(2).
 */
export function nsga2Sampler(options: Nsga2Options = {}): Sampler {
  refuseUnknown('nsga2', options, ['population', 'duplicates'])
  return make('nsga2', options, byCrowding)
}

/**
 * NSGA-III: NSGA-II with reference directions instead of crowding, for three objectives and more.
 *
 * @throws TradewrightError `BAD_OPTION` for a population below 4.
 * @see Deb, Jain (2014), IEEE Trans. Evol. Comput. 18(4); Das, Dennis (1998), SIAM J. Optim. 8 (reference points). Where
 *   it differs: objectives are scaled by the ranges of the survivors instead of extreme points' intercepts.
 */
export function nsga3Sampler(options: Nsga3Options = {}): Sampler {
  refuseUnknown('nsga3', options, ['population', 'divisions', 'duplicates'])
  return make('nsga3', options, byReferencePoints(options.divisions))
}
