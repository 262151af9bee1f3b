import type { Binding, Strategy } from '@tradewright/backtest'
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
import type { BindContext, BoundTrials } from './model-training.ts'
import type { ResolvedObjective } from './objective.ts'
import { keepSlices } from './trial-data.ts'

/** What trials are evaluated with. */
export interface TrialEvaluation<P> {
  readonly strategy: Strategy<P>
  /** Binds trials where more than the strategy's own code is needed for it. @default `strategy.tryBind` */
  readonly bind?:
    | ((batch: readonly PendingTrial[], context: Omit<BindContext, 'run'>) => Promise<BoundTrials>)
    | undefined
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
  { objective }: TrialEvaluation<P>,
  { number, params, rung }: PendingTrial,
  slices: readonly Slice[],
  evaluation: Evaluation,
): TrialOutcome {
  if (evaluation.status === 'failed') return failed(number, evaluation.error)
  const weights = slices.map((slice) => slice.weight)
  try {
    const values = objective.score(evaluation.slices, weights, params)
    const reports = rung === undefined ? [] : [{ id: number, step: rung.step, value: values[0] }]
    // Early stages may say nothing yet (no trade, no Sharpe ratio): what NaN means there is for the pruner to say.
    if (rung !== undefined && !rung.last) return { number, status: 'paused', reports }
    if (values.some(Number.isNaN))
      throw new TradewrightError(
        'BAD_OBJECTIVE',
        `objective '${objective.name}' must be a number, was NaN for ${JSON.stringify(params)}`,
        { trial: number, objective: objective.name },
      )
    return { number, status: 'done', values, reports, data: keepSlices(evaluation.slices) }
  } catch (error) {
    return failed(number, toErrorData(error, 'BAD_OBJECTIVE'))
  }
}

/** Binds, evaluates and scores one batch, all of it at the same stage. A trial that cannot be bound fails; the others go on. */
async function evaluateBatch<P>(
  options: TrialEvaluation<P>,
  batch: readonly PendingTrial[],
  { earlier, signal }: Pick<BindContext, 'earlier' | 'signal'>,
): Promise<readonly TrialOutcome[]> {
  const slices = batch[0].rung?.slices ?? options.slices
  const { bindings, release } = (await options.bind?.(batch, { slices, earlier, signal })) ?? {
    bindings: options.strategy.tryBind(batch.map(({ params }) => params as P)),
    release: () => undefined,
  }
  try {
    return await evaluateBound(options, batch, bindings, { slices, signal })
  } finally {
    release()
  }
}

async function evaluateBound<P>(
  options: TrialEvaluation<P>,
  batch: readonly PendingTrial[],
  bindings: readonly Binding[],
  { slices, signal }: Pick<BindContext, 'slices' | 'signal'>,
): Promise<readonly TrialOutcome[]> {
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
    slices,
    simulation: options.simulation,
    want: { state: false, returns: false, metrics: 'standard' },
    signal,
  })
  for (const evaluation of evaluations) {
    const trial = pending.get(evaluation.id)
    if (trial !== undefined) outcomes.push(scored(options, trial, slices, evaluation))
  }
  return outcomes
}

/** Trials from `from` on, at most `size`, up to where the stage changes. */
function takeBatch(pending: readonly PendingTrial[], from: number, size: number): readonly PendingTrial[] {
  const { rung } = pending[from]
  let end = from + 1
  while (end < pending.length && end < from + size && pending[end].rung === rung) end++
  return pending.slice(from, end)
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
  const { concurrency, clock, objective, threads, bind } = options
  const batchMs = BATCH_MS * threads
  // Trials that train a model take as long as they take: a batch has one for each thread.
  const least = bind === undefined ? 1 : threads
  let size = FIRST_BATCH
  return async (trials, { signal, stop, finished }) => {
    // By stage, so that batches are large; outcomes go back by number.
    const stages = [...new Set(trials.map(({ rung }) => rung))]
    const pending = stages.flatMap((stage) => trials.filter(({ rung }) => rung === stage))
    const outcomes: TrialOutcome[] = []
    const earlier = Math.min(...trials.map(({ number }) => number))
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < pending.length && !stop.aborted) {
        signal.throwIfAborted()
        const batch = takeBatch(pending, next, Math.min(size, Math.ceil(pending.length / concurrency)))
        next += batch.length
        const begin = clock.elapsed()
        const answered = await evaluateBatch(options, batch, { earlier, signal })
        const ms = Math.max(0.01, clock.elapsed() - begin)
        size = Math.max(least, Math.min(MAX_BATCH, 4 * size, Math.round((batch.length * batchMs) / ms)))
        for (const outcome of answered) {
          outcomes.push(outcome)
          if (outcome.status === 'done') {
            const [value] = outcome.values
            if (best.value === undefined || isBetter(value, best.value, objective.directions[0])) best.value = value
          }
        }
        for (const { status } of answered) if (status !== 'paused') finished()
        await turn()
      }
    }
    await Promise.all(Array.from({ length: concurrency }, lane))
    return outcomes
  }
}
