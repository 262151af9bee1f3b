// A model within the system: what it may see, what it must never see, and what becomes of its predictions.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bars, createBars, isTradewrightError, type ParamsOf, systemClock, viewRange } from '@tradewright/core'
import fc from 'fast-check'
import {
  backtest,
  createLabels,
  createOptimizedTrainingSystem,
  defineIndicator,
  defineStrategy,
  fixedHorizon,
  float,
  type IncrementalTrainingSection,
  int,
  loadStrategy,
  type ModelRequest,
  memoryDataSource,
  type SystemOptions,
  type TrainingRequest,
  ta,
  tripleBarrier,
} from 'tradewright'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { walk } from './market.ts'

vi.setConfig({ testTimeout: 120_000 })
const scratch = await mkdtemp(join(tmpdir(), 'tradewright-model-'))
afterAll(() => rm(scratch, { recursive: true, force: true }))

const module = new URL('./models/small-models.ts', import.meta.url).href

/** Columns that a strategy reads, as they were computed, by what it was asked for. */
const seen: { time: Float64Array; value: Float64Array }[] = []
const spy = defineIndicator({
  name: 'spy',
  version: '1',
  kernel: {
    compute([time, value]) {
      seen.push({ time: time.slice(), value: value.slice() })
      return value.slice()
    },
  },
})

const own = { enter: float(0.4, 0.5), hold: int(2, 20) }
const follow = defineStrategy({
  name: 'follow',
  params: own,
  signals: ({ timestamp, prediction }, { enter }) => ({
    entry: spy([timestamp, prediction]).gt(enter),
    exit: prediction.lt(0.5),
  }),
  simulate: (_columns, { hold }) => ({ timeStopBars: hold }),
})

const shape = { cut: float(-3, 3), ahead: int(1, 8), span: int(2, 10) }
type Own = ParamsOf<typeof own>
type Request = TrainingRequest<Own, typeof shape>
type StepRequest = ModelRequest<Own, typeof shape>

const step: StepRequest = {
  create: { module, export: 'stepModel', version: '1' },
  params: shape,
  options: ({ cut }) => ({ cut }),
  features: ({ close, volume }, { span }) => ({ move: ta.roc(close, span), busy: volume.div(ta.sma(volume, 5)) }),
  labels: (bars, { ahead }) => fixedHorizon({ bars, horizon: ahead, threshold: 0, classes: 'up' }),
  walkForward: { train: 120, test: 40 },
}

const quick = {
  training: { trials: 24, objective: 'totalReturn', simulation: { barsPerYear: 365 } },
  computationalOptimization: {
    caching: { enabled: false },
    parallelization: { enabled: false },
    incrementalTraining: { enabled: false },
  },
} as const

async function train(bars: Bars, request: Partial<Request> = {}, options: Partial<SystemOptions> = {}) {
  const system = await createOptimizedTrainingSystem({ dataSource: memoryDataSource(bars), ...quick, ...options })
  try {
    const result = await system.trainingManager.executeOptimizedTraining({ strategy: follow, model: step, ...request })
    return { result, stats: system.trainingManager.getOptimizationStats() }
  } finally {
    await system.close()
  }
}

const codeOf = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'done',
    (error: unknown) => (isTradewrightError(error) ? error.code : String(error)),
  )

const bars = walk(600)

