import { Session } from 'node:inspector/promises'
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

it.each([1, 2])('a step allocates no object: gradients and update, %i threads', async (threads) => {
  const compiled = fusedBackend({ threads }).compile(model, { batch: 64, loss: crossEntropy(), slots: 2 })
  const updates = new ParameterUpdates(compiled, adam(), [], undefined)
  const total: LossTotal = { sum: 0.5, weight: 0.5 }
  const options = { step: 0, accumulate: false }
  const gradients = [...compiled.gradientsOf.values()]
  const bytes = await bytesAStep(4000, (steps) => {
    for (let i = 0; i < steps; i++) {
      options.step++
      compiled.gradients(batch, options, total)
      for (let j = 0; j < gradients.length; j++) compiled.ops.scale(gradients[j], 1 / 64)
      updates.update(options.step, 1e-3)
      compiled.commit()
    }
  })
  // What is left are numbers of 16 bytes: readings of the clock, and the arguments above. One object a parameter would be 500 bytes.
  expect(bytes).toBeLessThan(250)
  compiled.dispose()
})

it('the trainer adds next to nothing to it', async () => {
  const rows = 64 * 4000
  const data = arrayDataset({
    x: new Float32Array(rows * 16).fill(0.1),
    inputs: 16,
    y: Float32Array.from({ length: rows }, (_, i) => i % 3),
  })
  const trainer = createTrainer({
    model,
    loss: crossEntropy(),
    updateRule: adam(),
    backend: fusedBackend(),
    batch: 64,
  })
  const bytes = await bytesAStep(4000, () => trainer.fit(data, { epochs: trainer.epoch + 1, sampling: 'sequential' }))
  expect(bytes).toBeLessThan(500)
  trainer.dispose()
})
