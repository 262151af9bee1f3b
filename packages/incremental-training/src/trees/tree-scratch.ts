import {
  createTreeMemory,
  instantiateTrees,
  type TreeExports,
  treeModule,
  type WasmMemory,
} from './wasm-tree-kernels.ts'

/** One memory a process, for work that leaves nothing behind: binning, sorting, predicting. */
export interface TreeScratch {
  readonly memory: WasmMemory
  readonly exports: TreeExports
  /** Whose data lie in it. Who uses it for something else sets this. */
  owner: unknown
}

/** First byte that may be used. */
export const SCRATCH_START = 65_536

let scratch: TreeScratch | undefined

/** The scratch memory with at least `bytes` behind its start; undefined where there is no WebAssembly SIMD. */
export function treeScratch(bytes: number): TreeScratch | undefined {
  const module = treeModule()
  if (module === undefined) return undefined
  const wanted = SCRATCH_START + bytes
  const free = scratch?.memory.buffer.byteLength ?? 0
  if (scratch === undefined || free < wanted) {
    const memory = createTreeMemory(Math.max(wanted, Math.min(2 * free, 1 << 26), 1 << 20))
    scratch = { memory, exports: instantiateTrees(module, memory), owner: undefined }
  }
  return scratch
}
