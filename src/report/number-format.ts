const NONE = '–'
const MINUS = '−'

const signed = (text: string): string => text.replace('-', MINUS)

// One formatter for each count of digits: making one costs a hundred times what using it does.
const formatters = Array.from(
  { length: 7 },
  (_, digits) => new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }),
)

const grouped = (value: number, digits: number): string => formatters[Math.min(6, digits)].format(value)

/** A fraction as a percentage with one digit: 0.1234 is `12.3 %`. NaN and undefined are a dash. */
export function formatPercent(value: number | undefined, digits: number = 1): string {
  if (value === undefined || Number.isNaN(value)) return NONE
  return Number.isFinite(value) ? signed(`${grouped(value * 100, digits)} %`) : formatNumber(value)
}

/** A number with a fixed count of digits. NaN and undefined are a dash. */
export function formatNumber(value: number | undefined, digits: number = 2): string {
  if (value === undefined || Number.isNaN(value)) return NONE
  if (!Number.isFinite(value)) return value > 0 ? '∞' : `${MINUS}∞`
  return signed(grouped(value, digits))
}

/** A whole number with thousands apart. */
export function formatCount(value: number | undefined): string {
  return formatNumber(value, 0)
}

/** A number as short as three or four significant digits allow: parameters and axis labels. */
export function formatShort(value: number): string {
  if (Number.isInteger(value)) return signed(grouped(value, 0))
  return signed(String(Number(value.toPrecision(4))))
}

/** A duration: `12 ms`, `3.4 s`, `2 min 5 s`, `1 h 3 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1) return '< 1 ms'
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

/** Bytes with a binary unit: `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** A day, or with `minutes` a minute, in UTC: `2020-04-17`, `2020-04-17 14:30`. */
export function formatTime(epochMs: number, minutes: boolean = false): string {
  const text = new Date(epochMs).toISOString()
  return minutes ? `${text.slice(0, 10)} ${text.slice(11, 16)}` : text.slice(0, 10)
}

/** A value of a parameter. */
export function formatParam(value: unknown): string {
  if (typeof value === 'number') return formatShort(value)
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([name, inner]) => `${name} ${formatParam(inner)}`)
      .join(', ')
  return String(value)
}
