// A durable commit of one generation of 8 trials: our log beside lmdb. A regression here is paid once a generation.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StoredGeneration } from '@tradewright/core'
import { open } from 'lmdb'
import { fileStudyStore } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'store-'))
const generation = (g: number): StoredGeneration => ({
  generation: g,
  finished: Array.from({ length: 8 }, (_, i) => ({
    number: g * 8 + i,
    params: Object.fromEntries(Array.from({ length: 10 }, (_, d) => [`x${d}`, Math.sin(g * 80 + i * 10 + d)])),
    status: 'done' as const,
    values: [Math.cos(g * 8 + i)],
    reports: [],
  })),
  paused: [],
  nextTrial: g * 8 + 8,
})

const COMMITS = 300
async function time(name: string, commit: (g: number) => Promise<unknown>): Promise<void> {
  const times: number[] = []
  for (let g = 0; g < COMMITS; g++) {
    const began = performance.now()
    await commit(g)
    times.push(performance.now() - began)
  }
  times.sort((a, b) => a - b)
  console.log(
    `${name.padEnd(24)} median ${times[COMMITS >> 1].toFixed(3)} ms, 95 % ${times[(COMMITS * 0.95) | 0].toFixed(3)} ms`,
  )
}

const store = fileStudyStore(join(folder, 'log'))
await store.create({ name: 's', space: 'k', directions: ['minimize'], seed: 1, generationSize: 8, sampler: 'x' })
const db = open({ path: join(folder, 'lmdb'), noMemInit: true })
for (let round = 0; round < 2; round++) {
  await time('log of our own', (g) => store.append('s', generation(round * COMMITS + g)))
  await time('lmdb, flushed', async (g) => {
    await db.put(['s', round * COMMITS + g], generation(g))
    await db.flushed
  })
}
await store[Symbol.asyncDispose]()
await db.close()
rmSync(folder, { recursive: true, force: true })
