import { type Bars, createBars, createRng } from '@tradewright/core'

/** A geometric random walk with a slow wave: bars of a market that is none, from a seed. */
export function walk(length: number, seed: number = 1, symbol: string = 'WALK'): Bars {
  const rng = createRng(seed)
  const columns = { timestamp: [], open: [], high: [], low: [], close: [], volume: [] } as Record<string, number[]>
  let close = 100
  for (let i = 0; i < length; i++) {
    const open = close
    close = open * Math.exp(0.001 * Math.sin(i / 40) + 0.012 * rng.normal())
    columns.timestamp.push(Date.UTC(2015, 0, 1) + i * 86_400_000)
    columns.open.push(open)
    columns.high.push(Math.max(open, close) * (1 + 0.004 * rng.uniform()))
    columns.low.push(Math.min(open, close) * (1 - 0.004 * rng.uniform()))
    columns.close.push(close)
    columns.volume.push(1000 + rng.below(1000))
  }
  const { timestamp, open, high, low, volume } = columns
  return createBars({
    timestamp,
    open,
    high,
    low,
    close: columns.close,
    volume,
    symbol,
    timeframe: '1d',
    calendar: 'crypto',
  })
}

/** The same bars up to `split`, something else from there on. */
export function withOtherEnd(bars: Bars, split: number, factor: (i: number) => number): Bars {
  const change = (column: Float64Array): Float64Array => column.map((v, i) => (i < split ? v : v * factor(i)))
  return createBars({
    timestamp: bars.timestamp,
    open: change(bars.open),
    high: change(bars.high),
    low: change(bars.low),
    close: change(bars.close),
    volume: bars.volume,
    symbol: bars.symbol,
    timeframe: bars.timeframe,
    calendar: bars.calendar,
  })
}
