import { type Data, TradewrightError } from '@tradewright/core'
import type { BoundSampler, DrawRequest, ReplaySampler, SamplerHost } from '../sampler.ts'
import { SlotSet } from '../slot-set.ts'

/** Options of {@link uniform}. */
export interface UniformOptions {
  /** Whether an element can come twice in one sample. @default true */
  readonly replacement?: boolean
}

/** Draws evenly: by trying slots where most can be drawn, from a list where few can. */
class BoundUniform implements BoundSampler {
  readonly #host: SamplerHost
  readonly #list: SlotSet | undefined
  readonly #replacement: boolean
  #uniforms: Float64Array = new Float64Array(256)
  /** 1 where a slot is taken by the sample in hand. */
  readonly #taken: Uint8Array | undefined

  readonly enableRange?: (slot: number, count: number) => void
  readonly disableRange?: (slot: number, count: number) => void

  constructor(host: SamplerHost, replacement: boolean) {
    this.#host = host
    this.#replacement = replacement
    // A list remembers the order in which elements came; without one there is nothing to keep.
    if (!host.sparse) {
      this.enableRange = () => {}
      this.disableRange = () => {}
    }
    this.#list = host.sparse ? new SlotSet(host.index.slots) : undefined
    this.#taken = replacement ? undefined : new Uint8Array(host.index.slots)
  }

  enable(slot: number): void {
    this.#list?.add(slot)
  }

  disable(slot: number): void {
    this.#list?.delete(slot)
  }

  draw(request: DrawRequest, indices: Int32Array, weights: Float32Array): void {
    const { count } = request
    weights.fill(1, 0, count)
    if (this.#taken === undefined) {
      this.#fill(count, indices)
      return
    }
    if (count > this.#host.count)
      throw new TradewrightError(
        'BAD_OPTION',
        `a sample without replacement must have at most the ${this.#host.count} drawable elements, was ${count}`,
        { count, drawable: this.#host.count },
      )
    this.#fillDistinct(count, indices, this.#taken)
  }

  /** Independent draws; those that fall on a slot that cannot be drawn are made again. */
  #fill(count: number, indices: Int32Array): void {
    const list = this.#list
    const { drawable, random } = this.#host
    const bound = list?.size ?? filledSlots(this.#host)
    let filled = 0
    while (filled < count) {
      const want = count - filled
      if (want > this.#uniforms.length) this.#uniforms = new Float64Array(want)
      const uniforms = this.#uniforms
      random.fill(uniforms, want)
      if (list !== undefined) {
        for (let k = 0; k < want; k++) indices[filled++] = list.at(Math.floor(uniforms[k] * bound))
        return
      }
      for (let k = 0; k < want; k++) {
        const slot = Math.floor(uniforms[k] * bound)
        indices[filled] = slot
        filled += drawable[slot]
      }
    }
  }

  #fillDistinct(count: number, indices: Int32Array, taken: Uint8Array): void {
    let kept = 0
    const rest = new Int32Array(count)
    while (kept < count) {
      this.#fill(count - kept, rest)
      for (let k = 0, n = count - kept; k < n; k++) {
        const slot = rest[k]
        if (taken[slot] === 1) continue
        taken[slot] = 1
        indices[kept++] = slot
      }
    }
    for (let k = 0; k < count; k++) taken[indices[k]] = 0
  }

  get bytes(): number {
    return (this.#list?.bytes ?? 0) + (this.#taken?.byteLength ?? 0)
  }

  probability(): number {
    return 1 / this.#host.count
  }

  save(): Data {
    return { order: this.#list?.save() }
  }

  restore(data: Data): void {
    this.#list?.restore((data as { order: Int32Array }).order)
  }

  stats(): Readonly<Record<string, number>> {
    return { replacement: this.#replacement ? 1 : 0 }
  }
}

/** Slots from 0 on that can hold anything: all of them unless one lane is not full yet. */
function filledSlots(host: SamplerHost): number {
  const { index } = host
  return index.lanes === 1 ? Math.min(index.slots, Math.max(1, index.added(0))) : index.slots
}

/**
 * Every drawable element alike. Weights are 1.
 *
 * @throws TradewrightError `BAD_OPTION` from `sample` without replacement when the batch is larger than the buffer.
 */
export function uniform(options: UniformOptions = {}): ReplaySampler {
  const { replacement = true } = options
  return Object.freeze({ name: 'uniform', bind: (host: SamplerHost) => new BoundUniform(host, replacement) })
}
