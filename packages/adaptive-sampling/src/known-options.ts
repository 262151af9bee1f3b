import { TradewrightError, unknownName } from '@tradewright/core'

/**
 * Refuses options that are none, so that a misspelt one does not go unseen. `type`, the name in a spec, is always known.
 *
 * @throws TradewrightError `UNKNOWN_NAME` with the nearest known one; `BAD_OPTION` for what is no object.
 */
export function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw new TradewrightError('BAD_OPTION', `options of ${what} must be an object, was ${String(options)}`)
  for (const key of Object.keys(options))
    if (key !== 'type' && !known.includes(key)) throw unknownName(`option of ${what}`, key, known)
}
