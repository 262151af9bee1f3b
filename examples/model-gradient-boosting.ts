// Gradient-boosted trees within a strategy: their options, the features and the strategy's thresholds are searched
// together. No bar of the S&P 500 is predicted by a model that saw it, in the search, on the held-out bars, or live.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import {
  createOptimizedTrainingSystem,
  csvDataSource,
  defineStrategy,
  ewmVolatility,
  float,
  int,
  loadStrategy,
  ta,
  tripleBarrier,
} from 'tradewright'

const trusting = defineStrategy({
  name: 'trust the trees',
  params: { enter: float(0.4, 0.6), leave: float(0.2, 0.45) },
  signals: ({ prediction }, { enter, leave }) => ({ entry: prediction.gt(enter), exit: prediction.lt(leave) }),
})

const prices = fileURLToPath(new URL('../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url))
const system = await createOptimizedTrainingSystem({
  dataSource: csvDataSource(prices, { calendar: 'equity', timeframe: '1d', symbol: 'S&P 500' }),
  training: { trials: 16, seed: 1, sampler: { type: 'random' } },
  computationalOptimization: { caching: { disk: false } }, // leaves nothing behind
})
const { best, validation, model } = await system.trainingManager.executeOptimizedTraining({
  strategy: trusting,
  model: {
    create: { type: 'gradient-boosting' },
    params: { depth: int(2, 4), rounds: int(20, 60, { step: 10 }), span: int(5, 30) },
    options: ({ depth, rounds }) => ({ objective: 'binary', maxDepth: depth, rounds, learningRate: 0.1, seed: 1 }),
    features: ({ close, high, low }, { span }) => ({
      rsi: ta.rsi(close, span),
      day: ta.roc(close, 1),
      month: ta.roc(close, 21),
      trend: close.div(ta.sma(close, 200)),
      range: high.sub(low).div(ta.atr(span)),
    }),
    // Which comes first within ten days: a rise or a fall of twice the usual daily move?
    labels: (bars) =>
      tripleBarrier({ bars, up: 2, down: 2, horizon: 10, volatility: ewmVolatility(bars, 50), classes: 'up' }),
    walkForward: { train: 1000, test: 250, embargo: 1 },
  },
})
const folder = await mkdtemp(`${tmpdir()}/tradewright-`)
await best.save(`${folder}/trees.strategy.json`)
const live = await loadStrategy(`${folder}/trees.strategy.json`) // with the newest model, for the bars to come
await rm(folder, { recursive: true })
await system.close()

console.log('best', JSON.stringify(best.params))
console.log('models', model?.folds.length, 'trainings', model?.search.trainings, 'exact', model?.search.exact)
const loss = model?.folds.map(({ testLoss, baseLoss }) => `${testLoss.toFixed(3)}/${baseLoss.toFixed(3)}`)
console.log('loss on bars never seen/by guessing', loss?.slice(0, 4).join(' '))
console.log('Sharpe in-sample', best.metrics.sharpe?.toFixed(2), 'held out', validation.heldOut?.sharpe?.toFixed(2))
console.log('live', live.name, Object.keys(live.program.signals).join())
