import type { PrunerSpec } from '@tradewright/adaptive-sampling'
import type { SharedIndicatorStore } from '@tradewright/backtest-cache'
import type { Clock, DataSource, Logger, Objective, Optimizer, SamplerSpec, SimulationOptions } from '@tradewright/core'
import type { Duration } from './duration.ts'

/** Folds of a walk forward, in bars. */
export interface WalkForwardSection {
  /** Bars to search on in each fold (in the first one, if `anchored`). */
  readonly train: number
  /** Bars after them to try the best on, and from one fold to the next. */
  readonly test: number
  /** Search on every bar since the first, not only on the last `train`. @default false */
  readonly anchored?: boolean | undefined
  /** Bars left out between the two. @default 0 */
  readonly embargo?: number | undefined
}

/** What a search does unless a request says otherwise. */
export interface TrainingOptions {
  /** Trials of a search. @default 200 */
  readonly trials?: number | undefined
  /** What the search strives for. @default 'sharpe' */
  readonly objective?: Objective | undefined
  /** Seed of every random choice: the same seed gives the same trials and results. @default 0 */
  readonly seed?: number | undefined
  readonly validation?:
    | {
        /** Share of the newest bars that the search never sees, from 0 (none) to 0.9. @default 0.3 */
        readonly holdout?: number | undefined
        /** Search anew on each stretch of the searched bars, and try the best on the one after it. @default none */
        readonly walkForward?: WalkForwardSection | undefined
      }
    | undefined
  /** Use only this many days before the newest bar. @default every bar there is */
  readonly lookbackDays?: number | undefined
  /** How signals become orders and metrics. @default { preset: 'realistic' } */
  readonly simulation?: SimulationOptions | undefined
  /** Where parameters come from. @default what the section `adaptiveSampling` says */
  readonly sampler?: SamplerSpec | undefined
  /** Judge of unfinished trials; switches progressive evaluation on. @default none */
  readonly pruner?: PrunerSpec | undefined
  /** Trials of a generation. Never derived from the number of workers. @default the sampler's own, else 8 */
  readonly generationSize?: number | undefined
  /** Batches into which a generation is split and which are evaluated at the same time. Changes no result. @default 1 */
  readonly concurrency?: number | undefined
}

/** The result cache: what was computed once is read, not computed. */
export interface CachingOptions {
  /** @default true */
  readonly enabled?: boolean | undefined
  /** Entries of the memory tier. @default 1000 */
  readonly maxCacheSize?: number | undefined
  /** Life of an entry in the memory tier, seconds or as '30m'. @default 3600 */
  readonly cacheTtl?: Duration | undefined
  /** The disk tier; false for none. Content never goes stale, so it has no ttl. */
  readonly disk?:
    | false
    | {
        /** Folder, made when needed. @default '.tradewright/cache' below the working directory */
        readonly directory?: string | undefined
        /** Bound on its bytes, at least 1 MiB. @default 2147483648 (2 GiB) */
        readonly maxBytes?: number | undefined
      }
    | undefined
  /** 'cost' keeps only what takes at least 5 times a hit to compute; 'all' keeps everything. @default 'cost' */
  readonly admission?: 'cost' | 'all' | undefined
  /** Where columns of indicators are kept, as `precompute` fills it; `enabled` or not. @default one of the system's own */
  readonly indicators?: SharedIndicatorStore | undefined
}

/** Where trials are evaluated: worker threads, as far as batches are worth it. Changes no result. */
export interface ParallelizationOptions {
  /** @default true */
  readonly enabled?: boolean | undefined
  /** Worker threads; honoured as it is. @default as many as the cores allow, at most 8 */
  readonly maxWorkers?: number | undefined
  /** Upper bound on the trials of one task; tasks are sized by measured cost. @default 1000 */
  readonly chunkSize?: number | undefined
}

