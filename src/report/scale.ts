/** Where values lie on an axis. */
export interface Scale {
  readonly low: number
  readonly high: number
  /** Position of a value, in the units of the range. */
  at(value: number): number
}

/** A linear scale from [low, high] to [from, to]. A domain without extent lies in the middle. */
export function linearScale(low: number, high: number, from: number, to: number): Scale {
  const extent = high - low
  return { low, high, at: (value) => (extent === 0 ? (from + to) / 2 : from + ((value - low) / extent) * (to - from)) }
}

/** Round numbers inside [low, high], about `count` of them: steps of 1, 2 or 5 times a power of ten. */
export function roundTicks(low: number, high: number, count: number): readonly number[] {
  if (!(high > low)) return [low]
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power
  const ticks: number[] = []
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++)
    ticks.push(Number((k * step).toPrecision(12)))
  return ticks
}

/** A moment on a time axis and how it is written. */
export interface TimeTick {
  readonly at: number
  readonly label: string
}

const DAY = 86_400_000
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Years, months, days or hours of a period, whichever gives about `count` labels. UTC. */
export function timeTicks(low: number, high: number, count: number): readonly TimeTick[] {
  const days = (high - low) / DAY / count
  if (days > 120) return calendarTicks(low, high, 12 * Math.ceil(days / 400))
  if (days > 15) return calendarTicks(low, high, [1, 2, 3, 6].find((months) => months * 31 >= days) ?? 6)
  const hours = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336].find((h) => h >= days * 24) ?? 336
  const step = hours * 3_600_000
  const ticks: TimeTick[] = []
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) {
    const text = new Date(at).toISOString()
    ticks.push({ at, label: hours < 24 && at % DAY !== 0 ? text.slice(11, 16) : text.slice(5, 10) })
  }
  return ticks
}

function calendarTicks(low: number, high: number, months: number): readonly TimeTick[] {
  const ticks: TimeTick[] = []
  const first = new Date(low)
  const start = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months
  for (let month = start; ; month += months) {
    const at = Date.UTC(Math.floor(month / 12), month % 12, 1)
    if (at > high) break
    if (at < low) continue
    const year = Math.floor(month / 12)
    ticks.push({ at, label: months >= 12 ? String(year) : `${MONTHS[month % 12]} ${year}` })
  }
  return ticks
}
