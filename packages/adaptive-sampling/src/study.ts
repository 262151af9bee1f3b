import {
  type OptimizeOptions as CoreOptimizeOptions,
  type Study as CoreStudy,
  type StudyOptions as CoreStudyOptions,
  type StudyResult as CoreStudyResult,
  createStudy as createCoreStudy,
  defineSpace,
  type FinishedTrial,
  type Params,
  type ParamsOf,
  type Pruner,
  resolveSampler,
  type Space,
  type SpaceShape,
  systemClock,
  TradewrightError,
  type Trial,
  type TrialAnswer,
} from '@tradewright/core'
import type { SharedStudyStore } from './file-study-store.ts'
import { refuseUnknown } from './known-options.ts'
import { type Luck, luckOf } from './luck.ts'
import { type QueuedSampler, queuedSampler } from './queued-sampler.ts'
import { adaptiveSamplers, type PrunerSpec, resolvePruner } from './sampler-registry.ts'
import { type ShareOptions, sharedObjective } from './shared-objective.ts'
import { anyOf, type StopCriterion } from './stop-criteria.ts'

/** Options of {@link createStudy}: core's, and these. */
export interface StudyOptions<S> extends Omit<CoreStudyOptions<S>, 'pruner'> {
  /** Stops trials that go badly: an instance, or a name with options. */
  readonly pruner?: PrunerSpec | undefined
  /** Combinations that are never tried: parameters that match one of these in all its entries. */
  readonly forbidden?: readonly Params[] | undefined
  /** How often the parameters of a failed trial are tried again. @default 0 */
  readonly retryFailed?: number | undefined
  /** Shares the study with other processes on the same store, trial by trial. Needs a {@link SharedStudyStore}. */
  readonly share?: ShareOptions | boolean | undefined
}

/** Options of {@link Study.optimize}: core's, and these. */
export interface OptimizeOptions extends Omit<CoreOptimizeOptions, 'stopWhen'> {
  /** Ends the study: the first criterion that gives a reason. */
  readonly stopWhen?: StopCriterion | readonly StopCriterion[] | undefined
  /** Told of every finished trial, in trial order, after it was stored. */
  readonly onTrial?: ((trial: FinishedTrial) => void) | undefined
}

/** How a study went: core's result, and what it is worth. */
export interface StudyResult<P> extends CoreStudyResult<P> {
  /** Where trials carry `data.moments`, the moments of their per-bar returns. */
  readonly luck: Luck | undefined
}

/** A search for the best parameters of any function. */
export interface Study<P> extends Omit<CoreStudy<P>, 'optimize'> {
  /** Tries these parameters next, before the sampler's own. @throws TradewrightError `BAD_OPTION` outside the space. */
  enqueue(...params: readonly P[]): void
  /** Runs `objective` until the study has `trials` trials. */
  optimize(
    objective: (trial: Trial<P>) => TrialAnswer | Promise<TrialAnswer>,
    options: OptimizeOptions,
  ): Promise<StudyResult<P>>
}

const isSpace = (space: object): space is Space => 'dimensions' in space && Array.isArray(space.dimensions)

function matches(pattern: Params, params: Params): boolean {
  return Object.entries(pattern).every(([name, value]) => {
    const other = params[name]
    return typeof value === 'object' && value !== null
      ? typeof other === 'object' && other !== null && matches(value, other)
      : other === value
  })
}

/** The space without its forbidden combinations. */
function allowedSpace(given: Space | SpaceShape, forbidden: readonly Params[]): Space {
  const space = isSpace(given) ? given : (defineSpace(given) as unknown as Space)
  if (forbidden.length === 0) return space
  for (const pattern of forbidden) refuseUnknown('forbidden', pattern, [...Object.keys(space.shape)])
  const allowed = (params: unknown): boolean =>
    (space.where === undefined || space.where(params as Params)) &&
    !forbidden.some((pattern) => matches(pattern, params as Params))
  return defineSpace(space.shape, { where: allowed }) as unknown as Space
}

const STUDY_OPTIONS = [
  'space',
  'sampler',
  'samplers',
  'pruner',
  'directions',
  'seed',
  'store',
  'name',
  'generationSize',
  'content',
  'clock',
  'events',
  'forbidden',
  'retryFailed',
  'share',
] as const satisfies readonly (keyof StudyOptions<unknown>)[]

const OPTIMIZE_OPTIONS = [
  'trials',
  'concurrency',
  'signal',
  'stop',
  'stopWhen',
  'onProgress',
  'onTrial',
] as const satisfies readonly (keyof OptimizeOptions)[]

function checkOptions(options: StudyOptions<unknown>): void {
  refuseUnknown('createStudy', options, STUDY_OPTIONS)
  const { retryFailed = 0, share = false, store } = options
  if (!Number.isInteger(retryFailed) || retryFailed < 0)
    throw new TradewrightError('BAD_OPTION', `retryFailed must be an integer >= 0, was ${retryFailed}`, { retryFailed })
  if (share !== false && (store === undefined || !('claim' in store)))
    throw new TradewrightError('BAD_OPTION', 'share needs a store that processes can share, as fileStudyStore is')
}

