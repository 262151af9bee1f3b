import { TradewrightError } from '@tradewright/core'
import { TREES_WASM } from '../generated/trees-wasm.ts'
import type { TreeJob, TreeKernels } from './tree-kernels.ts'
import { TreeThreads } from './tree-threads.ts'

/** The part of the platform's WebAssembly that is used; the compiler's own types come with the browser's only. */
export interface WasmModule {
  readonly __wasm: 'module'
}
/** A linear memory. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike
  grow(pages: number): number
}
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean
  Module: new (bytes: Uint8Array) => WasmModule
  Instance: new (
    module: WasmModule,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> }
  Memory: new (size: { readonly initial: number; readonly maximum: number; readonly shared: true }) => WasmMemory
}

/** Functions of the module. */
export interface TreeExports {
  work(job: number, context: number, items: number, count: number, counter: number): void
  predict(
    data: number,
    columns: number,
    rows: number,
    nodes: number,
    values: number,
    trees: number,
    count: number,
    margins: number,
    groups: number,
  ): void
  bin(data: number, rows: number, features: number, table: number, out: number): number
  sortKeys(a: number, b: number, count: number, counts: number): void
  columnKeys(data: number, rows: number, stride: number, out: number): number
}

const PAGE = 65_536
/** The module's declared maximum: 4 GiB. */
const MAXIMUM_PAGES = 65_536

let compiled: WasmModule | undefined

const decode = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))

/** The module, compiled once a process; undefined where the runtime has no SIMD or no shared memory. */
export function treeModule(): WasmModule | undefined {
  if (compiled !== undefined) return compiled
  if (typeof WebAssembly !== 'object' || typeof SharedArrayBuffer !== 'function') return undefined
  const bytes = decode(TREES_WASM)
  if (!WebAssembly.validate(bytes)) return undefined
  compiled = new WebAssembly.Module(bytes)
  return compiled
}

/** The error for memory that cannot be had: says what to lower. */
export function treeOutOfMemory(bytes: number, cause?: unknown): TradewrightError {
  return new TradewrightError(
    'OUT_OF_MEMORY',
    `bins, gradients and histograms must fit in the memory there is (4 GiB at most), were ${bytes} bytes; train on fewer rows or columns, or less deep`,
    { bytes },
    cause === undefined ? {} : { cause },
  )
}

/** A shared memory of at least `bytes`. @throws TradewrightError `OUT_OF_MEMORY`. */
export function createTreeMemory(bytes: number): WasmMemory {
  try {
    return new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE), maximum: MAXIMUM_PAGES, shared: true })
  } catch (cause) {
    throw treeOutOfMemory(bytes, cause)
  }
}

/** The module's functions over a memory. */
export function instantiateTrees(module: WasmModule, memory: WasmMemory): TreeExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as TreeExports
}

/**
 * The kernels as WebAssembly SIMD, with `threads - 1` worker threads over the same memory.
 *
 * @param control byte offset of a zeroed area of 1024 bytes: counters and mailboxes of the threads.
 */
export function wasmTreeKernels(
  bytes: number,
  context: number,
  control: number,
  threads: number,
): TreeKernels | undefined {
  const module = treeModule()
  if (module === undefined) return undefined
  const memory = createTreeMemory(bytes)
  const exports = instantiateTrees(module, memory)
  const words = new Int32Array(memory.buffer, control, 256)
  const others = threads > 1 ? new TreeThreads({ module, memory, control, context, count: threads - 1 }) : undefined
  return {
    name: threads > 1 ? `wasm-simd, ${threads} threads` : 'wasm-simd',
    buffer: memory.buffer,
    threads,
    run(job: TreeJob, items, count, parallel) {
      Atomics.store(words, 0, 0)
      const woken = parallel && others !== undefined && count > 1 && others.wake(job, items, count)
      exports.work(job, context, items, count, control)
      if (woken) others.wait()
    },
    dispose() {
      others?.dispose()
    },
  }
}
