// One training step (forward, loss, backward, Adam) of a 64-256-256-3 perceptron at batch 256, one thread: the fused
// engine with and without OpenBLAS, TensorFlow.js on WebAssembly, and Debian's python3-torch where it is installed. The
// engines take turns, so that a noisy machine treats them alike. A regression means that the plan or the product lost
// its fusion. Then: prediction of one row, and bytes allocated on the JavaScript heap by a step (run with --expose-gc).
import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { createRng } from '@tradewright/core'
import {
  adam,
  type Batch,
  crossEntropy,
  dense,
  fusedBackend,
  openBlas,
  sequential,
  type TfLike,
  type TrainingBackend,
  tfjs,
} from '../src/index.ts'
import { ParameterUpdates } from '../src/parameter-updates.ts'

const ROWS = 256
const ROUNDS = 12
const STEPS = 20
const model = sequential(64, [dense(256, { activation: 'relu' }), dense(256, { activation: 'relu' }), dense(3)])
const rng = createRng(1)
const batch: Batch = {
  rows: ROWS,
  x: Float32Array.from({ length: ROWS * 64 }, () => rng.normal()),
  y: Float32Array.from({ length: ROWS }, () => rng.below(3)),
}

type Run = (steps: number) => Promise<readonly number[]>

function stepper(backend: TrainingBackend): { run: Run; step: () => void } {
  const compiled = backend.compile(model, { batch: ROWS, loss: crossEntropy(), slots: 2, seed: 1 })
  const updates = new ParameterUpdates(compiled, adam(), [], undefined)
  let t = 0
  const step = (): void => {
    t++
    const { weight } = compiled.gradients(batch, { step: t, accumulate: false })
    for (const gradient of compiled.gradientsOf.values()) compiled.ops.scale(gradient, 1 / weight)
    updates.update(t, 1e-3)
    compiled.commit()
  }
  const run: Run = async (steps) =>
    Array.from({ length: steps }, () => {
      const start = performance.now()
      step()
      return performance.now() - start
    })
  return { run, step }
}

async function torch(threads: number): Promise<{ run: Run; close: () => void } | undefined> {
  const path = join(import.meta.dirname, 'torch_step.py')
  const env = { ...process.env, OPENBLAS_NUM_THREADS: String(threads) }
  const child: ChildProcess = spawn('/usr/bin/python3', [path, String(threads), String(ROWS)], {
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  if (child.stdout === null || child.stdin === null) return undefined
  const input = child.stdin
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  child.on('error', () => {})
  const first = await lines.next()
  if (first.done) return undefined
  console.log(`python3-torch ${JSON.parse(first.value).ready}`)
  return {
    run: async (steps) => {
      input.write(`${steps}\n`)
      return JSON.parse((await lines.next()).value).times
    },
    close: () => input.end(),
  }
}

async function tensorflow(): Promise<TrainingBackend> {
  const require = createRequire(import.meta.url)
  const tf = require('@tensorflow/tfjs') as TfLike
  const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(folder: string): void }
  setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))}/dist/`)
  await tf.setBackend('wasm')
  await tf.ready()
  return tfjs(tf)
}

const fused = stepper(fusedBackend())
const runs = new Map<string, Run>([['fused', fused.run]])
try {
  runs.set('fused + OpenBLAS', stepper(fusedBackend({ accelerate: await openBlas() })).run)
} catch (error) {
  console.log(`no OpenBLAS: ${error instanceof Error ? error.message : error}`)
}
runs.set('tfjs wasm', stepper(await tensorflow()).run)
const peer = await torch(1)
if (peer === undefined) console.log('no python3-torch: apt-get install python3-torch')
else runs.set('torch', peer.run)

const times = new Map([...runs.keys()].map((name) => [name, [] as number[]]))
for (let round = 0; round < ROUNDS; round++)
  for (const [name, run] of runs) {
    const found = await run(name.startsWith('tfjs') ? 4 : STEPS)
    if (round > 0) times.get(name)?.push(...found)
  }
peer?.close()
const stats = (values: number[]) => {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: sorted[sorted.length >> 1], best: sorted[0] }
}
const base = stats(times.get(peer === undefined ? 'fused' : 'torch') ?? [])
for (const [name, values] of times) {
  const { median, best } = stats(values)
  const ratio = `${(median / base.median).toFixed(2)} / ${(best / base.best).toFixed(2)}`
  console.log(
    `${name}: median ${median.toFixed(2)} ms, best ${best.toFixed(2)} ms; ${ratio} times ${peer === undefined ? 'fused' : 'torch'} (median / best)`,
  )
}

// One thread and two on batches of 1024, in turns; on a busy machine only the best times say what two threads can do.
const large: Batch = {
  rows: 1024,
  x: Float32Array.from({ length: 1024 * 64 }, () => rng.normal()),
  y: Float32Array.from({ length: 1024 }, () => rng.below(3)),
}
const byThreads = ([1, 2] as const).map((threads) => {
  const compiled = fusedBackend({ threads, relaxedSimd: false }).compile(model, { batch: 1024, loss: crossEntropy() })
  return { threads, compiled, times: [] as number[] }
})
for (let round = 0; round < 60; round++)
  for (const { compiled, times: found } of byThreads)
    for (let i = 0; i < 4; i++) {
      const start = performance.now()
      compiled.gradients(large, { step: i, accumulate: false })
      if (round > 4) found.push(performance.now() - start)
    }
const [one, two] = byThreads.map(({ times: found }) => stats(found))
console.log(
  `batch 1024: one thread ${one.median.toFixed(2)} ms (best ${one.best.toFixed(2)}), two ${two.median.toFixed(2)} ms (best ${two.best.toFixed(2)}); ${(one.median / two.median).toFixed(2)} / ${(one.best / two.best).toFixed(2)} times as fast`,
)

const small = fusedBackend().compile(
  sequential(16, [dense(32, { activation: 'relu' }), dense(32, { activation: 'relu' }), dense(1)]),
  { batch: 1, loss: crossEntropy() },
)
const x = new Float32Array(16).fill(0.1)
const out = new Float32Array(1)
const predictions: number[] = []
for (let round = 0; round < 20; round++) {
  const start = performance.now()
  for (let i = 0; i < 5000; i++) small.predict(x, 1, out)
  predictions.push((performance.now() - start) / 5)
}
console.log(
  `prediction of one row, 16-32-32-1: median ${stats(predictions).median.toFixed(2)} us, best ${stats(predictions).best.toFixed(2)} us`,
)

const { gc } = globalThis as { gc?: () => void }
if (gc === undefined) console.log('bytes a step: run with --expose-gc')
else {
  for (let i = 0; i < 500; i++) fused.step()
  gc()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 200; i++) fused.step()
  console.log(`JavaScript heap: ${((process.memoryUsage().heapUsed - before) / 200).toFixed(0)} bytes a step`)
}
process.exit(0)
