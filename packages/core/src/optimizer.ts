import type { Cache } from './cache.ts'
import type { Clock } from './clock.ts'
import type { Data } from './data.ts'
import { TradewrightError } from './error.ts'
import type { Evaluate, Evaluation, EvaluationRequest } from './evaluation.ts'
import type { Events } from './events.ts'
import type { IndicatorStore } from './indicator-store.ts'
import type { Fit, FitRequest, FittedModel } from './model.ts'
import type { Params } from './param-spec.ts'
import type { Profiler } from './profiler.ts'
import type { SampleRequest } from './sampler.ts'
import type { TaskPool } from './task-pool.ts'
import type { FinishedTrial, Schedule, StudyView, Work } from './trial.ts'

/** Asks for the parameters of one generation. */
export interface SuggestRequest extends SampleRequest {
  readonly signal: AbortSignal
}

/** Gives parameters: as many as asked, fewer where the space is exhausted. */
export type Suggest = (request: SuggestRequest) => Promise<readonly Params[]>

/** One step of a pipeline. */
export interface StepRequest {
  readonly step: string
  readonly inputs: Readonly<Record<string, Data>>
  readonly signal: AbortSignal
}

/** What a step gave. */
export interface StepResult {
  readonly outputs: Readonly<Record<string, Data>>
  readonly ms: number
}

/** Runs a step. */
export type RunStep = (request: StepRequest) => Promise<StepResult>

/** Where an optimizer writes what it has to say. */
export interface Logger {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
}

/** What a system offers its optimizers. Members that a system does not have are undefined. */
export interface OptimizerHost {
  readonly cache: Cache | undefined
  readonly tasks: TaskPool
  readonly indicators: IndicatorStore
  readonly profiler: Profiler | undefined
  readonly events: Events
  /** The system's resolved configuration, plain data. */
  readonly config: Readonly<Record<string, unknown>>
  readonly logger: Logger
  readonly clock: Clock
}

/**
 * A plugin: an object with a name and the fewest possible hooks. Each hook wraps the same hook of the optimizers
 * inside it, which it reaches through `next`; it may change the request, the answer, both or neither.
 */
