// The main job: tunes three strategies on twenty years of the S&P 500, validates them on bars that the search never
// saw, and writes a report. `npm start` runs it; run it twice, and the second run answers from the disk cache.
import { fileURLToPath } from 'node:url'
import {
  cacheNote,
  createOptimizedTrainingSystem,
  csvDataSource,
  progressBar,
  resultTable,
  type Strategy,
  type TrainingResult,
  writeReport,
} from 'tradewright'
import { bollingerBreakout, rsiReversion, smaCross } from './strategies/main-job.ts'

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
