import { type Clock, systemClock } from './clock.ts'
import type { Dimension } from './dimension.ts'
import { TradewrightError, unknownName } from './error.ts'
import type { Events } from './events.ts'
import { memoryStudyStore } from './memory-study-store.ts'
import type { Direction } from './metrics.ts'
import type { Suggest } from './optimizer.ts'
import type { Params, ParamsOf, SpaceShape } from './param-spec.ts'
import type { Pruner } from './pruner.ts'
import type { Sampler, SamplerSpec } from './sampler.ts'
import { coreSamplers, resolveSampler, type SamplerRegistry } from './sampler-registry.ts'
import { defineSpace, type Space } from './space.ts'
import { runStudyLoop, type StudyProgress, samplerRng, trialRng } from './study-loop.ts'
import { type BestTrial, bestOf, type StudyResult, studyResult } from './study-result.ts'
import { StudyState } from './study-state.ts'
import type { StudyStore } from './study-store.ts'
import { OpenTrial, runObjective, type Trial, type TrialAnswer, told } from './study-trial.ts'
import type { FinishedTrial, StudyView } from './trial.ts'

/** Options of {@link createStudy}. */
export interface StudyOptions<S> {
  /** A space, or the shape of one. */
  readonly space: S
  /** Where parameters come from. @default { type: 'random' } */
  readonly sampler?: SamplerSpec | undefined
  /** Names that `sampler` may use. @default random and sobol */
  readonly samplers?: SamplerRegistry | undefined
  /** Stops trials that go badly; without one `shouldPrune` is always false. */
  readonly pruner?: Pruner | undefined
  /** One direction an objective. @default 'minimize' */
  readonly directions?: Direction | readonly Direction[] | undefined
  /** @default 0 */
  readonly seed?: number | undefined
  /** Keeps the study across processes. @default memory */
  readonly store?: StudyStore | undefined
  /** Name in the store. @default 'study' */
  readonly name?: string | undefined
  /** Trials that are suggested from the same knowledge; 1 is sequential. @default the sampler's own, else 8 */
  readonly generationSize?: number | undefined
  /** Must equal the stored study's: a key of whatever else decides results. */
  readonly content?: string | undefined
  readonly clock?: Clock | undefined
  readonly events?: Events | undefined
}

/** Options of {@link Study.optimize}. */
export interface OptimizeOptions {
  /** Trials of the whole study, those of earlier runs included. */
  readonly trials: number
  /** Objectives that run at the same time, within a generation. Changes no result. @default 1 */
  readonly concurrency?: number | undefined
  /** Rejects with its reason; stored generations stay. */
  readonly signal?: AbortSignal | undefined
  /** Ends in order and resolves with what is finished. */
  readonly stop?: AbortSignal | undefined
  /** Ends the study: a reason, or undefined to go on. Asked between generations. */
  readonly stopWhen?: ((view: StudyView) => string | undefined) | undefined
  readonly onProgress?: ((progress: StudyProgress) => void) | undefined
}

/** A search for the best parameters of any function. */
export interface Study<P> {
  readonly space: Space<P>
  readonly directions: readonly Direction[]
  readonly generationSize: number
  readonly sampler: Sampler
  /** Finished trials so far, in the order of their numbers. */
  readonly trials: readonly FinishedTrial[]
  /** @throws TradewrightError `TRIAL_FAILED` where no trial finished. */
  readonly best: BestTrial<P>
  /** Runs `objective` until the study has `trials` trials. */
  optimize(
    objective: (trial: Trial<P>) => TrialAnswer | Promise<TrialAnswer>,
    options: OptimizeOptions,
  ): Promise<StudyResult<P>>
  /**
   * The next trial, for objectives that cannot be called. Trials of one generation are suggested from the same
   * knowledge; the next generation begins when all of them are told.
   * @throws TradewrightError `BAD_OPTION` where the whole generation is asked and some are not told yet.
   */
  ask(): Promise<Trial<P>>
  /** Tells a trial's value. Resolves when the trial's generation is stored, or at once within it. */
  tell(trial: Trial<P> | number, answer: TrialAnswer | { readonly error: unknown }): Promise<void>
}

