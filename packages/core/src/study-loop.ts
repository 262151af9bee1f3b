import type { Clock } from './clock.ts'
import type { Data } from './data.ts'
import { type ErrorData, TradewrightError } from './error.ts'
import type { Events } from './events.ts'
import type { Suggest } from './optimizer.ts'
import type { Params } from './param-spec.ts'
import { createRng, type Rng } from './rng.ts'
import type { Space } from './space.ts'
import type { StudyState } from './study-state.ts'
import type { FinishedTrial, PausedTrial, Report, Rung, Schedule, StudyView, Work } from './trial.ts'

/** A trial to be evaluated now. */
export interface PendingTrial {
  readonly number: number
  readonly params: Params
  /** The stage to evaluate; undefined for the whole evaluation. */
  readonly rung: Rung | undefined
  /** What it reported before it waited. */
  readonly reports: readonly Report[]
  /** The trial's own random stream, apart from the sampler's. */
  readonly rng: Rng
}

/** How an evaluation ended. */
export type TrialOutcome = {
  readonly number: number
  /** New reports, by ascending step. */
  readonly reports?: readonly Report[] | undefined
  readonly violation?: number | undefined
  readonly data?: Data | undefined
} & (
  | { readonly status: 'done'; readonly values: readonly number[] }
  | { readonly status: 'failed'; readonly error: ErrorData }
  | { readonly status: 'pruned'; readonly why: string }
  /** Waits at the rung it was evaluated on. */
  | { readonly status: 'paused' }
)

/** Progress of a study, after each generation and, where evaluations come one by one, after each trial. */
export interface StudyProgress {
  /** Trials finished. */
  readonly done: number
  /** Trials of the whole study. */
  readonly trials: number
  readonly generation: number
  /** Best value of the first objective so far. */
  readonly best: number | undefined
  readonly elapsedMs: number
  /** Estimated time left; undefined until something is known. */
  readonly leftMs: number | undefined
}

/** What the loop runs on. */
export interface StudyLoopOptions {
  readonly state: StudyState
  readonly space: Space
  /** Trials of the whole study, those of earlier runs included. */
  readonly trials: number
  readonly suggest: Suggest
  readonly schedule?: Schedule | undefined
  /**
   * Evaluates trials: one outcome a trial. After `stop` it may answer with fewer: what is whole.
   * `finished` may be called as trials end, for progress only.
   */
  evaluate(
    batch: readonly PendingTrial[],
    context: { readonly signal: AbortSignal; readonly stop: AbortSignal; readonly view: StudyView; finished(): void },
  ): Promise<readonly TrialOutcome[]>
  /** Told of finished trials in trial order, after they were stored and before the next suggest. */
  readonly observe?: ((finished: readonly FinishedTrial[]) => void) | undefined
  /** State of the sampler, stored with each generation. */
  readonly saveSampler?: (() => Data) | undefined
  /** Ends the study: a reason, or undefined to go on. Asked between generations. */
  readonly stopWhen?: ((view: StudyView) => string | undefined) | undefined
  /** Rejects with its reason; the generation in flight is lost, what is stored stays. */
  readonly signal?: AbortSignal | undefined
  /** Ends in order: what is finished of the generation in flight counts, but is not stored. */
  readonly stop?: AbortSignal | undefined
  readonly onProgress?: ((progress: StudyProgress) => void) | undefined
  readonly events?: Events | undefined
  readonly clock: Clock
}

/** How a study ended. */
export interface StudyLoopResult {
  /** Finished trials in the order of their numbers. */
  readonly trials: readonly FinishedTrial[]
  /** Why it ended: 'budget', 'exhausted', 'stopped', or the reason of `stopWhen`. */
  readonly why: string
  readonly generations: number
}

const never: AbortSignal = new AbortController().signal

/** The schedule of a study without stages: start a generation of whole evaluations. */
export const wholeTrials: Schedule = async (view) => {
  const start = Math.min(view.generationSize, view.remaining)
  return start === 0 ? [] : [{ start }]
}

/** The random stream a sampler gets for a trial. */
export function samplerRng(seed: number, trial: number): Rng {
  return createRng(seed, trial * 2)
}

/** The random stream a trial's evaluation gets. */
export function trialRng(seed: number, trial: number): Rng {
  return createRng(seed, trial * 2 + 1)
}

/** Whether `a` is a better value than `b`; NaN is worse than everything. */
export function isBetter(a: number, b: number, direction: 'maximize' | 'minimize'): boolean {
  if (Number.isNaN(a)) return false
  if (Number.isNaN(b)) return true
  return direction === 'maximize' ? a > b : a < b
}

