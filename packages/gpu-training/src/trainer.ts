import {
  type Checkpoints,
  type Clock,
  createEvents,
  type Data,
  type Events,
  systemClock,
  TradewrightError,
} from '@tradewright/core'
import type { Batch, CompiledModel, CompileOptions, PrecisionPolicy, TrainingBackend } from './backend.ts'
import { checkCount, checkRange } from './check-range.ts'
import { createDataLoader, type DataLoader, type DataLoaderOptions, type Sampling } from './data-loader.ts'
import type { Dataset } from './dataset.ts'
import type { Loss } from './loss.ts'
import type { ModelSpec } from './model-spec.ts'
import { type ParameterGroup, ParameterUpdates } from './parameter-updates.ts'
import type { TrainingRun, Trick } from './trick.ts'
import { checkTricks } from './trick-rules.ts'
import type { UpdateRule } from './update-rule.ts'

declare module '@tradewright/core' {
  interface EventMap {
    /** An epoch of a network's training is over. */
    'training:epoch': TrainingProgress
    /** A network's training ended. */
    'training:finished': { readonly epochs: number; readonly steps: number; readonly why: string }
  }
}

/** Options of {@link createTrainer}. */
export interface TrainerOptions {
  readonly model: ModelSpec
  readonly loss: Loss
  readonly updateRule: UpdateRule
  readonly backend: TrainingBackend
  /** Rows a batch. @default 256 */
  readonly batch?: number | undefined
  /** Base rate; schedules start from it. @default 0.001 */
  readonly rate?: number | undefined
  /** @default 0 */
  readonly seed?: number | undefined
  /** @default [] */
  readonly tricks?: readonly Trick[] | undefined
  /** Rates, decay and freezing of some of the parameters. @default [] */
  readonly groups?: readonly ParameterGroup[] | undefined
  /** @default float32 everywhere */
  readonly precision?: PrecisionPolicy | undefined
  readonly events?: Events | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
}

/** Where a training stands. */
export interface TrainingProgress {
  readonly epoch: number
  readonly epochs: number
  readonly step: number
  readonly steps: number
  readonly rate: number
  readonly loss: number
  readonly validationLoss: number | undefined
}

/** Options of a trainer's `fit`. */
export interface FitOptions {
  /** Epochs in all, those made before included. */
  readonly epochs: number
  readonly validation?: Dataset | undefined
  /** @default 'shuffle' */
  readonly sampling?: Sampling | undefined
  /** Makes the loader of the training data, as of `createSharedLoader`. @default createDataLoader */
  readonly loader?: ((options: DataLoaderOptions) => DataLoader) | undefined
  readonly signal?: AbortSignal | undefined
  /** After every epoch. */
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined
  /** Where states are kept: the newest is continued, if it is of the same training. */
  readonly checkpoints?: Checkpoints | undefined
  /** Updates between checkpoints. @default one epoch */
  readonly checkpointEvery?: number | undefined
}

/** What came of a training. */
export interface FitResult {
  readonly epochs: number
  readonly steps: number
  readonly loss: number
  readonly validationLoss: number | undefined
  readonly history: readonly TrainingProgress[]
  /** Why it ended. */
  readonly why: 'epochs' | 'stopped'
  /** Numbers of each trick that has some. */
  readonly tricks: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** Time of a training in parts, in ms, and the rows that it took. */
export interface TrainerTimes {
  readonly data: number
  readonly forward: number
  readonly loss: number
  readonly backward: number
  readonly update: number
  readonly validation: number
  readonly rows: number
  readonly steps: number
}

/** Trains one model. */
export interface Trainer {
  readonly model: CompiledModel
  readonly events: Events
  readonly step: number
  readonly epoch: number
  /**
   * Trains until so many epochs are made in all. An abort rejects with the signal's reason; the state is kept, and
   * `fit` may be called again.
   */
  fit(dataset: Dataset, options: FitOptions): Promise<FitResult>
  /** Mean loss over a dataset, without dropout. */
  evaluate(dataset: Dataset): number
  /** @param out shape [rows * outputs], caller-owned. */
  predict(x: Float32Array, out?: Float32Array): Float32Array
  times(reset?: boolean): TrainerTimes
  /** Everything that a resumed training needs to go on to the last bit. Copies. */
  save(): Data
  restore(data: Data): void
  dispose(): void
}

interface SavedState {
  readonly version: 1
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]
  readonly rule: string
  readonly step: number
  readonly epoch: number
  readonly values: Readonly<Record<string, Float32Array>>
  readonly updates: Data
  readonly loader: Data
  readonly epochSum: number
  readonly epochWeight: number
  readonly tricks: Readonly<Record<string, Data>>
}

