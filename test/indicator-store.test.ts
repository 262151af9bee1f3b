// A store of one's own for the columns of indicators: used by the system, filled before it.
import { createOptimizedTrainingSystem, isTradewrightError, memoryDataSource, sharedIndicatorStore } from 'tradewright'
import { expect, it } from 'vitest'
import { walk } from './market.ts'
import { smaCross } from './strategies.ts'

const system = (indicators: unknown) =>
  createOptimizedTrainingSystem({
    dataSource: memoryDataSource(walk(500)),
    training: { trials: 8, sampler: { type: 'random' } },
    computationalOptimization: {
      caching: { enabled: false, indicators: indicators as never },
      parallelization: { enabled: false },
    },
  })

it('is the one that trainings read and fill', async () => {
  const store = await sharedIndicatorStore()
  for (const round of [0, 1]) {
    const made = await system(store)
    const before = store.stats().misses
    await made.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    expect(store.stats().misses > before).toBe(round === 0)
    expect(made.trainingManager.getOptimizationStats().indicators.columns).toBeGreaterThan(8)
    await made.close()
  }
})

it('must be one', async () => {
  const error = await system({ get() {} }).then(
    () => undefined,
    (e: unknown) => e,
  )
  expect(isTradewrightError(error) && error.message).toMatch(
    /caching.indicators must be a store as sharedIndicatorStore/,
  )
})
