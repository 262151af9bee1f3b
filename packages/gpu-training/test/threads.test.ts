import { afterEach, describe, expect, it } from 'vitest'
import {
  adam,
  arrayDataset,
  type CompiledModel,
  createTrainer,
  crossEntropy,
  dense,
  dropout,
  embedding,
  fusedBackend,
  gradientCheckpointing,
  layerNorm,
  meanSquaredError,
  residual,
  sequential,
  sharpe,
} from '../src/index.ts'
import { randomBatch } from './random-batch.ts'

const open: { dispose(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.dispose()
})

/** Layers and a batch so large that every kernel that can be shared out is. */
const ROWS = 301
const list = [
  embedding({ column: 2, categories: 4, size: 3 }),
  dense(67, { activation: 'relu' }),
  residual([layerNorm(), dense(67, { activation: 'gelu' }), dropout(0.3)]),
  dense(130, { activation: 'tanh' }),
  dense(3),
]
const batch = randomBatch(ROWS, 5, 3, 1)
for (let i = 0; i < ROWS; i++) batch.x[i * 5 + 2] = i % 4
const weighted = { ...batch, weight: Float32Array.from({ length: ROWS }, (_, i) => 1 + (i % 3)) }

function gradientsOf(
  threads: number,
  more: { relaxedSimd?: boolean | 'always'; loss?: ReturnType<typeof sharpe> } = {},
) {
  const { relaxedSimd, loss = meanSquaredError() } = more
  const model: CompiledModel = fusedBackend({ threads, relaxedSimd }).compile(sequential(5, list), {
    batch: ROWS,
    loss,
    seed: 3,
  })
  open.push(model)
  const found: unknown[] = []
  for (let step = 0; step < 20; step++) {
    const rows = step % 5 === 4 ? 1 + step * 9 : ROWS
    const part = { rows, x: batch.x.subarray(0, rows * 5), y: batch.y.subarray(0, rows * 3) }
    const one = rows === ROWS && loss.additive ? weighted : part
    found.push(model.gradients(one, { step, accumulate: step % 3 === 2, scale: 2 }))
    if (step % 4 === 3) found.push([...model.gradientsOf].map(([name, values]) => [name, [...values]]))
  }
  found.push([...model.predict(batch.x, ROWS, new Float32Array(ROWS * 3))])
  return found
}

describe('threads', () => {
  it('every number is that of one thread, to the last bit, at any number of threads', () => {
    const expected = gradientsOf(1)
    for (const threads of [2, 3, 5]) expect(gradientsOf(threads)).toEqual(expected)
    for (const relaxedSimd of [false, 'always'] as const)
      expect(gradientsOf(2, { relaxedSimd })).toEqual(gradientsOf(1, { relaxedSimd }))
  })

  it('a loss of the whole batch too', () => {
    expect(gradientsOf(2, { loss: sharpe() })).toEqual(gradientsOf(1, { loss: sharpe() }))
  })

  it('trains to the same weights, checkpoints and 16-bit storage among it', async () => {
    const { x } = randomBatch(1000, 64, 1, 1)
    const { y } = randomBatch(1000, 1, 1, 2, 3)
    const train = async (threads: number) => {
      const trainer = createTrainer({
        model: sequential(64, [dense(128, { activation: 'relu' }), dense(128, { activation: 'silu' }), dense(3)]),
        loss: crossEntropy(),
        updateRule: adam(),
        backend: fusedBackend({ threads }),
        batch: 300,
        rate: 0.01,
        seed: 4,
        precision: { activations: 'bfloat16', weights: 'bfloat16' },
        tricks: [gradientCheckpointing()],
      })
      open.push(trainer)
      const { history } = await trainer.fit(arrayDataset({ x, inputs: 64, y }), { epochs: 6 })
      return { weights: [...trainer.model.values.values()].map((values) => [...values]), history }
    }
    const [one, two] = [await train(1), await train(2)]
    expect(two).toEqual(one)
    expect(two.history[5].loss).toBeLessThan(two.history[0].loss * 0.8)
  })

  it('large calls are shared out: the name says so, and models beside one another do not mix', () => {
    const make = (seed: number) => {
      const model = fusedBackend({ threads: 2 }).compile(sequential(5, list), {
        batch: ROWS,
        loss: meanSquaredError(),
        seed,
      })
      open.push(model)
      return model
    }
    const [a, b] = [make(3), make(4)]
    expect(a.backend).toMatch(/2 threads/)
    const sums = [a, b, a, b].map((model) => model.gradients(weighted, { step: 1, accumulate: false }).sum)
    expect([sums[2], sums[3]]).toEqual([sums[0], sums[1]])
    expect(sums[0]).not.toBe(sums[1])
  })

  it('refuses what it cannot do', () => {
    expect(() => fusedBackend({ threads: 2, kernels: 'plain' })).toThrow('threads must be 1 without kernels')
    expect(() => fusedBackend({ threads: 2, accelerate: (kernels) => kernels })).toThrow('threads must be 1')
    expect(() => fusedBackend({ threads: 0 })).toThrow('threads must be an integer from 1 to 64, was 0')
    expect(() => fusedBackend({ threads: 1.5 })).toThrow('was 1.5')
  })
})
