import { checkLength, checkPeriod } from './check.ts'
import { ExactWindow } from './exact-window.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { openState, type Stream, saveState } from './stream.ts'
import { varianceRun } from './window-variance.ts'

/**
 * Rolling population standard deviation (ddof 0): the square root of the window's exact variance rounded once.
 *
 * A window of equal values gives exactly 0. Nothing cancels, however small the deviation beside the mean.
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period bars, integer from 1 to 2^19.
 * @param out    shape [n]; caller-owned, fully overwritten, must not overlap `src`.
 * @returns `out`: NaN while the window is not full or holds a NaN or infinite value.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see TA-Lib `STDDEV` takes the difference of two rounded means, which cancels, and gives 0 below 1e-8.
 */
export function rollingStd(
  src: Float64Array,
  period: number,
  out: Float64Array = new Float64Array(src.length),
): Float64Array {
  checkPeriod('period', period)
  checkLength(src.length, 'out', out)
  overFiniteRuns([src], [out], ([values], [deviations]) => varianceRun(values, period, deviations))
  for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(out[i])
  return out
}

/** The streaming twin of {@link rollingStd}. */
export function createRollingStdStream(period: number): Stream<[value: number]> {
  checkPeriod('period', period)
  const window = new ExactWindow(period, true)
  return {
    next: (value) => (window.push(value) ? Math.sqrt(window.variance()) : NaN),
    save: () => saveState('rollingStd', [period], { values: window.copyValues() }),
    restore: (state) => window.fill(openState(state, 'rollingStd', [period]).array('values', period)),
  }
}
