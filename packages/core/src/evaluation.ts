import type { Data } from './data.ts'
import type { ErrorData } from './error.ts'
import type { Fingerprint } from './key.ts'
import type { Direction, MetricName, Metrics, ReturnMoments } from './metrics.ts'
import type { Params } from './param-spec.ts'
import type { NodeRef, Program } from './program.ts'
import type { SimulationOptions } from './simulation.ts'

/** A range of bars of one symbol on which a trial is judged. */
export interface Slice {
  /** Unique among the slices of a request. */
  readonly id: string
  readonly symbol: string
  readonly fold?: string | undefined
  /** Which bars: the fingerprint of the whole series that the indexes below count in. */
  readonly data: Fingerprint
  /** First bar that indicators may see; at most `start`. */
  readonly warmupStart: number
  /** First bar that is traded. */
  readonly start: number
  /** One past the last bar. */
  readonly end: number
  /** Weight of this slice's metrics in a score, above 0. */
  readonly weight: number
  /** Whether the run ends here: only then are the signals of the last bar ignored. */
  readonly final: boolean
}

/** Where a simulation stands after a bar, before the orders of that bar: enough to continue to the last bit. */
export interface EngineState {
  /** Version of the engine that wrote it. */
  readonly version: string
  /** Index of the last bar seen. */
  readonly bar: number
  readonly data: Data
}

/** One trial of a batch. */
export interface TrialRef {
  readonly id: number
  readonly program: Program
  /** States to continue from, one a slice. */
  readonly resume?: readonly (EngineState | undefined)[] | undefined
}

/** A batch of trials over the same slices. */
export interface EvaluationRequest {
  readonly trials: readonly TrialRef[]
  readonly slices: readonly Slice[]
  readonly simulation: SimulationOptions<NodeRef>
  readonly want: {
    /** Give the state after each slice, to continue from. */
    readonly state: boolean
    /** Give the per-bar returns of each slice. */
    readonly returns: boolean
    readonly metrics: 'standard' | 'all' | readonly MetricName[]
  }
  readonly signal: AbortSignal
}

/** What one trial did on one slice. */
export interface SliceResult {
  readonly metrics: Metrics
  /** Moments of the slice's per-bar returns. */
  readonly moments?: ReturnMoments | undefined
  readonly state?: EngineState | undefined
  /** shape [bars of the slice]; given away. */
  readonly returns?: Float64Array | undefined
}

/** The answer for one trial. */
export type Evaluation = { readonly id: number; readonly cost: { readonly bars: number; readonly ms: number } } & (
  | { readonly status: 'done'; readonly slices: readonly SliceResult[] }
  | { readonly status: 'failed'; readonly error: ErrorData }
)

/** Evaluates a batch: one {@link Evaluation} per trial id, in any order. */
export type Evaluate = (request: EvaluationRequest) => Promise<readonly Evaluation[]>

/** What a study strives for. */
export type Objective =
  | MetricName
  | { readonly metric: MetricName; readonly direction: Direction }
  | {
      readonly direction: Direction | readonly Direction[]
      /** Runs in the host. NaN makes the trial fail. Several numbers make several objectives. */
      score(slices: readonly SliceResult[], params: Params): number | readonly number[]
    }
