import type { Data } from './data.ts'

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
  /** shape [rows], not negative. Read only. */
  readonly sampleWeight?: Float32Array | undefined
  readonly validation?: { readonly X: FeatureMatrix; readonly y: Float32Array } | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: FitProgress) => void) | undefined
}

/** Something that learns from features and predicts. */
export interface Model {
  readonly name: string
  /** Memory it holds. */
  readonly bytes: number
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

/** How a model is to be trained. */
export interface FitRequest {
  /** Name of the trial's strategy and number of the trial. */
  readonly trial: number
  /** Makes an untrained model from these. */
  readonly model: { readonly module: string; readonly export: string; readonly options: Data }
  readonly X: FeatureMatrix
  readonly y: Float32Array
  readonly sampleWeight?: Float32Array | undefined
  readonly signal: AbortSignal
}

/** A trained model as plain data, and how it came about. */
export interface FittedModel {
  readonly model: Data
  /** Whether it equals what a cold training would give, or only approximates it. */
  readonly exact: boolean
  readonly cost: { readonly ms: number; readonly rounds: number }
}

/** Trains a model. */
export type Fit = (request: FitRequest) => Promise<FittedModel>
