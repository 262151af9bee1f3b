import { checkLength, checkPeriod } from './check.ts'
import { ExactWindow } from './exact-window.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { currentKernels } from './kernels/kernels.ts'
import { openState, type Stream, saveState } from './stream.ts'
import { addUp, blocksOf } from './window-totals.ts'

/**
 * Rolling sum: the exact sum of the last `period` values, rounded once.
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period bars, integer from 1 to 2^19.
 * @param out    shape [n]; caller-owned, fully overwritten, must not overlap `src`.
 * @returns `out`: NaN while the window is not full or holds a NaN or infinite value.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see TA-Lib `SUM`, whose running sum keeps the rounding errors of every bar before the window.
 */
export function rollingSum(
  src: Float64Array,
  period: number,
  out: Float64Array = new Float64Array(src.length),
): Float64Array {
  checkPeriod('period', period)
  checkLength(src.length, 'out', out)
  overFiniteRuns([src], [out], ([values], [sums]) => sumRun(values, period, sums))
  return out
}

function sumRun(values: Float64Array, period: number, out: Float64Array): void {
  const kernels = currentKernels()
  out.fill(NaN, 0, Math.min(values.length, period - 1))
  if (period > values.length) return
  for (const { first, start, end } of blocksOf(values.length, period)) {
    const from = Math.max(start, period - 1)
    if (from >= end) continue
    const totals = addUp(kernels, values.subarray(first, end), Infinity)
    if (totals === undefined) {
      const window = new ExactWindow(period)
      for (let i = from - period + 1; i < end; i++) if (window.push(values[i])) out[i] = window.sum.quotient(1)
    } else {
      const offset = (from - first + 1 - period) * 8
      kernels.subtract(totals.coarse + offset, totals.rest + offset, period, end - from, totals.out)
      out.set(kernels.memory().subarray(totals.out / 8, totals.out / 8 + end - from), from)
    }
  }
}

/** The streaming twin of {@link rollingSum}. */
export function createRollingSumStream(period: number): Stream<[value: number]> {
  checkPeriod('period', period)
  const window = new ExactWindow(period)
  return {
    next: (value) => (window.push(value) ? window.sum.quotient(1) : NaN),
    save: () => saveState('rollingSum', [period], { values: window.copyValues() }),
    restore: (state) => window.fill(openState(state, 'rollingSum', [period]).array('values', period)),
  }
}
