import { TradewrightError } from '@tradewright/core'
import { checkLength, checkPeriod } from './check.ts'
import { beginEma } from './ema.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { type FourLanes, overFourLanes } from './four-lanes.ts'

const lanes: FourLanes = {
  kernel: 'smooth4',
  parameter: (period) => 2 / (period + 1),
  begin: (values, period, out, end) => [beginEma(values, period, out, end)],
  warmup: (period) => period - 1,
  suits: (period) => period > 1, // y += 1 * (x - y) would round
}

/**
 * Exponential moving averages of one column for many periods at once: bitwise what {@link ema} gives for each.
 *
 * @param src     shape [n], oldest first. Read only.
 * @param periods integers from 1 to 2^19, in any order.
 * @param outs    a column of shape [n] per period; caller-owned, fully overwritten, must not overlap `src`.
 * @returns `outs`.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ, columns missing).
 */
export function emaMany(
  src: Float64Array,
  periods: readonly number[],
  outs: readonly Float64Array[] = periods.map(() => new Float64Array(src.length)),
): readonly Float64Array[] {
  for (const period of periods) checkPeriod('period', period)
  if (outs.length !== periods.length)
    throw new TradewrightError('BAD_SHAPE', `outs must have ${periods.length} columns, had ${outs.length}`)
  for (const out of outs) checkLength(src.length, 'out', out)
  overFiniteRuns([src], outs, ([values], columns) => overFourLanes(lanes, values, periods, columns))
  return outs
}
