import { createRng, type Rng, type RngState } from '@tradewright/core'
import { type Arena, createArena } from './kernels/wasm.ts'

const BLOCK = 1024

/** One place for the kernel's results, for all streams: it is read out before the call that filled it returns. */
let scratch: { readonly arena: Arena; readonly block: Float64Array } | undefined

function uniformKernel(): typeof scratch {
  if (scratch !== undefined) return scratch
  const arena = createArena(BLOCK * 8)
  if (arena === undefined) return undefined
  scratch = { arena, block: new Float64Array(arena.memory.buffer, 0, BLOCK) }
  return scratch
}

/**
 * Uniform numbers of core's {@link createRng}, made many at a time: WebAssembly computes the same Philox stream,
 * number for number, about ten times as fast. Where it is missing the rng itself is asked.
 */
export class RandomStream {
  readonly #rng: Rng
  readonly #kernel: typeof scratch
  readonly #cursor: { seed: number; stream: number; drawn: number }

  /** @param wasm `false` forces the plain form. @default true where it loads */
  constructor(seed: number, stream: number = 0, wasm: boolean = true) {
    this.#rng = createRng(seed, stream)
    this.#kernel = wasm ? uniformKernel() : undefined
    this.#cursor = { ...this.#rng.save() }
  }

  /** Fills the first `count` places of `out` with uniforms in [0, 1). */
  fill(out: Float64Array, count: number): void {
    const kernel = this.#kernel
    if (kernel === undefined) {
      for (let i = 0; i < count; i++) out[i] = this.#rng.uniform()
      return
    }
    const { seed, stream, drawn } = this.#cursor
    const { block } = kernel
    const { kernels } = kernel.arena
    for (let from = 0; from < count; from += BLOCK) {
      const n = Math.min(BLOCK, count - from)
      const at = drawn + from * 2
      kernels.uniforms(
        0,
        n,
        seed >>> 0,
        Math.floor(seed / 4294967296),
        stream >>> 0,
        Math.floor(stream / 4294967296),
        at,
      )
      for (let i = 0; i < n; i++) out[from + i] = block[i]
    }
    this.#cursor.drawn = drawn + count * 2
  }

  /** One uniform in [0, 1). */
  uniform(): number {
    this.fill(single, 1)
    return single[0]
  }

  /** Where the stream stands. */
  save(): RngState {
    return this.#kernel === undefined ? this.#rng.save() : { ...this.#cursor }
  }

  /** Continues from a saved place. */
  restore(state: RngState): void {
    this.#rng.restore(state)
    this.#cursor.seed = state.seed
    this.#cursor.stream = state.stream
    this.#cursor.drawn = state.drawn
  }
}

const single = new Float64Array(1)