/** The first trial with the best value of the first objective. Infeasible trials count only where all are. */
export function bestTrial(
  trials: readonly FinishedTrial[],
  directions: readonly ('maximize' | 'minimize')[],
): FinishedTrial | undefined {
  let best: FinishedTrial | undefined
  for (const trial of trials) {
    if (trial.status !== 'done') continue
    if (best === undefined) best = trial
    else {
      const violation = Math.max(0, trial.violation ?? 0)
      const bestViolation = Math.max(0, best.violation ?? 0)
      if (violation < bestViolation) best = trial
      else if (violation === bestViolation && isBetter(trial.values[0], best.values[0], directions[0])) best = trial
    }
  }
  return best
}

function viewOf(options: StudyLoopOptions): StudyView {
  const { state, space, trials } = options
  return {
    space,
    directions: state.header.directions,
    seed: state.header.seed,
    generation: state.generation,
    generationSize: state.header.generationSize,
    remaining: Math.max(0, trials - state.nextTrial),
    trials: state.trials,
    paused: state.paused,
  }
}

/** What a schedule asked for, made ready to run. */
interface Plan {
  readonly batch: readonly PendingTrial[]
  readonly stopped: readonly FinishedTrial[]
  readonly nextTrial: number
}

async function planWork(options: StudyLoopOptions, view: StudyView, work: readonly Work[]): Promise<Plan> {
  const { state, space } = options
  const { seed } = state.header
  const waiting = new Map(view.paused.map((trial) => [trial.number, trial]))
  const take = (number: number): PausedTrial => {
    const trial = waiting.get(number)
    if (trial === undefined)
      throw new TradewrightError('BAD_OPTIMIZER', `a schedule may advance or stop only waiting trials, was ${number}`, {
        trial: number,
        waiting: [...waiting.keys()],
      })
    waiting.delete(number)
    return trial
  }
  const batch: PendingTrial[] = []
  const stopped: FinishedTrial[] = []
  let { nextTrial } = state
  for (const item of work) {
    if ('start' in item) {
      const count = Math.min(item.start, Math.max(0, options.trials - nextTrial))
      if (count <= 0) continue
      const suggestions = await options.suggest({
        space,
        count,
        firstTrial: nextTrial,
        history: state.trials,
        directions: view.directions,
        seed,
        rng: (trial) => samplerRng(seed, trial),
        budget: options.trials,
        signal: options.signal ?? never,
      })
      for (const params of suggestions)
        batch.push({ number: nextTrial, params, rung: item.at, reports: [], rng: trialRng(seed, nextTrial++) })
    } else if ('advance' in item) {
      const { number, params, reports } = take(item.advance)
      batch.push({ number, params, rung: item.to, reports, rng: trialRng(seed, number) })
    } else {
      const { number, params, reports } = take(item.stop)
      stopped.push({ number, params, status: 'pruned', values: [], reports, why: item.why })
    }
  }
  batch.sort((a, b) => a.number - b.number)
  return { batch, stopped, nextTrial }
}

function outcomesByNumber(outcomes: readonly TrialOutcome[]): ReadonlyMap<number, TrialOutcome> {
  return new Map(outcomes.map((outcome) => [outcome.number, outcome]))
}

function finishTrial(trial: PendingTrial, outcome: TrialOutcome): FinishedTrial | PausedTrial {
  const { number, params } = trial
  const reports = [...trial.reports, ...(outcome.reports ?? [])]
  const kept = {
    ...(outcome.violation === undefined ? {} : { violation: outcome.violation }),
    ...(outcome.data === undefined ? {} : { data: outcome.data }),
  }
  switch (outcome.status) {
    case 'done':
      return { number, params, status: 'done', values: outcome.values, reports, ...kept }
    case 'failed':
      return { number, params, status: 'failed', values: [], reports, error: outcome.error, ...kept }
    case 'pruned':
      return { number, params, status: 'pruned', values: [], reports, why: outcome.why, ...kept }
    case 'paused':
      return { number, params, reports }
    default:
      return outcome satisfies never
  }
}

const isFinished = (trial: FinishedTrial | PausedTrial): trial is FinishedTrial => 'status' in trial

