import type { KernelSet } from './kernels/kernel-set.ts'
import type { Block, Totals } from './window-totals.ts'

/*
 * The mean of a window is (A + B) / p with A and B the exact sums of the coarse parts and of the rests. Let
 * g = 2^(top - 25), q = A / p rounded to a multiple of g. Then q * p, A - q * p and r = A - q * p + B are exact, and q + r / p
 * is the mean: two roundings, r / p and the sum. The first cannot turn the second unless the mean lies closer to a midpoint
 * of two doubles than values of 77 - bits(p) bits allow, or the mean is so small beside the block's values that r / p has
 * no bits to spare: those windows (none where all values are positive) are done slowly.
 */

/** What {@link divideTotals} divides. */
export interface Division {
  readonly kernels: KernelSet
  readonly period: number
  /** The sum of the weights. */
  readonly divisor: number
  readonly out: Float64Array
}

/**
 * Fills out[start..end) with the means of the block's windows.
 *
 * @param divide the kernel, plain or weighted.
 * @param slowly computes one window by itself.
 */
export function divideTotals(
  divide: KernelSet['divide'],
  totals: Totals,
  { first, start, end }: Block,
  { kernels, period, divisor, out }: Division,
  slowly: (window: Block) => void,
): void {
  const smallest = divisor * 2 ** (totals.top - 24)
  const rounder = 1.5 * 2 ** (totals.top + 27)
  const offset = (start - first + 1 - period) * 8
  const count = end - start
  const small = divide(totals.coarse + offset, totals.rest + offset, period, count, rounder, smallest, totals.out)
  out.set(kernels.memory().subarray(totals.out / 8, totals.out / 8 + count), start)
  if (small === 0) return
  for (let i = start; i < end; i++)
    if (out[i] !== 0 && Math.abs(out[i]) < smallest) slowly({ first: i - period + 1, start: i, end: i + 1 })
}
