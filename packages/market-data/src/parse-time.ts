import { parseNumber } from './parse-number.ts'

/** What an epoch timestamp counts. */
export type TimeUnit = 's' | 'ms' | 'us' | 'ns'

/** How a file writes its timestamps: a date, or an epoch in one unit. */
export type TimeFormat = 'date' | TimeUnit

const SIZES = [
  ['s', 1e11],
  ['ms', 1e14],
  ['us', 1e17],
  ['ns', Number.POSITIVE_INFINITY],
] as const

/**
 * The unit of an epoch by its size: below 1e11 seconds (until year 5138), below 1e14 milliseconds (from March 1973),
 * below 1e17 microseconds, else nanoseconds.
 */
export function epochUnit(value: number): TimeUnit {
  const size = Math.abs(value)
  for (const [unit, below] of SIZES) if (size < below) return unit
  return 'ns'
}

/** Days from 1970-01-01 of a date in the proleptic Gregorian calendar. */
function daysFromEpoch(year: number, month: number, day: number): number {
  // Years begin in March, so that the leap day is the last: Hinnant, "chrono-compatible low-level date algorithms".
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146097 + dayOfEra - 719468
}

const MONTH_DAYS = Uint8Array.of(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

function daysInMonth(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return MONTH_DAYS[month - 1] + (leap ? 1 : 0)
}

/** `count` digits at `at` as a number; NaN where they are not all digits, or pass `end`. */
function digitsAt(bytes: Uint8Array, at: number, count: number, end: number): number {
  if (at + count > end) return Number.NaN
  let value = 0
  for (let i = at; i < at + count; i++) {
    const digit = bytes[i] - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

/** Offset of a zone (Z, +02, +0200, +02:00) in minutes; NaN where it is none. */
function zoneMinutes(bytes: Uint8Array, at: number, end: number): number {
  if (at === end) return 0 // no zone: UTC
  if ((bytes[at] | 32) === 122) return at + 1 === end ? 0 : Number.NaN
  if (bytes[at] !== 43 && bytes[at] !== 45) return Number.NaN
  const hours = digitsAt(bytes, at + 1, 2, end)
  let next = at + 3
  let minutes = 0
  if (next < end) {
    if (bytes[next] === 58) next++
    minutes = digitsAt(bytes, next, 2, end)
    next += 2
  }
  if (next !== end || !(hours <= 14 && minutes < 60)) return Number.NaN
  return (bytes[at] === 45 ? -1 : 1) * (hours * 60 + minutes)
}

/** ms of HH:mm[:ss[.fraction]][zone] after midnight UTC; NaN where it is none. */
function timeOfDay(bytes: Uint8Array, start: number, end: number): number {
  const hours = digitsAt(bytes, start, 2, end)
  const minutes = bytes[start + 2] === 58 ? digitsAt(bytes, start + 3, 2, end) : Number.NaN
  if (!(hours < 24 && minutes < 60)) return Number.NaN
  let at = start + 5
  let ms = 0
  if (at < end && bytes[at] === 58) {
    const seconds = digitsAt(bytes, at + 1, 2, end)
    if (!(seconds < 60)) return Number.NaN
    ms = seconds * 1000
    at += 3
    if (at < end && bytes[at] === 46) {
      const fraction = at++
      while (at < end && bytes[at] >= 48 && bytes[at] <= 57) at++
      if (at === fraction + 1) return Number.NaN
      ms += parseNumber(bytes, fraction, at) * 1000
    }
  }
  if (at < end && bytes[at] === 32) at++
  return hours * 3_600_000 + minutes * 60_000 + ms - zoneMinutes(bytes, at, end) * 60_000
}

/**
 * Reads a date, or a date and time, as epoch ms. Year first: YYYY-MM-DD, YYYY/MM/DD, YYYY.MM.DD or YYYYMMDD, then
 * nothing or `T` or a blank and HH:mm[:ss[.fraction]] and a zone (Z, +02, +0200, +02:00). Without a zone it is UTC.
 *
 * @returns epoch ms UTC; NaN for anything else, a 30 February included.
 */
export function parseDate(bytes: Uint8Array, start: number, end: number): number {
  const year = digitsAt(bytes, start, 4, end)
  const mark = bytes[start + 4]
  const marked = mark === 45 || mark === 47 || mark === 46
  if (marked && bytes[start + 7] !== mark) return Number.NaN
  const month = digitsAt(bytes, start + (marked ? 5 : 4), 2, end)
  const day = digitsAt(bytes, start + (marked ? 8 : 6), 2, end)
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return Number.NaN
  const midnight = daysFromEpoch(year, month, day) * 86_400_000
  const at = start + (marked ? 10 : 8)
  if (at === end) return midnight
  if (bytes[at] !== 32 && (bytes[at] | 32) !== 116) return Number.NaN
  return midnight + timeOfDay(bytes, at + 1, end)
}

const isDigits = (bytes: Uint8Array, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) if (bytes[i] < 48 || bytes[i] > 57) return false
  return end > start
}

/**
 * How a timestamp is written: eight digits that are a date are YYYYMMDD, another number is an epoch told by its size
 * ({@link epochUnit}), anything else that reads is a date. Undefined where it reads as none.
 */
export function detectTimeFormat(bytes: Uint8Array, start: number, end: number): TimeFormat | undefined {
  if (!Number.isNaN(parseDate(bytes, start, end))) return 'date'
  const value = parseNumber(bytes, start, end)
  return Number.isFinite(value) ? epochUnit(value) : undefined
}

/**
 * Reads a timestamp of a known format as epoch ms.
 *
 * Whole microseconds and nanoseconds are split before they are read, because 19 digits pass 2^53; what is below a
 * millisecond stays as a fraction.
 *
 * @returns epoch ms UTC; NaN where it does not read.
 */
export function parseTime(bytes: Uint8Array, start: number, end: number, format: TimeFormat): number {
  if (format === 'date') return parseDate(bytes, start, end)
  if (format === 'ms') return parseNumber(bytes, start, end)
  if (format === 's') return Math.round(parseNumber(bytes, start, end) * 1e6) / 1e3
  const tail = format === 'us' ? 3 : 6
  const split = end - tail
  if (split > start && isDigits(bytes, start, end))
    return parseNumber(bytes, start, split) + parseNumber(bytes, split, end) / (format === 'us' ? 1e3 : 1e6)
  return parseNumber(bytes, start, end) / (format === 'us' ? 1e3 : 1e6)
}
