import { varianceOf } from './exact-variance.ts'
import { ExactWindow } from './exact-window.ts'
import { type Block, bitsFor, blocksOf, findTop } from './window-totals.ts'

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

/** Running totals: slot k is the sum over a block's first k values. */
interface Totals {
  readonly values: Float64Array
  readonly coarse: Float64Array
  readonly rest: Float64Array
  readonly coarseSquares: Float64Array
  readonly restSquares: Float64Array
}

function createTotals(length: number): Totals {
  const column = (): Float64Array => new Float64Array(length + 1)
  return {
    values: column(),
    coarse: column(),
    rest: column(),
    coarseSquares: column(),
    restSquares: column(),
  }
}

/** The population variance of every window of finite `values`: NaN for the first `period - 1`. */
export function varianceRun(values: Float64Array, period: number, out: Float64Array): void {
  const length = values.length
  out.fill(NaN, 0, Math.min(length, period - 1))
  if (period > length) return
  const blocks = blocksOf(length, period, BLOCK)
  const totals = createTotals(Math.max(...blocks.map(({ first, end }) => end - first)))
  for (const { first, start, end } of blocks) {
    const windows = { first, start: Math.max(start, period - 1), end }
    if (windows.start >= end) continue
    const error = addUpSquares(values.subarray(first, end), period, totals)
    if (error === undefined) varySlowly(values, windows, period, out)
    else {
      const from = windows.start - first + 1 - period
      const missed = vary(totals, from, period, error, out.subarray(windows.start, end))
      if (missed > 0) finishMissed(values, windows, period, out)
    }
  }
}

/** Fills `totals`; gives a bound for the error of a window's sum of `restSquares`, undefined when a split is inexact. */
function addUpSquares(values: Float64Array, period: number, totals: Totals): number | undefined {
  if (period > LARGEST_FAST_PERIOD) return undefined
  const count = values.length
  const centred = totals.values.subarray(0, count)
  if (!centre(values, middleOf(values), centred)) centre(values, 0, centred)
  const periodBits = bitsFor(period)
  const top = findTop(centred, 80 - bitsFor(count + 1) - periodBits)
  if (top === undefined || Math.abs(top) > LARGEST_EXPONENT) return undefined
  const squareUnit = 2 * top + Math.max(bitsFor(count + 1), 2 * periodBits) - 53
  const largest = splitSquares(centred, 1.5 * 2 ** (top + periodBits + 26), 1.5 * 2 ** (squareUnit + 52), totals)
  return count * 2 ** -51 * (largest + 2 ** squareUnit)
}

/** Half the way between the extremes, on a grid so coarse that subtracting it is exact for most columns. */
function middleOf(values: Float64Array): number {
  let lowest = values[0]
  let highest = values[0]
  for (let i = 1; i < values.length; i++) {
    const value = values[i]
    if (value < lowest) lowest = value
    if (value > highest) highest = value
  }
  return Math.fround((lowest + highest) / 2)
}

/** out = values - middle; gives whether every difference is exact. */
function centre(values: Float64Array, middle: number, out: Float64Array): boolean {
  let error = 0
  for (let i = 0; i < out.length; i++) {
    const value = values[i]
    const difference = value - middle
    const back = value - difference
    error += Math.abs(value - (difference + back)) + Math.abs(back - middle)
    out[i] = difference
  }
  return error === 0
}

/** Adds up both parts of every value and of its exact square; gives the largest total of the squares' rest. */
function splitSquares(values: Float64Array, splitter: number, squareSplitter: number, totals: Totals): number {
  const { coarse, rest, coarseSquares, restSquares } = totals
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let largest = 0
  coarse[0] = rest[0] = coarseSquares[0] = restSquares[0] = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const part = value + splitter - splitter
    // Dekker (1971): square + error is the exact square.
    const scaled = 134217729 * value
    const high = scaled - (scaled - value)
    const low = value - high
    const square = value * value
    const error = high * high - square + 2 * high * low + low * low
    const squarePart = square + squareSplitter - squareSplitter
    a += part
    b += value - part
    c += squarePart
    d += square - squarePart + error
    if (d > largest) largest = d
    if (-d > largest) largest = -d
    coarse[i + 1] = a
    rest[i + 1] = b
    coarseSquares[i + 1] = c
    restSquares[i + 1] = d
  }
  return largest
}

/** Fills `out` from the windows that start at slot `from`; those not certain get -1. Gives how many. */
function vary(totals: Totals, from: number, period: number, error: number, out: Float64Array): number {
  const coarse = totals.coarse.subarray(from)
  const rest = totals.rest.subarray(from)
  const coarseSquares = totals.coarseSquares.subarray(from)
  const restSquares = totals.restSquares.subarray(from)
  return varyColumns(coarse, rest, coarseSquares, restSquares, period, 2 * period * error, out)
}

function varyColumns(
  coarse: Float64Array,
  rest: Float64Array,
  coarseSquares: Float64Array,
  restSquares: Float64Array,
  period: number,
  error: number,
  out: Float64Array,
): number {
  const scale = period * period
  const inverse = 1 / scale
  const unit = 2 ** -51
  let missed = 0
  for (let i = 0; i < out.length; i++) {
    const sum = coarse[i + period] - coarse[i]
    const sumRest = rest[i + period] - rest[i]
    const first = period * (coarseSquares[i + period] - coarseSquares[i]) - sum * sum
    const squares = period * (restSquares[i + period] - restSquares[i])
    const mixed = sumRest * (2 * sum + sumRest)
    const second = squares - mixed
    // 26 leading bits of the variance, then what they leave.
    const estimate = (first + second) * inverse
    const scaled = 134217729 * estimate
    const leading = scaled - (scaled - estimate)
    const remainder = first - leading * scale
    const tail = (remainder + second) * inverse
    const bound = (error + unit * (Math.abs(squares) + Math.abs(mixed) + Math.abs(remainder))) * inverse
    const variance = leading + (tail + bound)
    const certain = variance === leading + (tail - bound)
    out[i] = certain ? variance : -1
    if (!certain) missed++
  }
  return missed
}

function finishMissed(values: Float64Array, { start, end }: Block, period: number, out: Float64Array): void {
  let run = 0 // equal values up to i
  for (let i = start - period + 1; i < end; i++) {
    run = i > 0 && values[i] === values[i - 1] ? run + 1 : 1
    if (i >= start && out[i] === -1) out[i] = run >= period ? 0 : varianceOf(values.subarray(i - period + 1, i + 1))
  }
}

/** The plain form: exact accumulators slide along. */
function varySlowly(values: Float64Array, { start, end }: Block, period: number, out: Float64Array): void {
  const window = new ExactWindow(period, true)
  for (let i = start - period + 1; i < end; i++) if (window.push(values[i])) out[i] = window.variance()
}
