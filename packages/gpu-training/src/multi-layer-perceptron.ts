import {
  type Data,
  type FeatureMatrix,
  type Model,
  type FitOptions as ModelFitOptions,
  TradewrightError,
} from '@tradewright/core'
import type { TrainingBackend } from './backend.ts'
import { checkCount, checkRange } from './check-range.ts'
import { arrayDataset } from './dataset.ts'
import { fusedBackend } from './fused-backend.ts'
import type { ActivationName } from './kernels.ts'
import { dense } from './layers/dense.ts'
import { dropout } from './layers/dropout.ts'
import type { Loss } from './loss.ts'
import { crossEntropy } from './losses/classification.ts'
import { meanSquaredError } from './losses/regression.ts'
import { sequential } from './model-spec.ts'
import { createTrainer } from './trainer.ts'
import type { Trainer } from './trainer-options.ts'
import type { Trick } from './trick.ts'
import { earlyStopping } from './tricks/early-stopping.ts'
import { adamW } from './update-rules/adam.ts'

/** Options of {@link multiLayerPerceptron}: plain data, so that a task in a worker can make the same model. */
export interface PerceptronOptions {
  /** Classes to tell apart; undefined: a number is predicted. */
  readonly classes?: number | undefined
  /** Units of the hidden layers. @default [64, 64] */
  readonly hidden?: readonly number[] | undefined
  /** @default 'relu' */
  readonly activation?: ActivationName | undefined
  /** @default 0 */
  readonly dropout?: number | undefined
  /** Epochs of a call of `fit`, at most. @default 20 */
  readonly epochs?: number | undefined
  /** @default 256 */
  readonly batch?: number | undefined
  /** @default 0.001 */
  readonly rate?: number | undefined
  /** @default 0.01 */
  readonly decay?: number | undefined
  /** Epochs without a better validation loss, where there is validation data. @default 5 */
  readonly patience?: number | undefined
  /** @default 0 */
  readonly seed?: number | undefined
}

/** What cannot be plain data. */
export interface PerceptronEngine {
  /** @default the fused engine */
  readonly backend?: TrainingBackend | undefined
  /** Tricks beside early stopping, made anew for each training. */
  readonly tricks?: (() => readonly Trick[]) | undefined
}

interface Scaling {
  readonly mean: Float32Array
  readonly scale: Float32Array
}

interface SavedPerceptron {
  readonly version: 1
  readonly options: PerceptronOptions
  readonly columns: readonly string[]
  readonly mean: Float32Array
  readonly scale: Float32Array
  readonly trainer: Data
}

/** Mean and 1 / standard deviation of each column, NaN left out; a constant column has scale 0. */
function scalingOf({ data, rows, columns }: FeatureMatrix): Scaling {
  const mean = new Float32Array(columns)
  const scale = new Float32Array(columns)
  for (let j = 0; j < columns; j++) {
    let count = 0
    let sum = 0
    for (let i = 0; i < rows; i++) {
      const value = data[i * columns + j]
      if (Number.isNaN(value)) continue
      count++
      sum += value
    }
    const middle = count === 0 ? 0 : sum / count
    let squares = 0
    for (let i = 0; i < rows; i++) {
      const value = data[i * columns + j]
      if (!Number.isNaN(value)) squares += (value - middle) ** 2
    }
    mean[j] = middle
    scale[j] = squares === 0 ? 0 : 1 / Math.sqrt(squares / count)
  }
  return { mean, scale }
}

/** Scaled features; a missing value is the mean, 0. */
function scaled({ data, rows, columns }: FeatureMatrix, { mean, scale }: Scaling): Float32Array {
  const out = new Float32Array(rows * columns)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const value = (data[i * columns + j] - mean[j]) * scale[j]
      out[i * columns + j] = Number.isNaN(value) ? 0 : value
    }
  return out
}

function softmaxRows(values: Float32Array, outputs: number): void {
  for (let at = 0; at < values.length; at += outputs) {
    let most = Number.NEGATIVE_INFINITY
    for (let j = 0; j < outputs; j++) most = Math.max(most, values[at + j])
    let sum = 0
    for (let j = 0; j < outputs; j++) sum += Math.exp(values[at + j] - most)
    for (let j = 0; j < outputs; j++) values[at + j] = Math.exp(values[at + j] - most) / sum
  }
}

class Perceptron implements Model {
  readonly name = 'multi-layer-perceptron'
  #options: PerceptronOptions
  readonly #engine: PerceptronEngine
  #columns: readonly string[] = []
  #scaling: Scaling | undefined
  #trainer: Trainer | undefined

  constructor(options: PerceptronOptions, engine: PerceptronEngine) {
    const { classes, hidden = [64, 64], epochs = 20, patience = 5, decay = 0.01 } = options
    if (classes !== undefined) checkCount('classes', classes, 2)
    hidden.forEach((units, i) => {
      checkCount(`hidden[${i}]`, units, 1)
    })
    checkCount('epochs', epochs, 1)
    checkCount('patience', patience, 0)
    checkRange('decay', decay, 0, Number.POSITIVE_INFINITY)
    this.#options = options
    this.#engine = engine
  }

  get bytes(): number {
    return this.#trainer?.model.memory().total ?? 0
  }

