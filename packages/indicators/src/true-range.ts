import { checkLength } from './check.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { openState, type Stream, saveState } from './stream.ts'

/** The columns of a bar's range, of one length, oldest first. Read only. */
export interface HighLowClose {
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
}

/** @throws TradewrightError `BAD_SHAPE` unless the columns of `bars` and `out` have one length. */
export function checkHighLowClose({ high, low, close }: HighLowClose, out: Float64Array): void {
  checkLength(close.length, 'high', high)
  checkLength(close.length, 'low', low)
  checkLength(close.length, 'out', out)
}

/** The true range of a bar after one that closed at `previous`. */
export function trueRangeOf(high: number, low: number, previous: number): number {
  return Math.max(high - low, Math.abs(high - previous), Math.abs(low - previous))
}

/**
 * True range: the largest of high - low, |high - previous close| and |low - previous close|.
 *
 * @param bars columns of shape [n], price units, oldest first. Read only.
 * @param out  shape [n]; caller-owned, fully overwritten, must not overlap `bars`.
 * @returns `out`: NaN for the first bar, for a NaN or infinite bar and for the bar after it.
 * @throws TradewrightError `BAD_SHAPE` (lengths differ).
 * @see Wilder (1978); TA-Lib `TRANGE`, the same.
 */
export function trueRange(bars: HighLowClose, out: Float64Array = new Float64Array(bars.close.length)): Float64Array {
  checkHighLowClose(bars, out)
  overFiniteRuns([bars.high, bars.low, bars.close], [out], ([high, low, close], [ranges]) => {
    ranges[0] = NaN
    for (let i = 1; i < close.length; i++) ranges[i] = trueRangeOf(high[i], low[i], close[i - 1])
  })
  return out
}

/** The streaming twin of {@link trueRange}. */
export function createTrueRangeStream(): Stream<[high: number, low: number, close: number]> {
  let previous = NaN
  return {
    next: (high, low, close) => {
      const finite = high - high === 0 && low - low === 0 && close - close === 0
      const range = finite ? trueRangeOf(high, low, previous) : NaN
      previous = finite ? close : NaN
      return range
    },
    save: () => saveState('trueRange', [], { previous }),
    restore: (state) => {
      previous = openState(state, 'trueRange', []).number('previous')
    },
  }
}
