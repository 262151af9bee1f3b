import { walkForwardSlices } from '@tradewright/backtest'
import { TradewrightError } from '@tradewright/core'
import type { ModelWalkForward } from './model-request.ts'

/** One model's time, in epoch ms: what it is trained on, and what it predicts. */
export interface ModelFold {
  /** Number from 0. */
  readonly fold: number
  /** Bars from here on, up to `cut` (excluded), train it. */
  readonly trainFrom: number
  readonly cut: number
  /** Bars from here on, up to `to` (excluded), are predicted by it. */
  readonly from: number
  readonly to: number
}

/**
 * The folds over a timeline: each test directly after the one before, the last one as long as there are bars.
 *
 * Where a fold ends does not depend on the bars after it, so folds of a longer timeline begin with those of a shorter.
 *
 * @param timeline bars' times, ascending.
 * @throws TradewrightError `BAD_OPTION` where not one bar is left to predict.
 */
export function modelFolds(timeline: Float64Array, walkForward: ModelWalkForward): readonly ModelFold[] {
  const { train, test, anchored = false, embargo = 0 } = walkForward
  const bars = timeline.length
  const left = bars - train - embargo
  if (left < 1)
    throw new TradewrightError(
      'BAD_OPTION',
      `a model needs more than train + embargo bars, was ${train} + ${embargo} of ${bars}`,
      { train, embargo, bars },
    )
  const end = train + embargo + Math.ceil(left / test) * test
  const slices = walkForwardSlices({
    symbol: '',
    data: '',
    end,
    train,
    test,
    purge: embargo,
    mode: anchored ? 'anchored' : 'rolling',
  })
  return slices.map(({ fold, train: trained, test: tested }) => ({
    fold,
    trainFrom: timeline[trained.start],
    cut: timeline[trained.end],
    from: timeline[tested.start],
    to: tested.end < bars ? timeline[tested.end] : Number.POSITIVE_INFINITY,
  }))
}

/** The fold after the last bar: its model is trained on the newest bars and predicts those to come. */
export function latestFold(timeline: Float64Array, walkForward: ModelWalkForward, fold: number): ModelFold {
  const { train, anchored = false, embargo = 0 } = walkForward
  const end = timeline.length - embargo
  const last = timeline[timeline.length - 1]
  return {
    fold,
    trainFrom: timeline[anchored ? 0 : Math.max(0, end - train)],
    cut: embargo === 0 ? Number.POSITIVE_INFINITY : timeline[end],
    // Timestamps are whole ms: nothing lies between the last bar and this.
    from: last + 1,
    to: Number.POSITIVE_INFINITY,
  }
}

/** Every time at which one of the series has a bar, ascending. */
export function timelineOf(series: readonly { readonly timestamp: Float64Array }[]): Float64Array {
  if (series.length === 1) return series[0].timestamp
  const times = new Set<number>()
  for (const { timestamp } of series) for (const time of timestamp) times.add(time)
  return Float64Array.from(times).sort()
}

/** How many of the ascending `times` lie before `time`. */
export function countBefore(times: Float64Array, time: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle] < time) low = middle + 1
    else high = middle
  }
  return low
}
