import { createManualClock } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  type ArrayDatasetInput,
  adam,
  arrayDataset,
  createTrainer,
  crossEntropy,
  dense,
  dropout,
  type FitOptions,
  fusedBackend,
  meanSquaredError,
  sequential,
  type TrainerOptions,
} from '../src/index.ts'
import { memoryCheckpoints } from './memory-checkpoints.ts'

const x = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i))
const y = Float32Array.from({ length: 20 }, (_, i) => i % 2)
const rows = (more: Partial<ArrayDatasetInput> = {}) => arrayDataset({ x, inputs: 2, y, ...more })
const base: TrainerOptions = {
  model: sequential(2, [dense(4, { activation: 'relu' }), dropout(0.2), dense(2)]),
  loss: crossEntropy(),
  updateRule: adam(),
  backend: fusedBackend(),
  batch: 8,
  rate: 0.01,
  seed: 1,
}
const weights = (trainer: ReturnType<typeof createTrainer>) => [...trainer.model.values.values()].map((v) => [...v])

/** Trains a little; the weights before and after. */
async function train(more: Partial<TrainerOptions> = {}, data = rows(), options: Partial<FitOptions> = {}) {
  const trainer = createTrainer({ ...base, ...more })
  const before = weights(trainer)
  const result = await trainer.fit(data, { epochs: 2, ...options })
  return { before, after: weights(trainer), result, trainer }
}

describe('what is refused', () => {
  const options: [string, Partial<TrainerOptions>, string][] = [
    ['rate NaN', { rate: Number.NaN }, 'rate must be a number >= 0 and finite, was NaN'],
    ['rate Infinity', { rate: Number.POSITIVE_INFINITY }, 'rate must be a number >= 0 and finite, was Infinity'],
    ['rate below 0', { rate: -1 }, 'rate must be a number >= 0 and finite, was -1'],
    ['rate as text', { rate: '0.1' as unknown as number }, 'rate must be a number >= 0 and finite, was 0.1'],
    ['batch 0', { batch: 0 }, 'batch must be an integer >= 1, was 0'],
    [
      'dropout 1',
      { model: sequential(2, [dropout(1), dense(2)]) },
      "rate of layer 'dropout_0' must lie in [0, 1), was 1",
    ],
    ['no layer', { model: sequential(2, []) }, 'a model must have a layer'],
    ['group rate', { groups: [{ match: 'dense', rate: Number.NaN }] }, "rate of group 'dense' must be a number >= 0"],
    ['group decay', { groups: [{ match: 'dense', decay: -1 }] }, "decay of group 'dense' must be a number >= 0"],
  ]
  it.each(options)('%s', async (_, more, text) => {
    await expect(train(more)).rejects.toThrow(`[BAD_OPTION] ${text}`)
  })

  it('an empty dataset, and weights that are none', () => {
    expect(() => arrayDataset({ x: new Float32Array(0), inputs: 2, y: new Float32Array(0) })).toThrow(
      '[BAD_SHAPE] x must have rows of 2 numbers, was 0 numbers',
    )
    const weight = (value: number) => () => rows({ weight: new Float32Array(20).fill(value) })
    expect(weight(Number.NaN)).toThrow('[BAD_DATA] weight must be >= 0 and finite, was NaN in row 0')
    expect(weight(-1)).toThrow('[BAD_DATA] weight must be >= 0 and finite, was -1 in row 0')
    expect(weight(0)).toThrow('[BAD_DATA] weight must have a sum above 0, was 0')
  })

  it.each([5, Number.NaN, 0.5, -1])('a class %d of two, with its row', async (label) => {
    const wrong = y.slice()
    wrong[13] = label
    await expect(train({}, rows({ y: wrong }), { sampling: 'sequential' })).rejects.toThrow(
      `[BAD_DATA] the target of crossEntropy must be a class from 0 to 1, was ${label} in row 5`,
    )
  })

  it('NaN and Infinity in the data, by step, batch and where', async () => {
    const at = (array: Float32Array, i: number, value: number) => array.map((v, j) => (i === j ? value : v))
    await expect(
      train({}, rows({ x: at(x, 20, Number.POSITIVE_INFINITY) }), { sampling: 'sequential' }),
    ).rejects.toThrow('at step 2 (epoch 0, batch 2); first not finite: the input')
    await expect(
      train({ loss: meanSquaredError(), model: sequential(2, [dense(1)]) }, rows({ y: at(y, 19, Number.NaN) }), {
        sampling: 'sequential',
      }),
    ).rejects.toThrow('at step 3 (epoch 0, batch 3); first not finite: the target')
  })
})

