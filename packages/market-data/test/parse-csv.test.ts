import { gzipSync } from 'node:zlib'
import { isTradewrightError, type TradewrightError } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CsvProblem } from '../src/csv-problem.ts'
import { type CsvOptions, parseCsv, parseCsvPlainly } from '../src/parse-csv.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const read = (text: string, options: CsvOptions = {}) => parseCsv(bytesOf(text), options)
const HEADER = 'timestamp,open,high,low,close,volume'
const file = (...rows: string[]): string => `${[HEADER, ...rows].join('\n')}\n`
const A = '2024-01-01,10,12,9,11,100'
const B = '2024-01-02,11,13,10,12,200.5'
const DAY1 = Date.UTC(2024, 0, 1)
const DAY2 = Date.UTC(2024, 0, 2)

function refusal(run: () => unknown): TradewrightError {
  try {
    run()
  } catch (error) {
    if (isTradewrightError(error)) return error
    throw error
  }
  throw new Error('was accepted')
}

const expectAB = (bars: ReturnType<typeof parseCsv>): void => {
  expect([...bars.timestamp]).toEqual([DAY1, DAY2])
  expect([...bars.open]).toEqual([10, 11])
  expect([...bars.high]).toEqual([12, 13])
  expect([...bars.low]).toEqual([9, 10])
  expect([...bars.close]).toEqual([11, 12])
  expect([...bars.volume]).toEqual([100, 200.5])
}

describe('parseCsv accepts', () => {
  it.each([
    ['plain rows', file(A, B)],
    ['no last line break', file(A, B).trimEnd()],
    ['CRLF', file(A, B).replaceAll('\n', '\r\n')],
    ['CR alone', file(A, B).replaceAll('\n', '\r')],
    ['a byte order mark', `\ufeff${file(A, B)}`],
    ['blank lines at the end', `${file(A, B)}\n  \r\n\n`],
    ['quotes', file(A, B).replaceAll(/[^,\n]+/g, '"$&"')],
    ['blanks around fields', file(A, B).replaceAll(',', ' , ')],
    ['semicolons', file(A, B).replaceAll(',', ';')],
    ['tabs', file(A, B).replaceAll(',', '\t')],
    ['bars', file(A, B).replaceAll(',', '|')],
    ['any case, and marks', file(A, B).replace(HEADER, '<DATE>,Open,HIGH,Low_,"Close ",Vol')],
    ['exponents and signs', file(A.replace(',10,', ',+1e1,'), B)],
    ['no header', `${A}\n${B}\n`],
    ['epoch seconds', file(`${DAY1 / 1000}${A.slice(10)}`, `${DAY2 / 1000}${B.slice(10)}`)],
    ['epoch milliseconds', file(`${DAY1}${A.slice(10)}`, `${DAY2}${B.slice(10)}`)],
    ['epoch microseconds', file(`${DAY1}000${A.slice(10)}`, `${DAY2}000${B.slice(10)}`)],
    ['epoch nanoseconds', file(`${DAY1}000000${A.slice(10)}`, `${DAY2}000000${B.slice(10)}`)],
    ['YYYYMMDD', file(A, B).replaceAll('2024-01-', '202401')],
  ])('%s', (_, text) => {
    expectAB(read(text))
  })

  it('other columns, in any order, adjclose among them, even with a line break in quotes', () => {
    const text =
      'Volume,Adj Close,note,Close,Low,High,Open,Date\n100,1,"a, ""b""\nc",11,9,12,10,2024-01-01\n200.5,1,,12,10,13,11,2024-01-02\n'
    expectAB(read(text))
  })

  it('columns by name and by index', () => {
    const text = 'when,a,b,c,d,e,close\n2024-01-01,10,12,9,11,100,x\n2024-01-02,11,13,10,12,200.5,y\n'
    expectAB(read(text, { columns: { timestamp: 'When', open: 'a', high: 2, low: 'c', close: 'd', volume: 5 } }))
  })

  it('a file without volume, when told so', () => {
    const bars = read('t,o,h,l,c\n2024-01-01,10,12,9,11\n', { columns: { volume: null } })
    expect([...bars.volume]).toEqual([0])
  })

  it('gzip, by its first bytes', () => {
    expectAB(parseCsv(gzipSync(file(A, B))))
  })

  it('a stated unit for epochs that their size would tell otherwise', () => {
    const bars = read(file('0,1,1,1,1,1', '60000,1,1,1,1,1'), { timeUnit: 'ms' })
    expect([...bars.timestamp]).toEqual([0, 60000])
    expect(bars.timeframe).toBe('1m')
  })

  it('prices of zero and below, when told so', () => {
    expect([...read(file('2024-01-01,0,1,-37.63,-2,0'), { allowNegative: true }).low]).toEqual([-37.63])
  })

  it('and tells the timeframe, keeps symbol and calendar', () => {
    const bars = read(file(A, B), { symbol: 'X', calendar: 'equity' })
    expect([bars.symbol, bars.timeframe, bars.calendar, bars.barsPerYear]).toEqual(['X', '1d', 'equity', 252])
  })
})

