import { createManualClock, createRng, isTradewrightError, type TradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  adam,
  adamW,
  arrayDataset,
  createTrainer,
  crossEntropy,
  dense,
  dropout,
  fusedBackend,
  lion,
  lookahead,
  meanSquaredError,
  momentum,
  nadam,
  sam,
  sequential,
  sgd,
  sharpe,
  type TrainerOptions,
} from '../src/index.ts'
import { memoryCheckpoints } from './memory-checkpoints.ts'

/** Points in a plane, of the class of their quadrant's parity. */
function quadrants(rows: number, seed: number) {
  const rng = createRng(seed)
  const x = Float32Array.from({ length: rows * 2 }, () => 2 * rng.uniform() - 1)
  const y = Float32Array.from({ length: rows }, (_, i) => (x[2 * i] * x[2 * i + 1] > 0 ? 1 : 0))
  return arrayDataset({ x, inputs: 2, y })
}

const data = quadrants(300, 1)
const model = sequential(2, [
  dense(16, { activation: 'relu' }),
  dropout(0.1),
  dense(8, { activation: 'tanh' }),
  dense(2),
])
const base: TrainerOptions = {
  model,
  loss: crossEntropy(),
  updateRule: adam(),
  backend: fusedBackend(),
  batch: 32,
  rate: 0.01,
  seed: 7,
}
const weights = (trainer: ReturnType<typeof createTrainer>) =>
  [...trainer.model.values].map(([name, v]) => [name, [...v]])

async function refusal(run: () => unknown): Promise<TradewrightError> {
  try {
    await run()
  } catch (error) {
    if (isTradewrightError(error)) return error
    throw error
  }
  throw new Error('was accepted')
}

describe('fit', () => {
  it('learns, reports every epoch, and predicts what it learned', async () => {
    const trainer = createTrainer(base)
    const seen: number[] = []
    const heard: number[] = []
    trainer.events.on('training:epoch', ({ epoch }) => heard.push(epoch))
    const result = await trainer.fit(data, {
      epochs: 60,
      validation: quadrants(200, 2),
      onProgress: ({ epoch }) => seen.push(epoch),
    })
    expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
    expect(heard).toEqual(seen)
    expect(result).toMatchObject({ epochs: 60, steps: 600, why: 'epochs' })
    expect(result.validationLoss).toBeLessThan(0.25)
    const out = trainer.predict(Float32Array.of(0.5, 0.5, -0.5, 0.5))
    expect([out[1] > out[0], out[3] > out[2]]).toEqual([true, false])
    const times = trainer.times()
    expect(times.rows).toBe(300 * 60)
    expect(Math.min(times.forward, times.backward, times.update)).toBeGreaterThan(0)
  })

  it('gives the same model for the same seed, another for another', async () => {
    const train = async (seed: number) => {
      const trainer = createTrainer({ ...base, seed })
      await trainer.fit(data, { epochs: 3 })
      return weights(trainer)
    }
    expect(await train(1)).toEqual(await train(1))
    expect(await train(1)).not.toEqual(await train(2))
  })

  it.each([
    ['sgd', sgd()],
    ['momentum', momentum()],
    ['adamW', adamW()],
    ['nadam', nadam()],
    ['lion', lion()],
    ['lookahead', lookahead(adam())],
    ['sam', sam(adam())],
    ['sam in lookahead', lookahead(sam(momentum()))],
  ] as const)('resumes exactly in mid-epoch, %s', async (_, updateRule) => {
    const straight = createTrainer({ ...base, updateRule })
    await straight.fit(data, { epochs: 4 })
    const checkpoints = memoryCheckpoints()
    await createTrainer({ ...base, updateRule }).fit(data, { epochs: 4, checkpoints, checkpointEvery: 7 })
    expect(checkpoints.saved.map(({ info }) => info.step)).toEqual([7, 14, 21, 28, 35])
    checkpoints.saved.length = 2 // as if it had died after step 14, in the second epoch
    const resumed = createTrainer({ ...base, updateRule })
    const result = await resumed.fit(data, { epochs: 4, checkpoints, checkpointEvery: 7 })
    expect(weights(resumed)).toEqual(weights(straight))
    expect(result.steps).toBe(40)
  })

  it('keeps its state when aborted, and goes on to the same end', async () => {
    const straight = createTrainer(base)
    await straight.fit(data, { epochs: 6 })
    const reason = new Error('enough')
    const controller = new AbortController()
    const clock = createManualClock()
    const trainer = createTrainer({ ...base, clock })
    const run = trainer.fit(data, {
      epochs: 6,
      signal: controller.signal,
      onProgress: ({ epoch }) => {
        clock.advance(100)
        if (epoch === 3) controller.abort(reason)
      },
    })
    await expect(run).rejects.toBe(reason)
    expect(trainer.epoch).toBe(3)
    const other = createTrainer(base)
    other.restore(structuredClone(trainer.save()))
    await other.fit(data, { epochs: 6 })
    await trainer.fit(data, { epochs: 6 })
    expect(weights(trainer)).toEqual(weights(straight))
    expect(weights(other)).toEqual(weights(straight))
  })

  it('freezes and slows groups of parameters', async () => {
    const groups = [
      { match: 'dense_0', frozen: true },
      { match: 'dense_1/bias', rate: 0 },
    ]
    const trainer = createTrainer({ ...base, groups })
    const before = new Map(weights(trainer) as [string, number[]][])
    await trainer.fit(data, { epochs: 1 })
    for (const [name, values] of weights(trainer) as [string, number[]][]) {
      if (name.startsWith('dense_0') || name === 'dense_1/bias') expect(values).toEqual(before.get(name))
      else expect(values).not.toEqual(before.get(name))
    }
    expect((await refusal(() => createTrainer({ ...base, groups: [{ match: 'dense_9' }] }))).message).toContain(
      "was 'dense_9'",
    )
  })

  it('decays kernels, not biases', async () => {
    const run = async (decay: number) => {
      const trainer = createTrainer({ ...base, rate: 0.1, updateRule: adamW({ decay }) })
      const frozen = new Map([...trainer.model.values].map(([name, v]) => [name, v.slice()]))
      await trainer.fit(data, { epochs: 1 })
      return { trainer, frozen }
    }
    const [a, b] = [await run(0), await run(0.5)]
    const norm = (t: typeof a, name: string) => Math.hypot(...(t.trainer.model.values.get(name) as Float32Array))
    expect(norm(b, 'dense_0/kernel')).toBeLessThan(norm(a, 'dense_0/kernel') * 0.9)
  })
})

