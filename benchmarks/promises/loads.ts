// What the promises are measured on: real bars, and strategies whose trials cost 0.05, 0.3 and 300 ms.
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { defineIndicator, defineStrategy, type Strategy, ta } from '@tradewright/backtest'
import { type Bars, type Calendar, createBars, float, int } from '@tradewright/core'
import { weightedMomentum } from '../tasks/weighted-momentum.mjs'

/** Folder of real market data; hourly bars are skipped where it is not there. */
const dataFolder = process.env.TRADEWRIGHT_DATA ?? resolve(import.meta.dirname, '../../../shared/data')

/** The S&P 500, daily, 2000 to 2020. */
export function dailyBars(): Bars {
  const file = new URL('../../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url)
  const [head, ...rows] = readFileSync(file, 'utf8').trim().split('\n')
  const names = head.split(',')
  const column = (name: string) => rows.map((row) => Number(row.split(',')[names.indexOf(name)]))
  return createBars({
    symbol: 'S&P 500',
    timestamp: rows.map((row) => Date.parse(row.split(',')[0])),
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
    volume: column('volume'),
    timeframe: '1d',
    calendar: 'equity',
  })
}

/** BTCUSDT 2017 to 2024, EURUSD 2007 to 2018, SPY 1998 to 2021, hourly: 173,700 bars. */
function hourlyBars(): readonly Bars[] {
  return [
    barsOf('crypto/nic__BTCUSDT__1h.csv.gz', 'BTCUSDT', 'crypto'),
    barsOf('fx/lean__EURUSD__1h.csv.gz', 'EURUSD', 'fx'),
    barsOf('equity/lean__SPY__1h.csv.gz', 'SPY', 'equity'),
  ].flatMap((bars) => bars ?? [])
}

function barsOf(name: string, symbol: string, calendar: Calendar): Bars | undefined {
  const file = join(dataFolder, name)
  if (!existsSync(file)) return undefined
  const lines = gunzipSync(readFileSync(file)).toString().trim().split('\n').slice(1)
  const rows = lines.map((line) => line.split(',').map(Number))
  const column = (k: number) => rows.map((row) => row[k])
  return createBars({
    symbol,
    timestamp: column(0),
    open: column(1),
    high: column(2),
    low: column(3),
    close: column(4),
    volume: column(5),
    timeframe: '1h',
    calendar,
  })
}

/** The same returns again and again, up and down in turn so that the price stays where it is. */
export function repeated(bars: Bars, length: number): Bars {
  const close = new Float64Array(length)
  let price = bars.close[0]
  for (let i = 0; i < length; i++) {
    const k = 1 + (i % (bars.length - 1))
    const up = Math.floor(i / (bars.length - 1)) % 2 === 0
    price *= up ? bars.close[k] / bars.close[k - 1] : bars.close[bars.length - k - 1] / bars.close[bars.length - k]
    close[i] = price
  }
  const open = close.map((p, i) => (i === 0 ? p : close[i - 1]))
  return createBars({
    symbol: `${bars.symbol} repeated`,
    timestamp: close.map((_, i) => i * 60_000),
    open,
    high: close.map((p, i) => Math.max(p, open[i])),
    low: close.map((p, i) => Math.min(p, open[i])),
    close,
    volume: close.map(() => 1),
    timeframe: '1m',
    calendar: 'crypto',
  })
}

export const cross = defineStrategy({
  name: 'sma-cross',
  params: { fast: int(5, 50), slow: int(51, 200), stop: float(0.02, 0.2, { step: 0.02 }) },
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
  simulate: (_columns, { stop }) => ({ stopLoss: stop }),
})

const momentum = defineIndicator({
  name: 'weightedMomentum',
  version: '1',
  module: new URL('../tasks/weighted-momentum.mjs', import.meta.url).href,
  kernel: weightedMomentum,
})
const slow = defineStrategy({
  name: 'weighted-momentum',
  params: { period: int(10, 40), level: float(0, 0.02, { step: 0.005 }) },
  signals: ({ close }, { period, level }) => ({
    entry: momentum(close, period).crossesAbove(level),
    exit: momentum(close, period).lt(-level),
  }),
})

/** Reads the predictions of a model that is trained with its parameters. */
export const trusting = defineStrategy({
  name: 'trusting',
  params: { enter: float(0.5, 0.6) },
  signals: ({ prediction }, { enter }) => ({ entry: prediction.gt(enter), exit: prediction.lt(0.5) }),
})

export interface Load {
  readonly name: 'hourly' | 'daily' | 'slow'
  readonly strategy: Strategy<Record<string, number>>
  /** A trial is judged on the mean over all of them. */
  readonly series: readonly Bars[]
  readonly trials: number
  readonly generationSize: number
  readonly seeds: number
  readonly rounds: number
  /** Trials whose indicators are computed for the feature row. */
  readonly featureTrials: number
}

/** Loads by name, made when asked for. */
export function openLoad(name: Load['name']): Load | undefined {
  const seeds = Number(process.env.BENCH_SEEDS ?? 20)
  const rounds = Number(process.env.BENCH_ROUNDS ?? 3)
  const common = { name, seeds, rounds }
  const graph = { ...common, strategy: cross as unknown as Load['strategy'], generationSize: 256, featureTrials: 1500 }
  if (name === 'daily') return { ...graph, series: [dailyBars()], trials: 2000 }
  const hourly = hourlyBars()
  if (name === 'hourly') return hourly.length === 0 ? undefined : { ...graph, series: hourly, trials: 5000 }
  const bars = repeated(hourly[0] ?? dailyBars(), Number(process.env.BENCH_BARS ?? 1_000_000))
  const strategy = slow as unknown as Load['strategy']
  return { ...common, strategy, series: [bars], trials: 24, generationSize: 8, featureTrials: 48 }
}
