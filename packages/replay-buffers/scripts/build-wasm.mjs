// Compiles assembly/replay.ts into src/generated/replay-wasm.ts: `node packages/replay-buffers/scripts/build-wasm.mjs`.
import { wasmModules } from '../../../scripts/compile-wasm.mjs'

export const wasm = wasmModules(import.meta.url, [
  {
    entry: 'replay.ts',
    file: 'replay-wasm.ts',
    name: 'REPLAY_WASM',
    flags: ['--importMemory', '--enable', 'bulk-memory', '--disable', 'mutable-globals'],
  },
])

await wasm.writeIfMain()
