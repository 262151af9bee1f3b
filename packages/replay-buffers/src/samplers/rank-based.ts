import type { Data } from '@tradewright/core'
import { type AnnealedBeta, betaAt, checkBeta } from '../beta.ts'
import { checkNumber } from '../dtype.ts'
import { roomFor } from '../importance.ts'
import { RankList } from '../rank-list.ts'
import type { BoundSampler, DrawRequest, ReplaySampler, SamplerHost, SamplerPriorities } from '../sampler.ts'

/** Options of {@link rankBased}. */
export interface RankBasedOptions {
  /** How much ranks count: 0 is uniform. From 0 to 4. @default 0.7 */
  readonly alpha?: number
  /** Exponent of the importance weights unless `sample` is given one. @default 0.5 */
  readonly beta?: number | AnnealedBeta
  /** Weights are divided by the largest of the sample, or by the largest possible in the buffer. @default 'batch' */
  readonly normalizeBy?: 'batch' | 'buffer'
}

/** The key of an element without an error yet: before all that have one. */
const FRESH = Number.MAX_VALUE

class BoundRankBased implements BoundSampler {
  readonly #host: SamplerHost
  readonly #options: Required<RankBasedOptions>
  readonly #list: RankList
  /** Sums of rank^-alpha: place r holds the sum over ranks 1 to r. Grown with the buffer. */
  #cumulated = new Float64Array(1)
  #cumulatedTo = 0
  #uniforms: Float64Array = new Float64Array(256)
  #drawn = 0

  constructor(host: SamplerHost, options: Required<RankBasedOptions>) {
    this.#host = host
    this.#options = options
    this.#list = new RankList(host.index.slots)
  }

  readonly priorities: SamplerPriorities = {
    read: (slot) => this.#list.key(slot),
    write: (slots, values, count) => {
      for (let k = 0; k < count; k++) this.#list.set(slots[k], values[k])
    },
    rest: () => ({ drawn: this.#drawn }),
    restoreRest: (rest) => {
      this.#drawn = (rest as { drawn: number }).drawn
    },
  }

  enable(slot: number): void {
    this.#list.set(slot, FRESH)
  }

  disable(slot: number): void {
    this.#list.delete(slot)
  }

  /** The sum over ranks 1 to n. */
  #sumTo(n: number): number {
    if (n >= this.#cumulated.length) {
      const grown = new Float64Array(Math.min(this.#host.index.slots + 1, Math.max(n + 1, 2 * this.#cumulated.length)))
      grown.set(this.#cumulated)
      this.#cumulated = grown
    }
    while (this.#cumulatedTo < n) {
      const rank = ++this.#cumulatedTo
      this.#cumulated[rank] = this.#cumulated[rank - 1] + rank ** -this.#options.alpha
    }
    return this.#cumulated[n]
  }

  /** The rank from 1 to n under a mass. */
  #rankUnder(mass: number, n: number): number {
    let low = 1
    let high = n
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#cumulated[middle] <= mass) low = middle + 1
      else high = middle
    }
    return low
  }

  draw(request: DrawRequest, indices: Int32Array, weights: Float32Array): void {
    const { count } = request
    const n = this.#list.size
    const total = this.#sumTo(n)
    this.#uniforms = roomFor(this.#uniforms, count)
    this.#host.random.fill(this.#uniforms, count)
    const beta = request.beta ?? betaAt(this.#options.beta, this.#drawn)
    this.#drawn++
    let last = 1
    for (let k = 0; k < count; k++) {
      const rank = this.#rankUnder(((k + this.#uniforms[k]) / count) * total, n)
      indices[k] = this.#list.at(rank - 1)
      this.#uniforms[k] = rank
      if (rank > last) last = rank
    }
    if (this.#options.normalizeBy === 'buffer') last = n
    // w = (N P)^-beta over its largest, which is at the last rank: (rank / last)^(alpha beta).
    const exponent = this.#options.alpha * beta
    for (let k = 0; k < count; k++) weights[k] = Math.exp(exponent * Math.log(this.#uniforms[k] / last))
  }

  update(slots: Int32Array, tdErrors: Float64Array, count: number): void {
    for (let k = 0; k < count; k++) this.#list.set(slots[k], Math.abs(tdErrors[k]))
  }

  get bytes(): number {
    return this.#list.bytes + this.#cumulated.byteLength
  }

  probability(slot: number): number {
    return (this.#list.rank(slot) + 1) ** -this.#options.alpha / this.#sumTo(this.#list.size)
  }

  save(): Data {
    return { keys: this.#list.save(), drawn: this.#drawn }
  }

  restore(data: Data): void {
    const saved = data as { keys: Float64Array; drawn: number }
    this.#list.restore(saved.keys)
    this.#drawn = saved.drawn
  }
}

/**
 * Rank-based prioritized replay: P(i) in proportion to 1 / rank(i)^alpha, rank 1 the largest |error|; new elements come
 * before all others. One draw from each of `count` parts of equal probability.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Schaul et al. (2016), "Prioritized experience replay", section 3.3. There a heap, sorted now and then, stands in
 *   for the order; ours is exact at every draw (equal errors in the order of their slots).
 */
export function rankBased(options: RankBasedOptions = {}): ReplaySampler {
  const { alpha = 0.7, beta = 0.5, normalizeBy = 'batch' } = options
  checkNumber('alpha', alpha, 0, 4)
  checkBeta(beta)
  const resolved = { alpha, beta, normalizeBy }
  return Object.freeze({ name: 'rank-based', bind: (host: SamplerHost) => new BoundRankBased(host, resolved) })
}
