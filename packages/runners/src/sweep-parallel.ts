import {
  createSweepResult,
  type Strategy,
  type SweepColumns,
  type SweepOptions,
  type SweepResult,
  sweep,
} from '@tradewright/backtest'
import {
  type Bars,
  type Data,
  type GraphProgram,
  type MetricName,
  type StandardMetric,
  TradewrightError,
} from '@tradewright/core'
import { BarsLender, type LentBars } from './lent-bars.ts'
import { packPrograms } from './packed-programs.ts'
import { sharesMuch, sharingOrder } from './sweep-order.ts'
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
/** Parts a worker takes one after the other, where programs share their indicators anyway, and what one holds at least. */
const PARTS_PER_WORKER = 4
const LEAST_PART = 2000
/** Bars that were swept before need not be copied again. */
const lender = new BarsLender()

/**
 * `sweep` in worker threads: the same parameters, the same results to the last bit, on all cores.
 *
 * Bars go into shared memory (copied once unless they lie there), programs as packed nodes. Where programs share most of
 * their indicators the list is cut as it stands, and bound part by part while workers run; else each worker takes one
 * part, cut so that parts share few indicators, since each computes its own.
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

/** What {@link sweepParts} runs on. */
interface PartsRun {
  readonly pool: WorkerPool
  readonly signal: AbortSignal | undefined
  readonly sweepOptions: SweepTask['options']
}

/** Columns of all parts, in the order of the list. */
interface Joined {
  readonly metrics: Readonly<Record<string, Float64Array>>
  readonly plainTrials: number
}

async function sweepParts<P>(
  strategy: Strategy<P>,
  paramsList: readonly P[],
  bars: Bars,
  run: PartsRun,
): Promise<Joined> {
  const lent = lender.lend(bars)
  const { length } = paramsList
  const workers = Math.min(length, run.pool.size)
  const count = Math.max(workers, Math.min(PARTS_PER_WORKER * workers, Math.floor(length / LEAST_PART)))
  const cut = (i: number, of: number): number => Math.floor((i * length) / of)
  const first = strategy.bind(paramsList.slice(0, cut(1, count)))
  let order: readonly number[] | undefined
  const parts: Promise<SweepColumns>[] = []
  if (sharesMuch(first)) {
    // The list as it stands: while workers run, the next parts are bound.
    parts.push(sent(first, lent, run))
    try {
      for (let i = 1; i < count; i++) {
        await new Promise(setImmediate) // the part goes off before the next one is bound
        parts.push(sent(strategy.bind(paramsList.slice(cut(i, count), cut(i + 1, count))), lent, run))
      }
    } catch (error) {
      for (const part of parts) part.catch(() => undefined) // what is on its way is nobody's any more
      throw error
    }
  } else {
    const programs = strategy.bind(paramsList)
    const sharing = sharingOrder(programs)
    order = sharing
    for (let i = 0; i < workers; i++) {
      const own = sharing.slice(cut(i, workers), cut(i + 1, workers)).map((index) => programs[index])
      parts.push(sent(own, lent, run))
    }
  }
  const columns = await Promise.all(parts)
  return {
    metrics: joined(columns, order, paramsList.length),
    plainTrials: columns.reduce((sum, { plainTrials }) => sum + plainTrials, 0),
  }
}

async function sent(programs: readonly GraphProgram[], lent: LentBars, run: PartsRun): Promise<SweepColumns> {
  const { pool, signal, sweepOptions } = run
  const task: SweepTask = { programs: packPrograms(programs), bars: lent, options: sweepOptions }
  const value = await pool.run({ module: builtInModule, export: 'sweep', data: task as unknown as Data, signal })
  return value as unknown as SweepColumns
}

/** The columns of the parts, in the order of the list. */
function joined(
  parts: readonly SweepColumns[],
  order: readonly number[] | undefined,
  length: number,
): Readonly<Record<string, Float64Array>> {
  const columns: Record<string, Float64Array> = {}
  for (const name of Object.keys(parts[0].metrics) as MetricName[]) {
    const column = new Float64Array(length)
    let at = 0
    for (const { metrics } of parts) {
      const piece = metrics[name]
      if (piece === undefined) throw new TradewrightError('INTERNAL', `a part of a sweep lacks the column '${name}'`)
      if (order === undefined) column.set(piece, at)
      else for (let k = 0; k < piece.length; k++) column[order[at + k]] = piece[k]
      at += piece.length
    }
    columns[name] = column
  }
  return columns
}