export interface Optimizer {
  /** Unique in a system, kebab-case. */
  readonly name: string
  /** Outermost or innermost among the user's optimizers. */
  readonly enforce?: 'pre' | 'post' | undefined
  /** exact: every trial stays bit-identical without it; search: it changes which trials are made. */
  readonly effect: 'exact' | 'search'
  /** Called once, before the first run, in onion order from outside. */
  setup?(host: OptimizerHost): void | Promise<void>
  /** Where parameters come from. Runs in the host. */
  suggest?(request: SuggestRequest, next: Suggest): Promise<readonly Params[]>
  /** Which work a generation holds. Runs in the host. */
  schedule?(view: StudyView, next: Schedule): Promise<readonly Work[]>
  /** How a batch is evaluated. Wraps in the host. Core checks that the answer has one Evaluation per id. */
  evaluate?(request: EvaluationRequest, next: Evaluate): Promise<readonly Evaluation[]>
  /** How a model is trained. Runs where the trial runs: give `remote` too. */
  fit?(request: FitRequest, next: Fit): Promise<FittedModel>
  /** How a pipeline step runs. */
  step?(request: StepRequest, next: RunStep): Promise<StepResult>
  /** Told of finished trials, in trial order, before the next suggest. */
  observe?(finished: readonly FinishedTrial[]): void
  save?(): Data
  restore?(data: Data): void
  /** How to rebuild it inside a worker: `module` exports `createOptimizer(options)`. */
  readonly remote?: { readonly module: string; readonly options: Data } | undefined
  stats?(): Readonly<Record<string, number>>
  [Symbol.asyncDispose]?(): Promise<void>
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const HOOKS = ['suggest', 'schedule', 'evaluate', 'fit', 'step', 'observe'] as const

/**
 * Checks an optimizer and returns it as it is.
 *
 * @throws TradewrightError `BAD_OPTIMIZER` for a name that is not kebab-case, an effect or enforce that is none of the
 *   known ones, a hook that is no function, or no hook at all.
 * @example
 * ```ts
 * import { defineOptimizer } from '@tradewright/core'
 * let batches = 0
 * const counter = defineOptimizer({
 *   name: 'batch-counter',
 *   effect: 'exact',
 *   evaluate: (request, next) => { batches++; return next(request) },
 *   stats: () => ({ batches }),
 * })
 * ```
 */
export function defineOptimizer<const T extends Optimizer>(optimizer: T): T {
  const { name, effect, enforce } = optimizer
  const bad = (rule: string): TradewrightError => new TradewrightError('BAD_OPTIMIZER', rule, { name: String(name) })
  if (typeof name !== 'string' || !NAME.test(name)) throw bad(`an optimizer's name must be kebab-case, was '${name}'`)
  if (effect !== 'exact' && effect !== 'search')
    throw bad(`optimizer '${name}' needs effect 'exact' or 'search', was '${String(effect)}'`)
  if (enforce !== undefined && enforce !== 'pre' && enforce !== 'post')
    throw bad(`optimizer '${name}' may have enforce 'pre' or 'post', was '${String(enforce)}'`)
  const record = optimizer as Readonly<Record<string, unknown>>
  for (const hook of [...HOOKS, 'setup', 'save', 'restore', 'stats'])
    if (record[hook] !== undefined && typeof record[hook] !== 'function')
      throw bad(`hook '${hook}' of optimizer '${name}' must be a function, was ${typeof record[hook]}`)
  if (!HOOKS.some((hook) => record[hook] !== undefined) && optimizer.setup === undefined)
    throw bad(`optimizer '${name}' needs at least one hook of ${HOOKS.join(', ')}`)
  return optimizer
}

/** The innermost functions that an onion wraps. */
export interface OnionCore {
  readonly suggest: Suggest
  readonly schedule: Schedule
  readonly evaluate: Evaluate
  readonly fit?: Fit | undefined
  readonly step?: RunStep | undefined
}

/** The hooks of a list of optimizers folded into one function each. */
export interface Onion {
  /** Outermost first. */
  readonly optimizers: readonly Optimizer[]
  readonly suggest: Suggest
  readonly schedule: Schedule
  readonly evaluate: Evaluate
  readonly fit: Fit
  readonly step: RunStep
  observe(finished: readonly FinishedTrial[]): void
}

/** A system's own optimizers by their place, outermost first; the user's stand between them. */
export interface OnionOrder {
  /** After the user's `pre`, before the user's unmarked ones. */
  readonly outer: readonly Optimizer[]
  /** After the user's unmarked ones, before the user's `post`. */
  readonly middle: readonly Optimizer[]
  /** After the user's `post`: runners. */
  readonly inner: readonly Optimizer[]
}

/**
 * The order of DESIGN.md, outermost first: the user's `pre`, the system's outer (profiler), the user's, the system's
 * middle (cache, progressive evaluation, sampling, incremental training), the user's `post`, the system's inner (runner).
 *
 * @throws TradewrightError `DUPLICATE_NAME` where two have the same name.
 */
export function orderOptimizers(user: readonly Optimizer[], system: OnionOrder): readonly Optimizer[] {
  const ordered = [
    ...user.filter((o) => o.enforce === 'pre'),
    ...system.outer,
    ...user.filter((o) => o.enforce === undefined),
    ...system.middle,
    ...user.filter((o) => o.enforce === 'post'),
    ...system.inner,
  ]
  const names = new Set<string>()
  for (const { name } of ordered) {
    if (names.has(name))
      throw new TradewrightError(
        'DUPLICATE_NAME',
        `optimizer names must be unique in a system, '${name}' was there twice`,
        { name },
      )
    names.add(name)
  }
  return ordered
}

/** Puts evaluations into the order of the request, and refuses an answer that is not one per id. */
function checkEvaluations(
  request: EvaluationRequest,
  answer: readonly Evaluation[],
  who: string,
): readonly Evaluation[] {
  const fail = (rule: string, details: Record<string, unknown>): TradewrightError =>
    new TradewrightError('BAD_OPTIMIZER', `${who} must answer one Evaluation per trial id: ${rule}`, {
      optimizer: who,
      ...details,
    })
  if (!Array.isArray(answer)) throw fail(`the answer was ${typeof answer}`, {})
  const byId = new Map<number, Evaluation>()
  for (const evaluation of answer) {
    const { id } = evaluation
    if (byId.has(id)) throw fail(`id ${id} came twice`, { id })
    byId.set(id, evaluation)
    if (evaluation.status === 'done' && evaluation.slices.length !== request.slices.length)
      throw fail(`id ${id} has ${evaluation.slices.length} slice results for ${request.slices.length} slices`, { id })
  }
  const ordered = request.trials.map(({ id }) => {
    const evaluation = byId.get(id)
    if (evaluation === undefined) throw fail(`id ${id} is missing`, { id })
    return evaluation
  })
  if (byId.size !== request.trials.length) {
    const known = new Set(request.trials.map((t) => t.id))
    const id = [...byId.keys()].find((k) => !known.has(k))
    throw fail(`id ${id} was not asked for`, { id })
  }
  return ordered
}

function checkSuggestions(request: SuggestRequest, answer: readonly Params[], who: string): readonly Params[] {
  if (!Array.isArray(answer) || answer.length > request.count)
    throw new TradewrightError(
      'BAD_OPTIMIZER',
      `${who} must suggest at most ${request.count} sets of parameters, gave ${Array.isArray(answer) ? answer.length : typeof answer}`,
      { optimizer: who },
    )
  for (const params of answer) {
    if (request.space.contains(params)) continue
    let cause: unknown
    try {
      request.space.check(params)
    } catch (error) {
      cause = error
    }
    throw new TradewrightError(
      'BAD_OPTIMIZER',
      `${who} must suggest parameters inside the space, was ${JSON.stringify(params)}: ${cause instanceof Error ? cause.message : 'refused'}`,
      { optimizer: who, params },
      { cause },
    )
  }
  return answer
}

type Hook<Request, Answer> = (request: Request) => Promise<Answer>

function fold<Request, Answer>(
  optimizers: readonly Optimizer[],
  innermost: Hook<Request, Answer>,
  hookOf: (optimizer: Optimizer) => ((request: Request, next: Hook<Request, Answer>) => Promise<Answer>) | undefined,
  check: (request: Request, answer: Answer, who: string) => Answer,
): Hook<Request, Answer> {
  return optimizers.reduceRight<Hook<Request, Answer>>(
    (next, optimizer) => {
      const hook = hookOf(optimizer)
      if (hook === undefined) return next
      return async (request) => check(request, await hook(request, next), `optimizer '${optimizer.name}'`)
    },
    async (request) => check(request, await innermost(request), 'the engine'),
  )
}

function unavailable(what: string): () => Promise<never> {
  return async () => {
    throw new TradewrightError('NOT_AVAILABLE', `this system has no ${what}; install the package that brings it`, {
      what,
    })
  }
}

/**
 * Folds the hooks of `optimizers` (outermost first) around `core`.
 *
 * The answers are checked at every layer, so that the error names the optimizer that broke its contract.
 */
export function composeOnion(optimizers: readonly Optimizer[], core: OnionCore): Onion {
  const pass = <Request, Answer>(_request: Request, answer: Answer): Answer => answer
  return {
    optimizers,
    suggest: fold(optimizers, core.suggest, (o) => o.suggest?.bind(o), checkSuggestions),
    schedule: fold(optimizers, core.schedule, (o) => o.schedule?.bind(o), pass),
    evaluate: fold(optimizers, core.evaluate, (o) => o.evaluate?.bind(o), checkEvaluations),
    fit: fold(optimizers, core.fit ?? unavailable('model training'), (o) => o.fit?.bind(o), pass),
    step: fold(optimizers, core.step ?? unavailable('pipeline'), (o) => o.step?.bind(o), pass),
    observe(finished) {
      for (const optimizer of optimizers) optimizer.observe?.(finished)
    },
  }
}
