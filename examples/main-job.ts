// The main job: tunes three strategies on twenty years of the S&P 500, validates them on bars that the search never
// saw, and writes a report. `npm start` runs it; run it twice, and the second run answers from the disk cache.
import { fileURLToPath } from 'node:url'
import {
  cacheNote,
  createOptimizedTrainingSystem,
  csvDataSource,
  defineStrategy,
  float,
  int,
  progressBar,
  resultTable,
  type Strategy,
  type TrainingResult,
  ta,
  writeReport,
} from 'tradewright'

const smaCross = defineStrategy({
  name: 'SMA cross',
  params: { fast: int(5, 60), slow: int(20, 250), stop: float(0.02, 0.2) },
  where: ({ fast, slow }) => fast < slow,
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
  simulate: (_columns, { stop }) => ({ stopLoss: stop }),
})

const rsiReversion = defineStrategy({
  name: 'RSI reversion',
  params: { period: int(2, 30), low: int(10, 45), high: int(50, 90) },
  signals: ({ close }, { period, low, high }) => ({
    entry: ta.rsi(close, period).crossesBelow(low),
    exit: ta.rsi(close, period).crossesAbove(high),
  }),
})

const bollingerBreakout = defineStrategy({
  name: 'Bollinger breakout',
  params: { period: int(5, 120), width: float(0.5, 3) },
  signals: ({ close }, { period, width }) => {
    const { upper, middle } = ta.bollinger(close, period, width)
    return { entry: close.crossesAbove(upper), exit: close.crossesBelow(middle) }
  },
})

const prices = fileURLToPath(new URL('../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url))
const system = await createOptimizedTrainingSystem({
  dataSource: csvDataSource(prices, { calendar: 'equity', timeframe: '1d', symbol: 'S&P 500' }),
  training: { trials: 400, objective: 'sharpe', seed: 1, sampler: { type: 'perturbation' } },
  computationalOptimization: {
    caching: { admission: 'all' }, // its trials cost less than a disk read, but the second run is to answer from disk
    earlyStopping: { enabled: false }, // every strategy gets the same number of trials
  },
})
const bar = progressBar()
const tune = async <P>(strategy: Strategy<P>): Promise<TrainingResult<P>> => {
  const result = await system.trainingManager.executeOptimizedTraining({ strategy, onProgress: bar.update })
  bar.done()
  return result
}
const results = [await tune(smaCross), await tune(rsiReversion), await tune(bollingerBreakout)]
const stats = system.trainingManager.getOptimizationStats()
await system.close()

console.log(`\n${resultTable(results)}\n\n${cacheNote(stats) ?? 'The cache was off.'}`)
console.log(
  `Report: ${await writeReport('reports/main-job.html', results, { stats, title: 'Three strategies on the S&P 500' })}`,
)
