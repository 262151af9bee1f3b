import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createReplayBuffer, frameStack, lambdaReturns, nStep, prioritized, uniform } from '../src/index.ts'

const accumulators = {
  one: nStep(),
  three: nStep({ n: 3 }),
  stack: frameStack({ frames: 4, of: nStep({ n: 2 }) }),
  lambda: lambdaReturns({ horizon: 5 }),
}
const samplers = {
  uniform: uniform(),
  historic: prioritized(),
  buffer: prioritized({ maxPriority: 'buffer', normalizeBy: 'buffer' }),
}

/** Steps of one stream: how an episode goes on or ends. */
const step = fc.oneof(
  { weight: 12, arbitrary: fc.constant('goes on' as const) },
  fc.constantFrom('terminated' as const, 'truncated' as const, 'both' as const, 'cut' as const),
)
const history = fc.record({
  accumulator: fc.constantFrom(...(Object.keys(accumulators) as (keyof typeof accumulators)[])),
  sampler: fc.constantFrom(...(Object.keys(samplers) as (keyof typeof samplers)[])),
  streams: fc.constantFrom(1, 2),
  capacity: fc.constantFrom(80, 130, 200),
  steps: fc.array(step, { minLength: 60, maxLength: 700 }),
})

it('elements are the same whether rows are taken in one by one or a lap at a time', () => {
  fc.assert(
    fc.property(history, ({ accumulator, sampler, streams, capacity, steps }) => {
      const make = () =>
        createReplayBuffer({
          capacity,
          streams,
          columns: { obs: { dtype: 'float32' }, nextValue: { dtype: 'float32' } },
          accumulator: accumulators[accumulator],
          sampler: samplers[sampler],
        })
      const [often, seldom] = [make(), make()]
      for (const [i, kind] of steps.entries()) {
        const stream = i % streams
        for (const buffer of [often, seldom]) {
          if (kind === 'cut') buffer.cut(stream)
          else {
            const end = { terminated: kind === 'terminated' || kind === 'both', truncated: kind !== 'terminated' }
            const flags = kind === 'goes on' ? { terminated: false, truncated: false } : end
            const finalObs = flags.truncated ? { finalObs: -i } : {}
            buffer.add({ obs: i, nextValue: 0, reward: i, ...flags, ...finalObs }, stream)
          }
        }
        often.stats()
      }
      expect(seldom.stats().drawable).toBe(often.stats().drawable)
      for (let slot = 0; slot < capacity; slot++)
        expect([slot, seldom.probability(slot)]).toEqual([slot, often.probability(slot)])
    }),
    { numRuns: 400 },
  )
})
