import { checkRange } from '../check-range.ts'
import type { UpdateRule } from '../update-rule.ts'

/** Options of {@link adagrad}. */
export interface AdagradOptions {
  /** @default 1e-10 */
  readonly epsilon?: number | undefined
  /** The rate is divided by 1 + rateDecay * (step - 1). @default 0 */
  readonly rateDecay?: number | undefined
  /** Added to the gradient times the parameter. @default 0 */
  readonly l2?: number | undefined
}

/** Adagrad: s += g^2, p -= rate * g / (sqrt(s) + epsilon). @see Duchi, Hazan, Singer (2011), JMLR 12. */
export function adagrad({ epsilon = 1e-10, rateDecay = 0, l2 = 0 }: AdagradOptions = {}): UpdateRule {
  checkRange('rateDecay', rateDecay, 0, Number.POSITIVE_INFINITY)
  return {
    name: 'adagrad',
    slots: ['sum'],
    options: { epsilon, rateDecay, l2 },
    update({ step, rate, decay, value, gradient, slots: [sum] }) {
      const now = rate / (1 + rateDecay * (step - 1))
      for (let i = 0; i < value.length; i++) {
        const g = gradient[i] + l2 * decay * value[i]
        sum[i] += g * g
        value[i] -= (now * g) / (Math.sqrt(sum[i]) + epsilon)
      }
    },
  }
}

/** Options of {@link rmsProp}. */
export interface RmsPropOptions {
  /** Of the moving mean of g^2. @default 0.99 */
  readonly smoothing?: number | undefined
  /** @default 1e-8 */
  readonly epsilon?: number | undefined
  /** @default 0 */
  readonly momentum?: number | undefined
  /** Whether the mean's square is taken from the mean square. @default false */
  readonly centred?: boolean | undefined
  /** Added to the gradient times the parameter. @default 0 */
  readonly l2?: number | undefined
}

/** RMSprop: p -= rate * g / (sqrt(mean of g^2) + epsilon). @see Tieleman, Hinton (2012), lecture 6.5; centred: Graves (2013). */
export function rmsProp(options: RmsPropOptions = {}): UpdateRule {
  const { smoothing = 0.99, epsilon = 1e-8, momentum = 0, centred = false, l2 = 0 } = options
  checkRange('smoothing', smoothing, 0, 1)
  checkRange('momentum', momentum, 0, 1)
  return {
    name: 'rmsProp',
    slots: ['square', 'velocity', 'mean'],
    options: { smoothing, epsilon, momentum, centred, l2 },
    update({ rate, decay, value, gradient, slots: [square, velocity, mean] }) {
      for (let i = 0; i < value.length; i++) {
        const g = gradient[i] + l2 * decay * value[i]
        square[i] = smoothing * square[i] + (1 - smoothing) * g * g
        let variance = square[i]
        if (centred) {
          mean[i] = smoothing * mean[i] + (1 - smoothing) * g
          variance -= mean[i] * mean[i]
        }
        const move = g / (Math.sqrt(variance) + epsilon)
        velocity[i] = momentum * velocity[i] + move
        value[i] -= rate * (momentum > 0 ? velocity[i] : move)
      }
    },
  }
}

/** Options of {@link lion}. */
export interface LionOptions {
  /** @default 0.9 */
  readonly beta1?: number | undefined
  /** @default 0.99 */
  readonly beta2?: number | undefined
  /** Decoupled weight decay. @default 0 */
  readonly decay?: number | undefined
}

/** Lion: p -= rate * (sign(beta1 m + (1 - beta1) g) + decay p), m = beta2 m + (1 - beta2) g. @see Chen et al. (2023), "Symbolic discovery of optimization algorithms", program 1. */
export function lion({ beta1 = 0.9, beta2 = 0.99, decay: decoupled = 0 }: LionOptions = {}): UpdateRule {
  checkRange('beta1', beta1, 0, 1)
  checkRange('beta2', beta2, 0, 1)
  return {
    name: 'lion',
    slots: ['mean'],
    options: { beta1, beta2, decay: decoupled },
    update({ rate, decay, value, gradient, slots: [mean] }) {
      for (let i = 0; i < value.length; i++) {
        const g = gradient[i]
        const move = Math.sign(beta1 * mean[i] + (1 - beta1) * g)
        value[i] -= rate * (move + decoupled * decay * value[i])
        mean[i] = beta2 * mean[i] + (1 - beta2) * g
      }
    },
  }
}
