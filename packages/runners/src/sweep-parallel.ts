import {
  bindList,
  createSweepResult,
  freeBlocks,
  isPortable,
  isSwept,
  type SharedSweep,
  type Strategy,
  type SweepColumns,
  type SweepOptions,
  type SweepResult,
  sharedColumns,
  shareSweep,
  sweep,
} from '@tradewright/backtest'
import type { Bars, Data, MetricName, StandardMetric } from '@tradewright/core'
import { lendPool, ownPool } from './kept-pool.ts'
import { BarsLender, type LentBars } from './lent-bars.ts'
import { poolSize } from './pool-size.ts'
import { fitsWorker, sharesMuch, sharingOrder } from './sweep-order.ts'
import { builtInModule } from './task-protocol.ts'
import type { WorkerPool, WorkerPoolOptions } from './worker-pool.ts'
import type { SweepAnswer, SweepTask } from './worker-tasks.ts'

/** Options of {@link sweepParallel}: those of `sweep`, and where it runs. */
export interface SweepParallelOptions extends Omit<SweepOptions, 'indicators'> {
  /** A pool to use; it stays open. Its threads are used, whatever its `isolation`. @default one that stays for ten seconds, for further calls */
  readonly pool?: WorkerPool | undefined
  /** Workers where no pool is given. @default as many as the cores allow, at most 8 */
  readonly maxWorkers?: number | undefined
  /** Told where workers could not start, or an indicator cannot leave this thread, and the sweep ran in line. */
  readonly onWarning?: WorkerPoolOptions['onWarning']
  readonly signal?: AbortSignal | undefined
}

/** Below this many bars times parameters a sweep is over before a worker has heard of it. */
const INLINE_BELOW = 10_000_000
/** The same where workers are yet to be started, which takes half a second. */
const COLD_INLINE_BELOW = 1_000_000_000
let sweptCold = false
/** How long a worker goes on before it answers: a task has a time limit, a sweep has none. */
const TURN_MS = 10_000
/** Bars that were swept before need not be copied again. */
const lender = new BarsLender()

/**
 * `sweep` in worker threads: the same parameters, the same results to the last bit, on all cores.
 *
 * Bars and the bound programs go into shared memory, bars once for all calls. Workers read them where they lie, take
 * blocks of trials until none is left, and write their metrics where they belong: nothing is copied or put together
 * twice, and no worker waits for another. Where programs share few of their indicators neighbouring ones go to one
 * worker, since each computes its own.
 *
 * @throws TradewrightError as `sweep`; `TASK_FAILED`, `OUT_OF_MEMORY`, `TIMEOUT` where a worker failed twice; the
 *   signal's reason.
 * @see docs/parallel.md for what it gives on two cores.
 * @example
 * ```ts
 * const result = await sweepParallel(smaCross, [...smaCross.space.enumerate()], bars, { maxWorkers: 2 })
 * ```
 */
export async function sweepParallel<P, const Name extends MetricName = StandardMetric>(
  strategy: Strategy<P>,
  paramsList: readonly P[],
  bars: Bars,
  options: SweepParallelOptions & { readonly metrics?: 'standard' | readonly Name[] | undefined } = {},
): Promise<SweepResult<P, Name>> {
  const { pool: given, maxWorkers, onWarning, signal, ...sweepOptions } = options
  signal?.throwIfAborted()
  if (given === undefined) poolSize({ maxWorkers }) // wrong options are wrong for little work too
  const inline = (): SweepResult<P, Name> => sweep(strategy, paramsList, bars, sweepOptions)
  const { start = 0, end = bars.length } = sweepOptions
  const large = Array.isArray(paramsList) && paramsList.length > 1 && paramsList.length * (end - start) >= INLINE_BELOW
  if (!large) return inline()
  const lent = given === undefined ? lendPool({ maxWorkers, onWarning }) : ownPool(given)
  if (!lent.warm && paramsList.length * (end - start) < COLD_INLINE_BELOW) {
    // One such sweep is not worth workers; with the second more are to be expected, and find them started.
    if (sweptCold) lent.start().finally(lent.release)
    else await lent.release()
    sweptCold = true
    return inline()
  }
  const { pool } = lent
  try {
    if (!(await lent.start())) return inline()
    signal?.throwIfAborted()
    const list = bindList(strategy, paramsList)
    if (!isPortable(list)) {
      onWarning?.({
        message: `strategy '${list.strategy}' has an indicator without a module: the sweep runs in line; give defineIndicator its module`,
      })
      return inline()
    }
    // Blocks whose indicators do not fit compute them again and again; `sweep` cuts its list into parts that do.
    if (!fitsWorker(list, end)) return inline()
    const order = sharesMuch(list) ? undefined : sharingOrder(list)
    const threads = Math.min(pool.size, paramsList.length)
    const shared = shareSweep(list, bars, sweepOptions, { threads, order })
    const { metrics, plainTrials } = await runShared(shared, lender.lendNow(bars), pool, signal)
    return createSweepResult(paramsList, metrics as Readonly<Record<Name, Float64Array>>, plainTrials)
  } finally {
    await lent.release()
  }
}

/** Runs a shared sweep in the pool's threads. */
async function runShared(
  shared: SharedSweep,
  bars: LentBars,
  pool: WorkerPool,
  signal: AbortSignal | undefined,
): Promise<SweepColumns> {
  // Workers that end leave nothing undone but where an answer was none: once more then, for what is left.
  for (let round = 0; round < 2 && !isSwept(shared); round++) {
    if (round > 0) freeBlocks(shared)
    await runRound(shared, bars, pool, signal)
  }
  return sharedColumns(shared)
}

async function runRound(
  shared: SharedSweep,
  bars: LentBars,
  pool: WorkerPool,
  signal: AbortSignal | undefined,
): Promise<void> {
  const over = new AbortController()
  const work = async (thread: number): Promise<void> => {
    for (let more = true; more; ) {
      const task: SweepTask = { sweep: shared, bars, thread, turnMs: TURN_MS }
      const value = await pool.run(
        { module: builtInModule, export: 'sweep', data: task as unknown as Data, isolation: 'thread', signal },
        { accept: isAnswer, cancelled: over.signal },
      )
      more = (value as unknown as SweepAnswer).more
    }
  }
  try {
    await new Promise<void>((resolve, reject) => {
      let running = shared.threads
      for (let thread = 0; thread < shared.threads; thread++)
        // A worker that is busy elsewhere need not be waited for once the others have done it all.
        work(thread).then(() => {
          if (--running === 0 || isSwept(shared)) resolve()
        }, reject)
    })
  } finally {
    over.abort()
    freeBlocks(shared, true)
  }
}

const isAnswer = (value: Data): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { readonly more?: unknown }).more === 'boolean'
