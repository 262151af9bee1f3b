// Compiles assembly/training.ts into src/generated/*-wasm.ts: `node packages/gpu-training/scripts/build-wasm.mjs`.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const home = join(dirname(fileURLToPath(import.meta.url)), '..')

/** The builds: SIMD of 128 bits everywhere, and with fused multiply-add where the runtime has relaxed SIMD. */
export const variants = [
  { file: 'training-wasm.ts', name: 'TRAINING_WASM', flags: [] },
  {
    file: 'training-shared-wasm.ts',
    name: 'TRAINING_SHARED_WASM',
    flags: ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '32768'],
  },
  { file: 'training-relaxed-wasm.ts', name: 'TRAINING_RELAXED_WASM', flags: ['--enable', 'relaxed-simd'] },
  {
    file: 'training-shared-relaxed-wasm.ts',
    name: 'TRAINING_SHARED_RELAXED_WASM',
    flags: ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '32768', '--enable', 'relaxed-simd'],
  },
]

/** A variant's bytes. */
export async function compile(variant) {
  const out = new Map()
  const args = [
    'assembly/training.ts',
    '--outFile',
    'out.wasm',
    '-O3',
    '--runtime',
    'stub',
    '--importMemory',
    '--noAssert',
  ]
  const { error, stderr } = await asc.main(
    [...args, '--enable', 'simd', '--enable', 'bulk-memory', '--baseDir', home, ...variant.flags],
    { writeFile: (name, contents) => void out.set(name, contents) },
  )
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`)
  return out.get('out.wasm')
}

/** The text of a variant's generated file. */
export function generatedSource(variant, bytes) {
  const text = Buffer.from(bytes).toString('base64')
  return `// Made by scripts/build-wasm.mjs from assembly/training.ts. Do not edit.\nexport const ${variant.name}: string =\n  '${text}'\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const variant of variants) {
    const bytes = await compile(variant)
    writeFileSync(join(home, 'src/generated', variant.file), generatedSource(variant, bytes))
    console.log(`${variant.file}: ${bytes.length} bytes`)
  }
}
