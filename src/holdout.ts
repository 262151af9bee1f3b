import { type Bars, type Slice, TradewrightError, viewRange } from '@tradewright/core'

/** The bars of one symbol, cut in two. */
export interface SplitBars {
  readonly symbol: string
  /** Every bar of the run. */
  readonly bars: Bars
  /** The bars that the search may see: a series of its own, with a fingerprint of its own. */
  readonly training: Bars
  /** Index of the first held-out bar; the number of bars where nothing is held out. */
  readonly split: number
}

const DAY_MS = 86_400_000

/** The bars of the last `days` days before the newest bar; all of them where `days` is undefined. */
export function lookBack(bars: Bars, days: number | undefined): Bars {
  if (days === undefined || bars.length === 0) return bars
  const from = bars.timestamp[bars.length - 1] - days * DAY_MS
  let start = 0
  while (bars.timestamp[start] < from) start++
  return viewRange(bars, start, bars.length)
}

/**
 * Cuts the newest bars off.
 *
 * The search gets only `training`: not a range of a longer series but a shorter series, so that nothing in it can
 * depend on a held-out bar.
 *
 * @param holdout share of the bars, from 0 to 0.9; rounded down to whole bars of the training part.
 * @throws TradewrightError `BAD_DATA` where one of the parts would have fewer than 2 bars.
 */
export function splitBars(bars: Bars, symbol: string, holdout: number): SplitBars {
  const split = Math.floor(bars.length * (1 - holdout) + 1e-9)
  const held = bars.length - split
  if (split < 2 || (holdout > 0 && held < 2))
    throw new TradewrightError(
      'BAD_DATA',
      `each part of the bars needs at least 2 of them: '${symbol}' has ${bars.length}, of which ${held} held out`,
      { symbol, bars: bars.length, heldOut: held },
    )
  return { symbol, bars, training: viewRange(bars, 0, split), split }
}

/** The slice that the search is judged on. */
export function trainingSlice({ symbol, training }: SplitBars): Slice {
  return {
    id: `${symbol}:in-sample`,
    symbol,
    data: training.fingerprint,
    warmupStart: 0,
    start: 0,
    end: training.length,
    weight: 1,
    final: true,
  }
}

/** The held-out slice: traded from the split on, indicators warmed up on the bars before it. */
export function holdoutSlice({ symbol, bars, split }: SplitBars): Slice {
  return {
    id: `${symbol}:held-out`,
    symbol,
    data: bars.fingerprint,
    warmupStart: 0,
    start: split,
    end: bars.length,
    weight: 1,
    final: true,
  }
}
