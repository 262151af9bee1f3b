import {
  type Bars,
  type GraphProgram,
  type IndicatorStore,
  type MetricName,
  type NodeRef,
  type SimulationOptions,
  type StandardMetric,
  TradewrightError,
} from '@tradewright/core'
import { runFast } from './fast-batch.ts'
import { withFastMemory } from './fast-memory.ts'
import { ROW } from './fast-row.ts'
import { createMetricColumns, type MetricColumns } from './metric-columns.ts'
import { listPrograms, type ProgramList } from './program-list.ts'
import { checkStrategy, shown } from './run-arguments.ts'
import { bindList, type Strategy } from './strategy.ts'
import { createSweepResult, type SweepResult } from './sweep-result.ts'
import { SweepRun } from './sweep-run.ts'

/** Simulation options, which bars, and which form. */
export interface SweepOptions extends SimulationOptions<NodeRef> {
  /** First bar that indicators may see. @default 0 */
  readonly warmupStart?: number | undefined
  /** First bar traded. @default `warmupStart` */
  readonly start?: number | undefined
  /** One past the last bar. @default the number of bars */
  readonly end?: number | undefined
  /** Whether the signals of the last bar are ignored. @default true */
  readonly final?: boolean | undefined
  /** Keeps indicators between calls. @default none are kept */
  readonly indicators?: IndicatorStore | undefined
  /**
   * `fast`: WebAssembly with SIMD, plain kernels without. `kernels`: the plain kernels. `plain`: bar by bar, the form
   * that the others are held equal to, within 1e-12. @default 'fast'
   */
  readonly engine?: 'fast' | 'kernels' | 'plain' | undefined
}

/**
 * Runs a strategy with every set of parameters of a list over the same bars, in this thread, and gives a column a
 * metric. Equal subexpressions are computed once for the whole list.
 *
 * @param strategy   pure functions of columns and parameters.
 * @param paramsList parameters in the strategy's space, in any order; may be empty.
 * @param bars       read only; bars in shared memory are read where they lie.
 * @param options    simulation options, for every trial; what `simulate` returns for one goes before them.
 * @throws TradewrightError `BAD_STRATEGY`, `BAD_OPTION`, `UNKNOWN_NAME`.
 * @see docs/performance.md for what is fast, and how fast.
 * @example
 * ```ts
 * const list = Array.from({ length: 90 }, (_, k) => ({ fast: 5 + (k % 10), slow: 20 + Math.floor(k / 10) * 5 }))
 * const result = sweep(smaCross, list, bars, { preset: 'reference', feeBps: 10 })
 * console.log(result.metrics.sharpe[0], result.topK(3))
 * ```
 */
export function sweep<P, const Name extends MetricName = StandardMetric>(
  strategy: Strategy<P>,
  paramsList: readonly P[],
  bars: Bars,
  options: SweepOptions & { readonly metrics?: 'standard' | readonly Name[] | undefined } = {},
): SweepResult<P, Name> {
  checkStrategy(strategy)
  if (!Array.isArray(paramsList))
    throw new TradewrightError('BAD_OPTION', `a sweep needs a list of parameters, was ${shown(paramsList)}`)
  const { metrics, plainTrials } = sweepList(bindList(strategy, paramsList), bars, options)
  return createSweepResult(paramsList, metrics as Readonly<Record<Name, Float64Array>>, plainTrials)
}

/** What {@link sweepPrograms} gives: plain data. */
export interface SweepColumns {
  readonly metrics: MetricColumns
  /** Trials that the fast form left to the plain one. */
  readonly plainTrials: number
}

/**
 * A sweep over programs that are bound already: plain data in, plain data out, for workers. All programs share one node
 * table.
 *
 * @param programs bound by `strategy.bind`, or a structured clone of that.
 * @throws TradewrightError as {@link sweep}.
 */
export function sweepPrograms(programs: readonly GraphProgram[], bars: Bars, options: SweepOptions = {}): SweepColumns {
  return sweepList(listPrograms(programs), bars, options)
}

function sweepList(list: ProgramList, bars: Bars, options: SweepOptions): SweepColumns {
  const run = new SweepRun(list, bars, options)
  const columns = createMetricColumns(run.names, list.length)
  let plainTrials = 0
  if (list.length > 0) {
    const rows = run.form === undefined ? undefined : withFastMemory(run.form, (memory) => runFast(memory, run.batch()))
    for (let t = 0; t < list.length; t++) if (!run.measure(t, rows, t * ROW.size, columns, t)) plainTrials++
  }
  return { metrics: columns, plainTrials }
}
