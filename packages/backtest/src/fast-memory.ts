import type { Kernels } from './kernels/kernel-set.ts'
import { createPlainKernels } from './kernels/plain-kernels.ts'
import { createWasmKernels } from './kernels/wasm-kernels.ts'

const ALIGN = 64
/** Memory beyond this is kept between batches only until the collector wants it: fresh pages cost as much as the work. */
const KEEP_BYTES = 96 * 1024 * 1024

/**
 * Hands out pieces of the kernels' memory, all freed at once. Views are made over the whole memory and renewed when it
 * grows: read `doubles` and the others again after an `allocate`.
 */
export class FastMemory {
  readonly kernels: Kernels
  doubles: Float64Array
  words: Uint32Array
  integers: Int32Array
  #next = ALIGN // 0 means "none"
  /** What lies below stays when everything else is freed. */
  floor: number = ALIGN

  constructor(kernels: Kernels) {
    this.kernels = kernels
    this.doubles = new Float64Array(kernels.buffer)
    this.words = new Uint32Array(kernels.buffer)
    this.integers = new Int32Array(kernels.buffer)
  }

  /** A pointer to at least `bytes`, not cleared. */
  allocate(bytes: number): number {
    const at = this.#next
    // One line more, so that columns do not lie at a power of two from each other.
    this.#next += Math.ceil(bytes / ALIGN) * ALIGN + ALIGN
    if (this.#next > this.kernels.buffer.byteLength) {
      this.kernels.reserve(Math.ceil(this.#next * 1.25))
      this.doubles = new Float64Array(this.kernels.buffer)
      this.words = new Uint32Array(this.kernels.buffer)
      this.integers = new Int32Array(this.kernels.buffer)
    }
    return at
  }

  /** Where the next piece begins: give it to {@link release}. */
  mark(): number {
    return this.#next
  }

  /** Frees everything allocated since the mark. */
  release(mark: number): void {
    this.#next = mark
  }

  /** The memory as a view; valid until the next `allocate`. */
  viewDoubles(pointer: number, length: number): Float64Array {
    return this.doubles.subarray(pointer >>> 3, (pointer >>> 3) + length)
  }
}

const kept = new Map<'wasm' | 'plain', FastMemory | WeakRef<FastMemory>>()
let busy = false

/**
 * Runs with a memory of its own: the one kept from the last time where it is free. Synchronous, so it is always free
 * unless a user's kernel runs a sweep of its own.
 *
 * @param form which kernels; `wasm` gives the plain ones where there is no SIMD.
 */
export function withFastMemory<T>(form: 'wasm' | 'plain', run: (memory: FastMemory) => T): T {
  const last = busy ? undefined : kept.get(form)
  const known = last instanceof WeakRef ? last.deref() : last
  const memory = known ?? new FastMemory((form === 'wasm' ? createWasmKernels() : undefined) ?? createPlainKernels())
  const outer = busy
  busy = true
  const mark = memory.mark()
  try {
    return run(memory)
  } finally {
    busy = outer
    memory.release(Math.max(mark, memory.floor))
    kept.set(form, memory.kernels.buffer.byteLength <= KEEP_BYTES ? memory : new WeakRef(memory))
  }
}
