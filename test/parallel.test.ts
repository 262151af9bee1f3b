// Worker threads change where trials run, and nothing else.

import { systemClock } from '@tradewright/core'
import { createOptimizedTrainingSystem, memoryDataSource, type TrainingResult } from 'tradewright'
import { expect, it } from 'vitest'
import { walk } from './market.ts'
import { smaCross } from './strategies.ts'

const bars = walk(30_000)

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

/** The same training again until workers had a part in it: they start while this thread goes on. */
async function train(parallelization: { readonly enabled?: boolean; readonly maxWorkers?: number }) {
  const system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource(bars),
    training: { trials: 128, sampler: { type: 'random' }, simulation: { trailingStop: 0.05 } },
    clock: slowAtFirst(),
    computationalOptimization: { caching: { enabled: false }, parallelization },
  })
  try {
    const results: TrainingResult<unknown>[] = []
    const runner = () => system.trainingManager.getOptimizationStats().optimizers['worker-runner']
    do results.push(await system.trainingManager.executeOptimizedTraining({ strategy: smaCross }))
    while (runner() !== undefined && runner().remoteTrials <= 20 && results.length < 40)
    return { results, runner: runner() }
  } finally {
    await system.close()
  }
}

const plain = ({ trials, best, validation }: TrainingResult<unknown>) => ({ trials, best: best.params, validation })

it('gives the same bits with 1 and 3 workers, and with none', async () => {
  const alone = await train({ enabled: false })
  expect(alone.runner).toBeUndefined()
  for (const maxWorkers of [1, 3]) {
    const { results, runner } = await train({ maxWorkers })
    for (const result of results) expect(plain(result)).toEqual(plain(alone.results[0]))
    if (maxWorkers === 1) expect(runner).toBeUndefined()
    else expect(runner.remoteTrials).toBeGreaterThan(20)
  }
})
