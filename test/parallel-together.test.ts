// Cache, stages and workers together: every trial has the bits that it has without them, at 1, 2 and 7 workers, in any
// order of finishing.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEvaluate, defineStrategy, ta } from '@tradewright/backtest'
import { diskCache, memoryCache, progressiveEvaluation, resultCache, tieredCache } from '@tradewright/backtest-cache'
import { type Bars, createRng, float, int, type Optimizer, type Pruner, type Slice } from '@tradewright/core'
import { type WorkerPool, workerPool, workerRunner } from '@tradewright/runners'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { search } from '../benchmarks/study-host.ts'
import { bundledEntries } from '../packages/runners/test/bundled-entries.ts'
import { walk } from './market.ts'

const series: readonly Bars[] = [walk(1200), walk(900)]
const resolve = (fingerprint: string): Bars | undefined => series.find((bars) => bars.fingerprint === fingerprint)
const slices = series.map(
  (bars, i): Slice => ({
    id: `s${i}`,
    symbol: `S${i}`,
    data: bars.fingerprint,
    warmupStart: 0,
    start: 100,
    end: bars.length,
    weight: 1,
    final: true,
  }),
)
// Half of the trials leave the fast path: what they continue from is a state, what the others do is a run anew.
const strategy = defineStrategy({
  name: 'cross',
  params: { fast: int(2, 20), slow: int(21, 60), stop: float(0.01, 0.1), trailing: int(0, 1) },
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.ema(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.ema(close, slow)),
  }),
  simulate: (_columns, { stop, trailing }) => (trailing === 1 ? { trailingStop: stop } : { stopLoss: stop }),
})

/** Stops every third trial at the first stage it is judged at. */
const thirds: Pruner = {
  name: 'thirds',
  decide: (reports) =>
    [...new Set(reports.map(({ id }) => id))].map((id) => ({
      id,
      action: id % 3 === 0 ? 'stop' : 'continue',
      why: '',
    })),
}
const stages = (): Optimizer =>
  progressiveEvaluation({
    stages: [
      [0.1, 0.3],
      [0.3, 0.5],
      [1, 1],
    ],
    pruner: thirds,
  })

/** A pool whose answers come in another order than its tasks went. */
function shuffled(pool: WorkerPool, seed: number): WorkerPool {
  const rng = createRng(seed)
  return {
    ...pool,
    size: pool.size,
    start: () => pool.start(),
    stats: () => pool.stats(),
    async run(task, options) {
      const value = await pool.run(task, options)
      for (let turns = rng.below(40); turns > 0; turns--) await new Promise(setImmediate)
      return value
    },
  }
}

const run = async (optimizers: readonly Optimizer[]) => {
  const { trials, bars } = await search({
    strategy,
    slices,
    trials: 96,
    seed: 3,
    objective: 'sharpe',
    engine: createEvaluate({ resolve }),
    optimizers,
  })
  return { trials, bars }
}

describe('cache, stages and workers together', () => {
  let scratch: string
  let entries: Awaited<ReturnType<typeof bundledEntries>>
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'tradewright-together-'))
    entries = await bundledEntries()
  })
  afterAll(() => rm(scratch, { recursive: true, force: true }))

  it('give the bits that the engine gives alone, and that stages give alone', async () => {
    const alone = await run([])
    const staged = await run([stages()])
    expect(staged.bars).toBeLessThan(alone.bars)
    // A trial that passes every stage has the value of its whole run.
    for (const trial of staged.trials)
      if (trial.status === 'done') expect(trial.values).toEqual(alone.trials[trial.number].values)
    for (const maxWorkers of [1, 2, 7]) {
      const pool = workerPool({ maxWorkers, entries })
      const runner = (): ReturnType<typeof workerRunner> =>
        workerRunner({ resolve, pool: shuffled(pool, maxWorkers), minBatchMs: 0.01, always: true, maxBatchMs: 2 })
      const cache = tieredCache([
        memoryCache({ maxEntries: 50 }),
        await diskCache({ directory: join(scratch, String(maxWorkers)) }),
      ])
      const cached = (): Optimizer => resultCache({ cache, admission: 'all' })
      const own = runner()
      expect((await run([own])).trials, `${maxWorkers} workers`).toEqual(alone.trials)
      expect(own.stats().remoteTrials).toBeGreaterThan(80)
      expect((await run([stages(), runner()])).trials, `${maxWorkers} workers, stages`).toEqual(staged.trials)
      const all = [cached(), stages(), runner()]
      expect((await run(all)).trials, `${maxWorkers} workers, everything`).toEqual(staged.trials)
      // Again from the cache: nothing is computed, and no bit differs.
      const again = await run([cached(), stages(), runner()])
      expect(again.trials).toEqual(staged.trials)
      expect(again.bars).toBe(0)
      // Whole runs find nothing of the stages that they could take for theirs, but the last one.
      expect((await run([cached(), runner()])).trials).toEqual(alone.trials)
      await cache[Symbol.asyncDispose]()
      await pool[Symbol.asyncDispose]()
    }
  })
})
