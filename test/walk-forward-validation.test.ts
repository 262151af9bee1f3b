// A search on each stretch of the bars, tried on the stretch after it.
import { type Bars, createBars, isTradewrightError, viewRange } from '@tradewright/core'
import {
  createOptimizedTrainingSystem,
  defineStrategy,
  fixedHorizon,
  float,
  memoryDataSource,
  type TrainingRequest,
  ta,
} from 'tradewright'
import { describe, expect, it } from 'vitest'
import { walk, withOtherEnd } from './market.ts'
import { smaCross } from './strategies.ts'

type Own = typeof smaCross extends { bind(list: readonly (infer P)[]): unknown } ? P : never

async function train(bars: Bars | readonly Bars[], request: Partial<TrainingRequest<Own>> = {}) {
  const system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource(bars),
    training: { trials: 40, objective: 'totalReturn', seed: 3, sampler: { type: 'random' } },
    computationalOptimization: { caching: { enabled: false }, parallelization: { enabled: false } },
  })
  try {
    return await system.trainingManager.executeOptimizedTraining({ strategy: smaCross, ...request })
  } finally {
    await system.close()
  }
}

const bars = walk(1000)
const walkForward = { train: 300, test: 100, embargo: 5 }
const validation = { holdout: 0.3, walkForward }

describe('walk-forward validation', () => {
  it('gives each fold what a search on its training alone gives, and what that does on the bars after it', async () => {
    const { validation: proved } = await train(bars, { validation })
    const folds = proved.walkForward?.folds ?? []
    // 700 bars are searched: 300 + 5 + 100, then 100 more each.
    expect(folds).toHaveLength(3)
    const values: number[] = []
    for (const [k, fold] of folds.entries()) {
      const [from, test] = [100 * k, 100 * k + 305]
      expect([fold.trainFrom, fold.testFrom, fold.testTo]).toEqual(
        [from, test, test + 99].map((i) => bars.timestamp[i]),
      )
      if (fold.status !== 'done') return expect.fail('a fold failed')
      // Indicators warm up on the bars before: only the first fold has none.
      if (k === 0) {
        const alone = await train(viewRange(bars, 0, 300), { validation: { holdout: 0 } })
        expect(fold.params).toEqual(alone.best.params)
        expect(fold.train).toEqual(alone.best.metrics)
      }
      const after = await train(viewRange(bars, 0, test + 100), {
        params: fold.params as Own,
        trials: 1,
        validation: { holdout: 100 / (test + 100) },
      })
      expect(fold.test.totalReturn).toBeCloseTo(after.validation.heldOut?.totalReturn ?? NaN, 12)
      expect(fold.testValue).toBe(fold.test.totalReturn)
      expect(fold.value).toBe(fold.train.totalReturn)
      values.push(fold.testValue)
    }
    expect(proved.walkForward?.testValue).toBeCloseTo(values.reduce((a, b) => a + b) / 3, 12)
    expect(proved.walkForward?.efficiency).toBeCloseTo(
      (proved.walkForward?.testValue ?? NaN) / (proved.walkForward?.value ?? NaN),
      12,
    )
  })

  it('leaves the search itself as it was, and knows nothing of later bars', async () => {
    const [plain, walked] = [await train(bars), await train(bars, { validation })]
    expect(walked.trials).toEqual(plain.trials)
    expect({ ...walked.validation, walkForward: undefined }).toEqual({ ...plain.validation, walkForward: undefined })
    const other = await train(
      withOtherEnd(bars, 405, (i) => 1 + 0.1 * Math.sin(i)),
      { validation },
    )
    expect(other.validation.walkForward?.folds[0]).toEqual(walked.validation.walkForward?.folds[0])
    expect(other.validation.walkForward?.folds[1]).not.toEqual(walked.validation.walkForward?.folds[1])
  })

  it('takes several markets, anchored trainings, and models', async () => {
    const both = await train([walk(600, 1, 'ONE'), walk(700, 2, 'TWO')], {
      symbols: ['ONE', 'TWO'],
      validation: { holdout: 0, walkForward: { train: 200, test: 150, anchored: true } },
    })
    const folds = both.validation.walkForward?.folds ?? []
    expect(folds.map(({ trainFrom }) => trainFrom)).toEqual([0, 0].map((i) => bars.timestamp[i]))
    const trusting = defineStrategy({
      name: 'trusting',
      params: { enter: float(0.45, 0.5) },
      signals: ({ prediction }, { enter }) => ({ entry: prediction.gt(enter), exit: prediction.lt(enter) }),
    })
    const system = await createOptimizedTrainingSystem({
      dataSource: memoryDataSource(bars),
      training: { trials: 4, objective: 'totalReturn' },
      computationalOptimization: { caching: { enabled: false }, parallelization: { enabled: false } },
    })
    const { validation: proved } = await system.trainingManager.executeOptimizedTraining({
      strategy: trusting,
      validation,
      model: {
        create: { module: new URL('./models/small-models.ts', import.meta.url).href, export: 'stepModel' },
        params: { cut: float(-1, 1) },
        features: ({ close }) => ({ move: ta.roc(close, 3) }),
        labels: (of) => fixedHorizon({ bars: of, horizon: 3, threshold: 0, classes: 'up' }),
        walkForward: { train: 100, test: 50 },
      },
    })
    await system.close()
    expect(proved.walkForward?.folds.map(({ status }) => status)).toEqual(['done', 'done', 'done'])
    expect(proved.walkForward?.folds.some((fold) => fold.status === 'done' && (fold.test.trades ?? 0) > 0)).toBe(true)
  })

  it('tells of a fold in which nothing gave a result, and goes on', async () => {
    const still = (column: Float64Array): Float64Array => column.map((v, i) => (i < 100 || i >= 405 ? v : 100))
    const { timestamp, open, high, low, close, volume, symbol, timeframe, calendar } = bars
    const quiet = createBars({
      timestamp,
      open: still(open),
      high: still(high),
      low: still(low),
      close: still(close),
      volume,
      symbol,
      timeframe,
      calendar,
    })
    // Without a trade there is no Sharpe ratio: on the second fold's training nothing can be told from anything.
    const { best, validation: proved } = await train(quiet, { validation, objective: 'sharpe', params: { slow: 60 } })
    expect(best.value).not.toBeNaN()
    const folds = proved.walkForward?.folds ?? []
    expect(folds.map(({ status }) => status)).toEqual(['done', 'failed', 'done'])
    const [first, second, third] = folds
    if (first.status === 'failed' || third.status === 'failed' || second.status === 'done')
      return expect.fail('statuses')
    expect(second.error.code).toBe('TRIAL_FAILED')
    expect(proved.walkForward?.value).toBeCloseTo((first.value + third.value) / 2, 12)
  })

  it('is refused before anything is searched where no fold fits', async () => {
    let told = 0
    const refused = train(bars, {
      validation: { holdout: 0.3, walkForward: { train: 650, test: 100 } },
      onProgress: () => told++,
    })
    const error = await refused.then(
      () => undefined,
      (e: unknown) => e,
    )
    expect(isTradewrightError(error) && error.code).toBe('BAD_OPTION')
    expect(told).toBe(0)
  })
})
