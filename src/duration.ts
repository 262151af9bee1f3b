const UNIT_SECONDS: ReadonlyMap<string, number> = new Map([
  ['ms', 0.001],
  ['s', 1],
  ['m', 60],
  ['h', 3600],
  ['d', 86_400],
])

/** A length of time: a number of seconds, or a number and its unit as in '30s'. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/**
 * Seconds of a {@link Duration}; undefined for what is none.
 *
 * @param value a number >= 0, or a decimal number and one of ms, s, m, h, d.
 */
export function durationSeconds(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value)
  return match === null ? undefined : Number(match[1]) * (UNIT_SECONDS.get(match[2]) ?? 1)
}
