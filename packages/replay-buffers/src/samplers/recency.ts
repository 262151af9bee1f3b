import type { Data } from '@tradewright/core'
import { checkNumber } from '../dtype.ts'
import { batchWeights, roomFor } from '../importance.ts'
import type { BoundSampler, DrawRequest, ReplaySampler, SamplerHost } from '../sampler.ts'

/** Options of {@link recency}. */
export interface RecencyOptions {
  /** Rows (of one stream) after which the probability has halved. From 1. @default 100,000 */
  readonly halfLife?: number
  /** Exponent of the importance weights unless `sample` is given one. @default 0 */
  readonly beta?: number
}

class BoundRecency implements BoundSampler {
  readonly #host: SamplerHost
  /** Logarithm of the factor from one row to the next older. */
  readonly #decay: number
  readonly #beta: number
  readonly #pair = new Float64Array(2)
  #mass: Float64Array = new Float64Array(256)

  constructor(host: SamplerHost, halfLife: number, beta: number) {
    this.#host = host
    this.#decay = -Math.LN2 / halfLife
    this.#beta = beta
  }

  enable(): void {}
  disable(): void {}

  /** 1 less what is left of the mass beyond a lane's live rows, times the probability of age 0: the lane's norm. */
  #norm(lane: number): number {
    const { index } = this.#host
    return -Math.expm1(this.#decay * (index.added(lane) - index.oldest(lane)))
  }

  draw(request: DrawRequest, indices: Int32Array, weights: Float32Array): void {
    const { count } = request
    const { index, drawable, random } = this.#host
    this.#mass = roomFor(this.#mass, count)
    for (let k = 0; k < count; ) {
      random.fill(this.#pair, 2)
      const lane = Math.floor(this.#pair[0] * index.lanes)
      const rows = index.added(lane) - index.oldest(lane)
      if (rows === 0) continue
      const norm = this.#norm(lane)
      // Inverse of the truncated geometric distribution: exactly an age below `rows`, but for rounding.
      const age = Math.min(rows - 1, Math.floor(Math.log1p(-this.#pair[1] * norm) / this.#decay))
      const slot = index.slotAt(lane, index.added(lane) - 1 - age)
      if (drawable[slot] === 0) continue
      indices[k] = slot
      this.#mass[k++] = Math.exp(this.#decay * age) / norm
    }
    batchWeights(this.#mass, count, request.beta ?? this.#beta, weights)
  }

  /** O(capacity): the norm over the elements that can be drawn is not kept. */
  probability(slot: number): number {
    const { index, drawable } = this.#host
    let total = 0
    let own = 0
    for (let lane = 0; lane < index.lanes; lane++) {
      const added = index.added(lane)
      const norm = this.#norm(lane)
      for (let serial = index.oldest(lane); serial < added; serial++) {
        const at = index.slotAt(lane, serial)
        if (drawable[at] === 0) continue
        const mass = Math.exp(this.#decay * (added - 1 - serial)) / norm
        total += mass
        if (at === slot) own = mass
      }
    }
    return own / total
  }

  save(): Data {
    return null
  }

  restore(): void {}
}

/**
 * The newer, the likelier: the probability halves every `halfLife` rows of age. Streams are drawn alike.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function recency(options: RecencyOptions = {}): ReplaySampler {
  const { halfLife = 100_000, beta = 0 } = options
  checkNumber('halfLife', halfLife, 1, 1e12)
  checkNumber('beta', beta, 0, 1)
  return Object.freeze({ name: 'recency', bind: (host: SamplerHost) => new BoundRecency(host, halfLife, beta) })
}
