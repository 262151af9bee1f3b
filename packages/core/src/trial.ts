import type { Data } from './data.ts'
import type { ErrorData } from './error.ts'
import type { Slice } from './evaluation.ts'
import type { Direction } from './metrics.ts'
import type { Params } from './param-spec.ts'
import type { Space } from './space.ts'

/** An intermediate value of a trial. */
export interface Report {
  /** Number of the trial. */
  readonly id: number
  /** Step at which the value was seen: rung, epoch, fold. Ascending within a trial. */
  readonly step: number
  readonly value: number
}

/** A trial that is over. */
export interface FinishedTrial {
  /** Number of the trial in its study, from 0. */
  readonly number: number
  readonly params: Params
  readonly status: 'done' | 'failed' | 'pruned'
  /** One value an objective; empty unless `done`. */
  readonly values: readonly number[]
  readonly reports: readonly Report[]
  /** Why it failed. */
  readonly error?: ErrorData | undefined
  /** Why it was stopped. */
  readonly why?: string | undefined
  /** By how much soft constraints are violated; 0 or less is feasible. */
  readonly violation?: number | undefined
  /** What the runner keeps with a trial (metrics, moments); plain data. */
  readonly data?: Data | undefined
}

/** A trial that waits at a rung. */
export interface PausedTrial {
  readonly number: number
  readonly params: Params
  readonly reports: readonly Report[]
}

/** What samplers, pruners and schedules see of a study: everything before this generation. */
export interface StudyView {
  readonly space: Space
  readonly directions: readonly Direction[]
  readonly seed: number
  /** Number of the generation being planned, from 0. */
  readonly generation: number
  readonly generationSize: number
  /** Trials that may still be started. */
  readonly remaining: number
  /** Finished trials in the order of their numbers. */
  readonly trials: readonly FinishedTrial[]
  /** Trials that wait at a rung, in the order of their numbers. */
  readonly paused: readonly PausedTrial[]
}

/** A stage of an evaluation: what part of the data a trial is judged on. */
export interface Rung {
  /** From 0; the value seen there is reported as this step. */
  readonly step: number
  readonly slices: readonly Slice[]
  /** Weight of this stage in what a pruner sees. */
  readonly weight: number
  /** Whether a trial that has passed this stage is done. */
  readonly last: boolean
}

/** What a schedule asks for. */
export type Work =
  /** Start new trials, at a stage (the whole evaluation where absent). */
  | { readonly start: number; readonly at?: Rung | undefined }
  /** Take a waiting trial on to a stage. */
  | { readonly advance: number; readonly to: Rung }
  /** Stop a waiting trial. */
  | { readonly stop: number; readonly why: string }

/** Plans one generation. An empty list ends the study. */
export type Schedule = (view: StudyView) => Promise<readonly Work[]>
