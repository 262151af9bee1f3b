import { gunzipSync } from 'node:zlib'
import {
  type Bars,
  barColumns,
  type Calendar,
  TradewrightError,
  timeframeMs,
  unknownName,
  viewBars,
} from '@tradewright/core'
import { type CsvColumns, mapColumns } from './csv-columns.ts'
import { type CsvProblem, fieldText, problemsError } from './csv-problem.ts'
import { type CsvRow, emptyRow, splitRow } from './csv-row.ts'
import { inferTimeframe, medianSpacing } from './infer-timeframe.ts'
import { exactPowersOfTen, parseNumber } from './parse-number.ts'
import { detectTimeFormat, parseTime, type TimeFormat, type TimeUnit } from './parse-time.ts'

/** How a CSV file is read. */
export interface CsvOptions {
  /** @default '' */
  readonly symbol?: string | undefined
  /** @default told from the median spacing of the bars */
  readonly timeframe?: string | undefined
  readonly calendar?: Calendar | undefined
  /** Where the columns are. @default by name, with the usual aliases; without a header by position */
  readonly columns?: CsvColumns | undefined
  /** @default whichever of comma, semicolon, tab and | the first line has most */
  readonly delimiter?: string | undefined
  /** Whether the first line names the columns. @default whether no field of it is a number or a date */
  readonly header?: boolean | undefined
  /** What an epoch counts. @default told by its size; then every row must be of one unit */
  readonly timeUnit?: TimeUnit | undefined
  /** Whether prices of zero and below are data, as for spreads. @default false: they are refused */
  readonly allowNegative?: boolean | undefined
  /** How many problems are looked for before the file is refused. @default 20 */
  readonly maxProblems?: number | undefined
  /** What messages call the file. @default 'CSV' */
  readonly source?: string | undefined
}

/** The last epoch ms that a date has, by ECMAScript. */
const MAX_TIME = 8.64e15

const DELIMITERS = [',', ';', '\t', '|'] as const
const optionNames: readonly (keyof CsvOptions)[] = [
  'symbol',
  'timeframe',
  'calendar',
  'columns',
  'delimiter',
  'header',
  'timeUnit',
  'allowNegative',
  'maxProblems',
  'source',
]

