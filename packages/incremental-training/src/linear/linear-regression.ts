import { TradewrightError } from '@tradewright/core'
import { checkChoice, checkNames } from '../models/check-options.ts'
import { scaleRow } from './column-scale.ts'
import { type BatchProblem, createLinearModel, type LinearModel } from './linear-model.ts'
import { type LinearOptions, linearOptionNames, resolveLinear } from './linear-options.ts'
import { identityLink } from './link.ts'
import { descendCoordinates, solveCholesky } from './quadratic.ts'

/** Options of {@link linearRegression}. */
export interface LinearRegressionOptions extends LinearOptions {
  /** @default 'closed-form', or 'coordinate-descent' where l1 > 0 */
  readonly solver?: 'closed-form' | 'coordinate-descent' | 'online' | undefined
}

const SOLVERS = ['closed-form', 'coordinate-descent', 'online']

/** Second moments of the scaled features, and theirs with the centred target, both by weight. */
async function moments({ X, y, weights, total, at, scale, pause }: BatchProblem) {
  const size = at.length
  const H = new Float64Array(size * size)
  const c = new Float64Array(size)
  const means = new Float64Array(size)
  const x = new Float64Array(size)
  let middle = 0
  for (let i = 0; i < X.rows; i++) middle += (weights[i] * y[i]) / total
  for (let row = 0; row < X.rows; row++) {
    if ((row & 1023) === 0) await pause()
    scaleRow(X, row, at, scale, x)
    const weight = weights[row] / total
    const target = y[row] - middle
    for (let a = 0; a < size; a++) {
      const value = weight * x[a]
      if (value === 0) continue
      c[a] += value * target
      means[a] += value
      for (let b = 0; b <= a; b++) H[a * size + b] += value * x[b]
    }
  }
  // With missing values as means the columns are centred; without, their rounding is taken out.
  for (let a = 0; a < size; a++)
    for (let b = 0; b <= a; b++) {
      H[a * size + b] -= means[a] * means[b]
      H[b * size + a] = H[a * size + b]
    }
  return { H, c, means, middle }
}

/**
 * Linear regression with an elastic net: mean of (y - xb)^2 / 2, + l1 |b| + l2/2 |b|^2, the intercept free.
 *
 * sklearn's `ElasticNet(alpha, l1_ratio)` is l1 = alpha * l1_ratio, l2 = alpha * (1 - l1_ratio), standardize false.
 * Columns that depend on earlier ones get the coefficient 0 in the closed form; constant ones always. State is known by
 * feature name: the order of the columns may change between training, continuing and predicting.
 *
 * @returns a model with one output. Online it continues exactly; the batch solvers take `initial` as a warm start.
 *   O(rows * features^2 + features^3) in the batch solvers, O(rounds * rows * features) online.
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`; `fit` throws `BAD_SHAPE`, `BAD_DATA`, and `TRIAL_FAILED` where
 *   online learning diverges.
 * @see Friedman, Hastie, Tibshirani (2010), J. Statistical Software 33(1).
 * @example
 * ```ts
 * import { linearRegression } from '@tradewright/incremental-training'
 * const X = { names: ['a', 'b'], data: Float32Array.of(1, 0, 0, 1, 1, 1, 2, 1), rows: 4, columns: 2 }
 * const model = linearRegression()
 * await model.fit(X, Float32Array.of(3, 0, 2, 4)) // 1 + 2a - b
 * console.log(model.predict({ ...X, data: Float32Array.of(3, 1), rows: 1 })[0].toFixed(4)) // 6.0000
 * ```
 */
export function linearRegression(options: LinearRegressionOptions = {}): LinearModel {
  checkNames('linearRegression', options, linearOptionNames)
  const { l1, l2, missing, standardize, tolerance, maxIterations, online } = resolveLinear(options, {
    l2: 0,
    maxIterations: 10_000,
  })
  const { solver = l1 > 0 ? 'coordinate-descent' : 'closed-form' } = options
  checkChoice('solver', solver, SOLVERS)
  if (solver === 'closed-form' && l1 > 0)
    throw new TradewrightError('BAD_OPTION', `the closed form must have l1 0, was ${l1}`, { l1 })
  const kind = { kind: 'linear-regression', missing, standardize, outputs: () => 1, link: () => identityLink }
  if (solver === 'online') return createLinearModel({ ...kind, online })
  return createLinearModel({
    ...kind,
    async solve(problem) {
      const { H, c, means, middle } = await moments(problem)
      const b = problem.theta.subarray(0, c.length)
      let converged = true
      if (solver === 'closed-form') solveCholesky({ H, c, l2 }, b)
      else {
        let spread = 0
        for (let i = 0; i < problem.X.rows; i++)
          spread += (problem.weights[i] * (problem.y[i] - middle) ** 2) / problem.total
        const target = tolerance * Math.sqrt(spread)
        const made = descendCoordinates({ H, c, l1, l2, penalized: () => true }, b, target, maxIterations)
        converged = made < maxIterations
      }
      problem.theta[c.length] = middle - b.reduce((sum, value, j) => sum + value * means[j], 0)
      return converged
    },
  })
}
