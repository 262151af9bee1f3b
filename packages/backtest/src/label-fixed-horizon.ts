import { type Bars, TradewrightError } from '@tradewright/core'
import { createLabels, type Labels } from './labels.ts'

/** What {@link fixedHorizon} takes. */
export interface FixedHorizonOptions {
  readonly bars: Bars
  /** Bars ahead, 1 or more. */
  readonly horizon: number
  /** Return, as a fraction, that counts as a move; not negative. @default none: the return itself is the label */
  readonly threshold?: number | undefined
  /** `side`: down, neither, up, as -1, 0, 1. `up`: whether it rises above the threshold, as 0, 1. @default 'side' */
  readonly classes?: 'side' | 'up' | undefined
}

/** @throws TradewrightError `BAD_OPTION`. */
export function checkHorizon(horizon: number): void {
  if (!Number.isSafeInteger(horizon) || horizon < 1)
    throw new TradewrightError('BAD_OPTION', `horizon must be a whole number of bars >= 1, was ${horizon}`, { horizon })
}

/** What the classes of a label stand for. @throws TradewrightError `BAD_OPTION`. */
export function labelClasses(classes: 'side' | 'up'): readonly number[] {
  if (classes === 'side') return [-1, 0, 1]
  if (classes === 'up') return [0, 1]
  throw new TradewrightError('BAD_OPTION', `classes must be 'side' or 'up', was '${String(classes)}'`, { classes })
}

/**
 * The return from each bar's close to the close `horizon` bars later, or its side of a threshold.
 *
 * Known at the close of bar i + horizon; the last `horizon` bars have no label yet, and a bar whose two closes are not
 * both above 0 never gets one.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see López de Prado (2018), "Advances in Financial Machine Learning", section 3.2.
 */
export function fixedHorizon(options: FixedHorizonOptions): Labels {
  const { bars, horizon, threshold, classes = 'side' } = options
  checkHorizon(horizon)
  if (threshold !== undefined && !(threshold >= 0 && Number.isFinite(threshold)))
    throw new TradewrightError('BAD_OPTION', `threshold must be a return of 0 or more, was ${threshold}`, { threshold })
  const values = threshold === undefined ? undefined : labelClasses(classes)
  const { close, length } = bars
  const y = new Float64Array(length).fill(Number.NaN)
  const knownAt = new Int32Array(length).fill(-1)
  for (let i = 0; i + horizon < length; i++) {
    if (!(close[i] > 0 && close[i + horizon] > 0)) continue
    const move = close[i + horizon] / close[i] - 1
    if (!Number.isFinite(move)) continue
    knownAt[i] = i + horizon
    if (threshold === undefined || values === undefined) y[i] = move
    else y[i] = values.indexOf(move > threshold ? 1 : classes === 'side' && move < -threshold ? -1 : 0)
  }
  return createLabels({ y, knownAt, classes: values })
}
