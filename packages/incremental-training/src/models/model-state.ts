import { type Data, TradewrightError } from '@tradewright/core'

/** What every saved model of this package begins with. */
export interface ModelState {
  readonly kind: string
  readonly version: number
}

/**
 * The state of a saved model, known to be of one kind and version.
 *
 * @throws TradewrightError `BAD_DATA` for what is no state of a model, or of another one.
 */
export function modelState<T extends ModelState>(data: Data, kind: T['kind'], version: number): T {
  const found = typeof data === 'object' && data !== null ? (data as Partial<ModelState>) : {}
  if (found.kind !== kind || found.version !== version)
    throw new TradewrightError(
      'BAD_DATA',
      `a state of '${kind}' must be of that kind and version ${version}, was '${String(found.kind)}' of version ${String(found.version)}`,
      { kind, version, found: String(found.kind) },
    )
  return data as unknown as T
}

/** The error of a model that predicts or saves before it was trained. */
export function untrained(kind: string): TradewrightError {
  return new TradewrightError('BAD_OPTION', `model '${kind}' must be trained or loaded first`, { kind })
}
