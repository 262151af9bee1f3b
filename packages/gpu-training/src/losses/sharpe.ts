import { TradewrightError } from '@tradewright/core'
import type { Loss } from '../loss.ts'
import { targetShape } from './row-loss.ts'

/** Options of {@link sharpe}. */
export interface SharpeOptions {
  /** Added to the standard deviation, so that a flat batch has a gradient. @default 1e-6 */
  readonly epsilon?: number | undefined
  /** Cost of a unit of turnover between successive rows of a batch, in return units; rows must then be in time order. @default 0 */
  readonly cost?: number | undefined
}

/**
 * Minus the Sharpe ratio of a batch: outputs are positions (use tanh), targets the returns that they earn; a row earns
 * the sum over outputs of position times return, less `cost` times the change of position from the row before.
 *
 * It is a property of the batch, not a mean of rows: large batches, no gradient accumulation. The sum of the weights
 * is the number of rows, so that the mean of several batches weighs them by their length. Weights are not taken.
 *
 * @see Moody, Saffell (2001), IEEE Transactions on Neural Networks 12 (theirs is the differential, per-step form).
 */
export function sharpe({ epsilon = 1e-6, cost = 0 }: SharpeOptions = {}): Loss {
  const name = 'sharpe'
  let earned = new Float64Array(0)
  return {
    name,
    additive: false,
    check(outputs, targets) {
      if (targets !== outputs) throw targetShape(name, String(outputs), targets)
    },
    evaluate({ rows, outputs, prediction, target, weight }, gradient, factor, out) {
      if (weight !== undefined) throw new TradewrightError('BAD_OPTION', 'weight must be left out with the loss sharpe')
      if (earned.length < rows) earned = new Float64Array(rows)
      let mean = 0
      for (let i = 0; i < rows; i++) {
        earned[i] = 0
        for (let j = 0; j < outputs; j++) {
          const at = i * outputs + j
          earned[i] += prediction[at] * target[at]
          if (cost > 0 && i > 0) earned[i] -= cost * Math.abs(prediction[at] - prediction[at - outputs])
        }
        mean += earned[i] / rows
      }
      let variance = 0
      for (let i = 0; i < rows; i++) variance += (earned[i] - mean) ** 2 / rows
      const sd = Math.sqrt(variance)
      const ratio = mean / (sd + epsilon)
      if (gradient !== undefined) {
        // d(mean / (sd + e)) / dr_i = (1 - (r_i - mean) mean / (sd (sd + e))) / (rows (sd + e))
        const slope = (i: number): number =>
          (1 - (sd === 0 ? 0 : ((earned[i] - mean) * ratio) / sd)) / (rows * (sd + epsilon))
        for (let i = 0; i < rows; i++)
          for (let j = 0; j < outputs; j++) {
            const at = i * outputs + j
            let d = slope(i) * target[at]
            if (cost > 0 && i > 0) d -= slope(i) * cost * Math.sign(prediction[at] - prediction[at - outputs])
            if (cost > 0 && i + 1 < rows)
              d += slope(i + 1) * cost * Math.sign(prediction[at + outputs] - prediction[at])
            gradient[at] = -factor * rows * d
          }
      }
      if (out === undefined) return { sum: -ratio * rows, weight: rows }
      out.sum = -ratio * rows
      out.weight = rows
      return out
    },
  }
}
