import { checkRange } from '../check-range.ts'
import type { UpdateRule } from '../update-rule.ts'

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** Added to the gradient times the parameter. @default 0 */
  readonly l2?: number | undefined
}

/** Options of {@link momentum} and {@link nesterov}. */
export interface MomentumOptions extends SgdOptions {
  /** @default 0.9 */
  readonly momentum?: number | undefined
  /** Factor on the gradient as it joins the momentum is 1 - dampening. @default 0 */
  readonly dampening?: number | undefined
}

/** Gradient descent: p -= rate * (g + l2 * p). */
export function sgd({ l2 = 0 }: SgdOptions = {}): UpdateRule {
  checkRange('l2', l2, 0, Number.POSITIVE_INFINITY)
  return {
    name: 'sgd',
    slots: [],
    options: { l2 },
    update({ rate, decay, value, gradient, ops }) {
      if (l2 > 0) ops.scale(value, 1 - rate * l2 * decay)
      ops.axpy(-rate, gradient, value)
    },
  }
}

function withMomentum(name: string, nesterov: boolean, options: MomentumOptions): UpdateRule {
  const { momentum: mu = 0.9, dampening = 0, l2 = 0 } = options
  checkRange('momentum', mu, 0, 1)
  checkRange('dampening', dampening, 0, 1)
  checkRange('l2', l2, 0, Number.POSITIVE_INFINITY)
  return {
    name,
    slots: ['velocity'],
    options: { momentum: mu, dampening, l2 },
    update({ step, rate, decay, value, gradient, slots: [velocity], ops }) {
      // The first gradient joins undamped, as if it had been there before.
      const damp = step === 1 ? 1 : 1 - dampening
      ops.momentum(value, gradient, velocity, { rate, momentum: mu, damp, l2: l2 * decay, nesterov })
    },
  }
}

/**
 * Heavy ball: v = momentum * v + (1 - dampening) * g, p -= rate * v.
 *
 * @see Polyak (1964). The form is PyTorch's and ONNX's: the rate is outside of v.
 */
export function momentum(options: MomentumOptions = {}): UpdateRule {
  return withMomentum('momentum', false, options)
}

/** Nesterov's look ahead: v as in {@link momentum}, p -= rate * (g + momentum * v). @see Sutskever et al. (2013), ICML. */
export function nesterov(options: MomentumOptions = {}): UpdateRule {
  return withMomentum('nesterov', true, options)
}
