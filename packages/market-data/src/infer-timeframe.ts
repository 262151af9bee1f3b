const DAY = 86_400_000

/** The middle of the spacings between successive timestamps, in ms; NaN below two bars. */
export function medianSpacing(timestamp: Float64Array): number {
  if (timestamp.length < 2) return Number.NaN
  // 10,000 spacings tell the median of bars; sorting millions would cost more than reading them.
  const count = Math.min(timestamp.length - 1, 10_000)
  const stride = (timestamp.length - 1) / count
  const gaps = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const at = Math.floor(i * stride)
    gaps[i] = timestamp[at + 1] - timestamp[at]
  }
  gaps.sort()
  return gaps[(count - 1) >> 1]
}

/**
 * The timeframe of bars, from the median of their spacing: so gaps, weekends and holidays do not matter.
 *
 * 29 to 31 days are '1M', 90 to 92 days '3M', whole weeks 'w', whole days 'd', whole hours 'h', whole minutes 'm'.
 *
 * @param timestamp shape [n], epoch ms, ascending. Read only.
 * @returns the timeframe; undefined below two bars, or where the median is not a whole number of minutes.
 * @example
 * ```ts
 * import { inferTimeframe } from '@tradewright/market-data'
 * console.log(inferTimeframe(Float64Array.of(0, 3600000, 7200000))) // 1h
 * ```
 */
export function inferTimeframe(timestamp: Float64Array): string | undefined {
  const spacing = medianSpacing(timestamp)
  if (spacing > 28 * DAY && spacing <= 31 * DAY) return '1M'
  if (spacing >= 90 * DAY && spacing <= 92 * DAY) return '3M'
  for (const [unit, ms] of [
    ['w', 7 * DAY],
    ['d', DAY],
    ['h', 3_600_000],
    ['m', 60_000],
  ] as const)
    if (spacing >= ms && spacing % ms === 0) return `${spacing / ms}${unit}`
  return undefined
}
