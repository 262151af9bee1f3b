// Checkpoints with what writes them elsewhere: networks of gpu-training, and child processes of runners.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRng } from '@tradewright/core'
import { fileCheckpoints, loadSymbols, trainSymbols } from '@tradewright/incremental-training'
import { workerPool } from '@tradewright/runners'
import { afterEach, expect, it } from 'vitest'
import {
  adam,
  arrayDataset,
  createTrainer,
  crossEntropy,
  dense,
  dropout,
  fusedBackend,
  sequential,
} from '../packages/gpu-training/src/index.ts'

const folders: string[] = []
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'incremental-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const each of folders.splice(0)) rmSync(each, { recursive: true, force: true })
})

const rng = createRng(2)
const x = Float32Array.from({ length: 600 }, () => 2 * rng.uniform() - 1)
const dataset = arrayDataset({
  x,
  inputs: 2,
  y: Float32Array.from({ length: 300 }, (_, i) => Number(x[2 * i] > x[2 * i + 1])),
})
const open = () =>
  createTrainer({
    model: sequential(2, [dense(16, { activation: 'relu' }), dropout(0.1), dense(2)]),
    loss: crossEntropy(),
    updateRule: adam(),
    backend: fusedBackend(),
    batch: 32,
    rate: 0.01,
    seed: 7,
  })
type Trainer = ReturnType<typeof open>
const weights = ({ model }: Trainer) => [...model.values].map(([name, values]) => [name, [...values]])

it("resumes a network's training from a file, to the bit", async () => {
  const whole = open()
  await whole.fit(dataset, { epochs: 8 })
  const checkpoints = fileCheckpoints({ directory: folder(), newest: 2 })
  const controller = new AbortController()
  const first = open()
  const training = first.fit(dataset, {
    epochs: 8,
    checkpoints,
    checkpointEvery: 9, // never at the end of an epoch of 10 updates, whenever the abort is seen
    signal: controller.signal,
    onProgress: ({ epoch }) => epoch === 4 && controller.abort(new Error('killed')),
  })
  await training.catch(() => undefined)
  await checkpoints.flush()
  const steps = (await checkpoints.list()).map(({ step }) => step)
  expect(steps).toHaveLength(2)
  expect(steps[1] % 10).not.toBe(0)
  const resumed = open()
  const { steps: made } = await resumed.fit(dataset, { epochs: 8, checkpoints })
  expect(made).toBe(80)
  expect(weights(resumed)).toEqual(weights(whole))
  await checkpoints[Symbol.asyncDispose]()
  for (const trainer of [whole, first, resumed]) trainer.dispose()
})

it('puts weights alone into a model by name', async () => {
  const trainer = open()
  await trainer.fit(dataset, { epochs: 2 })
  await using checkpoints = fileCheckpoints({ directory: folder(), contents: 'weights' })
  await checkpoints.save({ step: trainer.step, data: trainer.save() })
  const data = (await checkpoints.load())?.data as
    | { readonly values: Readonly<Record<string, Float32Array>> }
    | undefined
  expect(data).not.toHaveProperty('updates')
  const fresh = open()
  for (const [name, values] of fresh.model.values) values.set(data?.values[name] ?? [])
  fresh.model.commit()
  expect(fresh.predict(x)).toEqual(trainer.predict(x))
})

it('trains symbols in child processes that end with them, one above its limit alone', async () => {
  const directory = folder()
  const module = fileURLToPath(new URL('../packages/incremental-training/test/symbol-tasks.mjs', import.meta.url))
  const options = { directory, tasks: () => workerPool({ maxWorkers: 1 }), maxBytes: 700e6 }
  const task = (hold: Record<string, number>) => ({ module, export: 'hold', options: { hold } })
  const outcomes = await trainSymbols(['A', 'B', 'C'], task({ B: 900e6 }), options)
  expect(outcomes.map(({ status }) => status)).toEqual(['trained', 'failed', 'trained'])
  expect(outcomes[1]).toMatchObject({ error: { code: 'OUT_OF_MEMORY' } })
  const pids = new Set<unknown>()
  for await (const { state } of loadSymbols(['A', 'C'], { directory }))
    pids.add((state as { readonly pid: number }).pid)
  expect(pids.size).toBe(2)
  expect(pids.has(process.pid)).toBe(false)
})
