/*
 * One indicator over 10,000 bars, columns reused: what a sweep does once per distinct parameter set. Peers: the plain form
 * one would write first (running sums, no exactness), and TA-Lib's C compiled to WebAssembly (talib-web), once called with
 * pointers and columns copied as we do, once through its own API of plain arrays.
 * Median microseconds; ratios above 1 mean that we are faster. Only ratios within one run count.
 * A regression: `sma` far above `plain` (the block form fell back to the exact accumulator), `many` no better than one.
 */

import { createRng } from '@tradewright/core'
import talibWeb from 'talib-web'
import { bollinger, ema, emaMany, rollingMax, rollingStd, rsi, rsiMany, sma, smaMany, wma } from '../src/index.ts'
import { useKernels } from '../src/kernels/kernels.ts'
import { createPlainKernels } from '../src/kernels/plain-kernels.ts'
import { loadTalib } from '../test/talib.ts'

const BARS = 10_000
const rng = createRng(1, 1)
let price = 100
const close = Float64Array.from({ length: BARS }, () => {
  price *= 1 + 0.02 * (rng.uniform() - 0.5)
  return price
})
const inReal = [...close]
const out = new Float64Array(BARS)
const bands = { upper: new Float64Array(BARS), middle: new Float64Array(BARS), lower: new Float64Array(BARS) }
const periods = Array.from({ length: 100 }, (_, i) => i + 2)
const outs = periods.map(() => new Float64Array(BARS))
const talib = await loadTalib()

function plainSma(period: number): void {
  let sum = 0
  for (let i = 0; i < BARS; i++) {
    sum += close[i]
    if (i >= period) sum -= close[i - period]
    out[i] = i >= period - 1 ? sum / period : NaN
  }
}

function plainStd(period: number): void {
  let sum = 0
  let squares = 0
  for (let i = 0; i < BARS; i++) {
    sum += close[i]
    squares += close[i] * close[i]
    if (i >= period) {
      sum -= close[i - period]
      squares -= close[i - period] * close[i - period]
    }
    const mean = sum / period
    out[i] = i >= period - 1 ? Math.sqrt(Math.max(0, squares / period - mean * mean)) : NaN
  }
}

function plainMax(period: number): void {
  for (let i = 0; i < BARS; i++) {
    let largest = NaN
    if (i >= period - 1) {
      largest = close[i]
      for (let k = i - period + 1; k < i; k++) if (close[k] > largest) largest = close[k]
    }
    out[i] = largest
  }
}

function median(run: () => unknown, per = 1): number {
  const times: number[] = []
  for (let i = 0; i < 60; i++) {
    const start = performance.now()
    run()
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  return (times[30] * 1000) / per
}

interface Row {
  readonly ours: () => unknown
  readonly many?: () => unknown
  readonly plain?: () => unknown
  readonly talib?: () => unknown
  readonly api?: () => unknown
}

const rows: Readonly<Record<string, Row>> = {
  'sma(20)': {
    ours: () => sma(close, 20, out),
    many: () => smaMany(close, periods, outs),
    plain: () => plainSma(20),
    talib: () => talib.call('SMA', [close], [20]),
    api: () => talibWeb.SMA({ inReal, timePeriod: 20 }),
  },
  'ema(20)': {
    ours: () => ema(close, 20, out),
    many: () => emaMany(close, periods, outs),
    talib: () => talib.call('EMA', [close], [20]),
    api: () => talibWeb.EMA({ inReal, timePeriod: 20 }),
  },
  'wma(20)': { ours: () => wma(close, 20, out), talib: () => talib.call('WMA', [close], [20]) },
  'rsi(14)': {
    ours: () => rsi(close, 14, out),
    many: () => rsiMany(close, periods, outs),
    talib: () => talib.call('RSI', [close], [14]),
  },
  'rollingStd(20)': {
    ours: () => rollingStd(close, 20, out),
    plain: () => plainStd(20),
    talib: () => talib.call('STDDEV', [close], [20, 1]),
  },
  'bollinger(20, 2)': {
    ours: () => bollinger(close, { period: 20, deviations: 2 }, bands),
    talib: () => talib.call('BBANDS', [close], [20, 2, 2, 0], 3),
  },
  'rollingMax(20)': {
    ours: () => rollingMax(close, 20, out),
    plain: () => plainMax(20),
    talib: () => talib.call('MAX', [close], [20]),
  },
  'rollingMax(200)': {
    ours: () => rollingMax(close, 200, out),
    plain: () => plainMax(200),
    talib: () => talib.call('MAX', [close], [200]),
  },
}

for (const form of ['wasm', 'plain'] as const) {
  useKernels(form === 'plain' ? createPlainKernels() : undefined)
  console.log(`\nkernels: ${form}; microseconds per column of ${BARS} bars`)
  for (const [name, row] of Object.entries(rows)) {
    const ours = median(row.ours)
    const rest = Object.entries({ many: row.many, plain: row.plain, talib: row.talib, api: row.api })
      .filter(([, run]) => run !== undefined)
      .map(([label, run]) => {
        const time = median(run as () => unknown, label === 'many' ? periods.length : 1)
        return `${label} ${time.toFixed(0)} (${(time / ours).toFixed(2)})`
      })
    console.log(`${name.padEnd(18)} ours ${ours.toFixed(0).padStart(5)}   ${rest.join('   ')}`)
  }
}
