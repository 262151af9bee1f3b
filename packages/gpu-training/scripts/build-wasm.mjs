// Compiles assembly/training.ts into src/generated/*-wasm.ts: `node packages/gpu-training/scripts/build-wasm.mjs`.
import { wasmModules } from '../../../scripts/compile-wasm.mjs'

const shared = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '32768']
const relaxed = ['--enable', 'relaxed-simd']

/** SIMD of 128 bits everywhere, and with fused multiply-add where the runtime has relaxed SIMD. */
const variants = [
  { file: 'training-wasm.ts', name: 'TRAINING_WASM', flags: [] },
  { file: 'training-shared-wasm.ts', name: 'TRAINING_SHARED_WASM', flags: shared },
  { file: 'training-relaxed-wasm.ts', name: 'TRAINING_RELAXED_WASM', flags: relaxed },
  {
    file: 'training-shared-relaxed-wasm.ts',
    name: 'TRAINING_SHARED_RELAXED_WASM',
    flags: [...shared, ...relaxed],
  },
]

export const wasm = wasmModules(
  import.meta.url,
  variants.map(({ flags, ...variant }) => ({
    ...variant,
    entry: 'training.ts',
    flags: ['--importMemory', '--enable', 'bulk-memory', ...flags],
  })),
)

await wasm.writeIfMain()
