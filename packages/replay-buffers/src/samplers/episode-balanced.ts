import type { Data } from '@tradewright/core'
import { checkNumber } from '../dtype.ts'
import { GroupSets } from '../group-sets.ts'
import { batchWeights, roomFor } from '../importance.ts'
import { ROW } from '../row-index.ts'
import type { BoundSampler, DrawRequest, ReplaySampler, SamplerHost } from '../sampler.ts'

/** Options of {@link episodeBalanced}. */
export interface EpisodeBalancedOptions {
  /** Exponent of the importance weights unless `sample` is given one. @default 0 */
  readonly beta?: number
}

class BoundEpisodeBalanced implements BoundSampler {
  readonly #host: SamplerHost
  readonly #beta: number
  readonly #groups: GroupSets
  /** Newest element of each lane, -1 without. */
  readonly #newest: Int32Array
  /** Numbers of episodes that are free again; those from `#next` on were never used. */
  #free: number[] = []
  #next = 0
  #uniforms: Float64Array = new Float64Array(512)
  #mass: Float64Array = new Float64Array(256)

  constructor(host: SamplerHost, beta: number) {
    this.#host = host
    this.#beta = beta
    this.#groups = new GroupSets(host.index.slots, host.index.slots)
    this.#newest = new Int32Array(host.index.lanes).fill(-1)
  }

  /** The episode of an element: that of the lane's newest one, unless an episode began after it. */
  #episodeOf(slot: number, lane: number): number {
    const { index } = this.#host
    const newest = this.#newest[lane]
    const known = newest < 0 ? -1 : this.#groups.groupOf(newest)
    for (let row = slot; known >= 0 && row !== newest; row = index.predecessor(row))
      if ((index.flags[row] & ROW.START) !== 0) return this.#free.pop() ?? this.#next++
    return known >= 0 ? known : (this.#free.pop() ?? this.#next++)
  }

  enable(slot: number): void {
    const lane = this.#host.index.laneOf(slot)
    this.#groups.add(slot, this.#episodeOf(slot, lane))
    this.#newest[lane] = slot
  }

  disable(slot: number): void {
    const group = this.#groups.groupOf(slot)
    if (this.#groups.delete(slot)) this.#free.push(group)
  }

  draw(request: DrawRequest, indices: Int32Array, weights: Float32Array): void {
    const { count } = request
    const { filled } = this.#groups
    this.#uniforms = roomFor(this.#uniforms, 2 * count)
    this.#mass = roomFor(this.#mass, count)
    this.#host.random.fill(this.#uniforms, 2 * count)
    for (let k = 0; k < count; k++) {
      const group = filled.at(Math.floor(this.#uniforms[2 * k] * filled.size))
      const size = this.#groups.size(group)
      indices[k] = this.#groups.at(group, Math.floor(this.#uniforms[2 * k + 1] * size))
      this.#mass[k] = 1 / size
    }
    batchWeights(this.#mass, count, request.beta ?? this.#beta, weights)
  }

  get bytes(): number {
    return this.#groups.bytes
  }

  probability(slot: number): number {
    return 1 / this.#groups.filled.size / this.#groups.size(this.#groups.groupOf(slot))
  }

  save(): Data {
    return { groups: this.#groups.save(), newest: this.#newest.slice(), free: [...this.#free], next: this.#next }
  }

  restore(data: Data): void {
    const saved = data as unknown as {
      groups: ReturnType<GroupSets['save']>
      newest: Int32Array
      free: number[]
      next: number
    }
    this.#groups.restore(saved.groups)
    this.#newest.set(saved.newest)
    this.#free = [...saved.free]
    this.#next = saved.next
  }
}

/**
 * Every episode alike, then every drawable element of it alike: long episodes do not crowd out short ones.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function episodeBalanced(options: EpisodeBalancedOptions = {}): ReplaySampler {
  const { beta = 0 } = options
  checkNumber('beta', beta, 0, 1)
  return Object.freeze({ name: 'episode-balanced', bind: (host: SamplerHost) => new BoundEpisodeBalanced(host, beta) })
}
