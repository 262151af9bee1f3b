import { type Fingerprint, type Slice, TradewrightError } from '@tradewright/core'

/** What {@link walkForwardSlices} takes. Lengths are in bars. */
export interface WalkForwardOptions {
  readonly symbol: string
  /** The series that the indexes count in. */
  readonly data: Fingerprint
  /** First bar that may be used. @default 0 */
  readonly start?: number | undefined
  /** One past the last bar. */
  readonly end: number
  /** Bars to train on in each fold (in the first one, if `anchored`). */
  readonly train: number
  /** Bars to test on in each fold. */
  readonly test: number
  /** Bars from one fold's test to the next's. @default `test`: tests follow one another without overlap */
  readonly step?: number | undefined
  /** `rolling`: each training has the same length. `anchored`: each begins at `start`. @default 'rolling' */
  readonly mode?: 'rolling' | 'anchored' | undefined
  /**
   * Bars left out between training and test, so that a position or a label that reaches past the training's end tells
   * nothing about the test (López de Prado 2018, chapter 7). @default 0
   */
  readonly purge?: number | undefined
  /**
   * Bars before each slice that its indicators may see; they are not traded. More than the longest indicator needs is
   * harmless: no indicator looks ahead. @default every bar since `start`
   */
  readonly warmup?: number | undefined
}

/** One step of a walk forward. */
export interface WalkForwardFold {
  /** Number from 0. */
  readonly fold: number
  readonly train: Slice
  readonly test: Slice
}

function checkLength(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new TradewrightError('BAD_OPTION', `${name} must be a whole number of bars >= ${least}, was ${value}`, {
      name,
      value,
    })
}

/**
 * The folds of a walk forward: train on a stretch, test on the one after it, move on. Every test lies after its
 * training, and the last one ends at most at `end`; bars that do not fill a test are left over.
 *
 * @throws TradewrightError `BAD_OPTION` for lengths that are no lengths, or where not one fold fits.
 * @see Pardo (2008), "The evaluation and optimization of trading strategies", chapter 11.
 * @example
 * ```ts
 * import { walkForwardSlices } from '@tradewright/backtest'
 * const folds = walkForwardSlices({ symbol: 'X', data: 'f', end: 1000, train: 400, test: 100, purge: 10 })
 * console.log(folds.length, folds[0].test.start, folds[4].test.end) // 5 410 910
 * ```
 */
export function walkForwardSlices(options: WalkForwardOptions): readonly WalkForwardFold[] {
  const { symbol, data, start = 0, end, train, test, step = test, mode = 'rolling', purge = 0, warmup } = options
  checkLength('start', start, 0)
  checkLength('end', end, 1)
  checkLength('train', train, 1)
  checkLength('test', test, 1)
  checkLength('step', step, 1)
  checkLength('purge', purge, 0)
  if (warmup !== undefined) checkLength('warmup', warmup, 0)
  if (mode !== 'rolling' && mode !== 'anchored')
    throw new TradewrightError('BAD_OPTION', `mode must be 'rolling' or 'anchored', was '${String(mode)}'`, { mode })
  const slice = (fold: number, kind: 'train' | 'test', from: number, to: number): Slice => ({
    id: `${symbol}/${kind}-${fold}`,
    symbol,
    fold: `${fold}`,
    data,
    warmupStart: warmup === undefined ? start : Math.max(start, from - warmup),
    start: from,
    end: to,
    weight: 1,
    final: true,
  })
  const folds: WalkForwardFold[] = []
  for (let fold = 0, from = start; from + train + purge + test <= end; fold++, from += step) {
    const testStart = from + train + purge
    folds.push({
      fold,
      train: slice(fold, 'train', mode === 'anchored' ? start : from, from + train),
      test: slice(fold, 'test', testStart, testStart + test),
    })
  }
  if (folds.length === 0)
    throw new TradewrightError(
      'BAD_OPTION',
      `a walk forward needs train + purge + test bars at least once, was ${train} + ${purge} + ${test} in ${end - start}`,
      { train, purge, test, bars: end - start },
    )
  return folds
}
