// Compiles assembly/index.ts into src/generated/kernels-wasm.ts. `--check` compares instead of writing.
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = join(root, 'src/generated/kernels-wasm.ts')

/** The generated module's text. */
export async function buildWasm() {
  const { error, binary, stderr } = await compile()
  if (error) throw new Error(`${error.message}\n${stderr}`)
  const text = Buffer.from(binary).toString('base64')
  return `// Made by scripts/build-wasm.mjs from assembly/. Do not edit.

/** The kernels as a WebAssembly binary, base64. */
export const kernelsWasm: string =
  '${text}'
`
}

async function compile() {
  const files = new Map()
  const { error, stderr } = await asc.main(
    [
      'index.ts',
      '-O3',
      '--enable',
      'simd',
      '--runtime',
      'stub',
      '--noAssert',
      '--initialMemory',
      '1',
      '-o',
      'out.wasm',
    ],
    {
      readFile: (name) => readFile(join(root, 'assembly', name), 'utf8').catch(() => null),
      writeFile: (name, contents) => void files.set(name, contents),
      listFiles: () => [],
    },
  )
  return { error, binary: files.get('out.wasm'), stderr: stderr.toString() }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await buildWasm()
  if (process.argv.includes('--check')) {
    if ((await readFile(target, 'utf8')) !== text) {
      console.error('src/generated/kernels-wasm.ts is not what assembly/ compiles to: run scripts/build-wasm.mjs')
      process.exitCode = 1
    }
  } else await writeFile(target, text)
}
