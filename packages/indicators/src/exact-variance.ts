import { roundRatio } from './exact-ratio.ts'
import { ExactSum } from './exact-sum.ts'

/**
 * The population variance (ddof 0) of `count` values from their exact sum and exact sum of squares, rounded once to
 * the nearest double.
 */
export function exactVariance(sum: ExactSum, squares: ExactSum, count: number): number {
  const n = BigInt(count)
  const total = sum.integer()
  const unit = Math.min(squares.unit, 2 * sum.unit)
  const mean = (total * total) << BigInt(2 * sum.unit - unit)
  const square = squares.integer() << BigInt(squares.unit - unit)
  return roundRatio(n * square - mean, n * n, unit)
}

/** The population variance (ddof 0) of finite values, exact and rounded once. */
export function varianceOf(values: Float64Array): number {
  const sum = new ExactSum()
  const squares = new ExactSum()
  for (let i = 0; i < values.length; i++) {
    sum.add(values[i])
    squares.addSquare(values[i], 1)
  }
  return exactVariance(sum, squares, values.length)
}
