import type { Data } from './data.ts'
import type { Key } from './key.ts'

/** Features: rows in time order, row-major. */
export interface FeatureMatrix {
  readonly names: readonly string[]
  /** shape [rows * columns], row-major. NaN is a missing value. Read only. */
  readonly data: Float32Array
  readonly rows: number
  readonly columns: number
}

/** How a model's training goes. */
export interface FitProgress {
  readonly round: number
  readonly rounds: number | undefined
  readonly loss: number | undefined
  readonly validationLoss: number | undefined
}

/** Options of {@link Model.fit}. */
export interface FitOptions {
  /** State to continue from, of {@link Model.save}. */
  readonly initial?: Data | undefined
  /** Rounds in all, those of `initial` included. @default the model's own option */
  readonly rounds?: number | undefined
  /** shape [rows], not negative. Read only. */
  readonly sampleWeight?: Float32Array | undefined
  readonly validation?: { readonly X: FeatureMatrix; readonly y: Float32Array } | undefined
  readonly signal?: AbortSignal | undefined
  /** After each round; the model's `save` then gives a state that `initial` continues. */
  readonly onProgress?: ((progress: FitProgress) => void) | undefined
}

/**
 * Something that learns from features and predicts. Regression has one output; a binary classifier one, the probability
 * of class 1; a classifier of K >= 3 classes has K, which sum to 1.
 */
export interface Model {
  readonly name: string
  /**
   * What more rounds give on the same rows with the same other options: the same as a cold training of all of them, or
   * something near it. Absent where the model cannot continue.
   */
  readonly continuation?: 'exact' | 'approximate' | undefined
  /** `fit` with an `initial` of more rounds than asked cuts to them, to the bit what a cold training of them gives. */
  readonly truncates?: boolean | undefined
  /** Memory it holds. */
  readonly bytes: number
  /** How much each feature counts, by its name, of a trained model that can tell; they sum to 1. */
  readonly importances?: Readonly<Record<string, number>> | undefined
  /**
   * @param X features. Read only.
   * @param y shape [rows]: targets, or classes from 0. Read only.
   */
  fit(X: FeatureMatrix, y: Float32Array, options?: FitOptions): Promise<void>
  /** @param out shape [rows * outputs], caller-owned, fully overwritten. @returns `out`. */
  predict(X: FeatureMatrix, out?: Float32Array): Float32Array
  save(): Data
  load(data: Data): void
}

/** Where untrained models of one kind come from. */
export interface ModelReference {
  /** URL, path or package name of the module. */
  readonly module: string
  /** Its exported function `(options) => Model | Promise<Model>`. */
  readonly export: string
  readonly options: Data
  /** Version of the code: a state is continued only by the code that made it. @default '' */
  readonly version?: string | undefined
  /** Name of the option that counts rounds, where there is one. */
  readonly rounds?: string | undefined
}

/** The state that a training went on from. */
export interface Continued {
  /** The very same training; more rounds of it; fewer; other rows; other parameters. */
  readonly kind: 'same' | 'rounds' | 'cut' | 'data' | 'parameters'
  /** Key of the state. */
  readonly from: Key
  /** Rounds that were not made again. */
  readonly rounds: number
  /** What they had cost, in ms. */
  readonly ms: number
}

/** How a model is to be trained. */
export interface FitRequest {
  /** Name of the trial's strategy and number of the trial. */
  readonly trial: number
  /** Makes an untrained model from these. */
  readonly model: ModelReference
  readonly X: FeatureMatrix
  readonly y: Float32Array
  readonly sampleWeight?: Float32Array | undefined
  readonly validation?: FitOptions['validation']
  /** shape [rows], epoch ms of each row, ascending. Read only. */
  readonly times?: Float64Array | undefined
  /** What the rows are made from, their window apart: rows of the same series and time are of the same kind. */
  readonly series?: Key | undefined
  /** The study. */
  readonly run?: string | undefined
  /** Trials of the run below this number had finished before the trial was suggested. */
  readonly earlier?: number | undefined
  /** Set by optimizers for those inside them: see {@link FitOptions}. */
  readonly initial?: Data | undefined
  /** Set by optimizers for those inside them: see {@link FitOptions}. */
  readonly rounds?: number | undefined
  readonly signal: AbortSignal
}

/** A trained model as plain data, and how it came about. */
export interface FittedModel {
  readonly model: Data
  /** Whether it equals what a cold training would give, or only approximates it. */
  readonly exact: boolean
  /** What this training took; rounds that it found made are not in it. */
  readonly cost: { readonly ms: number; readonly rounds: number }
  /** Rounds in the model, where it counts them. */
  readonly rounds?: number | undefined
  readonly continuation?: Model['continuation']
  readonly truncates?: boolean | undefined
  /** Absent after a training from nothing. */
  readonly continued?: Continued | undefined
}

/** Trains a model. */
export type Fit = (request: FitRequest) => Promise<FittedModel>
