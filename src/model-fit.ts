import { type Clock, composeOnion, createFit, type Fit, type Optimizer } from '@tradewright/core'
import { fitInWorkers, loadModule, type WorkerPool } from '@tradewright/runners'

/** What models are trained with. */
export interface ModelFitOptions {
  /** Outermost first; only those with a `fit` hook matter. */
  readonly optimizers: readonly Optimizer[]
  /** Trains beside this thread; undefined: everything here. */
  readonly pool: WorkerPool | undefined
  readonly clock: Clock
}

/** Below this much training workers cost more than they bring. */
const IN_LINE_MS = 500

const none = async (): Promise<never[]> => []
const around = (optimizers: readonly Optimizer[], innermost: Fit): Fit =>
  composeOnion(optimizers, { suggest: none, schedule: none, evaluate: none, fit: innermost }).fit

/**
 * How a training's models are trained: through the optimizers' `fit` hooks, in workers once that is worth it. Hooks that
 * cannot be rebuilt there run here, around the worker; where one of them stands inside another that can, all training
 * stays in this thread. The same states either way.
 */
export function modelFit({ optimizers, pool, clock }: ModelFitOptions): Fit {
  const hooks = optimizers.filter(({ fit }) => fit !== undefined)
  const outer = hooks.findIndex(({ remote }) => remote !== undefined)
  const [outside, inside] = outer < 0 ? [hooks, []] : [hooks.slice(0, outer), hooks.slice(outer)]
  const here = around(hooks, createFit(loadModule))
  if (pool === undefined || inside.some(({ remote }) => remote === undefined)) return here
  const remote = around(outside, fitInWorkers(pool, inside))
  let spentMs = 0
  return async (request) => {
    if (spentMs >= IN_LINE_MS && (await pool.start())) return remote(request)
    const begun = clock.elapsed()
    try {
      return await here(request)
    } finally {
      spentMs += clock.elapsed() - begun
    }
  }
}
