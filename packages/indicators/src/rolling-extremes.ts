import { checkLength, checkPeriod } from './check.ts'
import { MaximumWindow } from './extreme-window.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { currentKernels } from './kernels/kernels.ts'
import { openState, type SavedValues, type Stream, type StreamValues, saveState } from './stream.ts'
import { blocksOf, SCRATCH } from './window-totals.ts'

/**
 * Rolling maximum of the last `period` values, in O(n log period).
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period bars, integer from 1 to 2^19.
 * @param out    shape [n]; caller-owned, fully overwritten, must not overlap `src`.
 * @returns `out`: NaN while the window is not full or holds a NaN or infinite value.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see TA-Lib `MAX`, the same.
 */
export function rollingMax(
  src: Float64Array,
  period: number,
  out: Float64Array = new Float64Array(src.length),
): Float64Array {
  checkPeriod('period', period)
  checkLength(src.length, 'out', out)
  overFiniteRuns([src], [out], ([values], [extremes]) => maximumRun(values, period, extremes))
  return out
}

/**
 * Rolling minimum of the last `period` values: {@link rollingMax} mirrored, with the same rules.
 *
 * @see TA-Lib `MIN`.
 */
export function rollingMin(
  src: Float64Array,
  period: number,
  out: Float64Array = new Float64Array(src.length),
): Float64Array {
  checkPeriod('period', period)
  checkLength(src.length, 'out', out)
  overFiniteRuns([src], [out], ([values], [extremes]) => minimumRun(values, period, extremes))
  return out
}

/** As {@link rollingMax}, for finite values; `out` may be `values`. */
export function maximumRun(values: Float64Array, period: number, out: Float64Array): void {
  extremeRun('maxima', values, period, out)
}

/** As {@link rollingMin}, for finite values; `out` may be `values`. */
export function minimumRun(values: Float64Array, period: number, out: Float64Array): void {
  extremeRun('minima', values, period, out)
}

function extremeRun(kernel: 'maxima' | 'minima', values: Float64Array, period: number, out: Float64Array): void {
  const kernels = currentKernels()
  const length = values.length
  // From the end, so that `out` may be `values`.
  for (const { first, start, end } of blocksOf(length, period).reverse()) {
    const from = Math.max(start, period - 1)
    if (from >= end) continue
    kernels.reserve(SCRATCH + end - first + 2)
    const memory = kernels.memory()
    memory.set(values.subarray(first, end), SCRATCH)
    kernels[kernel](SCRATCH * 8, end - first, period)
    out.set(memory.subarray(SCRATCH + from - first, SCRATCH + end - first), from)
  }
  out.fill(NaN, 0, Math.min(length, period - 1))
}

/** The state of a window by name, with a prefix where a stream has several. */
export function saveExtremes(window: MaximumWindow, prefix = ''): StreamValues {
  const { values, ages, count } = window.copyState()
  return { [`${prefix}values`]: values, [`${prefix}ages`]: ages, [`${prefix}count`]: count }
}

/** Reads what {@link saveExtremes} made. */
export function readExtremes(
  saved: SavedValues,
  period: number,
  prefix = '',
): { readonly values: Float64Array; readonly ages: Float64Array; readonly count: number } {
  return {
    values: saved.array(`${prefix}values`, period),
    ages: saved.array(`${prefix}ages`, period),
    count: saved.number(`${prefix}count`),
  }
}

function createExtremeStream(name: string, period: number, sign: 1 | -1): Stream<[value: number]> {
  checkPeriod('period', period)
  const window = new MaximumWindow(period)
  return {
    next: (value) => {
      if (value - value === 0) return window.push(sign * value) ? sign * window.maximum : NaN
      window.clear()
      return NaN
    },
    save: () => saveState(name, [period], saveExtremes(window)),
    restore: (state) => window.fill(readExtremes(openState(state, name, [period]), period)),
  }
}

/** The streaming twin of {@link rollingMax}. */
export function createRollingMaxStream(period: number): Stream<[value: number]> {
  return createExtremeStream('rollingMax', period, 1)
}

/** The streaming twin of {@link rollingMin}. */
export function createRollingMinStream(period: number): Stream<[value: number]> {
  return createExtremeStream('rollingMin', period, -1)
}
