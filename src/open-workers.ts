import type { Clock, ErrorData, Evaluate, Optimizer } from '@tradewright/core'
import { poolSize, type SharedColumns, type WorkerPool, workerPool, workerRunner } from '@tradewright/runners'
import type { ResolvedParallelization } from './configuration.ts'
import type { Engine } from './engine.ts'

/** What the workers go on without. */
export interface WorkerWarning {
  readonly message: string
  readonly error?: ErrorData | undefined
}

/** Where a system's batches run beside its own thread. */
export interface OpenedWorkers {
  readonly optimizer: Optimizer
  /** Closed by the system. Its workers start with the first batch that is worth it. */
  readonly pool: WorkerPool
  /** Told what the pool goes on without; what was raised before is told at once. */
  onWarning(listener: (warning: WorkerWarning) => void): void
}

/** Work below this runs in line: starting workers costs about as much. */
const IN_LINE_MS = 500

/**
 * What a worker may hold of columns: as much as the host. With less, a search over several long series computes them
 * again and again.
 */
const COLUMN_BYTES = 512 * 1024 ** 2

/**
 * A runner that is asked only once a system has evaluated for a while: a small job never starts a worker. While workers
 * start, this thread goes on.
 */
function onceWorthIt(runner: Optimizer, pool: WorkerPool, clock: Clock): Optimizer {
  let spentMs = 0
  let starting = false
  let ready = false
  const start = (): void => {
    starting = true
    const go = (): void => {
      ready = true // where they could not be started, the runner says so and runs in line
    }
    pool.start().then(go, go)
  }
  const { evaluate } = runner
  const inLine = async (request: Parameters<Evaluate>[0], next: Evaluate): ReturnType<Evaluate> => {
    const begin = clock.elapsed()
    try {
      return await next(request)
    } finally {
      spentMs += clock.elapsed() - begin
    }
  }
  return {
    ...runner,
    evaluate(request, next) {
      if (!starting && spentMs >= IN_LINE_MS) start()
      return evaluate === undefined || !ready ? inLine(request, next) : evaluate.call(runner, request, next)
    },
  }
}

/**
 * Makes the workers of a system; undefined where they are switched off or there would be only one.
 *
 * @param indicators columns that host and workers compute once for all. @default each computes its own
 */
export function openWorkers(
  { enabled, maxWorkers, chunkSize }: ResolvedParallelization,
  engine: Engine,
  clock: Clock,
  indicators?: SharedColumns,
): OpenedWorkers | undefined {
  if (!enabled || poolSize({ maxWorkers }) < 2) return undefined
  const waiting: WorkerWarning[] = []
  let tell: (warning: WorkerWarning) => void = (warning) => waiting.push(warning)
  const pool = workerPool({ maxWorkers, clock, onWarning: (warning) => tell(warning) })
  const optimizer = onceWorthIt(
    workerRunner({ resolve: engine.resolve, pool, chunkSize, clock, indicators, maxIndicatorBytes: COLUMN_BYTES }),
    pool,
    clock,
  )
  return {
    optimizer,
    pool,
    onWarning(listener) {
      tell = listener
      for (const warning of waiting.splice(0)) listener(warning)
    },
  }
}
