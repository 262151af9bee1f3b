import {
  composeOnion,
  contentKey,
  createFit,
  type Data,
  type Fit,
  type FitRequest,
  type FittedModel,
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
const train: Fit = createFit(loadModule)

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
