import { TradewrightError, unknownName } from './error.ts'
import { type Fingerprint, Hasher } from './key.ts'
import { barsPerYear, type Calendar, calendarNames, parseTimeframe } from './timeframe.ts'

/** The columns every bar has, in order. */
export type BarColumn = 'timestamp' | 'open' | 'high' | 'low' | 'close' | 'volume'

/** The names of {@link BarColumn}, in order. */
export const barColumns: readonly BarColumn[] = Object.freeze([
  'timestamp',
  'open',
  'high',
  'low',
  'close',
  'volume',
] as const)

/**
 * Market data of one symbol: a typed array per column, oldest first. Immutable: its columns are read-only borrows.
 */
export interface Bars {
  readonly length: number
  /** Epoch ms UTC of each bar's opening, strictly ascending. */
  readonly timestamp: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
  readonly symbol: string
  readonly timeframe: string | undefined
  readonly calendar: Calendar | undefined
  /** Bars in a year, from timeframe and calendar; undefined where one of them is not stated. */
  readonly barsPerYear: number | undefined
  /** Content key of the columns, symbol, timeframe and calendar. Computed once, at the first read. */
  readonly fingerprint: Fingerprint
  /** Whether every column lies in a SharedArrayBuffer, so that workers read it without a copy. */
  readonly shared: boolean
}

/** What {@link createBars} takes. Columns may be any array of numbers; all have the same length. */
export interface BarsInput {
  readonly timestamp: ArrayLike<number>
  readonly open: ArrayLike<number>
  readonly high: ArrayLike<number>
  readonly low: ArrayLike<number>
  readonly close: ArrayLike<number>
  readonly volume: ArrayLike<number>
  /** @default '' */
  readonly symbol?: string | undefined
  readonly timeframe?: string | undefined
  readonly calendar?: Calendar | undefined
}

const isShared = (array: Float64Array): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && array.buffer instanceof SharedArrayBuffer

class ColumnBars implements Bars {
  readonly length: number
  readonly timestamp: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
  readonly symbol: string
  readonly timeframe: string | undefined
  readonly calendar: Calendar | undefined
  readonly barsPerYear: number | undefined
  #fingerprint: Fingerprint | undefined

  constructor(columns: Readonly<Record<BarColumn, Float64Array>>, input: Omit<BarsInput, BarColumn>) {
    this.timestamp = columns.timestamp
    this.open = columns.open
    this.high = columns.high
    this.low = columns.low
    this.close = columns.close
    this.volume = columns.volume
    this.length = columns.close.length
    this.symbol = input.symbol ?? ''
    this.timeframe = input.timeframe
    this.calendar = input.calendar
    this.barsPerYear =
      input.timeframe === undefined || input.calendar === undefined
        ? undefined
        : barsPerYear(input.timeframe, input.calendar)
    Object.freeze(this)
  }

  get fingerprint(): Fingerprint {
    if (this.#fingerprint === undefined) {
      const hasher = new Hasher().value(['bars', this.symbol, this.timeframe, this.calendar])
      for (const name of barColumns) hasher.value(this[name])
      this.#fingerprint = hasher.digest()
    }
    return this.#fingerprint
  }

  get shared(): boolean {
    return barColumns.every((name) => isShared(this[name]))
  }
}

function checkBars(columns: Readonly<Record<BarColumn, Float64Array>>, input: Omit<BarsInput, BarColumn>): void {
  const { timestamp } = columns
  for (const name of barColumns) {
    if (columns[name].length !== timestamp.length)
      throw new TradewrightError(
        'BAD_SHAPE',
        `every column must have as many rows as timestamp (${timestamp.length}), ${name} had ${columns[name].length}`,
        { column: name, rows: columns[name].length, expected: timestamp.length },
      )
  }
  for (let i = 0; i < timestamp.length; i++) {
    if (!Number.isFinite(timestamp[i]) || (i > 0 && timestamp[i] <= timestamp[i - 1]))
      throw new TradewrightError(
        'BAD_DATA',
        `timestamps must be finite and strictly ascending, bar ${i} has ${timestamp[i]}${i > 0 ? ` after ${timestamp[i - 1]}` : ''}`,
        { index: i, timestamp: timestamp[i] },
      )
  }
  if (input.timeframe !== undefined) parseTimeframe(input.timeframe)
  if (input.calendar !== undefined && !calendarNames.includes(input.calendar))
    throw unknownName('calendar', String(input.calendar), calendarNames)
}

