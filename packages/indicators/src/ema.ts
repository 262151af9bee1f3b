import { checkLength, checkPeriod } from './check.ts'
import { ExactSum } from './exact-sum.ts'
import { openState, type Stream, saveState } from './stream.ts'

/**
 * Exponential moving average with alpha = 2 / (period + 1), seeded with the mean of the first `period` values.
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period integer from 1 to 2^20.
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
  checkLength(src.length, 'out', out)
  const stream = createEmaStream(period)
  for (let i = 0; i < src.length; i++) out[i] = stream.next(src[i])
  return out
}

/** The streaming twin of {@link ema}. */
export function createEmaStream(period: number): Stream<[value: number]> {
  checkPeriod('period', period)
  const alpha = 2 / (period + 1)
  const sum = new ExactSum()
  let seeds = new Float64Array(period)
  let count = 0
  let average = NaN
  return {
    next: (value) => {
      if (value - value !== 0) {
        sum.clear()
        count = 0
        return NaN
      }
      if (count < period) {
        seeds[count++] = value
        sum.add(value)
        if (count < period) return NaN
        average = sum.quotient(period)
        sum.clear()
      } else average = alpha === 1 ? value : average + alpha * (value - average)
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
      count = saved.number('count')
      average = saved.number('average')
      sum.clear()
      seeds = new Float64Array(period)
      seeds.set(values)
      for (const value of values) sum.add(value)
    },
  }
}