describe('what is no option, state or input', () => {
  it.each([
    ['no backend', { backend: undefined }, 'backend must be given, was undefined'],
    ['no loss', { loss: undefined }, 'loss must be given, was undefined'],
    ['another name', { learningRate: 1 }, "'learningRate'"],
    ['a trick by name', { tricks: ['clipNorm'] }, "tricks must be what the tricks' functions return, was clipNorm"],
  ])('%s', (_, more, text) => {
    expect(() => createTrainer({ ...base, ...(more as Partial<TrainerOptions>) })).toThrow(text)
  })

  it('predictions from half a row, or from float64', () => {
    const trainer = createTrainer(base)
    expect(() => trainer.predict(new Float32Array(3))).toThrow('[BAD_SHAPE] predict takes [1.5, 2]')
    expect(() => trainer.predict(new Float64Array(4) as unknown as Float32Array)).toThrow(
      '[BAD_SHAPE] the input of predict must be float32 [rows, 2], was float64 of 4 numbers',
    )
  })

  it('half a state', () => {
    const { updates: _, ...half } = createTrainer(base).save() as Record<string, never>
    expect(() => createTrainer(base).restore(half)).toThrow('[BAD_DATA] a training state must have its updates')
  })

  it('two trainings of one trainer at a time', async () => {
    const trainer = createTrainer(base)
    const first = trainer.fit(rows(), { epochs: 1 })
    await expect(trainer.fit(rows(), { epochs: 1 })).rejects.toThrow('[BAD_OPTION] a trainer must be free to be fitted')
    await first
    await trainer.fit(rows(), { epochs: 2 })
    expect(trainer.epoch).toBe(2)
  })

  it.each([2 ** 32, 2 ** 40])('more than 2^31 bytes: %d units', (units) => {
    const huge = sequential(2, [dense(units), dense(2)])
    expect(() => createTrainer({ ...base, model: huge })).toThrow(/^\[OUT_OF_MEMORY\] .*lower the batch/)
  })
})

describe('what is odd, but legal', () => {
  it.each([
    ['batch of 1', { batch: 1 }, 40],
    ['batch above the rows there are', { batch: 1000 }, 2],
    ['one layer', { model: sequential(2, [dense(2)]) }, 6],
    ['dropout 0', { model: sequential(2, [dense(4), dropout(0), dense(2)]) }, 6],
  ] as const)('%s trains', async (_, more, steps) => {
    const { before, after, result } = await train(more)
    expect(result.steps).toBe(steps)
    expect(after).not.toEqual(before)
    expect(after.flat().every(Number.isFinite)).toBe(true)
  })

  it.each([
    ['rate 0', { rate: 0 }],
    ['every parameter frozen', { groups: [{ match: '', frozen: true }] }],
  ])('%s changes nothing', async (_, more) => {
    const { before, after } = await train(more)
    expect(after).toEqual(before)
  })

  it('a batch whose rows all count 0 makes no update; the others do', async () => {
    const weight = new Float32Array(20).fill(1)
    weight.fill(0, 8, 16)
    const { trainer, result } = await train({}, rows({ weight }), { sampling: 'sequential', epochs: 1 })
    expect(result.steps).toBe(3)
    expect(result.loss).toBeGreaterThan(0)
    expect(weights(trainer).flat().every(Number.isFinite)).toBe(true)
  })
})

it('aborted in mid-epoch, then resumed elsewhere from the checkpoint: the bits of one at a stretch', async () => {
  const straight = await train({}, rows(), { epochs: 6 })
  const checkpoints = memoryCheckpoints()
  const clock = createManualClock()
  // Time passes with each reading, so that the trainer looks for an abort after every update.
  const elapsed = {
    ...clock,
    elapsed: () => {
      clock.advance(100)
      return clock.elapsed()
    },
  }
  const abort = new AbortController()
  const trainer = createTrainer({ ...base, clock: elapsed })
  setImmediate(() => setImmediate(() => setImmediate(() => setImmediate(() => abort.abort(new Error('enough'))))))
  await expect(
    trainer.fit(rows(), { epochs: 6, checkpoints, checkpointEvery: 1, signal: abort.signal }),
  ).rejects.toThrow('enough')
  expect(trainer.step % 3).not.toBe(0)
  const other = createTrainer(base)
  await other.fit(rows(), { epochs: 6, checkpoints, checkpointEvery: 1 })
  expect(other.step).toBe(18)
  expect(weights(other)).toEqual(straight.after)
})
