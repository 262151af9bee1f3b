import { TradewrightError } from '@tradewright/core'
import { checkLength, checkPeriod } from './check.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { type FourLanes, overFourLanes } from './four-lanes.ts'
import { beginRsi } from './rsi.ts'

const lanes: FourLanes = {
  kernel: 'strength4',
  parameter: (period) => period,
  begin: beginRsi,
  warmup: (period) => period,
  suits: () => true,
}

/**
 * Relative strength indexes of one column for many periods at once: bitwise what {@link rsi} gives for each.
 *
 * @param src     shape [n], oldest first. Read only.
 * @param periods integers from 1 to 2^19, in any order.
 * @param outs    a column of shape [n] per period; caller-owned, fully overwritten, must not overlap `src`.
 * @returns `outs`.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ, columns missing).
 */
export function rsiMany(
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
