import { describe, expect, it } from 'vitest'
import {
  activation,
  activationKinds,
  type Batch,
  binaryCrossEntropy,
  crossEntropy,
  dense,
  dropout,
  embedding,
  focal,
  fusedBackend,
  huber,
  type LayerSpec,
  type Loss,
  layerNorm,
  meanSquaredError,
  quantile,
  residual,
  sequential,
  sharpe,
} from '../src/index.ts'
import { gradientError, randomBatch } from './random-batch.ts'

const backends = { wasm: fusedBackend(), plain: fusedBackend({ kernels: 'plain' }) } as const

const layers: Record<string, readonly (LayerSpec | readonly LayerSpec[])[]> = {
  dense: [dense(7), dense(3)],
  'dense without bias': [dense(6, { bias: false, activation: 'tanh' }), dense(3)],
  'relu within the product': [dense(9, { activation: 'relu' }), dense(8, { activation: 'relu' }), dense(3)],
  ...Object.fromEntries(activationKinds.map((kind) => [kind, [dense(8), activation(kind), dense(3)]])),
  'layer norm': [dense(8, { activation: 'tanh' }), layerNorm(), dense(3)],
  'layer norm in front': [layerNorm(), dense(3)],
  dropout: [dense(16, { activation: 'tanh' }), dropout(0.4), dense(3)],
  residual: [dense(8, { activation: 'tanh' }), residual([layerNorm(), dense(8, { activation: 'silu' })]), dense(3)],
  'residual over relu': [dense(8, { activation: 'relu' }), residual([dense(8, { activation: 'relu' })]), dense(3)],
  'nested residuals': [
    dense(6),
    residual([dense(6, { activation: 'tanh' }), residual([dense(6, { activation: 'gelu' })])]),
    dense(3),
  ],
}

