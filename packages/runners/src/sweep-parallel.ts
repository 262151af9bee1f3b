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
/** Parts a worker, so that a slow one does not leave the others alone. */
const PARTS = 2

/**
 * `sweep` in worker threads: the same parameters, the same results to the last bit, on all cores.
 *
 * Bars go into shared memory (copied once unless they lie there), programs as packed nodes; each worker computes the
 * indicators of its own part of the list, so that a list in the order of one parameter shares best.
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
    const parts = await sweepParts(strategy, paramsList, bars, { pool, signal, sweepOptions })
    return createSweepResult(
      paramsList,
      joined(parts) as Readonly<Record<Name, Float64Array>>,
      parts.reduce((sum, { plainTrials }) => sum + plainTrials, 0),
    )
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
): Promise<readonly SweepColumns[]> {
  const { pool, signal, sweepOptions } = run
  const lent = new BarsLender().lend(bars)
  const count = Math.min(paramsList.length, pool.size * PARTS)
  const programs = strategy.bind(paramsList)
  const cut = (i: number): number => Math.floor((i * paramsList.length) / count)
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const task: SweepTask = {
        programs: packPrograms(programs.slice(cut(i), cut(i + 1))),
        bars: lent,
        options: sweepOptions,
      }
      const value = await pool.run({ module: builtInModule, export: 'sweep', data: task as unknown as Data, signal })
      return value as unknown as SweepColumns
    }),
  )
}

/** The columns of the parts, one after another. */
function joined(parts: readonly SweepColumns[]): Readonly<Record<string, Float64Array>> {
  const columns: Record<string, Float64Array> = {}
  for (const name of Object.keys(parts[0].metrics) as MetricName[]) {
    const pieces = parts.map(({ metrics }) => {
      const piece = metrics[name]
      if (piece === undefined) throw new TradewrightError('INTERNAL', `a part of a sweep lacks the column '${name}'`)
      return piece
    })
    const column = new Float64Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
    let at = 0
    for (const piece of pieces) {
      column.set(piece, at)
      at += piece.length
    }
    columns[name] = column
  }
  return columns
}
