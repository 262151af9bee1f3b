import type { Strategy } from '@tradewright/backtest'
import {
  type Clock,
  type ErrorData,
  type Evaluate,
  type Evaluation,
  isBetter,
  type PendingTrial,
  type SimulationOptions,
  type Slice,
  type StudyLoopOptions,
  TradewrightError,
  type TrialOutcome,
  type TrialRef,
  toErrorData,
} from '@tradewright/core'
import type { ResolvedObjective } from './objective.ts'
import { keepSlices } from './trial-data.ts'

/** What trials are evaluated with. */
export interface TrialEvaluation<P> {
  readonly strategy: Strategy<P>
  readonly objective: ResolvedObjective
  readonly slices: readonly Slice[]
  readonly simulation: SimulationOptions
  /** The onion's. */
  readonly evaluate: Evaluate
  /** Batches in flight. */
  readonly concurrency: number
  /** Threads that share a batch: it is that many times larger. */
  readonly threads: number
  readonly clock: Clock
}

/** Time that a batch is to take: an abort answers within a few of these. */
const BATCH_MS = 40
const FIRST_BATCH = 8
const MAX_BATCH = 1000

const failed = (number: number, error: ErrorData): TrialOutcome => ({ number, status: 'failed', error })

/** The best value of the first objective among the trials evaluated so far, for progress only. */
export interface RunningBest {
  value: number | undefined
}

function scored<P>(
  { objective, slices }: TrialEvaluation<P>,
  { number, params }: PendingTrial,
  evaluation: Evaluation,
): TrialOutcome {
  if (evaluation.status === 'failed') return failed(number, evaluation.error)
  const weights = slices.map((slice) => slice.weight)
  try {
    const values = objective.score(evaluation.slices, weights, params)
    if (values.some(Number.isNaN))
      throw new TradewrightError(
        'BAD_OBJECTIVE',
        `objective '${objective.name}' must be a number, was NaN for ${JSON.stringify(params)}`,
        { trial: number, objective: objective.name },
      )
    return { number, status: 'done', values, data: keepSlices(evaluation.slices) }
  } catch (error) {
    return failed(number, toErrorData(error, 'BAD_OBJECTIVE'))
  }
}

/** Binds, evaluates and scores one batch. A trial that cannot be bound fails; the others go on. */
async function evaluateBatch<P>(
  options: TrialEvaluation<P>,
  batch: readonly PendingTrial[],
  signal: AbortSignal,
): Promise<readonly TrialOutcome[]> {
  const bindings = options.strategy.tryBind(batch.map(({ params }) => params as P))
  const outcomes: TrialOutcome[] = []
  const trials: TrialRef[] = []
  const pending = new Map<number, PendingTrial>()
  batch.forEach((trial, i) => {
    const binding = bindings[i]
    if (binding.status === 'failed') outcomes.push(failed(trial.number, binding.error))
    else {
      trials.push({ id: trial.number, program: binding.program })
      pending.set(trial.number, trial)
    }
  })
  if (trials.length === 0) return outcomes
  const evaluations = await options.evaluate({
    trials,
    slices: options.slices,
    simulation: options.simulation,
    want: { state: false, returns: false, metrics: 'standard' },
    signal,
  })
  for (const evaluation of evaluations) {
    const trial = pending.get(evaluation.id)
    if (trial !== undefined) outcomes.push(scored(options, trial, evaluation))
  }
  return outcomes
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * The study loop's `evaluate` over a strategy: batches sized by their measured cost, several in flight where asked.
 *
 * How a generation is cut into batches depends on the clock, and no result depends on how it is cut.
 */
export function trialEvaluator<P>(
  options: TrialEvaluation<P>,
  best: RunningBest = { value: undefined },
): StudyLoopOptions['evaluate'] {
  const { concurrency, clock, objective, threads } = options
  const batchMs = BATCH_MS * threads
  let size = FIRST_BATCH
  return async (pending, { signal, stop, finished }) => {
    const outcomes: TrialOutcome[] = []
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < pending.length && !stop.aborted) {
        signal.throwIfAborted()
        const batch = pending.slice(next, next + Math.min(size, Math.ceil(pending.length / concurrency)))
        next += batch.length
        const begin = clock.elapsed()
        const answered = await evaluateBatch(options, batch, signal)
        const ms = Math.max(0.01, clock.elapsed() - begin)
        size = Math.max(1, Math.min(MAX_BATCH, 4 * size, Math.round((batch.length * batchMs) / ms)))
        for (const outcome of answered) {
          outcomes.push(outcome)
          if (outcome.status === 'done') {
            const [value] = outcome.values
            if (best.value === undefined || isBetter(value, best.value, objective.directions[0])) best.value = value
          }
        }
        for (const _ of answered) finished()
        await turn()
      }
    }
    await Promise.all(Array.from({ length: concurrency }, lane))
    return outcomes
  }
}