describe('no bar is predicted by a model that saw it', () => {
  it('a model that knows the rows it was trained on meets none of them again', async () => {
    seen.length = 0
    const { result } = await train(bars, {
      trials: 3,
      model: { ...step, create: { module, export: 'memoryModel' }, walkForward: { train: 90, test: 7 } },
    })
    expect(seen.length).toBeGreaterThanOrEqual(3)
    for (const { value } of seen) {
      expect(value.slice(90).every((p) => p === 0)).toBe(true)
      expect(value.subarray(0, 90).every(Number.isNaN)).toBe(true)
    }
    // The newest model is asked about bars to come; of those it was trained on it would know every row.
    const folds = result.model?.folds ?? []
    expect(folds).toHaveLength(Math.ceil((600 - 90) / 7) + 1)
    for (const { trainFrom, testFrom, testTo } of folds) {
      expect(trainFrom).toBeLessThan(testFrom)
      expect(testFrom).toBeLessThan(testTo)
    }
  })

  it('whatever comes after a bar, its prediction stays: labels that look ahead get nothing to look at', async () => {
    const poisoned = (from: number, seed: number): Bars => {
      const other = walk(600, seed)
      const column = (name: 'open' | 'high' | 'low' | 'close' | 'volume'): Float64Array =>
        bars[name].map((value, i) => (i < from ? value : other[name][i] * 3))
      return createBars({
        timestamp: bars.timestamp,
        open: column('open'),
        high: column('high'),
        low: column('low'),
        close: column('close'),
        volume: column('volume'),
        symbol: 'WALK',
        timeframe: '1d',
        calendar: 'crypto',
      })
    }
    const cheating: StepRequest = {
      ...step,
      // Says of every bar what the newest bar there is will be: the worst a user's function can do.
      labels: (of) =>
        createLabels({
          y: of.close.map((value) => of.close[of.length - 1] / value - 1),
          knownAt: of.close.map((_, i) => i),
        }),
    }
    const predictions = async (of: Bars, model: StepRequest): Promise<Float64Array> => {
      seen.length = 0
      await train(of, {
        model,
        trials: 1,
        validation: { holdout: 0.2 },
        params: { enter: 0.5, hold: 5, cut: 0, ahead: 3, span: 4 },
      })
      return seen.reduce((a, b) => (b.value.length >= a.value.length ? b : a)).value
    }
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 121, max: 599 }),
        fc.integer({ min: 2, max: 99 }),
        fc.boolean(),
        async (from, seed, cheat) => {
          const model = cheat ? cheating : step
          const [as, poison] = [await predictions(bars, model), await predictions(poisoned(from, seed), model)]
          expect(as).toHaveLength(600)
          expect(poison.subarray(0, from)).toEqual(as.subarray(0, from))
          expect(as.subarray(120).every(Number.isFinite)).toBe(true)
        },
      ),
      { numRuns: 8 },
    )
  })
})

