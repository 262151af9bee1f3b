import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'
import { scratchFolder } from './bundled-entries.ts'

const source = (name: string): string => fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url))

/** What the application does, with `workerPool` at hand. */
const body = `
  const warnings = []
  const pool = workerPool({ maxWorkers: 1, onWarning: (w) => warnings.push(w.error?.message ?? w.message) })
  const started = await pool.start()
  const module = new URL('file://' + process.argv[2]).href
  const thread = await pool.run({ module, export: 'where', data: undefined })
  const child = await pool.run({ module, export: 'where', data: undefined, isolation: 'process' })
  await pool[Symbol.asyncDispose]()
  console.log(JSON.stringify({ started, thread: thread.main ? 'here' : 'thread', child: child.pid === process.pid ? 'here' : 'process', warnings }))
`

function run(
  file: string,
  task: string,
): Promise<{ started: boolean; thread: string; child: string; warnings: string[] }> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file, task], { cwd: tmpdir() }, (error, out, err) => {
      if (error === null) resolve(JSON.parse(out))
      else reject(new Error(`${error.message}\n${err}`))
    })
  })
}

describe('worker files are found', () => {
  let home: string
  let task: string
  beforeAll(async () => {
    home = scratchFolder()
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'app', private: true })) // or esbuild takes the workspace's
    task = join(home, 'task.mjs')
    writeFileSync(
      task,
      `import { isMainThread } from 'node:worker_threads'\nexport const where = () => ({ main: isMainThread, pid: process.pid })`,
    )
    // The package as it is built and installed: see scripts/build.mjs.
    const installed = join(home, 'node_modules/@tradewright/runners')
    mkdirSync(join(installed, 'dist'), { recursive: true })
    writeFileSync(
      join(installed, 'package.json'),
      JSON.stringify({
        name: '@tradewright/runners',
        type: 'module',
        exports: {
          '.': { import: './dist/index.js', require: './dist/index.cjs' },
          './package.json': './package.json',
        },
      }),
    )
    const common: BuildOptions = {
      entryPoints: ['index', 'worker', 'process-worker'].map(source),
      outdir: join(installed, 'dist'),
      bundle: true,
      platform: 'node',
      conditions: ['@tradewright/source'],
      external: ['jiti', 'piscina', 'p-queue', 'apache-arrow', 'eventemitter3'],
      supported: { 'dynamic-import': true },
      logLevel: 'silent',
    }
    await build({ ...common, format: 'esm' })
    await build({
      ...common,
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
      define: { 'import.meta.url': '__importMetaUrl' },
      banner: { js: "const __importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    })
  })

  const everywhere = { started: true, thread: 'thread', child: 'process', warnings: [] }

  it('from ESM', async () => {
    const app = join(home, 'app.mjs')
    writeFileSync(app, `import { workerPool } from '@tradewright/runners'\n${body}`)
    expect(await run(app, task)).toEqual(everywhere)
  })

  it('from CJS', async () => {
    const app = join(home, 'app.cjs')
    writeFileSync(app, `const { workerPool } = require('@tradewright/runners');(async () => {${body}})()`)
    expect(await run(app, task)).toEqual(everywhere)
  })

  it.each(['esm', 'cjs'] as const)(
    'from an application bundled into one %s file beside its packages',
    async (format) => {
      const app = join(home, 'to-bundle.mjs')
      const outfile = join(home, format === 'esm' ? 'bundle.mjs' : 'bundle.cjs')
      writeFileSync(app, `import { workerPool } from '@tradewright/runners'\n;(async () => {${body}})()`)
      await build({
        entryPoints: [app],
        outfile,
        bundle: true,
        platform: 'node',
        format,
        logLevel: 'silent',
        supported: { 'dynamic-import': true },
        external: ['jiti'],
        banner: {
          js:
            format === 'esm'
              ? "import { createRequire as cr } from 'node:module'; const require = cr(import.meta.url);"
              : '',
        },
        ...(format === 'cjs'
          ? {
              define: { 'import.meta.url': '__url' },
              banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" },
            }
          : {}),
      })
      expect(await run(outfile, task)).toEqual(everywhere)
    },
  )

  it('or it is said that they are not, and the work is done in line', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewright-alone-')) // no node_modules above it
    const app = join(home, 'to-bundle.mjs')
    const outfile = join(folder, 'alone.mjs')
    await build({
      entryPoints: [app],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'silent',
      external: ['jiti'],
    })
    const { started, thread, child, warnings } = await run(outfile, task).finally(() =>
      rmSync(folder, { recursive: true }),
    )
    expect({ started, thread, child }).toEqual({ started: false, thread: 'here', child: 'here' })
    expect(warnings.length).toBe(2)
    expect(warnings[0]).toContain('the file of the worker was not found')
  })
})
