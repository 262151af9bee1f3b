import { roundRatio } from './exact-ratio.ts'
import { ExactSum } from './exact-sum.ts'

/**
 * The population variance (ddof 0) of `count` values from their exact sum and exact sum of squares, rounded once to
 * the nearest double.
 */
export function exactVariance(sum: ExactSum, squares: ExactSum, count: number): number {
  const total = sum.integer()
  const n = BigInt(count)
  // Both integers count units of 2^unit, so the square of the sum counts 2^(2 unit).
  const numerator = n * (squares.integer() << BigInt(-ExactSum.unit)) - total * total
  return roundRatio(numerator, n * n, 2 * ExactSum.unit)
}
