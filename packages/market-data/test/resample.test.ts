import { type Bars, createBars, isTradewrightError, parseTimeframe, periodStart } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resample } from '../src/index.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

function bars(timestamp: readonly number[], options: Partial<Bars> = {}): Bars {
  const base = timestamp.map((_, i) => 10 + ((i * 7) % 11))
  return createBars({
    timestamp,
    open: base,
    high: base.map((x) => x + 2),
    low: base.map((x) => x - 2),
    close: base.map((x) => x + 1),
    volume: base.map((_, i) => i + 1),
    symbol: 'X',
    timeframe: options.timeframe ?? '1h',
    calendar: options.calendar ?? 'crypto',
  })
}

const every = (count: number, step: number, from = 0): number[] =>
  Array.from({ length: count }, (_, i) => from + i * step)
const codeOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (isTradewrightError(error)) return error.code
  }
  return 'none'
}

describe('resample', () => {
  it('takes first open, highest high, lowest low, last close and the sum of the volumes', () => {
    const out = resample(
      createBars({
        timestamp: every(4, HOUR),
        open: [5, 6, 7, 8],
        high: [9, 12, 8, 9],
        low: [4, 5, 3, 6],
        close: [6, 7, 5, 7.5],
        volume: [1, 2, 3, 4],
        timeframe: '1h',
        calendar: 'crypto',
        symbol: 'X',
      }),
      '2h',
    )
    expect([...out.timestamp]).toEqual([0, 2 * HOUR])
    expect([...out.open]).toEqual([5, 7])
    expect([...out.high]).toEqual([12, 9])
    expect([...out.low]).toEqual([4, 3])
    expect([...out.close]).toEqual([7, 7.5])
    expect([...out.volume]).toEqual([3, 7])
    expect([out.symbol, out.timeframe, out.calendar, out.barsPerYear]).toEqual(['X', '2h', 'crypto', 4380])
  })

  it('drops an unfinished last period, or keeps it when told so', () => {
    const five = bars(every(5, HOUR))
    expect([...resample(five, '2h').timestamp]).toEqual([0, 2 * HOUR])
    expect([...resample(five, '2h', { partial: 'keep' }).timestamp]).toEqual([0, 2 * HOUR, 4 * HOUR])
  })

  it('gives no bar for a period without bars, and closes one whose middle is missing', () => {
    expect([...resample(bars([0, HOUR, 6 * HOUR, 7 * HOUR]), '2h').timestamp]).toEqual([0, 6 * HOUR])
    expect([...resample(bars([0, 3 * HOUR]), '4h').timestamp]).toEqual([0])
  })

  it('begins weeks on Monday, and ends an equity week on Friday', () => {
    const monday = Date.UTC(2024, 0, 1)
    const week = bars(every(5, DAY, monday), { timeframe: '1d', calendar: 'equity' })
    expect([...resample(week, '1w').timestamp]).toEqual([monday])
    expect(resample(bars(every(4, DAY, monday), { timeframe: '1d', calendar: 'equity' }), '1w').length).toBe(0)
    expect(resample(bars(every(5, DAY, monday), { timeframe: '1d', calendar: 'crypto' }), '1w').length).toBe(0)
    expect(resample(bars(every(7, DAY, monday), { timeframe: '1d', calendar: 'crypto' }), '1w').length).toBe(1)
  })

  it('knows the lengths of months', () => {
    const year = bars(every(366, DAY, Date.UTC(2024, 0, 1)), { timeframe: '1d' })
    const months = resample(year, '1M')
    expect([...months.timestamp]).toEqual(every(12, 1).map((m) => Date.UTC(2024, m, 1)))
    expect([...resample(months, '3M').timestamp]).toEqual([0, 3, 6, 9].map((m) => Date.UTC(2024, m, 1)))
    expect(resample(months, '3M').volume).toEqual(resample(year, '3M').volume)
  })

  it('keeps a NaN in its period', () => {
    const base = bars(every(4, HOUR))
    const out = resample(createBars({ ...pick(base), high: [1, Number.NaN, 3, 4], timeframe: '1h' }), '2h')
    expect([...out.high]).toEqual([Number.NaN, 4])
  })

  it('gives the same bars back for the same timeframe', () => {
    const base = bars(every(3, HOUR))
    expect(resample(base, '1h')).toBe(base)
  })

  it('refuses what is no multiple', () => {
    const hours = bars(every(3, HOUR))
    const weeks = bars(every(3, 7 * DAY, 4 * DAY), { timeframe: '1w' })
    for (const timeframe of ['30m', '90m', 'x', '0h'])
      expect(codeOf(() => resample(hours, timeframe))).toBe('BAD_OPTION')
    for (const timeframe of ['1M', '1d', '14d']) expect(codeOf(() => resample(weeks, timeframe))).toBe('BAD_OPTION')
    expect(codeOf(() => resample(hours, '2h', { partial: 'half' as 'keep' }))).toBe('BAD_OPTION')
  })

  it('loses no volume, keeps the range, and composes', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 80 })
    fc.assert(
      fc.property(gaps, (steps) => {
        let time = 0
        const base = bars(steps.map((step) => (time += step * HOUR)))
        const days = resample(base, '1d', { partial: 'keep' })
        const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0)
        expect(sum(days.volume)).toBe(sum(base.volume))
        expect(Math.max(...days.high)).toBe(Math.max(...base.high))
        const inTwo = resample(resample(base, '4h', { partial: 'keep' }), '1d', { partial: 'keep' })
        expect(inTwo.fingerprint).toBe(days.fingerprint)
        const parts = parseTimeframe('1d')
        expect([...days.timestamp]).toEqual([...new Set([...base.timestamp].map((t) => periodStart(t, parts)))])
      }),
    )
  })

  it('gives a prefix of the closed bars for a prefix of the bars', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), (cut) => {
        const all = resample(bars(every(100, HOUR)), '6h')
        const part = resample(bars(every(cut, HOUR)), '6h')
        expect(part.close).toEqual(all.close.subarray(0, part.length))
        expect(part.length).toBe(Math.floor(cut / 6))
      }),
    )
  })
})

const pick = ({ timestamp, open, high, low, close, volume }: Bars) => ({ timestamp, open, high, low, close, volume })
