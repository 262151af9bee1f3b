import { type Data, TradewrightError } from '@tradewright/core'
import { checkNumber } from '../dtype.ts'
import { GroupSets } from '../group-sets.ts'
import { batchWeights, roomFor } from '../importance.ts'
import type { BoundSampler, DrawRequest, ReplaySampler, SamplerHost } from '../sampler.ts'

/** Options of {@link stratified}. */
export interface StratifiedOptions {
  /** The column of one number that decides the stratum. @default 'reward' */
  readonly column?: string
  /** Ascending borders: k of them make k + 1 strata, and a value on a border belongs above it. */
  readonly edges: readonly number[]
  /** Share of each stratum in a sample, from 0; strata without members give theirs to the others. @default equal */
  readonly shares?: readonly number[]
  /** Exponent of the importance weights unless `sample` is given one. @default 0 */
  readonly beta?: number
}

class BoundStratified implements BoundSampler {
  readonly #host: SamplerHost
  readonly #options: Required<StratifiedOptions>
  readonly #groups: GroupSets
  #uniforms: Float64Array = new Float64Array(512)
  #mass: Float64Array = new Float64Array(256)

  constructor(host: SamplerHost, options: Required<StratifiedOptions>) {
    this.#host = host
    this.#options = options
    this.#groups = new GroupSets(host.index.slots, options.edges.length + 1)
  }

  enable(slot: number): void {
    const value = this.#host.read(this.#options.column, slot)
    let stratum = 0
    while (stratum < this.#options.edges.length && value >= this.#options.edges[stratum]) stratum++
    this.#groups.add(slot, stratum)
  }

  disable(slot: number): void {
    this.#groups.delete(slot)
  }

  /** Sum of the shares of strata that have members. */
  #total(): number {
    return this.#options.shares.reduce((sum, share, group) => sum + (this.#groups.size(group) > 0 ? share : 0), 0)
  }

  draw(request: DrawRequest, indices: Int32Array, weights: Float32Array): void {
    const { count } = request
    const { shares } = this.#options
    const total = this.#total()
    if (total === 0)
      throw new TradewrightError('BAD_OPTION', 'a sample needs a stratum with members and a share, had none', {})
    this.#uniforms = roomFor(this.#uniforms, 1 + count)
    this.#mass = roomFor(this.#mass, count)
    this.#host.random.fill(this.#uniforms, 1 + count)
    // One offset for all: each stratum gets its share of the batch, rounded up or down, never more off than one.
    let group = -1
    let upTo = 0
    for (let k = 0; k < count; k++) {
      const point = ((k + this.#uniforms[count]) / count) * total
      while (upTo <= point && group < shares.length - 1) upTo += this.#groups.size(++group) > 0 ? shares[group] : 0
      // Rounding at the very end can pass the last stratum that has members.
      while (this.#groups.size(group) === 0 || shares[group] === 0) group--
      const size = this.#groups.size(group)
      indices[k] = this.#groups.at(group, Math.floor(this.#uniforms[k] * size))
      this.#mass[k] = shares[group] / size
    }
    batchWeights(this.#mass, count, request.beta ?? this.#options.beta, weights)
  }

  get bytes(): number {
    return this.#groups.bytes
  }

  probability(slot: number): number {
    const group = this.#groups.groupOf(slot)
    return this.#options.shares[group] / this.#total() / this.#groups.size(group)
  }

  save(): Data {
    return this.#groups.save()
  }

  restore(data: Data): void {
    this.#groups.restore(data as unknown as ReturnType<GroupSets['save']>)
  }
}

/**
 * Strata by a column's value, each with its share of every sample: rare rewards, regimes or actions are seen as often
 * as common ones. Evenly within a stratum.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function stratified(options: StratifiedOptions): ReplaySampler {
  const { column = 'reward', edges, beta = 0 } = options
  if (edges.length === 0 || edges.some((edge, i) => Number.isNaN(edge) || (i > 0 && edge <= edges[i - 1])))
    throw new TradewrightError('BAD_OPTION', `edges must ascend, was [${edges.join(', ')}]`, { edges })
  const { shares = new Array<number>(edges.length + 1).fill(1) } = options
  if (
    shares.length !== edges.length + 1 ||
    shares.some((share) => !(share >= 0 && share <= 1e9)) ||
    !shares.some(Boolean)
  )
    throw new TradewrightError('BAD_OPTION', `shares must be ${edges.length + 1} numbers from 0, not all 0`, { shares })
  checkNumber('beta', beta, 0, 1)
  const resolved = { column, edges: [...edges], shares: [...shares], beta }
  return Object.freeze({ name: 'stratified', bind: (host: SamplerHost) => new BoundStratified(host, resolved) })
}
