import { checkLength, checkPeriod } from './check.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { openState, type Stream, saveState } from './stream.ts'

/**
 * Relative strength index: 100 * gain / (gain + loss) of Wilder-smoothed moves.
 *
 * The first value, at index `period`, comes from the plain means of the first `period` up and down moves; then
 * (previous * (period - 1) + move) / period.
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period integer from 1 to 2^19.
 * @param out    shape [n]; caller-owned, fully overwritten, may be `src`.
 * @returns `out`: from 0 to 100; 100 where the average loss is 0, flat prices included; NaN for the first `period`
 *   bars. A NaN or infinite bar gives NaN and starts anew.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see Wilder (1978), New Concepts in Technical Trading Systems. TA-Lib's `RSI` gives 0 for flat prices and refuses
 *   period 1.
 */
export function rsi(src: Float64Array, period: number, out: Float64Array = new Float64Array(src.length)): Float64Array {
  checkPeriod('period', period)
  checkLength(src.length, 'out', out)
  overFiniteRuns([src], [out], ([values], [indexes]) => {
    beginRsi(values, period, indexes, values.length)
  })
  return out
}

/** The first `end` values of {@link rsi} over finite values; gives the average gain and loss there. */
export function beginRsi(
  values: Float64Array,
  period: number,
  out: Float64Array,
  end: number,
): readonly [gain: number, loss: number] {
  let gain = 0
  let loss = 0
  let previous = values[0]
  for (let i = 0; i < Math.min(period, end); i++) {
    const move = values[i] - previous
    previous = values[i]
    gain += Math.max(move, 0)
    loss += Math.max(-move, 0)
    out[i] = NaN
  }
  for (let i = period; i < end; i++) {
    const move = values[i] - previous
    previous = values[i]
    const up = Math.max(move, 0)
    const down = Math.max(-move, 0)
    // The first value is the plain mean of the first `period` moves; from then on Wilder's smoothing.
    gain = (i === period ? gain + up : gain * (period - 1) + up) / period
    loss = (i === period ? loss + down : loss * (period - 1) + down) / period
    out[i] = loss === 0 ? 100 : (100 * gain) / (gain + loss)
  }
  return [gain, loss]
}

/** The streaming twin of {@link rsi}. */
export function createRsiStream(period: number): Stream<[value: number]> {
  checkPeriod('period', period)
  let moves = -1 // since the last NaN; -1 before the first value
  let previous = NaN
  let gain = 0
  let loss = 0
  return {
    next: (value) => {
      if (value - value !== 0) {
        moves = -1
        return NaN
      }
      const move = value - previous
      previous = value
      if (moves < 0) {
        moves = 0
        gain = 0
        loss = 0
        return NaN
      }
      const up = Math.max(move, 0)
      const down = Math.max(-move, 0)
      if (moves < period) {
        moves++
        gain += up
        loss += down
        if (moves < period) return NaN
        gain /= period
        loss /= period
      } else {
        gain = (gain * (period - 1) + up) / period
        loss = (loss * (period - 1) + down) / period
      }
      return loss === 0 ? 100 : (100 * gain) / (gain + loss)
    },
    save: () => saveState('rsi', [period], { moves, previous, gain, loss }),
    restore: (state) => {
      const saved = openState(state, 'rsi', [period])
      const [m, p, g, l] = [saved.number('moves'), saved.number('previous'), saved.number('gain'), saved.number('loss')]
      moves = m
      previous = p
      gain = g
      loss = l
    },
  }
}
