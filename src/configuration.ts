import type { PrunerSpec } from '@tradewright/adaptive-sampling'
import type { SharedIndicatorStore } from '@tradewright/backtest-cache'
import {
  type Clock,
  type DataSource,
  type Logger,
  nearestName,
  type Objective,
  type Optimizer,
  type SamplerSpec,
  type SimulationOptions,
  TradewrightError,
  unknownName,
} from '@tradewright/core'
import * as z from 'zod'
import { type Duration, durationSeconds } from './duration.ts'

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

/** The training section with every default filled in. */
export interface ResolvedTraining {
  readonly trials: number
  readonly objective: Objective
  readonly seed: number
  readonly validation: { readonly holdout: number; readonly walkForward?: WalkForwardSection | undefined }
  readonly lookbackDays?: number | undefined
  readonly simulation: SimulationOptions
  readonly sampler?: SamplerSpec | undefined
  readonly pruner?: PrunerSpec | undefined
  readonly generationSize?: number | undefined
  readonly concurrency: number
}

/** The caching section with every default filled in. */
export interface ResolvedCaching {
  readonly enabled: boolean
  readonly maxCacheSize: number
  readonly cacheTtl: Duration
  readonly disk: false | { readonly directory: string; readonly maxBytes: number }
  readonly admission: 'cost' | 'all'
  readonly indicators?: SharedIndicatorStore | undefined
}

/** The parallelization section with every default filled in. */
export interface ResolvedParallelization {
  readonly enabled: boolean
  readonly maxWorkers?: number | undefined
  readonly chunkSize: number
}

/** The early stopping section; what is left out depends on the budget. */
export interface ResolvedEarlyStopping {
  readonly enabled: boolean
  readonly minTrials?: number | undefined
  readonly patience?: number | undefined
  readonly performanceThreshold?: number | undefined
  readonly preset?: 'documents' | undefined
}

/** The adaptive sampling section. */
export interface ResolvedAdaptiveSampling {
  readonly enabled: boolean
  readonly initialSamples?: number | undefined
  readonly perturbationFactor?: number | undefined
}

/** The progressive evaluation section with every default filled in. */
export interface ResolvedProgressive {
  readonly enabled?: boolean | undefined
  readonly stages: readonly (readonly [number, number])[]
  readonly threshold: number
}

/** The incremental training section; a directory that is left out depends on the cache. */
export interface ResolvedIncremental {
  readonly enabled: boolean
  readonly approximate: boolean | Readonly<Record<string, number>>
  readonly directory?: string | false | undefined
}

