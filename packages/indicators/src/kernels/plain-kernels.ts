import type { KernelSet } from './kernel-set.ts'
import { plainMaxima, plainMinima } from './plain-extremes.ts'
import { plainSmooth4, plainStrength4 } from './plain-recursions.ts'
import { plainCentre, plainSplitSquares, plainVary } from './plain-variance.ts'

/** The kernels in plain TypeScript: the reference of the compiled ones, and what runs where those cannot. */
export function createPlainKernels(): KernelSet {
  let memory = new Float64Array(16)
  const from = (address: number): Float64Array => memory.subarray(address / 8)
  const column = (address: number, count: number): Float64Array => memory.subarray(address / 8, address / 8 + count)
  return {
    form: 'plain',
    memory: () => memory,
    reserve: (slots) => {
      if (slots <= memory.length) return
      const larger = new Float64Array(slots)
      larger.set(memory)
      memory = larger
    },
    extent: (values, count, out) => plainExtent(column(values, count), from(out)),
    liesOnGrid: (values, count, limit) => (plainLiesOnGrid(column(values, count), limit) ? 1 : 0),
    split: (values, count, splitter, coarse, rest) =>
      plainSplit(column(values, count), splitter, from(coarse), from(rest)),
    subtract: (coarse, rest, period, count, out) => plainSubtract(from(coarse), from(rest), period, column(out, count)),
    divide: (coarse, rest, period, count, rounder, smallest, out) =>
      plainDivide(from(coarse), from(rest), period, rounder, smallest, column(out, count)),
    weigh: (coarse, rest, period, count, rounder, smallest, out) =>
      plainWeigh(from(coarse), from(rest), period, rounder, smallest, column(out, count)),
    maxima: (values, count, period) => plainMaxima(column(values, count), period),
    minima: (values, count, period) => plainMinima(column(values, count), period),
    centre: (values, count, middle, out) => plainCentre(column(values, count), middle, column(out, count)),
    splitSquares: (values, count, splitter, squareSplitter, coarse, rest, coarseSquares, restSquares) =>
      plainSplitSquares(
        column(values, count),
        splitter,
        squareSplitter,
        from(coarse),
        from(rest),
        from(coarseSquares),
        from(restSquares),
      ),
    vary: (coarse, rest, coarseSquares, restSquares, period, error, count, out) =>
      plainVary(from(coarse), from(rest), from(coarseSquares), from(restSquares), period, error, column(out, count)),
    smooth4: (values, count, alphas, state, out, stride) =>
      plainSmooth4(column(values, count), from(alphas), from(state), from(out), stride / 8),
    strength4: (values, count, periods, state, out, stride) =>
      plainStrength4(column(values - 8, count + 1), from(periods), from(state), from(out), stride / 8),
  }
}

// No objects and no calls within these loops: V8 then keeps them in registers.

/** Into out[0..4): largest and smallest magnitude other than 0 (Infinity where there is none), largest, smallest value. */
export function plainExtent(values: Float64Array, out: Float64Array): void {
  let largest = 0
  let smallest = Infinity
  let highest = -Infinity
  let lowest = Infinity
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const size = Math.abs(value)
    if (size > largest) largest = size
    if (size < smallest && size !== 0) smallest = size
    if (value > highest) highest = value
    if (value < lowest) lowest = value
  }
  out[0] = largest
  out[1] = smallest
  out[2] = highest
  out[3] = lowest
}

/** Whether every value is a multiple of limit / 2^52. */
export function plainLiesOnGrid(values: Float64Array, limit: number): boolean {
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i])
    if (size < limit && size + limit - limit !== size) return false
  }
  return true
}

/** Cuts every value at the last place of `splitter`; slot k of `coarse` and `rest` is the sum of the first k parts. */
export function plainSplit(values: Float64Array, splitter: number, coarse: Float64Array, rest: Float64Array): void {
  let coarseTotal = 0
  let restTotal = 0
  coarse[0] = 0
  rest[0] = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const part = value + splitter - splitter
    coarseTotal += part
    restTotal += value - part
    coarse[i + 1] = coarseTotal
    rest[i + 1] = restTotal
  }
}

/** Window sums, the first window from slot 0: both differences are exact, so their sum is the only rounding. */
export function plainSubtract(coarse: Float64Array, rest: Float64Array, period: number, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = coarse[i + period] - coarse[i] + (rest[i + period] - rest[i])
}

/** Window means; gives whether one is below `smallest` in magnitude and not 0, as 1 or 0. */
export function plainDivide(
  coarse: Float64Array,
  rest: Float64Array,
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
    const mean = quotient + (sum - quotient * period + (rest[i + period] - rest[i])) / period
    out[i] = mean
    if (mean < smallest && mean > -smallest && mean !== 0) small = 1
  }
  return small
}

/** Linearly weighted window means, otherwise as {@link plainDivide}. */
export function plainWeigh(
  coarse: Float64Array,
  rest: Float64Array,
  period: number,
  rounder: number,
  smallest: number,
  out: Float64Array,
): number {
  const weights = (period * (period + 1)) / 2
  const inverse = 1 / weights
  let sum = 0
  let difference = 0
  for (let k = 1; k < period; k++) {
    sum += k * (coarse[k] - coarse[k - 1])
    difference += k * (rest[k] - rest[k - 1])
  }
  // One bar on, the weighted sum gains `period` times the new value and loses the plain sum of the window before.
  let coarseBefore = 0
  let restBefore = 0
  let small = 0
  for (let i = 0; i < out.length; i++) {
    sum += period * (coarse[i + period] - coarse[i + period - 1]) - coarseBefore
    difference += period * (rest[i + period] - rest[i + period - 1]) - restBefore
    coarseBefore = coarse[i + period] - coarse[i]
    restBefore = rest[i + period] - rest[i]
    const quotient = sum * inverse + rounder - rounder
    const mean = quotient + (sum - quotient * weights + difference) / weights
    out[i] = mean
    if (mean < smallest && mean > -smallest && mean !== 0) small = 1
  }
  return small
}
