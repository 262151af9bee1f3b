// What the benchmarks run: bars, strategies and lists of parameters.
import { readFileSync } from 'node:fs'
import { defineStrategy, type Strategy, ta } from '@tradewright/backtest'
import { type Bars, createBars, createRng, float, int, type Params } from '@tradewright/core'

/** A sweep: a strategy and its list. */
export interface Workload {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: lists of different strategies stand in one array
  readonly strategy: Strategy<any>
  readonly list: readonly Params[]
}

/** The 10,000 closes of the reference sweep; open, high and low are the closes. */
export function referenceBars(): Bars {
  const bytes = readFileSync(new URL('../packages/backtest/test/golden/sweep-close-10000.f64', import.meta.url))
  return barsOf(new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)))
}

function barsOf(close: Float64Array, volume: Float64Array = close): Bars {
  const timestamp = Float64Array.from(close, (_, i) => i * 3_600_000)
  return createBars({
    timestamp,
    open: close,
    high: close,
    low: close,
    close,
    volume,
    timeframe: '1h',
    calendar: 'crypto',
  })
}

/** A geometric random walk with uniform noise as volume. */
export function randomBars(length: number): Bars {
  const rng = createRng(7)
  let price = 100
  const close = new Float64Array(length)
  const noise = new Float64Array(length)
  for (let i = 0; i < length; i++) {
    price *= Math.exp(0.002 * (rng.uniform() - 0.5))
    close[i] = price
    noise[i] = rng.uniform()
  }
  return barsOf(close, noise)
}

/** All pairs of windows 2 to 101. */
export const pairs: readonly { fast: number; slow: number }[] = Array.from({ length: 99 }, (_, f) =>
  Array.from({ length: 99 - f }, (_, s) => ({ fast: f + 2, slow: f + 3 + s })),
).flat()

const windows = { fast: int(2, 101), slow: int(2, 101) }

export const smaCross: Workload = {
  name: 'SMA cross',
  strategy: defineStrategy({
    name: 'sma-cross',
    params: windows,
    signals: ({ close }, { fast, slow }) => ({
      entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
      exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
    }),
  }),
  list: pairs,
}

export const smaCrossStops: Workload = {
  name: 'SMA cross, stops that differ in every trial',
  strategy: defineStrategy({
    name: 'sma-cross-stops',
    params: { ...windows, stop: float(0.001, 0.5), target: float(0.001, 0.5) },
    signals: ({ close }, { fast, slow }) => ({
      entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
      exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
    }),
    simulate: (_columns, { stop, target }) => ({ stopLoss: stop, takeProfit: target }),
  }),
  list: pairs.map((pair, k) => ({
    ...pair,
    stop: 0.01 + (0.04 * k) / pairs.length,
    target: 0.02 + (0.06 * ((k * 7919) % pairs.length)) / pairs.length,
  })),
}

export const emaCross: Workload = {
  name: 'EMA cross',
  strategy: defineStrategy({
    name: 'ema-cross',
    params: windows,
    signals: ({ close }, { fast, slow }) => ({
      entry: ta.ema(close, fast).crossesAbove(ta.ema(close, slow)),
      exit: ta.ema(close, fast).crossesBelow(ta.ema(close, slow)),
    }),
  }),
  list: pairs,
}

export const rsiThreshold: Workload = {
  name: 'RSI threshold',
  strategy: defineStrategy({
    name: 'rsi-threshold',
    params: { period: int(2, 100), low: int(10, 50) },
    signals: ({ close }, { period, low }) => ({
      entry: ta.rsi(close, period).crossesBelow(low),
      exit: ta.rsi(close, period).crossesAbove(100 - low),
    }),
  }),
  list: Array.from({ length: 4950 }, (_, k) => ({ period: 2 + (k % 99), low: 10 + (Math.floor(k / 99) % 41) })),
}

export const donchianBreakout: Workload = {
  name: 'Donchian breakout',
  strategy: defineStrategy({
    name: 'donchian-breakout',
    params: { enter: int(2, 101), leave: int(2, 101) },
    signals: ({ close }, { enter, leave }) => ({
      entry: close.gt(ta.indicator('donchian', [enter]).upper.lag(1)),
      exit: close.lt(ta.indicator('donchian', [leave]).lower.lag(1)),
    }),
  }),
  list: pairs.map(({ fast, slow }) => ({ enter: slow, leave: fast })),
}

/** Six comparisons and four logic nodes a graph, over ten each of SMA, EMA and RSI. */
export const randomGraphs: Workload = {
  name: 'random graphs of 10 nodes',
  strategy: defineStrategy({
    name: 'random-graph',
    params: { seed: int(0, 1_000_000) },
    signals: ({ close }, { seed }) => {
      const rng = createRng(seed)
      const period = (): number => 5 + 9 * rng.below(10)
      const price = () => (rng.below(2) === 0 ? ta.sma(close, period()) : ta.ema(close, period()))
      const compare = () =>
        rng.below(3) === 0 ? ta.rsi(close, period()).gt(ta.rsi(close, period())) : price().gt(price())
      const two = () => compare().and(compare())
      return { entry: two().or(compare()), exit: two().or(compare()) }
    },
  }),
  list: Array.from({ length: 3000 }, (_, seed) => ({ seed })),
}

/** One per cent of the bars have a signal. */
export const rareSignals: Workload = {
  name: 'one run',
  strategy: defineStrategy({
    name: 'rare-signals',
    params: {},
    signals: ({ volume }) => ({ entry: volume.gt(0.995), exit: volume.lt(0.005) }),
  }),
  list: [{}],
}
