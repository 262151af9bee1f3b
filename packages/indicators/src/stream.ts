import { type Data, TradewrightError } from '@tradewright/core'

/**
 * A streaming indicator with one output: bars go in one by one, oldest first, and each `next` gives what the batch
 * kernel gives for that bar, to the last bit; NaN during the warm-up.
 */
export interface Stream<Args extends readonly number[]> {
  next(...args: Args): number
  /** The whole state as plain data, safe for structured clone. Owned by the caller. */
  save(): Data
  /**
   * Puts back what {@link save} gave, in a stream made with the same parameters.
   *
   * @throws TradewrightError `BAD_DATA` when the state is no state of this indicator and these parameters.
   */
  restore(state: Data): void
}

/** Like {@link Stream}, with several outputs: `out` is caller-owned, one slot an output, fully overwritten. */
export interface MultiStream<Args extends readonly number[]> {
  next(...args: [...Args, out: Float64Array | number[]]): void
  save(): Data
  /** @throws TradewrightError `BAD_DATA` when the state is no state of this indicator and these parameters. */
  restore(state: Data): void
}

/** The numbers of a stream by name. */
export type StreamValues = Readonly<Record<string, number | Float64Array>>

/** A stream's state as plain data: which indicator, which parameters, its numbers by name. */
export function saveState(indicator: string, params: readonly number[], values: StreamValues): Data {
  return { indicator, version: 1, params: [...params], values }
}

/** Reads a saved state. Each getter throws `BAD_DATA` when the value is missing or of another kind. */
export interface SavedValues {
  number(name: string): number
  /** The state's own array, at most `maxLength` long: copy what you keep. */
  array(name: string, maxLength: number): Float64Array
}

/**
 * Opens what {@link saveState} made.
 *
 * @throws TradewrightError `BAD_DATA` when it belongs to another indicator, other parameters or another version.
 */
export function openState(state: Data, indicator: string, params: readonly number[]): SavedValues {
  const refuse = (why: string): TradewrightError =>
    new TradewrightError('BAD_DATA', `state must be one saved by ${indicator}(${params.join(', ')}), ${why}`, {
      indicator,
      params: [...params],
    })
  const saved = state as Readonly<Record<string, unknown>> | null | undefined
  if (typeof saved !== 'object' || saved === null || saved.indicator !== indicator || saved.version !== 1)
    throw refuse('was something else')
  const own: unknown = saved.params
  if (!Array.isArray(own) || own.length !== params.length || own.some((value, i) => !Object.is(value, params[i])))
    throw refuse(`was saved with (${String(own)})`)
  const values: unknown = saved.values
  if (typeof values !== 'object' || values === null) throw refuse('had no values')
  const read = (name: string): unknown => (values as Readonly<Record<string, unknown>>)[name]
  return {
    number: (name) => {
      const value = read(name)
      if (typeof value !== 'number') throw refuse(`had no number '${name}'`)
      return value
    },
    array: (name, maxLength) => {
      const value = read(name)
      if (!(value instanceof Float64Array) || value.length > maxLength) throw refuse(`had no array '${name}'`)
      return value
    },
  }
}
