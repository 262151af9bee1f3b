// Searches through the whole system, with some of its optimizers switched off.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bars, int } from '@tradewright/core'
import {
  createOptimizedTrainingSystem,
  fixedHorizon,
  memoryDataSource,
  type SystemOptions,
  type TrainingOptions,
  ta,
} from 'tradewright'
import { type Load, trusting } from './loads.ts'

type Computing = NonNullable<SystemOptions['computationalOptimization']>

/** Everything that saves work off. */
const none = {
  profiling: { enabled: false },
  earlyStopping: { enabled: false },
  caching: { enabled: false },
  parallelization: { enabled: false },
  progressiveEvaluation: { enabled: false },
  incrementalTraining: { enabled: false },
} as const satisfies Computing

export const OBJECTIVES = ['sharpe', 'totalReturn', 'calmar'] as const

/** Which optimizers a search has. */
export interface Setup {
  readonly cache?: boolean
  readonly workers?: boolean
  /** Judge between stages. */
  readonly stages?: 'threshold' | 'median'
  /** Models' states are kept. */
  readonly models?: boolean
}

export interface Searched {
  readonly ms: number
  /** Best value of each objective. */
  readonly best: readonly number[]
  /** Bars simulated, and bars of the same trials evaluated whole. */
  readonly bars: number
  readonly fullBars: number
}

async function withSystem<T>(
  bars: Bars,
  training: TrainingOptions,
  { cache, workers, stages, models }: Setup,
  run: (system: Awaited<ReturnType<typeof createOptimizedTrainingSystem>>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tradewright-promises-'))
  const system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource(bars),
    training: { ...training, ...(stages === 'median' ? { pruner: { type: 'median' } as const } : {}) },
    computationalOptimization: {
      ...none,
      ...(cache === true ? { caching: { disk: { directory: join(folder, 'cache') } } } : {}),
      ...(workers === true ? { parallelization: {} } : {}),
      ...(stages === undefined ? {} : { progressiveEvaluation: { enabled: true } }),
      ...(models === true ? { incrementalTraining: { enabled: true, directory: join(folder, 'models') } } : {}),
    },
  })
  try {
    return await run(system)
  } finally {
    await system.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** One search an objective, all in one system: the same trials again for every objective after the first. */
export function search(load: Load, seed: number, setup: Setup, objectives = 1): Promise<Searched> {
  const { bars, strategy, trials, generationSize } = load
  const training = { trials, seed, generationSize, sampler: { type: 'random' } } as const
  return withSystem(bars, training, setup, async (system) => {
    const begun = performance.now()
    const best: number[] = []
    let simulated = 0
    let fullBars = 0
    for (const objective of OBJECTIVES.slice(0, objectives)) {
      const result = await system.trainingManager.executeOptimizedTraining({ strategy, objective })
      const { bars: seen, fullBars: all } = result.stats.optimizers['progressive-evaluation'] ?? {}
      best.push(result.best.value)
      simulated += seen ?? 0
      fullBars += all ?? 0
    }
    return { ms: performance.now() - begun, best, bars: simulated, fullBars }
  })
}

/** Trainings of a strategy that reads a model's predictions, each with another objective, in one system. */
export function trainings(bars: Bars, seed: number, setup: Setup, objectives: number): Promise<Searched> {
  return withSystem(bars, { trials: 24, seed, sampler: { type: 'random' } }, setup, async (system) => {
    const begun = performance.now()
    const best: number[] = []
    for (const objective of OBJECTIVES.slice(0, objectives)) {
      const result = await system.trainingManager.executeOptimizedTraining({
        strategy: trusting,
        objective,
        model: {
          create: { type: 'gradient-boosting' },
          params: { depth: int(2, 4), rounds: int(10, 40, { step: 10 }), span: int(5, 30, { step: 5 }) },
          options: ({ depth, rounds }) => ({ objective: 'binary', maxDepth: depth, rounds }),
          features: ({ close, high, low }, { span }) => ({
            rsi: ta.rsi(close, span),
            move: ta.roc(close, span),
            range: high.sub(low).div(ta.sma(close, span)),
          }),
          labels: (all) => fixedHorizon({ bars: all, horizon: 5, threshold: 0, classes: 'up' }),
          walkForward: { train: 1500, test: 500, embargo: 5 },
        },
      })
      best.push(result.best.value)
    }
    return { ms: performance.now() - begun, best, bars: 0, fullBars: 0 }
  })
}
