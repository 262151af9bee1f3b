import {
  type Bars,
  parseTimeframe,
  periodStart,
  type TimeframeParts,
  TradewrightError,
  timeframeMs,
  viewBars,
} from '@tradewright/core'
import { inferTimeframe } from './infer-timeframe.ts'

/** Options of {@link resample}. */
export interface ResampleOptions {
  /**
   * What becomes of the last period when the bars end before it does: 'drop' leaves it out, 'keep' makes a bar of what
   * is there. @default 'drop'
   */
  readonly partial?: 'drop' | 'keep' | undefined
}

const DAY = 86_400_000
const WEEK_ORIGIN = 4 * DAY // weeks begin on Mondays, the epoch was a Thursday

/** Whether every period of `target` is made of whole periods of `source`. */
function divides(source: TimeframeParts, target: TimeframeParts): boolean {
  if (source.unit === 'M') return target.unit === 'M' && target.count % source.count === 0
  const length = timeframeMs(`${source.count}${source.unit}`) as number
  if (target.unit === 'M') return DAY % length === 0
  const origin = (target.unit === 'w' ? WEEK_ORIGIN : 0) - (source.unit === 'w' ? WEEK_ORIGIN : 0)
  return (timeframeMs(`${target.count}${target.unit}`) as number) % length === 0 && origin % length === 0
}

/** Where the period that begins at `start` ends. */
function periodEnd(start: number, { count, unit }: TimeframeParts): number {
  if (unit !== 'M') return start + (timeframeMs(`${count}${unit}`) as number)
  const date = new Date(start)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + count, 1)
}

/** `end` without the closed weekend before it: an equity week is whole on Friday. */
function tradedEnd(end: number, bars: Bars, { unit }: TimeframeParts): number {
  if (bars.calendar === undefined || bars.calendar === 'crypto' || (unit !== 'w' && unit !== 'M')) return end
  let last = end
  while ([0, 6].includes(new Date(last - 1).getUTCDay())) last -= DAY
  return last
}

function sourceParts(bars: Bars, target: string): TimeframeParts {
  const timeframe = bars.timeframe ?? inferTimeframe(bars.timestamp)
  if (timeframe === undefined)
    throw new TradewrightError('BAD_OPTION', 'bars must state a timeframe, was undefined and not told by their spacing')
  const parts = parseTimeframe(timeframe)
  if (!divides(parts, parseTimeframe(target)))
    throw new TradewrightError(
      'BAD_OPTION',
      `timeframe must be made of whole bars of '${timeframe}' (whole multiples; months of days or less), was '${target}'`,
      { from: timeframe, timeframe: target },
    )
  return parts
}

/**
 * Bars of a larger timeframe: first open, highest high, lowest low, last close, sum of the volumes (in the order of
 * the bars).
 *
 * Periods are core's `periodStart`: minutes, hours and days from the epoch, weeks from Mondays, months from January,
 * all UTC; a bar's timestamp is its period's start. Periods without bars give no bar. Only the last period can be
 * known to be unfinished: it is closed when the last bar ends where the period ends or later (for equity and fx, a
 * week or month that ends in a weekend ends on the Friday), else `partial` decides. Bars of a session that ends
 * before midnight never reach the day's end, so a last day of them is dropped unless `partial: 'keep'`. The first
 * period is kept even where the bars begin within it.
 *
 * @param bars      shape [n]; its timeframe is stated, or told by the spacing. Read only.
 * @param timeframe a multiple of it; the same gives `bars` back.
 * @returns bars with memory of their own. A NaN makes its column NaN in its period's bar (an open only as the first
 *   bar's, a close only as the last's).
 * @throws TradewrightError `BAD_OPTION` (timeframe is malformed, smaller, or no multiple).
 * @example
 * ```ts
 * import { readCsv, resample } from '@tradewright/market-data'
 * const days = await readCsv('node_modules/vega-datasets/data/sp500-2000.csv', { calendar: 'equity' })
 * console.log(resample(days, '1w').length) // 1059
 * ```
 */
export function resample(bars: Bars, timeframe: string, options: ResampleOptions = {}): Bars {
  const { partial = 'drop' } = options
  if (partial !== 'drop' && partial !== 'keep')
    throw new TradewrightError('BAD_OPTION', `partial must be 'drop' or 'keep', was '${partial}'`, { partial })
  const target = parseTimeframe(timeframe)
  const source = sourceParts(bars, timeframe)
  if (source.count === target.count && source.unit === target.unit) return bars
  const { length } = bars
  const columns = Array.from({ length: 6 }, () => new Float64Array(length))
  const [timestamp, open, high, low, close, volume] = columns
  let rows = 0
  let end = Number.NEGATIVE_INFINITY
  for (let i = 0; i < length; i++) {
    if (bars.timestamp[i] >= end) {
      const start = periodStart(bars.timestamp[i], target)
      end = periodEnd(start, target)
      timestamp[rows] = start
      open[rows] = bars.open[i]
      high[rows] = bars.high[i]
      low[rows] = bars.low[i]
      volume[rows] = 0
      rows++
    }
    const row = rows - 1
    // Math.max and Math.min keep a NaN, comparisons would lose it.
    high[row] = Math.max(high[row], bars.high[i])
    low[row] = Math.min(low[row], bars.low[i])
    close[row] = bars.close[i]
    volume[row] += bars.volume[i]
  }
  const closed = length === 0 || periodEnd(bars.timestamp[length - 1], source) >= tradedEnd(end, bars, target)
  if (!closed && partial === 'drop') rows--
  const [ts, o, h, l, c, v] = columns.map((column) => column.slice(0, rows))
  const { symbol, calendar } = bars
  return viewBars({ timestamp: ts, open: o, high: h, low: l, close: c, volume: v, symbol, timeframe, calendar })
}