describe('a search with a model', () => {
  it('searches the parameters of both, and shows what it found again on the same bars', async () => {
    const { result } = await train(bars)
    const { best, validation, model } = result
    expect(Object.keys(best.params).sort()).toEqual(['ahead', 'cut', 'enter', 'hold', 'span'])
    expect(result.trials.every(({ status }) => status === 'done')).toBe(true)
    expect(new Set(result.trials.map(({ values }) => values[0])).size).toBeGreaterThan(15)
    expect(validation.inSample).toEqual(best.metrics)
    expect(validation.heldOut?.totalReturn).not.toBe(0)
    expect(model?.features).toEqual(['move', 'busy'])
    // 420 bars are searched, 120 of them only trained on: 8 folds, the last of 20 bars; 12 over all, and the newest.
    expect(model?.search).toMatchObject({ trainings: 24 * 8, exact: 24 * 8, approximate: 0, rounds: 24 * 8 })
    expect(model?.folds).toHaveLength(13)
    const [first] = model?.folds ?? []
    expect([first.trainFrom, first.testFrom, first.testTo]).toEqual([0, 120, 160].map((i) => bars.timestamp[i]))
    expect(first.rows).toBe(120 - best.params.ahead - Math.max(best.params.span, 4))
    expect(first.testRows).toBe(40)
    for (const { testLoss, trainLoss, baseLoss, importances } of (model?.folds ?? []).slice(0, 11)) {
      expect(trainLoss).toBeLessThanOrEqual(Math.log(2) + 1e-6)
      expect(testLoss).toBeGreaterThan(0.3)
      expect(baseLoss).toBeGreaterThan(0.3)
      expect(importances).toEqual({ move: 1, other: 0 })
    }
  })

  it('gives the same bits with workers, batches and the cache, and answers from the disk the second time', async () => {
    const plain = ({ result }: Awaited<ReturnType<typeof train>>) => ({
      trials: result.trials,
      validation: result.validation,
      folds: result.model?.folds,
    })
    const alone = await train(bars)
    let calls = 0
    const slow = { ...systemClock, elapsed: () => systemClock.elapsed() + 100 * calls++ }
    const workers = await train(
      bars,
      { concurrency: 3 },
      {
        clock: slow,
        computationalOptimization: { ...quick.computationalOptimization, parallelization: { maxWorkers: 2 } },
      },
    )
    expect(workers.stats.optimizers['worker-runner'].workers).toBe(2)
    expect(plain(workers)).toEqual(plain(alone))
    const cached: Partial<SystemOptions> = {
      computationalOptimization: {
        ...quick.computationalOptimization,
        caching: { admission: 'all', disk: { directory: join(scratch, 'cache') } },
      },
    }
    expect(plain(await train(bars, {}, cached))).toEqual(plain(alone))
    const again = await train(bars, {}, cached)
    expect(plain(again)).toEqual(plain(alone))
    expect(again.stats.optimizers['result-cache']).toMatchObject({ misses: 0 })
    // Another model of the same name and parameters is another program: nothing of the first is returned for it.
    const other = await train(bars, { model: { ...step, options: ({ cut }) => ({ cut: cut + 0.5 }) } }, cached)
    expect(other.stats.optimizers['result-cache'].hits).toBe(2)
  })

  it('trains stage by stage only what a stage needs', async () => {
    const { result } = await train(
      bars,
      { pruner: { type: 'percentile', percentile: 50, startupTrials: 4 }, trials: 30, seed: 4 },
      {
        computationalOptimization: {
          ...quick.computationalOptimization,
          progressiveEvaluation: {
            stages: [
              [0.5, 0.5],
              [1, 1],
            ],
          },
        },
      },
    )
    const whole = await train(bars, { trials: 30, seed: 4 })
    const { done = 0, pruned = 0 } = result.stats
    expect(pruned).toBeGreaterThan(3)
    expect(result.model?.search.trainings).toBeLessThan(30 * 8 - 4 * pruned)
    expect(whole.result.model?.search.trainings).toBe(30 * 8)
    const first = (r: typeof result) => r.trials.filter(({ status, number }) => status === 'done' && number < 8)
    expect(done).toBeGreaterThan(5)
    for (const trial of first(result)) {
      const same = whole.result.trials[trial.number]
      expect(trial.params).toEqual(same.params)
      expect(trial.values).toEqual(same.values)
    }
  })

  it('learns from several markets at once, each bar in its time', async () => {
    const two = [walk(300, 1, 'ONE'), viewRange(walk(340, 2, 'TWO'), 40, 340)]
    const { result } = await train(bars, { symbols: ['ONE', 'TWO'], trials: 4 }, { dataSource: memoryDataSource(two) })
    expect(result.validation.bySymbol.map(({ symbol }) => symbol)).toEqual(['ONE', 'TWO'])
    // Times of both: 340 days. Models are trained on 120 of them, some with one market, some with two.
    expect(result.model?.folds).toHaveLength(Math.ceil((340 - 120) / 40) + 1)
    const [first, second, ...later] = result.model?.folds.map(({ rows }) => rows) ?? []
    expect(first).toBeGreaterThan(120)
    expect(second).toBeGreaterThan(first)
    expect(later[1]).toBeGreaterThan(200)
  })

  it('a number to predict, anchored windows, an embargo', async () => {
    const { result } = await train(bars, {
      trials: 3,
      params: { enter: 0.4 },
      model: {
        ...step,
        labels: (of, { ahead }) => fixedHorizon({ bars: of, horizon: ahead }),
        walkForward: { train: 100, test: 50, anchored: true, embargo: 10 },
      },
    })
    const folds = result.model?.folds ?? []
    expect(folds.map(({ trainFrom }) => trainFrom)).toEqual(folds.map(() => bars.timestamp[0]))
    const rows = folds.map((fold) => fold.rows)
    expect(rows.slice(1, 10).map((n, k) => n - rows[k])).toEqual(Array.from({ length: 9 }, () => 50))
    expect(folds[0].testFrom).toBe(bars.timestamp[110])
    expect(folds[0].testLoss).toBeLessThan(0.02)
  })
})