class GenerationalStudy<P> implements Study<P> {
  readonly space: Space<P>
  readonly directions: readonly Direction[]
  readonly generationSize: number
  readonly sampler: Sampler
  readonly #options: StudyOptions<unknown>
  #state: Promise<StudyState> | undefined
  #opened: StudyState | undefined
  #running = false
  /** Trials of the generation that ask() hands out, and what was told of them. */
  #asked: { batch: OpenTrial<P>[]; given: number; told: Map<number, FinishedTrial> } | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(space: Space<P>, options: StudyOptions<unknown>) {
    const { sampler = { type: 'random' }, samplers = coreSamplers, directions = 'minimize', seed = 0 } = options
    this.space = space
    this.sampler = resolveSampler(sampler, samplers)
    this.directions = typeof directions === 'string' ? [directions] : directions
    this.generationSize = options.generationSize ?? this.sampler.flags?.generationSize ?? 8
    this.#options = options
    checkStudy(this, seed)
  }

  get trials(): readonly FinishedTrial[] {
    return this.#opened?.trials ?? []
  }

  get best(): BestTrial<P> {
    return bestOf(this.trials, this.directions)
  }

  #open(): Promise<StudyState> {
    const { store = memoryStudyStore({ copies: false }), name = 'study', seed = 0, content } = this.#options
    this.#state ??= StudyState.open(store, {
      name,
      space: this.space.key,
      directions: this.directions,
      seed,
      generationSize: this.generationSize,
      sampler: this.sampler.name,
      ...(content === undefined ? {} : { content }),
    }).then((state) => {
      if (state.sampler !== undefined) this.sampler.restore?.(state.sampler)
      this.#opened = state
      return state
    })
    return this.#state
  }

  readonly #suggest: Suggest = async (request) => this.sampler.sample(request)

  #decide(view: StudyView): (trial: OpenTrial<P>) => { stop: boolean; why: string } {
    const { pruner } = this.#options
    return (trial) => {
      if (pruner === undefined) return { stop: false, why: 'no pruner' }
      const decision = pruner.decide(trial.reports, view).find(({ id }) => id === trial.number)
      return { stop: decision !== undefined && decision.action !== 'continue', why: decision?.why ?? 'no decision' }
    }
  }

  async optimize(
    objective: (trial: Trial<P>) => TrialAnswer | Promise<TrialAnswer>,
    options: OptimizeOptions,
  ): Promise<StudyResult<P>> {
    const { trials, concurrency = 1, signal, stop, stopWhen, onProgress } = options
    checkCount('trials', trials, 0)
    checkCount('concurrency', concurrency, 1)
    if (this.#running) throw new TradewrightError('SYSTEM_RUNNING', 'a study runs one optimize at a time')
    this.#running = true
    try {
      const state = await this.#open()
      const result = await runStudyLoop({
        state,
        space: erased(this.space),
        trials,
        suggest: this.#suggest,
        evaluate: (batch, context) =>
          runConcurrently(batch, concurrency, context.stop, async (pending) => {
            const trial = new OpenTrial<P>(pending, context.signal, this.#decide(context.view))
            const outcome = await runObjective(trial, objective, this.directions.length, context.signal)
            context.finished()
            return outcome
          }),
        saveSampler: this.sampler.save?.bind(this.sampler),
        signal,
        stop,
        stopWhen,
        onProgress,
        events: this.#options.events,
        clock: this.#options.clock ?? systemClock,
      })
      return studyResult(result.trials, this.directions, result.why)
    } finally {
      this.#running = false
    }
  }

  ask(): Promise<Trial<P>> {
    return this.#exclusively(async () => {
      const state = await this.#open()
      this.#asked ??= { batch: this.#suggestGeneration(state), given: 0, told: new Map() }
      const { batch, given, told } = this.#asked
      if (batch.length === 0) throw new TradewrightError('BAD_SPACE', 'the space is exhausted: every point was tried')
      if (given === batch.length)
        throw new TradewrightError(
          'BAD_OPTION',
          `tell the ${batch.length - told.size} open trials of this generation before the next is asked (generationSize ${this.generationSize}; 1 is sequential)`,
          { open: batch.length - told.size, generationSize: this.generationSize },
        )
      this.#asked.given++
      return batch[given]
    })
  }

  #suggestGeneration(state: StudyState): OpenTrial<P>[] {
    const { seed } = state.header
    const view: StudyView = {
      space: erased(this.space),
      directions: this.directions,
      seed,
      generation: state.generation,
      generationSize: this.generationSize,
      remaining: Number.POSITIVE_INFINITY,
      trials: state.trials,
      paused: [],
    }
    const params: readonly Params[] = this.sampler.sample({
      space: erased(this.space),
      count: this.generationSize,
      firstTrial: state.nextTrial,
      history: state.trials,
      directions: this.directions,
      seed,
      rng: (trial) => samplerRng(seed, trial),
    })
    const signal = new AbortController().signal
    return params.map((p, i) => {
      const number = state.nextTrial + i
      return new OpenTrial<P>(
        { number, params: p, rung: undefined, reports: [], rng: trialRng(seed, number) },
        signal,
        this.#decide(view),
      )
    })
  }

  tell(trial: Trial<P> | number, answer: TrialAnswer | { readonly error: unknown }): Promise<void> {
    return this.#exclusively(async () => {
      const number = typeof trial === 'number' ? trial : trial.number
      const open = this.#asked?.batch.find((t) => t.number === number)
      if (this.#asked === undefined || open === undefined || this.#asked.told.has(number))
        throw new TradewrightError(
          'BAD_OPTION',
          `only a trial that was asked and not told yet can be told, was ${number}`,
          {
            trial: number,
          },
        )
      this.#asked.told.set(number, told(open, answer, this.directions.length))
      if (this.#asked.told.size < this.#asked.batch.length) return
      const state = await this.#open()
      const finished = this.#asked.batch.map((t) => this.#asked?.told.get(t.number)).filter((t) => t !== undefined)
      const sampler = this.sampler.save?.()
      await state.commit({
        finished,
        paused: [],
        nextTrial: state.nextTrial + finished.length,
        ...(sampler === undefined ? {} : { sampler }),
      })
      this.#asked = undefined
    })
  }

  /** ask and tell in the order they were called. */
  #exclusively<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.catch(() => undefined)
    return result
  }
}

