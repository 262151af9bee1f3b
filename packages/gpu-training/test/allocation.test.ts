import { Session } from 'node:inspector/promises'
import type { Clock } from '@tradewright/core'
import { expect, it } from 'vitest'
import {
  adam,
  arrayDataset,
  createTrainer,
  crossEntropy,
  dense,
  dropout,
  fusedBackend,
  type LossTotal,
  layerNorm,
  meanSquaredError,
  sequential,
} from '../src/index.ts'
import { ParameterUpdates } from '../src/parameter-updates.ts'
import { randomBatch } from './random-batch.ts'

/** Bytes a step that V8 allocated, garbage included, by the sampling heap profiler; the first half of the steps warms up. */
async function bytesAStep(steps: number, run: (steps: number) => unknown): Promise<number> {
  const session = new Session()
  session.connect()
  await run(steps)
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: 128,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  })
  await run(steps)
  const { profile } = await session.post('HeapProfiler.stopSampling')
  session.disconnect()
  type Node = typeof profile.head
  // What the profiler itself leaves behind is under node:inspector.
  const sum = (node: Node): number =>
    node.callFrame.url.startsWith('node:inspector')
      ? 0
      : node.selfSize + node.children.reduce((total, child) => total + sum(child), 0)
  return sum(profile.head) / steps
}

const model = sequential(16, [dense(32, { activation: 'relu' }), layerNorm(), dense(32), dropout(0.2), dense(3)])
const batch = randomBatch(64, 16, 1, 1)
batch.y.forEach((_, i, y) => {
  y[i] = i % 3
})

/** Stands still: a reading of the machine's clock is a boxed number of 16 bytes, made by the runtime. */
const still: Clock = { now: () => 0, elapsed: () => 0, after: () => () => {} }
/** What the profiler itself and code that is still being compiled leave behind, spread over the steps. */
const NOISE = 8

it.each([
  ['crossEntropy', 1, crossEntropy()],
  ['crossEntropy', 2, crossEntropy()],
  ['meanSquaredError', 1, meanSquaredError()],
] as const)('a step allocates nothing: %s, gradients and update, %i threads', async (_, threads, loss) => {
  const step = (clock: Clock | undefined) => {
    const compiled = fusedBackend({ threads, clock }).compile(model, { batch: 64, loss, slots: 2 })
    const updates = new ParameterUpdates(compiled, adam(), [], undefined)
    const total: LossTotal = { sum: 0.5, weight: 0.5 }
    const options = { step: 0, accumulate: false }
    const gradients = [...compiled.gradientsOf.values()]
    const data = loss.name === 'crossEntropy' ? batch : { ...batch, y: new Float32Array(64 * 3) }
    return bytesAStep(4000, (steps) => {
      for (let i = 0; i < steps; i++) {
        options.step++
        compiled.gradients(data, options, total)
        for (let j = 0; j < gradients.length; j++) compiled.ops.scale(gradients[j], 1 / 64)
        updates.update(options.step, 1e-3)
        compiled.commit()
      }
    }).finally(() => compiled.dispose())
  }
  expect(await step(still)).toBeLessThan(NOISE)
  // Four readings of the clock, for the times of the parts.
  expect(await step(undefined)).toBeLessThan(4 * 16 + NOISE)
})

it("nor does the trainer, but for an epoch's end and readings of the clock", async () => {
  const rows = 64 * 4000
  const data = arrayDataset({
    x: new Float32Array(rows * 16).fill(0.1),
    inputs: 16,
    y: Float32Array.from({ length: rows }, (_, i) => i % 3),
  })
  const train = async (clock: Clock | undefined) => {
    const trainer = createTrainer({
      model,
      loss: crossEntropy(),
      updateRule: adam(),
      backend: fusedBackend({ clock }),
      batch: 64,
      clock,
    })
    const options = { sampling: 'sequential' } as const
    const bytes = await bytesAStep(4000, () => trainer.fit(data, { epochs: trainer.epoch + 1, ...options }))
    trainer.dispose()
    return bytes
  }
  const [a, b] = [await train(still), await train(undefined)]
  expect(a).toBeLessThan(120)
  expect(b).toBeLessThan(400)
})