describe('models that continue', () => {
  const online: StepRequest = {
    ...step,
    create: {
      module: '@tradewright/incremental-training',
      export: 'logisticRegression',
      rounds: 'rounds',
      version: '1',
    },
    options: ({ cut }) => ({ solver: 'online', rounds: 30 + 10 * Math.round(cut) }),
  }
  const fixed = { ahead: 3, span: 4 }
  const run = (
    incrementalTraining: IncrementalTrainingSection,
    more: Partial<SystemOptions> = {},
    of: Partial<Request> = {},
  ) =>
    train(
      bars,
      { model: online, params: fixed, ...of },
      {
        ...more,
        computationalOptimization: {
          ...quick.computationalOptimization,
          ...more.computationalOptimization,
          incrementalTraining,
        },
      },
    )

  it('give what they give when trained anew, with fewer rounds made', async () => {
    const anew = await run({ enabled: false })
    const continued = await run({})
    expect(continued.result.trials).toEqual(anew.result.trials)
    expect(continued.result.validation).toEqual(anew.result.validation)
    const [before, after] = [anew.result.model?.search, continued.result.model?.search]
    expect(before).toMatchObject({ trainings: 192, exact: 192, continued: 0, roundsSaved: 0 })
    expect(after).toMatchObject({ trainings: 192, exact: 192, approximate: 0 })
    expect((after?.rounds ?? 0) + (after?.roundsSaved ?? 0)).toBe(before?.rounds)
    expect(after?.rounds).toBeLessThan(0.5 * (before?.rounds ?? 0))
  })

  it('are found whole in the folder of a run before, by workers too', async () => {
    const directory = join(scratch, 'states')
    const first = await run({ directory })
    let calls = 0
    const slow = { ...systemClock, elapsed: () => systemClock.elapsed() + 100 * calls++ }
    const again = await run(
      { directory },
      { clock: slow, computationalOptimization: { parallelization: { enabled: true, maxWorkers: 2 } } },
    )
    expect(again.stats.optimizers['worker-runner'].workers).toBe(2)
    expect(again.result.trials).toEqual(first.result.trials)
    expect(again.result.model?.search).toMatchObject({ trainings: 192, exact: 192, continued: 192, rounds: 0 })
  })

  it('may go on from what is only near: said so, the same at any concurrency, and not in the best one', async () => {
    const near = await run({ approximate: true })
    expect(near.result.model?.search.approximate).toBeGreaterThan(96)
    expect(near.result.model?.folds.every(({ exact }) => exact)).toBe(true)
    const same = await run({ approximate: true }, {}, { concurrency: 4 })
    expect(same.result.trials).toEqual(near.result.trials)
  })

  it('go on in memory where the folder cannot be made', async () => {
    const warnings: string[] = []
    const logger = { debug: () => undefined, info: () => undefined, warn: (text: string) => void warnings.push(text) }
    const file = join(scratch, 'a-file')
    await writeFile(file, '')
    const { result } = await run({ directory: join(file, 'states') }, { logger }, { trials: 4 })
    expect(warnings.some((text) => text.includes("models' states are kept in memory"))).toBe(true)
    expect(result.stats.done).toBe(4)
  })
})

