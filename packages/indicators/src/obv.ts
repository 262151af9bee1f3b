import { checkLength } from './check.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { openState, type Stream, saveState } from './stream.ts'

/** The columns of {@link obv}, of one length, oldest first. Read only. */
export interface CloseVolume {
  readonly close: Float64Array
  readonly volume: Float64Array
}

/**
 * On-balance volume: the running total of the volume, added on a higher close, subtracted on a lower one.
 *
 * The first bar counts its volume in full. The total carries its rounding error along (Knuth's two-sum), so fractional
 * volumes do not drift.
 *
 * @param bars columns of shape [n], oldest first. Read only.
 * @param out  shape [n], volume units; caller-owned, fully overwritten, must not overlap `bars`.
 * @returns `out`: no warm-up. A NaN or infinite bar gives NaN and starts anew.
 * @throws TradewrightError `BAD_SHAPE` (lengths differ).
 * @see Granville (1963); TA-Lib `OBV`, with a plain running total.
 */
export function obv(bars: CloseVolume, out: Float64Array = new Float64Array(bars.close.length)): Float64Array {
  checkLength(bars.close.length, 'volume', bars.volume)
  checkLength(bars.close.length, 'out', out)
  overFiniteRuns([bars.close, bars.volume], [out], ([close, volume], [totals]) => obvRun({ close, volume }, totals))
  return out
}

function obvRun({ close, volume }: CloseVolume, out: Float64Array): void {
  let total = volume[0]
  let error = 0
  out[0] = total
  for (let i = 1; i < close.length; i++) {
    const flow = close[i] > close[i - 1] ? volume[i] : close[i] < close[i - 1] ? -volume[i] : 0
    const sum = total + flow
    const part = sum - total
    error += total - (sum - part) + (flow - part)
    total = sum
    out[i] = total + error
  }
}

/** The streaming twin of {@link obv}. */
export function createObvStream(): Stream<[close: number, volume: number]> {
  let previous = NaN
  let total = 0
  let error = 0
  return {
    next: (close, volume) => {
      if (close - close !== 0 || volume - volume !== 0) {
        previous = NaN
        return NaN
      }
      if (Number.isNaN(previous)) {
        total = volume
        error = 0
      } else {
        const flow = close > previous ? volume : close < previous ? -volume : 0
        const sum = total + flow
        const part = sum - total
        error += total - (sum - part) + (flow - part)
        total = sum
      }
      previous = close
      return total + error
    },
    save: () => saveState('obv', [], { previous, total, error }),
    restore: (state) => {
      const saved = openState(state, 'obv', [])
      const [close, sum, rest] = [saved.number('previous'), saved.number('total'), saved.number('error')]
      previous = close
      total = sum
      error = rest
    },
  }
}