describe('bad input gets one clear error', () => {
  it('shapes, with both of them', async () => {
    const trainer = createTrainer(base)
    const wrong = arrayDataset({ x: new Float32Array(9), inputs: 3, y: new Float32Array(3) })
    expect((await refusal(() => trainer.fit(wrong, { epochs: 1 }))).message).toContain(
      '[rows, 2] for the first layer, was [3, 3]',
    )
    const targets = arrayDataset({ x: new Float32Array(6), inputs: 2, y: new Float32Array(15) })
    expect((await refusal(() => trainer.fit(targets, { epochs: 1 }))).message).toContain(
      'crossEntropy must have shape [rows, 1 or 2], was [rows, 5]',
    )
    const sum = sequential(2, [dense(4), { type: 'add', options: { back: 1 } }])
    expect(await refusal(() => createTrainer({ ...base, model: sum }))).toMatchObject({
      code: 'BAD_SHAPE',
      message: expect.stringContaining("layer 'add_0' must add equal shapes, was [rows, 4] and [rows, 2]"),
    })
  })

  it('dtypes, with the layer and both of them', async () => {
    const { model: compiled } = createTrainer(base)
    const doubles = new Float64Array(8) as unknown as Float32Array
    const y = new Float32Array(4)
    expect((await refusal(() => arrayDataset({ x: doubles, inputs: 2, y }))).message).toContain(
      'x must be float32 [rows, 2], was float64 of 8 numbers; convert it with Float32Array.from',
    )
    const ints = Int32Array.of(0, 1, 0, 1) as unknown as Float32Array
    expect((await refusal(() => arrayDataset({ x: new Float32Array(8), inputs: 2, y: ints }))).message).toContain(
      'y must be float32 [rows, targets], was int32 of 4 numbers',
    )
    const run = (batch: { x: Float32Array; y: Float32Array }) =>
      refusal(() => compiled.gradients({ rows: 4, ...batch }, { step: 0, accumulate: false }))
    expect(await run({ x: doubles, y })).toMatchObject({
      code: 'BAD_SHAPE',
      message: expect.stringContaining("the input of layer 'dense_0' must be float32 [4, 2], was float64 of 8 numbers"),
    })
    expect((await run({ x: new Float32Array(8), y: ints })).message).toContain(
      "the target of layer 'dense_2' must be float32 [4, targets for 2 outputs], was int32 of 4 numbers",
    )
    expect((await run({ x: new Float32Array(7), y })).message).toContain(
      "the input of layer 'dense_0' must have shape [4, 2], was 7 numbers",
    )
    const lists = [1, 2, 3, 4, 5, 6, 7, 8] as unknown as Float32Array
    expect((await run({ x: lists, y })).message).toContain('was Array of 8 numbers')
    const trainer = createTrainer(base)
    const state = structuredClone(trainer.save()) as unknown as { values: Record<string, unknown> }
    state.values['dense_1/kernel'] = new Float64Array(16 * 8)
    expect((await refusal(() => trainer.restore(state as never))).message).toContain(
      "layer 'dense_1' as it is here: dense_1/kernel is float32 [16, 8], in the state float64 of 128 numbers",
    )
  })

  it('layers: unknown types and bad options, with names', async () => {
    const make = (...layers: Parameters<typeof sequential>[1]) =>
      refusal(() => createTrainer({ ...base, model: sequential(2, layers) }))
    expect((await make({ type: 'dens', options: {} })).details.nearest).toBe('dense')
    expect((await make(dense(0, { name: 'head' }))).message).toContain(
      "units of layer 'head' must be an integer >= 1, was 0",
    )
    expect((await make(dropout(1))).message).toContain('rate')
    expect((await make({ type: 'activation', options: { kind: 'rellu' } })).details.nearest).toBe('relu')
  })

  it('a NaN in the data: step, batch and op', async () => {
    const x = Float32Array.from({ length: 64 }, () => 0.5)
    x[41] = Number.NaN
    const trainer = createTrainer({ ...base, batch: 8 })
    const error = await refusal(() =>
      trainer.fit(arrayDataset({ x, inputs: 2, y: new Float32Array(32) }), { epochs: 1, sampling: 'sequential' }),
    )
    expect(error.code).toBe('TRIAL_FAILED')
    expect(error.message).toContain('at step 3 (epoch 0, batch 3); first not finite: the input')
  })

  it('a loss that blows up: the layer', async () => {
    const trainer = createTrainer({
      ...base,
      model: sequential(2, [dense(4, { name: 'first' }), dense(1, { name: 'second' })]),
      loss: meanSquaredError(),
    })
    ;(trainer.model.values.get('second/kernel') as Float32Array).fill(3e38)
    trainer.model.commit()
    const error = await refusal(() => trainer.fit(data, { epochs: 1 }))
    expect(error.details.op).toBe('forward second')
  })

  it('a state of another architecture: the differing layer', async () => {
    const state = createTrainer(base).save()
    const other = sequential(2, [
      dense(16, { activation: 'relu' }),
      dropout(0.1),
      dense(9, { activation: 'tanh' }),
      dense(2),
    ])
    expect((await refusal(() => createTrainer({ ...base, model: other }).restore(state))).message).toContain(
      "layer 'dense_1' has dense_1/kernel [16, 9], the state dense_1/kernel [16, 8]",
    )
    expect((await refusal(() => createTrainer({ ...base, updateRule: sgd() }).restore(state))).message).toContain(
      "update rule 'sgd', was 'adam'",
    )
  })

  it('out of memory: what to lower', async () => {
    const huge = sequential(60_000, [dense(60_000)])
    expect(await refusal(() => createTrainer({ ...base, model: huge, batch: 60_000 }))).toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: expect.stringContaining('lower the batch'),
    })
  })

  it('a sharpe loss with weighted rows', async () => {
    const y = new Float32Array(4).fill(0.1)
    const weighted = arrayDataset({ x: new Float32Array(8), inputs: 2, y, weight: y })
    const trainer = createTrainer({ ...base, model: sequential(2, [dense(1)]), loss: sharpe() })
    expect((await refusal(() => trainer.fit(weighted, { epochs: 1 }))).message).toContain('weight must be left out')
  })
})
