import { readFileSync } from 'node:fs'
import { createManualClock, createRng, isTradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  adam,
  adaptiveRate,
  anomalyDetection,
  arrayDataset,
  clipNorm,
  clipValue,
  cosineRestarts,
  createTrainer,
  crossEntropy,
  dense,
  dropout,
  dynamicBatching,
  dynamicLossScaling,
  earlyStopping,
  exponentialAverage,
  financialMetrics,
  fusedBackend,
  gradientAccumulation,
  gradientCheckpointing,
  type Loss,
  labelSmoothing,
  linearWarmup,
  meanSquaredError,
  mixup,
  oneCycle,
  polynomialDecay,
  reduceOnPlateau,
  sam,
  sequential,
  sgd,
  sharpe,
  stateOffloading,
  stochasticWeightAveraging,
  type Trainer,
  type TrainerOptions,
  type TrainingRun,
  type Trick,
} from '../src/index.ts'

const rng = createRng(5)
const x = Float32Array.from({ length: 256 }, () => rng.normal())
const classes = Float32Array.from({ length: 64 }, (_, i) =>
  x[i * 4] + x[i * 4 + 1] > 0 ? 2 : x[i * 4 + 2] > 0 ? 1 : 0,
)
const data = arrayDataset({ x, inputs: 4, y: classes })
const base: TrainerOptions = {
  model: sequential(4, [dense(8, { activation: 'tanh' }), dense(8, { activation: 'relu' }), dense(3)]),
  loss: crossEntropy(),
  updateRule: sgd(),
  backend: fusedBackend(),
  batch: 16,
  rate: 0.1,
  seed: 2,
}
const weights = (trainer: Trainer): number[] => [...trainer.model.values.values()].flatMap((v) => [...v])
async function train(options: Partial<TrainerOptions>, epochs = 2, validation = data) {
  const trainer = createTrainer({ ...base, ...options })
  const result = await trainer.fit(data, { epochs, validation })
  return { trainer, result, weights: weights(trainer) }
}

const make: Record<string, () => Trick> = {
  gradientAccumulation: () => gradientAccumulation(3),
  clipValue: () => clipValue(0.05),
  clipNorm: () => clipNorm(0.1),
  gradientCheckpointing: () => gradientCheckpointing(),
  dynamicBatching: () => dynamicBatching({ least: 8, trials: 1, every: 2 }),
  dynamicLossScaling: () => dynamicLossScaling(),
  anomalyDetection: () => anomalyDetection(),
  exponentialAverage: () => exponentialAverage(),
  stochasticWeightAveraging: () => stochasticWeightAveraging({ from: 1 }),
  oneCycle: () => oneCycle(),
  cosineRestarts: () => cosineRestarts({ period: 3 }),
  linearWarmup: () => linearWarmup({ steps: 4 }),
  polynomialDecay: () => polynomialDecay(),
  reduceOnPlateau: () => reduceOnPlateau({ patience: 0 }),
  adaptiveRate: () => adaptiveRate(),
  earlyStopping: () => earlyStopping({ criteria: [{ metric: 'validationLoss' }] }),
  labelSmoothing: () => labelSmoothing(0.1),
  mixup: () => mixup(),
  stateOffloading: () => stateOffloading({ to: 'shared' }),
}
const schedules = ['oneCycle', 'cosineRestarts', 'polynomialDecay', 'reduceOnPlateau', 'adaptiveRate']
const illegal = new Set([
  ...schedules.flatMap((a, i) => schedules.slice(i + 1).map((b) => `${a}+${b}`)),
  'oneCycle+linearWarmup',
  'exponentialAverage+stochasticWeightAveraging',
  'exponentialAverage+earlyStopping',
  'stochasticWeightAveraging+earlyStopping',
  'dynamicLossScaling+anomalyDetection',
])
const pairs = Object.keys(make).flatMap((a, i) =>
  Object.keys(make)
    .slice(i + 1)
    .map((b) => [a, b] as const),
)

