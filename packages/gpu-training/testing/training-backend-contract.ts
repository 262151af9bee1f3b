import { isTradewrightError } from '@tradewright/core'
import {
  type ContractTest,
  ensure,
  ensureRejects,
  ensureSame,
  registerSuite,
  type Skip,
} from '@tradewright/core/testing'
import {
  activation,
  activationKinds,
  adam,
  arrayDataset,
  type CompiledModel,
  type CompileOptions,
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
  type TrainingBackend,
} from '@tradewright/gpu-training'
import { gradientError, randomBatch } from './gradient-error.ts'

/** Options of {@link trainingBackendContract}. */
export interface TrainingBackendContractOptions {
  /** Name of the suite. */
  readonly name: string
  /** Makes the backend; called once a test. */
  readonly make: () => TrainingBackend | Promise<TrainingBackend>
  /** Largest difference from the plain engine's gradients, by the norm of each parameter's (at least 1). @default 2e-5 */
  readonly tolerance?: number | undefined
  /** Tests that do not apply. A skip that names no test of the suite fails. */
  readonly skip?: readonly Skip[] | undefined
}

type Layers = readonly (LayerSpec | readonly LayerSpec[])[]

/** Small models that have every built-in layer and activation between them. */
const models: Readonly<Record<string, Layers>> = {
  dense: [dense(7), dense(3)],
  'dense without bias': [dense(6, { bias: false, activation: 'tanh' }), dense(3)],
  'relu of a product': [dense(9, { activation: 'relu' }), dense(8, { activation: 'relu' }), dense(3)],
  ...Object.fromEntries(activationKinds.map((kind) => [kind, [dense(8), activation(kind), dense(3)]])),
  'layer norm': [layerNorm(), dense(8, { activation: 'tanh' }), layerNorm(), dense(3)],
  dropout: [dense(16, { activation: 'tanh' }), dropout(0.4), dense(3)],
  embedding: [embedding({ column: 2, categories: 4, size: 3 }), dense(3)],
  residual: [dense(8, { activation: 'tanh' }), residual([layerNorm(), dense(8, { activation: 'silu' })]), dense(3)],
}

const ROWS = 16
const INPUTS = 5
const batch = randomBatch(ROWS, INPUTS, 3, 1)
for (let i = 0; i < ROWS; i++) batch.x[i * INPUTS + 2] = i % 4
const all = { step: 4, accumulate: false }

function withModel<T>(
  backend: TrainingBackend,
  layers: Layers,
  run: (model: CompiledModel) => T,
  more: Partial<CompileOptions> = {},
): T {
  const model = backend.compile(sequential(INPUTS, layers), {
    batch: ROWS,
    loss: meanSquaredError(),
    seed: 3,
    ...more,
  })
  try {
    return run(model)
  } finally {
    model.dispose()
  }
}

const copyOf = (model: CompiledModel): (readonly [string, Float32Array])[] =>
  [...model.gradientsOf].map(([name, values]) => [name, values.slice()])

/** Fails unless gradients agree to a share of their norm. */
function ensureNear(
  found: ReturnType<typeof copyOf>,
  expected: ReturnType<typeof copyOf>,
  tolerance: number,
  rule: string,
): void {
  ensureSame(
    found.map(([name]) => name),
    expected.map(([name]) => name),
    `${rule}: the same parameters`,
  )
  expected.forEach(([name, values], p) => {
    let difference = 0
    let size = 0
    values.forEach((value, i) => {
      difference += (value - found[p][1][i]) ** 2
      size += value * value
    })
    const error = Math.sqrt(difference) / Math.max(1, Math.sqrt(size))
    ensure(error <= tolerance, `${rule}: ${name} within ${tolerance}, was ${error}`, { name, error })
  })
}

const predict = (model: CompiledModel): Float32Array =>
  model.predict(batch.x, ROWS, new Float32Array(ROWS * 3).fill(Number.NaN))

const half = (from: number) => ({
  rows: 8,
  x: batch.x.slice(from * INPUTS, (from + 8) * INPUTS),
  y: batch.y.slice(from * 3, (from + 8) * 3),
})

