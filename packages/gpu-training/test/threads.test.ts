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
  type LayerSpec,
  layerNorm,
  meanSquaredError,
  residual,
  sequential,
  sharpe,
} from '../src/index.ts'
import { gradientError, randomBatch } from './random-batch.ts'

const open: CompiledModel[] = []
afterEach(() => {
  for (const model of open.splice(0)) model.dispose()
})
const compile = (threads: 1 | 2, list: readonly (LayerSpec | readonly LayerSpec[])[], more = {}): CompiledModel => {
  const backend = fusedBackend({ threads, relaxedSimd: false })
  const model = backend.compile(sequential(5, list), { batch: 33, loss: meanSquaredError(), seed: 3, ...more })
  open.push(model)
  return model
}
const mixed = [
  embedding({ column: 2, categories: 4, size: 3 }),
  dense(16, { activation: 'relu' }),
  residual([layerNorm(), dense(16, { activation: 'gelu' })]),
  dense(3),
]
const batchOf = (rows: number) => {
  const batch = randomBatch(rows, 5, 3, 1)
  for (let i = 0; i < rows; i++) batch.x[i * 5 + 2] = i % 4
  return { ...batch, weight: Float32Array.from({ length: rows }, (_, i) => 1 + (i % 3)) }
}

describe('two threads', () => {
  it.each([33, 32, 2, 1])('%i rows give the gradients of one thread', (rows) => {
    const [one, two] = [compile(1, mixed), compile(2, mixed)]
    for (let step = 0; step < 3; step++)
      for (const accumulate of [false, true]) {
        const [a, b] = [one, two].map((model) => model.gradients(batchOf(rows), { step, accumulate, scale: 2 }))
        expect(Math.abs(a.sum / b.sum - 1)).toBeLessThan(1e-6)
        expect(a.weight).toBe(b.weight)
        for (const [name, expected] of one.gradientsOf) {
          const found = two.gradientsOf.get(name) as Float32Array
          const size = Math.hypot(...expected)
          expect(Math.hypot(...expected.map((x, i) => x - found[i]))).toBeLessThan(1e-5 * Math.max(1, size))
        }
      }
    expect([...two.predict(batchOf(rows).x, rows, new Float32Array(rows * 3))]).toEqual([
      ...one.predict(batchOf(rows).x, rows, new Float32Array(rows * 3)),
    ])
  })

  it.each([
    ['dropout', [dense(16, { activation: 'tanh' }), dropout(0.4), dense(3)], {}],
    ['checkpoints', mixed, { checkpoint: 'recursive' }],
  ] as const)('gradients by finite differences, with %s', (_, list, more) => {
    expect(gradientError(compile(2, list, more), batchOf(33), 4e-3, 7)).toBeLessThan(2e-2)
  })

  it('trains the same twice, and stores in 16 bits', async () => {
    const y = randomBatch(200, 5, 1, 1, 3).y
    const train = async () => {
      const trainer = createTrainer({
        model: sequential(5, [dense(16, { activation: 'relu' }), dropout(0.2), dense(3)]),
        loss: crossEntropy(),
        updateRule: adam(),
        backend: fusedBackend({ threads: 2 }),
        batch: 32,
        rate: 0.01,
        seed: 4,
        precision: { activations: 'bfloat16', weights: 'bfloat16' },
      })
      const { history } = await trainer.fit(arrayDataset({ x: randomBatch(200, 5, 1, 1).x, inputs: 5, y }), {
        epochs: 20,
      })
      const weights = [...trainer.model.values.values()].map((values) => [...values])
      trainer.dispose()
      return { weights, history }
    }
    const [a, b] = [await train(), await train()]
    expect(a.weights).toEqual(b.weights)
    expect(a.history[19].loss).toBeLessThan(a.history[0].loss * 0.98)
  })

  it('refuses what it cannot do', () => {
    expect(() => compile(2, [dense(3)], { loss: sharpe() })).toThrow("threads must be 1 with loss 'sharpe'")
    expect(() => fusedBackend({ threads: 2, kernels: 'plain' })).toThrow("threads: 2 must have kernels 'wasm'")
    expect(() => fusedBackend({ threads: 3 as 2 })).toThrow('threads must be 1 or 2, was 3')
  })
})
