// An objective of one's own: any function of what a trial did on each slice. It runs in the host, so it may be a
// closure, and changing it hits the cache: nothing is computed twice.
import { fileURLToPath } from 'node:url'
import { createOptimizedTrainingSystem, csvDataSource, defineStrategy, int, type Objective, ta } from 'tradewright'

const prices = fileURLToPath(new URL('../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url))

const smaCross = defineStrategy({
  name: 'sma-cross',
  params: { fast: int(5, 60), slow: int(20, 250) },
  where: ({ fast, slow }) => fast < slow,
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
})

/** Return, less a penalty for deep drawdowns and for trading seldom: NaN refuses a trial. */
const calm: Objective = {
  direction: 'maximize',
  score([{ metrics }]) {
    const { totalReturn = Number.NaN, maxDrawdown = 0, trades = 0 } = metrics
    return trades < 10 ? Number.NaN : totalReturn - 3 * Math.max(0, -maxDrawdown - 0.15)
  },
}

/** Two objectives at once: the result's `front` holds what no other trial beats in both. */
const both: Objective = {
  direction: ['maximize', 'maximize'],
  score: ([{ metrics }]) => [metrics.totalReturn ?? Number.NaN, metrics.maxDrawdown ?? Number.NaN],
}

const system = await createOptimizedTrainingSystem({
  dataSource: csvDataSource(prices, { calendar: 'equity', symbol: 'SPX' }),
  training: { trials: 200, seed: 3, sampler: { type: 'random' } },
  computationalOptimization: { caching: { disk: false, admission: 'all' } },
})
const { trainingManager } = system
const first = await trainingManager.executeOptimizedTraining({ strategy: smaCross, objective: calm })
console.log('calm', first.best.params, 'score', first.best.value.toFixed(3), 'refused', first.stats.failed)

const second = await trainingManager.executeOptimizedTraining({ strategy: smaCross, objective: both })
console.log('front', second.front.length, 'of', second.trials.length, 'trials')
console.log('answered from the cache', (trainingManager.getOptimizationStats().cache?.hits ?? 0) >= 200)
await system.close()
