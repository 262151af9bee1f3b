import { checkLength, checkPeriod } from './check.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { openState, type Stream, saveState } from './stream.ts'

/** The change from `before` to `value` in percent, 0 where `before` is 0. */
const change = (value: number, before: number): number => (before === 0 ? 0 : (value / before - 1) * 100)

/**
 * Rate of change: the change over `period` bars, in percent.
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period bars, integer from 1 to 2^19.
 * @param out    shape [n]; caller-owned, fully overwritten, must not overlap `src`.
 * @returns `out`: NaN for the first `period` bars and while one of the last `period + 1` is NaN or infinite; 0 where
 *   the earlier value is 0.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see TA-Lib `ROC`, the same.
 */
export function roc(src: Float64Array, period: number, out: Float64Array = new Float64Array(src.length)): Float64Array {
  checkPeriod('period', period)
  checkLength(src.length, 'out', out)
  overFiniteRuns([src], [out], ([values], [changes]) => {
    changes.fill(NaN, 0, Math.min(period, values.length))
    for (let i = period; i < values.length; i++) changes[i] = change(values[i], values[i - period])
  })
  return out
}

/** The streaming twin of {@link roc}. */
export function createRocStream(period: number): Stream<[value: number]> {
  checkPeriod('period', period)
  const ring = new Float64Array(period)
  let count = 0
  let next = 0
  const push = (value: number): number => {
    const before = ring[next]
    ring[next] = value
    next = next + 1 === period ? 0 : next + 1
    if (count === period) return change(value, before)
    count++
    return NaN
  }
  const clear = (): number => {
    count = 0
    next = 0
    return NaN
  }
  return {
    next: (value) => (value - value === 0 ? push(value) : clear()),
    save: () => {
      const values = Float64Array.from({ length: count }, (_, i) => ring[(next + period - count + i) % period])
      return saveState('roc', [period], { values })
    },
    restore: (state) => {
      const values = openState(state, 'roc', [period]).array('values', period)
      clear()
      for (const value of values) push(value)
    },
  }
}
