import { REPLAY_WASM } from '../generated/replay-wasm.ts'

/** The part of the platform's WebAssembly that is used; the compiler's own types come with the browser's only. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

declare const WebAssembly: {
  readonly Memory: new (options: { initial: number }) => WasmMemory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** The compiled kernels of `assembly/replay.ts` over one memory. Addresses are bytes. */
export interface WasmKernels {
  uniforms(
    out: number,
    count: number,
    seedLow: number,
    seedHigh: number,
    streamLow: number,
    streamHigh: number,
    drawn: number,
  ): void
  gather(plan: number, count: number, records: number, stride: number, offset: number, bytes: number, out: number): void
  treeUpdate(levels: number, depth: number, list: number, count: number, mode: number): void
  treeRange(levels: number, depth: number, from: number, to: number, mode: number): void
  treeDraw(levels: number, depth: number, masses: number, count: number, out: number, values: number): void
}

/** A memory and the kernels that work in it. */
export interface Arena {
  readonly memory: WasmMemory
  readonly kernels: WasmKernels
}

let compiled: object | null | undefined

/** The module, compiled once; null where WebAssembly or its SIMD is missing or forbidden. */
function replayModule(): object | null {
  if (compiled !== undefined) return compiled
  compiled = null
  if (typeof WebAssembly !== 'object' || typeof atob !== 'function') return compiled
  try {
    compiled = new WebAssembly.Module(Uint8Array.from(atob(REPLAY_WASM), (c) => c.charCodeAt(0)))
  } catch {
    // No SIMD, or a content-security policy: the plain forms do the same work.
  }
  return compiled
}

const PAGE = 65536
const MAX_PAGES = 60000

/**
 * A WebAssembly memory of at least `bytes`, with the kernels in it.
 *
 * @returns undefined where WebAssembly SIMD is missing, or the memory cannot be had: use the plain forms.
 */
export function createArena(bytes: number): Arena | undefined {
  const wasm = replayModule()
  const initial = Math.ceil(bytes / PAGE)
  if (wasm === null || initial > MAX_PAGES) return undefined
  try {
    const memory = new WebAssembly.Memory({ initial })
    const instance = new WebAssembly.Instance(wasm, { env: { memory } })
    return { memory, kernels: instance.exports as unknown as WasmKernels }
  } catch {
    return undefined
  }
}

/** Makes sure that the memory has `bytes`. Its views are dead afterwards if it had to grow: returns whether it did. */
export function growArena(arena: Arena, bytes: number): boolean {
  const missing = Math.ceil((bytes - arena.memory.buffer.byteLength) / PAGE)
  if (missing <= 0) return false
  arena.memory.grow(missing)
  return true
}
