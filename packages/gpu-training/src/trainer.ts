import { type Clock, createEvents, type Data, type Events, systemClock, TradewrightError } from '@tradewright/core'
import type { Batch, CompiledModel, CompileOptions, GradientOptions } from './backend.ts'
import { checkCount, checkRange } from './check-range.ts'
import { createDataLoader, type DataLoader, type DataLoaderOptions } from './data-loader.ts'
import type { Dataset } from './dataset.ts'
import type { LossTotal } from './loss.ts'
import { ParameterUpdates } from './parameter-updates.ts'
import { viewRows } from './slice-batch.ts'
import {
  checkTrainerOptions,
  type FitOptions,
  type FitResult,
  type Trainer,
  type TrainerOptions,
  type TrainerTimes,
  type TrainingProgress,
} from './trainer-options.ts'
import { readState, type SavedState } from './trainer-state.ts'
import type { TrainingRun, Trick } from './trick.ts'
import { checkTricks } from './trick-rules.ts'

declare module '@tradewright/core' {
  interface EventMap {
    /** An epoch of a network's training is over. */
    'training:epoch': TrainingProgress
    /** A network's training ended. */
    'training:finished': { readonly epochs: number; readonly steps: number; readonly why: string }
  }
}

const SLICE_MS = 30

class NetworkTrainer implements Trainer {
  readonly model: CompiledModel
  readonly events: Events
  readonly #options: TrainerOptions
  readonly #tricks: readonly Trick[]
  /** Those that have a hook which runs in every step: what has none costs nothing. */
  readonly #stepTricks: readonly Trick[]
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
  readonly #gradients: readonly Float32Array[]
  // Filled anew in each step: objects a step would be garbage.
  readonly #how: { -readonly [K in keyof GradientOptions]: GradientOptions[K] } = {
    step: 0,
    accumulate: false,
    scale: 1,
    first: 0,
  }
  readonly #found: LossTotal = { sum: 0, weight: 0 }
  #rows = 0
  #fitting = false
  #times = { data: 0, update: 0, validation: 0, rows: 0, steps: 0 }
  #predictions: Float32Array | undefined

  constructor(options: TrainerOptions) {
    checkTrainerOptions(options)
    const { batch = 256, rate = 1e-3, seed = 0, tricks = [], updateRule, loss, clock = systemClock } = options
    checkCount('batch', batch, 1)
    checkCount('seed', seed, 0)
    checkRange('rate', rate, 0, Number.MAX_VALUE)
    this.#options = options
    this.#batch = batch
    this.#seed = seed
    this.#clock = clock
    this.events = options.events ?? createEvents()
    this.#tricks = [...tricks].sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    checkTricks(tricks)
    this.#stepTricks = this.#tricks.filter(
      ({ lossScale, rows, batch: change, gradients, rate: schedule, stepped }) =>
        lossScale !== undefined ||
        rows !== undefined ||
        change !== undefined ||
        gradients !== undefined ||
        schedule !== undefined ||
        stepped !== undefined,
    )
    this.#accumulate = tricks.reduce((most, trick) => Math.max(most, trick.accumulate ?? 1), 1)
    if (this.#accumulate > 1 && updateRule.ascend !== undefined)
      throw new TradewrightError(
        'BAD_OPTION',
        `update rule '${updateRule.name}' must have its batch twice, so it cannot be with gradient accumulation`,
      )
    const store = tricks.find((trick) => trick.stateStore !== undefined)?.stateStore
    const slots = store === undefined ? updateRule.slots.length : 0
    const scratchSlots = store === undefined ? 0 : updateRule.slots.length
    const bytesOf = (given: CompileOptions): number => {
      const trial = options.backend.compile(options.model, given)
      const { total } = trial.memory()
      trial.dispose()
      return total
    }
    let compile: CompileOptions = { batch, loss, seed, slots, scratchSlots, precision: options.precision }
    for (const trick of this.#tricks) compile = { ...compile, ...trick.compile?.(compile, bytesOf) }
    this.model = options.backend.compile(options.model, compile)
    this.#gradients = [...this.model.gradientsOf.values()]
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
    if (this.#fitting) throw new TradewrightError('BAD_OPTION', 'a trainer must be free to be fitted, was being fitted')
    this.#fitting = true
    try {
      return await this.#fit(dataset, options)
    } finally {
      this.#fitting = false
    }
  }

  async #fit(dataset: Dataset, options: FitOptions): Promise<FitResult> {
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
    // One checkpoint is written while the training goes on; the next one waits for it. What fails is thrown there, or at
    // the end.
    let saving: Promise<unknown> | undefined
    const keep = async (score?: number): Promise<void> => {
      await saving
      saving = checkpoints?.save({ step: run.step, score, data: this.save() })
      saving?.catch(() => undefined)
    }
    try {
      let sliced = this.#clock.elapsed()
      while (run.epoch < epochs) {
        const finished = this.#update(loader)
        if (!finished && run.step % every === 0 && checkpoints !== undefined) await keep()
        if (finished) {
          const progress = this.#endEpoch(epochs)
          history.push(progress)
          onProgress?.(progress)
          this.events.emit('training:epoch', progress)
          const stop = this.#tricks.map((trick) => trick.epoch?.(run)).includes('stop')
          if (checkpoints !== undefined && run.step % every === 0) await keep(progress.validationLoss)
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
      await saving
    } finally {
      await saving?.catch(() => undefined)
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
    let scale = 1
    const tricks = this.#stepTricks
    this.#rows = this.model.batch
    for (let i = 0; i < tricks.length; i++) {
      scale *= tricks[i].lossScale?.() ?? 1
      this.#rows = Math.min(this.#rows, tricks[i].rows?.(this.#run) ?? this.#rows)
    }
    // SAM needs its batch again.
    let again: Batch | undefined
    for (; parts < this.#accumulate; parts++) {
      const start = this.#clock.elapsed()
      const batch = this.#nextBatch(loader, parts)
      this.#times.data += this.#clock.elapsed() - start
      if (batch === undefined) break
      this.#batchGradients(batch, parts, scale)
      sum += this.#found.sum
      weight += this.#found.weight
      this.#times.rows += batch.rows
      again = batch
    }
    if (again !== undefined) this.#apply(again, sum, weight, scale)
    return loader.position === 0 || loader.position === loader.batches ? this.#atEnd(loader) : false
  }

  /** Gradients of a batch, in pieces of as many rows as go through the engine at once; the sums are in `#found`. */
  #batchGradients(batch: Batch, part: number, scale: number): void {
    const how = this.#how
    how.step = this.#dropStep(part)
    how.scale = scale
    let sum = 0
    let weight = 0
    for (let from = 0; from < batch.rows; from += this.#rows) {
      how.accumulate = part > 0 || from > 0
      how.first = from
      const piece = viewRows(batch, from, Math.min(this.#rows, batch.rows - from))
      const found = this.model.gradients(piece, how, this.#found)
      if (!Number.isFinite(found.sum)) throw this.#notFinite(found.sum, piece)
      sum += found.sum
      weight += found.weight
    }
    this.#found.sum = sum
    this.#found.weight = weight
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
    if (batch === undefined) return undefined
    const tricks = this.#stepTricks
    for (let i = 0; i < tricks.length; i++) batch = tricks[i].batch?.(batch, this.#run, part) ?? batch
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

  #normalize(weight: number): void {
    const { ops } = this.model
    for (let i = 0; i < this.#gradients.length; i++) ops.scale(this.#gradients[i], 1 / weight)
  }

  /** The gradients go through the tricks; false where one of them skips the update. */
  #through(): boolean {
    const tricks = this.#stepTricks
    for (let i = 0; i < tricks.length; i++) if (tricks[i].gradients?.(this.#run) === 'skip') return false
    return true
  }

  /** Gradients of the mean loss, through the tricks, into the parameters. */
  #apply(batch: Batch, sum: number, weight: number, scale: number): void {
    const start = this.#clock.elapsed()
    const { model } = this
    const run = this.#run
    // Rows that all count 0 say nothing: no update.
    if (weight === 0) {
      run.step++
      return
    }
    run.trainingLoss = sum / weight
    this.#normalize(weight)
    let rate = this.#options.rate ?? 1e-3
    const tricks = this.#stepTricks
    for (let i = 0; i < tricks.length; i++) rate = tricks[i].rate?.(rate, run) ?? rate
    run.rate = rate
    let go = this.#through()
    if (go && this.#options.updateRule.ascend !== undefined) {
      this.#updates.ascend(run.step + 1, rate)
      model.commit()
      this.#batchGradients(batch, 0, scale)
      this.#normalize(weight)
      go = this.#through()
      if (!go) this.#updates.descend()
    }
    if (go) this.#updates.update(run.step + 1, rate)
    run.step++
    this.#epochSum += sum
    this.#epochWeight += weight
    if (go) model.commit()
    for (let i = 0; i < tricks.length; i++) tricks[i].stepped?.(run)
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
    const loader = createDataLoader(dataset, { batch: this.model.batch, sampling: 'sequential' })
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
    return this.model.predict(x, rows, out ?? new Float32Array(Math.ceil(rows) * this.model.outputs))
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
    const state = readState(data, this.model.parameters, this.#options.updateRule.name)
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
