// An optimizer of one's own: it sees every batch of trials on its way to the engine, and every answer on its way back.
// This one keeps a journal.
import { createOptimizedTrainingSystem, csvDataSource, defineOptimizer, defineStrategy, int, ta } from 'tradewright'

const prices = new URL('../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url)

const journal = { batches: 0, trials: 0, bars: 0 }
const keepJournal = defineOptimizer({
  name: 'journal',
  effect: 'exact', // every trial stays bit-identical without it
  async evaluate(request, next) {
    const evaluations = await next(request)
    journal.batches++
    journal.trials += evaluations.length
    journal.bars += evaluations.reduce((bars, { cost }) => bars + cost.bars, 0)
    return evaluations
  },
  stats: () => journal,
})

// One that changes which trials are made says so: effect 'search'. It starts every generation with a known point.
const startFromKnown = defineOptimizer({
  name: 'known-start',
  effect: 'search',
  async suggest(request, next) {
    const suggestions = [...(await next(request))]
    if (request.firstTrial === 0) suggestions[0] = { period: 14 }
    return suggestions
  },
})

const rsiReversion = defineStrategy({
  name: 'rsi-reversion',
  params: { period: int(2, 30) },
  signals: ({ close }, { period }) => ({
    entry: ta.rsi(close, period).crossesBelow(35),
    exit: ta.rsi(close, period).crossesAbove(60),
  }),
})

const system = await createOptimizedTrainingSystem({
  dataSource: csvDataSource(prices.pathname, { calendar: 'equity', symbol: 'SPX' }),
  training: { sampler: { type: 'random' } },
  computationalOptimization: { caching: { enabled: false } },
})
system.use(keepJournal).use(startFromKnown)
const { trials } = await system.trainingManager.executeOptimizedTraining({ strategy: rsiReversion, trials: 29 })
console.log('first trial', trials[0].params)
console.log('journal', journal.trials, 'trials,', journal.bars, 'bars')
await system.close()
