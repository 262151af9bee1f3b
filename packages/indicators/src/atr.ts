import { checkPeriod } from './check.ts'
import { exactMean } from './exact-mean.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { openState, type Stream, saveState } from './stream.ts'
import { checkHighLowClose, type HighLowClose, trueRangeOf } from './true-range.ts'

/**
 * Average true range, Wilder's smoothing: the first value, at index `period`, is the mean of the first `period` true
 * ranges; then (previous * (period - 1) + true range) / period.
 *
 * @param bars   columns of shape [n], price units, oldest first. Read only.
 * @param period integer from 1 to 2^19.
 * @param out    shape [n]; caller-owned, fully overwritten, must not overlap `bars`.
 * @returns `out`: NaN for the first `period` bars. A NaN or infinite bar gives NaN and starts anew.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see Wilder (1978); TA-Lib `ATR`. We differ in the seed only: its sum is exact and rounded once.
 */
export function atr(
  bars: HighLowClose,
  period: number,
  out: Float64Array = new Float64Array(bars.close.length),
): Float64Array {
  checkPeriod('period', period)
  checkHighLowClose(bars, out)
  overFiniteRuns([bars.high, bars.low, bars.close], [out], ([high, low, close], [ranges]) =>
    atrRun({ high, low, close }, period, ranges),
  )
  return out
}

function atrRun({ high, low, close }: HighLowClose, period: number, out: Float64Array): void {
  const length = close.length
  if (length <= period) {
    out.fill(NaN)
    return
  }
  for (let i = 1; i <= period; i++) out[i] = trueRangeOf(high[i], low[i], close[i - 1])
  let average = exactMean(out.subarray(1, period + 1))
  out.fill(NaN, 0, period)
  out[period] = average
  for (let i = period + 1; i < length; i++) {
    average = (average * (period - 1) + trueRangeOf(high[i], low[i], close[i - 1])) / period
    out[i] = average
  }
}

/** The streaming twin of {@link atr}. */
export function createAtrStream(period: number): Stream<[high: number, low: number, close: number]> {
  checkPeriod('period', period)
  const seeds = new Float64Array(period)
  let previous = NaN
  let count = 0
  let average = NaN
  return {
    next: (high, low, close) => {
      const finite = high - high === 0 && low - low === 0 && close - close === 0
      const range = finite ? trueRangeOf(high, low, previous) : NaN
      previous = finite ? close : NaN
      if (Number.isNaN(range)) {
        count = 0
        return NaN
      }
      if (count < period) {
        seeds[count++] = range
        if (count < period) return NaN
        average = exactMean(seeds)
      } else average = (average * (period - 1) + range) / period
      return average
    },
    save: () =>
      saveState('atr', [period], {
        previous,
        count,
        average: count < period ? NaN : average,
        seeds: count < period ? seeds.slice(0, count) : new Float64Array(0),
      }),
    restore: (state) => {
      const saved = openState(state, 'atr', [period])
      const [close, bars, mean] = [saved.number('previous'), saved.number('count'), saved.number('average')]
      seeds.set(saved.array('seeds', period))
      previous = close
      count = bars
      average = mean
    },
  }
}
