import type { Data } from '@tradewright/core'

/** A column an indicator reads. `source` is whatever column the caller chooses, the others are the bars' own. */
export type IndicatorInput = 'source' | 'high' | 'low' | 'close' | 'volume'

/** One parameter of an indicator. Passed by position, in the order of {@link IndicatorDefinition.parameters}. */
export interface IndicatorParameter {
  readonly name: string
  readonly kind: 'integer' | 'float'
  /** Smallest valid value, inclusive. */
  readonly min: number
  /** Largest valid value, inclusive. */
  readonly max: number
  /** The usual value, for user interfaces and `ta.*` defaults. */
  readonly default: number
}

/**
 * The streaming twin of a kernel: bars go in one by one, and what comes out equals the batch form to the last bit.
 */
export interface IndicatorStream {
  /**
   * Takes the next bar.
   *
   * @param inputs one value per {@link IndicatorDefinition.inputs}, in that order. Read only.
   * @param outs   one slot per {@link IndicatorDefinition.outputs}, in that order; caller-owned, fully overwritten,
   *   NaN during the warm-up.
   */
  next(inputs: ArrayLike<number>, outs: Float64Array | number[]): void
  /** The whole state as plain data, safe for structured clone. Owned by the caller. */
  save(): Data
  /**
   * Puts back what {@link save} gave, in a stream made with the same parameters.
   *
   * @throws TradewrightError `BAD_DATA` when the state is no state of this indicator and these parameters.
   */
  restore(state: Data): void
}

/**
 * An indicator as data: what it reads, what it takes, what it gives, and how to compute it at once or bar by bar.
 * Inputs, parameters and outputs go by position, in the order of the lists here.
 */
export interface IndicatorDefinition {
  /** Unique in {@link indicatorTable}, camelCase. */
  readonly name: string
  readonly inputs: readonly IndicatorInput[]
  readonly parameters: readonly IndicatorParameter[]
  /** Names of the outputs; a single-output indicator has one, named `value`. */
  readonly outputs: readonly string[]
  /**
   * `window`: a value depends on the last `warmupBars + 1` bars and on nothing before them, so it is the same wherever
   * the data starts. `history`: recursive, a value depends on every bar since the data began (or since its last NaN).
   */
  readonly memory: 'window' | 'history'
  /**
   * How many leading bars give NaN, the same for every output: the index of the first value. A NaN or infinite bar in
   * an input starts the warm-up anew, so leading NaN bars of an input simply come on top.
   */
  warmupBars(params: readonly number[]): number
  /**
   * Checks the parameters against their kind and range, and against one another.
   *
   * @throws TradewrightError `BAD_OPTION`.
   */
  check(params: readonly number[]): void
  /**
   * Computes all bars.
   *
   * @param inputs columns of one length [n], oldest first. Read only.
   * @param params one number per parameter.
   * @param outs   columns of length [n]; caller-owned, fully overwritten, must not overlap `inputs` or one another.
   * @throws TradewrightError `BAD_OPTION` (parameters), `BAD_SHAPE` (number or lengths of columns).
   */
  compute(inputs: readonly Float64Array[], params: readonly number[], outs: readonly Float64Array[]): void
  /**
   * Computes many parameter sets over the same inputs, sharing what they have in common. Bitwise the same as one
   * {@link compute} per set. Present only where it is faster.
   *
   * @param outs one list of columns per parameter set.
   */
  readonly computeMany?: (
    inputs: readonly Float64Array[],
    paramSets: readonly (readonly number[])[],
    outs: readonly (readonly Float64Array[])[],
  ) => void
  /**
   * A new stream in its initial state.
   *
   * @throws TradewrightError `BAD_OPTION` (parameters).
   */
  createStream(params: readonly number[]): IndicatorStream
}
