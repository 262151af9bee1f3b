import type { Data } from '@tradewright/core'
import type { RandomStream } from './random-stream.ts'
import type { RowIndex } from './row-index.ts'

/** What a buffer shows to its sampler. */
export interface SamplerHost {
  readonly index: RowIndex
  /** 1 where an element begins that can be drawn, by slot. */
  readonly drawable: Uint8Array
  /** How many can be drawn. */
  readonly count: number
  /** Whether only some rows begin an element (sequences, episodes), so that trying slots at random would be slow. */
  readonly sparse: boolean
  readonly random: RandomStream
  /** `false` where the plain forms of the kernels are asked for. */
  readonly wasm: boolean
  /** Reads a scalar column of a row. */
  read(column: string, slot: number): number
}

/** What a sample asks of a sampler. */
export interface DrawRequest {
  readonly count: number
  /** Exponent of the importance weights, from 0 (none) to 1 (full correction). */
  readonly beta: number | undefined
  /** Which update of how many this sample is for (emphasizing recent experience). */
  readonly update?: { readonly index: number; readonly of: number } | undefined
}

/** A number by slot, and the rest of a sampler's state. */
export interface SamplerPriorities {
  /** The number that stands for a drawable slot's priority. */
  read(slot: number): number
  /** Puts such numbers back. */
  write(slots: Int32Array, values: Float64Array, count: number): void
  /** Everything else that later draws depend on. */
  rest(): Data
  restoreRest(rest: Data): void
}

/** A sampler at work on one buffer. The host calls it only with elements that can be drawn. */
export interface BoundSampler {
  /** An element became drawable. */
  enable(slot: number): void
  /** An element is gone. */
  disable(slot: number): void
  /** The same of `count` slots from `slot`, in any order: only where that order changes no later draw. */
  enableRange?(slot: number, count: number): void
  disableRange?(slot: number, count: number): void
  /** Fills the first `request.count` places of `indices` and `weights`. At least one element is drawable. */
  draw(request: DrawRequest, indices: Int32Array, weights: Float32Array): void
  /** New errors of drawn elements. The values are checked. Left out where the sampler has no use for them. */
  update?(slots: Int32Array, tdErrors: Float64Array, count: number): void
  /** New priorities themselves, finite and not negative. */
  setPriorities?(slots: Int32Array, priorities: Float64Array, count: number): void
  /** The probability with which a drawable element is drawn next, on its own. */
  probability(slot: number): number
  /**
   * Everything that later draws depend on.
   *
   * @param live whether large arrays may be views, which are used before the buffer changes. @default false
   */
  save(live?: boolean): Data
  restore(data: Data): void
  stats?(): Readonly<Record<string, number>>
  /** Samplers with priorities: what a storage keeps of them that survives the process. */
  readonly priorities?: SamplerPriorities
  /** Bytes held in structures by slot; left out for none. They count towards a buffer's budget. */
  readonly bytes?: number
}

/** A sampler as chosen: made by `uniform`, `prioritized`, `rankBased` and others, or the user's own. */
export interface ReplaySampler {
  readonly name: string
  /** Starts work on a buffer. */
  bind(host: SamplerHost): BoundSampler
}
