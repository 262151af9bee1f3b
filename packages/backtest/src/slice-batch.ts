import type { Bars, EngineState, GraphProgram, Slice } from '@tradewright/core'
import type { NodeValues } from './node-values.ts'
import type { SliceOutcome } from './run-slice.ts'
import type { SimulationSettings } from './simulation-settings.ts'

/** One trial of a {@link SliceBatch}. */
export interface PreparedTrial {
  readonly program: GraphProgram
  readonly settings: SimulationSettings
  /** A state to continue from, of this slice. */
  readonly resume: EngineState | undefined
}

/** Trials of one node table over one slice. */
export interface SliceBatch {
  readonly bars: Bars
  readonly slice: Slice
  /** Columns of nodes over the bars from `slice.warmupStart` to `slice.end`. */
  readonly values: NodeValues
  readonly trials: readonly PreparedTrial[]
  readonly wantState: boolean
  readonly wantReturns: boolean
}

/**
 * Runs what it can of a batch; undefined for a trial leaves it to the plain form, which also reports what is wrong
 * with one that would fail. Whether it takes a trial, and what it gives, depends on that trial alone and never on the
 * rest of the batch: results stay the same however trials are batched.
 */
export type FastPath = (batch: SliceBatch) => readonly (SliceOutcome | undefined)[]
