import {
  type Evaluate,
  type Evaluation,
  type EvaluationRequest,
  type FinishedTrial,
  isBetter,
  type Optimizer,
  type PruneDecision,
  type Pruner,
  type Report,
  type Rung,
  type Schedule,
  type Slice,
  type SliceResult,
  type StudyView,
  TradewrightError,
  type TrialRef,
  type Work,
} from '@tradewright/core'
import { StageMemory } from './stage-memory.ts'
import { checkStages, planStages, type Stage, type StageOrder } from './stage-plan.ts'

/** Options of {@link progressiveEvaluation}. */
export interface ProgressiveEvaluationOptions {
  /** @default [[0.1, 0.3], [0.3, 0.5], [1, 1]] */
  readonly stages?: readonly Stage[] | undefined
  /** Judges waiting trials between stages, by the weighted mean of the stages done. @default `stageThreshold(-0.5)` */
  readonly pruner?: Pruner | undefined
  /** @default 'prefix' */
  readonly order?: StageOrder | undefined
}

/** What progressive evaluation did. */
export interface ProgressiveStats extends Readonly<Record<string, number>> {
  /** Trials stopped before the last stage. */
  readonly stopped: number
  /** Times a trial went on to another stage. */
  readonly advanced: number
  /** Bars that were evaluated. */
  readonly bars: number
  /** Bars that the same trials would have cost on whole slices. */
  readonly fullBars: number
  /** Slices continued from a saved state. */
  readonly resumed: number
  /** Slices answered by what an earlier stage found. */
  readonly reused: number
}

/** The optimizer, and how a host tells it the study's slices. */
export interface ProgressiveEvaluation extends Optimizer {
  /**
   * Sets the study's slices: called by the host before each study. Without it trials are evaluated whole.
   * @returns the rungs, in order.
   */
  plan(slices: readonly Slice[]): readonly Rung[]
  stats(): ProgressiveStats
}

/**
 * Stops a trial whose weighted mean is worse than a threshold in the study's direction: for maximized values below it,
 * for minimized ones above it. A NaN is worse than any threshold.
 *
 * @throws TradewrightError `BAD_OPTION` unless the threshold is a finite number.
 */
export function stageThreshold(threshold: number = -0.5): Pruner {
  if (!Number.isFinite(threshold))
    throw new TradewrightError('BAD_OPTION', `threshold must be a finite number, was ${threshold}`, { threshold })
  return {
    name: 'stage-threshold',
    decide(reports, { directions }) {
      const last = new Map<number, number>()
      for (const { id, value } of reports) last.set(id, value)
      return [...last].map(([id, value]): PruneDecision => {
        const worse = Number.isNaN(value) || isBetter(threshold, value, directions[0])
        return {
          id,
          action: worse ? 'stop' : 'continue',
          why: `its stages give ${value}, the threshold is ${threshold}`,
        }
      })
    },
  }
}

/**
 * The optimizer that evaluates a trial in stages, and spends the whole data only on those that deserve it.
 *
 * A generation of new trials is seen on the first stage; between generations the pruner judges all that wait, by the
 * weighted mean of their stages; who passes goes on from a saved state or from results that are there. The value of a
 * trial that passes all stages is that of its whole slices, exactly as without stages.
 *
 * The host must evaluate a pending trial on `rung.slices`, report the score there as step `rung.step`, and let it wait
 * (`paused`) unless `rung.last`.
 *
 * @throws TradewrightError `BAD_OPTION` for stages that break their rule.
 * @see Li et al. (2018), Hyperband, JMLR 18: successive halving. Here the judge is any pruner and stages have weights.
 */
export function progressiveEvaluation(options: ProgressiveEvaluationOptions = {}): ProgressiveEvaluation {
  const progress = new Progress(options)
  return {
    name: 'progressive-evaluation',
    effect: 'search',
    plan: (slices) => progress.plan(slices),
    schedule: (view, next) => progress.schedule(view, next),
    evaluate: (request, next) => progress.evaluate(request, next),
    observe: (finished) => progress.observe(finished),
    stats: () => progress.stats(),
  }
}

class Progress {
  readonly #stages: readonly Stage[]
  readonly #order: StageOrder
  readonly #pruner: Pruner
  readonly #memory = new StageMemory()
  readonly #finished = new WeakMap<FinishedTrial, FinishedTrial>()
  #rungs: readonly Rung[] = []
  #early: ReadonlySet<Slice> = new Set()
  #stopped = 0
  #advanced = 0
  #bars = 0
  #fullBars = 0
  #resumed = 0
  #reused = 0

  constructor(options: ProgressiveEvaluationOptions) {
    const {
      stages = [
        [0.1, 0.3],
        [0.3, 0.5],
        [1, 1],
      ],
      pruner = stageThreshold(),
      order = 'prefix',
    } = options
    checkStages(stages)
    this.#stages = stages
    this.#order = order
    this.#pruner = pruner
  }

  plan(slices: readonly Slice[]): readonly Rung[] {
    this.#memory.clear()
    this.#rungs = planStages(slices, this.#stages, this.#order)
    this.#early = new Set(this.#rungs.slice(0, -1).flatMap((rung) => rung.slices))
    return this.#rungs
  }