function stopOf(stopWhen: OptimizeOptions['stopWhen']): StopCriterion | undefined {
  return typeof stopWhen === 'function' || stopWhen === undefined ? stopWhen : anyOf(...stopWhen)
}

class AdaptiveStudy implements Study<Params> {
  readonly #core: CoreStudy<Params>
  readonly #options: StudyOptions<unknown>
  readonly sampler: QueuedSampler
  #told = 0

  constructor(space: Space, options: StudyOptions<unknown>) {
    const { sampler = { type: 'auto' }, samplers = adaptiveSamplers, retryFailed = 0, pruner, ...rest } = options
    this.#options = options
    this.sampler = queuedSampler(resolveSampler(sampler, samplers), retryFailed)
    const judge: Pruner | undefined = pruner === undefined ? undefined : resolvePruner(pruner)
    this.#core = createCoreStudy<Params>({ ...rest, space, sampler: this.sampler, pruner: judge })
  }

  get space(): Space {
    return this.#core.space
  }

  get directions(): CoreStudy<Params>['directions'] {
    return this.#core.directions
  }

  get generationSize(): number {
    return this.#core.generationSize
  }

  get trials(): readonly FinishedTrial[] {
    return this.#core.trials
  }

  get best(): CoreStudy<Params>['best'] {
    return this.#core.best
  }

  enqueue(...params: readonly Params[]): void {
    this.sampler.enqueue(params.map((p) => this.space.check(p)))
  }

  ask(): Promise<Trial<Params>> {
    return this.#core.ask()
  }

  tell(...args: Parameters<CoreStudy<Params>['tell']>): Promise<void> {
    return this.#core.tell(...args)
  }

  async optimize(
    objective: (trial: Trial<Params>) => TrialAnswer | Promise<TrialAnswer>,
    options: OptimizeOptions,
  ): Promise<StudyResult<Params>> {
    refuseUnknown('optimize', options, OPTIMIZE_OPTIONS)
    const { stopWhen, onTrial, onProgress, ...rest } = options
    const { share = false, store, name = 'study', clock = systemClock } = this.#options
    const { concurrency = 1 } = options
    const shares = share !== false && store !== undefined && 'claim' in store
    const run = shares
      ? sharedObjective(objective, store as SharedStudyStore, name, concurrency, clock, share === true ? {} : share)
      : objective
    const result = await this.#core.optimize(run, {
      ...rest,
      // Trials that other processes have wait without a place, so that this one may go on with the next.
      concurrency: shares ? this.generationSize : concurrency,
      stopWhen: stopOf(stopWhen),
      onProgress: (progress) => {
        if (onTrial !== undefined) for (const trial of this.#news()) onTrial(trial)
        onProgress?.(progress)
      },
    })
    const { directions } = this
    return {
      get best() {
        return result.best
      },
      get front() {
        return result.front
      },
      trials: result.trials,
      why: result.why,
      get luck() {
        return luckOf(result.trials, directions)
      },
    }
  }

  #news(): readonly FinishedTrial[] {
    const fresh = this.trials.slice(this.#told)
    this.#told = this.trials.length
    return fresh
  }
}

/**
 * A study with every sampler of this package by name and `{ type: 'auto' }` as default: core's study, with points to try
 * first, retries, forbidden combinations, stop criteria, several processes and the statistics of luck.
 *
 * @throws TradewrightError as core's `createStudy`; `UNKNOWN_NAME` for an option that is none; `BAD_OPTION` for `share`
 *   without a store that can be shared and a negative `retryFailed`.
 * @example
 * ```ts
 * import { createStudy } from '@tradewright/adaptive-sampling'
 * import { float } from '@tradewright/core'
 * const study = createStudy({ space: { x: float(-5, 5), y: float(-5, 5) }, seed: 1 })
 * study.enqueue({ x: 0, y: 0 })
 * const { best } = await study.optimize(({ params }) => (params.x - 2) ** 2 + (params.y + 1) ** 2, { trials: 60 })
 * console.log(best.value < 0.01) // true
 * ```
 */
export function createStudy<P>(options: StudyOptions<Space<P>>): Study<P>
export function createStudy<const Shape extends SpaceShape>(options: StudyOptions<Shape>): Study<ParamsOf<Shape>>
export function createStudy<P>(options: StudyOptions<Space<P>> | StudyOptions<SpaceShape>): Study<P> {
  checkOptions(options)
  const { space, forbidden = [] } = options
  const allowed = allowedSpace(space as unknown as Space | SpaceShape, forbidden)
  return new AdaptiveStudy(allowed, options) as unknown as Study<P>
}
