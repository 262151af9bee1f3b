// Compiles assembly/trees.ts into src/generated/trees-wasm.ts: `node packages/incremental-training/scripts/build-wasm.mjs`.
import { wasmModules } from '../../../scripts/compile-wasm.mjs'

const shared = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536']

export const wasm = wasmModules(import.meta.url, [
  {
    entry: 'trees.ts',
    file: 'trees-wasm.ts',
    name: 'TREES_WASM',
    flags: ['--importMemory', '--enable', 'bulk-memory', ...shared],
  },
])

await wasm.writeIfMain()
