import { checkLength, checkPeriod } from './check.ts'
import { createDonchianStream } from './donchian.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { maximumRun, minimumRun } from './rolling-extremes.ts'
import { createSmaStream, sma } from './sma.ts'
import { type MultiStream, openState, saveState } from './stream.ts'
import type { HighLowClose } from './true-range.ts'

/** Parameters of {@link stochastic}, in bars, integers from 1 to 2^19. */
export interface StochasticOptions {
  /** Window of the highest high and the lowest low. */
  readonly period: number
  /** Simple average over %K; 1 gives the fast stochastic. */
  readonly smooth: number
  /** Simple average over the smoothed %K. */
  readonly signal: number
}

/** The columns of {@link stochastic}, each shape [n], from 0 to 100. */
export interface StochasticLines {
  readonly k: Float64Array
  readonly d: Float64Array
}

/** Fresh columns for {@link stochastic}. */
export function createStochasticLines(length: number): StochasticLines {
  return { k: new Float64Array(length), d: new Float64Array(length) }
}

function checkStochastic({ period, smooth, signal }: StochasticOptions): void {
  checkPeriod('period', period)
  checkPeriod('smooth', smooth)
  checkPeriod('signal', signal)
}

/** Where `close` lies between `lowest` and `highest`, in percent; 0 where they are equal. */
function position(close: number, lowest: number, highest: number): number {
  const range = highest - lowest
  return range === 0 ? 0 : (100 * (close - lowest)) / range
}

/**
 * Stochastic oscillator: %K = 100 * (close - lowest low) / (highest high - lowest low) over `period` bars, smoothed by
 * sma(smooth); %D = sma(signal) of that.
 *
 * @param bars    columns of shape [n], price units, oldest first. Read only.
 * @param options the three windows.
 * @param out     two columns of shape [n]; caller-owned, fully overwritten, must not overlap `bars` or one another.
 * @returns `out`: %K before smoothing is 0 where the range is 0; NaN for the first period + smooth + signal - 3 bars on
 *   both lines. A NaN or infinite bar gives NaN and starts anew.
 * @throws TradewrightError `BAD_OPTION` (windows), `BAD_SHAPE` (lengths differ).
 * @see Lane (1984); TA-Lib `STOCH` with simple averages, the same but for exact window means.
 */
export function stochastic(
  bars: HighLowClose,
  options: StochasticOptions,
  out: StochasticLines = createStochasticLines(bars.close.length),
): StochasticLines {
  checkStochastic(options)
  checkLength(bars.close.length, 'high', bars.high)
  checkLength(bars.close.length, 'low', bars.low)
  checkLength(bars.close.length, 'k', out.k)
  checkLength(bars.close.length, 'd', out.d)
  const { period, smooth, signal } = options
  overFiniteRuns([bars.high, bars.low, bars.close], [out.k, out.d], ([high, low, close], [k, d]) => {
    const raw = new Float64Array(close.length)
    maximumRun(high, period, k)
    minimumRun(low, period, d)
    for (let i = 0; i < raw.length; i++) raw[i] = position(close[i], d[i], k[i])
    sma(raw, smooth, k)
    sma(k, signal, d)
    k.fill(NaN, 0, Math.min(k.length, period + smooth + signal - 3))
  })
  return out
}

/** The streaming twin of {@link stochastic}: outputs k, d. */
export function createStochasticStream(
  options: StochasticOptions,
): MultiStream<[high: number, low: number, close: number]> {
  checkStochastic(options)
  const { period, smooth, signal } = options
  const params = [period, smooth, signal]
  const channel = createDonchianStream(period)
  const smoothed = createSmaStream(smooth)
  const signals = createSmaStream(signal)
  const bounds = new Float64Array(3)
  return {
    next: (high, low, close, out) => {
      const finite = high - high === 0 && low - low === 0 && close - close === 0
      channel.next(finite ? high : NaN, low, bounds)
      const k = smoothed.next(position(close, bounds[2], bounds[0]))
      const d = signals.next(k)
      out[0] = Number.isNaN(d) ? NaN : k
      out[1] = d
    },
    save: () => ({
      ...(saveState('stochastic', params, {}) as object),
      parts: [channel.save(), smoothed.save(), signals.save()],
    }),
    restore: (state) => {
      openState(state, 'stochastic', params)
      const { parts } = state as { readonly parts?: unknown }
      const [a, b, c] = Array.isArray(parts) ? parts : []
      // Each part checks its state before it takes it; a refusal leaves the parts before it changed.
      channel.restore(a)
      smoothed.restore(b)
      signals.restore(c)
    },
  }
}
