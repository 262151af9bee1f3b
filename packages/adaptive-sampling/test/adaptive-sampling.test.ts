import { composeOnion, createRng, defineSpace, float, type Params, type Space } from '@tradewright/core'
import { optimizerContract } from '@tradewright/core/testing'
import { expect, it } from 'vitest'
import { adaptiveSampling } from '../src/index.ts'

optimizerContract({ make: () => adaptiveSampling({ sampler: { type: 'tpe' } }) })

it('suggests through the onion, and stays where its state was saved', async () => {
  const space = defineSpace({ x: float(0, 1) }) as unknown as Space
  const unused = async () => []
  const make = () => {
    const optimizer = adaptiveSampling()
    return { optimizer, onion: composeOnion([optimizer], { suggest: unused, schedule: unused, evaluate: unused }) }
  }
  const request = (firstTrial: number) => ({
    space,
    count: 4,
    firstTrial,
    history: Array.from({ length: firstTrial }, (_, number) => ({
      number,
      params: { x: ((number * 7) % 20) / 20 },
      status: 'done' as const,
      values: [(((number * 7) % 20) / 20 - 0.3) ** 2],
      reports: [],
    })),
    directions: ['minimize'] as const,
    seed: 1,
    rng: (trial: number) => createRng(1, trial * 2),
    signal: new AbortController().signal,
  })
  const { optimizer, onion } = make()
  await onion.suggest(request(0))
  const later: readonly Params[] = await onion.suggest(request(20))
  expect(later).toHaveLength(4)
  expect(optimizer.stats?.()).toEqual({ suggested: 8 })
  expect(later.some((p) => Math.abs((p.x as number) - 0.3) < 0.1)).toBe(true)
})
