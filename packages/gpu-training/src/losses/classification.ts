import { TradewrightError } from '@tradewright/core'
import type { Loss, LossBatch } from '../loss.ts'
import { targetShape } from './row-loss.ts'

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** Share of every target that is spread evenly over the classes, 0 to below 1. @default 0 */
  readonly labelSmoothing?: number | undefined
}

/** Options of {@link focal}. */
export interface FocalOptions extends CrossEntropyOptions {
  /** How much rows that are already right count less, >= 0; 0 is cross entropy. @default 2 */
  readonly gamma?: number | undefined
}

/** Weight of class j in a row's target: from a class number, or from a distribution. */
function targetAt({ target, targets, outputs }: LossBatch, row: number, j: number, smoothing: number): number {
  const own = targets === 1 ? (target[row] === j ? 1 : 0) : target[row * targets + j]
  return own * (1 - smoothing) + smoothing / outputs
}

function checkClass({ target, targets, outputs }: LossBatch, row: number, name: string): void {
  const value = target[row]
  if (targets === 1 && !(value >= 0 && value < outputs && Math.floor(value) === value))
    throw new TradewrightError(
      'BAD_DATA',
      `the target of ${name} must be a class from 0 to ${outputs - 1}, was ${value} in row ${row}`,
      {
        row,
        value,
      },
    )
}

/**
 * Focal loss over softmax: the sum over classes of -t (1 - p)^gamma ln p, for outputs that are logits.
 *
 * @see Lin et al. (2017), "Focal loss for dense object detection", equation 4 (without alpha: weigh the rows instead).
 */
export function focal(options: FocalOptions = {}): Loss {
  const { gamma = 2, labelSmoothing = 0 } = options
  if (!(gamma >= 0 && Number.isFinite(gamma)))
    throw new TradewrightError('BAD_OPTION', `gamma must be >= 0, was ${gamma}`)
  return softmaxLoss('focal', gamma, labelSmoothing)
}

/**
 * Cross entropy over softmax, for outputs that are logits. The target is a class from 0 (one column), or a
 * distribution over the classes (as many columns as outputs).
 */
export function crossEntropy({ labelSmoothing = 0 }: CrossEntropyOptions = {}): Loss {
  return softmaxLoss('crossEntropy', 0, labelSmoothing)
}

function softmaxLoss(name: string, gamma: number, smoothing: number): Loss {
  if (!(smoothing >= 0 && smoothing < 1))
    throw new TradewrightError('BAD_OPTION', `labelSmoothing must lie in [0, 1), was ${smoothing}`, { smoothing })
  let p = new Float64Array(0)
  let dp = new Float64Array(0)
  return {
    name,
    additive: true,
    check(outputs, targets) {
      if (outputs < 2)
        throw new TradewrightError('BAD_SHAPE', `${name} must have at least 2 outputs, was ${outputs}`, { outputs })
      if (targets !== 1 && targets !== outputs) throw targetShape(name, `1 or ${outputs}`, targets)
    },
    evaluate(batch, gradient, factor, out) {
      const { rows, outputs, prediction, weight } = batch
      if (p.length < outputs) {
        p = new Float64Array(outputs)
        dp = new Float64Array(outputs)
      }
      let sum = 0
      let total = 0
      for (let i = 0; i < rows; i++) {
        checkClass(batch, i, name)
        const w = weight === undefined ? 1 : weight[i]
        const row = i * outputs
        let most = Number.NEGATIVE_INFINITY
        for (let j = 0; j < outputs; j++) most = Math.max(most, prediction[row + j])
        let z = 0
        for (let j = 0; j < outputs; j++) z += p[j] = Math.exp(prediction[row + j] - most)
        const logZ = Math.log(z)
        let loss = 0
        let dot = 0
        for (let j = 0; j < outputs; j++) {
          const t = targetAt(batch, i, j, smoothing)
          const logP = prediction[row + j] - most - logZ
          p[j] /= z
          const rest = 1 - p[j]
          const focus = gamma === 0 ? 1 : rest ** gamma
          loss -= t * focus * logP
          // p_j times the derivative of the loss by p_j: finite where p_j is 0.
          dp[j] = -t * focus + (gamma === 0 ? 0 : t * gamma * rest ** Math.max(gamma - 1, 0) * p[j] * logP)
          dot += dp[j]
        }
        total += w
        sum += w * loss
        if (gradient === undefined) continue
        for (let j = 0; j < outputs; j++) gradient[row + j] = factor * w * (dp[j] - p[j] * dot)
      }
      if (out === undefined) return { sum, weight: total }
      out.sum = sum
      out.weight = total
      return out
    },
  }
}

/**
 * Binary cross entropy over a sigmoid, for outputs that are logits and targets from 0 to 1; the mean over the outputs.
 */
export function binaryCrossEntropy(): Loss {
  const name = 'binaryCrossEntropy'
  return {
    name,
    additive: true,
    check(outputs, targets) {
      if (targets !== outputs) throw targetShape(name, String(outputs), targets)
    },
    evaluate({ rows, outputs, prediction, target, weight }, gradient, factor, out) {
      let sum = 0
      let total = 0
      for (let i = 0; i < rows; i++) {
        const w = weight === undefined ? 1 : weight[i]
        total += w
        for (let j = 0; j < outputs; j++) {
          const at = i * outputs + j
          const x = prediction[at]
          sum += (w * (Math.max(x, 0) - x * target[at] + Math.log1p(Math.exp(-Math.abs(x))))) / outputs
          if (gradient !== undefined) gradient[at] = (factor * w * (1 / (1 + Math.exp(-x)) - target[at])) / outputs
        }
      }
      if (out === undefined) return { sum, weight: total }
      out.sum = sum
      out.weight = total
      return out
    },
  }
}
