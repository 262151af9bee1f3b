import { type FeatureMatrix, TradewrightError } from '@tradewright/core'

/** Rows of a matrix from `from` to before `to`, without a copy. */
export function viewRows(X: FeatureMatrix, from: number, to: number): FeatureMatrix {
  const { names, columns, data } = X
  return { names, columns, rows: to - from, data: data.subarray(from * columns, to * columns) }
}

/** The rows before and after a hold-out begins, which are all later. */
export interface HoldoutSplit {
  /** Rows to train on: from 0 to before this. */
  readonly trainEnd: number
  /** First row held out; those between are in neither. */
  readonly holdStart: number
}

/**
 * Splits rows in time order: the last share is held out, and `embargo` rows before it are in neither part.
 *
 * @throws TradewrightError `BAD_DATA` where a part would be empty.
 */
export function splitHoldout(rows: number, holdout: number, embargo: number): HoldoutSplit {
  const holdStart = rows - Math.max(1, Math.round(rows * holdout))
  const trainEnd = holdStart - embargo
  if (trainEnd < 1)
    throw new TradewrightError(
      'BAD_DATA',
      `a hold-out of ${holdout} with an embargo of ${embargo} rows must leave rows to train on, had ${rows}`,
      { rows, holdout, embargo },
    )
  return { trainEnd, holdStart }
}