  #make(columns: number, validated: boolean): Trainer {
    const { classes, hidden = [64, 64], activation = 'relu', dropout: rate = 0 } = this.#options
    const layers = hidden.flatMap((units) => [...dense(units, { activation }), ...(rate > 0 ? [dropout(rate)] : [])])
    const loss: Loss = classes === undefined ? meanSquaredError() : crossEntropy()
    const { patience = 5, decay = 0.01 } = this.#options
    const stop = validated ? [earlyStopping({ criteria: [{ metric: 'validationLoss', patience }] })] : []
    return createTrainer({
      model: sequential(columns, [...layers, dense(classes ?? 1)]),
      loss,
      updateRule: adamW({ decay }),
      backend: this.#engine.backend ?? fusedBackend(),
      batch: this.#options.batch ?? 256,
      rate: this.#options.rate ?? 1e-3,
      seed: this.#options.seed ?? 0,
      tricks: [...stop, ...(this.#engine.tricks?.() ?? [])],
    })
  }

  #checkColumns(X: FeatureMatrix): void {
    if (X.names.length === this.#columns.length && X.names.every((name, j) => name === this.#columns[j])) return
    throw new TradewrightError(
      'BAD_SHAPE',
      `features must be those that the model was trained with (${this.#columns.join(', ')}), was ${X.names.join(', ')}`,
      { expected: [...this.#columns], features: [...X.names] },
    )
  }

  async fit(X: FeatureMatrix, y: Float32Array, options: ModelFitOptions = {}): Promise<void> {
    const { initial, sampleWeight, validation, signal, onProgress } = options
    signal?.throwIfAborted()
    let earlier: Data
    if (initial !== undefined) earlier = this.#read(initial).trainer
    else {
      this.#columns = [...X.names]
      this.#scaling = scalingOf(X)
    }
    this.#checkColumns(X)
    const scaling = this.#scaling as Scaling
    this.#trainer?.dispose()
    const trainer = this.#make(X.columns, validation !== undefined)
    this.#trainer = trainer
    // The early stopping of an earlier training says nothing about this data.
    if (earlier !== undefined) trainer.restore({ ...(earlier as Record<string, Data>), tricks: {} })
    const inputs = X.columns
    const held =
      validation === undefined ? undefined : arrayDataset({ x: scaled(validation.X, scaling), inputs, y: validation.y })
    const first = trainer.epoch
    const epochs = first + (this.#options.epochs ?? 20)
    await trainer.fit(arrayDataset({ x: scaled(X, scaling), inputs, y, weight: sampleWeight }), {
      epochs,
      validation: held,
      signal,
      onProgress: ({ epoch, loss, validationLoss }) =>
        onProgress?.({ round: epoch - first, rounds: epochs - first, loss, validationLoss }),
    })
  }

  predict(X: FeatureMatrix, out?: Float32Array): Float32Array {
    const trainer = this.#trainer
    if (trainer === undefined || this.#scaling === undefined)
      throw new TradewrightError('BAD_OPTION', 'a model must be trained or loaded before it predicts, was new')
    this.#checkColumns(X)
    const values = trainer.predict(scaled(X, this.#scaling), out)
    if (this.#options.classes !== undefined) softmaxRows(values, this.#options.classes)
    return values
  }

  save(): Data {
    if (this.#trainer === undefined || this.#scaling === undefined)
      throw new TradewrightError('BAD_OPTION', 'a model must be trained or loaded before it is saved, was new')
    const { mean, scale } = this.#scaling
    const saved: SavedPerceptron = {
      version: 1,
      options: this.#options,
      columns: this.#columns,
      mean: mean.slice(),
      scale: scale.slice(),
      trainer: this.#trainer.save(),
    }
    return saved as unknown as Data
  }

  #read(data: Data): SavedPerceptron {
    const saved = data as unknown as SavedPerceptron
    if (saved?.version !== 1)
      throw new TradewrightError('BAD_DATA', `a saved model must be of version 1, was ${String(saved?.version)}`)
    this.#columns = [...saved.columns]
    this.#scaling = { mean: saved.mean.slice(), scale: saved.scale.slice() }
    return saved
  }

  load(data: Data): void {
    const saved = this.#read(data)
    this.#options = saved.options
    this.#trainer?.dispose()
    this.#trainer = this.#make(saved.columns.length, false)
    this.#trainer.restore({ ...(saved.trainer as Record<string, Data>), tricks: {} })
  }
}

/**
 * A multi-layer perceptron as a model of core's contract: classes or a number from features, standardized by the
 * training data, missing values taken as the mean, trained by AdamW, with early stopping where there is validation data.
 *
 * Predicts one number a row, or the probability of each class. Warm start: `fit(..., { initial })` goes on from a saved
 * state (weights, the rule's state, the scaling) for `epochs` more; that approximates a cold training on the new data.
 *
 * @throws TradewrightError `BAD_OPTION`. `fit` throws `BAD_SHAPE` (other features than before; a state of another
 *   architecture), `BAD_DATA`, `TRIAL_FAILED` (a loss that is not finite), the signal's reason.
 * @example
 * ```ts
 * import { multiLayerPerceptron } from '@tradewright/gpu-training'
 * const X = { names: ['a'], data: Float32Array.from({ length: 100 }, (_, i) => i), rows: 100, columns: 1 }
 * const model = multiLayerPerceptron({ classes: 2, epochs: 60, batch: 10, rate: 0.01 })
 * await model.fit(X, Float32Array.from({ length: 100 }, (_, i) => (i < 50 ? 0 : 1)))
 * const p = model.predict(X)
 * console.log(p[1] < 0.5, p[199] > 0.5) // true true
 * ```
 */
export function multiLayerPerceptron(options: PerceptronOptions = {}, engine: PerceptronEngine = {}): Model {
  return new Perceptron(options, engine)
}
