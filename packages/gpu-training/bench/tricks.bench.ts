// Trains a direction classifier on real bars (S&P 500 of vega-datasets, or hourly BTCUSDT where TRADEWRIGHT_DATA names
// the shared data) and prints each trick's effect on time, memory and validation loss beside the run without it.
// The tricks take turns with the plain run; times are medians of 3. A regression means that a trick costs more than it says.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  adamW,
  arrayDataset,
  chromeTrace,
  clipNorm,
  clipValue,
  cosineRestarts,
  createTrainer,
  crossEntropy,
  dense,
  dropout,
  dynamicBatching,
  dynamicLossScaling,
  earlyStopping,
  exponentialAverage,
  fusedBackend,
  gradientAccumulation,
  gradientCheckpointing,
  labelSmoothing,
  linearWarmup,
  mixup,
  oneCycle,
  polynomialDecay,
  reduceOnPlateau,
  sequential,
  stateOffloading,
  stochasticWeightAveraging,
  type TrainerOptions,
} from '../src/index.ts'

function closes(): { name: string; close: number[] } {
  const folder = process.env.TRADEWRIGHT_DATA || undefined
  const path = folder === undefined ? '' : `${folder}/crypto/nic__BTCUSDT__1h.csv.gz`
  const text =
    path === ''
      ? readFileSync(resolve(import.meta.dirname, '../../../node_modules/vega-datasets/data/sp500-2000.csv'), 'utf8')
      : gunzipSync(readFileSync(path)).toString()
  const rows = text.trimEnd().split('\n').slice(1)
  return {
    name: path === '' ? 'S&P 500, daily' : 'BTCUSDT, hourly',
    close: rows.map((row) => Number(row.split(',')[4])),
  }
}

const { name, close } = closes()
const LAGS = 32
const HORIZON = 1
const count = close.length - LAGS - HORIZON
const returns = close.map((c, i) => (i === 0 ? 0 : Math.log(c / close[i - 1])))
const sd = Math.sqrt(returns.reduce((sum, r) => sum + r * r, 0) / returns.length)
const x = new Float32Array(count * LAGS)
const y = new Float32Array(count)
for (let i = 0; i < count; i++) {
  for (let j = 0; j < LAGS; j++) x[i * LAGS + j] = returns[i + 1 + j] / sd
  y[i] = close[i + LAGS + HORIZON] > close[i + LAGS] ? 1 : 0
}
const cut = Math.floor(count * 0.7)
const data = arrayDataset({ x: x.subarray(0, cut * LAGS), inputs: LAGS, y: y.subarray(0, cut) })
const validation = arrayDataset({ x: x.subarray(cut * LAGS), inputs: LAGS, y: y.subarray(cut) })
const EPOCHS = 8
const base: TrainerOptions = {
  model: sequential(LAGS, [
    ...Array.from({ length: 6 }, () => dense(64, { activation: 'relu' })),
    dropout(0.1),
    dense(2),
  ]),
  loss: crossEntropy(),
  updateRule: adamW(),
  backend: fusedBackend(),
  batch: 128,
  rate: 1e-3,
  seed: 1,
}
const cases: Record<string, () => Partial<TrainerOptions>> = {
  'no trick': () => ({}),
  'gradientAccumulation(4)': () => ({ batch: 32, tricks: [gradientAccumulation(4)] }),
  'clipNorm(1)': () => ({ tricks: [clipNorm(1)] }),
  'clipValue(0.1)': () => ({ tricks: [clipValue(0.1)] }),
  'gradientCheckpointing()': () => ({ tricks: [gradientCheckpointing()] }),
  "dynamicBatching({ goal: 'memory', maxBytes: 740_000 })": () => ({
    tricks: [dynamicBatching({ goal: 'memory', maxBytes: 740_000 })],
  }),
  "dynamicBatching({ goal: 'throughput' })": () => ({ tricks: [dynamicBatching({ goal: 'throughput' })] }),
  'dynamicLossScaling()': () => ({ tricks: [dynamicLossScaling()] }),
  'activations in bfloat16': () => ({ precision: { activations: 'bfloat16' } }),
  'activations in float16': () => ({ precision: { activations: 'float16' } }),
  'weights in bfloat16': () => ({ precision: { weights: 'bfloat16' } }),
  'exponentialAverage()': () => ({ tricks: [exponentialAverage()] }),
  stochasticWeightAveraging: () => ({ tricks: [stochasticWeightAveraging({ from: 5 })] }),
  'oneCycle()': () => ({ tricks: [oneCycle()] }),
  cosineRestarts: () => ({ tricks: [cosineRestarts({ period: 50, factor: 2 })] }),
  'linearWarmup + polynomialDecay': () => ({ tricks: [linearWarmup({ steps: 50 }), polynomialDecay()] }),
  reduceOnPlateau: () => ({ tricks: [reduceOnPlateau({ patience: 1 })] }),
  earlyStopping: () => ({ tricks: [earlyStopping({ criteria: [{ metric: 'validationLoss', patience: 2 }] })] }),
  'labelSmoothing(0.1)': () => ({ tricks: [labelSmoothing(0.1)] }),
  'mixup()': () => ({ tricks: [mixup()] }),
  'stateOffloading to disk': () => ({ tricks: [stateOffloading({ to: 'disk' })] }),
  'chromeTrace()': () => ({ tricks: [chromeTrace()] }),
}

interface Row {
  readonly ms: number[]
  loss: number
  bytes: number
  steps: number
}
const rows = new Map<string, Row>()
for (let round = 0; round < 3; round++)
  for (const [trick, make] of Object.entries(cases)) {
    const trainer = createTrainer({ ...base, ...make() })
    const start = performance.now()
    const result = await trainer.fit(data, { epochs: EPOCHS, validation })
    const ms = (performance.now() - start) / result.epochs
    const row = rows.get(trick) ?? { ms: [], loss: 0, bytes: 0, steps: 0 }
    row.ms.push(ms)
    row.loss = trainer.evaluate(validation)
    row.bytes = trainer.model.memory().total
    row.steps = result.steps
    rows.set(trick, row)
    trainer.dispose()
  }
const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]
const plain = rows.get('no trick') as Row
console.log(
  `${name}: ${cut} rows to learn, ${count - cut} to judge by, ${EPOCHS} epochs; a coin has a loss of ${Math.LN2.toFixed(4)}`,
)
console.log('trick | ms an epoch | time | bytes | memory | validation loss')
for (const [trick, { ms, bytes, loss }] of rows)
  console.log(
    `${trick} | ${median(ms).toFixed(1)} | ${(median(ms) / median(plain.ms)).toFixed(2)}x | ${bytes} | ${(bytes / plain.bytes).toFixed(2)}x | ${loss.toFixed(4)}`,
  )
