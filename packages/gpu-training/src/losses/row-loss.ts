import { TradewrightError } from '@tradewright/core'
import type { Loss } from '../loss.ts'

/** The error for a target of another width. */
export function targetShape(name: string, expected: string, targets: number): TradewrightError {
  return new TradewrightError(
    'BAD_SHAPE',
    `the target of ${name} must have shape [rows, ${expected}], was [rows, ${targets}]`,
    {
      loss: name,
      expected,
      targets,
    },
  )
}

/**
 * A loss that is the mean over a row's outputs of a function of prediction minus target.
 *
 * @param value of the difference. @param slope its derivative.
 */
export function differenceLoss(name: string, value: (d: number) => number, slope: (d: number) => number): Loss {
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
        let loss = 0
        for (let j = 0; j < outputs; j++) {
          const at = i * outputs + j
          const d = prediction[at] - target[at]
          loss += value(d)
          if (gradient !== undefined) gradient[at] = (factor * w * slope(d)) / outputs
        }
        sum += (w * loss) / outputs
      }
      if (out === undefined) return { sum, weight: total }
      out.sum = sum
      out.weight = total
      return out
    },
  }
}

/** Refuses a number that is not above `least`. */
export function checkAbove(name: string, value: number, least: number): void {
  if (!(value > least && Number.isFinite(value)))
    throw new TradewrightError('BAD_OPTION', `${name} must be above ${least}, was ${value}`, { [name]: value })
}
