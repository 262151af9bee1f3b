import type { Data } from '@tradewright/core'
import type { Batch, CompiledModel, CompileOptions } from './backend.ts'
import type { Dataset } from './dataset.ts'
import type { Loss } from './loss.ts'
import type { UpdateRule } from './update-rule.ts'

/** What tricks see of a training. */
export interface TrainingRun {
  readonly model: CompiledModel
  readonly loss: Loss
  readonly rule: UpdateRule
  readonly seed: number
  /** Updates made so far. */
  readonly step: number
  /** Updates an epoch, and in all that `fit` was asked for. */
  readonly stepsPerEpoch: number
  readonly totalSteps: number
  readonly epoch: number
  /** Rate of the next or the running update. */
  readonly rate: number
  /** Mean loss of the running step, or of the epoch in `epoch`. */
  readonly trainingLoss: number
  /** Mean loss on the validation data, in `epoch`; undefined where there is none. */
  readonly validationLoss: number | undefined
  readonly validation: Dataset | undefined
  /** Predictions for the validation data, shape [rows * outputs], made once an epoch when asked for. */
  validationPredictions(): Float32Array
}

/**
 * A training trick: an object with the hooks that it needs. Tricks run in ascending `order`, equals as listed.
 */
export interface Trick {
  readonly name: string
  /** Two tricks of one kind cannot be together. */
  readonly kind?: 'schedule' | 'average' | undefined
  /** Tricks by name that it cannot be with, and why. */
  readonly conflicts?: Readonly<Record<string, string>> | undefined
  /** @default 0 */
  readonly order?: number | undefined
  /** Batches to one update. @default 1 */
  readonly accumulate?: number | undefined
  /** Where the rule's arrays are kept between updates, instead of memory. */
  readonly stateStore?: StateStore | undefined
  /** Refuses a model, loss or rule that it cannot work with, by throwing. */
  check?(about: { readonly loss: Loss; readonly rule: UpdateRule; readonly outputs: number }): void
  /** Changes how the model is made ready. `bytesOf` says what a model made ready so would take in all. */
  compile?(options: CompileOptions, bytesOf: (options: CompileOptions) => number): CompileOptions
  start?(run: TrainingRun): void
  /** Changes a batch before it is run; must not write to its arrays. */
  batch?(batch: Batch, run: TrainingRun, part: number): Batch
  /** Rows of a batch that go through the engine at once in the next update: a multiple of 8, or all. */
  rows?(run: TrainingRun): number
  /** Factor on the loss before backward. */
  lossScale?(): number
  /** Sees or changes the gradients of the mean loss (times the loss scale, before the trick that unscales). 'skip': no update. */
  gradients?(run: TrainingRun): 'skip' | undefined
  rate?(base: number, run: TrainingRun): number
  stepped?(run: TrainingRun): void
  /** After an epoch's validation. 'stop': training ends. */
  epoch?(run: TrainingRun): 'stop' | undefined
  /** When training ends by its epochs or a stop. Not at an abort or an error: the state stays as it is, to go on from. */
  finish?(run: TrainingRun): void
  save?(): Data
  restore?(data: Data): void
  /** What it did, in numbers. */
  stats?(): Readonly<Record<string, number>>
}

/** A place for a rule's arrays between updates. */
export interface StateStore {
  load(parameter: string, slots: readonly Float32Array[]): void
  store(parameter: string, slots: readonly Float32Array[]): void
  close(): void
}
