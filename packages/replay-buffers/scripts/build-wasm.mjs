// Compiles assembly/replay.ts into src/generated/replay-wasm.ts: `node packages/replay-buffers/scripts/build-wasm.mjs`.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const home = join(dirname(fileURLToPath(import.meta.url)), '..')

/** The module's bytes. */
export async function compileReplay() {
  const out = new Map()
  const args = ['assembly/replay.ts', '--outFile', 'replay.wasm', '-O3', '--runtime', 'stub', '--importMemory']
  const { error, stderr } = await asc.main(
    [
      ...args,
      '--noAssert',
      '--enable',
      'simd',
      '--enable',
      'bulk-memory',
      '--disable',
      'mutable-globals',
      '--baseDir',
      home,
    ],
    { writeFile: (name, contents) => void out.set(name, contents) },
  )
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`)
  return out.get('replay.wasm')
}

/** The text of src/generated/replay-wasm.ts. */
export function generatedSource(bytes) {
  const text = Buffer.from(bytes).toString('base64')
  return `// Made by scripts/build-wasm.mjs from assembly/replay.ts. Do not edit.\nexport const REPLAY_WASM: string =\n  '${text}'\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = await compileReplay()
  writeFileSync(join(home, 'src/generated/replay-wasm.ts'), generatedSource(bytes))
  console.log(`${bytes.length} bytes`)
}
