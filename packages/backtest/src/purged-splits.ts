import { TradewrightError } from '@tradewright/core'
import type { Labels } from './labels.ts'
import { walkForwardSlices } from './luck-walk-forward.ts'

/** What {@link purgedSplits} takes. */
export interface PurgedSplitsOptions {
  /** Cross-validation over this many blocks of equal length, each once the test. Not together with `walkForward`. */
  readonly folds?: number | undefined
  /** Train on a stretch, test on the one after it, move on: lengths in bars. */
  readonly walkForward?:
    | {
        readonly train: number
        readonly test: number
        /** @default `test` */
        readonly step?: number | undefined
        /** @default 'rolling' */
        readonly mode?: 'rolling' | 'anchored' | undefined
      }
    | undefined
  /**
   * Bars left out: after a test's last label in cross-validation, where features still remember the test; between
   * training and test in a walk forward. @default 0
   */
  readonly embargo?: number | undefined
}

/** One split. */
export interface PurgedSplit {
  readonly fold: number
  /** Rows to train on, ascending: labels known, none of whose intervals reaches into the test. */
  readonly train: Int32Array
  /** Rows to test on, ascending: those with a label. */
  readonly test: Int32Array
  /** The test's bars, from `start` to `end` (excluded). */
  readonly start: number
  readonly end: number
  /** Rows that were left out of the training because of the test's labels and the embargo. */
  readonly purged: number
}

interface Stretch {
  readonly start: number
  readonly end: number
  /** Bars that may be trained on, from the first to the last (excluded), the test apart. */
  readonly from: number
  readonly to: number
}

function stretches(rows: number, options: PurgedSplitsOptions): readonly Stretch[] {
  const { folds, walkForward, embargo = 0 } = options
  if ((folds === undefined) === (walkForward === undefined))
    throw new TradewrightError('BAD_OPTION', 'splits are made by folds or by walkForward, one of them')
  if (!Number.isSafeInteger(embargo) || embargo < 0)
    throw new TradewrightError('BAD_OPTION', `embargo must be a whole number of bars >= 0, was ${embargo}`, { embargo })
  if (walkForward !== undefined)
    return walkForwardSlices({ symbol: '', data: '', end: rows, purge: embargo, ...walkForward }).map(
      ({ train, test }) => ({ start: test.start, end: test.end, from: train.start, to: train.end }),
    )
  const count = folds ?? 0
  if (!Number.isSafeInteger(count) || count < 2 || count > rows)
    throw new TradewrightError('BAD_OPTION', `folds must be a whole number from 2 to ${rows}, was ${count}`, { folds })
  return Array.from({ length: count }, (_, k) => ({
    start: Math.floor((k * rows) / count),
    end: Math.floor(((k + 1) * rows) / count),
    from: 0,
    to: rows,
  }))
}

/**
 * Splits labelled rows into training and test so that nothing of the test is in the training: a row is trained on only
 * if its label's interval, from its bar to the bar at which it is known, touches no bar of the test's labels.
 *
 * @param labels as {@link createLabels} gives them; rows without a label are in no part.
 * @throws TradewrightError `BAD_OPTION`: both or none of `folds` and `walkForward`, or lengths that do not fit.
 * @see López de Prado (2018), "Advances in Financial Machine Learning", section 7.4. There the embargo is a share of all
 *   bars; in a walk forward it stands before the test, since nothing after it is trained on.
 * @example
 * ```ts
 * import { createLabels, purgedSplits } from '@tradewright/backtest'
 * const labels = createLabels({ y: [1, 2, 3, 4, 5, 6], knownAt: [1, 2, 3, 4, 5, 5] })
 * const [, second] = purgedSplits(labels, { folds: 3 })
 * console.log(second.train.join(), second.test.join()) // 0,5 2,3
 * ```
 */
export function purgedSplits(labels: Labels, options: PurgedSplitsOptions): readonly PurgedSplit[] {
  const { rows, knownAt } = labels
  const { embargo = 0 } = options
  return stretches(rows, options).map(({ start, end, from, to }, fold) => {
    const test: number[] = []
    let last = end - 1
    for (let i = start; i < end; i++) {
      if (knownAt[i] < 0) continue
      test.push(i)
      last = Math.max(last, knownAt[i])
    }
    const train: number[] = []
    let purged = 0
    for (let i = from; i < to; i++) {
      if (knownAt[i] < 0 || (i >= start && i < end)) continue
      if (knownAt[i] < start || i > last + embargo) train.push(i)
      else purged++
    }
    return { fold, train: Int32Array.from(train), test: Int32Array.from(test), start, end, purged }
  })
}
