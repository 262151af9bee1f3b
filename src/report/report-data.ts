import type { CacheStats, Metrics, Params } from '@tradewright/core'
import type { ModelSummary } from '../model-summary.ts'
import type { WalkForwardValidation } from '../training-result.ts'
import type { ReportInsight } from './insight-data.ts'

/** Metrics over the two parts of the bars. `heldOut` is undefined where nothing was held out. */
export interface InAndOut {
  readonly inSample: Metrics
  readonly heldOut: Metrics | undefined
}

/** One trial of a report. */
export interface ReportTrial {
  readonly number: number
  readonly params: Params
  /** The objective; NaN for a trial that failed or was stopped. */
  readonly value: number
  /** In-sample metrics, where the trial was finished. */
  readonly metrics?: Metrics | undefined
}

/** The curves of one symbol: the best parameters on bars one after another. */
export interface ReportCurves {
  readonly symbol: string
  /** Epoch ms of each bar. */
  readonly timestamp: ArrayLike<number>
  /** Growth of 1 with the best parameters; flat again at the beginning of the held-out part. */
  readonly strategy: ArrayLike<number>
  /** Growth of 1 when bought at the first bar and held. */
  readonly buyAndHold: ArrayLike<number>
  /** Index of the first held-out bar; the length where nothing was held out. */
  readonly split: number
}

/** One tuned strategy. */
export interface ReportStudy {
  readonly name: string
  readonly objective: string
  readonly direction: 'maximize' | 'minimize'
  readonly symbols: readonly string[]
  readonly timeframe: string | undefined
  readonly calendar: string | undefined
  readonly barsPerYear: number | undefined
  readonly seed: number
  readonly why: string
  readonly durationMs: number
  readonly best: ReportTrial
  readonly metrics: InAndOut
  readonly buyAndHold: InAndOut
  /** Deflated and probabilistic Sharpe ratio of the best trial, in-sample; undefined where they cannot be told. */
  readonly luck: {
    readonly deflatedSharpe: number | undefined
    readonly probabilisticSharpe: number | undefined
    readonly trials: number
  }
  readonly trials: readonly ReportTrial[]
  readonly failed: number
  readonly pruned: number
  readonly curves: readonly ReportCurves[]
  /** What the trials tell about the parameters, where there are enough of both. */
  readonly insight?: ReportInsight | undefined
  /** Searches on parts of the bars; undefined where they were not asked for. */
  readonly walkForward?: WalkForwardValidation | undefined
  /** The best trial's model; undefined without one. */
  readonly model?: ModelSummary | undefined
}

/** Time spent in one layer. */
export interface ReportLayer {
  readonly name: string
  readonly calls: number
  readonly ms: number
}

/** What the shared store of indicator columns did. */
export interface IndicatorsData {
  /** Columns found, and columns that had to be computed. */
  readonly hits: number
  readonly misses: number
  /** Columns held, and their bytes. */
  readonly columns: number
  readonly bytes: number
  /** Computing that hits saved, in ms; undefined where the store does not measure it. */
  readonly savedMs: number | undefined
}

/** Everything a report shows. */
export interface ReportData {
  readonly title: string
  readonly subtitle?: string | undefined
  /** Epoch ms. */
  readonly generatedAt: number
  /** Sentences under the title: what was read from the cache, what went on without something. */
  readonly notes: readonly string[]
  readonly studies: readonly ReportStudy[]
  readonly layers: readonly ReportLayer[]
  readonly cache: CacheStats | undefined
  /** Slices of trials that passed the cache without a look-up: computing them costs less. */
  readonly passed: number
  /** The store of indicator columns; undefined where statistics were not given. */
  readonly indicators: IndicatorsData | undefined
}
