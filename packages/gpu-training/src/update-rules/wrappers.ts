import { checkCount, checkRange } from '../check-range.ts'
import type { ParameterStep, UpdateRule } from '../update-rule.ts'

/** The part of a step that the inner rule sees: the wrapper's slot comes last. */
const inner = (step: ParameterStep, slots: number): ParameterStep => ({ ...step, slots: step.slots.slice(0, slots) })

/** Options of {@link lookahead}. */
export interface LookaheadOptions {
  /** Steps of the inner rule to one of the slow weights. @default 5 */
  readonly every?: number | undefined
  /** Share of the way that the slow weights go. @default 0.5 */
  readonly alpha?: number | undefined
}

/** Slow weights that follow those of another rule every few steps. @see Zhang, Lucas, Hinton, Ba (2019), NeurIPS, algorithm 1. */
export function lookahead(rule: UpdateRule, { every = 5, alpha = 0.5 }: LookaheadOptions = {}): UpdateRule {
  checkCount('every', every, 1)
  checkRange('alpha', alpha, 0, 1)
  const { ascend } = rule
  return {
    name: `lookahead(${rule.name})`,
    slots: [...rule.slots, 'slow'],
    ...(rule.scalars === undefined ? {} : { scalars: rule.scalars }),
    options: { ...rule.options, every, alpha },
    update(step) {
      const slow = step.slots[rule.slots.length]
      const { value } = step
      if (step.step === 1) slow.set(value)
      rule.update(inner(step, rule.slots.length))
      if (step.step % every !== 0) return
      for (let i = 0; i < value.length; i++) {
        slow[i] += alpha * (value[i] - slow[i])
        value[i] = slow[i]
      }
    },
    ...(ascend === undefined ? {} : { ascend: (steps) => ascend(steps.map((step) => inner(step, rule.slots.length))) }),
  }
}

/** Options of {@link sam}. */
export interface SamOptions {
  /** Length of the way uphill. @default 0.05 */
  readonly rho?: number | undefined
}

/**
 * Sharpness-aware minimization: the gradient is taken at p + rho * g / |g|, the norm over all parameters, then another
 * rule updates p. Two gradients a step.
 *
 * @see Foret, Kleiner, Mobahi, Neyshabur (2021), ICLR, algorithm 1 with p = 2.
 */
export function sam(rule: UpdateRule, { rho = 0.05 }: SamOptions = {}): UpdateRule {
  checkRange('rho', rho, 0, Number.POSITIVE_INFINITY)
  return {
    name: `sam(${rule.name})`,
    slots: [...rule.slots, 'before'],
    ...(rule.scalars === undefined ? {} : { scalars: rule.scalars }),
    options: { ...rule.options, rho },
    ascend(steps) {
      let squares = 0
      for (const { gradient, ops } of steps) squares += ops.sumSquares(gradient)
      const factor = squares === 0 ? 0 : rho / Math.sqrt(squares)
      for (const { value, gradient, slots, ops } of steps) {
        // Kept as it was: taking the way back would not give the same bits.
        slots[rule.slots.length].set(value)
        ops.axpy(factor, gradient, value)
      }
    },
    update(step) {
      step.value.set(step.slots[rule.slots.length])
      rule.update(inner(step, rule.slots.length))
    },
  }
}
