import type { Data } from './data.ts'
import type { Direction } from './metrics.ts'
import type { FinishedTrial, PausedTrial } from './trial.ts'

/** What a study is: a resume with another header is refused. */
export interface StudyHeader {
  readonly name: string
  /** Content key of the space's shape. */
  readonly space: string
  readonly directions: readonly Direction[]
  readonly seed: number
  readonly generationSize: number
  readonly sampler: string
  /** Content key of whatever else decides results: data, strategy, simulation. */
  readonly content?: string | undefined
}

/** One finished generation: stored as a whole or not at all. */
export interface StoredGeneration {
  /** From 0, without gaps. */
  readonly generation: number
  /** Trials that ended in it, in the order of their numbers. */
  readonly finished: readonly FinishedTrial[]
  /** Every trial that waits at a rung after it. */
  readonly paused: readonly PausedTrial[]
  /** Number of the next trial to be started. */
  readonly nextTrial: number
  /** State of the sampler after it, where it has one. */
  readonly sampler?: Data | undefined
}

/** A stored study. */
export interface StoredStudy {
  readonly header: StudyHeader
  readonly generations: readonly StoredGeneration[]
}

/**
 * Keeps studies. `append` is atomic and durable: a trial counts as finished only once it resolves.
 */
export interface StudyStore extends AsyncDisposable {
  readonly name: string
  load(study: string): Promise<StoredStudy | undefined>
  /** @throws TradewrightError `DUPLICATE_NAME` where it is there already. */
  create(header: StudyHeader): Promise<void>
  /** @throws TradewrightError `STUDY_CONFLICT` unless `generation` is the next one. */
  append(study: string, generation: StoredGeneration): Promise<void>
  list(): Promise<readonly string[]>
  delete(study: string): Promise<void>
}