/** Runs `run` over a batch, `concurrency` at a time, in order of starting; after `stop` no further one begins. */
async function runConcurrently<T, R>(
  batch: readonly T[],
  concurrency: number,
  stop: AbortSignal,
  run: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < batch.length && !stop.aborted) {
      const item = batch[next++]
      results.push(await run(item))
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, batch.length) }, lane))
  return results
}

function checkCount(name: string, value: number, low: number): void {
  if (!Number.isSafeInteger(value) || value < low)
    throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= ${low}, was ${value}`, { [name]: value })
}

function checkStudy(
  study: {
    readonly directions: readonly Direction[]
    readonly sampler: Sampler
    readonly space: { readonly dimensions: readonly Dimension[] }
    readonly generationSize: number
  },
  seed: number,
): void {
  const { directions, sampler, space, generationSize } = study
  if (directions.length === 0)
    throw new TradewrightError('BAD_OPTION', 'a study needs at least one direction, had none')
  for (const direction of directions)
    if (direction !== 'maximize' && direction !== 'minimize')
      throw unknownName('direction', String(direction), ['maximize', 'minimize'])
  checkCount('generationSize', generationSize, 1)
  checkCount('seed', seed, 0)
  const { multiObjective = false, unconditional = false } = sampler.flags ?? {}
  if (directions.length > 1 && !multiObjective)
    throw new TradewrightError(
      'BAD_OPTION',
      `sampler '${sampler.name}' searches one objective, was given ${directions.length}`,
      {
        sampler: sampler.name,
      },
    )
  if (unconditional && space.dimensions.some((d) => d.condition !== undefined))
    throw new TradewrightError('BAD_OPTION', `sampler '${sampler.name}' serves no space with oneOf parameters`, {
      sampler: sampler.name,
    })
}

/** The loop handles params as data; only the objective sees their type. */
const erased = <P>(space: Space<P>): Space => space as unknown as Space

const isSpace = <P>(space: Space<P> | SpaceShape): space is Space<P> =>
  'dimensions' in space && Array.isArray(space.dimensions)

/**
 * A study: a search for the best parameters of any function, in generations, resumable from its store.
 *
 * The same seed gives the same study at any concurrency and after any resume: generation g's suggestions see exactly
 * the trials of the generations before it.
 *
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME` for options that break their rule; `STUDY_CONFLICT` from the
 *   first `optimize` or `ask` where the store holds another study under this name.
 * @example
 * ```ts
 * import { createStudy, defineSpace, float } from '@tradewright/core'
 * const study = createStudy({ space: defineSpace({ x: float(-5, 5) }), directions: 'minimize', seed: 1 })
 * const result = await study.optimize(({ params }) => (params.x - 2) ** 2, { trials: 500 })
 * console.log(Math.abs(result.best.params.x - 2) < 0.1) // true
 * ```
 */
export function createStudy<P>(options: StudyOptions<Space<P>>): Study<P>
export function createStudy<const Shape extends SpaceShape>(options: StudyOptions<Shape>): Study<ParamsOf<Shape>>
export function createStudy<P>(options: StudyOptions<Space<P>> | StudyOptions<SpaceShape>): Study<P> {
  const { space } = options
  return new GenerationalStudy<P>(isSpace(space) ? space : (defineSpace(space) as unknown as Space<P>), options)
}
