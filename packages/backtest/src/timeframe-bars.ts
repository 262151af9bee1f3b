import { parseTimeframe, periodStart, type TimeframeParts, TradewrightError, timeframeMs } from '@tradewright/core'
import type { NodeBars } from './node-values.ts'

/** Bars of a larger timeframe, and which of them is the last closed one at each smaller bar. */
export interface TimeframeBars extends NodeBars {
  /** shape [bars of the smaller timeframe]; index of the last closed larger bar, -1 before the first. */
  readonly closed: Int32Array
}

/**
 * Builds bars of a larger timeframe, one small bar at a time.
 *
 * A larger bar is closed with the small bar that reaches the end of its period (where the small timeframe is known and
 * has a fixed length), and otherwise with the first small bar of a later period: never before its last small bar is.
 */
export class TimeframeBuilder {
  readonly #parts: TimeframeParts
  readonly #smallMs: number
  #period = NaN
  #end = NaN
  #open = NaN
  #high = NaN
  #low = NaN
  #close = NaN
  #volume = NaN

  /**
   * @param timeframe the larger one.
   * @param small     the bars' own; undefined where it is not known.
   * @throws TradewrightError `BAD_OPTION` where the larger timeframe is not larger.
   */
  constructor(timeframe: string, small: string | undefined) {
    this.#parts = parseTimeframe(timeframe)
    const smallMs = small === undefined ? undefined : timeframeMs(small)
    const largeMs = timeframeMs(timeframe) ?? 28 * 86_400_000
    if (smallMs !== undefined && largeMs < smallMs)
      throw new TradewrightError(
        'BAD_OPTION',
        `tf('${timeframe}') needs a timeframe of at least the bars' own, '${small}'`,
        {
          timeframe,
          small,
        },
      )
    this.#smallMs = smallMs ?? NaN
  }

  /** Takes one small bar; `emit` gets every larger bar that is closed with it, before or after it went in. */
  push(
    timestamp: number,
    open: number,
    high: number,
    low: number,
    close: number,
    volume: number,
    emit: (timestamp: number, open: number, high: number, low: number, close: number, volume: number) => void,
  ): void {
    const period = periodStart(timestamp, this.#parts)
    if (period !== this.#period) {
      this.#flush(emit)
      this.#period = period
      this.#end = this.#smallMs === this.#smallMs ? nextPeriod(period, this.#parts) : NaN
      this.#open = open
      this.#high = high
      this.#low = low
      this.#volume = 0
    } else {
      this.#high = Math.max(this.#high, high)
      this.#low = Math.min(this.#low, low)
    }
    this.#close = close
    this.#volume += volume
    if (timestamp + this.#smallMs >= this.#end) this.#flush(emit)
  }

  #flush(
    emit: (timestamp: number, open: number, high: number, low: number, close: number, volume: number) => void,
  ): void {
    if (this.#period !== this.#period) return
    emit(this.#period, this.#open, this.#high, this.#low, this.#close, this.#volume)
    this.#period = NaN
  }

  save(): readonly number[] {
    return [this.#period, this.#end, this.#open, this.#high, this.#low, this.#close, this.#volume]
  }

  restore(state: readonly number[]): void {
    ;[this.#period, this.#end, this.#open, this.#high, this.#low, this.#close, this.#volume] = state
  }
}

/** Start of the period after the one that starts at `period`. */
function nextPeriod(period: number, parts: TimeframeParts): number {
  if (parts.unit !== 'M') return period + (timeframeMs(`${parts.count}${parts.unit}`) ?? NaN)
  const date = new Date(period)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + parts.count, 1)
}

/** The bars of `timeframe` that are closed within `bars`. */
export function resampleClosed(bars: NodeBars, timeframe: string): TimeframeBars {
  const builder = new TimeframeBuilder(timeframe, bars.timeframe)
  const columns: [number[], number[], number[], number[], number[], number[]] = [[], [], [], [], [], []]
  const closed = new Int32Array(bars.length)
  const emit = (...values: [number, number, number, number, number, number]): void => {
    for (let k = 0; k < 6; k++) columns[k].push(values[k])
  }
  for (let i = 0; i < bars.length; i++) {
    builder.push(bars.timestamp[i], bars.open[i], bars.high[i], bars.low[i], bars.close[i], bars.volume[i], emit)
    closed[i] = columns[0].length - 1
  }
  const [timestamp, open, high, low, close, volume] = columns.map((column) => Float64Array.from(column))
  return { timestamp, open, high, low, close, volume, length: timestamp.length, timeframe, closed }
}

export function expandValues({ closed }: TimeframeBars, values: Float64Array): Float64Array {
  const out = new Float64Array(closed.length)
  for (let i = 0; i < out.length; i++) out[i] = closed[i] < 0 ? NaN : values[closed[i]]
  return out
}

export function expandBoolean({ closed }: TimeframeBars, values: Uint8Array): Uint8Array {
  const out = new Uint8Array(closed.length)
  for (let i = 0; i < out.length; i++) out[i] = closed[i] < 0 ? 0 : values[closed[i]]
  return out
}
