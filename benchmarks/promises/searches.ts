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

type System = Awaited<ReturnType<typeof createOptimizedTrainingSystem>>

interface Searching {
  readonly series: readonly Bars[]
  readonly training: TrainingOptions
  readonly setup: Setup
  readonly objectives: number
}

/** One search an objective, each in a system of its own, as when a program is started again: what is kept is on disk. */
async function eachObjective(
  { series, training, setup, objectives }: Searching,
  run: (system: System, objective: (typeof OBJECTIVES)[number]) => Promise<Omit<Searched, 'ms'>>,
): Promise<Searched> {
  const folder = await mkdtemp(join(tmpdir(), 'tradewright-promises-'))
  const begun = performance.now()
  const best: number[] = []
  let bars = 0
  let fullBars = 0
  try {
    for (const objective of OBJECTIVES.slice(0, objectives)) {
      const done = await inSystem({ series, training, setup, folder }, (system) => run(system, objective))
      best.push(...done.best)
      bars += done.bars
      fullBars += done.fullBars
    }
    return { ms: performance.now() - begun, best, bars, fullBars }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function inSystem<T>(
  { series, training, setup, folder }: Omit<Searching, 'objectives'> & { readonly folder: string },
  run: (system: System) => Promise<T>,
): Promise<T> {
  const { cache, workers, stages, models } = setup
  const system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource(series),
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
  }
}

/** The same trials for every objective. */
export function search(load: Load, seed: number, setup: Setup, objectives = 1): Promise<Searched> {
  const { series, strategy, trials, generationSize } = load
  const training = { trials, seed, generationSize, sampler: { type: 'random' } } as const
  const symbols = series.map(({ symbol }) => symbol)
  return eachObjective({ series, training, setup, objectives }, async (system, objective) => {
    const { best, stats } = await system.trainingManager.executeOptimizedTraining({ strategy, objective, symbols })
    const { bars = 0, fullBars = 0 } = stats.optimizers['progressive-evaluation'] ?? {}
    return { best: [best.value], bars, fullBars }
  })
}

/** Trainings of a strategy that reads a model's predictions, each with another objective. */
export function trainings(bars: Bars, seed: number, setup: Setup, objectives: number): Promise<Searched> {
  const training = { trials: 24, seed, sampler: { type: 'random' } } as const
  return eachObjective({ series: [bars], training, setup, objectives }, async (system, objective) => {
    const { best } = await system.trainingManager.executeOptimizedTraining({
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
    return { best: [best.value], bars: 0, fullBars: 0 }
  })
}
