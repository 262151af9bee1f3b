import { TradewrightError } from '@tradewright/core'
import { checkLength, checkPeriod } from './check.ts'
import { ExactWindow } from './exact-window.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { currentKernels } from './kernels/kernels.ts'
import { divideTotals } from './window-division.ts'
import { addUp, type Block, bitsFor, blocksOf } from './window-totals.ts'

/**
 * Simple moving averages of one column for many periods at once: bitwise what {@link sma} gives for each.
 *
 * @param src     shape [n], oldest first. Read only.
 * @param periods bars, integers from 1 to 2^19, in any order.
 * @param outs    a column of shape [n] per period; caller-owned, fully overwritten, must not overlap `src`.
 * @returns `outs`.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ, columns missing).
 */
export function smaMany(
  src: Float64Array,
  periods: readonly number[],
  outs: readonly Float64Array[] = periods.map(() => new Float64Array(src.length)),
): readonly Float64Array[] {
  for (const period of periods) checkPeriod('period', period)
  if (outs.length !== periods.length)
    throw new TradewrightError('BAD_SHAPE', `outs must have ${periods.length} columns, had ${outs.length}`)
  for (const out of outs) checkLength(src.length, 'out', out)
  overFiniteRuns([src], outs, ([values], columns) => averageRun(values, periods, columns))
  return outs
}

function averageRun(values: Float64Array, periods: readonly number[], outs: readonly Float64Array[]): void {
  const kernels = currentKernels()
  const length = values.length
  let longest = 1
  periods.forEach((period, k) => {
    outs[k].fill(NaN, 0, Math.min(length, period - 1))
    if (period > longest && period <= length) longest = period
  })
  for (const block of blocksOf(length, longest)) {
    const totals = addUp(kernels, values.subarray(block.first, block.end), 77 - bitsFor(longest))
    periods.forEach((period, k) => {
      const windows = { ...block, start: Math.max(block.start, period - 1) }
      if (windows.start >= block.end) return
      if (totals === undefined) averageSlowly(values, windows, period, outs[k])
      else
        divideTotals(kernels.divide, totals, windows, { kernels, period, divisor: period, out: outs[k] }, (window) =>
          averageSlowly(values, window, period, outs[k]),
        )
    })
  }
}

/** The plain form: an exact accumulator slides along. */
function averageSlowly(values: Float64Array, { start, end }: Block, period: number, out: Float64Array): void {
  const window = new ExactWindow(period)
  for (let i = start - period + 1; i < start; i++) window.push(values[i])
  for (let i = start; i < end; i++) {
    window.push(values[i])
    out[i] = window.mean()
  }
}
