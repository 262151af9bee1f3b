import { spawn } from 'node:child_process'
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

/** A script of `processes/` as one file that plain node starts in a moment. */
export async function bundled(name: string): Promise<string> {
  mkdirSync(home, { recursive: true })
  const folder = mkdtempSync(join(home, 'run-'))
  made.push(folder)
  const outfile = join(folder, `${name}.mjs`)
  await build({
    entryPoints: [fileURLToPath(new URL(`processes/${name}.ts`, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@tradewright/source'],
    external: ['lmdb', 'ioredis', 'lru-cache', 'eventemitter3'],
    logLevel: 'silent',
  })
  return outfile
}

/** Runs a file to its end. */
export function runNode(
  file: string,
  args: readonly string[],
): Promise<{
  readonly code: number | null
  readonly signal: string | null
  readonly out: string
  readonly err: string
}> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (text: Buffer) => {
    out += text.toString()
  })
  child.stderr.on('data', (text: Buffer) => {
    err += text.toString()
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, out, err }))
  })
}
