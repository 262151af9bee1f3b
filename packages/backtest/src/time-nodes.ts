import { parseTimeframe, TradewrightError, unknownName } from '@tradewright/core'
import { currentGraph } from './ambient.ts'
import { type CalendarField, calendarFieldNames, checkTimeZone } from './calendar-fields.ts'
import { type BooleanExpr, booleanExpr, type Expr, graphOf, isExpr, nodeOf, valueExpr } from './expression.ts'
import { Op } from './operation.ts'

/**
 * An expression on a larger timeframe, as of the last bar of it that is closed: computed on bars resampled to
 * `timeframe` and held until the next one closes. NaN (false for a condition) before the first closed one.
 *
 * A larger bar is closed with the bar that reaches the end of its period where the bars state their timeframe, and
 * else with the first bar of the next period: never before.
 *
 * @param timeframe at least the bars' own, as in '4h'.
 * @param source    an expression of the bars' own columns; all of it is computed on the larger bars.
 * @throws TradewrightError `BAD_OPTION` (timeframe).
 * @example
 * ```ts
 * const up = tf('1d', close.gt(ta.sma(close, 50)))
 * ```
 */
export function tf(timeframe: string, source: Expr): Expr
export function tf(timeframe: string, source: BooleanExpr): BooleanExpr
export function tf(timeframe: string, source: Expr | BooleanExpr): Expr | BooleanExpr {
  parseTimeframe(timeframe)
  if (!isExpr(source))
    throw new TradewrightError('BAD_STRATEGY', `tf('${timeframe}') takes an expression, was ${typeof source}`)
  const graph = graphOf(source)
  const node = nodeOf(graph, source, source.kind, 'tf')
  return source.kind === 'boolean'
    ? booleanExpr(graph, graph.intern(Op.timeframeBoolean, [node], [timeframe]))
    : valueExpr(graph, graph.intern(Op.timeframe, [node], [timeframe]))
}

/**
 * A field of the bar's opening time, in a time zone.
 *
 * @param timeZone IANA name. @default 'UTC'
 * @throws TradewrightError `UNKNOWN_NAME` (field), `BAD_OPTION` (time zone).
 */
export function calendar(field: CalendarField, timeZone: string = 'UTC'): Expr {
  if (!calendarFieldNames.includes(field)) throw unknownName('calendar field', String(field), calendarFieldNames)
  checkTimeZone(timeZone)
  const graph = currentGraph('calendar')
  const time = graph.intern(Op.timestamp, [])
  return valueExpr(graph, graph.intern(Op.calendar, [time], [field, timeZone]))
}

/** What {@link session} takes. */
export interface SessionOptions {
  /** Local time of its first minute, as in '09:30'. */
  readonly from: string
  /** Local time of the first minute after it, as in '16:00'. Before `from`: the session goes past midnight. */
  readonly to: string
  /** IANA name. @default 'UTC' */
  readonly timeZone?: string | undefined
  /** Days on which it begins, 0 Sunday to 6 Saturday. @default every day */
  readonly days?: readonly number[] | undefined
}

function minuteOfDay(name: string, time: string): number {
  const match = /^([01]?[0-9]|2[0-4]):([0-5][0-9])$/.exec(time)
  const minutes = match === null ? NaN : Number(match[1]) * 60 + Number(match[2])
  if (!(minutes <= 1440))
    throw new TradewrightError('BAD_OPTION', `session's ${name} must be a time as '09:30', was '${time}'`, {
      [name]: time,
    })
  return minutes
}

/**
 * Whether the bar opens within a session.
 *
 * @throws TradewrightError `BAD_OPTION` (times, days, time zone).
 * @example
 * ```ts
 * const regular = session({ from: '09:30', to: '16:00', timeZone: 'America/New_York', days: [1, 2, 3, 4, 5] })
 * ```
 */
export function session(options: SessionOptions): BooleanExpr {
  const { from, to, timeZone = 'UTC', days = [0, 1, 2, 3, 4, 5, 6] } = options
  checkTimeZone(timeZone)
  let bits = 0
  for (const day of days) {
    if (!Number.isInteger(day) || day < 0 || day > 6)
      throw new TradewrightError('BAD_OPTION', `session's days must be from 0 (Sunday) to 6, was ${day}`, { day })
    bits |= 1 << day
  }
  const graph = currentGraph('session')
  const time = graph.intern(Op.timestamp, [])
  const constants = [minuteOfDay('from', from), minuteOfDay('to', to), timeZone, bits]
  return booleanExpr(graph, graph.intern(Op.session, [time], constants))
}

/** `then` where `condition`, else `otherwise`. */
export function where(condition: BooleanExpr, then: Expr | number, otherwise: Expr | number): Expr {
  return condition.where(then, otherwise)
}

/** Bars since `condition` was last true: 0 where it is; NaN before it ever was. */
export function barsSince(condition: BooleanExpr): Expr {
  return condition.barsSince()
}

/** The value of `source` on the `nth` last bar (0: the last) where `condition` was true; NaN before. @param nth @default 0 */
export function valueWhen(condition: BooleanExpr, source: Expr, nth: number = 0): Expr {
  return source.valueWhen(condition, nth)
}
