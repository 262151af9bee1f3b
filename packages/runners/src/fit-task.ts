import {
  composeOnion,
  contentKey,
  type Data,
  type Fit,
  type FitRequest,
  type FittedModel,
  type Model,
  type Optimizer,
  TradewrightError,
} from '@tradewright/core'
import { loadModule } from './load-module.ts'

/** How an optimizer is rebuilt in a worker: what `Optimizer.remote` says. */
export interface RemoteOptimizer {
  /** Exports `createOptimizer(options)`. */
  readonly module: string
  readonly options: Data
}

/** A model's training for a worker. */
export interface FitTask {
  /** Outermost first. */
  readonly optimizers: readonly RemoteOptimizer[]
  readonly request: Omit<FitRequest, 'signal'>
}

/** Optimizers of this worker by what they were built from: built once. */
const built = new Map<string, Promise<readonly Optimizer[]>>()

async function buildOne({ module, options }: RemoteOptimizer): Promise<Optimizer> {
  const { createOptimizer } = (await loadModule(module)) as {
    readonly createOptimizer?: (options: Data) => Optimizer | Promise<Optimizer>
  }
  if (typeof createOptimizer !== 'function')
    throw new TradewrightError('BAD_OPTIMIZER', `module ${module} must export a function 'createOptimizer'`, { module })
  return createOptimizer(options)
}

function build(optimizers: readonly RemoteOptimizer[]): Promise<readonly Optimizer[]> {
  const key = contentKey(optimizers)
  let all = built.get(key)
  if (all === undefined) {
    all = Promise.all(optimizers.map(buildOne))
    built.set(key, all)
    all.catch(() => built.delete(key)) // the next task may find the module mended
  }
  return all
}

/** Trains the model that the request names: the innermost `fit`. */
const train: Fit = async ({ model, X, y, sampleWeight, signal }) => {
  const exports = (await loadModule(model.module)) as Readonly<Record<string, unknown>>
  const create = exports[model.export]
  if (typeof create !== 'function')
    throw new TradewrightError('NOT_FOUND', `module ${model.module} must export a function '${model.export}'`, {
      module: model.module,
      export: model.export,
    })
  const made = (await create(model.options)) as Model
  let rounds = 0
  const begun = performance.now()
  await made.fit(X, y, {
    sampleWeight,
    signal,
    onProgress: ({ round }) => {
      rounds = Math.max(rounds, round)
    },
  })
  return { model: made.save(), exact: true, cost: { ms: performance.now() - begun, rounds } }
}

/** Trains through the `fit` hooks of the optimizers, in this thread. */
export async function fitHere({ optimizers, request }: FitTask, signal: AbortSignal): Promise<FittedModel> {
  const { fit } = composeOnion(await build(optimizers), {
    suggest: async () => [],
    schedule: async () => [],
    evaluate: async () => [],
    fit: train,
  })
  return fit({ ...request, signal })
}