  /** The weighted mean of a trial's stages after each of them, in place of the raw score there. */
  #weighted(reports: readonly Report[]): readonly Report[] {
    let sum = 0
    let weights = 0
    return reports.map(({ id, step, value }) => {
      const weight = this.#stages[step]?.[1] ?? 0
      sum += weight * value
      weights += weight
      return { id, step, value: weights === 0 ? value : sum / weights }
    })
  }

  /** A finished trial as pruners see it: one object for good, so that they too can remember what they made of it. */
  #judged(trial: FinishedTrial): FinishedTrial {
    let judged = this.#finished.get(trial)
    if (judged === undefined) {
      judged = trial.reports.length === 0 ? trial : { ...trial, reports: this.#weighted(trial.reports) }
      this.#finished.set(trial, judged)
    }
    return judged
  }

  async schedule(view: StudyView, next: Schedule): Promise<readonly Work[]> {
    if (this.#rungs.length < 2) return next(view)
    const { work, waiting } = this.#judge(view)
    if (work.length > 0) return work
    const started = (await next(view)).map(
      (item): Work => ('start' in item && item.at === undefined ? { start: item.start, at: this.#rungs[0] } : item),
    )
    // A pruner that lets trials wait for others gets its way only as long as others come.
    return started.length > 0 ? started : waiting
  }

  #judge(view: StudyView): { readonly work: readonly Work[]; readonly waiting: readonly Work[] } {
    if (view.paused.length === 0) return { work: [], waiting: [] }
    const paused = view.paused.map((trial) => ({ ...trial, reports: this.#weighted(trial.reports) }))
    const trials = view.trials.map((trial) => this.#judged(trial))
    const decisions = new Map(
      this.#pruner
        .decide(
          paused.flatMap((trial) => trial.reports),
          { ...view, trials, paused },
        )
        .map((decision) => [decision.id, decision]),
    )
    const work: Work[] = []
    const waiting: Work[] = []
    for (const { number, reports } of paused) {
      const to = this.#rungs[(reports.at(-1)?.step ?? -1) + 1]
      const { action, why } = decisions.get(number) ?? { action: 'continue', why: '' }
      if (action === 'stop' || to === undefined) {
        work.push({ stop: number, why })
        this.#stopped++
      } else if (action === 'pause') waiting.push({ advance: number, to })
      else {
        work.push({ advance: number, to })
        this.#advanced++
      }
    }
    return { work, waiting }
  }

  observe(finished: readonly FinishedTrial[]): void {
    for (const { number } of finished) this.#memory.forget(number)
    const bars = (this.#rungs.at(-1)?.slices ?? []).reduce((sum, slice) => sum + slice.end - slice.start, 0)
    this.#fullBars += bars * finished.length
  }

  async evaluate(request: EvaluationRequest, next: Evaluate): Promise<readonly Evaluation[]> {
    const { slices, trials } = request
    const early = slices.some((slice) => this.#early.has(slice))
    if (this.#rungs.length < 2 || (!early && this.#memory.size === 0)) return this.#counted(await next(request))
    const known = trials.map((trial) => slices.map((slice) => this.#memory.finished(trial, slice, request.want)))
    const answers = await Promise.all(
      groups(known).map(async ({ members, missing }) => {
        const part = members.map((t) => this.#resuming(trials[t], slices, missing))
        const rest = missing.map((s) => slices[s])
        const want = early ? { ...request.want, state: true } : request.want
        const evaluated =
          rest.length === 0
            ? part.map(({ id }): Evaluation => ({ id, cost: { bars: 0, ms: 0 }, status: 'done', slices: [] }))
            : this.#counted(await next({ ...request, trials: part, slices: rest, want }))
        const byId = new Map(evaluated.map((evaluation) => [evaluation.id, evaluation]))
        return members.flatMap((t): Evaluation[] => {
          const evaluation = byId.get(trials[t].id)
          if (evaluation === undefined) return []
          if (evaluation.status === 'failed') return [evaluation]
          if (early) this.#memory.remember(trials[t], rest, evaluation)
          this.#reused += slices.length - rest.length
          return [completed(evaluation, known[t], missing, request.want.state)]
        })
      }),
    )
    return answers.flat()
  }

  #counted(answers: readonly Evaluation[]): readonly Evaluation[] {
    for (const { cost } of answers) this.#bars += cost.bars
    return answers
  }

  /** The trial with the states to continue its missing slices from. */
  #resuming(trial: TrialRef, slices: readonly Slice[], missing: readonly number[]): TrialRef {
    const resume = missing.map((s) => trial.resume?.[s] ?? this.#memory.state(trial, slices[s]))
    const { length } = resume.filter((state) => state !== undefined)
    this.#resumed += length
    return length === 0 && trial.resume === undefined ? trial : { ...trial, resume }
  }

  stats(): ProgressiveStats {
    return {
      stopped: this.#stopped,
      advanced: this.#advanced,
      bars: this.#bars,
      fullBars: this.#fullBars,
      resumed: this.#resumed,
      reused: this.#reused,
    }
  }
}

/** Trials that lack the same slices, together. */
function groups(
  known: readonly (readonly (SliceResult | undefined)[])[],
): readonly { readonly members: readonly number[]; readonly missing: readonly number[] }[] {
  const byMissing = new Map<string, { members: number[]; missing: readonly number[] }>()
  for (const [t, results] of known.entries()) {
    const missing = results.flatMap((result, s) => (result === undefined ? [s] : []))
    const name = missing.join()
    const group = byMissing.get(name)
    if (group === undefined) byMissing.set(name, { members: [t], missing })
    else group.members.push(t)
  }
  return [...byMissing.values()]
}

/** The answer over all slices: what was computed now and what was there. States only where they were asked for. */
function completed(
  evaluation: Extract<Evaluation, { status: 'done' }>,
  known: readonly (SliceResult | undefined)[],
  missing: readonly number[],
  wantState: boolean,
): Evaluation {
  const all = [...known]
  for (const [k, s] of missing.entries()) all[s] = evaluation.slices[k]
  const slices = all.flatMap((result): SliceResult[] => {
    if (result === undefined) return []
    if (wantState || result.state === undefined) return [result]
    const { state: _, ...rest } = result
    return [rest]
  })
  return { ...evaluation, slices }
}