describe('pairs of tricks', () => {
  it.each(pairs)('%s with %s', async (a, b) => {
    const tricks = [make[a](), make[b]()]
    if (illegal.has(`${a}+${b}`)) {
      expect(() => createTrainer({ ...base, tricks })).toThrow(`tricks '${a}' and '${b}' cannot be together: `)
      return
    }
    const { result, trainer } = await train({ tricks, updateRule: adam(), rate: 0.01 }, 6)
    expect(result.loss).toBeLessThan(result.history[0].loss)
    trainer.dispose()
  })

  it('the same trick twice is refused', () => {
    expect(() => createTrainer({ ...base, tricks: [clipNorm(1), clipNorm(2)] })).toThrow(
      "[DUPLICATE_NAME] tricks must be unique, was 'clipNorm' twice",
    )
  })

  it('with a loss or rule they cannot work with', () => {
    const regression = { model: sequential(4, [dense(1)]), loss: sharpe() }
    expect(() => createTrainer({ ...base, ...regression, tricks: [gradientAccumulation(2)] })).toThrow(
      "'gradientAccumulation' and loss 'sharpe'",
    )
    expect(() => createTrainer({ ...base, ...regression, tricks: [dynamicBatching()] })).toThrow(
      "'dynamicBatching' and loss 'sharpe'",
    )
    expect(() => createTrainer({ ...base, ...regression, tricks: [mixup()] })).toThrow("'mixup' and loss 'sharpe'")
    expect(() => createTrainer({ ...base, ...regression, tricks: [labelSmoothing(0.1)] })).toThrow(
      "was with loss 'sharpe'",
    )
    expect(() => createTrainer({ ...base, updateRule: sam(sgd()), tricks: [gradientAccumulation(2)] })).toThrow(
      "'sam(sgd)' must have its batch twice",
    )
    expect(() =>
      createTrainer({ ...base, updateRule: sam(sgd()), tricks: [stateOffloading({ to: 'shared' })] }),
    ).toThrow("rule 'sam(sgd)'")
  })
})