describe.each(Object.entries(backends))('gradients by finite differences, %s kernels', (_, backend) => {
  it.each(Object.entries(layers))('%s', (name, list) => {
    const model = backend.compile(sequential(5, list), { batch: 11, loss: meanSquaredError(), seed: 3 })
    const kink = /relu/i.test(name) || name === 'leakyRelu' || name === 'relu'
    expect(gradientError(model, randomBatch(11, 5, 3, 1), kink ? 1e-3 : 4e-3, 7)).toBeLessThan(kink ? 0.02 : 4e-3)
  })

  it('embedding, two of them, with the same category in several rows', () => {
    const list = [
      embedding({ column: 3, categories: 4, size: 3 }),
      embedding({ column: 1, categories: 2, size: 2 }),
      dense(3),
    ]
    const model = backend.compile(sequential(5, list), { batch: 11, loss: meanSquaredError(), seed: 3 })
    const batch = randomBatch(11, 5, 3, 1)
    for (let i = 0; i < 11; i++) {
      batch.x[i * 5 + 3] = i % 3
      batch.x[i * 5 + 1] = i % 2
    }
    expect(gradientError(model, batch, 4e-3, 7)).toBeLessThan(4e-3)
    const table = model.gradientsOf.get('embedding_0/table') as Float32Array
    expect([...table.subarray(9)]).toEqual([0, 0, 0]) // category 3 does not occur
  })

  it('embedding refuses numbers out of range and columns that are no input', () => {
    const options = { batch: 4, loss: meanSquaredError() }
    const two = [
      embedding({ column: 3, categories: 4, size: 3 }),
      embedding({ column: 1, categories: 2, size: 2 }),
      dense(1),
    ]
    const model = backend.compile(sequential(5, two), options)
    const batch = { rows: 4, x: new Float32Array(20), y: new Float32Array(4) }
    for (const [at, value] of [
      [3, 4],
      [3, -1],
      [1, 2],
      [1, 0.5],
      [6, Number.NaN],
    ]) {
      const x = batch.x.slice()
      x[at] = value
      expect(() => model.gradients({ ...batch, x }, { step: 1, accumulate: false })).toThrow(
        'must hold whole numbers from 0 to',
      )
      expect(() => model.predict(x, 4, new Float32Array(4))).toThrow('must hold whole numbers from 0 to')
    }
    model.gradients(batch, { step: 1, accumulate: false })
    expect(() =>
      backend.compile(sequential(5, [dense(3), embedding({ column: 0, categories: 2, size: 1 })]), options),
    ).toThrow("column of layer 'embedding_0' must be one of the model's input")
    expect(() =>
      backend.compile(sequential(5, [two[0], embedding({ column: 5, categories: 2, size: 1 })]), options),
    ).toThrow("column of layer 'embedding_1'")
  })

  const losses: readonly (readonly [string, Loss, Batch])[] = [
    ['mean squared error', meanSquaredError(), randomBatch(11, 5, 3, 2)],
    ['huber', huber(0.7), randomBatch(11, 5, 3, 2)],
    ['quantile', quantile(0.8), randomBatch(11, 5, 3, 2)],
    ['cross entropy', crossEntropy(), randomBatch(11, 5, 1, 2, 3)],
    ['cross entropy, smoothed', crossEntropy({ labelSmoothing: 0.2 }), randomBatch(11, 5, 1, 2, 3)],
    ['focal', focal({ gamma: 1.5 }), randomBatch(11, 5, 1, 2, 3)],
    ['binary cross entropy', binaryCrossEntropy(), randomBatch(11, 5, 3, 2, 2)],
    ['sharpe', sharpe(), randomBatch(11, 5, 3, 2)],
    ['sharpe with cost', sharpe({ cost: 0.05 }), randomBatch(11, 5, 3, 2)],
  ]
  it.each(losses)('%s', (_name, loss, batch) => {
    const model = backend.compile(sequential(5, [dense(6, { activation: 'tanh' }), dense(3)]), {
      batch: 11,
      loss,
      seed: 4,
    })
    expect(gradientError(model, batch, 3e-3, 9)).toBeLessThan(loss.name === 'quantile' ? 0.05 : 5e-3)
  })

  it('weighted rows, and soft targets that equal hard ones', () => {
    const weight = Float32Array.from({ length: 11 }, (_x, i) => i / 3)
    const hard = { ...randomBatch(11, 5, 1, 2, 3), weight }
    const soft = {
      ...hard,
      y: Float32Array.from({ length: 33 }, (_x, i) => (hard.y[Math.floor(i / 3)] === i % 3 ? 1 : 0)),
    }
    const model = backend.compile(sequential(5, [dense(3)]), {
      batch: 11,
      loss: crossEntropy({ labelSmoothing: 0.1 }),
      seed: 4,
    })
    expect(gradientError(model, hard, 3e-3, 9)).toBeLessThan(5e-3)
    const a = model.gradients(hard, { step: 1, accumulate: false })
    const g = [...(model.gradientsOf.get('dense_0/kernel') as Float32Array)]
    expect(model.gradients(soft, { step: 1, accumulate: false })).toEqual(a)
    expect([...(model.gradientsOf.get('dense_0/kernel') as Float32Array)]).toEqual(g)
  })
})

describe('losses by hand', () => {
  const evaluate = (loss: Loss, prediction: number[], target: number[], outputs: number) =>
    loss.evaluate(
      {
        rows: prediction.length / outputs,
        outputs,
        targets: (target.length * outputs) / prediction.length,
        prediction: Float32Array.from(prediction),
        target: Float32Array.from(target),
        weight: undefined,
      },
      undefined,
      1,
    )

  it.each([
    ['mse', meanSquaredError(), [1, 2, 3, 4], [1, 0, 0, 0], 2, 4 / 2 + (9 + 16) / 2],
    ['huber', huber(1), [0.5, 3], [0, 0], 1, 0.125 + 2.5],
    ['quantile', quantile(0.9), [1, -1], [0, 0], 1, 0.1 + 0.9],
    ['cross entropy', crossEntropy(), [0, 0, Math.log(3), 0], [1, 0], 2, Math.log(2) + Math.log(4 / 3)],
    ['focal', focal({ gamma: 2 }), [0, 0], [0], 2, 0.25 * Math.log(2)],
    ['binary', binaryCrossEntropy(), [0], [1], 1, Math.log(2)],
    ['sharpe', sharpe({ epsilon: 1e-12 }), [1, 1, -1], [1, 2, -3], 1, (-3 * 2) / Math.sqrt(2 / 3)],
  ] as const)('%s', (_name, loss, prediction, target, outputs, expected) => {
    expect(evaluate(loss, [...prediction], [...target], outputs).sum).toBeCloseTo(expected, 6)
  })
})
