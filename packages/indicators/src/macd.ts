import { TradewrightError } from '@tradewright/core'
import { checkLength, checkPeriod } from './check.ts'
import { createEmaStream, emaRun } from './ema.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { type MultiStream, openState, saveState } from './stream.ts'

/** Parameters of {@link macd}, in bars, integers from 1 to 2^19, `fast` < `slow`. */
export interface MacdOptions {
  readonly fast: number
  readonly slow: number
  readonly signal: number
}

/** The columns of {@link macd}, each shape [n], price units. */
export interface MacdLines {
  readonly macd: Float64Array
  readonly signal: Float64Array
  readonly histogram: Float64Array
}

/** Fresh columns for {@link macd}. */
export function createMacdLines(length: number): MacdLines {
  return { macd: new Float64Array(length), signal: new Float64Array(length), histogram: new Float64Array(length) }
}

/** @throws TradewrightError `BAD_OPTION` for a window out of range, or `fast` not below `slow`. */
export function checkMacd({ fast, slow, signal }: MacdOptions): void {
  checkPeriod('fast', fast)
  checkPeriod('slow', slow)
  checkPeriod('signal', signal)
  if (fast >= slow)
    throw new TradewrightError('BAD_OPTION', `fast must be below slow, was ${fast} and ${slow}`, { fast, slow })
}

/**
 * Moving average convergence divergence: ema(fast) - ema(slow), its ema(signal), and their difference.
 *
 * Both averages start at bar slow - 1, the fast one with the mean of the `fast` values up to there, not at its own first
 * bar: so the first values are those of TA-Lib. For the difference of two independent averages subtract two
 * {@link ema}.
 *
 * @param src     shape [n], oldest first. Read only.
 * @param options the three windows.
 * @param out     three columns of shape [n]; caller-owned, fully overwritten, must not overlap `src` or one another.
 * @returns `out`: NaN for the first slow + signal - 2 bars on all three. A NaN or infinite bar gives NaN and starts anew.
 * @throws TradewrightError `BAD_OPTION` (windows; fast not below slow), `BAD_SHAPE` (lengths differ).
 * @see Appel (1979); TA-Lib `MACD`, which swaps the windows when fast > slow.
 */
export function macd(src: Float64Array, options: MacdOptions, out: MacdLines = createMacdLines(src.length)): MacdLines {
  checkMacd(options)
  for (const name of ['macd', 'signal', 'histogram'] as const) checkLength(src.length, name, out[name])
  overFiniteRuns([src], [out.macd, out.signal, out.histogram], ([values], [difference, signal, histogram]) =>
    macdRun(values, options, { macd: difference, signal, histogram }),
  )
  return out
}

function macdRun(values: Float64Array, { fast, slow, signal }: MacdOptions, out: MacdLines): void {
  const length = values.length
  const start = slow - 1
  const warmup = Math.min(length, start + signal - 1)
  if (warmup < length) {
    emaRun(values.subarray(slow - fast), fast, out.macd.subarray(slow - fast))
    emaRun(values, slow, out.signal)
    for (let i = start; i < length; i++) out.macd[i] -= out.signal[i]
    emaRun(out.macd.subarray(start), signal, out.signal.subarray(start))
    for (let i = warmup; i < length; i++) out.histogram[i] = out.macd[i] - out.signal[i]
  }
  for (const column of [out.macd, out.signal, out.histogram]) column.fill(NaN, 0, warmup)
}

/** The streaming twin of {@link macd}: outputs macd, signal, histogram. */
export function createMacdStream(options: MacdOptions): MultiStream<[value: number]> {
  checkMacd(options)
  const params = [options.fast, options.slow, options.signal]
  const fast = createEmaStream(options.fast)
  const slow = createEmaStream(options.slow)
  const signal = createEmaStream(options.signal)
  const skip = options.slow - options.fast // bars before the fast average starts
  let count = 0
  return {
    next: (value, out) => {
      const finite = value - value === 0
      count = finite ? Math.min(count + 1, skip + 1) : 0
      const difference = (count > skip ? fast.next(value) : NaN) - slow.next(value)
      if (!finite) fast.next(NaN)
      const average = signal.next(difference)
      out[0] = Number.isNaN(average) ? NaN : difference
      out[1] = average
      out[2] = difference - average
    },
    save: () => ({
      ...(saveState('macd', params, { count }) as object),
      parts: [fast.save(), slow.save(), signal.save()],
    }),
    restore: (state) => {
      const saved = openState(state, 'macd', params)
      const { parts } = state as { readonly parts?: unknown }
      const [a, b, c] = Array.isArray(parts) ? parts : []
      count = saved.number('count')
      fast.restore(a)
      slow.restore(b)
      signal.restore(c)
    },
  }
}