describe('gradients', () => {
  it('accumulation equals the large batch to 1e-6', async () => {
    const large = await train({ batch: 64 }, 3)
    const small = await train({ batch: 16, tricks: [gradientAccumulation(4)] }, 3)
    const uneven = await train({ batch: 24, tricks: [gradientAccumulation(3)] }, 3) // 24 + 24 + 16 rows
    expect(small.result.steps).toBe(large.result.steps)
    for (const other of [small, uneven])
      for (let i = 0; i < large.weights.length; i++)
        expect(Math.abs(other.weights[i] - large.weights[i])).toBeLessThan(1e-6)
  })

  it('clipNorm shortens to the norm, clipValue to the limit', async () => {
    const norms: number[] = []
    const most: number[] = []
    const spy: Trick = {
      name: 'spy',
      order: 100,
      gradients({ model }) {
        const all = [...model.gradientsOf.values()].flatMap((g) => [...g])
        norms.push(Math.hypot(...all))
        most.push(Math.max(...all.map(Math.abs)))
        return undefined
      },
    }
    const { result } = await train({ tricks: [spy, clipNorm(0.2)] }, 1)
    expect(Math.max(...norms)).toBeLessThan(0.2 * (1 + 1e-6))
    expect(Math.max(...norms)).toBeGreaterThan(0.2 * (1 - 1e-6))
    expect(result.tricks.clipNorm.clipped).toBeGreaterThan(0)
    await train({ tricks: [clipValue(0.01), spy] }, 1)
    expect(most.at(-1)).toBe(Math.fround(0.01))
  })

  it('checkpointing and offloading change no bit', async () => {
    const plain = await train({ updateRule: adam() }, 3)
    for (const trick of [
      gradientCheckpointing(),
      gradientCheckpointing(1),
      stateOffloading({ to: 'shared' }),
      stateOffloading({ to: 'disk' }),
    ]) {
      const other = await train({ updateRule: adam(), tricks: [trick] }, 3)
      expect(other.weights).toEqual(plain.weights)
      if (trick.name === 'stateOffloading') {
        // Two arrays of each parameter: 4 x 8 + 8, 8 x 8 + 8, 8 x 3 + 3 numbers.
        expect(other.result.tricks.stateOffloading.bytes).toBe(2 * 4 * (40 + 72 + 27))
        expect(other.result.tricks.stateOffloading.ms).toBeGreaterThan(0)
      }
      other.trainer.dispose()
    }
  })

  describe('dynamic batching', () => {
    const wide = { batch: 64, model: sequential(4, [dense(8, { activation: 'tanh' }), dropout(0.3), dense(3)]) }
    const near = (a: readonly number[], b: readonly number[]) =>
      a.forEach((value, i) => {
        expect(Math.abs(value - b[i])).toBeLessThan(1e-6)
      })

    it('by memory: the most rows that fit, and the weights of the whole batch to 1e-6, dropout and SAM among it', async () => {
      const wide = {
        batch: 64,
        rate: 0.02,
        model: sequential(4, [dense(256, { activation: 'tanh' }), dropout(0.3), dense(256), dense(3)]),
      }
      for (const updateRule of [sgd(), sam(sgd())]) {
        const plain = await train({ ...wide, updateRule }, 3)
        const { total } = createTrainer({ ...base, ...wide, updateRule }).model.memory()
        const limited = { goal: 'memory', maxBytes: total - 1, least: 8 } as const
        const {
          weights: found,
          result,
          trainer,
        } = await train({ ...wide, updateRule, tricks: [dynamicBatching(limited)] }, 3)
        near(found, plain.weights)
        expect(trainer.model.batch).toBeLessThan(64)
        expect(trainer.model.memory().total).toBeLessThan(total)
        expect(result.tricks.dynamicBatching).toEqual({
          rows: trainer.model.batch,
          bytes: trainer.model.memory().total,
          measured: 0,
        })
      }
      expect(() => createTrainer({ ...base, ...wide, tricks: [dynamicBatching({ maxBytes: 100 })] })).toThrow(
        /\[OUT_OF_MEMORY\] 32 rows must fit in maxBytes \(100\).*lower least/,
      )
    })

    it('by throughput: what was fastest on the clock, measured again as that changes', async () => {
      const clock = createManualClock()
      const plain = crossEntropy()
      let slow = 64
      const loss: Loss = {
        ...plain,
        evaluate(part, gradient, factor, out) {
          // A call takes 10 ms, and `slow` rows at once a hundred more.
          clock.advance(part.rows === slow ? 110 : 10)
          return plain.evaluate(part, gradient, factor, out)
        },
      }
      const chosen: number[] = []
      const spy: Trick = { name: 'spy', epoch: () => void chosen.push(trick.stats?.().rows ?? 0) }
      const trick = dynamicBatching({ least: 16, trials: 2, every: 4, clock })
      const trainer = createTrainer({ ...base, ...wide, loss, tricks: [trick, spy] })
      await trainer.fit(data, { epochs: 8 }) // one update an epoch; 64, 32 and 16 rows are tried twice each
      expect(chosen.slice(5)).toEqual([32, 32, 32])
      slow = 32
      await trainer.fit(data, { epochs: 17 })
      expect(chosen.at(-1)).toBe(64)
      expect(trick.stats?.().measured).toBe(2)
      near(weights(trainer), (await train(wide, 17)).weights)
    })
  })

  it('loss scaling skips an overflow and halves, grows after the interval, and else changes nothing', async () => {
    const plain = await train({}, 2)
    const scaled = await train({ tricks: [dynamicLossScaling({ initial: 1024, interval: 3 })] }, 2)
    expect(scaled.weights).toEqual(plain.weights) // powers of two are exact
    expect(scaled.result.tricks.dynamicLossScaling).toEqual({ scale: 1024 * 4, skipped: 0 })
    const before = weights(createTrainer(base))
    const over = await train(
      {
        tricks: [dynamicLossScaling({ initial: 2 ** 40 }), clipNorm(1)],
        loss: meanSquaredError(),
        batch: 64,
        model: sequential(4, [dense(1, { name: 'big' })]),
      },
      0,
    )
    ;(over.trainer.model.values.get('big/kernel') as Float32Array).fill(1e26)
    over.trainer.model.commit()
    const held = weights(over.trainer)
    const result = await over.trainer.fit(data, { epochs: 2 })
    expect(weights(over.trainer)).toEqual(held)
    expect(result.tricks.dynamicLossScaling).toEqual({ scale: 2 ** 38, skipped: 2 })
    expect(before.length).toBeGreaterThan(0)
  })

  it('anomaly detection names the op', async () => {
    const trainer = createTrainer({
      ...base,
      loss: meanSquaredError(),
      tricks: [anomalyDetection()],
      model: sequential(4, [dense(2, { name: 'first' }), dense(1, { name: 'second' })]),
    })
    ;(trainer.model.values.get('second/kernel') as Float32Array).fill(1e20)
    trainer.model.commit()
    let found: unknown
    await trainer.fit(data, { epochs: 1 }).catch((error: unknown) => {
      found = error
    })
    if (!isTradewrightError(found)) throw new Error('was accepted')
    expect(found.code).toBe('TRIAL_FAILED')
    expect(found.message).toContain("gradients must be finite, that of 'first/kernel' was not at step 1")
    expect(found.details.op).toBe('backward second')
  })
})

