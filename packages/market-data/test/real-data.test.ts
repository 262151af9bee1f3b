import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { barColumns, type Calendar, isTradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { type CsvProblem, parseCsv, readCsv, resample } from '../src/index.ts'
import { dataFile, hasData, noData } from './shared-data.ts'

/** The rows by nothing but split and Number. */
function plainly(path: string): number[][] {
  const raw = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(raw) : raw).toString('utf8')
  return text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').map(Number))
}

describe.skipIf(!hasData)(`real files${noData}`, () => {
  it.each([
    ['crypto/genetrader__BTCUSDT__5m.csv.gz', 'crypto', 71769, '5m'],
    ['crypto/nic__BTCUSDT__1h.csv.gz', 'crypto', 58419, '1h'],
    ['equity/lean__AAPL__1d.csv.gz', 'equity', 5849, '1d'],
    ['equity/lean__SPY__1h.csv.gz', 'equity', 40832, '1h'],
    ['fx/lean__EURUSD__1h.csv.gz', 'fx', 74439, '1h'],
  ] as const)('%s reads like split and Number', async (name, calendar, rows, timeframe) => {
    const bars = await readCsv(dataFile(name), { calendar: calendar as Calendar })
    const expected = plainly(dataFile(name))
    expect([bars.length, bars.timeframe]).toEqual([rows, timeframe])
    barColumns.forEach((column, c) => {
      expect(bars[column].every((value, i) => Object.is(value, expected[i][c]))).toBe(true)
    })
  })

  it.each(['15m', '1h', '1d'])('5m resampled to %s equals the shipped file', async (timeframe) => {
    const base = await readCsv(dataFile('crypto/genetrader__BTCUSDT__5m.csv.gz'), { calendar: 'crypto' })
    const shipped = await readCsv(dataFile(`crypto/genetrader__BTCUSDT__${timeframe}.csv.gz`), { calendar: 'crypto' })
    const ours = resample(base, timeframe)
    expect(ours.length).toBe(shipped.length)
    for (const column of ['timestamp', 'open', 'high', 'low', 'close'] as const)
      expect(ours[column]).toEqual(shipped[column])
    // The file's volumes are decimal sums; ours are sums of doubles.
    for (let i = 0; i < ours.length; i++) expect(Math.abs(ours.volume[i] / shipped.volume[i] - 1)).toBeLessThan(1e-12)
  })

  it('the faulty file is refused, with the lines of its answer key', () => {
    const bytes = gunzipSync(readFileSync(dataFile('dirty/faults__ETHUSDT__5m.csv.gz')))
    const lines = bytes.toString('utf8').split('\n')
    const key = JSON.parse(readFileSync(dataFile('dirty/faults__ETHUSDT__5m.key.json'), 'utf8')) as {
      faults: { kind: string; timestamp: number }[]
    }
    const nth = (timestamp: number, n: number): number =>
      lines.flatMap((line, i) => (line.startsWith(`${timestamp},`) ? [i + 1] : []))[n]
    const expected = key.faults.flatMap(({ kind, timestamp }) => {
      switch (kind) {
        case 'dup_exact':
        case 'dup_conflict':
          return [{ line: nth(timestamp, 1), column: 'timestamp' }]
        case 'swap':
          return [{ line: nth(timestamp, 0), column: 'timestamp' }]
        case 'nan_close':
          return [{ line: nth(timestamp, 0), column: 'close' }]
        case 'empty_volume':
          return [{ line: nth(timestamp, 0), column: 'volume' }]
        case 'high_below_low':
          return [{ line: nth(timestamp, 0), column: 'high' }]
        case 'negative_price':
          return [{ line: nth(timestamp, 0), column: 'low' }]
        default:
          return [] // gaps, spikes, stale bars and zero volumes are well-formed rows
      }
    })
    expect(expected).toHaveLength(35)
    let problems: readonly CsvProblem[] = []
    try {
      parseCsv(bytes, { maxProblems: 1000 })
    } catch (error) {
      if (isTradewrightError(error)) problems = error.details.problems as CsvProblem[]
    }
    expect(problems.map(({ line, column }) => ({ line, column }))).toEqual(expected)
  })
})

it('reads the S&P 500 of vega-datasets', async () => {
  const path = resolve(import.meta.dirname, '../../../node_modules/vega-datasets/data/sp500-2000.csv')
  const bars = await readCsv(path, { calendar: 'equity', symbol: 'SPX' })
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(1)
  expect(bars.length).toBe(lines.length)
  expect([bars.timeframe, bars.barsPerYear]).toEqual(['1d', 252])
  lines.forEach((line, i) => {
    const [date, open, high, low, close, , volume] = line.split(',')
    const row = [Date.parse(date), ...[open, high, low, close, volume].map(Number)]
    expect(barColumns.map((column) => bars[column][i])).toEqual(row)
  })
})
