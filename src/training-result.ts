import type {
  Calendar,
  Direction,
  ErrorData,
  FinishedTrial,
  MetricName,
  Metrics,
  Params,
  ReturnMoments,
  Space,
} from '@tradewright/core'
import type { ModelSummary } from './model-summary.ts'

/** Metrics over the two parts of the bars. */
export interface Parts<T> {
  readonly inSample: T
  /** Undefined where nothing was held out. */
  readonly heldOut: T | undefined
}

/** What one strategy did on one part of the bars. */
export interface PartResult {
  readonly metrics: Metrics
  /** shape [bars of the part]: return of each bar, the first against the initial cash. */
  readonly returns: Float64Array
  /** shape [bars of the part], epoch ms. */
  readonly timestamp: Float64Array
}

/** The best parameters on one symbol, beside buying and holding by the same rules. */
export interface SymbolValidation {
  readonly symbol: string
  readonly strategy: Parts<PartResult>
  readonly buyAndHold: Parts<PartResult>
}

/** One fold of a {@link WalkForwardValidation}. Times in epoch ms, of the first symbol. */
export type FoldValidation = {
  readonly fold: number
  readonly trainFrom: number
  readonly testFrom: number
  /** Opening of the last bar. */
  readonly testTo: number
} & (
  | {
      readonly status: 'done'
      /** The best on the fold's training. */
      readonly params: Params
      /** The first objective there, and on the bars after it; NaN where the objective fails. */
      readonly value: number
      readonly testValue: number
      readonly train: Metrics
      readonly test: Metrics
    }
  /** No trial gave a result on the training, or the best one none on the test. */
  | { readonly status: 'failed'; readonly error: ErrorData }
)

/** What choosing parameters by search would have brought, stretch by stretch. */
export interface WalkForwardValidation {
  readonly folds: readonly FoldValidation[]
  /** Mean of the first objective over the folds that are done: of the best on the trainings, and of those on the tests. */
  readonly value: number
  readonly testValue: number
  /** Test over training; NaN where the mean on the trainings is not above 0. */
  readonly efficiency: number
}

/** What a result must prove. Metrics of several symbols are their means. */
export interface Validation {
  /** Share of the bars that the search never saw. */
  readonly holdout: number
  /** Metrics of the best parameters on the bars that were searched. */
  readonly inSample: Metrics
  /** The same on the bars that were not; undefined where nothing was held out. */
  readonly heldOut: Metrics | undefined
  /** The first objective on the held-out bars; NaN where the objective fails there. */
  readonly heldOutValue: number | undefined
  readonly buyAndHold: Parts<Metrics>
  /**
   * Probability that the true Sharpe ratio of the best trial lies above what the best of as many trials without any
   * skill would show, in-sample. Below 0.95, luck is the simpler explanation. NaN where it cannot be told.
   */
  readonly deflatedSharpe: number
  /** Probability that the true Sharpe ratio of the best trial lies above 0, as if it had been the only trial. */
  readonly probabilisticSharpe: number
  /** Trials whose Sharpe ratios the deflation counts. */
  readonly trialsCounted: number
  readonly bySymbol: readonly SymbolValidation[]
  /** Searches on parts of the searched bars, each tried on the part after it; undefined where it was not asked for. */
  readonly walkForward?: WalkForwardValidation | undefined
}

/** The best trial. */
export interface BestResult<P = Params> {
  readonly number: number
  readonly params: P
  /** In-sample metrics; of several symbols, their means. */
  readonly metrics: Metrics
  readonly moments: ReturnMoments | undefined
  /** The first objective. */
  readonly value: number
  readonly values: readonly number[]
  /**
   * Writes the strategy with these parameters to a file, from which a bot loads it.
   *
   * Written to a temporary name, synced and renamed.
   * @throws TradewrightError `IO` where it cannot be written.
   */
  save(file: string): Promise<void>
}

/** How a training went. */
export interface TrainingStats {
  readonly durationMs: number
  readonly trials: number
  readonly done: number
  readonly failed: number
  readonly pruned: number
  readonly generations: number
  /** What each optimizer says of itself, by name, since the system began. */
  readonly optimizers: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** What a training gives back. */
export interface TrainingResult<P = Params> {
  readonly study: string
  readonly strategy: string
  readonly symbols: readonly string[]
  readonly timeframe: string | undefined
  readonly calendar: Calendar | undefined
  /** What every annualized figure is scaled by. */
  readonly barsPerYear: number | undefined
  readonly objective: {
    readonly name: string
    readonly metric: MetricName | undefined
    readonly directions: readonly Direction[]
  }
  readonly seed: number
  /** What was searched: the strategy's parameters without those that the request fixed. */
  readonly space: Space
  readonly best: BestResult<P>
  /** With several objectives: trials that no other dominates, in trial order. */
  readonly front: readonly FinishedTrial[]
  /** Every finished trial, in the order of their numbers. */
  readonly trials: readonly FinishedTrial[]
  /** Why the search ended: 'budget', 'exhausted', 'stopped'. */
  readonly why: string
  readonly validation: Validation
  /** The model of the best trial, and how the search's were trained; undefined without a model. */
  readonly model?: ModelSummary | undefined
  readonly stats: TrainingStats
}