describe('averages', () => {
  const record = () => {
    const seen: number[][] = []
    const trick: Trick = {
      name: 'record',
      order: -1,
      stepped: ({ model }) => void seen.push([...model.values.values()].flatMap((v) => [...v])),
    }
    return { seen, trick }
  }

  it('the exponential average is that of the steps', async () => {
    const { seen, trick } = record()
    const { weights: found } = await train({ tricks: [trick, exponentialAverage({ decay: 0.6 })] }, 2)
    let mean = seen[0]
    seen.slice(1).forEach((step, i) => {
      const keep = Math.min(0.6, (2 + i) / (11 + i))
      mean = mean.map((m, j) => keep * m + (1 - keep) * step[j])
    })
    found.forEach((value, i) => {
      expect(Math.abs(value - mean[i])).toBeLessThan(1e-6)
    })
  })

  it('the weight average is the mean of the epochs, and training goes on from the raw weights', async () => {
    const { seen, trick } = record()
    const trainer = createTrainer({ ...base, tricks: [trick, stochasticWeightAveraging({ from: 2, every: 2 })] })
    await trainer.fit(data, { epochs: 5 })
    const found = weights(trainer)
    // Four steps an epoch: epochs 2 and 4 end at steps 8 and 16.
    found.forEach((value, i) => {
      expect(Math.abs(value - (seen[7][i] + seen[15][i]) / 2)).toBeLessThan(1e-6)
    })
    const resumed = createTrainer({ ...base, tricks: [stochasticWeightAveraging({ from: 2, every: 2 })] })
    resumed.restore(structuredClone(trainer.save()))
    await resumed.fit(data, { epochs: 7 })
    const straight = await train({ tricks: [stochasticWeightAveraging({ from: 2, every: 2 })] }, 7)
    expect(weights(resumed)).toEqual(straight.weights)
  })
})

describe('schedules', () => {
  const golden = JSON.parse(readFileSync(new URL('golden/schedules.json', import.meta.url), 'utf8')) as Record<
    string,
    number[]
  > & { base: number }
  const cases: Record<string, Trick> = {
    oneCycle: oneCycle(),
    cosineRestarts: cosineRestarts({ period: 5, factor: 2, minRate: 0.01 }),
    polynomialDecay: polynomialDecay({ power: 2 }),
    linearWarmup: linearWarmup({ steps: 10, from: 0.1 }),
    reduceOnPlateau: reduceOnPlateau({ factor: 0.5, patience: 4 }),
  }
  it.each(Object.entries(cases))('%s gives the rates of PyTorch', (name, trick) => {
    golden[name].forEach((expected, step) => {
      const run = {
        step,
        totalSteps: 40,
        trainingLoss: golden.losses[step],
        validationLoss: undefined,
      } as unknown as TrainingRun
      expect(Math.abs((trick.rate?.(golden.base, run) ?? Number.NaN) / expected - 1)).toBeLessThan(1e-9)
      trick.epoch?.(run)
    })
  })

  it('the adaptive rate grows while the loss falls and is cut when it rises', () => {
    const trick = adaptiveRate({ up: 1.1, down: 0.5 })
    const rates = [1, 0.9, 0.95, 0.9501, 0.5].map((trainingLoss) => {
      trick.epoch?.({ trainingLoss } as unknown as TrainingRun)
      return trick.rate?.(1, {} as TrainingRun) ?? 0
    })
    expect(rates.map((rate) => Math.round(rate * 1e4) / 1e4)).toEqual([1.1, 1.21, 0.605, 0.605, 0.6655])
  })

  it('the trainer uses them', async () => {
    const { result } = await train({ tricks: [polynomialDecay()] }, 4)
    expect(result.history.map(({ rate }) => Math.round(rate * 1e6) / 1e6)).toEqual([0.08125, 0.05625, 0.03125, 0.00625])
  })
})

