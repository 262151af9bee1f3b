import type { PrunerSpec } from '@tradewright/adaptive-sampling'
import type { SharedIndicatorStore } from '@tradewright/backtest-cache'
import type { Clock, DataSource, Logger, Objective, Optimizer, SamplerSpec, SimulationOptions } from '@tradewright/core'
import * as z from 'zod'
import { configurationFault, isRecord } from './configuration-fault.ts'
import { type Duration, durationSeconds } from './duration.ts'
import type { ReplayBuffersOptions, SystemOptions, TrainingOptions, WalkForwardSection } from './system-options.ts'

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

const hasMethod = (value: unknown, name: string): boolean => isRecord(value) && typeof value[name] === 'function'

/** A leaf whose error is its rule in words: the path and the value are put around it by {@link configurationFault}. */
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

/**
 * Checks the configuration and fills in the defaults.
 *
 * @throws TradewrightError `BAD_OPTION` (a value), `UNKNOWN_NAME` (a key, with the nearest valid one),
 *   `NOT_AVAILABLE` (a section of a later version).
 */
export function resolveConfiguration(options: SystemOptions): ResolvedConfiguration {
  const parsed = system.safeParse(options)
  if (parsed.success) return parsed.data
  throw configurationFault(system, options, parsed.error.issues)
}

/** Overrides of one run, checked by the same rules as the training section. */
export function resolveTraining(base: ResolvedTraining, overrides: Partial<TrainingOptions>): ResolvedTraining {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
  const parsed = training.safeParse({ ...base, ...given })
  if (parsed.success) return parsed.data
  throw configurationFault(system, { training: { ...base, ...given } }, parsed.error.issues, ['training'])
}
