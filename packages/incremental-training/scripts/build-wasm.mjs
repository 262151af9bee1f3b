// Compiles assembly/trees.ts into src/generated/trees-wasm.ts: `node packages/incremental-training/scripts/build-wasm.mjs`.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const home = join(dirname(fileURLToPath(import.meta.url)), '..')

/** The module's bytes. */
export async function compile() {
  const out = new Map()
  const args = ['assembly/trees.ts', '--outFile', 'out.wasm', '-O3', '--runtime', 'stub', '--importMemory']
  const features = ['--noAssert', '--enable', 'simd', '--enable', 'bulk-memory', '--enable', 'threads']
  const { error, stderr } = await asc.main(
    [...args, ...features, '--sharedMemory', '--maximumMemory', '65536', '--baseDir', home],
    { writeFile: (name, contents) => void out.set(name, contents) },
  )
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`)
  return out.get('out.wasm')
}

/** The text of the generated file. */
export function generatedSource(bytes) {
  const text = Buffer.from(bytes).toString('base64')
  return `// Made by scripts/build-wasm.mjs from assembly/trees.ts. Do not edit.\nexport const TREES_WASM: string =\n  '${text}'\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = await compile()
  writeFileSync(join(home, 'src/generated/trees-wasm.ts'), generatedSource(bytes))
  console.log(`trees-wasm.ts: ${bytes.length} bytes`)
}
