import { createManualClock } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  adam,
  arrayDataset,
  benchmarkModelPerformance,
  chromeTrace,
  clipNorm,
  createTrainer,
  crossEntropy,
  type Dataset,
  dense,
  findBatchSize,
  findBottlenecks,
  findLearningRate,
  fusedBackend,
  type LayerDefinition,
  type Loss,
  layerRegistry,
  oneCycle,
  sequential,
  sgd,
  type TrainerOptions,
  type UpdateRule,
} from '../src/index.ts'
import { randomBatch } from './random-batch.ts'

const raw = randomBatch(256, 8, 1, 1, 3)
const data = arrayDataset({
  x: raw.x,
  inputs: 8,
  y: Float32Array.from({ length: 256 }, (_, i) => (raw.x[i * 8] > 0 ? 1 : 0)),
})

/** A training on a clock of its own, in which each planted part takes so many ms. */
async function planted(cost: {
  data?: number
  loss?: number
  update?: number
  validation?: number
  overhead?: number
}) {
  const clock = createManualClock()
  const dataset: Dataset = {
    ...data,
    gather(...args) {
      clock.advance(cost.data ?? 1)
      data.gather(...args)
    },
  }
  const plain = crossEntropy()
  let validating = false
  const loss: Loss = {
    ...plain,
    evaluate(batch, gradient, factor) {
      if (gradient === undefined) {
        validating = true
        clock.advance(cost.validation ?? 0)
      } else {
        clock.advance(cost.loss ?? 1)
      }
      return plain.evaluate(batch, gradient, factor)
    },
  }
  const rule: UpdateRule = {
    ...sgd(),
    update(step) {
      if (step.value.length === 2 * 16) clock.advance(cost.update ?? 1)
      sgd().update(step)
    },
  }
  // A layer of a user's own, which takes 10 ms forward and 10 ms backward and passes everything on.
  const slow: LayerDefinition = {
    ...slowLayer,
    fused: {
      ...slowLayer.fused,
      forward:
        (kernels, _shape, columns, { x, y }, run) =>
        () => {
          clock.advance(10)
          kernels.fill(run.rows * columns, 0, y)
          kernels.axpy(run.rows * columns, 1, x, y)
        },
      backward:
        (kernels, _shape, columns, { dy, dx }, run) =>
        () => {
          clock.advance(10)
          kernels.fill(run.rows * columns, 0, dx)
          kernels.axpy(run.rows * columns, 1, dy, dx)
        },
    },
  }
  const trainer = createTrainer({
    model: sequential(8, [dense(16, { activation: 'relu' }), { type: 'slow', options: {} }, dense(2)]),
    loss,
    updateRule: rule,
    backend: fusedBackend({ clock, layers: layerRegistry([slow]) }),
    batch: 64,
    clock,
  })
  const start = clock.elapsed()
  await trainer.fit(dataset, { epochs: 3, validation: data, onProgress: () => clock.advance(cost.overhead ?? 0) })
  expect(validating).toBe(true)
  return findBottlenecks(trainer.times(), clock.elapsed() - start)
}

const slowLayer: LayerDefinition = {
  type: 'slow',
  shape: (_options, columns) => ({ columns, parameters: [], statColumns: 0, needs: { input: false, output: false } }),
  fused: {
    workspace: () => ({ forwardPacked: 0, backwardPacked: 0, scratch: 0 }),
    forward: () => () => {},
    backward: () => () => {},
  },
  tf: (_context, _spec, x) => x,
}

describe('findBottlenecks', () => {
  it('finds nothing where forward and backward have the time', async () => {
    expect(await planted({})).toEqual([])
  })

  it.each([
    ['data', { data: 40 }],
    ['loss', { loss: 40 }],
    ['update', { update: 60 }],
    ['validation', { validation: 40 }],
    ['overhead', { overhead: 400 }],
  ] as const)('finds a planted %s', async (part, cost) => {
    const found = await planted(cost)
    expect(found.map((each) => each.part)).toEqual([part])
    expect(found[0].share).toBeGreaterThan(0.3)
    expect(found[0].advice.length).toBeGreaterThan(20)
  })
})