/** The configuration with every default filled in. */
export interface ResolvedConfiguration {
  readonly dataSource: DataSource
  readonly training: ResolvedTraining
  readonly computationalOptimization: {
    readonly caching: ResolvedCaching
    readonly parallelization: ResolvedParallelization
    readonly earlyStopping: ResolvedEarlyStopping
    readonly progressiveEvaluation: ResolvedProgressive
    readonly adaptiveSampling: ResolvedAdaptiveSampling
    readonly incrementalTraining: ResolvedIncremental
    readonly replayBuffers: ReplayBuffersOptions
    readonly profiling: { readonly enabled: boolean }
  }
  readonly optimizers: readonly Optimizer[]
  readonly logger?: Logger | undefined
  readonly clock?: Clock | undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const hasMethod = (value: unknown, name: string): boolean => isRecord(value) && typeof value[name] === 'function'

/** A leaf whose error is its rule in words: the path and the value are put around it by {@link fault}. */
function leaf<T>(rule: string, test: (value: unknown) => boolean): z.ZodType<T> {
  return z.custom<T>(test, { error: rule })
}

const whole = (low: number, high: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> =>
  leaf(
    `a whole number ${high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `from ${low} to ${high}`}`,
    (v) => Number.isSafeInteger(v) && (v as number) >= low && (v as number) <= high,
  )

const flag = (fallback: boolean): z.ZodDefault<z.ZodType<boolean>> =>
  leaf<boolean>('true or false', (v) => typeof v === 'boolean').default(fallback)

const isObjective = (v: unknown): boolean =>
  typeof v === 'string' || (isRecord(v) && (typeof v.metric === 'string' || typeof v.score === 'function'))

const section = <Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> =>
  z.strictObject(shape, { error: (issue) => (issue.code === 'invalid_type' ? 'an object' : undefined) })

const training: z.ZodType<ResolvedTraining> = section({
  trials: whole(1).default(200),
  objective: leaf<Objective>(
    "a metric's name, { metric, direction } or { direction, score(slices, params) }",
    isObjective,
  ).default('sharpe'),
  seed: whole(0).default(0),
  validation: section({
    holdout: leaf<number>('a number from 0 to 0.9', (v) => typeof v === 'number' && v >= 0 && v <= 0.9).default(0.3),
    walkForward: section({
      train: whole(2),
      test: whole(2),
      anchored: flag(false),
      embargo: whole(0).default(0),
    }).optional(),
  }).prefault({}),
  lookbackDays: leaf<number>(
    'a number of days above 0',
    (v) => typeof v === 'number' && v > 0 && Number.isFinite(v),
  ).optional(),
  simulation: leaf<SimulationOptions>('an object of simulation options', isRecord).default({}),
  sampler: leaf<SamplerSpec>(
    "a sampler, or its name as in { type: 'tpe' }",
    (v) => isRecord(v) && (typeof v.type === 'string' || hasMethod(v, 'sample')),
  ).optional(),
  pruner: leaf<PrunerSpec>(
    "a pruner, or its name as in { type: 'median' }",
    (v) => isRecord(v) && (typeof v.type === 'string' || hasMethod(v, 'decide')),
  ).optional(),
  generationSize: whole(1, 1_000_000).optional(),
  concurrency: whole(1, 1024).default(1),
})

const disk: z.ZodType<Exclude<ResolvedCaching['disk'], false>> = section({
  directory: leaf<string>('the path of a folder', (v) => typeof v === 'string' && v !== '').default(
    '.tradewright/cache',
  ),
  maxBytes: whole(1024 ** 2).default(2 * 1024 ** 3),
})

const caching: z.ZodType<ResolvedCaching> = section({
  enabled: flag(true),
  maxCacheSize: whole(1).default(1000),
  cacheTtl: leaf<Duration>("seconds above 0, or a time as '30m'", (v) => (durationSeconds(v) ?? 0) > 0).default(3600),
  disk: z.union([z.literal(false), disk]).prefault({}),
  admission: leaf<'cost' | 'all'>("'cost' or 'all'", (v) => v === 'cost' || v === 'all').default('cost'),
  indicators: leaf<SharedIndicatorStore>(
    'a store as sharedIndicatorStore makes it',
    (v) => hasMethod(v, 'get') && hasMethod(v, 'put') && hasMethod(v, 'since'),
  ).optional(),
})

const parallelization: z.ZodType<ResolvedParallelization> = section({
  enabled: flag(true),
  maxWorkers: whole(1, 1024).optional(),
  chunkSize: whole(1).default(1000),
})

const finite: z.ZodType<number> = leaf('a finite number', (v) => typeof v === 'number' && Number.isFinite(v))

const earlyStopping: z.ZodType<ResolvedEarlyStopping> = section({
  enabled: flag(true),
  minTrials: whole(1).optional(),
  patience: whole(1).optional(),
  performanceThreshold: finite.optional(),
  preset: leaf<'documents'>("'documents'", (v) => v === 'documents').optional(),
})

const isStages = (v: unknown): boolean =>
  Array.isArray(v) &&
  v.length > 0 &&
  v.every(
    (stage) => Array.isArray(stage) && stage.length === 2 && stage.every((x) => typeof x === 'number' && x > 0),
  ) &&
  v.every((stage, i) => (i === 0 || stage[0] > v[i - 1][0]) && (i < v.length - 1 || stage[0] === 1))

const progressiveEvaluation: z.ZodType<ResolvedProgressive> = section({
  enabled: leaf<boolean>('true or false', (v) => typeof v === 'boolean').optional(),
  stages: leaf<ResolvedProgressive['stages']>(
    'a list of [share of the data, weight], ascending to a share of 1',
    isStages,
  ).default([
    [0.1, 0.3],
    [0.3, 0.5],
    [1, 1],
  ]),
  threshold: finite.default(-0.5),
})

const adaptiveSampling: z.ZodType<ResolvedAdaptiveSampling> = section({
  enabled: flag(true),
  initialSamples: whole(1).optional(),
  perturbationFactor: leaf<number>(
    'a number above 0, at most 1',
    (v) => typeof v === 'number' && v > 0 && v <= 1,
  ).optional(),
})

const incrementalTraining: z.ZodType<ResolvedIncremental> = section({
  enabled: flag(true),
  approximate: leaf<ResolvedIncremental['approximate']>(
    'true, false or an object of numbers',
    (v) => typeof v === 'boolean' || (isRecord(v) && Object.values(v).every((n) => typeof n === 'number')),
  ).default(false),
  directory: leaf<string | false>(
    'the path of a folder, or false',
    (v) => v === false || (typeof v === 'string' && v !== ''),
  ).optional(),
})

const system: z.ZodType<ResolvedConfiguration> = section({
  dataSource: leaf<DataSource>('a data source: an object with load(request)', (v) => hasMethod(v, 'load')),
  training: training.prefault({}),
  computationalOptimization: section({
    caching: caching.prefault({}),
    parallelization: parallelization.prefault({}),
    earlyStopping: earlyStopping.prefault({}),
    progressiveEvaluation: progressiveEvaluation.prefault({}),
    adaptiveSampling: adaptiveSampling.prefault({}),
    incrementalTraining: incrementalTraining.prefault({}),
    replayBuffers: section({ maxBytes: whole(65_536).optional() }).prefault({}),
    profiling: section({ enabled: flag(true) }).prefault({}),
  }).prefault({}),
  optimizers: leaf<readonly Optimizer[]>('a list of optimizers', (v) => Array.isArray(v)).default([]),
  logger: leaf<Logger>(
    'an object with debug, info and warn',
    (v) => hasMethod(v, 'debug') && hasMethod(v, 'info') && hasMethod(v, 'warn'),
  ).optional(),
  clock: leaf<Clock>('a clock', (v) => hasMethod(v, 'now') && hasMethod(v, 'elapsed')).optional(),
})

/** Sections that the design names and this version does not have. */
const NOT_YET: readonly string[] = [
  ...['memoryManagement', 'dataStreaming', 'monitoring'].map((name) => `computationalOptimization.${name}`),
]

type Path = readonly PropertyKey[]

const valueAt = (root: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, key) => (isRecord(value) ? value[String(key)] : undefined), root)

/** The keys a section may have, by its path in the schema. */
function keysAt(path: Path): readonly string[] {
  let schema: unknown = system
  for (const key of [...path, undefined]) {
    for (;;) {
      const def: unknown = isRecord(schema) ? schema.def : undefined
      if (!isRecord(def)) break
      if (def.innerType !== undefined) schema = def.innerType
      else if (Array.isArray(def.options)) schema = def.options.at(-1)
      else break
    }
    const shape: unknown = isRecord(schema) ? schema.shape : undefined
    if (!isRecord(shape)) return []
    if (key === undefined) return Object.keys(shape)
    schema = shape[String(key)]
  }
  return []
}

const show = (value: unknown): string => {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  return String(value)
}

function unknownKey(path: Path, key: string): TradewrightError {
  const name = [...path, key].join('.')
  if (NOT_YET.includes(name))
    return new TradewrightError('NOT_AVAILABLE', `configuration '${name}' is not available yet; leave it out`, {
      name,
      available: keysAt(path),
    })
  const known = keysAt(path)
  const soon = NOT_YET.filter((full) => full.startsWith(`${path.join('.')}.`)).map((full) => full.split('.').at(-1))
  const later = nearestName(
    key,
    soon.map((n) => String(n)),
  )
  if (nearestName(key, known) === undefined && later !== undefined)
    return new TradewrightError(
      'NOT_AVAILABLE',
      `configuration '${name}' must be a known key; the nearest, '${later}', is not available yet; leave it out`,
      { name, nearest: later, available: known },
    )
  return unknownName('config key', name, path.length === 0 ? known : known.map((k) => [...path, k].join('.')))
}

/** The first thing that is wrong, in our words. Unknown keys go before values: a typing error explains the rest. */
function fault(options: unknown, issues: readonly z.core.$ZodIssue[], base: Path = []): TradewrightError {
  for (const issue of issues)
    if (issue.code === 'unrecognized_keys') return unknownKey([...base, ...issue.path], issue.keys[0])
  const issue = issues[0]
  const path = [...base, ...issue.path]
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.at(-1)
    const value = valueAt(options, path)
    if (isRecord(value) && inner !== undefined && inner.length > 0) return fault(options, inner, path)
    return refuse(path, 'false or an object', value)
  }
  return refuse(path, issue.message, valueAt(options, path))
}

function refuse(path: Path, rule: string, value: unknown): TradewrightError {
  const name = path.length === 0 ? 'the configuration' : path.join('.')
  return new TradewrightError('BAD_OPTION', `${name} must be ${rule}, was ${show(value)}`, { name, value })
}

/**
 * Checks the configuration and fills in the defaults.
 *
 * @throws TradewrightError `BAD_OPTION` (a value), `UNKNOWN_NAME` (a key, with the nearest valid one),
 *   `NOT_AVAILABLE` (a section of a later version).
 */
export function resolveConfiguration(options: SystemOptions): ResolvedConfiguration {
  const parsed = system.safeParse(options)
  if (parsed.success) return parsed.data
  throw fault(options, parsed.error.issues)
}

/** Overrides of one run, checked by the same rules as the training section. */
export function resolveTraining(base: ResolvedTraining, overrides: Partial<TrainingOptions>): ResolvedTraining {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
  const parsed = training.safeParse({ ...base, ...given })
  if (parsed.success) return parsed.data
  throw fault({ training: { ...base, ...given } }, parsed.error.issues, ['training'])
}
