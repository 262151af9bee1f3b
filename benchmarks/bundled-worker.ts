// A worker's file as plain node starts it: from source each thread would compile TypeScript and run its helpers.
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

/** `entries` of a pool for benchmarks. */
export function bundledWorker(): { readonly thread: string } {
  const folder = fileURLToPath(new URL('../packages/runners/node_modules/.tradewright-bench/', import.meta.url)) // packages resolve there
  mkdirSync(folder, { recursive: true })
  const thread = `${folder}worker.mjs`
  buildSync({
    entryPoints: [fileURLToPath(new URL('../packages/runners/src/worker.ts', import.meta.url))],
    outfile: thread,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@tradewright/source'],
    external: ['jiti', 'eventemitter3', 'apache-arrow'],
    logLevel: 'silent',
  })
  return { thread }
}
