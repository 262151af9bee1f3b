import type { Rng } from '@tradewright/core'

/** How an online solver changes its weights. */
export type OnlineUpdate = 'ftrl' | 'sgd'

/** Options of {@link OnlineSolver}. */
export interface OnlineOptions {
  readonly update: OnlineUpdate
  readonly l1: number
  readonly l2: number
  /** FTRL's alpha, or the first step of SGD. */
  readonly rate: number
  /** FTRL's beta. */
  readonly beta: number
  /** SGD's step stays, or falls with the root of the rows seen. */
  readonly schedule: 'constant' | 'inverse-root'
}

/** Everything that an online solver goes on with. */
export interface OnlineState {
  /** shape [outputs * (features + 1)], the intercept last in each output. */
  readonly weights: Float64Array
  /** FTRL's z and n, of the same shape; empty for SGD. */
  readonly z: Float64Array
  readonly n: Float64Array
  /** Sum of the weights of the rows seen. */
  readonly seen: number
}

/**
 * FTRL-proximal and proximal SGD for linear models with one or more outputs, one row at a time.
 *
 * l1 and l2 are penalties of the mean loss, as in the batch solvers: FTRL's own are these times the weight seen so far,
 * where the paper keeps them fixed. The intercept is not penalized.
 *
 * @see McMahan et al. (2013), "Ad click prediction: a view from the trenches", KDD, algorithm 1.
 * @see Langford, Li, Zhang (2009), "Sparse online learning via truncated gradient", JMLR 10, for the SGD.
 */
export class OnlineSolver {
  readonly weights: Float64Array
  readonly #z: Float64Array
  readonly #n: Float64Array
  readonly #options: OnlineOptions
  readonly #stride: number
  readonly #outputs: number
  #seen = 0

  constructor(features: number, outputs: number, options: OnlineOptions, state?: OnlineState) {
    this.#options = options
    this.#stride = features + 1
    this.#outputs = outputs
    const size = outputs * this.#stride
    const slots = options.update === 'ftrl' ? size : 0
    this.weights = state?.weights.slice() ?? new Float64Array(size)
    this.#z = state?.z.slice() ?? new Float64Array(slots)
    this.#n = state?.n.slice() ?? new Float64Array(slots)
    this.#seen = state?.seen ?? 0
  }

  /** @param x one scaled row. @param out shape [outputs], overwritten with the linear scores. */
  scores(x: Float64Array, out: Float64Array): void {
    const features = this.#stride - 1
    for (let k = 0; k < this.#outputs; k++) {
      const base = k * this.#stride
      let sum = this.weights[base + features]
      for (let j = 0; j < features; j++) sum += this.weights[base + j] * x[j]
      out[k] = sum
    }
  }

  /** @param slope derivative of the row's loss by each score. @param weight of the row. */
  step(x: Float64Array, slope: Float64Array, weight: number): void {
    if (weight === 0) return
    this.#seen += weight
    const features = this.#stride - 1
    for (let k = 0; k < this.#outputs; k++) {
      const pull = slope[k] * weight
      const base = k * this.#stride
      for (let j = 0; j <= features; j++) {
        const penalized = j < features
        const gradient = pull * (penalized ? x[j] : 1)
        if (this.#options.update === 'ftrl') this.#ftrl(base + j, gradient, penalized)
        else this.#sgd(base + j, gradient, penalized)
      }
    }
  }

  #ftrl(at: number, gradient: number, penalized: boolean): void {
    const { rate, beta, l1, l2 } = this.#options
    const before = this.#n[at]
    const squares = before + gradient * gradient
    const sigma = (Math.sqrt(squares) - Math.sqrt(before)) / rate
    this.#z[at] += gradient - sigma * this.weights[at]
    this.#n[at] = squares
    const z = this.#z[at]
    const threshold = penalized ? l1 * this.#seen : 0
    if (Math.abs(z) <= threshold) this.weights[at] = 0
    else
      this.weights[at] =
        -(z - Math.sign(z) * threshold) / ((beta + Math.sqrt(squares)) / rate + (penalized ? l2 * this.#seen : 0))
  }

  #sgd(at: number, gradient: number, penalized: boolean): void {
    const { rate, schedule, l1, l2 } = this.#options
    const step = schedule === 'constant' ? rate : rate / Math.sqrt(this.#seen)
    const old = this.weights[at]
    const moved = old - step * (gradient + (penalized ? l2 * old : 0))
    const threshold = penalized ? step * l1 : 0
    this.weights[at] = Math.abs(moved) <= threshold ? 0 : moved - Math.sign(moved) * threshold
  }

  /** Copies. */
  save(): OnlineState {
    return { weights: this.weights.slice(), z: this.#z.slice(), n: this.#n.slice(), seen: this.#seen }
  }
}

/** The order of a round's rows: as they are, or shuffled by the round's own stream (Fisher and Yates). */
export function roundOrder(rows: number, rng: Rng | undefined): Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, i) => i)
  if (rng !== undefined)
    for (let i = rows - 1; i > 0; i--) {
      const j = rng.below(i + 1)
      const swapped = order[i]
      order[i] = order[j]
      order[j] = swapped
    }
  return order
}
