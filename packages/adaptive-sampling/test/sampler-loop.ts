import { createRng, type Direction, type FinishedTrial, type Params, type Sampler, type Space } from '@tradewright/core'

export interface LoopOptions {
  readonly seed?: number
  readonly trials: number
  readonly generationSize?: number
  readonly directions?: readonly Direction[]
  readonly history?: readonly FinishedTrial[]
  readonly budget?: number
}

/** Drives a sampler without a study: every generation sees the trials of the generations before it. */
export function drive(
  sampler: Sampler,
  space: Space,
  objective: (params: Params, number: number) => number | readonly number[] | FinishedTrial['status'],
  {
    seed = 1,
    trials,
    generationSize = 8,
    directions = ['minimize'],
    history: before = [],
    budget = trials,
  }: LoopOptions,
): readonly FinishedTrial[] {
  const history: FinishedTrial[] = [...before]
  while (history.length < trials) {
    const firstTrial = history.length
    const count = Math.min(generationSize, trials - firstTrial)
    const batch = sampler.sample({
      space,
      count,
      firstTrial,
      history: [...history],
      directions,
      seed,
      rng: (trial) => createRng(seed, trial * 2),
      budget,
    })
    batch.forEach((params, i) => {
      const number = firstTrial + i
      const answer = objective(params, number)
      const values = typeof answer === 'number' ? [answer] : typeof answer === 'string' ? [] : answer
      const status = typeof answer === 'string' ? answer : 'done'
      history.push({ number, params, status, values, reports: [] })
    })
    if (batch.length < count) break
  }
  return history
}

/** The best value of a minimised study. */
export const bestOf = (history: readonly FinishedTrial[]): number =>
  history.reduce(
    (best, t) => (t.status === 'done' && t.values[0] < best ? t.values[0] : best),
    Number.POSITIVE_INFINITY,
  )

/** The median of some numbers. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}
