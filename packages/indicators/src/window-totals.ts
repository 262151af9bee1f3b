import { leadingExponent } from './double-bits.ts'

/*
 * Exact window sums in O(1) a bar. A run of finite bars is cut into blocks; in a block every value is split once into a
 * multiple of a coarse power of two and the rest, such that the running totals of both parts are exact in a double
 * (Rump, Ogita and Oishi 2008, "Accurate floating-point summation", extraction). So the difference of two totals is the
 * exact sum of any window, with no memory of what lies before it.
 */

/** Bars a block adds; the overlap of one window comes on top. */
const BLOCK = 4096

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

/**
 * The exponent `top` such that all values are below 2^top in magnitude and multiples of 2^(top - width); undefined when
 * they span more bits than `width`.
 */
export function findTop(values: Float64Array, width: number): number | undefined {
  let largest = 0
  let smallest = Infinity
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i])
    if (size > largest) largest = size
    if (size < smallest && size !== 0) smallest = size
  }
  if (largest === 0) return 0
  const top = leadingExponent(largest) + 1
  if (top > LARGEST_TOP || top - width < SMALLEST_FINE) return undefined
  if (leadingExponent(smallest) - 52 >= top - width) return top
  return liesOnGrid(values, 2 ** (52 + top - width)) ? top : undefined
}

/** Small values need not have fine bits: integers, differences of prices. `limit` is 2^52 units of the grid. */
function liesOnGrid(values: Float64Array, limit: number): boolean {
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i])
    if (size < limit && size + limit - limit !== size) return false
  }
  return true
}

/** Running totals of a block's coarse and fine parts: slot k holds the sum of its first k values. */
export interface Totals {
  readonly coarse: Float64Array
  readonly fine: Float64Array
  /** All values are below 2^top in magnitude. */
  readonly top: number
}

/** Reusable memory for {@link addUp}. */
export interface TotalsBuffer {
  coarse: Float64Array
  fine: Float64Array
}

/** An empty buffer, which grows as needed. */
export function createTotalsBuffer(): TotalsBuffer {
  return { coarse: new Float64Array(0), fine: new Float64Array(0) }
}

/**
 * The running totals of `values`, or undefined when they span too many bits for exact totals or more than `width`.
 *
 * With n values below 2^top, coarse parts are multiples of 2^(top + bits(n) - 52), so n of them stay below 2^53 units;
 * fine parts are at most half of that, and n of them stay exact when the values span at most 106 - 2 bits(n) bits.
 *
 * @param terms how many terms (n) shall have exact sums, where more than there are values.
 * @returns views into `buffer`, valid until its next use.
 */
export function addUp(
  values: Float64Array,
  width: number,
  buffer: TotalsBuffer,
  terms: number = values.length,
): Totals | undefined {
  const slots = values.length + 1
  const bits = bitsFor(Math.max(terms + 1, slots))
  const top = findTop(values, Math.min(width, 106 - 2 * bits))
  if (top === undefined) return undefined
  if (buffer.coarse.length < slots) {
    buffer.coarse = new Float64Array(slots)
    buffer.fine = new Float64Array(slots)
  }
  split(values, 1.5 * 2 ** (top + bits), buffer.coarse, buffer.fine)
  return { coarse: buffer.coarse, fine: buffer.fine, top }
}

/** Cuts every value at the last place of `splitter` and adds up both parts. */
function split(values: Float64Array, splitter: number, coarse: Float64Array, fine: Float64Array): void {
  let coarseTotal = 0
  let fineTotal = 0
  coarse[0] = 0
  fine[0] = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const part = value + splitter - splitter
    coarseTotal += part
    fineTotal += value - part
    coarse[i + 1] = coarseTotal
    fine[i + 1] = fineTotal
  }
}
