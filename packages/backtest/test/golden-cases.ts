import { readFileSync } from 'node:fs'
import { type Bars, createBars, float, int, type SimulationOptions } from '@tradewright/core'
import { defineStrategy, type Strategy, ta } from '../src/index.ts'

/** One case of golden/reference-cases.json. */
export interface GoldenCase {
  readonly name: string
  readonly strategy: string
  readonly params: Readonly<Record<string, number>>
  readonly slice?: readonly [number, number]
  readonly bars?: readonly (readonly number[])[]
  readonly options: SimulationOptions
  readonly expected: {
    readonly orders: readonly (readonly (number | string)[])[]
    readonly trades: readonly (readonly (number | string)[])[]
    readonly metrics: Readonly<Record<string, number | string>>
    readonly equity: { readonly sum: number; readonly samples: readonly (readonly [number, number])[] }
    readonly positions: { readonly sum: number; readonly samples: readonly (readonly [number, number])[] }
  }
}

interface GoldenFile {
  readonly cases: readonly GoldenCase[]
  readonly barTimestamps?: { readonly first: number; readonly stepMs: number }
}

const golden = JSON.parse(readFileSync(new URL('./golden/reference-cases.json', import.meta.url), 'utf8')) as GoldenFile

export const goldenCases: readonly GoldenCase[] = golden.cases

/** The S&P 500, daily, 2000 to 2020: 5,105 bars. */
export function sp500(): Bars {
  const rows = readFileSync(new URL('../../../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url), 'utf8')
    .trim()
    .split(/\r?\n/)
  const names = rows[0].split(',')
  const column = (name: string): number[] => {
    const at = names.indexOf(name)
    return rows
      .slice(1)
      .map((row) => (name === 'date' ? Date.parse(`${row.split(',')[at]}T00:00:00Z`) : Number(row.split(',')[at])))
  }
  return createBars({
    timestamp: column('date'),
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
    volume: column('volume'),
  })
}

/** Rows from `start` to `end` as a series of their own. */
export function rowsOf(bars: Bars, start: number, end: number): Bars {
  return createBars({
    timestamp: bars.timestamp.slice(start, end),
    open: bars.open.slice(start, end),
    high: bars.high.slice(start, end),
    low: bars.low.slice(start, end),
    close: bars.close.slice(start, end),
    volume: bars.volume.slice(start, end),
  })
}

/** Bars from rows [open, high, low, close, volume], one a day. */
export function barsOf(rows: readonly (readonly number[])[]): Bars {
  const column = (k: number): number[] => rows.map((row) => row[k])
  return createBars({
    timestamp: rows.map((_, i) => 1577836800000 + 86_400_000 * i),
    open: column(0),
    high: column(1),
    low: column(2),
    close: column(3),
    volume: column(4),
  })
}

const whole = int(1, 100_000)
const number = float(-1e9, 1e9)

/** The strategies of the golden file, in the engine's own words. */
export const goldenStrategies: ReadonlyMap<string, Strategy<Readonly<Record<string, number>>>> = new Map(
  [
    defineStrategy({
      name: 'smaCross',
      params: { fast: whole, slow: whole },
      signals: ({ close }, { fast, slow }) => ({
        entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
        exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
      }),
    }),
    defineStrategy({
      name: 'rsiReversion',
      params: { period: whole, low: number, high: number },
      signals: ({ close }, { period, low, high }) => ({
        entry: ta.rsi(close, period).crossesBelow(low),
        exit: ta.rsi(close, period).crossesAbove(high),
      }),
    }),
    defineStrategy({
      name: 'bollingerBreakout',
      params: { period: whole, k: number },
      signals: ({ close }, { period, k }) => {
        const { upper, middle } = ta.bollinger(close, period, k)
        return { entry: close.crossesAbove(upper), exit: close.crossesBelow(middle) }
      },
    }),
    defineStrategy({
      name: 'smaBands',
      params: { fast: whole, slow: whole },
      signals: ({ close }, { fast, slow }) => ({
        entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
        exit: close.crossesBelow(ta.sma(close, fast)),
        shortEntry: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
        shortExit: close.crossesAbove(ta.sma(close, fast)),
      }),
    }),
    defineStrategy({
      name: 'codes2',
      params: {},
      signals: ({ volume }) => ({
        entry: volume.eq(1).or(volume.eq(3)),
        exit: volume.eq(2).or(volume.eq(3)),
      }),
    }),
    defineStrategy({
      name: 'codes4',
      params: {},
      signals: ({ volume }) => {
        const any = (...codes: readonly number[]) => codes.map((code) => volume.eq(code)).reduce((a, b) => a.or(b))
        return { entry: any(1, 3, 8, 9), exit: any(2, 3, 7), shortEntry: any(4, 6, 7, 9), shortExit: any(5, 6, 8) }
      },
    }),
  ].map((strategy) => [strategy.name, strategy as unknown as Strategy<Readonly<Record<string, number>>>]),
)