describe('early stopping', () => {
  const values = [5, 4, 4.5, 3, 3.5, 3.2, 3.1, 2.9]
  const scripted = (criteria: Parameters<typeof earlyStopping>[0]['criteria'], mode?: 'all' | 'any') =>
    earlyStopping({ criteria, ...(mode === undefined ? {} : { mode }) })

  it('ends when out of patience and puts the best weights back', async () => {
    const snapshots: number[][] = []
    const metric = (run: TrainingRun): number => {
      snapshots.push([...run.model.values.values()].flatMap((v) => [...v]))
      return values[run.epoch - 1]
    }
    const { result, weights: found } = await train(
      { tricks: [scripted([{ metric, direction: 'minimize', patience: 2 }])] },
      8,
    )
    expect([result.why, result.epochs]).toEqual(['stopped', 7])
    expect(found).toEqual(snapshots[3])
    expect(result.tricks.earlyStopping).toEqual({ bestEpoch: 4, best: 3 })
  })

  it('several criteria: all or any', async () => {
    const falling = { metric: ({ epoch }: TrainingRun) => -epoch, direction: 'minimize', patience: 0 } as const
    const rising = { metric: ({ epoch }: TrainingRun) => epoch, direction: 'minimize', patience: 1 } as const
    expect((await train({ tricks: [scripted([falling, rising], 'all')] }, 6)).result.epochs).toBe(6)
    expect((await train({ tricks: [scripted([falling, rising], 'any')] }, 6)).result.epochs).toBe(3)
  })

  it('financial metrics by hand', () => {
    const { sharpe: ratio, drawdown, profitFactor } = financialMetrics([0.1, -0.05, 0.02, -0.03])
    expect(ratio).toBeCloseTo(0.01 / Math.sqrt((0.09 ** 2 + 0.06 ** 2 + 0.01 ** 2 + 0.04 ** 2) / 4), 12)
    expect(drawdown).toBeCloseTo(1 - 0.95 * 1.02 * 0.97, 12)
    expect(profitFactor).toBeCloseTo(0.12 / 0.08, 12)
  })

  it('judges by what the predictions would have earned', async () => {
    // The first class falls, the last rises: the better the model, the higher the ratio.
    const returns = classes.map((c, i) => (c - 1) * 0.01 + (i % 2 ? 0.001 : -0.001))
    const trick = earlyStopping({
      criteria: [{ metric: 'sharpe', patience: 3 }, { metric: 'drawdown' }, { metric: 'profitFactor' }],
      returns,
    })
    const { result } = await train({ tricks: [trick], updateRule: adam(), rate: 0.01 }, 20)
    expect(result.tricks.earlyStopping.best).toBeGreaterThan(0.8)
    expect(result.tricks.earlyStopping.bestEpoch).toBeGreaterThan(5)
    expect(() => earlyStopping({ criteria: [{ metric: 'sharpe' }] })).toThrow(
      "returns must be given for the metric 'sharpe'",
    )
  })
})

describe('targets', () => {
  it('label smoothing as a trick is that of the loss', async () => {
    const a = await train({ tricks: [labelSmoothing(0.2)] })
    const b = await train({ loss: crossEntropy({ labelSmoothing: 0.2 }) })
    a.weights.forEach((value, i) => {
      expect(Math.abs(value - b.weights[i])).toBeLessThan(1e-6)
    })
  })

  it('mixup mixes rows and targets alike, the same for the same step', () => {
    const trick = mixup(0.4)
    const trainer = createTrainer(base)
    const run = { model: trainer.model, loss: base.loss, seed: 3, step: 9 } as unknown as TrainingRun
    const batch = { rows: 8, x: x.slice(0, 32), y: classes.slice(0, 8) }
    const mixed = trick.batch?.(batch, run, 0)
    const again = trick.batch?.(batch, run, 0)
    if (mixed === undefined) throw new Error('no batch')
    expect(again).toEqual(mixed)
    for (let i = 0; i < 8; i++) {
      const row = [...mixed.y.subarray(i * 3, i * 3 + 3)]
      expect(row.reduce((s, v) => s + v, 0)).toBeCloseTo(1, 6)
    }
    // lambda, found from one number, explains all the others.
    const candidates = [...Array(7).keys()]
      .map((k) => k + 1)
      .filter((shift) => {
        const lambda = (mixed.x[0] - batch.x[shift * 4]) / (batch.x[0] - batch.x[shift * 4])
        return [...mixed.x].every((value, j) => {
          const other = batch.x[((Math.floor(j / 4) + shift) % 8) * 4 + (j % 4)]
          return Math.abs(value - (lambda * batch.x[j] + (1 - lambda) * other)) < 1e-5
        })
      })
    expect(candidates).toHaveLength(1)
  })
})