describe('a saved strategy with a model', () => {
  it('predicts bar by bar what the batch predicts, only bars after those it was trained on', async () => {
    const known = viewRange(bars, 0, 500)
    const { result } = await train(known, { trials: 6 })
    const file = join(scratch, 'follow.strategy.json')
    await result.best.save(file)
    const live = await loadStrategy(file)
    seen.length = 0
    const { timeframe: _, ...options } = live.options
    const batch = backtest(live.program, live.params, bars, options)
    const [{ value }] = seen
    expect(value.subarray(0, 500).every(Number.isNaN)).toBe(true)
    expect(value.subarray(500).every((p) => p > 0 && p < 1)).toBe(true)
    expect(new Set(value.subarray(500)).size).toBe(2)
    live.warmUp(known)
    const enter = (live.params as { enter: number }).enter
    for (let i = 500; i < 600; i++) {
      const at = (name: 'timestamp' | 'open' | 'high' | 'low' | 'close' | 'volume') => bars[name][i]
      const { signals, ready } = live.push({
        timestamp: at('timestamp'),
        open: at('open'),
        high: at('high'),
        low: at('low'),
        close: at('close'),
        volume: at('volume'),
      })
      expect(ready).toBe(true)
      expect(signals).toEqual({ entry: value[i] > enter, exit: value[i] < 0.5 })
    }
    expect(batch.orders.every(({ index }) => index >= 500)).toBe(true)
    // A live run stopped and gone on with is the same.
    const next = await loadStrategy(file)
    next.restore(structuredClone(live.save()))
  })

  it('of boosted trees and three classes too', async () => {
    const known = viewRange(bars, 0, 500)
    const { result } = await train(known, {
      trials: 2,
      model: {
        ...step,
        create: { type: 'gradient-boosting' },
        options: { objective: 'multi-class', classes: 3, rounds: 8, maxDepth: 3 },
        labels: (of) => tripleBarrier({ bars: of, up: 0.02, down: 0.02, horizon: 8 }),
      },
      params: { enter: 0.4 },
    })
    expect(result.model?.folds.every(({ rounds, exact }) => rounds === 8 && exact)).toBe(true)
    for (const { importances } of result.model?.folds ?? [])
      expect(Object.values(importances ?? {}).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6)
    const file = join(scratch, 'trees.strategy.json')
    await result.best.save(file)
    const live = await loadStrategy(file)
    const { timeframe: _, ...options } = live.options
    seen.length = 0
    backtest(live.program, live.params, bars, options)
    const batch = seen[0].value
    expect(batch.subarray(500).every((p) => p > -1 && p < 1)).toBe(true)
    expect(new Set(batch.subarray(500)).size).toBeGreaterThan(20)
    seen.length = 0
    live.warmUp(known)
    for (let i = 500; i < 600; i++) {
      const { timestamp, open, high, low, close, volume } = bars
      const one = { timestamp: timestamp[i], open: open[i], high: high[i], low: low[i], close: close[i] }
      live.push({ ...one, volume: volume[i] })
      // A kernel without a stream is asked anew with all bars: its last value is this bar's.
      expect(seen[seen.length - 1].value.at(-1)).toBe(batch[i])
    }
  })

  it('is refused where the model was changed, or its module is gone', async () => {
    const { result } = await train(viewRange(bars, 0, 300), { trials: 1 })
    const file = join(scratch, 'changed.strategy.json')
    await result.best.save(file)
    const saved = JSON.parse(await readFile(file, 'utf8')) as {
      model: { state: { shares: number[] }; source: { module: string } }
    }
    saved.model.state.shares[0] += 1e-9
    await writeFile(file, JSON.stringify(saved))
    expect(await codeOf(loadStrategy(file))).toBe('CORRUPT')
    saved.model.state = 'nothing' as never
    saved.model.source = {} as never
    await writeFile(file, JSON.stringify(saved))
    expect(await codeOf(loadStrategy(file))).toBe('BAD_DATA')
  })
})

