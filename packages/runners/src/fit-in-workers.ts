import { type Data, type Fit, type FittedModel, type Optimizer, TradewrightError } from '@tradewright/core'
import type { FitTask } from './fit-task.ts'
import { builtInModule } from './task-protocol.ts'
import type { WorkerPool } from './worker-pool.ts'

/**
 * A `fit` that trains in the pool's workers, through the `fit` hooks of optimizers that are rebuilt there: once a worker
 * and content, from `remote`. What they share they share through a `Cache` that each opens from its options.
 *
 * @param pool       where models are trained.
 * @param optimizers outermost first; those without a `fit` hook are left out.
 * @throws TradewrightError `BAD_OPTIMIZER` for a `fit` hook without `remote`.
 * @example
 * ```ts
 * const fit = fitInWorkers(pool, [modelStateCache])
 * const { model, cost } = await fit({ trial: 0, model: { module, export: 'createModel', options: {} }, X, y, signal })
 * ```
 */
export function fitInWorkers(pool: WorkerPool, optimizers: readonly Optimizer[]): Fit {
  const remotes = optimizers
    .filter(({ fit }) => fit !== undefined)
    .map(({ name, remote }) => {
      if (remote !== undefined) return remote
      throw new TradewrightError(
        'BAD_OPTIMIZER',
        `optimizer '${name}' has a fit hook and needs 'remote' to be rebuilt in a worker`,
        { name },
      )
    })
  return async ({ signal, ...request }) => {
    const task: FitTask = { optimizers: remotes, request }
    const fitted = await pool.run({ module: builtInModule, export: 'fit', data: task as unknown as Data, signal })
    return fitted as unknown as FittedModel
  }
}
