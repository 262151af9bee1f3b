import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRng } from '@tradewright/core'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileStudyStore } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'kill-'))
const worker = join(folder, 'worker.mjs')
beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL('./kill-worker.ts', import.meta.url))],
    outfile: worker,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@tradewright/source'],
    logLevel: 'error',
  })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const TRIALS = 36

function begin(path: string, share: boolean, ms: number): { child: ChildProcess; text: Promise<string> } {
  const child = spawn(process.execPath, [worker, path, String(TRIALS), share ? 'yes' : 'no', String(ms)])
  let out = ''
  child.stdout?.on('data', (data) => {
    out += data
  })
  child.stderr?.on('data', (data) => {
    out += data
  })
  return { child, text: new Promise((resolve) => child.on('close', () => resolve(out))) }
}

const resultOf = (text: string): string => /result (.*)\n/.exec(text)?.[1] ?? `no result: ${text}`

describe('kill -9', () => {
  it('at 50 random instants loses nothing that was committed, and the resumed study ends as an uninterrupted one', async () => {
    const began = performance.now()
    const whole = resultOf(await begin(join(folder, 'whole.log'), false, 1).text)
    const took = performance.now() - began
    expect(whole).toMatch(/^\[\d+,/)
    const rng = createRng(20, 1)
    const path = join(folder, 'killed.log')
    let known = 0
    for (let kill = 0; kill < 50; kill++) {
      const { child, text } = begin(path, false, 1)
      await new Promise((resolve) => setTimeout(resolve, took * (0.3 + 0.7 * rng.uniform())))
      child.kill('SIGKILL')
      await text
      const store = fileStudyStore(path)
      const stored = await store.load('kill')
      const numbers = (stored?.generations ?? []).flatMap((g) => g.finished.map((t) => t.number))
      expect(numbers).toEqual(numbers.map((_, i) => i)) // none lost, none twice
      expect(numbers.length).toBeGreaterThanOrEqual(known)
      known = numbers.length
      // A study that is through begins anew, so that all 50 kills hit one that runs.
      if (known === TRIALS) {
        await store.delete('kill')
        known = 0
      }
      await store[Symbol.asyncDispose]()
    }
    expect(resultOf(await begin(path, false, 0).text)).toBe(whole)
  }, 120_000)

  it('two processes share a study, one is killed, and no trial of the survivors is done twice', async () => {
    const path = join(folder, 'shared.log')
    const alone = resultOf(await begin(join(folder, 'alone.log'), false, 0).text)
    const first = begin(path, true, 5)
    const second = begin(path, true, 5)
    const doomed = begin(path, true, 5)
    const timer = setTimeout(() => doomed.child.kill('SIGKILL'), 700)
    const texts = await Promise.all([first.text, second.text])
    clearTimeout(timer)
    doomed.child.kill('SIGKILL')
    await doomed.text
    expect(texts.map(resultOf)).toEqual([alone, alone])
    const did = texts.map((text) => [...text.matchAll(/did (\d+)/g)].map((m) => Number(m[1])))
    const both = did.flat()
    expect(new Set(both).size).toBe(both.length)
    expect(Math.min(did[0].length, did[1].length)).toBeGreaterThan(0)
  }, 60_000)
})
