// One training step (forward, loss, backward, Adam) of a 64-256-256-3 perceptron at batch 256, one thread: the fused
// engine with and without OpenBLAS, TensorFlow.js on WebAssembly, and Debian's python3-torch where it is installed. The
// engines take turns, so that a noisy machine treats them alike. OpenBLAS takes processors that are newer than itself for
// the oldest it knows: CORETYPE=SKYLAKEX (AVX-512) or HASWELL (AVX2) tells the fused engine's and a second torch's. A
// regression means that the plan or the product lost its fusion. Then: prediction of one row, and bytes allocated on the JavaScript heap by a step (run with --expose-gc).
import { type ChildProcess, spawn } from 'node:child_process'
import { Session } from 'node:inspector/promises'
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
  meanSquaredError,
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

const require = createRequire(import.meta.url)
type Run = (steps: number) => Promise<readonly number[]>

function stepper(backend: TrainingBackend): { run: Run; step: () => void } {
  const compiled = backend.compile(model, { batch: ROWS, loss: crossEntropy(), slots: 2, seed: 1 })
  const updates = new ParameterUpdates(compiled, adam(), [], undefined)
  const gradients = [...compiled.gradientsOf.values()]
  const options = { step: 0, accumulate: false }
  const total = { sum: 0, weight: 0 }
  let t = 0
  const step = (): void => {
    t++
    options.step = t
    const { weight } = compiled.gradients(batch, options, total)
    for (let i = 0; i < gradients.length; i++) compiled.ops.scale(gradients[i], 1 / weight)
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

/** A peer in a process of its own: a line with a number runs that many steps. */
async function peerOf(
  name: string,
  command: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<{ run: Run; close: () => void } | undefined> {
  const env = { ...process.env, OPENBLAS_NUM_THREADS: '1', ...more }
  const child: ChildProcess = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'ignore'] })
  if (child.stdout === null || child.stdin === null) return undefined
  const input = child.stdin
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  child.on('error', () => {})
  const first = await lines.next()
  if (first.done) return undefined
  console.log(`${name} ${JSON.parse(first.value).ready}`)
  return {
    run: async (steps) => {
      input.write(`${steps}\n`)
      return JSON.parse((await lines.next()).value).times
    },
    close: () => input.end(),
  }
}

async function tensorflow(): Promise<TrainingBackend> {
  const tf = require('@tensorflow/tfjs') as TfLike
  const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(folder: string): void }
  setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))}/dist/`)
  await tf.setBackend('wasm')
  await tf.ready()
  return tfjs(tf)
}

const coreType = process.env.CORETYPE
const fused = stepper(fusedBackend())
const runs = new Map<string, Run>([['fused', fused.run]])
// Where the runtime has relaxed SIMD by itself this is the same again.
if (process.version.startsWith('v20.'))
  runs.set("fused, relaxedSimd 'always'", stepper(fusedBackend({ relaxedSimd: 'always' })).run)
try {
  runs.set('fused + OpenBLAS', stepper(fusedBackend({ accelerate: await openBlas({ coreType }) })).run)
} catch (error) {
  console.log(`no OpenBLAS: ${error instanceof Error ? error.message : error}`)
}
runs.set('tfjs wasm', stepper(await tensorflow()).run)
const here = (file: string): string => join(import.meta.dirname, file)
const torch = await peerOf('python3-torch', '/usr/bin/python3', [here('torch_step.py'), '1', String(ROWS)])
const told =
  coreType === undefined
    ? undefined
    : await peerOf(`python3-torch (${coreType})`, '/usr/bin/python3', [here('torch_step.py'), '1', String(ROWS)], {
        OPENBLAS_CORETYPE: coreType,
      })
// Named here so that the package is known to be used: the process beside runs it.
require.resolve('@jax-js/jax')
const jax = await peerOf('peer', process.execPath, [here('jax-step.mjs'), String(ROWS)])
if (torch === undefined) console.log('no python3-torch: apt-get install python3-torch')
else runs.set('torch', torch.run)
if (told !== undefined) runs.set(`torch, OPENBLAS_CORETYPE=${coreType}`, told.run)
if (jax === undefined) console.log('no jax-js: npm install @jax-js/jax')
else runs.set('jax-js', jax.run)

const times = new Map([...runs.keys()].map((name) => [name, [] as number[]]))
for (let round = 0; round < ROUNDS; round++)
  for (const [name, run] of runs) {
    const found = await run(name.startsWith('tfjs') ? 4 : STEPS)
    if (round > 0) times.get(name)?.push(...found)
  }
torch?.close()
told?.close()
jax?.close()
const stats = (values: readonly number[]) => {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: sorted[sorted.length >> 1], best: sorted[0] }
}
console.log(
  `Node ${process.version}; ms a step, and how many times the fused engine's time it is, by median and by best`,
)
const base = stats(times.get('fused') ?? [])
for (const [name, values] of times) {
  const { median, best } = stats(values)
  console.log(
    `${name}: median ${median.toFixed(2)} ms, best ${best.toFixed(2)} ms; ${(median / base.median).toFixed(2)} / ${(best / base.best).toFixed(2)}`,
  )
}

