// AssemblyScript to a TypeScript file that carries the binary. Each package's scripts/build-wasm.mjs says what it compiles;
// its tests compile again and compare, so sources and binary cannot drift apart.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

/**
 * A package's modules.
 *
 * @param {string} script `import.meta.url` of the package's scripts/build-wasm.mjs
 * @param {{ entry: string, file: string, name: string, flags: string[] }[]} modules
 *   source in assembly/, generated file in src/generated/, exported constant, flags of the compiler
 */
export function wasmModules(script, modules) {
  const home = fileURLToPath(new URL('..', script))
  /** A module's generated file, as its sources have it now. */
  async function generated({ entry, name, flags }) {
    const out = new Map()
    const fixed = ['-O3', '--runtime', 'stub', '--noAssert', '--enable', 'simd', '--baseDir', home]
    const { error, stderr } = await asc.main([`assembly/${entry}`, '--outFile', 'out.wasm', ...fixed, ...flags], {
      writeFile: (file, contents) => void out.set(file, contents),
    })
    if (error) throw new Error(`${error.message}\n${stderr.toString()}`)
    const text = Buffer.from(out.get('out.wasm')).toString('base64')
    return `// Made by scripts/build-wasm.mjs from assembly/${entry}. Do not edit.\nexport const ${name}: string =\n  '${text}'\n`
  }
  const place = (file) => join(home, 'src/generated', file)

  return {
    /** Generated files that are not what their sources compile to. */
    async stale() {
      const found = []
      for (const module of modules)
        if (readFileSync(place(module.file), 'utf8') !== (await generated(module))) found.push(module.file)
      return found
    },
    /** Writes all of them, when the script itself was started. */
    async writeIfMain() {
      if (process.argv[1] !== fileURLToPath(script)) return
      for (const module of modules) writeFileSync(place(module.file), await generated(module))
    },
  }
}
