import { TradewrightError } from '@tradewright/core'

/** Largest period: keeps every exact window sum inside its limbs. */
export const maxPeriod = 524_288

/** @throws TradewrightError `BAD_OPTION` unless `value` is an integer from `min` to {@link maxPeriod}. */
export function checkPeriod(name: string, value: number, min = 1): void {
  if (!Number.isInteger(value) || value < min || value > maxPeriod)
    throw new TradewrightError('BAD_OPTION', `${name} must be an integer from ${min} to ${maxPeriod}, was ${value}`, {
      name,
      value,
    })
}

/** @throws TradewrightError `BAD_OPTION` unless `value` is finite and not below `min`. */
export function checkNumber(name: string, value: number, min: number): void {
  if (!Number.isFinite(value) || value < min)
    throw new TradewrightError('BAD_OPTION', `${name} must be a finite number >= ${min}, was ${value}`, { name, value })
}

/** @throws TradewrightError `BAD_SHAPE` unless every column has `length` rows. */
export function checkLength(length: number, name: string, column: Float64Array): void {
  if (column.length !== length)
    throw new TradewrightError('BAD_SHAPE', `${name} must have ${length} rows, had ${column.length}`, {
      name,
      expected: length,
      rows: column.length,
    })
}
