import { TradewrightError, unknownName } from '@tradewright/core'

/** Refuses names that are no options. @throws TradewrightError `UNKNOWN_NAME`. */
export function checkNames(what: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options))
    if (!known.includes(name)) throw unknownName(`an option of ${what}`, name, known)
}

/** @throws TradewrightError `BAD_OPTION` for a number outside. */
export function checkNumber(name: string, value: number, least: number, most: number = Number.POSITIVE_INFINITY): void {
  if (!(typeof value === 'number' && value >= least && value <= most) || value === Number.POSITIVE_INFINITY)
    throw new TradewrightError(
      'BAD_OPTION',
      `${name} must be a number from ${least}${most === Number.POSITIVE_INFINITY ? '' : ` to ${most}`}, was ${String(value)}`,
      { [name]: value },
    )
}

/** @throws TradewrightError `BAD_OPTION` for what is no integer from `least`. */
export function checkInteger(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= ${least}, was ${String(value)}`, {
      [name]: value,
    })
}

/** @throws TradewrightError `UNKNOWN_NAME` for what is none of the known. */
export function checkChoice(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw unknownName(name, String(value), known)
}
