import type { Data } from './data.ts'
import { TradewrightError, toErrorData } from './error.ts'
import type { Params, ParamValue } from './param-spec.ts'
import type { Rng } from './rng.ts'
import type { PendingTrial, TrialOutcome } from './study-loop.ts'
import type { FinishedTrial, Report } from './trial.ts'
import { untilAborted } from './until-aborted.ts'

/** One evaluation of an objective. */
export interface Trial<P> {
  readonly number: number
  readonly params: P
  /** The trial's own random stream: the same at any concurrency. */
  readonly rng: Rng
  /** Aborts when the study does. */
  readonly signal: AbortSignal
  /** Tells an intermediate value. Steps ascend. @throws TradewrightError `BAD_OPTION` for a step that does not. */
  report(step: number, value: number): void
  /** Whether the pruner would stop this trial at its last report. */
  shouldPrune(): boolean
  /** Stops the trial as pruned: `throw trial.prune()`. */
  prune(why?: string): Error
}

/** What an objective answers: a value, one an objective, or with soft constraints and data beside it. */
export type TrialAnswer =
  | number
  | readonly number[]
  | { readonly value: number | readonly number[]; readonly violation?: number; readonly data?: Data }

const NAME = 'tradewright.pruned'

class Pruned extends Error {
  override readonly name = NAME
}

function toOutcome(number: number, answer: TrialAnswer, objectives: number, reports: readonly Report[]): TrialOutcome {
  const record = typeof answer === 'object' && answer !== null && 'value' in answer ? answer : { value: answer }
  const values = typeof record.value === 'number' ? [record.value] : record.value
  const failed = (rule: string): TrialOutcome => ({
    number,
    reports,
    status: 'failed',
    error: toErrorData(new TradewrightError('BAD_OBJECTIVE', rule, { trial: number })),
  })
  if (!Array.isArray(values) || values.length !== objectives || values.some((v) => typeof v !== 'number'))
    return failed(
      `an objective must give ${objectives} number${objectives === 1 ? '' : 's'}, was ${JSON.stringify(answer)}`,
    )
  if (values.some((v) => Number.isNaN(v))) return failed('an objective that is NaN makes the trial fail')
  return {
    number,
    reports,
    status: 'done',
    values,
    ...('violation' in record && record.violation !== undefined ? { violation: record.violation } : {}),
    ...('data' in record && record.data !== undefined ? { data: record.data } : {}),
  }
}

/** What an objective may look at but not change: the study keeps what was asked. */
function frozenCopy(params: Params): Params {
  const copy: Record<string, ParamValue> = { ...params }
  for (const [name, value] of Object.entries(copy))
    if (typeof value === 'object' && value !== null) copy[name] = frozenCopy(value)
  return Object.freeze(copy)
}

/** A trial that is being evaluated. */
export class OpenTrial<P> implements Trial<P> {
  readonly number: number
  readonly params: P
  readonly rng: Rng
  readonly signal: AbortSignal
  readonly reports: Report[] = []
  readonly #decide: (trial: OpenTrial<P>) => { stop: boolean; why: string }

  constructor(
    pending: PendingTrial,
    signal: AbortSignal,
    decide: (trial: OpenTrial<P>) => { stop: boolean; why: string },
  ) {
    this.number = pending.number
    this.params = frozenCopy(pending.params) as P
    this.rng = pending.rng
    this.signal = signal
    this.#decide = decide
  }

  report(step: number, value: number): void {
    const last = this.reports.at(-1)
    if (typeof step !== 'number' || Number.isNaN(step) || (last !== undefined && step <= last.step))
      throw new TradewrightError('BAD_OPTION', `steps of a trial must ascend, was ${step} after ${last?.step}`, {
        step,
      })
    this.reports.push({ id: this.number, step, value })
  }

  shouldPrune(): boolean {
    return this.reports.length > 0 && this.#decide(this).stop
  }

  prune(why?: string): Error {
    return new Pruned(why ?? (this.reports.length === 0 ? 'stopped by the objective' : this.#decide(this).why))
  }
}

const isPruned = (error: unknown): error is Error => error instanceof Error && error.name === NAME

/** A trial that was asked, with what was told of it. */
export function told<P>(
  trial: OpenTrial<P>,
  answer: TrialAnswer | { readonly error: unknown },
  objectives: number,
): FinishedTrial {
  const { number, reports } = trial
  const params = trial.params as Params
  if (typeof answer === 'object' && answer !== null && 'error' in answer) {
    if (isPruned(answer.error))
      return { number, params, status: 'pruned', values: [], reports, why: answer.error.message }
    return { number, params, status: 'failed', values: [], reports, error: toErrorData(answer.error) }
  }
  const { reports: _, ...outcome } = toOutcome(number, answer, objectives, reports)
  return { params, values: [], reports, ...outcome } as FinishedTrial
}

/** Runs an objective over one trial; whatever it throws is the trial's outcome. @throws the reason of an aborted signal. */
export async function runObjective<P>(
  trial: OpenTrial<P>,
  objective: (trial: Trial<P>) => TrialAnswer | Promise<TrialAnswer>,
  objectives: number,
  signal: AbortSignal,
): Promise<TrialOutcome> {
  const { number, reports } = trial
  try {
    const answer = objective(trial)
    const pending = typeof answer === 'object' && answer !== null && 'then' in answer
    const settled = pending ? await untilAborted(Promise.resolve(answer), signal) : answer
    return toOutcome(number, settled, objectives, reports)
  } catch (error) {
    signal.throwIfAborted()
    if (isPruned(error)) return { number, reports, status: 'pruned', why: error.message }
    return { number, reports, status: 'failed', error: toErrorData(error) }
  }
}
