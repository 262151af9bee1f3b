// An indicator of one's own: Kaufman's efficiency ratio, the net move over n bars divided by the path walked.
// Columns in, one column out; `createStream` gives the same values bar by bar, to the last bit, for a live bot.
import { fileURLToPath } from 'node:url'
import { createOptimizedTrainingSystem, csvDataSource, defineIndicator, defineStrategy, float, int } from 'tradewright'

/** Value at bar i of the last n moves, oldest first. NaN until there are n of them. */
function ratioAt(close: ArrayLike<number>, i: number, n: number): number {
  if (i < n) return Number.NaN
  let path = 0
  for (let k = i - n + 1; k <= i; k++) path += Math.abs(close[k] - close[k - 1])
  return path === 0 ? 0 : Math.abs(close[i] - close[i - n]) / path
}

const efficiencyRatio = defineIndicator({
  name: 'efficiency-ratio',
  version: '1', // part of every cache key: raise it when the formula changes
  kernel: {
    compute: ([close], [n], length) => Float64Array.from({ length }, (_, i) => ratioAt(close, i, n)),
    createStream: ([n]) => {
      let window: number[] = []
      return {
        next([close]) {
          window = [...window, close].slice(-n - 1)
          return ratioAt(window, window.length - 1, n)
        },
        save: () => window,
        restore: (state) => {
          window = [...(state as number[])]
        },
      }
    },
  },
})

const efficientTrend = defineStrategy({
  name: 'efficient-trend',
  params: { n: int(5, 60), enter: float(0.2, 0.7) },
  signals: ({ close }, { n, enter }) => ({
    entry: efficiencyRatio(close, n)
      .crossesAbove(enter)
      .and(close.gt(close.lag(n))),
    exit: close.crossesBelow(close.lag(n)),
  }),
})

const prices = fileURLToPath(new URL('../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url))
const system = await createOptimizedTrainingSystem({
  dataSource: csvDataSource(prices, { calendar: 'equity', symbol: 'SPX' }),
  training: { sampler: { type: 'random' } },
  computationalOptimization: { caching: { disk: false } },
})
const { best, stats } = await system.trainingManager.executeOptimizedTraining({ strategy: efficientTrend, trials: 60 })
console.log('trials', stats.done, 'n', best.params.n, 'enter', best.params.enter.toFixed(2))
console.log('Sharpe', best.value.toFixed(2), 'trades', best.metrics.trades)
await system.close()
