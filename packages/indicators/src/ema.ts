import { checkLength, checkPeriod } from './check.ts'
import { exactMean } from './exact-mean.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { openState, type Stream, saveState } from './stream.ts'

/**
 * Exponential moving average with alpha = 2 / (period + 1), seeded with the mean of the first `period` values.
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period integer from 1 to 2^19.
 * @param out    shape [n]; caller-owned, fully overwritten, may be `src`.
 * @returns `out`: NaN for the first `period - 1` bars. A NaN or infinite bar gives NaN and starts anew: the next value
 *   comes after `period` more bars, seeded with their mean.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see TA-Lib `EMA` (default compatibility). We differ in the seed only: its sum is exact and rounded once.
 * @example
 * ```ts
 * import { ema } from '@tradewright/indicators'
 * console.log(ema(Float64Array.of(1, 2, 3, 5), 3)) // NaN, NaN, 2, 3.5
 * ```
 */
export function ema(src: Float64Array, period: number, out: Float64Array = new Float64Array(src.length)): Float64Array {
  checkPeriod('period', period)
  checkLength(src.length, 'out', out)
  overFiniteRuns([src], [out], ([values], [averages]) => emaRun(values, period, averages))
  return out
}

/** As {@link ema}, for finite values. */
export function emaRun(values: Float64Array, period: number, out: Float64Array): void {
  beginEma(values, period, out, values.length)
}

/** The first `end` values of {@link emaRun}; gives the last. */
export function beginEma(values: Float64Array, period: number, out: Float64Array, end: number): number {
  if (end < period) {
    out.fill(NaN, 0, end)
    return NaN
  }
  const average = exactMean(values.subarray(0, period))
  out.fill(NaN, 0, period - 1)
  out[period - 1] = average
  return smooth(values.subarray(period, end), average, 2 / (period + 1), out.subarray(period, end))
}

/** Goes on from `average`. This form stays put on flat values, where alpha * x + (1 - alpha) * y would not. */
function smooth(values: Float64Array, average: number, alpha: number, out: Float64Array): number {
  let y = average
  if (alpha === 1) out.set(values)
  else
    for (let i = 0; i < values.length; i++) {
      y += alpha * (values[i] - y)
      out[i] = y
    }
  return y
}

/** The streaming twin of {@link ema}. */
export function createEmaStream(period: number): Stream<[value: number]> {
  checkPeriod('period', period)
  const alpha = 2 / (period + 1)
  const seeds = new Float64Array(period)
  let count = 0
  let average = NaN
  return {
    next: (value) => {
      if (value - value !== 0) {
        count = 0
        return NaN
      }
      if (count < period) {
        seeds[count++] = value
        if (count < period) return NaN
        average = exactMean(seeds)
      } else if (alpha === 1) average = value
      else average += alpha * (value - average)
      return average
    },
    save: () =>
      saveState('ema', [period], {
        count,
        average: count < period ? NaN : average,
        seeds: count < period ? seeds.slice(0, count) : new Float64Array(0),
      }),
    restore: (state) => {
      const saved = openState(state, 'ema', [period])
      const values = saved.array('seeds', period)
      const mean = saved.number('average')
      count = saved.number('count')
      average = mean
      seeds.set(values)
    },
  }
}
