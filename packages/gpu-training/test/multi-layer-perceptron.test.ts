import { createRng, type FeatureMatrix } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { clipNorm, multiLayerPerceptron } from '../src/index.ts'

function features(rows: number, seed: number, shift = 0): { X: FeatureMatrix; y: Float32Array; line: Float32Array } {
  const rng = createRng(seed)
  const data = Float32Array.from({ length: rows * 3 }, (_, i) => (i % 3 === 2 ? 1000 : 50) * rng.normal() + shift)
  const X = { names: ['a', 'b', 'c'], data, rows, columns: 3 }
  const y = Float32Array.from({ length: rows }, (_, i) =>
    data[i * 3] - shift > 0 ? (data[i * 3 + 1] - shift > 0 ? 2 : 1) : 0,
  )
  return { X, y, line: Float32Array.from({ length: rows }, (_, i) => (data[i * 3] - shift) / 50 + 0.5) }
}

const options = { classes: 3, hidden: [16], epochs: 30, batch: 32, rate: 0.01, seed: 3 }

describe('multiLayerPerceptron', () => {
  it('learns classes from unscaled features with holes, and gives probabilities', async () => {
    const { X, y } = features(600, 1, 5)
    for (let i = 0; i < 60; i++) X.data[i * 30 + 2] = Number.NaN
    const model = multiLayerPerceptron(options, { tricks: () => [clipNorm(5)] })
    await model.fit(X, y)
    const test = features(200, 2, 5)
    const p = model.predict(test.X)
    let right = 0
    for (let i = 0; i < 200; i++) {
      const row = p.subarray(i * 3, i * 3 + 3)
      expect(row[0] + row[1] + row[2]).toBeCloseTo(1, 5)
      if (row[test.y[i]] > 0.5) right++
    }
    expect(right).toBeGreaterThan(180)
    expect(model.bytes).toBeGreaterThan(0)
  })

  it('predicts numbers, weighs rows, and stops early on validation data', async () => {
    const { X, line } = features(400, 1)
    const rounds: number[] = []
    const model = multiLayerPerceptron({ hidden: [16], epochs: 200, batch: 32, rate: 0.02, patience: 2 })
    const held = features(100, 2)
    await model.fit(X, line, {
      sampleWeight: new Float32Array(400).fill(2),
      validation: { X: held.X, y: held.line },
      onProgress: ({ round, validationLoss }) => {
        rounds.push(round)
        expect(validationLoss).toBeGreaterThan(0)
      },
    })
    expect(rounds.length).toBeLessThan(200)
    const p = model.predict(held.X)
    const error = p.reduce((sum, value, i) => sum + (value - held.line[i]) ** 2 / 100, 0)
    expect(error).toBeLessThan(0.02)
  })

  it('saves, loads, and goes on from a saved state', async () => {
    const { X, y } = features(300, 1)
    const model = multiLayerPerceptron({ ...options, epochs: 5 })
    await model.fit(X, y)
    const state = structuredClone(model.save())
    const other = multiLayerPerceptron()
    other.load(state)
    expect([...other.predict(X)]).toEqual([...model.predict(X)])
    const losses = async (initial?: typeof state) => {
      const found: number[] = []
      const warm = multiLayerPerceptron({ ...options, epochs: 2 })
      await warm.fit(X, y, { initial, onProgress: ({ loss }) => found.push(loss ?? Number.NaN) })
      return found
    }
    const [warm, cold] = [await losses(state), await losses()]
    expect(warm).toHaveLength(2)
    expect(warm[0]).toBeLessThan(cold[1] * 0.8)
    // Seven epochs at a stretch are five and two.
    const straight = multiLayerPerceptron({ ...options, epochs: 7 })
    await straight.fit(X, y)
    const split = multiLayerPerceptron({ ...options, epochs: 2 })
    await split.fit(X, y, { initial: state })
    expect([...split.predict(X)]).toEqual([...straight.predict(X)])
  })

  it('refuses other features, another architecture, and predictions before training', async () => {
    const { X, y } = features(50, 1)
    const model = multiLayerPerceptron({ ...options, epochs: 1 })
    expect(() => model.predict(X)).toThrow('must be trained or loaded')
    expect(() => model.save()).toThrow('must be trained or loaded')
    await model.fit(X, y)
    expect(() => model.predict({ ...X, names: ['a', 'c', 'b'] })).toThrow('(a, b, c), was a, c, b')
    const wide = multiLayerPerceptron({ ...options, hidden: [17] })
    await expect(wide.fit(X, y, { initial: model.save() })).rejects.toThrow(
      "layer 'dense_0' has dense_0/kernel [3, 17], the state dense_0/kernel [3, 16]",
    )
    expect(() => multiLayerPerceptron({ classes: 1 })).toThrow('classes')
    const reason = new Error('enough')
    await expect(model.fit(X, y, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