function tests(tolerance: number): readonly ContractTest<TrainingBackend>[] {
  return [
    ...Object.entries(models).map(
      ([name, layers]): ContractTest<TrainingBackend> => ({
        name: `gradients by finite differences: ${name}`,
        run: (backend) =>
          withModel(backend, layers, (model) => {
            const kink = /relu/i.test(name)
            const error = gradientError(model, batch, kink ? 1e-3 : 4e-3, 7)
            ensure(error < (kink ? 0.02 : 5e-3), `the gradient must be that of the loss, was off by ${error}`)
          }),
      }),
    ),
    {
      name: 'gradients, losses and predictions are those of the plain engine',
      run(backend) {
        for (const [name, layers] of Object.entries(models)) {
          const run = (model: CompiledModel) => {
            const { sum, weight } = model.gradients(batch, all)
            return { sum, weight, gradients: copyOf(model), out: predict(model), loss: model.evaluate(batch).sum }
          }
          const found = withModel(backend, layers, run)
          const expected = withModel(fusedBackend({ kernels: 'plain' }), layers, run)
          ensureNear(found.gradients, expected.gradients, tolerance, name)
          ensure(found.weight === expected.weight, `${name}: the weight must be the number of rows`)
          for (const key of ['sum', 'loss'] as const)
            ensure(Math.abs(found[key] / expected[key] - 1) < tolerance, `${name}: ${key} must be the plain engine's`)
          found.out.forEach((value, i) => {
            ensure(Math.abs(value - expected.out[i]) < tolerance, `${name}: predictions must be the plain engine's`)
          })
        }
      },
    },
    {
      name: 'parts of a batch put together are the whole, dropout among it',
      run: (backend) =>
        withModel(backend, models.dropout, (model) => {
          const whole = model.gradients(batch, all).sum
          const expected = copyOf(model)
          const first = model.gradients(half(0), all).sum
          const second = model.gradients(half(8), { step: 4, accumulate: true, first: 8 }).sum
          ensure(Math.abs((first + second) / whole - 1) < 1e-6, 'the parts must have the loss of the whole')
          ensureNear(copyOf(model), expected, 1e-5, 'the parts must have the gradients of the whole')
        }),
    },
    {
      name: 'rows count by their weight, and gradients by the scale',
      run: (backend) =>
        withModel(backend, models.dense, (model) => {
          const weight = Float32Array.from({ length: ROWS }, (_, i) => (i < 8 ? 1 : 0))
          const one = model.gradients(half(0), all)
          const expected = copyOf(model).map(([name, values]) => [name, values.map((value) => value * 4)] as const)
          const found = model.gradients({ ...batch, weight }, { ...all, scale: 4 })
          ensure(Math.abs(found.sum / one.sum - 1) < 1e-6, 'a row of weight 0 must not count')
          ensure(found.weight === 8, `the weight must be the sum of the weights, was ${found.weight}`)
          ensureNear(copyOf(model), expected, 1e-5, 'the scale must be a factor on the gradients')
        }),
    },
    {
      name: 'the same seed gives the same numbers, another step other masks',
      run(backend) {
        const run = (seed: number, step = 4) =>
          withModel(
            backend,
            models.dropout,
            (model) => {
              model.gradients(batch, { step, accumulate: false })
              return copyOf(model)
            },
            { seed },
          )
        ensureSame(run(3), run(3), 'the same seed must give the same gradients')
        const norm = (gradients: ReturnType<typeof copyOf>) => Math.hypot(...gradients.flatMap(([, g]) => [...g]))
        ensure(norm(run(4)) !== norm(run(3)), 'another seed must give others')
        ensure(norm(run(3, 5)) !== norm(run(3)), 'another step must draw other masks')
      },
    },
    {
      name: 'out is overwritten, and changes count after commit',
      run: (backend) =>
        withModel(backend, models.dense, (model) => {
          const out = { sum: Number.NaN, weight: Number.NaN }
          const found = model.gradients(batch, all, out)
          ensure(Number.isFinite(found.sum) && found.weight === ROWS, 'gradients must say sum and weight')
          const before = predict(model)
          ensure(before.every(Number.isFinite), 'predict must overwrite all of out')
          for (const values of model.values.values()) values.fill(0)
          model.commit()
          ensure(
            predict(model).every((value) => value === 0),
            'values that are zero must predict zero after commit',
          )
        }),
    },
    {
      name: 'more rows than a batch are predicted in pieces',
      run: (backend) =>
        withModel(
          backend,
          models.residual,
          (model) => {
            const whole = withModel(backend, models.residual, predict)
            predict(model).forEach((value, i) => {
              ensure(Math.abs(value - whole[i]) < tolerance, 'pieces must predict what the whole does')
            })
          },
          { batch: 7 },
        ),
    },
    {
      name: 'memory does not grow in 1,000 steps',
      run: (backend) =>
        withModel(backend, models.dropout, (model) => {
          const steps = (from: number, to: number): number => {
            for (let step = from; step < to; step++) {
              model.gradients(batch, { step, accumulate: false })
              model.commit()
            }
            return model.memory().total
          }
          const before = steps(0, 2)
          const after = steps(2, 1000)
          ensure(after === before, `bytes must stay ${before}, was ${after} after 1,000 steps`)
        }),
    },
    {
      name: 'a trainer learns with it',
      async run(backend) {
        const x = randomBatch(128, INPUTS, 1, 5).x
        const y = Float32Array.from({ length: 128 }, (_, i) => (x[i * INPUTS] > 0 ? 1 : 0))
        const trainer = createTrainer({
          model: sequential(INPUTS, [dense(8, { activation: 'relu' }), dense(2)]),
          loss: crossEntropy(),
          updateRule: adam(),
          backend,
          batch: 16,
          rate: 0.02,
        })
        const { history } = await trainer.fit(arrayDataset({ x, inputs: INPUTS, y }), { epochs: 8 })
        trainer.dispose()
        ensure(history[7].loss < history[0].loss / 2, `the loss must halve, was ${history.map(({ loss }) => loss)}`)
      },
    },
    {
      name: 'what is not finite is named',
      run: (backend) =>
        withModel(backend, [dense(4, { name: 'first' }), dense(3, { name: 'second' })], (model) => {
          const named = (what: string): void => {
            const found = model.diagnose(batch, 1)
            ensure(found?.includes(what) === true, `diagnose must name '${what}', was '${found}'`)
          }
          ensure(model.diagnose(batch, 1) === undefined, 'a sound model must have nothing to diagnose')
          model.values.get('second/kernel')?.fill(3e38)
          model.commit()
          named('second')
          model.values.get('second/kernel')?.fill(Number.NaN)
          model.commit()
          named('second/kernel')
        }),
    },
    {
      name: 'bad shapes, dtypes and options are refused, and a model that is disposed',
      async run(backend) {
        const model = backend.compile(sequential(INPUTS, models.dense), { batch: ROWS, loss: meanSquaredError() })
        const short = { ...batch, x: batch.x.subarray(1) }
        const wide = { ...batch, x: Float64Array.from(batch.x) as unknown as Float32Array }
        await ensureRejects(() => model.gradients(short, all), 'BAD_SHAPE', 'too short an input')
        await ensureRejects(() => model.gradients(wide, all), 'BAD_SHAPE', 'an input of float64')
        await ensureRejects(() => model.gradients({ ...batch, rows: ROWS + 1 }, all), 'BAD_SHAPE', 'too many rows')
        await ensureRejects(() => model.predict(batch.x, ROWS, new Float32Array(1)), 'BAD_SHAPE', 'too short an out')
        await ensureRejects(() => model.gradients(batch, { ...all, first: 3 }), 'BAD_OPTION', 'a first row of 3')
        try {
          model.gradients(short, all)
        } catch (error) {
          ensure(
            isTradewrightError(error) && error.message.includes("'dense_0'"),
            `the error must name the layer, was ${String(error)}`,
          )
        }
        const options = { batch: 0, loss: meanSquaredError() }
        await ensureRejects(() => backend.compile(sequential(2, [dense(1)]), options), 'BAD_OPTION', 'a batch of 0')
        model.dispose()
        model.dispose()
        await ensureRejects(() => model.gradients(batch, all), 'DISPOSED', 'gradients after dispose')
        await ensureRejects(() => predict(model), 'DISPOSED', 'predict after dispose')
      },
    },
  ]
}

/**
 * What every training backend must do: gradients by finite differences for every built-in layer, the same numbers as
 * the plain engine, parts that make a whole, seeds, memory that stays, and errors that name the layer.
 *
 * @example
 * ```ts no-run
 * import { fusedBackend } from '@tradewright/gpu-training'
 * import { trainingBackendContract } from '@tradewright/gpu-training/testing'
 * trainingBackendContract({ name: 'mine', make: () => fusedBackend() })
 * ```
 */
export function trainingBackendContract(options: TrainingBackendContractOptions): void {
  const { name, make, tolerance = 2e-5, skip } = options
  registerSuite(`training backend: ${name}`, { make, skip }, tests(tolerance))
}
