// Compiles assembly/gp.ts into src/generated/gp-wasm.ts: `node packages/adaptive-sampling/scripts/build-wasm.mjs`.
import { wasmModules } from '../../../scripts/compile-wasm.mjs'

export const wasm = wasmModules(import.meta.url, [
  {
    entry: 'gp.ts',
    file: 'gp-wasm.ts',
    name: 'GP_WASM',
    flags: ['--importMemory', '--enable', 'bulk-memory', '--disable', 'mutable-globals'],
  },
])

await wasm.writeIfMain()
