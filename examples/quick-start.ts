// Tunes a moving-average cross on bars made from a seed, and shows what the best parameters did on bars that the
// search never saw.
import {
  createBars,
  createOptimizedTrainingSystem,
  createRng,
  defineStrategy,
  float,
  int,
  memoryDataSource,
  ta,
} from 'tradewright'

const smaCross = defineStrategy({
  name: 'sma-cross',
  params: { fast: int(5, 50), slow: int(20, 200), stop: float(0.01, 0.1) },
  where: ({ fast, slow }) => fast < slow,
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
  simulate: (_columns, { stop }) => ({ stopLoss: stop }),
})

// A random walk with slow waves, daily. With files: dataSource: csvDataSource('./data', { calendar: 'crypto' }).
const rng = createRng(7)
const close = [100]
for (let i = 1; i < 3000; i++) close.push(close[i - 1] * Math.exp(0.001 * Math.sin(i / 60) + 0.015 * rng.normal()))
const bars = createBars({
  timestamp: close.map((_, i) => Date.UTC(2016, 0, 1) + i * 86_400_000),
  open: close.map((price, i) => close[i - 1] ?? price),
  high: close.map((price, i) => Math.max(price, close[i - 1] ?? price)),
  low: close.map((price, i) => Math.min(price, close[i - 1] ?? price)),
  close,
  volume: close.map(() => 1),
  symbol: 'WAVES',
  timeframe: '1d',
  calendar: 'crypto',
})

const system = await createOptimizedTrainingSystem({
  dataSource: memoryDataSource(bars),
  training: { trials: 200, objective: 'sharpe', seed: 1, sampler: { type: 'random' } },
  computationalOptimization: { caching: { disk: false } },
})
try {
  const result = await system.trainingManager.executeOptimizedTraining({ strategy: smaCross, symbol: 'WAVES' })
  const { best, validation } = result
  console.log('best', best.params.fast, best.params.slow, best.params.stop.toFixed(3))
  console.log('Sharpe in-sample', best.metrics.sharpe?.toFixed(2), 'held out', validation.heldOut?.sharpe?.toFixed(2))
  console.log('buy and hold, held out', validation.buyAndHold.heldOut?.sharpe?.toFixed(2))
  console.log('deflated Sharpe ratio', validation.deflatedSharpe.toFixed(2))
} finally {
  await system.close()
}
