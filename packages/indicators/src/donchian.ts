import { checkLength, checkPeriod } from './check.ts'
import { MaximumWindow } from './extreme-window.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { maximumRun, minimumRun, readExtremes, saveExtremes } from './rolling-extremes.ts'
import { type MultiStream, openState, saveState } from './stream.ts'

/** The columns of {@link donchian}, each shape [n]. */
export interface DonchianChannel {
  readonly upper: Float64Array
  readonly middle: Float64Array
  readonly lower: Float64Array
}

/** Fresh columns for {@link donchian}. */
export function createDonchianChannel(length: number): DonchianChannel {
  return { upper: new Float64Array(length), middle: new Float64Array(length), lower: new Float64Array(length) }
}

/** Half the way between two prices, rounded once. */
const halfway = (upper: number, lower: number): number => (upper + lower) / 2

/**
 * Donchian channel: the highest high and the lowest low of the last `period` bars, and the middle between them.
 *
 * The current bar is part of the window: a close cannot break out of it. For breakouts compare with the channel of the
 * bar before (`lag(1)`).
 *
 * @param bars   columns of shape [n], price units, oldest first. Read only.
 * @param period bars, integer from 1 to 2^19.
 * @param out    three columns of shape [n]; caller-owned, fully overwritten, must not overlap `bars` or one another.
 * @returns `out`: NaN while the window is not full or holds a NaN or infinite high or low.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see TA-Lib `MAX` of the highs and `MIN` of the lows, the same.
 */
export function donchian(
  bars: { readonly high: Float64Array; readonly low: Float64Array },
  period: number,
  out: DonchianChannel = createDonchianChannel(bars.high.length),
): DonchianChannel {
  checkPeriod('period', period)
  checkLength(bars.high.length, 'low', bars.low)
  for (const name of ['upper', 'middle', 'lower'] as const) checkLength(bars.high.length, name, out[name])
  overFiniteRuns([bars.high, bars.low], [out.upper, out.middle, out.lower], ([high, low], [upper, middle, lower]) => {
    maximumRun(high, period, upper)
    minimumRun(low, period, lower)
    for (let i = 0; i < high.length; i++) middle[i] = halfway(upper[i], lower[i])
  })
  return out
}

/** The streaming twin of {@link donchian}: outputs upper, middle, lower. */
export function createDonchianStream(period: number): MultiStream<[high: number, low: number]> {
  checkPeriod('period', period)
  const highs = new MaximumWindow(period)
  const lows = new MaximumWindow(period) // of negated lows
  return {
    next: (high, low, out) => {
      let full = false
      if (high - high === 0 && low - low === 0) {
        highs.push(high)
        full = lows.push(-low)
      } else {
        highs.clear()
        lows.clear()
      }
      out[0] = full ? highs.maximum : NaN
      out[2] = full ? -lows.maximum : NaN
      out[1] = halfway(out[0], out[2])
    },
    save: () => saveState('donchian', [period], { ...saveExtremes(highs, 'high.'), ...saveExtremes(lows, 'low.') }),
    restore: (state) => {
      const saved = openState(state, 'donchian', [period])
      const [high, low] = [readExtremes(saved, period, 'high.'), readExtremes(saved, period, 'low.')]
      highs.fill(high)
      lows.fill(low)
    },
  }
}
