import { unknownName } from '@tradewright/core'

/** @throws TradewrightError `UNKNOWN_NAME`, with the nearest of the known keys. */
export function refuseUnknownKeys(what: string, value: object, known: readonly string[]): void {
  for (const key of Object.keys(value)) if (!known.includes(key)) throw unknownName(what, key, known)
}