/** Refuses unknown option names and values out of range. */
export function checkCsvOptions(options: CsvOptions): void {
  for (const name of Object.keys(options))
    if (!optionNames.includes(name as keyof CsvOptions)) throw unknownName('CSV option', name, optionNames)
  const { delimiter, timeUnit, maxProblems } = options
  if (delimiter !== undefined && !(delimiter.length === 1 && !/["\r\n0-9.+-]/.test(delimiter) && delimiter < '\x7f'))
    throw new TradewrightError('BAD_OPTION', `delimiter must be one character, was ${JSON.stringify(delimiter)}`, {
      delimiter,
    })
  if (timeUnit !== undefined && !['s', 'ms', 'us', 'ns'].includes(timeUnit))
    throw unknownName('timeUnit', timeUnit, ['s', 'ms', 'us', 'ns'])
  if (maxProblems !== undefined && !(Number.isInteger(maxProblems) && maxProblems >= 1))
    throw new TradewrightError('BAD_OPTION', `maxProblems must be an integer >= 1, was ${maxProblems}`, { maxProblems })
}

function detectDelimiter(bytes: Uint8Array, start: number): number {
  let best = 44
  let most = 0
  for (const candidate of DELIMITERS) {
    const fields = splitRow(bytes, start, candidate.charCodeAt(0), emptyRow()).starts.length
    if (fields > most) {
      most = fields
      best = candidate.charCodeAt(0)
    }
  }
  return best
}

const textOf = (bytes: Uint8Array, start: number, end: number): string =>
  new TextDecoder().decode(bytes.subarray(start, end)).replaceAll('""', '"')

/** Everything about a file that its first lines tell. */
interface Layout {
  readonly delimiter: number
  /** First byte of the first row. */
  readonly dataStart: number
  /** Its line, from 1. */
  readonly firstLine: number
  readonly fields: number
  /** For each field of a row: its place in `barColumns`, or -1. */
  readonly roles: Int8Array
  readonly format: TimeFormat
  /** Epoch ms that the unit told by the first row's size allows: `minTime` <= |time| < `maxTime`. */
  readonly minTime: number
  readonly maxTime: number
}

/** First byte after a byte order mark. */
function skipMark(bytes: Uint8Array, source: string): number {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw new TradewrightError('BAD_DATA', `${source}: the file must be UTF-8, was UTF-16`, { source })
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}

const isBlankRow = (row: CsvRow): boolean => row.starts.length === 1 && row.starts[0] === row.ends[0]

function readLayout(bytes: Uint8Array, options: CsvOptions, source: string): Layout {
  const start = skipMark(bytes, source)
  const delimiter = options.delimiter === undefined ? detectDelimiter(bytes, start) : options.delimiter.charCodeAt(0)
  const row = splitRow(bytes, start, delimiter, emptyRow())
  if (start >= bytes.length || (isBlankRow(row) && row.next >= bytes.length))
    throw new TradewrightError('BAD_DATA', `${source}: the file must have rows, was empty`, { source })
  const { starts, ends } = row
  const hasHeader = options.header ?? starts.every((from, i) => detectTimeFormat(bytes, from, ends[i]) === undefined)
  const header = hasHeader ? starts.map((from, i) => textOf(bytes, from, ends[i])) : undefined
  const indexes = mapColumns(options.columns ?? {}, header, starts.length, source)
  const fields = starts.length
  const roles = new Int8Array(fields).fill(-1)
  indexes.forEach((index, role) => {
    if (index >= 0) roles[index] = role
  })
  const dataStart = hasHeader ? row.next : start
  const firstLine = hasHeader ? 2 + row.breaks : 1
  if (hasHeader) splitRow(bytes, dataStart, delimiter, row)
  const at = indexes[0]
  const found = at < row.starts.length ? detectTimeFormat(bytes, row.starts[at], row.ends[at]) : undefined
  const format = options.timeUnit ?? found ?? 'date'
  const told = options.timeUnit === undefined && found !== undefined && found !== 'date'
  const minTime = told && format !== 's' ? 1e11 : 0
  const maxTime = told && format !== 'ns' ? 1e14 : Number.POSITIVE_INFINITY
  return { delimiter, dataStart, firstLine, fields, roles, format, minTime, maxTime }
}

/** Rows there can be at most. */
function countLines(bytes: Uint8Array, start: number): number {
  let lines = 1
  for (let at = bytes.indexOf(10, start); at >= 0; at = bytes.indexOf(10, at + 1)) lines++
  if (lines > 1) return lines
  for (let at = bytes.indexOf(13, start); at >= 0; at = bytes.indexOf(13, at + 1)) lines++
  return lines
}

/**
 * Reads one file. `plainRow` is the fast path: no quotes, no blanks, numbers that are exact in one step. It leaves any
 * row it is not sure of to `anyRow`, which reads every legal row, and says what is wrong with the others.
 */
class CsvScanner {
  readonly columns: Float64Array[]
  length = 0
  readonly problems: CsvProblem[] = []
  readonly #bytes: Uint8Array
  readonly #layout: Layout
  readonly #floor: number
  readonly #row: CsvRow = emptyRow()
  readonly #values = new Float64Array(6)
  #last = Number.NEGATIVE_INFINITY
  #at: number
  #line: number

  constructor(bytes: Uint8Array, layout: Layout, allowNegative: boolean) {
    this.#bytes = bytes
    this.#layout = layout
    this.#floor = allowNegative ? Number.NEGATIVE_INFINITY : 0
    this.#at = layout.dataStart
    this.#line = layout.firstLine
    const rows = countLines(bytes, layout.dataStart)
    this.columns = barColumns.map(() => new Float64Array(rows))
  }

  scan(maxProblems: number, fast: boolean): void {
    const { columns } = this
    const values = this.#values
    while (this.#at < this.#bytes.length && this.problems.length < maxProblems) {
      if (!(fast && this.#plainRow()) && !this.#anyRow()) continue
      const i = this.length++
      for (let c = 0; c < 6; c++) columns[c][i] = values[c]
      this.#last = values[0]
    }
  }

  /** Whether the row's values keep every rule. A NaN breaks them all. */
  #legal(): boolean {
    const v = this.#values
    const low = v[3]
    const high = v[2]
    return (
      v[0] > this.#last &&
      Math.abs(v[0]) <= MAX_TIME &&
      low > this.#floor &&
      low <= high &&
      high < Number.POSITIVE_INFINITY &&
      v[1] > this.#floor &&
      v[1] < Number.POSITIVE_INFINITY &&
      v[4] > this.#floor &&
      v[4] < Number.POSITIVE_INFINITY &&
      v[5] >= 0 &&
      v[5] < Number.POSITIVE_INFINITY
    )
  }

  #plainRow(): boolean {
    const bytes = this.#bytes
    const { delimiter, fields, roles, format } = this.#layout
    const values = this.#values
    let at = this.#at
    let field = 0
    for (;;) {
      const role = roles[field]
      const start = at
      if (role > 0) {
        // Digits with at most one point, inlined: a call a field would cost as much as the reading.
        let mantissa = 0
        let point = -1
        let byte = bytes[at]
        for (;;) {
          if (byte >= 48 && byte <= 57) mantissa = mantissa * 10 + (byte - 48)
          else if (byte === 46 && point < 0) point = at
          else break
          byte = bytes[++at]
        }
        const fraction = point < 0 ? 0 : at - point - 1
        if (at - start - (point < 0 ? 0 : 1) < 1 || mantissa >= 9007199254740992 || fraction > 22) return false
        values[role] = fraction === 0 ? mantissa : mantissa / exactPowersOfTen[fraction]
      } else {
        let byte = bytes[at]
        while (byte !== delimiter && byte !== 10 && byte !== 13 && byte !== undefined) {
          if (byte === 34) return false
          byte = bytes[++at]
        }
        if (role === 0) {
          const time = parseTime(bytes, start, at, format)
          if (!this.#sameUnit(time)) return false
          values[0] = time
        }
      }
      field++
      const byte = bytes[at]
      if (byte === delimiter) {
        if (field === fields) return false
        at++
        continue
      }
      if (field !== fields) return false
      if (byte === 13) at++
      if (at < bytes.length) {
        if (bytes[at] !== 10) return false
        at++
      }
      break
    }
    if (!this.#legal()) return false
    this.#at = at
    this.#line++
    return true
  }

  /** Whether an epoch's size is that of the first row's unit, where the unit was told by it. */
  #sameUnit(time: number): boolean {
    const size = Math.abs(time)
    return size >= this.#layout.minTime && size < this.#layout.maxTime
  }

  /** Reads any row; false, with problems noted, where it is none, or is a blank one at the end. */
  #anyRow(): boolean {
    const { delimiter, fields, roles } = this.#layout
    const { starts, ends, next, breaks, badQuote } = splitRow(this.#bytes, this.#at, delimiter, this.#row)
    const begin = this.#at
    const line = this.#line
    this.#at = next
    this.#line += breaks + 1
    const note = (column: string | undefined, start: number, end: number, rule: string): false => {
      const value = fieldText(this.#bytes, start, end)
      this.problems.push({ line, column, character: start - begin + 1, rule, value })
      return false
    }
    if (isBlankRow(this.#row) && fields > 1)
      return this.#onlyBlanksFollow() ? false : note(undefined, begin, begin, 'a row must not be blank')
    const lineEnd = ends[ends.length - 1]
    if (badQuote) return note(undefined, begin, lineEnd, 'a quote must be closed, and end its field')
    if (starts.length !== fields)
      return note(
        undefined,
        begin,
        lineEnd,
        `a row must have ${fields} fields like the first line (this one has ${starts.length})`,
      )
    this.#values[5] = 0
    let legal = true
    for (let f = 0; f < fields; f++) {
      if (roles[f] < 0) continue
      const rule = this.#readField(roles[f], starts[f], ends[f])
      if (rule !== undefined) legal = note(barColumns[roles[f]], starts[f], ends[f], rule)
    }
    if (!legal) return false
    const [time, , high, low] = this.#values
    const field = (role: number): number => roles.indexOf(role)
    const at = (role: number, rule: string): false =>
      note(barColumns[role], starts[field(role)], ends[field(role)], rule)
    if (time === this.#last) return at(0, 'a timestamp must not occur twice')
    if (time < this.#last)
      return at(0, `timestamps must ascend (the row before has ${new Date(this.#last).toISOString()})`)
    if (high < low) return at(2, `high must not lie below low (${low})`)
    return true
  }

  /** Reads one field into `#values`; the rule it breaks, if any. */
  #readField(role: number, start: number, end: number): string | undefined {
    const bytes = this.#bytes
    if (start === end) return 'a value must not be empty'
    if (role === 0) {
      const { format } = this.#layout
      const time = parseTime(bytes, start, end, format)
      this.#values[0] = time
      if (Math.abs(time) <= MAX_TIME)
        return this.#sameUnit(time) ? undefined : `epochs must all be in ${format}, as in the first row`
      return format === 'date'
        ? 'a timestamp must be an existing date, year first (YYYY-MM-DD, YYYYMMDD, with time and zone if any), or an epoch'
        : `a timestamp must be an epoch in ${format}, as in the first row`
    }
    const value = parseNumber(bytes, start, end)
    this.#values[role] = value
    if (!Number.isFinite(value)) return 'a value must be a finite decimal number'
    if (role === 5) return value >= 0 ? undefined : 'volume must not be negative'
    return value > this.#floor ? undefined : 'a price must be above zero (allowNegative admits others)'
  }

  #onlyBlanksFollow(): boolean {
    for (let i = this.#at; i < this.#bytes.length; i++)
      if (this.#bytes[i] !== 10 && this.#bytes[i] !== 13 && this.#bytes[i] !== 32 && this.#bytes[i] !== 9) return false
    this.#at = this.#bytes.length
    return true
  }
}

/** Whether the bytes begin like a gzip file. */
const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

function unzip(bytes: Uint8Array, source: string): Uint8Array {
  try {
    return gunzipSync(bytes)
  } catch (cause) {
    throw new TradewrightError(
      'BAD_DATA',
      `${source}: the gzip data must be whole, was damaged or cut off`,
      { source },
      { cause },
    )
  }
}

/** The stated timeframe, if the rows are not closer than it says; else what their spacing tells. */
function timeframeOf(timestamp: Float64Array, stated: string | undefined, source: string): string | undefined {
  if (stated === undefined) return inferTimeframe(timestamp)
  const ms = timeframeMs(stated)
  const spacing = medianSpacing(timestamp)
  if (ms !== undefined && spacing < ms * 0.95)
    throw new TradewrightError(
      'BAD_DATA',
      `${source}: bars of timeframe '${stated}' must lie ${ms} ms apart, was ${spacing} ms in the median (${inferTimeframe(timestamp) ?? 'no timeframe'})`,
      { source, timeframe: stated, spacing },
    )
  return stated
}

function parse(input: Uint8Array, options: CsvOptions, fast: boolean): Bars {
  checkCsvOptions(options)
  const { source = 'CSV', maxProblems = 20, allowNegative = false, symbol, calendar } = options
  if (!(input instanceof Uint8Array))
    throw new TradewrightError('BAD_OPTION', `bytes must be a Uint8Array, was ${typeof input}`)
  if (input.length === 0)
    throw new TradewrightError('BAD_DATA', `${source}: the file must have rows, was empty`, { source })
  const bytes = isGzip(input) ? unzip(input, source) : input
  const scanner = new CsvScanner(bytes, readLayout(bytes, options, source), allowNegative)
  scanner.scan(maxProblems, fast)
  if (scanner.problems.length > 0)
    throw problemsError(source, scanner.problems.slice(0, maxProblems), scanner.problems.length >= maxProblems)
  if (scanner.length === 0)
    throw new TradewrightError('BAD_DATA', `${source}: the file must have rows, was only a header`, { source })
  const [timestamp, open, high, low, close, volume] = scanner.columns.map((column) =>
    column.length === scanner.length ? column : column.slice(0, scanner.length),
  )
  const timeframe = timeframeOf(timestamp, options.timeframe, source)
  return viewBars({ timestamp, open, high, low, close, volume, symbol, timeframe, calendar })
}

/**
 * Reads bars from the bytes of a CSV file, gzipped or not.
 *
 * Strict: nothing is repaired, sorted or skipped. What is refused, with line and column, at most `maxProblems` at once:
 * a missing column, a row with too few or too many fields, a blank row before the end, an empty or non-numeric value
 * (`NaN` and `null` included), a price of zero or below, a negative volume, high below low, a date that does not exist,
 * timestamps that repeat or go back, epochs of two units, a quote left open.
 * Accepted: CRLF, a byte order mark, quoted fields, blanks around fields, blank lines at the end.
 * Numbers equal `Number(text)` to the last bit. Dates without a zone are UTC.
 *
 * @param bytes the file. Read only.
 * @returns bars with their own memory, oldest first.
 * @throws TradewrightError `BAD_DATA` (what is malformed; `details.line`, `.column`, `.character`, `.problems`),
 *   `BAD_OPTION`, `UNKNOWN_NAME` (an option, or a stated column that is not there).
 * @example
 * ```ts
 * import { parseCsv } from '@tradewright/market-data'
 * const text = 'date,open,high,low,close,volume\n2024-01-01,1,2,1,2,10\n2024-01-02,2,3,2,3,10\n'
 * const bars = parseCsv(new TextEncoder().encode(text), { calendar: 'crypto' })
 * console.log(bars.length, bars.timeframe, bars.close[1]) // 2 1d 3
 * ```
 */
export function parseCsv(bytes: Uint8Array, options: CsvOptions = {}): Bars {
  return parse(bytes, options, true)
}

/** {@link parseCsv} without its fast path: the plain form that tests hold it against. */
export function parseCsvPlainly(bytes: Uint8Array, options: CsvOptions = {}): Bars {
  return parse(bytes, options, false)
}
