import { checkLength, checkNumber, checkPeriod } from './check.ts'
import { ExactWindow } from './exact-window.ts'
import { rollingStd } from './rolling-std.ts'
import { sma } from './sma.ts'
import { type MultiStream, openState, saveState } from './stream.ts'

/** The bands of {@link bollinger}, each shape [n]. */
export interface BollingerBands {
  readonly upper: Float64Array
  readonly middle: Float64Array
  readonly lower: Float64Array
}

/** Fresh columns for {@link bollinger}. */
export function createBollingerBands(length: number): BollingerBands {
  return { upper: new Float64Array(length), middle: new Float64Array(length), lower: new Float64Array(length) }
}

/**
 * Bollinger bands: sma(period) ± deviations * population standard deviation (ddof 0).
 *
 * @param src     shape [n], oldest first. Read only.
 * @param options `period` in bars, integer from 1 to 2^19; `deviations` >= 0.
 * @param out     three columns of shape [n]; caller-owned, fully overwritten, must not overlap `src` or one another.
 * @returns `out`: NaN while the window is not full or holds a NaN or infinite value.
 * @throws TradewrightError `BAD_OPTION` (period, deviations), `BAD_SHAPE` (lengths differ).
 * @see Bollinger (1992); TA-Lib `BBANDS` with two equal deviations. Mean and variance are exact here.
 */
export function bollinger(
  src: Float64Array,
  options: { readonly period: number; readonly deviations: number },
  out: BollingerBands = createBollingerBands(src.length),
): BollingerBands {
  const { period, deviations } = options
  checkPeriod('period', period)
  checkNumber('deviations', deviations, 0)
  const { upper, middle, lower } = out
  for (const name of ['upper', 'middle', 'lower'] as const) checkLength(src.length, name, out[name])
  sma(src, period, middle)
  rollingStd(src, period, upper)
  for (let i = 0; i < src.length; i++) {
    const width = deviations * upper[i]
    upper[i] = middle[i] + width
    lower[i] = middle[i] - width
  }
  return out
}

/** The streaming twin of {@link bollinger}: outputs upper, middle, lower. */
export function createBollingerStream(period: number, deviations: number): MultiStream<[value: number]> {
  checkPeriod('period', period)
  checkNumber('deviations', deviations, 0)
  const params = [period, deviations]
  const window = new ExactWindow(period, true)
  return {
    next: (value, out) => {
      const full = window.push(value)
      const middle = full ? window.mean() : NaN
      const width = full ? deviations * Math.sqrt(window.variance()) : NaN
      out[0] = middle + width
      out[1] = middle
      out[2] = middle - width
    },
    save: () => saveState('bollinger', params, { values: window.copyValues() }),
    restore: (state) => window.fill(openState(state, 'bollinger', params).array('values', period)),
  }
}