describe('what cannot be', () => {
  const failing = async (model: Partial<StepRequest>): Promise<string> => {
    const error: unknown = await train(bars, { trials: 2, model: { ...step, ...model } }).then(
      () => undefined,
      (e: unknown) => e,
    )
    return isTradewrightError(error) ? error.message : String(error)
  }

  it('fails the trial with one clear error, and the study goes on', async () => {
    const { result } = await train(bars, {
      trials: 20,
      sampler: { type: 'random' },
      model: { ...step, options: ({ cut }) => ({ cut, broken: cut > 0 }) },
    })
    const failed = result.trials.filter(({ status }) => status === 'failed')
    expect(failed.map(({ params }) => (params as { cut: number }).cut).every((cut) => cut > 0)).toBe(true)
    expect(failed.length).toBeGreaterThan(3)
    expect(result.stats.done).toBe(20 - failed.length)
    expect(failed[0].error?.message).toContain('this model cannot be trained')
  })

  it('says what is wrong with features and labels', async () => {
    const one = (y: (i: number) => number, classes?: number[]): Partial<StepRequest> => ({
      labels: (of) =>
        createLabels({ y: Float64Array.from(of.close, (_, i) => y(i)), knownAt: of.close.map((_, i) => i), classes }),
    })
    expect(await failing(one(() => 1, [0, 1]))).toMatch(
      /fold 0: a classifier needs more than one class, all 116 labels are 1|more than one class/,
    )
    expect(await failing(one((i) => (i === 50 ? Infinity : 1)))).toMatch(/targets must be finite, row 50 has Infinity/)
    expect(await failing(one(() => NaN))).toMatch(
      /fold 0: a model needs rows whose labels are known before its test, had 0/,
    )
    expect(await failing({ labels: (of) => fixedHorizon({ bars: viewRange(of, 1, of.length), horizon: 1 }) })).toMatch(
      /\[BAD_SHAPE\] labels must be one a bar \(120\), were 119/,
    )
    expect(await failing({ features: ({ close }) => ({ move: close, flat: close.gt(0) }) })).toMatch(
      /features of 'WALK' 'flat' must vary, was 1 on every bar/,
    )
    expect(await failing({ features: ({ close }) => ({ move: close, gone: close.sub(1e9).log() }) })).toMatch(
      /features of 'WALK' are never known together/,
    )
    expect(await failing({ features: () => ({}) })).toMatch(/features must name at least one column/)
    expect(await failing({ labels: (of) => tripleBarrier({ bars: of, up: 0.01, down: 0.01, horizon: 5 }) })).toMatch(
      /a model of 3 classes must give 3 outputs a row, gave 1/,
    )
  })

  it('refuses a model that is not there before anything runs', async () => {
    const create = { module: 'no-such-package', export: 'model' }
    await expect(train(bars, { model: { ...step, create } })).rejects.toThrow(
      /\[NOT_AVAILABLE\] model 'model' needs module no-such-package, which cannot be loaded/,
    )
    expect(await codeOf(train(bars, { model: { ...step, create: { module, export: 'nothing' } } }))).toBe('NOT_FOUND')
  })

  it('refuses a request before anything runs', async () => {
    const refused = (model: unknown): Promise<string> => codeOf(train(bars, { model: model as StepRequest }))
    expect(await refused(3)).toBe('BAD_OPTION')
    expect(await refused({ ...step, create: { type: 'gradient-bosting' } })).toBe('UNKNOWN_NAME')
    expect(await refused({ ...step, create: {} })).toBe('BAD_OPTION')
    expect(await refused({ ...step, labels: 1 })).toBe('BAD_OPTION')
    expect(await refused({ ...step, feature: 1 })).toBe('UNKNOWN_NAME')
    expect(await refused({ ...step, params: { hold: int(1, 2) } })).toBe('DUPLICATE_NAME')
    expect(await refused({ ...step, walkForward: { train: 1, test: 1 } })).toBe('BAD_OPTION')
    expect(await refused({ ...step, walkForward: { train: 100, test: 10, anchored: 1 } })).toBe('BAD_OPTION')
    expect(await refused({ ...step, walkForward: { train: 100, test: 10, purge: 1 } })).toBe('UNKNOWN_NAME')
    expect(await refused({ ...step, walkForward: { train: 700, test: 10 } })).toBe('BAD_OPTION')
    expect(await codeOf(train(bars, { model: undefined, trials: 1 }))).toBe('TRIAL_FAILED')
  })
})
