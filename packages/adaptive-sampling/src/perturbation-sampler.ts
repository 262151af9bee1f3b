import { type Params, type Rng, type Sampler, type Space, TradewrightError } from '@tradewright/core'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { refuseUnknown } from './known-options.ts'
import { type Axis, cellOf, Observations } from './observations.ts'

/** Options of {@link perturbationSampler}. */
export interface PerturbationOptions extends DuplicatesOption {
  /** Random trials before the first perturbed one; at most half the budget where that is known. @default 100 */
  readonly initialSamples?: number | undefined
  /** Standard deviation of the noise, as a part of each parameter's range, above 0. @default 0.1 */
  readonly perturbationFactor?: number | undefined
}

declare module '@tradewright/core' {
  interface SamplerOptionsByName {
    perturbation: PerturbationOptions
  }
}

const WHERE_TRIES = 100
const NOBODY = new Int32Array(0)

/** A point next to `center`: normal noise on numbers, another value with probability `factor` on categorical ones. */
function perturb(axes: readonly Axis[], center: Float64Array, factor: number, rng: Rng): Float64Array {
  const unit = center.slice()
  axes.forEach((axis, a) => {
    const { kind, count } = axis
    if (kind === 'categorical') {
      if (rng.uniform() < factor && count > 1)
        unit[a] = (((cellOf(axis, unit[a]) + 1 + rng.below(count - 1)) % count) + 0.5) / count
    } else unit[a] = Math.min(1, Math.max(0, unit[a] + factor * rng.normal()))
  })
  return unit
}

function nextPoint(space: Space, observations: Observations, top: Int32Array, factor: number, rng: Rng): Params {
  const center = observations.copyPoint(top[rng.below(top.length)])
  for (let i = 0; i < WHERE_TRIES; i++) {
    const params = space.fromUnit(perturb(observations.axes, center, factor, rng))
    if (space.where === undefined || space.where(params)) return params
  }
  return space.sample(rng)
}

/**
 * The sampler of the documents that the project was founded on: random trials first, then random members of the top
 * quartile with noise on every parameter.
 *
 * It is elitist local search with a fixed step: simple and cheap, weaker than the model-based samplers. Where it differs
 * from the documents: noise is scaled to the parameter's own range (log and steps undone), categorical values change
 * with probability `perturbationFactor`, and at most half the budget is spent on initial samples.
 *
 * @throws TradewrightError `BAD_OPTION` unless initialSamples is an integer >= 1 and perturbationFactor above 0.
 * @see SYSTEMS.md, row 8.
 */
export function perturbationSampler(options: PerturbationOptions = {}): Sampler {
  refuseUnknown('perturbation', options, ['initialSamples', 'perturbationFactor', 'duplicates'])
  const { initialSamples = 100, perturbationFactor = 0.1 } = options
  if (!Number.isInteger(initialSamples) || initialSamples < 1)
    throw new TradewrightError('BAD_OPTION', `initialSamples must be an integer >= 1, was ${initialSamples}`, {
      initialSamples,
    })
  if (!(perturbationFactor > 0 && Number.isFinite(perturbationFactor)))
    throw new TradewrightError('BAD_OPTION', `perturbationFactor must be above 0, was ${perturbationFactor}`, {
      perturbationFactor,
    })
  const observations = new Observations()
  return unlessWanted(
    {
      name: 'perturbation',
      flags: { generationSize: 8 },
      sample(request) {
        const { space, count, firstTrial, rng, budget = Number.POSITIVE_INFINITY } = request
        observations.sync(request)
        const initial = Math.min(initialSamples, Math.ceil(budget / 2))
        const { succeeded } = observations
        const top = succeeded < 4 ? NOBODY : observations.ranked().subarray(0, Math.ceil(succeeded / 4))
        return Array.from({ length: count }, (_, i) => {
          const trial = firstTrial + i
          if (trial < initial || top.length === 0) return space.sample(rng(trial))
          return nextPoint(space, observations, top, perturbationFactor, rng(trial))
        })
      },
    },
    options,
  )
}
