// Worker threads change where trials run, and nothing else.

import { systemClock } from '@tradewright/core'
import { createOptimizedTrainingSystem, memoryDataSource, type TrainingResult } from 'tradewright'
import { expect, it } from 'vitest'
import { walk } from './market.ts'
import { smaCross } from './strategies.ts'

const bars = walk(60_000)

/** A clock on which the first batches take long, so that workers are worth it from then on. */
function slowAtFirst() {
  let calls = 0
  let extra = 0
  const elapsed = (): number => {
    if (calls++ < 12) extra += 200
    return systemClock.elapsed() + extra
  }
  return { ...systemClock, elapsed }
}

async function train(parallelization: { readonly enabled?: boolean; readonly maxWorkers?: number }) {
  const system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource(bars),
    // A trailing stop runs bar by bar: work enough for the threads to come up before it is over.
    training: { trials: 512, sampler: { type: 'random' }, simulation: { trailingStop: 0.05 } },
    clock: slowAtFirst(),
    computationalOptimization: { caching: { enabled: false }, parallelization },
  })
  try {
    const result = await system.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    return { result, runner: system.trainingManager.getOptimizationStats().optimizers['worker-runner'] }
  } finally {
    await system.close()
  }
}

const plain = ({ trials, best, validation }: TrainingResult<unknown>) => ({ trials, best: best.params, validation })

it('gives the same bits with 1 and 3 workers, and with none', async () => {
  const alone = await train({ enabled: false })
  expect(alone.runner).toBeUndefined()
  for (const maxWorkers of [1, 3]) {
    const { result, runner } = await train({ maxWorkers })
    expect(plain(result)).toEqual(plain(alone.result))
    if (maxWorkers === 1) expect(runner).toBeUndefined()
    else expect(runner.remoteTrials).toBeGreaterThan(20)
  }
})
