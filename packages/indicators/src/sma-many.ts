import { TradewrightError } from '@tradewright/core'
import { checkLength, checkPeriod } from './check.ts'
import { ExactWindow } from './exact-window.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { addUp, type Block, bitsFor, blocksOf, createTotalsBuffer, type Totals } from './window-totals.ts'

/**
 * Simple moving averages of one column for many periods at once: bitwise what {@link sma} gives for each.
 *
 * @param src     shape [n], oldest first. Read only.
 * @param periods bars, integers from 1 to 2^20, in any order.
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
  const length = values.length
  let longest = 1
  periods.forEach((period, k) => {
    outs[k].fill(NaN, 0, Math.min(length, period - 1))
    if (period > longest && period <= length) longest = period
  })
  const buffer = createTotalsBuffer()
  for (const block of blocksOf(length, longest)) {
    const totals = addUp(values.subarray(block.first, block.end), 77 - bitsFor(longest), buffer)
    periods.forEach((period, k) => {
      const windows = { ...block, start: Math.max(block.start, period - 1) }
      if (windows.start >= block.end) return
      if (totals === undefined) averageSlowly(values, windows, period, outs[k])
      else averageWindows(values, windows, period, totals, outs[k])
    })
  }
}

/*
 * The mean of a window is (A + B) / p with A and B the exact sums of the coarse and the fine parts. Let g = 2^(top - 25),
 * q = A / p rounded to a multiple of g. Then q * p, A - q * p and r = A - q * p + B are exact, and q + r / p is the mean:
 * two roundings, r / p and the sum. The first cannot turn the second unless the mean lies closer to a midpoint of two
 * doubles than the width of the values (77 - bits(p)) allows, or the mean is so small beside the block's values that
 * r / p has no bits to spare: those windows (none where all values are positive) are done slowly.
 */
function averageWindows(
  values: Float64Array,
  { first, start, end }: Block,
  period: number,
  { coarse, fine, top }: Totals,
  out: Float64Array,
): void {
  const smallest = period * 2 ** (top - 24)
  const from = start - first + 1 - period
  const target = out.subarray(start, end)
  const rounder = 1.5 * 2 ** (top + 27)
  const small = divideSums(coarse.subarray(from), fine.subarray(from), period, rounder, smallest, target)
  if (small > 0)
    for (let i = start; i < end; i++)
      if (out[i] !== 0 && Math.abs(out[i]) < smallest)
        averageSlowly(values, { first: i - period + 1, start: i, end: i + 1 }, period, out)
}

/** sum / period: gives how many means are below `smallest` and not 0. No objects, no calls: V8 keeps such a loop in registers. */
function divideSums(
  coarse: Float64Array,
  fine: Float64Array,
  period: number,
  rounder: number,
  smallest: number,
  out: Float64Array,
): number {
  const inverse = 1 / period
  let small = 0
  for (let i = 0; i < out.length; i++) {
    const sum = coarse[i + period] - coarse[i]
    const quotient = sum * inverse + rounder - rounder
    const mean = quotient + (sum - quotient * period + (fine[i + period] - fine[i])) / period
    out[i] = mean
    if (mean < smallest && mean > -smallest && mean !== 0) small++
  }
  return small
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
