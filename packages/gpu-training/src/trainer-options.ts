import { type Checkpoints, type Clock, type Data, type Events, TradewrightError, unknownName } from '@tradewright/core'
import type { CompiledModel, PrecisionPolicy, TrainingBackend } from './backend.ts'
import type { DataLoader, DataLoaderOptions, Sampling } from './data-loader.ts'
import type { Dataset } from './dataset.ts'
import type { Loss } from './loss.ts'
import type { ModelSpec } from './model-spec.ts'
import type { ParameterGroup } from './parameter-updates.ts'
import type { Trick } from './trick.ts'
import type { UpdateRule } from './update-rule.ts'

/** Options of `createTrainer`. */
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

const REQUIRED = ['model', 'loss', 'updateRule', 'backend'] as const
const OPTIONAL = ['batch', 'rate', 'seed', 'tricks', 'groups', 'precision', 'events', 'clock'] as const

/** Refuses options that are not known, and what must be there and is not. */
export function checkTrainerOptions(options: TrainerOptions): void {
  const known: readonly string[] = [...REQUIRED, ...OPTIONAL]
  for (const key of Object.keys(options))
    if (!known.includes(key)) throw unknownName('option of createTrainer', key, known)
  for (const key of REQUIRED)
    if (typeof options[key] !== 'object' || options[key] === null)
      throw new TradewrightError('BAD_OPTION', `${key} must be given, was ${String(options[key])}`, { option: key })
  for (const trick of options.tricks ?? [])
    if (typeof trick?.name !== 'string')
      throw new TradewrightError('BAD_OPTION', `tricks must be what the tricks' functions return, was ${String(trick)}`)
}
