import { TradewrightError } from './error.ts'

/** Which hours a market trades, for the number of bars in a year. */
export type Calendar = 'crypto' | 'equity' | 'fx'

/** A bar's length: a whole number and one of m, h, d, w, M (minutes, hours, days, weeks, months). */
export type Timeframe = `${number}${'m' | 'h' | 'd' | 'w' | 'M'}`

/** Trading days a year, hours a trading day, trading days a week. */
const CALENDARS: ReadonlyMap<string, { readonly days: number; readonly hours: number; readonly week: number }> =
  new Map([
    ['crypto', { days: 365, hours: 24, week: 7 }],
    ['equity', { days: 252, hours: 6.5, week: 5 }],
    ['fx', { days: 260, hours: 24, week: 5 }],
  ])

/** The calendars, by name. */
export const calendarNames: readonly Calendar[] = Object.freeze(['crypto', 'equity', 'fx'] as const)

/** A timeframe taken apart. */
export interface TimeframeParts {
  readonly count: number
  readonly unit: 'm' | 'h' | 'd' | 'w' | 'M'
}

/**
 * Takes a timeframe apart.
 *
 * @throws TradewrightError `BAD_OPTION` for anything but a whole number >= 1 and one of m, h, d, w, M.
 */
export function parseTimeframe(timeframe: string): TimeframeParts {
  const match = /^([1-9][0-9]{0,5})([mhdwM])$/.exec(timeframe)
  if (match === null)
    throw new TradewrightError(
      'BAD_OPTION',
      `timeframe must be a whole number and one of m, h, d, w, M (as in '15m', '1h', '1d'), was '${timeframe}'`,
      { timeframe },
    )
  return { count: Number(match[1]), unit: match[2] as TimeframeParts['unit'] }
}

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** A timeframe's length in milliseconds; undefined for months, which have no fixed length. */
export function timeframeMs(timeframe: string): number | undefined {
  const { count, unit } = parseTimeframe(timeframe)
  return unit === 'M' ? undefined : count * UNIT_MS[unit]
}

/**
 * Where the timeframe's period that holds `timestamp` begins, in epoch ms UTC.
 *
 * Minutes, hours and days count from the epoch, weeks from Mondays, months from January of year 0.
 */
export function periodStart(timestamp: number, { count, unit }: TimeframeParts): number {
  if (unit === 'M') {
    const date = new Date(timestamp)
    const months = date.getUTCFullYear() * 12 + date.getUTCMonth()
    return Date.UTC(0, 0, 1) + (Date.UTC(2000, months - (months % count) - 24_000, 1) - Date.UTC(0, 0, 1))
  }
  const length = count * UNIT_MS[unit]
  const origin = unit === 'w' ? 4 * UNIT_MS.d : 0 // 1970-01-05 was a Monday
  return Math.floor((timestamp - origin) / length) * length + origin
}

/**
 * Bars in a year of a market: what annualized figures are scaled by.
 *
 * crypto 365 x 24 h, equity 252 x 6.5 h, fx 260 x 24 h. A week is 7 (crypto) or 5 trading days; a year has 12 months.
 *
 * @throws TradewrightError `BAD_OPTION` (timeframe), `UNKNOWN_NAME` (calendar).
 * @example
 * ```ts
 * import { barsPerYear } from '@tradewright/core'
 * console.log(barsPerYear('1h', 'crypto'), barsPerYear('1d', 'equity')) // 8760 252
 * ```
 */
export function barsPerYear(timeframe: string, calendar: Calendar): number {
  const market = CALENDARS.get(calendar)
  if (market === undefined)
    throw new TradewrightError(
      'UNKNOWN_NAME',
      `calendar must be one of ${calendarNames.join(', ')}, was '${calendar}'`,
      {
        name: calendar,
        known: calendarNames,
      },
    )
  const { count, unit } = parseTimeframe(timeframe)
  switch (unit) {
    case 'm':
      return (market.days * market.hours * 60) / count
    case 'h':
      return (market.days * market.hours) / count
    case 'd':
      return market.days / count
    case 'w':
      return market.days / market.week / count
    case 'M':
      return 12 / count
    default:
      return unit satisfies never
  }
}
