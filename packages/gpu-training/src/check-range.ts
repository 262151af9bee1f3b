import { TradewrightError } from '@tradewright/core'

/** Refuses a number outside least <= value <= most, and NaN. */
export function checkRange(name: string, value: number, least: number, most: number): void {
  if (typeof value === 'number' && value >= least && value <= most) return
  const range =
    most === Number.POSITIVE_INFINITY
      ? `>= ${least}`
      : most === Number.MAX_VALUE
        ? `>= ${least} and finite`
        : `from ${least} to ${most}`
  throw new TradewrightError('BAD_OPTION', `${name} must be a number ${range}, was ${String(value)}`, { [name]: value })
}

/** Refuses anything but an integer >= least. */
export function checkCount(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= ${least}, was ${value}`, { [name]: value })
}
