import { TradewrightError } from '@tradewright/core'
import { checkChoice, checkInteger, checkNames } from '../models/check-options.ts'
import { countClasses } from '../models/fit-data.ts'
import { scaleRow } from './column-scale.ts'
import { type BatchProblem, createLinearModel, type LinearModel } from './linear-model.ts'
import { type LinearOptions, linearOptionNames, resolveLinear } from './linear-options.ts'
import { logisticLink, sigmoid, softmax, softmaxLink } from './link.ts'
import { type LossAt, proximalNewton } from './proximal-newton.ts'

/** Options of {@link logisticRegression}. */
export interface LogisticRegressionOptions extends LinearOptions {
  /** @default 'newton' */
  readonly solver?: 'newton' | 'online' | undefined
  /** Classes that there are, where a training may lack some. @default the highest and one */
  readonly classes?: number | undefined
}

const SOLVERS = ['newton', 'online']

/** Mean log loss with gradient and Hessian; of K classes the K blocks of theta lie one after another. */
function evaluator({ X, y, weights, total, at, scale, outputs }: BatchProblem): (theta: Float64Array) => LossAt {
  const features = at.length
  const stride = features + 1
  const size = outputs * stride
  const x = new Float64Array(stride).fill(1)
  const p = new Float64Array(outputs)
  const row = x.subarray(0, features)
  return (theta) => {
    const gradient = new Float64Array(size)
    const hessian = new Float64Array(size * size)
    let loss = 0
    for (let i = 0; i < X.rows; i++) {
      const weight = weights[i] / total
      if (weight === 0) continue
      scaleRow(X, i, at, scale, row)
      for (let k = 0; k < outputs; k++) {
        let sum = 0
        for (let j = 0; j < stride; j++) sum += theta[k * stride + j] * x[j]
        p[k] = sum
      }
      const score = p[outputs === 1 ? 0 : y[i]]
      if (outputs === 1) {
        p[0] = sigmoid(score)
        loss += weight * (Math.max(score, 0) + Math.log1p(Math.exp(-Math.abs(score))) - y[i] * score)
      } else loss += weight * (softmax(p) - score)
      for (let k = 0; k < outputs; k++) {
        const slope = weight * (p[k] - (outputs === 1 ? y[i] : y[i] === k ? 1 : 0))
        for (let j = 0; j < stride; j++) gradient[k * stride + j] += slope * x[j]
        for (let l = 0; l <= k; l++) {
          const curve = weight * (k === l ? p[k] * (1 - p[k]) : -p[k] * p[l])
          // The lower triangle of each block: blocks are symmetric.
          for (let a = 0; a < stride; a++) {
            const value = curve * x[a]
            if (value === 0) continue
            const base = (k * stride + a) * size + l * stride
            for (let b = 0; b <= a; b++) hessian[base + b] += value * x[b]
          }
        }
      }
    }
    mirror(hessian, outputs, stride)
    return { loss, gradient, hessian }
  }
}

/** Fills what {@link evaluator} left out: the upper triangles of the blocks, and the blocks above the diagonal. */
function mirror(hessian: Float64Array, outputs: number, stride: number): void {
  const size = outputs * stride
  for (let k = 0; k < outputs; k++)
    for (let l = 0; l <= k; l++)
      for (let a = 0; a < stride; a++)
        for (let b = 0; b <= a; b++) {
          const value = hessian[(k * stride + a) * size + l * stride + b]
          hessian[(k * stride + b) * size + l * stride + a] = value
          hessian[(l * stride + a) * size + k * stride + b] = value
          hessian[(l * stride + b) * size + k * stride + a] = value
        }
}

/**
 * Logistic regression, binary and multinomial, with an elastic net: mean log loss + l1 |b| + l2/2 |b|^2, intercepts free.
 *
 * sklearn's `LogisticRegression(C, l1_ratio)` is l1 = l1_ratio / (C * rows), l2 = (1 - l1_ratio) / (C * rows),
 * standardize false. Classes that a line divides have no finite maximum without a penalty: the solver then stops at
 * `maxIterations` and `converged` is false.
 *
 * @returns a model whose one output is the probability of class 1, or whose K >= 3 are those of the classes. Online it
 *   continues exactly; the batch solver takes `initial` as a warm start.
 *   O(iterations * rows * (features * K)^2) in the batch solver, O(rounds * rows * features * K) online.
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`; `fit` throws `BAD_SHAPE`, `BAD_DATA` (targets that are no
 *   classes, one class, more classes than rows), `TRIAL_FAILED` where online learning diverges.
 * @see Yuan, Ho, Lin (2012), JMLR 13; McMahan et al. (2013), KDD.
 * @example
 * ```ts
 * import { logisticRegression } from '@tradewright/incremental-training'
 * const X = { names: ['a'], data: Float32Array.of(-2, -1, 0, 1, 2, 3), rows: 6, columns: 1 }
 * const model = logisticRegression({ l2: 0.1 })
 * await model.fit(X, Float32Array.of(0, 0, 1, 0, 1, 1))
 * console.log(model.predict(X)[5] > 0.8) // true
 * ```
 */
export function logisticRegression(options: LogisticRegressionOptions = {}): LinearModel {
  checkNames('logisticRegression', options, [...linearOptionNames, 'classes'])
  const { l1, l2, missing, standardize, tolerance, maxIterations, online } = resolveLinear(options, {
    l2: 1e-3,
    maxIterations: 100,
  })
  const { solver = 'newton', classes } = options
  checkChoice('solver', solver, SOLVERS)
  if (classes !== undefined) checkInteger('classes', classes, 2)
  const kind = {
    kind: 'logistic-regression',
    missing,
    standardize,
    outputs(y: Float32Array) {
      const found = countClasses(y, classes)
      return found === 2 ? 1 : found
    },
    link: (outputs: number) => (outputs === 1 ? logisticLink : softmaxLink),
  }
  if (solver === 'online') return createLinearModel({ ...kind, online })
  return createLinearModel({
    ...kind,
    async solve(problem) {
      const { theta, outputs, at, pause } = problem
      const stride = at.length + 1
      if (theta.length > 4096)
        throw new TradewrightError(
          'BAD_OPTION',
          `solver 'newton' must have at most 4096 coefficients, had ${theta.length}; use solver 'online'`,
          { coefficients: theta.length },
        )
      const penalized = (j: number): boolean => j % stride !== stride - 1
      const evaluate = evaluator(problem)
      const { converged } = await proximalNewton(
        { evaluate, l1, l2, penalized, tolerance, maxIterations, pause },
        theta,
      )
      // The softmax does not see a shift of all intercepts: theirs sum to 0.
      if (outputs > 1) {
        let mean = 0
        for (let k = 0; k < outputs; k++) mean += theta[k * stride + stride - 1] / outputs
        for (let k = 0; k < outputs; k++) theta[k * stride + stride - 1] -= mean
      }
      return converged
    },
  })
}