const SLICE_MS = 30

class NetworkTrainer implements Trainer {
  readonly model: CompiledModel
  readonly events: Events
  readonly #options: TrainerOptions
  readonly #tricks: readonly Trick[]
  readonly #updates: ParameterUpdates
  readonly #accumulate: number
  readonly #clock: Clock
  readonly #batch: number
  readonly #seed: number
  readonly #run: { -readonly [K in keyof TrainingRun]: TrainingRun[K] }
  #loader: DataLoader | undefined
  #loaderState: Data
  #epochSum = 0
  #epochWeight = 0
  #times = { data: 0, update: 0, validation: 0, rows: 0, steps: 0 }
  #predictions: Float32Array | undefined

  constructor(options: TrainerOptions) {
    const { batch = 256, rate = 1e-3, seed = 0, tricks = [], updateRule, loss, clock = systemClock } = options
    checkCount('batch', batch, 1)
    checkCount('seed', seed, 0)
    checkRange('rate', rate, 0, Number.POSITIVE_INFINITY)
    this.#options = options
    this.#batch = batch
    this.#seed = seed
    this.#clock = clock
    this.events = options.events ?? createEvents()
    this.#tricks = [...tricks].sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    checkTricks(tricks)
    this.#accumulate = tricks.reduce((most, trick) => Math.max(most, trick.accumulate ?? 1), 1)
    if (this.#accumulate > 1 && updateRule.ascend !== undefined)
      throw new TradewrightError(
        'BAD_OPTION',
        `update rule '${updateRule.name}' must have its batch twice, so it cannot be with gradient accumulation`,
      )
    const store = tricks.find((trick) => trick.stateStore !== undefined)?.stateStore
    const slots = store === undefined ? updateRule.slots.length : 0
    const scratchSlots = store === undefined ? 0 : updateRule.slots.length
    let compile: CompileOptions = { batch, loss, seed, slots, scratchSlots, precision: options.precision }
    for (const trick of this.#tricks) compile = { ...compile, ...trick.compile?.(compile) }
    this.model = options.backend.compile(options.model, compile)
    for (const trick of tricks) trick.check?.({ loss, rule: updateRule, outputs: this.model.outputs })
    this.#updates = new ParameterUpdates(this.model, updateRule, options.groups ?? [], store)
    this.#run = {
      model: this.model,
      loss,
      rule: updateRule,
      seed,
      step: 0,
      stepsPerEpoch: 0,
      totalSteps: 0,
      epoch: 0,
      rate,
      trainingLoss: Number.NaN,
      validationLoss: undefined,
      validation: undefined,
      validationPredictions: () => this.#validationPredictions(),
    }
  }

  get step(): number {
    return this.#run.step
  }

  get epoch(): number {
    return this.#run.epoch
  }

  #checkData(dataset: Dataset, what: string): void {
    const { inputs, outputs } = this.model
    if (dataset.inputs !== inputs)
      throw new TradewrightError(
        'BAD_SHAPE',
        `${what} must have shape [rows, ${inputs}] for the first layer, was [${dataset.rows}, ${dataset.inputs}]`,
        { expected: inputs, columns: dataset.inputs },
      )
    this.#options.loss.check(outputs, dataset.targets)
  }