describe('parseCsv refuses', () => {
  it.each([
    ['a short row', file(A, '2024-01-02,11,13,10,12'), 3, undefined, 'must have 6 fields'],
    ['a long row', file(A, `${B},7`), 3, undefined, 'must have 6 fields'],
    ['a blank row', file(A, '', B), 3, undefined, 'must not be blank'],
    ['an empty value', file(A, '2024-01-02,11,13,10,,200'), 3, 'close', 'must not be empty'],
    ['NaN', file(A, '2024-01-02,11,NaN,10,12,200'), 3, 'high', 'finite decimal number'],
    ['null', file(A, '2024-01-02,null,13,10,12,200'), 3, 'open', 'finite decimal number'],
    ['infinity', file(A, '2024-01-02,1e999,13,10,12,200'), 3, 'open', 'finite decimal number'],
    ['a price of zero', file(A, '2024-01-02,11,13,0,12,200'), 3, 'low', 'above zero'],
    ['a negative price', file(A, '2024-01-02,11,13,10,-12,200'), 3, 'close', 'above zero'],
    ['a negative volume', file(A, '2024-01-02,11,13,10,12,-1'), 3, 'volume', 'must not be negative'],
    ['high below low', file(A, '2024-01-02,11,9,10,12,1'), 3, 'high', 'must not lie below low (10)'],
    ['a duplicate', file(A, A), 3, 'timestamp', 'must not occur twice'],
    ['unsorted rows', file(B, A), 3, 'timestamp', 'must ascend'],
    ['a date that is none', file(A, B.replace('01-02', '02-30')), 3, 'timestamp', 'existing date'],
    ['day first', file('01/02/2024,1,1,1,1,1'), 2, 'timestamp', 'year first'],
    ['an open quote', file(A, `"${B}`), 3, undefined, 'quote must be closed'],
    ['text after a quote', file(A, B.replace('2024-01-02', '"2024-01-02"x')), 3, undefined, 'quote must be closed'],
    ['epochs of two units', file('1704067200000,1,1,1,1,1', '1704067500000000,1,1,1,1,1'), 3, 'timestamp', 'in ms'],
    ['a decimal comma', file(A, B).replaceAll(',', ';').replace('200.5', '200,5'), 3, 'volume', 'finite decimal'],
  ])('%s', (_, text, line, column, rule) => {
    for (const parse of [parseCsv, parseCsvPlainly]) {
      const error = refusal(() => parse(bytesOf(text)))
      expect(error.code).toBe('BAD_DATA')
      expect(error.message).toContain(rule)
      expect(error.message).toContain(`line ${line}`)
      expect(error.details).toMatchObject({ line, column })
    }
  })

  it('with the character of the value, and the lines that quotes span counted', () => {
    const text = `${HEADER},note\n2024-01-01,1,1,1,1,1,"a\nb"\n2024-01-02,1,1,1,x,1,\n`
    expect(refusal(() => read(text)).details).toMatchObject({ line: 4, column: 'close', character: 18, value: 'x' })
  })

  it('every problem at once, up to maxProblems', () => {
    const rows = Array.from({ length: 30 }, (_, i) => `${DAY1 + i * 60000},1,1,1,${i % 2 ? 'bad' : 1},1`)
    const all = refusal(() => read(file(...rows), { maxProblems: 100 })).details.problems as CsvProblem[]
    expect(all.map((problem) => problem.line)).toEqual(Array.from({ length: 15 }, (_, i) => 3 + 2 * i))
    const some = refusal(() => read(file(...rows), { maxProblems: 4 }))
    expect((some.details.problems as CsvProblem[]).map((problem) => problem.line)).toEqual([3, 5, 7, 9])
    expect(some.message).toContain('and 3 or more other problems')
  })

  it.each([
    ['', 'was empty'],
    ['\n', 'was empty'],
    [`${HEADER}\n`, 'only a header'],
  ])('an empty file %j', (text, rule) => {
    expect(refusal(() => read(text))).toMatchObject({ code: 'BAD_DATA', message: expect.stringContaining(rule) })
  })

  it('a missing column, with the nearest name', () => {
    const error = refusal(() => read(file(A).replace('close', 'clsoe')))
    expect(error.code).toBe('BAD_DATA')
    expect(error.message).toContain("must have a column 'close'")
    expect(error.message).toContain("did you mean 'clsoe'?")
  })

  it('adjclose for close', () => {
    const error = refusal(() => read(file(A).replace('close', 'adjclose')))
    expect(error.message).toContain("must have a column 'close'")
    expect(error.details.nearest).toBeUndefined()
  })

  it('a stated column that is not there, with the nearest name', () => {
    const error = refusal(() => read(file(A), { columns: { close: 'Klose' } }))
    expect(error).toMatchObject({ code: 'UNKNOWN_NAME', details: { nearest: 'close' } })
  })

  it('a column that is there twice', () => {
    expect(refusal(() => read(file(A).replace('volume', 'close'))).message).toContain('must be one column')
  })

  it('a date and a time in two columns', () => {
    const text = 'date,time,open,high,low,close,volume\n2024-01-01,00:00,1,1,1,1,1\n'
    expect(refusal(() => read(text)).message).toContain("'date' and 'time'")
  })

  it('UTF-16 and damaged gzip', () => {
    expect(refusal(() => parseCsv(Uint8Array.of(0xff, 0xfe, 65, 0))).message).toContain('UTF-16')
    expect(refusal(() => parseCsv(gzipSync(file(A, B)).subarray(0, 40))).message).toContain('gzip')
  })

  it('a timeframe that the rows contradict', () => {
    const rows = Array.from({ length: 5 }, (_, i) => `${DAY1 + i * 300_000},1,1,1,1,1`)
    const error = refusal(() => read(file(...rows), { timeframe: '1h' }))
    expect(error.message).toContain("timeframe '1h' must lie 3600000 ms apart, was 300000 ms in the median (5m)")
  })

  it('bad options', () => {
    expect(refusal(() => read(file(A), { delimeter: ';' } as CsvOptions)).details.nearest).toBe('delimiter')
    expect(refusal(() => read(file(A), { delimiter: ';;' })).code).toBe('BAD_OPTION')
    expect(refusal(() => read(file(A), { columns: { clos: 1 } as object })).details.nearest).toBe('close')
    expect(refusal(() => read(file(A), { columns: { open: 9 } })).code).toBe('BAD_OPTION')
    expect(refusal(() => read(file(A), { columns: { open: 2 } })).message).toContain('both at index 2')
  })
})

