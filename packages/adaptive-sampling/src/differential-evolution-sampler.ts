import { type Params, type Rng, type SampleRequest, type Sampler, TradewrightError } from '@tradewright/core'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { refuseUnknown } from './known-options.ts'
import { cellOf, Observations, snapUnit } from './observations.ts'
import { startupPoint } from './startup.ts'

/** Options of {@link differentialEvolutionSampler}. */
export interface DifferentialEvolutionOptions extends DuplicatesOption {
  /** Members of the population, >= 4. @default 16 up to 8 dimensions, else 24 */
  readonly population?: number | undefined
  /** The part of the population that leads: mutants move towards a random one of the best p. In (0, 1]. @default 0.15 */
  readonly best?: number | undefined
}

declare module '@tradewright/core' {
  interface SamplerOptionsByName {
    'differential-evolution': DifferentialEvolutionOptions
  }
}

const WHERE_TRIES = 30
const LEAST_MEMBERS = 4

class DifferentialEvolution {
  readonly #observations = new Observations()
  readonly #population: number | undefined
  readonly #best: number

  constructor(population: number | undefined, best: number) {
    this.#population = population
    this.#best = best
  }

  sample(request: SampleRequest): readonly Params[] {
    const { count, firstTrial, rng, space } = request
    const observations = this.#observations
    observations.sync(request)
    const size = this.#population ?? (observations.axes.length > 8 ? 24 : 16)
    if (observations.count < size || observations.succeeded < LEAST_MEMBERS)
      return Array.from({ length: count }, (_, i) => startupPoint(request, firstTrial + i))
    // Survivors are the best of everything seen: the whole history is parents and children at once. Failures die.
    const members = observations.ranked().subarray(0, Math.min(size, observations.succeeded))
    return Array.from({ length: count }, (_, i) => {
      const draws = rng(firstTrial + i)
      for (let attempt = 0; attempt < WHERE_TRIES; attempt++) {
        const params = space.fromUnit(this.#mutant(members, members[(firstTrial + i) % members.length], draws))
        if (space.where === undefined || space.where(params)) return params
      }
      return space.sample(draws)
    })
  }

  /** current-to-pbest/1 with binomial crossover. */
  #mutant(members: Int32Array, target: number, rng: Rng): Float64Array {
    const { axes } = this.#observations
    const read = (row: number): Float64Array => this.#observations.copyPoint(row)
    const x = read(target)
    const leader = read(members[rng.below(Math.max(1, Math.ceil(this.#best * members.length)))])
    const a = read(members[rng.below(members.length)])
    const all = this.#observations.count
    const b = read(Math.max(0, all - 1 - rng.below(Math.min(all, 3 * members.length))))
    const f = Math.min(1, Math.max(0.1, 0.5 + 0.2 * rng.normal()))
    const crossover = Math.min(1, Math.max(0.2, 0.7 + 0.2 * rng.normal()))
    const forced = rng.below(axes.length)
    const out = x.slice()
    axes.forEach((axis, i) => {
      if (rng.uniform() >= crossover && i !== forced) return
      if (axis.kind === 'categorical') {
        const u = rng.uniform()
        out[i] = u < f ? leader[i] : u < f + 0.5 * (1 - f) ? a[i] : (rng.below(axis.count) + 0.5) / axis.count
        out[i] = (cellOf(axis, out[i]) + 0.5) / axis.count
        return
      }
      let y = x[i] + f * (leader[i] - x[i]) + f * (a[i] - b[i])
      // Half-way to the bound that was crossed.
      if (y < 0) y = 0.5 * x[i]
      else if (y > 1) y = 0.5 * (1 + x[i])
      out[i] = snapUnit(axis, y)
    })
    return out
  }
}

/**
 * Differential evolution: new points from differences of old ones.
 *
 * current-to-pbest/1/bin with factor and crossover drawn anew for every trial. Where it differs from JADE: the population
 * is the best of all trials (so it needs no memory but the history), the factors' means do not adapt, and failed trials are no members, and
 * categorical values are inherited from the leader, a member or at random.
 *
 * @throws TradewrightError `BAD_OPTION` for a population below 4 or a best outside (0, 1].
 * @see Storn, Price (1997), J. Global Optim. 11; Zhang, Sanderson (2009), "JADE", IEEE Trans. Evol. Comput. 13.
 */
export function differentialEvolutionSampler(options: DifferentialEvolutionOptions = {}): Sampler {
  refuseUnknown('differential-evolution', options, ['population', 'best', 'duplicates'])
  const { population, best = 0.15 } = options
  if (population !== undefined && !(Number.isInteger(population) && population >= 4))
    throw new TradewrightError('BAD_OPTION', `population must be an integer >= 4, was ${population}`, { population })
  if (!(best > 0 && best <= 1))
    throw new TradewrightError('BAD_OPTION', `best must be in (0, 1], was ${best}`, { best })
  const state = new DifferentialEvolution(population, best)
  return unlessWanted(
    { name: 'differential-evolution', flags: { generationSize: 8 }, sample: (request) => state.sample(request) },
    options,
  )
}
