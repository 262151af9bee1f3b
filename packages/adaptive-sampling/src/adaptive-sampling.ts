import { defineOptimizer, type Optimizer, resolveSampler, type SamplerSpec } from '@tradewright/core'
import { type AshaScheduleOptions, ashaSchedule } from './asha-schedule.ts'
import { refuseUnknown } from './known-options.ts'
import { adaptiveSamplers } from './sampler-registry.ts'

/** Options of {@link adaptiveSampling}. */
export interface AdaptiveSamplingOptions {
  /** Where parameters come from. @default { type: 'auto' } */
  readonly sampler?: SamplerSpec | undefined
  /** Plans generations by pausing at rungs; without it generations are whole trials. */
  readonly asha?: AshaScheduleOptions | undefined
}

/**
 * The samplers as an optimizer of a training system: its `suggest` asks the sampler, and its `schedule`, where `asha` is
 * given, pauses and resumes trials at rungs.
 *
 * @throws TradewrightError as `resolveSampler` and {@link ashaSchedule}; `UNKNOWN_NAME` for an option that is none.
 */
export function adaptiveSampling(options: AdaptiveSamplingOptions = {}): Optimizer {
  refuseUnknown('adaptiveSampling', options, ['sampler', 'asha'])
  const { sampler: spec = { type: 'auto' }, asha } = options
  const sampler = resolveSampler(spec, adaptiveSamplers)
  const schedule = asha === undefined ? undefined : ashaSchedule(asha)
  let suggested = 0
  return defineOptimizer({
    name: 'adaptive-sampling',
    effect: 'search',
    async suggest(request) {
      request.signal.throwIfAborted()
      const params = sampler.sample(request)
      suggested += params.length
      return params
    },
    ...(schedule === undefined ? {} : { schedule: (view) => schedule(view) }),
    save: () => sampler.save?.() ?? null,
    restore: (data) => {
      if (data !== null) sampler.restore?.(data)
    },
    stats: () => ({ suggested }),
  })
}
