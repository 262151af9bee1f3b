import type {
  CacheStats,
  IndicatorStoreStats,
  Params,
  ParamsOf,
  ProfileReport,
  Snapshot,
  SpaceShape,
} from '@tradewright/core'
import type { NoShape } from './model-request.ts'
import type { TrainingRequest } from './training-request.ts'
import type { TrainingResult } from './training-result.ts'

/** What a system's optimizers did since it began. */
export interface OptimizationStats {
  /** What each optimizer says of itself, by name, outermost first. */
  readonly optimizers: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** The result cache; undefined where it is off. */
  readonly cache: CacheStats | undefined
  readonly indicators: IndicatorStoreStats
  /** Own time of each layer (`engine`, `optimizer:<name>`) and of the search's parts; undefined without profiling. */
  readonly profile: ProfileReport | undefined
}

/** Where memory stands. */
export interface MemoryProfile {
  readonly now: Snapshot
  /** Snapshots since the system began, oldest first: one at each training's begin and end. */
  readonly snapshots: readonly Snapshot[]
}

/** Runs trainings. */
export interface TrainingManager {
  /** Sets the optimizers up. Done by the first training where it was not called. Idempotent. */
  initialize(): Promise<void>
  /**
   * Searches the best parameters of a strategy and validates them on bars that the search never saw.
   *
   * @throws TradewrightError `UNKNOWN_NAME`, `BAD_OPTION` (the request), `NOT_FOUND`, `BAD_DATA` (the bars),
   *   `BAD_STRATEGY` (impure signals), `BAD_SPACE` (no parameters keep `where`), `TRIAL_FAILED` (no trial gave a
   *   result), `DISPOSED`; the signal's reason when aborted.
   */
  executeOptimizedTraining<P = Params, const Shape extends SpaceShape = NoShape>(
    request: TrainingRequest<P, Shape>,
  ): Promise<TrainingResult<P & ParamsOf<Shape>>>
  /** The same as `executeOptimizedTraining`, under the name that older documents use. */
  executeEnhancedTraining<P = Params, const Shape extends SpaceShape = NoShape>(
    request: TrainingRequest<P, Shape>,
  ): Promise<TrainingResult<P & ParamsOf<Shape>>>
  getMemoryProfile(): MemoryProfile
  getOptimizationStats(): OptimizationStats
  /** Frees what is held between trainings (indicator columns). Results and caches stay. */
  cleanup(): Promise<void>
}
