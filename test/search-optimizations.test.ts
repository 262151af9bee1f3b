// Early stopping and progressive evaluation: what they save, and what they never change.
import type { FinishedTrial, StudyView } from '@tradewright/core'
import {
  type ComputationalOptimizationOptions,
  createOptimizedTrainingSystem,
  memoryDataSource,
  memoryStudyStore,
  type TrainingRequest,
} from 'tradewright'
import { describe, expect, it } from 'vitest'
import { seenEnough, stoppingRule } from '../src/early-stopping.ts'
import { walk } from './market.ts'
import { smaCross } from './strategies.ts'

const bars = walk(4000)

async function train(
  sections: ComputationalOptimizationOptions,
  request: Partial<TrainingRequest<{ fast: number; slow: number; stop: number }>> = {},
) {
  const system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource(bars),
    computationalOptimization: { caching: { enabled: false }, parallelization: { enabled: false }, ...sections },
  })
  try {
    return await system.trainingManager.executeOptimizedTraining({
      strategy: smaCross,
      trials: 120,
      sampler: { type: 'random' },
      ...request,
    })
  } finally {
    await system.close()
  }
}

describe('early stopping', () => {
  const view = (values: readonly number[], direction: 'maximize' | 'minimize' = 'maximize') =>
    ({
      directions: [direction],
      trials: values.map(
        (value, number): FinishedTrial => ({ number, params: {}, status: 'done', values: [value], reports: [] }),
      ),
    }) as unknown as StudyView

  it('takes its defaults from the budget', () => {
    const rule = (trials: number) => stoppingRule({ enabled: true }, trials)
    expect(rule(40)).toEqual({ minTrials: 100, patience: 50, performanceThreshold: undefined })
    expect(rule(1000)).toEqual({ minTrials: 500, patience: 200, performanceThreshold: undefined })
    expect(stoppingRule({ enabled: true, preset: 'documents', patience: 12 }, 1000)).toEqual({
      minTrials: 20,
      patience: 12,
      performanceThreshold: -0.5,
    })
    expect(stoppingRule({ enabled: false }, 1000)).toBeUndefined()
  })

  it('ends where nothing better came for long enough, and says so', () => {
    const rule = { minTrials: 4, patience: 3, performanceThreshold: undefined }
    expect(seenEnough(rule, view([1, 2, 3]))).toBeUndefined() // too few
    expect(seenEnough(rule, view([1, 3, 2, 2]))).toBeUndefined() // two since
    expect(seenEnough(rule, view([1, 3, 2, 3, 3]))).toContain('no better one in 3 trials (patience 3)') // equal is not better
    expect(seenEnough(rule, view([1, 3, 2, 2, 4]))).toBeUndefined()
    expect(seenEnough(rule, view([5, 3, 4, 4], 'minimize'))).toBeUndefined()
    expect(seenEnough(rule, view([3, 5, 4, 4], 'minimize'))).toContain('no better one in 3 trials')
  })

  it('ends where even the best is worse than the threshold', () => {
    const rule = { minTrials: 2, patience: 99, performanceThreshold: -0.5 }
    expect(seenEnough(rule, view([-1, -0.6]))).toContain('the best is -0.6, worse than -0.5')
    expect(seenEnough(rule, view([-1, -0.5]))).toBeUndefined()
    expect(seenEnough(rule, view([Number.NaN, Number.NaN]))).toContain('worse than -0.5')
  })

  it('ends a search at a barrier, after a prefix of the same trials', async () => {
    const whole = await train({ earlyStopping: { enabled: false } }, { generationSize: 8 })
    const short = await train({ earlyStopping: { minTrials: 20, patience: 10 } }, { generationSize: 8 })
    expect(whole.trials).toHaveLength(120)
    expect(short.why).toContain('early stopping: no better one in')
    expect(short.trials.length % 8).toBe(0)
    expect(short.trials.length).toBeLessThan(120)
    expect(short.trials).toEqual(whole.trials.slice(0, short.trials.length))
  })
})

describe('progressive evaluation', () => {
  const unhurried = { earlyStopping: { enabled: false } }

  it('gives a trial that passes every stage the value of its whole bars', async () => {
    const whole = await train(unhurried)
    const staged = await train(
      { progressiveEvaluation: { enabled: true, threshold: -1000 }, ...unhurried },
      { generationSize: 16 },
    )
    expect(staged.trials.map((t) => t.params)).toEqual(whole.trials.map((t) => t.params))
    staged.trials.forEach((trial, i) => {
      // A trial that does not trade on the first stage has no Sharpe ratio there, and stops as NaN.
      if (trial.status !== 'done') return
      expect(trial.values[0]).toBeCloseTo(whole.trials[i].values[0], 11)
      expect(trial.reports.map((r) => r.step)).toEqual([0, 1, 2])
    })
    expect(staged.trials.filter((t) => t.status === 'done').length).toBeGreaterThan(60)
  })

  it('stops what goes badly, says why, and evaluates fewer bars', async () => {
    const { trials, stats, best } = await train(
      { progressiveEvaluation: { enabled: true, threshold: 0.2 }, ...unhurried },
      { generationSize: 16 },
    )
    const stopped = trials.filter((t) => t.status === 'pruned')
    expect(stopped.length).toBeGreaterThan(10)
    expect(stopped[0].why).toContain('the threshold is 0.2')
    const { bars: seen, fullBars, stopped: count } = stats.optimizers['progressive-evaluation']
    expect(count).toBe(stopped.length)
    expect(seen).toBeLessThan(fullBars)
    expect(best.value).toBe(Math.max(...trials.flatMap((t) => t.values)))
  })

  it('is on where a pruner is given', async () => {
    const none = { name: 'none', decide: () => [] }
    const { stats } = await train({}, { pruner: none, trials: 10 })
    expect(stats.optimizers).toHaveProperty('progressive-evaluation')
    expect((await train({}, { trials: 10 })).stats.optimizers).not.toHaveProperty('progressive-evaluation')
  })
})

describe('adaptive sampling', () => {
  const samplerOf = async (section: ComputationalOptimizationOptions, request: Parameters<typeof train>[1] = {}) => {
    const names: string[] = []
    const store = memoryStudyStore()
    await train(section, { sampler: undefined, trials: 8, study: 's', store, ...request })
    names.push((await store.load('s'))?.header.sampler ?? '')
    return names[0]
  }

  it('chooses the sampler: auto, nsga2 for several objectives, perturbation by its numbers, random without', async () => {
    const both = { direction: ['maximize', 'maximize'], score: () => [1, 2] } as const
    expect(await samplerOf({})).toMatch(/^auto/)
    expect(await samplerOf({}, { objective: both })).toMatch(/^nsga2/)
    expect(await samplerOf({ adaptiveSampling: { initialSamples: 4 } })).toMatch(/^perturbation/)
    expect(await samplerOf({ adaptiveSampling: { enabled: false } })).toMatch(/^random/)
    expect(await samplerOf({}, { sampler: { type: 'tpe' } })).toMatch(/^tpe/)
  })

  it('finds a better in-sample value than random draws do, on most seeds', async () => {
    let better = 0
    for (let seed = 0; seed < 5; seed++) {
      const random = await train({}, { seed, trials: 80 })
      const adaptive = await train({}, { seed, trials: 80, sampler: { type: 'cma-es' } })
      if (adaptive.best.value > random.best.value) better++
    }
    expect(better).toBeGreaterThanOrEqual(4)
  })
})
