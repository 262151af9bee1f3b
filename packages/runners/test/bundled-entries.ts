import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll } from 'vitest'

const home = fileURLToPath(new URL('../node_modules/.tradewright-test/', import.meta.url)) // below it packages resolve
const made: string[] = []
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A folder in which packages resolve, removed after the file's tests. */
export function scratchFolder(): string {
  mkdirSync(home, { recursive: true })
  const folder = mkdtempSync(join(home, 'run-'))
  made.push(folder)
  return folder
}

/** The worker files as plain node starts them: from source each start would compile TypeScript first. */
export async function bundledEntries(): Promise<{ readonly thread: string; readonly process: string }> {
  const folder = scratchFolder()
  await build({
    entryPoints: ['worker', 'process-worker'].map((name) =>
      fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url)),
    ),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@tradewright/source'],
    external: ['jiti', 'eventemitter3', 'apache-arrow'],
    logLevel: 'silent',
  })
  return { thread: join(folder, 'worker.mjs'), process: join(folder, 'process-worker.mjs') }
}
