// A training manager in small: one study through an onion of optimizers, with a counter of bars and time.
import type { Strategy } from '@tradewright/backtest'
import type { ProgressiveEvaluation } from '@tradewright/backtest-cache'
import {
  composeOnion,
  type Evaluate,
  type FinishedTrial,
  type MetricName,
  memoryStudyStore,
  type Optimizer,
  type PendingTrial,
  randomSampler,
  runStudyLoop,
  type Slice,
  type Space,
  StudyState,
  systemClock,
  type TrialOutcome,
  wholeTrials,
} from '@tradewright/core'

export interface Search<P> {
  readonly strategy: Strategy<P>
  readonly slices: readonly Slice[]
  readonly trials: number
  readonly seed: number
  readonly objective: MetricName
  readonly engine: Evaluate
  readonly optimizers: readonly Optimizer[]
}

export interface Searched {
  readonly best: number
  readonly ms: number
  readonly bars: number
  readonly trials: readonly FinishedTrial[]
}

export async function search<P>(options: Search<P>): Promise<Searched> {
  const { strategy, slices, trials, seed, objective, engine, optimizers } = options
  let bars = 0
  const sampler = randomSampler()
  const onion = composeOnion(optimizers, {
    suggest: async (request) => sampler.sample(request),
    schedule: wholeTrials,
    evaluate: engine,
  })
  for (const optimizer of optimizers) if ('plan' in optimizer) (optimizer as ProgressiveEvaluation).plan(slices)
  const space = strategy.space as unknown as Space
  const state = await StudyState.open(memoryStudyStore(), {
    name: 'bench',
    space: space.key,
    directions: ['maximize'],
    seed,
    generationSize: 256,
    sampler: sampler.name,
  })
  const evaluateGroup = async (
    pending: readonly PendingTrial[],
    signal: AbortSignal,
  ): Promise<readonly TrialOutcome[]> => {
    const [{ rung }] = pending
    const programs = strategy.bind(pending.map(({ params }) => params as P))
    const answers = await onion.evaluate({
      trials: pending.map(({ number }, i) => ({ id: number, program: programs[i] })),
      slices: rung?.slices ?? slices,
      simulation: {},
      want: { state: false, returns: false, metrics: 'standard' },
      signal,
    })
    return answers.map((answer): TrialOutcome => {
      bars += answer.cost.bars
      if (answer.status === 'failed') return { number: answer.id, status: 'failed', error: answer.error }
      const value =
        answer.slices.reduce((sum, { metrics }) => sum + (metrics[objective] ?? Number.NaN), 0) / answer.slices.length
      const reports = rung === undefined ? [] : [{ id: answer.id, step: rung.step, value }]
      if (rung !== undefined && !rung.last) return { number: answer.id, status: 'paused', reports }
      return { number: answer.id, status: 'done', values: [value], reports }
    })
  }
  const begun = performance.now()
  const result = await runStudyLoop({
    state,
    space,
    trials,
    suggest: onion.suggest,
    schedule: onion.schedule,
    observe: onion.observe,
    clock: systemClock,
    async evaluate(batch, { signal }) {
      const groups = [...new Set(batch.map(({ rung }) => rung))].map((rung) => batch.filter((t) => t.rung === rung))
      return (await Promise.all(groups.map((group) => evaluateGroup(group, signal)))).flat()
    },
  })
  const values = result.trials.flatMap((trial) => (trial.status === 'done' ? [trial.values[0]] : []))
  return { best: Math.max(...values), ms: performance.now() - begun, bars, trials: result.trials }
}