const base: TrainerOptions = {
  model: sequential(8, [dense(16, { activation: 'relu' }), dense(2)]),
  loss: crossEntropy(),
  updateRule: adam(),
  backend: fusedBackend(),
  batch: 32,
  seed: 1,
}

it('benchmarkModelPerformance counts what was done', async () => {
  const found = await benchmarkModelPerformance(base, data, { epochs: 3, predictions: 100 })
  expect(found.times).toMatchObject({ rows: 3 * 256, steps: 3 * 8 })
  expect(found.backend).toContain('fused')
  expect(Math.min(found.rowsPerSecond, found.msPerStep, found.predictionUs)).toBeGreaterThan(0)
  expect(Math.abs((found.rowsPerSecond * found.msPerStep) / 32_000 - 1)).toBeLessThan(1e-9)
  expect(found.bytes).toBeGreaterThan(found.stepBytes)
})

it('chromeTrace lays every step out in time', async () => {
  const trick = chromeTrace({ maxSteps: 5 })
  const trainer = createTrainer({ ...base, tricks: [trick, clipNorm(1)] })
  await trainer.fit(data, { epochs: 2 })
  const { traceEvents } = JSON.parse(JSON.stringify(trick.trace())) as ReturnType<typeof trick.trace>
  expect(traceEvents.map(({ name }) => name)).toEqual(
    Array(5).fill(['step', 'data', 'forward', 'loss', 'backward', 'update']).flat(),
  )
  const steps = traceEvents.filter(({ name }) => name === 'step')
  expect(steps.map(({ args }) => args?.step)).toEqual([1, 2, 3, 4, 5])
  for (let i = 1; i < 5; i++) expect(steps[i].ts).toBeGreaterThanOrEqual(steps[i - 1].ts + steps[i - 1].dur - 1e-6)
  for (const { ph, dur, pid } of traceEvents) expect([ph, dur >= 0, pid]).toEqual(['X', true, 1])
})

describe('finders', () => {
  it('the rate: between too small to learn and too large to hold', async () => {
    const found = await findLearningRate({ ...base, updateRule: sgd() }, data, { from: 1e-4, to: 1e4, steps: 60 })
    expect(found.rates[0]).toBeCloseTo(1e-4, 12)
    expect(found.rates.length).toBe(found.losses.length)
    expect(found.suggestion).toBeGreaterThan(3e-3)
    expect(found.suggestion).toBeLessThan(30)
    expect(found.divergedAt).toBeGreaterThan(found.suggestion)
    const again = await findLearningRate({ ...base, updateRule: sgd() }, data, { from: 1e-4, to: 1e4, steps: 60 })
    expect(again).toEqual(found)
    await expect(findLearningRate({ ...base, tricks: [oneCycle()] }, data)).rejects.toThrow(
      "'oneCycle' and 'findLearningRate'",
    )
    const reason = new Error('stop')
    await expect(findLearningRate(base, data, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('the batch: bytes grow, the limit holds, the fastest of those that fit wins', () => {
    const clock = createManualClock()
    // A row takes 1 ms, a step 100 ms; above 64 rows, a row takes 4.
    const plain = crossEntropy()
    const loss: Loss = {
      ...plain,
      evaluate(batch, gradient, factor) {
        clock.advance(100 + (batch.rows > 64 ? 4 : 1) * batch.rows)
        return plain.evaluate(batch, gradient, factor)
      },
    }
    const options = { ...base, loss }
    const all = findBatchSize(options, data, { candidates: [16, 64, 256, 1024], clock, steps: 3 })
    expect(all.findings.map(({ batch }) => batch)).toEqual([16, 64, 256])
    expect(all.findings.map(({ rowsPerSecond }) => Math.round(rowsPerSecond))).toEqual([138, 390, 228])
    expect([all.throughputOptimal, all.memoryOptimal]).toEqual([64, 256])
    expect(all.findings[2].bytes).toBeGreaterThan(all.findings[0].bytes)
    const limit = all.findings[2].bytes - 1
    expect(findBatchSize(options, data, { candidates: [16, 256], maxBytes: limit, clock }).memoryOptimal).toBe(16)
    expect(() => findBatchSize(options, data, { maxBytes: 10, clock })).toThrow('[OUT_OF_MEMORY]')
  })
})
