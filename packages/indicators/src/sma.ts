import { checkLength, checkPeriod } from './check.ts'
import { ExactWindow } from './exact-window.ts'
import { smaMany } from './sma-many.ts'
import { openState, type Stream, saveState } from './stream.ts'

/**
 * Simple moving average: the exact sum of the last `period` values, divided and rounded once.
 *
 * Every value is the double nearest to the true mean of its window (ties to even) and depends on nothing else, so a
 * window of equal values gives exactly that value, whatever came before and whatever the period.
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period bars, integer from 1 to 2^19.
 * @param out    shape [n]; caller-owned, fully overwritten, must not overlap `src`.
 * @returns `out`: NaN while the window is not full or holds a NaN or infinite value.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @example
 * ```ts
 * import { sma } from '@tradewright/indicators'
 * console.log(sma(Float64Array.of(1, 2, 3, 4), 2)) // NaN, 1.5, 2.5, 3.5
 * ```
 */
export function sma(src: Float64Array, period: number, out: Float64Array = new Float64Array(src.length)): Float64Array {
  checkPeriod('period', period)
  checkLength(src.length, 'out', out)
  return smaMany(src, [period], [out])[0]
}

/** The streaming twin of {@link sma}. */
export function createSmaStream(period: number): Stream<[value: number]> {
  checkPeriod('period', period)
  const window = new ExactWindow(period)
  return {
    next: (value) => (window.push(value) ? window.mean() : NaN),
    save: () => saveState('sma', [period], { values: window.copyValues() }),
    restore: (state) => window.fill(openState(state, 'sma', [period]).array('values', period)),
  }
}
