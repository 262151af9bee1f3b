import {
  createSweepResult,
  type Strategy,
  type SweepColumns,
  type SweepOptions,
  type SweepResult,
  sweep,
} from '@tradewright/backtest'
import { type Bars, type Data, type MetricName, type StandardMetric, TradewrightError } from '@tradewright/core'
import { BarsLender } from './lent-bars.ts'
import { packPrograms } from './packed-programs.ts'
import { sharingOrder } from './sweep-order.ts'
import { builtInModule } from './task-protocol.ts'
import { type WorkerPool, type WorkerPoolOptions, workerPool } from './worker-pool.ts'
import type { SweepTask } from './worker-tasks.ts'

/** Options of {@link sweepParallel}: those of `sweep`, and where it runs. */
export interface SweepParallelOptions extends Omit<SweepOptions, 'indicators'> {
  /** A pool to use; it stays open. @default one for this call, of `maxWorkers` */
  readonly pool?: WorkerPool | undefined
  /** Workers of the call's own pool. @default as many as the cores allow, at most 8 */
  readonly maxWorkers?: number | undefined
  /** Told where workers could not start and the sweep ran in this thread. */
  readonly onWarning?: WorkerPoolOptions['onWarning']
  readonly signal?: AbortSignal | undefined
}

/** Below this many bars times parameters a sweep is over before a worker has heard of it. */
const INLINE_BELOW = 10_000_000
/**
 * `sweep` in worker threads: the same parameters, the same results to the last bit, on all cores.
 *
 * Bars go into shared memory (copied once unless they lie there), programs as packed nodes. Each worker takes one part,
 * cut so that parts share few indicators, since each computes its own.
 *
 * @throws TradewrightError as `sweep`; `TASK_FAILED`, `OUT_OF_MEMORY` where a part failed twice; the signal's reason.
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
  const { start = 0, end = bars.length } = sweepOptions
  if (paramsList.length < 2 || paramsList.length * (end - start) < INLINE_BELOW)
    return sweep(strategy, paramsList, bars, sweepOptions)
  const pool = given ?? workerPool({ maxWorkers, onWarning })
  try {
    if (!(await pool.start())) return sweep(strategy, paramsList, bars, sweepOptions)
    const { metrics, plainTrials } = await sweepParts(strategy, paramsList, bars, { pool, signal, sweepOptions })
    return createSweepResult(paramsList, metrics as Readonly<Record<Name, Float64Array>>, plainTrials)
  } finally {
    if (given === undefined) await pool[Symbol.asyncDispose]()
  }
}

async function sweepParts<P>(
  strategy: Strategy<P>,
  paramsList: readonly P[],
  bars: Bars,
  run: {
    readonly pool: WorkerPool
    readonly signal: AbortSignal | undefined
    readonly sweepOptions: SweepTask['options']
  },
): Promise<{ readonly metrics: Readonly<Record<string, Float64Array>>; readonly plainTrials: number }> {
  const { pool, signal, sweepOptions } = run
  const lent = new BarsLender().lend(bars)
  const count = Math.min(paramsList.length, pool.size)
  const programs = strategy.bind(paramsList)
  const order = sharingOrder(programs)
  const cut = (i: number): number => Math.floor((i * paramsList.length) / count)
  const parts = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const own = order.slice(cut(i), cut(i + 1)).map((index) => programs[index])
      const task: SweepTask = { programs: packPrograms(own), bars: lent, options: sweepOptions }
      const value = await pool.run({ module: builtInModule, export: 'sweep', data: task as unknown as Data, signal })
      return value as unknown as SweepColumns
    }),
  )
  return {
    metrics: joined(parts, order),
    plainTrials: parts.reduce((sum, { plainTrials }) => sum + plainTrials, 0),
  }
}

/** The columns of the parts, put back into the order of the list. */
function joined(parts: readonly SweepColumns[], order: readonly number[]): Readonly<Record<string, Float64Array>> {
  const columns: Record<string, Float64Array> = {}
  for (const name of Object.keys(parts[0].metrics) as MetricName[]) {
    const column = new Float64Array(order.length)
    let at = 0
    for (const { metrics } of parts) {
      const piece = metrics[name]
      if (piece === undefined) throw new TradewrightError('INTERNAL', `a part of a sweep lacks the column '${name}'`)
      for (const value of piece) column[order[at++]] = value
    }
    columns[name] = column
  }
  return columns
}
