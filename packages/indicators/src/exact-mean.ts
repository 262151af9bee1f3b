import { ExactSum } from './exact-sum.ts'
import { plainExtent, plainLiesOnGrid } from './kernels/plain-kernels.ts'
import { bitsFor, findTop } from './window-totals.ts'

const extremes = new Float64Array(4)

/**
 * The mean of finite values, exact and rounded once: what {@link sma} gives for that window.
 *
 * @param values at least one and at most 2^19 values. Read only.
 */
export function exactMean(values: Float64Array): number {
  const count = values.length
  const bits = bitsFor(count + 1)
  plainExtent(values, extremes)
  const [largest, smallest, highest, lowest] = extremes
  const width = Math.min(77 - bitsFor(count), 106 - 2 * bits)
  const top = findTop({ largest, smallest, highest, lowest }, width, (limit) => plainLiesOnGrid(values, limit))
  if (top !== undefined) {
    // One window of the form in window-division.ts, where the reasons are.
    const splitter = 1.5 * 2 ** (top + bits)
    let coarse = 0
    let fine = 0
    for (let i = 0; i < count; i++) {
      const part = values[i] + splitter - splitter
      coarse += part
      fine += values[i] - part
    }
    const rounder = 1.5 * 2 ** (top + 27)
    const quotient = coarse * (1 / count) + rounder - rounder
    const mean = quotient + (coarse - quotient * count + fine) / count
    if (mean === 0 || Math.abs(mean) >= count * 2 ** (top - 24)) return mean
  }
  const sum = new ExactSum()
  for (let i = 0; i < count; i++) sum.add(values[i])
  return sum.quotient(count)
}
