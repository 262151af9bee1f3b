import { leadingExponent } from './double-bits.ts'
import type { KernelSet } from './kernels/kernel-set.ts'

/*
 * Exact window sums in O(1) a bar. A run of finite bars is cut into blocks; in a block every value is split once into a
 * multiple of a coarse power of two and the rest, such that the running totals of both parts are exact in a double
 * (Rump, Ogita and Oishi 2008, "Accurate floating-point summation", extraction). So the difference of two totals is the
 * exact sum of any window, with no memory of what lies before it.
 */

/** Bars a block adds; the overlap of one window comes on top. */
const BLOCK = 2048

/** A block of a finite run: outputs from `start` to `end`, from values from `first` on. */
export interface Block {
  readonly first: number
  readonly start: number
  readonly end: number
}

/**
 * The blocks of `length` finite bars, for windows of up to `period` values.
 *
 * @param least bars a block adds at least.
 */
export function blocksOf(length: number, period: number, least: number = BLOCK): Block[] {
  const size = Math.max(least, 4 * period)
  const blocks: Block[] = []
  for (let at = 0; at < length; at += size)
    blocks.push({ first: Math.max(0, at - period + 1), start: at, end: Math.min(length, at + size) })
  return blocks
}

/** ceil(log2(n)). */
export const bitsFor = (n: number): number => 32 - Math.clz32(Math.max(1, n) - 1)

/** Values beyond these exponents take the slow form, so that no constant of the fast one over- or underflows. */
const LARGEST_TOP = 900
const SMALLEST_FINE = -900

/** Of a column: largest and smallest magnitude other than 0, largest and smallest value. */
export interface Extent {
  readonly largest: number
  readonly smallest: number
  readonly highest: number
  readonly lowest: number
}

/**
 * The exponent `top` such that all values are below 2^top in magnitude and multiples of 2^(top - width); undefined when
 * they span more bits than `width`.
 *
 * @param liesOnGrid whether all values are multiples of limit / 2^52: small values need not have fine bits, think of
 *   integers and of differences of prices. Only asked where the extent does not tell.
 */
export function findTop(
  { largest, smallest }: Extent,
  width: number,
  liesOnGrid: (limit: number) => boolean,
): number | undefined {
  if (largest === 0) return 0
  const top = leadingExponent(largest) + 1
  if (top > LARGEST_TOP || top - width < SMALLEST_FINE) return undefined
  if (leadingExponent(smallest) - 52 >= top - width) return top
  return liesOnGrid(2 ** (52 + top - width)) ? top : undefined
}

/** The extent of `count` values in the kernels' memory. Uses slots 0 to 3. */
export function extentOf(kernels: KernelSet, values: number, count: number): Extent {
  kernels.extent(values, count, 0)
  const [largest, smallest, highest, lowest] = kernels.memory()
  return { largest, smallest, highest, lowest }
}

/** Running totals in the kernels' memory: slot k holds the sum of a block's first k coarse or rest parts. */
export interface Totals {
  /** Addresses. */
  readonly coarse: number
  readonly rest: number
  /** Room for one output a value. */
  readonly out: number
  /** All values are below 2^top in magnitude. */
  readonly top: number
}

/** Slots before the columns, for results and parameters. */
export const SCRATCH = 32

/**
 * The running totals of `values`, or undefined when they span too many bits for exact totals or more than `width`.
 *
 * With n values below 2^top, coarse parts are multiples of 2^(top + bits(n) - 52), so n of them stay below 2^53 units;
 * rests are at most half of that, and n of them stay exact when the values span at most 106 - 2 bits(n) bits.
 *
 * @param terms how many terms (n) shall have exact sums, where more than there are values.
 */
export function addUp(
  kernels: KernelSet,
  values: Float64Array,
  width: number,
  terms: number = values.length,
): Totals | undefined {
  const count = values.length
  const column = count + 4
  kernels.reserve(SCRATCH + 4 * column)
  kernels.memory().set(values, SCRATCH)
  const at = SCRATCH * 8
  const bits = bitsFor(Math.max(terms, count) + 1)
  const top = findTop(
    extentOf(kernels, at, count),
    Math.min(width, 106 - 2 * bits),
    (limit) => kernels.liesOnGrid(at, count, limit) === 1,
  )
  if (top === undefined) return undefined
  const [coarse, rest, out] = [1, 2, 3].map((k) => at + k * column * 8)
  kernels.split(at, count, 1.5 * 2 ** (top + bits), coarse, rest)
  return { coarse, rest, out, top }
}
