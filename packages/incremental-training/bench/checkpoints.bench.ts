// How long a checkpoint of a 10 MB model keeps its caller, and the event loop after it, against writing it at once. A
// regression means that training steps wait for the disk or the compressor.
// node --conditions=@tradewright/source --import tsx packages/incremental-training/bench/checkpoints.bench.ts [folder]
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serialize } from 'node:v8'
import { deflateSync } from 'node:zlib'
import { createRng } from '@tradewright/core'
import { fileCheckpoints } from '../src/index.ts'

const SAVES = 25
const rng = createRng(1)
const layers = Array.from({ length: 10 }, (_, i) => [`dense${i}/kernel`, new Float32Array(262_144)] as const)
for (const [, values] of layers) for (let i = 0; i < values.length; i++) values[i] = rng.uniform() - 0.5
const data = { version: 1, values: Object.fromEntries(layers) }
const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'checkpoint-bench-'))
const sorted = (values: number[]): number[] => [...values].sort((a, b) => a - b)
const show = (values: number[]): string => {
  const all = sorted(values)
  return `median ${all[all.length >> 1].toFixed(2)} ms, longest ${all[all.length - 1].toFixed(2)} ms`
}

for (const compression of ['none', 'deflate', 'zstd'] as const) {
  const checkpoints = fileCheckpoints({ directory: join(folder, compression), newest: 2, compression })
  const blocks: number[] = []
  const durable: number[] = []
  const steps: number[] = []
  for (let step = 0; step < SAVES; step++) {
    const begun = performance.now()
    const saving = checkpoints.save({ step, data })
    blocks.push(performance.now() - begun)
    let done = false
    void saving.then(() => {
      done = true
    })
    // A training loop that gives way after each step: the longest wait is what a step loses in the background.
    let longest = 0
    while (!done) {
      const before = performance.now()
      await new Promise((resolve) => setImmediate(resolve))
      longest = Math.max(longest, performance.now() - before)
    }
    steps.push(longest)
    durable.push(performance.now() - begun)
  }
  const { writtenBytes, stateBytes, compression: used } = checkpoints.stats()
  console.log(`${compression}${used === compression ? '' : ` (${used})`}: save keeps its caller ${show(blocks)}`)
  console.log(`  later turns of the loop: ${show(steps)}; durable after ${show(durable)}`)
  console.log(
    `  ${(stateBytes / SAVES / 1e6).toFixed(1)} MB a state, ${((writtenBytes / stateBytes) * 100).toFixed(0)} % on the disk`,
  )
  await checkpoints[Symbol.asyncDispose]()
}

const idle: number[] = []
for (let i = 0; i < SAVES; i++) {
  let longest = 0
  for (const end = performance.now() + 300; performance.now() < end; ) {
    const before = performance.now()
    await new Promise((resolve) => setImmediate(resolve))
    longest = Math.max(longest, performance.now() - before)
  }
  idle.push(longest)
}
console.log(`turns of a loop of 300 ms with nothing in the background: ${show(idle)}`)

const plain: number[] = []
for (let i = 0; i < 7; i++) {
  const begun = performance.now()
  const file = openSync(join(folder, 'plain'), 'w')
  writeSync(file, deflateSync(serialize(data), { level: 1 }))
  fsyncSync(file)
  closeSync(file)
  plain.push(performance.now() - begun)
}
console.log(`at once, deflated, synced: keeps its caller ${show(plain)}`)
rmSync(folder, { recursive: true, force: true })
