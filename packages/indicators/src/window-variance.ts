import { varianceOf } from './exact-variance.ts'
import { ExactWindow } from './exact-window.ts'
import type { KernelSet } from './kernels/kernel-set.ts'
import { currentKernels } from './kernels/kernels.ts'
import { type Block, bitsFor, blocksOf, extentOf, findTop, SCRATCH } from './window-totals.ts'

/*
 * The exact variance of every window, rounded once, in O(1) a bar.
 *
 * In a block, d = x - centre is exact. d and d^2 are split into multiples of coarse powers of two and the rest, and all four
 * parts are added up. With H and L the coarse and the rest of a window's sum of d, P and R those of its sum of d^2, the
 * variance times p^2 is  (p P - H^2) + (p R - L (2 H + L)).  The splits are such that the first bracket is exact; the second
 * is some 2^-26 of it and carries an error of which a bound is known. Where the variance rounds to the same double at
 * both ends of the bound that double is the answer (Ziv 1991), else, about once in ten thousand windows, the window is
 * done exactly.
 */

/** Largest period of the fast form: p^2 times the 26 leading bits of a variance must fit a double. */
const LARGEST_FAST_PERIOD = 8192
/** Squares of values beyond 2^±this would over- or underflow. */
const LARGEST_EXPONENT = 400

/** Bars a block adds: few, so that values are near the centre and totals short, and the error bound small. */
const BLOCK = 512

/** Running totals in the kernels' memory, by address: slot k is the sum over a block's first k values. */
interface SquareTotals {
  readonly coarse: number
  readonly rest: number
  readonly coarseSquares: number
  readonly restSquares: number
  readonly out: number
  /** Bound for the rounding error of one step of `restSquares`: a window has as many of them as values. */
  readonly error: number
}

/** The population variance of every window of finite `values`: NaN for the first `period - 1`. */
export function varianceRun(values: Float64Array, period: number, out: Float64Array): void {
  const kernels = currentKernels()
  const length = values.length
  out.fill(NaN, 0, Math.min(length, period - 1))
  if (period > length) return
  for (const { first, start, end } of blocksOf(length, period, BLOCK)) {
    const windows = { first, start: Math.max(start, period - 1), end }
    if (windows.start >= end) continue
    const totals = addUpSquares(kernels, values.subarray(first, end), period)
    if (totals === undefined) varySlowly(values, windows, period, out)
    else if (vary(kernels, totals, windows, period, out) !== 0) finishMissed(values, windows, period, out)
  }
}

/** The running totals of `values` and their squares; undefined where a split would be inexact. */
function addUpSquares(kernels: KernelSet, values: Float64Array, period: number): SquareTotals | undefined {
  if (period > LARGEST_FAST_PERIOD) return undefined
  const count = values.length
  const column = count + 4
  kernels.reserve(SCRATCH + 7 * column)
  kernels.memory().set(values, SCRATCH)
  const at = SCRATCH * 8
  const [centred, coarse, rest, coarseSquares, restSquares, out] = [1, 2, 3, 4, 5, 6].map((k) => at + k * column * 8)
  const { highest, lowest } = extentOf(kernels, at, count)
  // Of few digits, so that subtracting it is exact for most columns.
  if (kernels.centre(at, count, Math.fround((lowest + highest) / 2), centred) !== 0)
    kernels.centre(at, count, 0, centred)
  const periodBits = bitsFor(period)
  const countBits = bitsFor(count + 1)
  const top = findTop(
    extentOf(kernels, centred, count),
    80 - countBits - periodBits,
    (limit) => kernels.liesOnGrid(centred, count, limit) === 1,
  )
  if (top === undefined || Math.abs(top) > LARGEST_EXPONENT) return undefined
  const splitter = 1.5 * 2 ** (top + periodBits + 26)
  const squareUnit = 2 * top + Math.max(countBits, 2 * periodBits) - 53
  const squareSplitter = 1.5 * 2 ** (squareUnit + 52)
  const largest = kernels.splitSquares(
    centred,
    count,
    splitter,
    squareSplitter,
    coarse,
    rest,
    coarseSquares,
    restSquares,
  )
  return { coarse, rest, coarseSquares, restSquares, out, error: 2 ** -52 * (largest + 2 ** squareUnit) }
}

/** Fills out[start..end); windows that are not certain get NaN. Gives whether there may be one. */
function vary(
  kernels: KernelSet,
  totals: SquareTotals,
  { first, start, end }: Block,
  period: number,
  out: Float64Array,
): number {
  const offset = (start - first + 1 - period) * 8
  const missed = kernels.vary(
    totals.coarse + offset,
    totals.rest + offset,
    totals.coarseSquares + offset,
    totals.restSquares + offset,
    period,
    period * period * totals.error,
    end - start,
    totals.out,
  )
  out.set(kernels.memory().subarray(totals.out / 8, totals.out / 8 + end - start), start)
  return missed
}

function finishMissed(values: Float64Array, { start, end }: Block, period: number, out: Float64Array): void {
  let run = 0 // equal values up to i
  for (let i = start - period + 1; i < end; i++) {
    run = i > 0 && values[i] === values[i - 1] ? run + 1 : 1
    if (i >= start && Number.isNaN(out[i]))
      out[i] = run >= period ? 0 : varianceOf(values.subarray(i - period + 1, i + 1))
  }
}

/** The plain form: exact accumulators slide along. */
function varySlowly(values: Float64Array, { start, end }: Block, period: number, out: Float64Array): void {
  const window = new ExactWindow(period, true)
  for (let i = start - period + 1; i < end; i++) if (window.push(values[i])) out[i] = window.variance()
}