/** Splits a generation into what ended and what waits; trials without an outcome (after a stop) end the list. */
function settle(
  view: StudyView,
  plan: Plan,
  outcomes: ReadonlyMap<number, TrialOutcome>,
): [FinishedTrial[], PausedTrial[]] {
  const touched = new Set([...plan.batch.map((t) => t.number), ...plan.stopped.map((t) => t.number)])
  const finished: FinishedTrial[] = [...plan.stopped]
  const paused: PausedTrial[] = view.paused.filter((t) => !touched.has(t.number))
  for (const trial of plan.batch) {
    const outcome = outcomes.get(trial.number)
    if (outcome === undefined) break // a prefix of the sequence, never a subset with holes
    const ended = finishTrial(trial, outcome)
    if (isFinished(ended)) finished.push(ended)
    else paused.push(ended)
  }
  finished.sort((a, b) => a.number - b.number)
  paused.sort((a, b) => a.number - b.number)
  return [finished, paused]
}

class ProgressMeter {
  readonly #options: StudyLoopOptions
  readonly #begun: number
  readonly #before: number
  #inFlight = 0

  constructor(options: StudyLoopOptions) {
    this.#options = options
    this.#begun = options.clock.elapsed()
    this.#before = options.state.trials.length
  }

  /** One more trial of the generation in flight. */
  readonly tick = (): void => {
    this.#inFlight++
    this.report()
  }

  settled(): void {
    this.#inFlight = 0
    this.report()
  }

  report(): void {
    const { state, trials, onProgress, clock } = this.#options
    if (onProgress === undefined) return
    const done = state.trials.length + this.#inFlight
    const elapsedMs = clock.elapsed() - this.#begun
    const ran = done - this.#before
    onProgress({
      done,
      trials,
      generation: state.generation,
      best: bestTrial(state.trials, state.header.directions)?.values[0],
      elapsedMs,
      leftMs: ran === 0 ? undefined : (elapsedMs / ran) * Math.max(0, trials - done),
    })
  }
}

/**
 * Runs a study in generations until its budget is used, its space is exhausted, a criterion stops it or a signal does.
 *
 * Generation g's suggestions see exactly the trials of the generations before it, in trial order, however the
 * evaluations overlap: so the same seed gives the same study at any concurrency, and after any resume from the store.
 *
 * @throws the reason of `signal`; TradewrightError `BAD_OPTIMIZER` for a schedule or evaluation that broke its contract.
 */
export async function runStudyLoop(options: StudyLoopOptions): Promise<StudyLoopResult> {
  const { state, schedule = wholeTrials, signal = never, stop = never, events } = options
  const { name, seed, directions } = state.header
  const meter = new ProgressMeter(options)
  events?.emit('study:started', { study: name, trials: options.trials, seed })
  let partial: readonly FinishedTrial[] = []
  const run = async (): Promise<string> => {
    for (;;) {
      signal.throwIfAborted()
      if (stop.aborted) return 'stopped'
      const view = viewOf(options)
      const reason = options.stopWhen?.(view)
      if (reason !== undefined) return reason
      const work = await schedule(view)
      if (work.length === 0) return view.remaining === 0 ? 'budget' : 'exhausted'
      const plan = await planWork(options, view, work)
      if (plan.batch.length === 0 && plan.stopped.length === 0) return view.remaining === 0 ? 'budget' : 'exhausted'
      const answers = await options.evaluate(plan.batch, { signal, stop, view, finished: meter.tick })
      signal.throwIfAborted()
      const outcomes = outcomesByNumber(answers)
      const [finished, paused] = settle(view, plan, outcomes)
      if (plan.batch.some((trial) => !outcomes.has(trial.number))) {
        if (!stop.aborted)
          throw new TradewrightError('BAD_OPTIMIZER', 'an evaluation must answer every trial of its batch', {
            missing: plan.batch.filter((trial) => !outcomes.has(trial.number)).map((trial) => trial.number),
          })
        partial = finished
        return 'stopped'
      }
      const sampler = options.saveSampler?.()
      await state.commit({ finished, paused, nextTrial: plan.nextTrial, ...(sampler === undefined ? {} : { sampler }) })
      options.observe?.(finished)
      for (const trial of finished) events?.emit('trial:finished', { study: name, trial })
      events?.emit('generation:finished', {
        study: name,
        generation: state.generation - 1,
        done: state.trials.length,
        trials: options.trials,
        best: bestTrial(state.trials, directions)?.values[0],
      })
      meter.settled()
    }
  }
  const why = await run()
  const trials = [...state.trials, ...partial].sort((a, b) => a.number - b.number)
  events?.emit('study:finished', { study: name, done: trials.length, why })
  return { trials, why, generations: state.generation }
}
