import {
  type Clock,
  type Data,
  fromErrorData,
  type Report,
  type Trial,
  type TrialAnswer,
  toErrorData,
} from '@tradewright/core'
import type { SharedStudyStore } from './file-study-store.ts'

/** How processes share a study. */
export interface ShareOptions {
  /** Time a process has for a trial before another one may take it; renewed while it works. @default 10000 */
  readonly leaseMs?: number | undefined
  /** Time between two looks at a trial that another process has. @default 20 */
  readonly pollMs?: number | undefined
  /** Name of this process, for people. @default 'process' */
  readonly owner?: string | undefined
}

/** What a trial gave, as data. */
interface SharedOutcome {
  readonly reports: readonly Report[]
  readonly answer?: TrialAnswer
  readonly error?: Data
  readonly pruned?: string
}

/** A trial that was done elsewhere, as core stored it. */
interface StoredOutcome {
  readonly status: 'done' | 'failed' | 'pruned'
  readonly values: readonly number[]
  readonly reports: readonly Report[]
  readonly violation?: number
  readonly data?: Data
  readonly error?: Data
  readonly why?: string
}

type Objective<P> = (trial: Trial<P>) => TrialAnswer | Promise<TrialAnswer>

/** @param seen steps that this process reported before it lost the trial's lease: reported once is enough. */
function replay<P>(trial: Trial<P>, outcome: SharedOutcome | StoredOutcome, seen: ReadonlySet<number>): TrialAnswer {
  for (const { step, value } of outcome.reports) if (!seen.has(step)) trial.report(step, value)
  if ('status' in outcome) {
    if (outcome.status === 'pruned') throw trial.prune(outcome.why)
    if (outcome.error !== undefined) throw fromErrorData(outcome.error as never)
    const { values, violation, data } = outcome
    return { value: values, ...(violation === undefined ? {} : { violation }), ...(data === undefined ? {} : { data }) }
  }
  if (outcome.pruned !== undefined) throw trial.prune(outcome.pruned)
  if (outcome.error !== undefined) throw fromErrorData(outcome.error as never)
  return outcome.answer as TrialAnswer
}

async function evaluate<P>(trial: Trial<P>, objective: Objective<P>, seen: Set<number>): Promise<SharedOutcome> {
  const reports: Report[] = []
  const listening: Trial<P> = {
    number: trial.number,
    params: trial.params,
    rng: trial.rng,
    signal: trial.signal,
    report(step, value) {
      if (!seen.has(step)) trial.report(step, value)
      seen.add(step)
      reports.push({ id: trial.number, step, value })
    },
    shouldPrune: () => trial.shouldPrune(),
    prune: (why) => trial.prune(why),
  }
  try {
    return { reports, answer: await objective(listening) }
  } catch (error) {
    trial.signal.throwIfAborted()
    if (error instanceof Error && error.name === 'tradewright.pruned') return { reports, pruned: error.message }
    return { reports, error: toErrorData(error) as unknown as Data }
  }
}

/**
 * An objective that several processes share: each trial is evaluated by the one that holds its lease, the others take
 * over its result.
 *
 * At most `concurrency` evaluations run here at a time; trials that others have only wait.
 */
export function sharedObjective<P>(
  objective: Objective<P>,
  store: SharedStudyStore,
  study: string,
  concurrency: number,
  clock: Clock,
  { leaseMs = 10_000, pollMs = 20, owner = 'process' }: ShareOptions,
): Objective<P> {
  let running = 0
  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve))
  const work = async (trial: Trial<P>, token: number, seen: Set<number>): Promise<TrialAnswer | undefined> => {
    let stopRenewing = clock.after(leaseMs / 3, function renew() {
      void store.renew(study, trial.number, token, leaseMs).catch(() => false)
      stopRenewing = clock.after(leaseMs / 3, renew)
    })
    try {
      const outcome = await evaluate(trial, objective, seen)
      const counted = await store.publish(study, trial.number, token, outcome as unknown as Data)
      if (!counted) return undefined // another process took it over: its result counts, here as there
      if (outcome.pruned !== undefined) throw trial.prune(outcome.pruned)
      if (outcome.error !== undefined) throw fromErrorData(outcome.error as never)
      return outcome.answer
    } finally {
      stopRenewing()
    }
  }
  return async (trial) => {
    const seen = new Set<number>()
    // The process must live while it waits for others, though core's timers keep nothing alive.
    const alive = setInterval(() => undefined, 1 << 30)
    try {
      for (;;) {
        trial.signal.throwIfAborted()
        if (running < concurrency) {
          running++
          try {
            const claim = await store.claim(study, trial.number, owner, leaseMs)
            if (claim.kind === 'done') return replay(trial, claim.outcome as unknown as SharedOutcome, seen)
            if (claim.kind === 'mine') {
              const answer = await work(trial, claim.token, seen)
              if (answer !== undefined) return answer
            }
          } finally {
            running--
          }
        }
        await pause(pollMs)
      }
    } finally {
      clearInterval(alive)
    }
  }
}
