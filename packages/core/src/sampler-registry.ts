import { TradewrightError, unknownName } from './error.ts'
import { randomSampler } from './random-sampler.ts'
import type { Sampler, SamplerSpec } from './sampler.ts'
import { sobolSampler } from './sobol-sampler.ts'

/** Makes samplers from their options, by name. The caller owns it. */
export type SamplerRegistry = ReadonlyMap<string, (options: never) => Sampler>

/** The samplers of core: `random` and `sobol`. */
export const coreSamplers: SamplerRegistry = new Map<string, (options: never) => Sampler>([
  ['random', () => randomSampler()],
  ['sobol', (options: { scramble?: boolean }) => sobolSampler(options)],
])

/**
 * A sampler from a spec: an instance as it is, a name through the registry.
 *
 * @throws TradewrightError `UNKNOWN_NAME` with the nearest name; `BAD_OPTION` for what is neither.
 */
export function resolveSampler(spec: SamplerSpec, registry: SamplerRegistry = coreSamplers): Sampler {
  const isObject = typeof spec === 'object' && spec !== null
  if (isObject && 'sample' in spec && typeof spec.sample === 'function') return spec
  if (!isObject || !('type' in spec))
    throw new TradewrightError('BAD_OPTION', 'a sampler must be an instance or { type: name, ...options }', { spec })
  const make = registry.get(spec.type)
  if (make === undefined) throw unknownName('sampler', String(spec.type), registry.keys())
  return make(spec as never)
}
