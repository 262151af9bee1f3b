import { checkRange } from '../check-range.ts'
import type { UpdateRule } from '../update-rule.ts'

/** Options of {@link adam}. */
export interface AdamOptions {
  /** @default 0.9 */
  readonly beta1?: number | undefined
  /** @default 0.999 */
  readonly beta2?: number | undefined
  /** @default 1e-8 */
  readonly epsilon?: number | undefined
  /** Added to the gradient times the parameter. @default 0 */
  readonly l2?: number | undefined
  /** Whether the moving means are divided by 1 - beta^step. @default true */
  readonly biasCorrection?: boolean | undefined
}

/** Options of {@link adamW}. */
export interface AdamWOptions extends AdamOptions {
  /** Decoupled weight decay: p -= rate * decay * p. @default 0.01 */
  readonly decay?: number | undefined
}

function adamLike(name: string, options: AdamOptions, decoupled: number): UpdateRule {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, l2 = 0, biasCorrection = true } = options
  checkRange('beta1', beta1, 0, 1)
  checkRange('beta2', beta2, 0, 1)
  checkRange('epsilon', epsilon, 0, 1)
  checkRange('l2', l2, 0, Number.POSITIVE_INFINITY)
  checkRange('decay', decoupled, 0, Number.POSITIVE_INFINITY)
  // Filled anew for each parameter: an object a step would be garbage.
  const numbers = { rate: 0, beta1, beta2, epsilon, c1: 1, c2: 1, l2: 0, decay: 0 }
  return {
    name,
    slots: ['mean', 'square'],
    options: { beta1, beta2, epsilon, l2, decay: decoupled, biasCorrection },
    update(parameter) {
      const { step, rate, decay, value, gradient, slots, ops } = parameter
      numbers.rate = rate
      numbers.c1 = biasCorrection ? 1 / (1 - beta1 ** step) : 1
      numbers.c2 = biasCorrection ? 1 / (1 - beta2 ** step) : 1
      numbers.l2 = l2 * decay
      numbers.decay = decoupled * decay
      ops.adam(value, gradient, slots[0], slots[1], numbers)
    },
  }
}

/** Adam. @see Kingma, Ba (2015), "Adam: a method for stochastic optimization", algorithm 1. */
export function adam(options: AdamOptions = {}): UpdateRule {
  return adamLike('adam', options, 0)
}

/** Adam with weight decay apart from the gradient. @see Loshchilov, Hutter (2019), ICLR (their schedule factor is the rate). */
export function adamW({ decay = 0.01, ...options }: AdamWOptions = {}): UpdateRule {
  return adamLike('adamW', options, decay)
}

/** Options of {@link nadam} and {@link radam}. */
export interface AdamVariantOptions {
  /** @default 0.9 */
  readonly beta1?: number | undefined
  /** @default 0.999 */
  readonly beta2?: number | undefined
  /** @default 1e-8 */
  readonly epsilon?: number | undefined
  /** Added to the gradient times the parameter. @default 0 */
  readonly l2?: number | undefined
}

/**
 * Adam with Nesterov's momentum.
 *
 * @see Dozat (2016), ICLR workshop; the momentum grows as mu_t = beta1 (1 - 0.96^(0.004 t) / 2), as in PyTorch.
 */
export function nadam({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, l2 = 0 }: AdamVariantOptions = {}): UpdateRule {
  checkRange('beta1', beta1, 0, 1)
  checkRange('beta2', beta2, 0, 1)
  return {
    name: 'nadam',
    slots: ['mean', 'square'],
    scalars: 1,
    options: { beta1, beta2, epsilon, l2 },
    update({ step, rate, decay, value, gradient, slots: [mean, square], scalars }) {
      const mu = beta1 * (1 - 0.5 * 0.96 ** (step * 0.004))
      const next = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * 0.004))
      const product = (step === 1 ? 1 : scalars[0]) * mu
      scalars[0] = product
      const onGradient = (rate * (1 - mu)) / (1 - product)
      const onMean = (rate * next) / (1 - product * next)
      const correction = 1 - beta2 ** step
      for (let i = 0; i < value.length; i++) {
        const g = gradient[i] + l2 * decay * value[i]
        mean[i] = beta1 * mean[i] + (1 - beta1) * g
        square[i] = beta2 * square[i] + (1 - beta2) * g * g
        value[i] -= (onGradient * g + onMean * mean[i]) / (Math.sqrt(square[i] / correction) + epsilon)
      }
    },
  }
}

/**
 * Adam whose adaptive step is held back while its variance is not yet known.
 *
 * @see Liu et al. (2020), "On the variance of the adaptive learning rate and beyond", algorithm 2 (threshold 5, as in PyTorch).
 */
export function radam({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, l2 = 0 }: AdamVariantOptions = {}): UpdateRule {
  checkRange('beta1', beta1, 0, 1)
  checkRange('beta2', beta2, 0, 1)
  const most = 2 / (1 - beta2) - 1
  return {
    name: 'radam',
    slots: ['mean', 'square'],
    options: { beta1, beta2, epsilon, l2 },
    update({ step, rate, decay, value, gradient, slots: [mean, square] }) {
      const correction1 = 1 - beta1 ** step
      const correction2 = 1 - beta2 ** step
      const length = most - (2 * step * beta2 ** step) / correction2
      const known = length > 5
      const rectified = known ? Math.sqrt(((length - 4) * (length - 2) * most) / ((most - 4) * (most - 2) * length)) : 1
      for (let i = 0; i < value.length; i++) {
        const g = gradient[i] + l2 * decay * value[i]
        mean[i] = beta1 * mean[i] + (1 - beta1) * g
        square[i] = beta2 * square[i] + (1 - beta2) * g * g
        const adapted = known ? Math.sqrt(correction2) / (Math.sqrt(square[i]) + epsilon) : 1
        value[i] -= (rate * mean[i] * adapted * rectified) / correction1
      }
    },
  }
}
