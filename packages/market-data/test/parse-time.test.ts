import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { detectTimeFormat, epochUnit, parseDate, parseTime, type TimeFormat } from '../src/parse-time.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const date = (text: string): number => parseDate(bytesOf(text), 0, text.length)

describe('parseDate', () => {
  it.each([
    ['2024-02-29', '2024-02-29T00:00:00Z'],
    ['20240229', '2024-02-29T00:00:00Z'],
    ['2024/02/29', '2024-02-29T00:00:00Z'],
    ['2024.02.29 23:59', '2024-02-29T23:59:00Z'],
    ['2024-02-29 12:34:56', '2024-02-29T12:34:56Z'],
    ['2024-02-29T12:34:56', '2024-02-29T12:34:56Z'],
    ['2024-02-29T12:34:56.789Z', '2024-02-29T12:34:56.789Z'],
    ['2024-02-29T12:34:56.789000+02:00', '2024-02-29T12:34:56.789+02:00'],
    ['2024-02-29T00:30:00+0530', '2024-02-29T00:30:00+05:30'],
    ['2024-02-29 00:30-08', '2024-02-29T00:30:00-08:00'],
    ['2024-02-29 12:34:56 +01:00', '2024-02-29T12:34:56+01:00'],
    ['20240229 12:34:56', '2024-02-29T12:34:56Z'],
    ['1969-12-31T23:59:59Z', '1969-12-31T23:59:59Z'],
  ])('%s', (text, iso) => {
    expect(date(text)).toBe(Date.parse(iso))
  })

  it.each([
    '2023-02-29',
    '2100-02-29',
    '2024-13-01',
    '2024-00-10',
    '2024-04-31',
    '2024-01-00',
    '2024-1-1',
    '01/02/2024',
    '2024-01-01 24:00',
    '2024-01-01 12:60',
    '2024-01-01 12:00:60',
    '2024-01-01T',
    '2024-01-01 12',
    '2024-01/01',
    '2024-01-01T12:00:00+2',
    '2024-01-01T12:00:00.Z',
    '2024-01-01x',
    '2024-01-01T12:00:00+15:00',
    '',
  ])('refuses %j', (text) => {
    expect(date(text)).toBeNaN()
  })

  it('equals Date for every second of years 0 to 9999', () => {
    const second = fc.integer({ min: -62167219200, max: 253402300799 })
    fc.assert(
      fc.property(second, (s) => {
        const iso = new Date(s * 1000).toISOString()
        return (
          date(iso) === s * 1000 &&
          date(iso.slice(0, 10)) === Date.parse(iso.slice(0, 10)) &&
          date(iso.slice(0, 19).replace('T', ' ')) === s * 1000
        )
      }),
      { numRuns: 3000 },
    )
  })
})

describe('epochs', () => {
  it.each([
    ['1704067200', 's', 1704067200000],
    ['1704067200.5', 's', 1704067200500],
    ['1704067200000', 'ms', 1704067200000],
    ['1704067200000123', 'us', 1704067200000.123],
    ['1704067200000123456', 'ns', 1704067200000.1235],
    ['20240101', 'date', 1704067200000],
    ['20241301', 's', 20241301000],
    ['2024-01-01', 'date', 1704067200000],
  ] as const)('%s is told as %s', (text, format, ms) => {
    const bytes = bytesOf(text)
    expect(detectTimeFormat(bytes, 0, bytes.length)).toBe(format)
    expect(parseTime(bytes, 0, bytes.length, format)).toBe(ms)
  })

  it('reads the same millisecond in every unit', () => {
    const ms = fc.integer({ min: 1e11, max: 4e12 })
    const tails: readonly (readonly [TimeFormat, string])[] = [
      ['ms', ''],
      ['us', '000'],
      ['ns', '000000'],
    ]
    fc.assert(
      fc.property(ms, (time) =>
        tails.every(([unit, tail]) => {
          const bytes = bytesOf(`${time}${tail}`)
          return detectTimeFormat(bytes, 0, bytes.length) === unit && parseTime(bytes, 0, bytes.length, unit) === time
        }),
      ),
    )
  })

  it('has its limits where the docs say', () => {
    expect([99999999999, 1e11, 1e14, 1e17].map(epochUnit)).toEqual(['s', 'ms', 'us', 'ns'])
  })
})
