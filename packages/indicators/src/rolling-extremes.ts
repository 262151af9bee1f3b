import { checkLength, checkPeriod } from './check.ts'
import { MaximumWindow } from './extreme-window.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { openState, type SavedValues, type Stream, type StreamValues, saveState } from './stream.ts'

/**
 * Rolling maximum of the last `period` values, in O(n) for any period.
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period bars, integer from 1 to 2^20.
 * @param out    shape [n]; caller-owned, fully overwritten, must not overlap `src`.
 * @returns `out`: NaN while the window is not full or holds a NaN or infinite value.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see TA-Lib `MAX`; Lemire (2006), Nordic J. Computing 13.
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

/** As {@link rollingMax}, for finite values. `out` must not overlap `values`. */
export function maximumRun(values: Float64Array, period: number, out: Float64Array): void {
  const queue = new Int32Array(values.length) // indices of values that no later value exceeds
  let head = 0
  let tail = -1
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    while (tail >= head && values[queue[tail]] <= value) tail--
    queue[++tail] = i
    if (queue[head] + period <= i) head++
    out[i] = i < period - 1 ? NaN : values[queue[head]]
  }
}

/** As {@link rollingMin}, for finite values. `out` must not overlap `values`. */
export function minimumRun(values: Float64Array, period: number, out: Float64Array): void {
  const queue = new Int32Array(values.length)
  let head = 0
  let tail = -1
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    while (tail >= head && values[queue[tail]] >= value) tail--
    queue[++tail] = i
    if (queue[head] + period <= i) head++
    out[i] = i < period - 1 ? NaN : values[queue[head]]
  }
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