/**
 * Makes {@link Bars} from columns.
 *
 * NaN prices are allowed here (an indicator's doc says what a NaN bar does); readers of files refuse them.
 *
 * @param input columns of one length, `timestamp` in epoch ms, strictly ascending. Copied, except Float64Array columns
 *   over a SharedArrayBuffer, which are kept as they are: sharing is what they are for. Do not write to them afterwards.
 * @throws TradewrightError `BAD_OPTION` (a column is missing; timeframe), `BAD_SHAPE` (lengths differ), `BAD_DATA`
 *   (timestamps not finite or not strictly ascending), `UNKNOWN_NAME` (calendar).
 * @example
 * ```ts
 * import { createBars } from '@tradewright/core'
 * const bars = createBars({
 *   timestamp: [0, 86400000], open: [1, 2], high: [2, 3], low: [1, 2], close: [2, 3], volume: [10, 10],
 *   symbol: 'TEST', timeframe: '1d', calendar: 'equity',
 * })
 * console.log(bars.length, bars.barsPerYear) // 2 252
 * ```
 */
export function createBars(input: BarsInput): Bars {
  return make(input, (column) =>
    column instanceof Float64Array && isShared(column) ? column : Float64Array.from(column),
  )
}

/**
 * Like {@link createBars}, without the copy: Float64Array columns are kept as they are. The caller promises not to
 * write to them afterwards: fingerprints and cached results would be those of the old values.
 */
export function viewBars(input: BarsInput): Bars {
  return make(input, (column) => (column instanceof Float64Array ? column : Float64Array.from(column)))
}

function make(input: BarsInput, keep: (column: ArrayLike<number>) => Float64Array): Bars {
  const column = (name: BarColumn): Float64Array => {
    const values: unknown = input[name]
    if (!Array.isArray(values) && !(ArrayBuffer.isView(values) && !(values instanceof DataView)))
      throw new TradewrightError('BAD_OPTION', `column '${name}' must be an array of numbers, was ${typeof values}`, {
        column: name,
      })
    return keep(values as ArrayLike<number>)
  }
  const columns = {
    timestamp: column('timestamp'),
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
    volume: column('volume'),
  }
  checkBars(columns, input)
  return new ColumnBars(columns, input)
}

/** A copy of `bars` whose columns lie in one SharedArrayBuffer; `bars` itself where they already are shared. */
export function copyToShared(bars: Bars): Bars {
  if (bars.shared) return bars
  const bytes = bars.length * 8
  const buffer = new SharedArrayBuffer(bytes * barColumns.length)
  const columns = barColumns.map((name, i) => {
    const column = new Float64Array(buffer, i * bytes, bars.length)
    column.set(bars[name])
    return [name, column] as const
  })
  return new ColumnBars(Object.fromEntries(columns) as Record<BarColumn, Float64Array>, bars)
}

/**
 * The bars from `start` (included) to `end` (excluded), as views of the same memory.
 *
 * @throws TradewrightError `BAD_OPTION` for a range outside 0 <= start <= end <= length.
 */
export function viewRange(bars: Bars, start: number, end: number): Bars {
  if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= bars.length))
    throw new TradewrightError('BAD_OPTION', `range must lie within 0 to ${bars.length}, was ${start} to ${end}`, {
      start,
      end,
    })
  const columns = barColumns.map((name) => [name, bars[name].subarray(start, end)] as const)
  return new ColumnBars(Object.fromEntries(columns) as Record<BarColumn, Float64Array>, bars)
}
