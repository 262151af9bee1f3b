// Compiles assembly/index.ts into src/generated/kernels-wasm.ts: `node packages/indicators/scripts/build-wasm.mjs`.
import { wasmModules } from '../../../scripts/compile-wasm.mjs'

export const wasm = wasmModules(import.meta.url, [
  { entry: 'index.ts', file: 'kernels-wasm.ts', name: 'kernelsWasm', flags: ['--initialMemory', '1'] },
])

await wasm.writeIfMain()