// One thread and two on batches of 1024, in turns; on a busy machine only the best times say what two threads can do.
const large: Batch = {
  rows: 1024,
  x: Float32Array.from({ length: 1024 * 64 }, () => rng.normal()),
  y: Float32Array.from({ length: 1024 }, () => rng.below(3)),
}
/** Times one thread and two in turns. `before` is called for each. */
async function compareThreads(
  name: string,
  make: (threads: 1 | 2) => TrainingBackend | Promise<TrainingBackend>,
  before?: (threads: 1 | 2) => unknown,
): Promise<void> {
  const byThreads = []
  for (const threads of [1, 2] as const)
    byThreads.push({
      threads,
      compiled: (await make(threads)).compile(model, { batch: 1024, loss: crossEntropy() }),
      times: [] as number[],
    })
  for (let round = 0; round < 40; round++)
    for (const { threads, compiled, times: found } of byThreads) {
      await before?.(threads)
      for (let i = 0; i < 6; i++) {
        const start = performance.now()
        compiled.gradients(large, { step: i, accumulate: false })
        if (round > 4 && i > 0) found.push(performance.now() - start)
      }
    }
  for (const { compiled } of byThreads) compiled.dispose()
  const [one, two] = byThreads.map(({ times: found }) => stats(found))
  console.log(
    `batch 1024, ${name}: one thread ${one.median.toFixed(2)} ms (best ${one.best.toFixed(2)}), two ${two.median.toFixed(2)} ms (best ${two.best.toFixed(2)}); ${(one.median / two.median).toFixed(2)} / ${(one.best / two.best).toFixed(2)} times as fast`,
  )
}
await compareThreads('fused', (threads) => fusedBackend({ threads }))
if (runs.has('fused + OpenBLAS'))
  await compareThreads(
    'OpenBLAS',
    async () => fusedBackend({ accelerate: await openBlas({ coreType }) }),
    (threads) => openBlas({ coreType, threads }),
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

// Bytes that a step leaves behind on the JavaScript heap, by V8's sampling profiler.
const session = new Session()
session.connect()
for (let i = 0; i < 500; i++) fused.step()
await session.post('HeapProfiler.startSampling', {
  samplingInterval: 128,
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true,
})
for (let i = 0; i < 500; i++) fused.step()
const { profile } = await session.post('HeapProfiler.stopSampling')
const sum = (node: typeof profile.head): number =>
  node.callFrame.url.startsWith('node:inspector')
    ? 0
    : node.children.reduce((all, child) => all + sum(child), node.selfSize)
console.log(`JavaScript heap: ${(sum(profile.head) / 500).toFixed(0)} bytes a step`)

// Peak of a step on 16 dense layers, of 256 units but the last, at batch 1024: all outputs kept, and computed again.
const deep = sequential(256, [...Array.from({ length: 15 }, () => dense(256, { activation: 'relu' })), dense(3)])
const [all, again] = (['all', 'recursive'] as const).map((checkpoint) => {
  const compiled = fusedBackend().compile(deep, { batch: 1024, loss: meanSquaredError(), checkpoint })
  const data = { rows: 1024, x: new Float32Array(1024 * 256).fill(0.1), y: new Float32Array(1024 * 3) }
  const found: number[] = []
  for (let i = 0; i < 8; i++) {
    const start = performance.now()
    compiled.gradients(data, { step: i, accumulate: false })
    found.push(performance.now() - start)
  }
  return { bytes: compiled.memory().activations, ms: stats(found).median }
})
console.log(
  `checkpointing on 16 layers: peak ${(again.bytes / 2 ** 20).toFixed(1)} of ${(all.bytes / 2 ** 20).toFixed(1)} MiB (${((100 * again.bytes) / all.bytes).toFixed(0)} %), ${(again.ms / all.ms).toFixed(2)} times the time`,
)
process.exit(0)