/** When a search ends before its budget: what has not been bettered for long is not going to be. */
export interface EarlyStoppingOptions {
  /** @default true */
  readonly enabled?: boolean | undefined
  /** Trials that are always made. @default the larger of 100 and half the budget */
  readonly minTrials?: number | undefined
  /** Trials without a better one after which it ends. @default the larger of 50 and a fifth of the budget */
  readonly patience?: number | undefined
  /** Ends also where the best after `minTrials` is worse than this. @default never */
  readonly performanceThreshold?: number | undefined
  /** 'documents': patience 10, minTrials 20, threshold -0.5. @default none */
  readonly preset?: 'documents' | undefined
}

/** Trials are seen on part of the data first, and only those that deserve it on all of it. */
export interface ProgressiveEvaluationSection {
  /** @default whether `training.pruner` is given */
  readonly enabled?: boolean | undefined
  /** [share of the data, weight] of each stage, ascending to 1. @default [[0.1, 0.3], [0.3, 0.5], [1, 1]] */
  readonly stages?: readonly (readonly [number, number])[] | undefined
  /** Value below which a trial is stopped, where no pruner is given. @default -0.5 */
  readonly threshold?: number | undefined
}

/** Searches that learn from their trials. */
export interface AdaptiveSamplingOptions {
  /** The default sampler is `auto`, or `nsga2` for several objectives; without, it is `random`. @default true */
  readonly enabled?: boolean | undefined
  /** Random trials before the perturbed ones: choosing it chooses the sampler `perturbation`. @default 100, at most half the budget */
  readonly initialSamples?: number | undefined
  /** Noise around the top quartile, as a part of each range: choosing it chooses the sampler `perturbation`. @default 0.1 */
  readonly perturbationFactor?: number | undefined
}

/** What `system.createReplayBuffer` hands to the buffers it makes. */
export interface ReplayBuffersOptions {
  /** Most bytes of memory that all open buffers may take together, tree and index included. @default no bound */
  readonly maxBytes?: number | undefined
}

/** Models that continue: see docs/models.md. Only trainings with a `model` have any. */
export interface IncrementalTrainingSection {
  /** @default true */
  readonly enabled?: boolean | undefined
  /**
   * Go on from states of other rows and parameters too, which changes results; the best trial's models are trained
   * again from nothing. True, or `{ newRounds, maxDistance, driftThreshold, replay }`. @default false
   */
  readonly approximate?: boolean | Readonly<Record<string, number>> | undefined
  /**
   * Folder of the states; false for one that is gone with the system. @default '.tradewright/models' where the result
   * cache has a disk tier, else false
   */
  readonly directory?: string | false | undefined
}

/** The system's own optimizers, each a section that can be switched off. */
export interface ComputationalOptimizationOptions {
  readonly caching?: CachingOptions | undefined
  readonly parallelization?: ParallelizationOptions | undefined
  readonly earlyStopping?: EarlyStoppingOptions | undefined
  readonly progressiveEvaluation?: ProgressiveEvaluationSection | undefined
  readonly adaptiveSampling?: AdaptiveSamplingOptions | undefined
  readonly incrementalTraining?: IncrementalTrainingSection | undefined
  readonly replayBuffers?: ReplayBuffersOptions | undefined
  readonly profiling?:
    | {
        /** Measure the time of every optimizer. @default true */
        readonly enabled?: boolean | undefined
      }
    | undefined
}

/** Everything {@link createOptimizedTrainingSystem} takes. */
export interface SystemOptions {
  /** Where bars come from; closed with the system where it can be closed. */
  readonly dataSource: DataSource
  readonly training?: TrainingOptions | undefined
  readonly computationalOptimization?: ComputationalOptimizationOptions | undefined
  /** The user's own optimizers, as `system.use` takes them. */
  readonly optimizers?: readonly Optimizer[] | undefined
  /** Where warnings and notes go. @default nowhere */
  readonly logger?: Logger | undefined
  /** Where time comes from. @default the machine's clock */
  readonly clock?: Clock | undefined
}
