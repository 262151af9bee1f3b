import { describe, expect, it } from 'vitest'
import {
  type CompileOptions,
  crossEntropy,
  dense,
  dropout,
  fusedBackend,
  layerNorm,
  type ModelSpec,
  residual,
  sequential,
} from '../src/index.ts'
import { memoryPlan } from '../src/memory-plan.ts'
import { randomBatch } from './random-batch.ts'

const deep = sequential(32, [...Array.from({ length: 15 }, () => dense(48, { activation: 'relu' })), dense(3)])
const mixed = sequential(32, [
  dense(24, { activation: 'tanh' }),
  residual([layerNorm(), dense(24, { activation: 'gelu' }), dropout(0.2), dense(24)]),
  dense(24, { activation: 'relu' }),
  residual([dense(24, { activation: 'relu' }), residual([layerNorm(), dense(24)])]),
  dense(3),
])
const batch = randomBatch(64, 32, 1, 1, 3)

function gradients(model: ModelSpec, options: Partial<CompileOptions>): Map<string, number[]> {
  const compiled = fusedBackend().compile(model, { batch: 64, loss: crossEntropy(), seed: 1, ...options })
  compiled.gradients(batch, { step: 3, accumulate: false })
  return new Map([...compiled.gradientsOf].map(([name, values]) => [name, [...values]]))
}

describe('checkpointing', () => {
  it.each([1, 2, 3, 4, 7, 100, 'recursive'] as const)('%s gives the same gradients to the last bit', (checkpoint) => {
    expect(gradients(deep, { checkpoint })).toEqual(gradients(deep, {}))
    expect(gradients(mixed, { checkpoint })).toEqual(gradients(mixed, {}))
  })

  it('takes at most 40 % of the peak on 16 layers', () => {
    const peak = (checkpoint: 'all' | 'recursive' | number) => {
      const wide = sequential(256, [...Array.from({ length: 15 }, () => dense(256, { activation: 'relu' })), dense(3)])
      const model = fusedBackend().compile(wide, { batch: 1024, loss: crossEntropy(), checkpoint })
      return model.memory().activations
    }
    expect(peak('recursive') / peak('all')).toBeLessThanOrEqual(0.4)
    expect(peak(4) / peak('all')).toBeLessThan(0.55)
  })
})

describe('16-bit storage', () => {
  it.each(['bfloat16', 'float16'] as const)('%s halves what is kept, and stays near float32', (activations) => {
    const full = fusedBackend().compile(deep, { batch: 64, loss: crossEntropy(), seed: 1 })
    const half = fusedBackend().compile(deep, { batch: 64, loss: crossEntropy(), seed: 1, precision: { activations } })
    expect(half.memory().kept).toBeLessThan(full.memory().kept * 0.51)
    expect(half.memory().saved).toBe(full.memory().kept - half.memory().kept)
    expect(half.memory().activations).toBeLessThan(full.memory().activations * 0.75)
    expect(half.precisionReport()).toContain(`stored in ${activations}`)
    expect(half.precisionReport()).toContain(`${half.memory().saved} bytes saved`)
    const a = full.gradients(batch, { step: 1, accumulate: false })
    const b = half.gradients(batch, { step: 1, accumulate: false })
    expect(b.sum).not.toBe(a.sum)
    expect(Math.abs(b.sum / a.sum - 1)).toBeLessThan(0.01)
  })

  it('weights in bfloat16 are rounded copies of a float32 master', () => {
    const model = fusedBackend().compile(deep, {
      batch: 64,
      loss: crossEntropy(),
      seed: 1,
      precision: { weights: 'bfloat16' },
    })
    const out = new Float32Array(64 * 3)
    const before = [...model.predict(batch.x, 64, out)]
    const kernel = model.values.get('dense_0/kernel') as Float32Array
    // A change below half a bfloat16 step does not reach the products, but stays in the master.
    for (let i = 0; i < kernel.length; i++) {
      const bits = new Uint32Array(Float32Array.of(kernel[i]).buffer)
      const rounded = new Float32Array(Uint32Array.of((bits[0] & 0xffff0000) | 0x1000).buffer)[0]
      kernel[i] = rounded
    }
    model.commit()
    const base = [...model.predict(batch.x, 64, out)]
    expect(base).not.toEqual(before)
    for (let i = 0; i < kernel.length; i++) kernel[i] *= 1 + 2 ** -12
    model.commit()
    expect([...model.predict(batch.x, 64, out)]).toEqual(base)
    const loss = model.evaluate(batch)
    expect(Math.abs(model.gradients(batch, { step: 1, accumulate: false }).sum / loss.sum - 1)).toBeLessThan(1e-6)
  })
})

describe('memoryPlan', () => {
  it('gives two buffers one place only when no step needs both', () => {
    const plan = memoryPlan()
    const [a, b, c] = [plan.buffer(100), plan.buffer(100), plan.buffer(100)]
    plan.emit('1', [a, b], () => () => {})
    plan.emit('2', [b, c], () => () => {})
    const placed = plan.place(1024)
    expect(a.offset).toBe(c.offset)
    expect(b.offset).not.toBe(a.offset)
    expect(placed.bytes).toBe(256)
  })
})

it('accumulating two halves equals the whole', () => {
  const model = fusedBackend().compile(mixed, { batch: 64, loss: crossEntropy(), seed: 1 })
  const quiet = sequential(
    mixed.inputs,
    mixed.layers
      .filter((layer) => layer.type !== 'dropout')
      .map((layer) => (layer.type === 'add' && layer.options.back === 5 ? { ...layer, options: { back: 4 } } : layer)),
  )
  const whole = fusedBackend().compile(quiet, { batch: 64, loss: crossEntropy(), seed: 1 })
  whole.gradients(batch, { step: 1, accumulate: false })
  const expected = [...whole.gradientsOf].map(([name, values]) => [name, values.slice()] as const)
  const half = (from: number) => ({
    rows: 32,
    x: batch.x.slice(from * 32, (from + 32) * 32),
    y: batch.y.slice(from, from + 32),
  })
  whole.gradients(half(0), { step: 1, accumulate: false })
  whole.gradients(half(32), { step: 1, accumulate: true })
  for (const [name, values] of expected) {
    const size = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0))
    const sum = whole.gradientsOf.get(name) as Float32Array
    expect(Math.sqrt(values.reduce((total, x, i) => total + (x - sum[i]) ** 2, 0)) / size).toBeLessThan(1e-6)
  }
  model.dispose()
  expect(() => model.evaluate(batch)).toThrow('[DISPOSED]')
})
