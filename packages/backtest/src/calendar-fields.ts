import { type Data, TradewrightError } from '@tradewright/core'

const DAY = 86_400_000
const MINUTE = 60_000

/** Fields of a bar's opening time that `calendar` gives. */
export const calendarFieldNames = [
  'minute',
  'hour',
  'minuteOfDay',
  'dayOfWeek',
  'dayOfMonth',
  'dayOfYear',
  'month',
  'year',
] as const

/**
 * A field of a bar's opening time: minute (0 to 59), hour (0 to 23), minuteOfDay (0 to 1439), dayOfWeek (0 Sunday to 6
 * Saturday), dayOfMonth (1 to 31), dayOfYear (1 to 366), month (1 to 12), year.
 */
export type CalendarField = (typeof calendarFieldNames)[number]

const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(timeZone: string): Intl.DateTimeFormat {
  let format = formatters.get(timeZone)
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      })
    } catch (cause) {
      throw new TradewrightError(
        'BAD_OPTION',
        `a time zone must be an IANA name such as 'America/New_York', was '${timeZone}'`,
        { timeZone },
        { cause },
      )
    }
    formatters.set(timeZone, format)
  }
  return format
}

/** @throws TradewrightError `BAD_OPTION` for a name that is no time zone. */
export function checkTimeZone(timeZone: string): void {
  if (timeZone !== 'UTC') formatter(timeZone)
}

/** Local time minus UTC at `timestamp`, in ms. */
function offsetAt(timestamp: number, timeZone: string): number {
  const second = Math.floor(timestamp / 1000) * 1000
  const parts: Record<string, number> = {}
  for (const { type, value } of formatter(timeZone).formatToParts(second)) parts[type] = Number(value)
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - second
}

/** A clock of one time zone. Formatting is slow: offsets are kept a UTC day where both its ends agree. */
export class LocalClock {
  readonly #timeZone: string
  readonly #days = new Map<number, number>()

  constructor(timeZone: string) {
    this.#timeZone = timeZone
  }

  /** Local time as if it were UTC, in epoch ms. */
  local(timestamp: number): number {
    if (this.#timeZone === 'UTC') return timestamp
    const day = Math.floor(timestamp / DAY)
    let offset = this.#days.get(day)
    if (offset === undefined) {
      const first = offsetAt(day * DAY, this.#timeZone)
      offset = first === offsetAt((day + 1) * DAY, this.#timeZone) ? first : NaN
      this.#days.set(day, offset)
    }
    return timestamp + (offset === offset ? offset : offsetAt(timestamp, this.#timeZone))
  }
}

/** One field of a local time. */
export function calendarField(field: CalendarField, local: number): number {
  const inDay = local - Math.floor(local / DAY) * DAY
  switch (field) {
    case 'minute':
      return Math.floor(inDay / MINUTE) % 60
    case 'hour':
      return Math.floor(inDay / (60 * MINUTE))
    case 'minuteOfDay':
      return Math.floor(inDay / MINUTE)
    case 'dayOfWeek':
      return (((Math.floor(local / DAY) + 4) % 7) + 7) % 7 // 1970-01-01 was a Thursday
    case 'dayOfMonth':
      return new Date(local).getUTCDate()
    case 'dayOfYear':
      return Math.floor((local - Date.UTC(new Date(local).getUTCFullYear(), 0, 1)) / DAY) + 1
    case 'month':
      return new Date(local).getUTCMonth() + 1
    case 'year':
      return new Date(local).getUTCFullYear()
    default:
      return field satisfies never
  }
}

/** Reads `calendar`'s constants: field, time zone. */
export function calendarReader(constants: readonly Data[]): (timestamp: number) => number {
  const [field, timeZone] = constants as readonly [CalendarField, string]
  const clock = new LocalClock(timeZone)
  return (timestamp) => calendarField(field, clock.local(timestamp))
}

/** Reads `session`'s constants: from and to in minutes of the day, time zone, weekdays as bits. */
export function sessionReader(constants: readonly Data[]): (timestamp: number) => boolean {
  const [from, to, timeZone, days] = constants as readonly [number, number, string, number]
  const clock = new LocalClock(timeZone)
  return (timestamp) => {
    const local = clock.local(timestamp)
    const minute = calendarField('minuteOfDay', local)
    const day = calendarField('dayOfWeek', local)
    if (from <= to) return minute >= from && minute < to && ((days >> day) & 1) === 1
    // Past midnight: the hours after it belong to the day before.
    if (minute >= from) return ((days >> day) & 1) === 1
    return minute < to && ((days >> ((day + 6) % 7)) & 1) === 1
  }
}

export function calendarColumn(timestamp: Float64Array, constants: readonly Data[]): Float64Array {
  return timestamp.map(calendarReader(constants))
}

export function sessionColumn(timestamp: Float64Array, constants: readonly Data[], out: Uint8Array): Uint8Array {
  const inside = sessionReader(constants)
  for (let i = 0; i < out.length; i++) out[i] = inside(timestamp[i]) ? 1 : 0
  return out
}