const outcome = (run: () => ReturnType<typeof parseCsv>): unknown => {
  try {
    const bars = run()
    return [bars.fingerprint, bars.length]
  } catch (error) {
    if (isTradewrightError(error)) return error.message
    throw error
  }
}

describe('properties', () => {
  const price = fc.double({ min: 1e-8, max: 1e9, noNaN: true })
  const bar = fc.tuple(
    fc.integer({ min: 1, max: 1e6 }),
    price,
    price,
    price,
    price,
    fc.double({ min: 0, max: 1e12, noNaN: true }),
  )

  it('what is written is read back to the last bit', () => {
    fc.assert(
      fc.property(fc.array(bar, { minLength: 1, maxLength: 50 }), fc.constantFrom('\n', '\r\n'), (rows, eol) => {
        let time = DAY1
        const written = rows.map(([step, a, b, c, d, v]) => {
          time += step * 1000
          return [time, a, Math.max(b, c), Math.min(b, c), d, v]
        })
        const bars = read([HEADER, ...written.map((row) => row.join(','))].join(eol))
        return written.every((row, i) =>
          [bars.timestamp, bars.open, bars.high, bars.low, bars.close, bars.volume].every((c, j) =>
            Object.is(c[i], row[j]),
          ),
        )
      }),
    )
  })

  it('the fast path gives what the plain form gives, bars or refusal, on any damage', () => {
    const good = file(A, B, '2024-01-03,1.5,2,1,1.25,0', '2024-01-04,"1",2,1,1,3')
    const damage = fc.array(
      fc.tuple(
        fc.nat(good.length),
        fc.nat(3),
        fc.constantFrom('', ',', '\n', '\r', '"', '.', '-', 'e', '7', ' ', 'x', '0'),
      ),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(damage, (edits) => {
        const text = edits.reduce((s, [at, cut, put]) => s.slice(0, at) + put + s.slice(at + cut), good)
        expect(outcome(() => parseCsv(bytesOf(text)))).toEqual(outcome(() => parseCsvPlainly(bytesOf(text))))
      }),
      { numRuns: 3000 },
    )
  })
})