  #open(dataset: Dataset, { sampling, loader: make }: FitOptions, epochs: number): DataLoader {
    const options: DataLoaderOptions = { batch: this.#batch, sampling, seed: this.#seed }
    const loader = make === undefined ? createDataLoader(dataset, options) : make(options)
    if (this.#loaderState !== undefined) loader.restore(this.#loaderState)
    this.#loader = loader
    this.#run.stepsPerEpoch = Math.ceil(loader.batches / this.#accumulate)
    this.#run.totalSteps = this.#run.stepsPerEpoch * epochs
    return loader
  }

  async fit(dataset: Dataset, options: FitOptions): Promise<FitResult> {
    const { epochs, validation, signal, checkpoints, onProgress } = options
    signal?.throwIfAborted()
    checkCount('epochs', epochs, 0)
    this.#checkData(dataset, 'the training data')
    if (validation !== undefined) this.#checkData(validation, 'the validation data')
    const newest = await checkpoints?.load()
    if (newest !== undefined) this.restore(newest.data)
    const loader = this.#open(dataset, options, epochs)
    const run = this.#run
    run.validation = validation
    for (const trick of this.#tricks) trick.start?.(run)
    const every = options.checkpointEvery ?? run.stepsPerEpoch
    checkCount('checkpointEvery', every, 1)
    const history: TrainingProgress[] = []
    let why: FitResult['why'] = 'epochs'
    try {
      let sliced = this.#clock.elapsed()
      while (run.epoch < epochs) {
        const finished = this.#update(loader)
        if (!finished && run.step % every === 0 && checkpoints !== undefined)
          await checkpoints.save({ step: run.step, data: this.save() })
        if (finished) {
          const progress = this.#endEpoch(epochs)
          history.push(progress)
          onProgress?.(progress)
          this.events.emit('training:epoch', progress)
          const stop = this.#tricks.map((trick) => trick.epoch?.(run)).includes('stop')
          if (checkpoints !== undefined && run.step % every === 0)
            await checkpoints.save({ step: run.step, score: progress.validationLoss, data: this.save() })
          if (stop) {
            why = 'stopped'
            break
          }
        }
        if (this.#clock.elapsed() - sliced < SLICE_MS) continue
        // Others get their turn, and an abort its chance.
        await new Promise<void>((resolve) => setImmediate(resolve))
        signal?.throwIfAborted()
        sliced = this.#clock.elapsed()
      }
      signal?.throwIfAborted()
    } finally {
      this.#loaderState = loader.save()
      loader.dispose?.()
    }
    for (const trick of this.#tricks) trick.finish?.(run)
    this.model.commit()
    const result = this.#result(history, why)
    this.events.emit('training:finished', { epochs: result.epochs, steps: result.steps, why })
    return result
  }

  #result(history: readonly TrainingProgress[], why: FitResult['why']): FitResult {
    const { step, epoch, trainingLoss, validationLoss } = this.#run
    const tricks = this.#tricks.flatMap((trick) => {
      const stats = trick.stats?.()
      return stats === undefined ? [] : [[trick.name, stats] as const]
    })
    return {
      epochs: epoch,
      steps: step,
      loss: trainingLoss,
      validationLoss,
      history,
      why,
      tricks: Object.fromEntries(tricks),
    }
  }

  /** One update from one or more batches; true where the epoch has ended with it, or before it. */
  #update(loader: DataLoader): boolean {
    let parts = 0
    let sum = 0
    let weight = 0
    const scale = this.#tricks.reduce((product, trick) => product * (trick.lossScale?.() ?? 1), 1)
    const batches: Batch[] = []
    for (; parts < this.#accumulate; parts++) {
      const start = this.#clock.elapsed()
      const batch = this.#nextBatch(loader, parts)
      this.#times.data += this.#clock.elapsed() - start
      if (batch === undefined) break
      const found = this.model.gradients(batch, { step: this.#dropStep(parts), accumulate: parts > 0, scale })
      if (!Number.isFinite(found.sum)) throw this.#notFinite(found.sum, batch)
      sum += found.sum
      weight += found.weight
      this.#times.rows += batch.rows
      // SAM needs the batch again.
      if (this.#options.updateRule.ascend !== undefined) batches.push(batch)
    }
    if (parts > 0) this.#apply(batches, sum, weight, scale)
    return loader.position === 0 || loader.position === loader.batches ? this.#atEnd(loader) : false
  }

  /** Moves a loader that has given its last batch to the next epoch. */
  #atEnd(loader: DataLoader): boolean {
    if (loader.position === loader.batches) loader.next()
    return true
  }

  #dropStep(part: number): number {
    return (this.#run.step * this.#accumulate + part) >>> 0
  }

  #nextBatch(loader: DataLoader, part: number): Batch | undefined {
    if (loader.position === loader.batches) return undefined
    let batch = loader.next()
    if (batch !== undefined) for (const trick of this.#tricks) batch = trick.batch?.(batch, this.#run, part) ?? batch
    return batch
  }

  #notFinite(value: number, batch: Batch): TradewrightError {
    const { step, epoch } = this.#run
    const op = this.model.diagnose(batch, this.#dropStep(0))
    const at = this.#loader?.position ?? 0
    return new TradewrightError(
      'TRIAL_FAILED',
      `the loss must be finite, was ${value} at step ${step + 1} (epoch ${epoch}, batch ${at}); first not finite: ${op ?? 'the loss itself'}`,
      { step: step + 1, epoch, batch: at, op, value },
    )
  }

  /** Gradients of the mean loss, through the tricks, into the parameters. */
  #apply(batches: readonly Batch[], sum: number, weight: number, scale: number): void {
    const start = this.#clock.elapsed()
    const { model } = this
    const run = this.#run
    run.trainingLoss = sum / weight
    const normalize = (): void => {
      for (const gradient of model.gradientsOf.values()) model.ops.scale(gradient, 1 / weight)
    }
    normalize()
    const base = this.#options.rate ?? 1e-3
    run.rate = this.#tricks.reduce((rate, trick) => trick.rate?.(rate, run) ?? rate, base)
    const through = (): boolean => {
      for (const trick of this.#tricks) if (trick.gradients?.(run) === 'skip') return false
      return true
    }
    let go = through()
    if (go && this.#options.updateRule.ascend !== undefined) {
      this.#updates.ascend(run.step + 1, run.rate)
      model.commit()
      batches.forEach((batch, part) => {
        model.gradients(batch, { step: this.#dropStep(part), accumulate: part > 0, scale })
      })
      normalize()
      go = through()
      if (!go) this.#updates.descend()
    }
    if (go) this.#updates.update(run.step + 1, run.rate)
    run.step++
    this.#epochSum += sum
    this.#epochWeight += weight
    if (go) model.commit()
    for (const trick of this.#tricks) trick.stepped?.(run)
    this.#times.steps++
    this.#times.update += this.#clock.elapsed() - start
  }

  #endEpoch(epochs: number): TrainingProgress {
    const run = this.#run
    run.epoch++
    run.trainingLoss = this.#epochSum / this.#epochWeight
    this.#epochSum = 0
    this.#epochWeight = 0
    this.#predictions = undefined
    const start = this.#clock.elapsed()
    run.validationLoss = run.validation === undefined ? undefined : this.evaluate(run.validation)
    this.#times.validation += this.#clock.elapsed() - start
    return {
      epoch: run.epoch,
      epochs,
      step: run.step,
      steps: run.totalSteps,
      rate: run.rate,
      loss: run.trainingLoss,
      validationLoss: run.validationLoss,
    }
  }

  evaluate(dataset: Dataset): number {
    this.#checkData(dataset, 'the data')
    const loader = createDataLoader(dataset, { batch: this.#batch, sampling: 'sequential' })
    let sum = 0
    let weight = 0
    for (let batch = loader.next(); batch !== undefined; batch = loader.next()) {
      const found = this.model.evaluate(batch)
      sum += found.sum
      weight += found.weight
    }
    return sum / weight
  }

  #validationPredictions(): Float32Array {
    const { validation } = this.#run
    if (validation === undefined)
      throw new TradewrightError(
        'BAD_OPTION',
        'a trick that judges predictions must have validation data, was undefined',
      )
    if (this.#predictions === undefined) {
      const rows = Uint32Array.from({ length: validation.rows }, (_, i) => i)
      const x = new Float32Array(validation.rows * validation.inputs)
      const rest = new Float32Array(validation.rows * Math.max(1, validation.targets))
      validation.gather(rows, validation.rows, x, rest, new Float32Array(validation.rows))
      this.#predictions = this.predict(x)
    }
    return this.#predictions
  }

  predict(x: Float32Array, out?: Float32Array): Float32Array {
    const rows = x.length / this.model.inputs
    return this.model.predict(x, rows, out ?? new Float32Array(rows * this.model.outputs))
  }

  times(reset = false): TrainerTimes {
    const times = { ...this.#times, ...this.model.times(reset) }
    if (reset) this.#times = { data: 0, update: 0, validation: 0, rows: 0, steps: 0 }
    return times
  }

  save(): Data {
    const { step, epoch } = this.#run
    const state: SavedState = {
      version: 1,
      parameters: this.model.parameters.map(({ name, shape }) => ({ name, shape: [...shape] })),
      rule: this.#options.updateRule.name,
      step,
      epoch,
      values: Object.fromEntries([...this.model.values].map(([name, values]) => [name, values.slice()])),
      updates: this.#updates.save(),
      loader: this.#loader?.save() ?? this.#loaderState,
      epochSum: this.#epochSum,
      epochWeight: this.#epochWeight,
      tricks: Object.fromEntries(
        this.#tricks.flatMap((trick) => (trick.save === undefined ? [] : [[trick.name, trick.save()]])),
      ),
    }
    return state as unknown as Data
  }

  restore(data: Data): void {
    const state = data as unknown as SavedState
    if (state?.version !== 1)
      throw new TradewrightError('BAD_DATA', `a training state must be of version 1, was ${String(state?.version)}`)
    this.#checkArchitecture(state)
    for (const [name, values] of this.model.values) values.set(state.values[name])
    this.#updates.restore(state.updates)
    this.#loaderState = state.loader
    this.#loader = undefined
    this.#epochSum = state.epochSum
    this.#epochWeight = state.epochWeight
    this.#run.step = state.step
    this.#run.epoch = state.epoch
    for (const trick of this.#tricks) if (trick.name in state.tricks) trick.restore?.(state.tricks[trick.name])
    this.model.commit()
  }

  #checkArchitecture(state: SavedState): void {
    const ours = this.model.parameters
    const most = Math.max(ours.length, state.parameters.length)
    const show = (each: { readonly name: string; readonly shape: readonly number[] } | undefined): string =>
      each === undefined ? 'nothing' : `${each.name} [${each.shape.join(', ')}]`
    for (let i = 0; i < most; i++)
      if (show(ours[i]) !== show(state.parameters[i]))
        throw new TradewrightError(
          'BAD_SHAPE',
          `a training state must be of the same architecture: layer '${(ours[i] ?? state.parameters[i]).name.split('/')[0]}' has ${show(ours[i])}, the state ${show(state.parameters[i])}`,
          { ours: show(ours[i]), state: show(state.parameters[i]) },
        )
    if (state.rule !== this.#options.updateRule.name)
      throw new TradewrightError(
        'BAD_OPTION',
        `a training state must be of update rule '${this.#options.updateRule.name}', was '${state.rule}'`,
      )
  }

  dispose(): void {
    for (const trick of this.#tricks) trick.stateStore?.close()
    this.model.dispose()
    if (this.#options.events === undefined) this.events.clear()
  }
}

/**
 * Makes a trainer: a model on a backend, an update rule, a loss, and tricks that compose.
 *
 * Deterministic: the same seed gives the same model to the last bit on the same kernels, whether trained at a stretch
 * or resumed from any checkpoint.
 *
 * @throws TradewrightError `BAD_OPTION` (also two tricks that cannot be together), `BAD_SHAPE`, `DUPLICATE_NAME`
 *   (tricks), `OUT_OF_MEMORY`. `fit` throws `BAD_SHAPE` (data), `TRIAL_FAILED` (a loss that is not finite: step, batch
 *   and first op), and the signal's reason.
 * @example
 * ```ts
 * import { adam, arrayDataset, createTrainer, dense, fusedBackend, meanSquaredError, sequential } from '@tradewright/gpu-training'
 * const x = Float32Array.from({ length: 64 }, (_, i) => i / 32 - 1)
 * const trainer = createTrainer({
 *   model: sequential(1, [dense(16, { activation: 'tanh' }), dense(1)]),
 *   loss: meanSquaredError(), updateRule: adam(), backend: fusedBackend(), batch: 16, rate: 0.01, seed: 1,
 * })
 * const { loss } = await trainer.fit(arrayDataset({ x, inputs: 1, y: x.map((v) => v * v) }), { epochs: 200 })
 * console.log(loss < 0.001) // true
 * ```
 */
export function createTrainer(options: TrainerOptions): Trainer {
  return new NetworkTrainer(options)
}
