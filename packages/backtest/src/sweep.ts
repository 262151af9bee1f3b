import {
  type Bars,
  createIndicatorStore,
  type Fingerprint,
  type GraphProgram,
  type IndicatorStore,
  type MetricName,
  type NodeRef,
  type SimulationOptions,
  type StandardMetric,
  type StandardMetrics,
  standardMetrics,
  TradewrightError,
  unknownName,
} from '@tradewright/core'
import { ROW, runFast } from './fast-batch.ts'
import { withFastMemory } from './fast-memory.ts'
import { rowCounts } from './fast-results.ts'
import { createMetricColumns, type MetricColumns, setMetrics } from './metric-columns.ts'
import { NodeGraph } from './node-graph.ts'
import { columnsKey, NodeValues, nodeBars } from './node-values.ts'
import { computeMetrics, selectMetrics } from './performance.ts'
import { checkRun, checkStrategy, shown } from './run-arguments.ts'
import { runSlice } from './run-slice.ts'
import { resolveSimulation, type SimulationSettings } from './simulation-settings.ts'
import { distanceColumns, signalColumns } from './slice-signals.ts'
import type { Strategy } from './strategy.ts'
import { createSweepResult, type SweepResult } from './sweep-result.ts'

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
  const { metrics, plainTrials } = sweepPrograms(strategy.bind(paramsList), bars, options)
  return createSweepResult(paramsList, metrics as Readonly<Record<Name, Float64Array>>, plainTrials)
}

const ENGINES: readonly string[] = ['fast', 'kernels', 'plain']
const OWN_STORE = 'own-store' as Fingerprint

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
  const { warmupStart, start, end, final } = checkRun('a sweep', bars, options)
  const { indicators, engine = 'fast' } = options
  if (!ENGINES.includes(engine)) throw unknownName('engine', String(engine), ENGINES)
  const simulation = simulationOf(options)
  const names = selectMetrics(simulation.metrics ?? 'standard') ?? standardMetrics
  const columns = createMetricColumns(names, programs.length)
  if (programs.length === 0) {
    // Wrong options are wrong for an empty list too; bars per year may come from `simulate`, which nothing has called.
    resolveSimulation({ barsPerYear: 1, ...simulation }, {}, bars)
    return { metrics: columns, plainTrials: 0 }
  }
  const settings = resolveAll(programs, simulation, bars)
  const values = new NodeValues(
    NodeGraph.of(programs[0].table),
    nodeBars(bars, warmupStart, end),
    // Hashing the bars costs more than many a sweep: a store of this call's own needs no key of theirs.
    indicators === undefined ? OWN_STORE : columnsKey(bars, warmupStart),
    indicators ?? createIndicatorStore(),
  )
  const rows =
    engine === 'plain'
      ? undefined
      : withFastMemory(engine === 'fast' ? 'wasm' : 'plain', (memory) =>
          runFast(memory, {
            programs,
            settings,
            values,
            keep: indicators !== undefined,
            start: start - warmupStart,
            final,
            moments: false,
          }),
        )
  let plainTrials = 0
  for (let t = 0; t < programs.length; t++) {
    const at = t * ROW.size
    const fast = rows !== undefined && rows[at + ROW.status] === 0
    if (!fast) plainTrials++
    const measured = fast
      ? computeMetrics(rowCounts(rows, at, end - start, settings[t]))
      : runPlain(programs[t], settings[t], values, { warmupStart, start, end, final })
    setMetrics(columns, t, measured)
    const { metrics: own } = programs[t].simulation
    if (own !== undefined) leaveOut(columns, t, own)
  }
  return { metrics: columns, plainTrials }
}

/** A trial whose `simulate` asks for certain metrics has no number in the columns of the others. */
function leaveOut(columns: MetricColumns, t: number, own: NonNullable<SimulationOptions['metrics']>): void {
  const names = selectMetrics(own)
  for (const name of Object.keys(columns) as MetricName[]) {
    const column = columns[name]
    if (column !== undefined && names !== undefined && !names.includes(name)) column[t] = Number.NaN
  }
}

interface Range {
  readonly warmupStart: number
  readonly start: number
  readonly end: number
  readonly final: boolean
}

function runPlain(
  program: GraphProgram,
  settings: SimulationSettings,
  values: NodeValues,
  range: Range,
): StandardMetrics {
  const { metrics } = runSlice({
    prices: values.bars,
    signals: signalColumns(program, settings, values),
    distances: distanceColumns(settings, values),
    settings,
    offset: range.warmupStart,
    start: range.start,
    end: range.end,
    final: range.final,
  })
  values.forget()
  return metrics
}

/** Settings of every trial; trials whose `simulate` says nothing share one object. */
function resolveAll(
  programs: readonly GraphProgram[],
  simulation: SimulationOptions<NodeRef>,
  bars: Bars,
): readonly SimulationSettings[] {
  let last: SimulationOptions<NodeRef> | undefined
  let settings: SimulationSettings | undefined
  return programs.map((program) => {
    if (settings === undefined || program.simulation !== last) {
      settings = resolveSimulation(simulation, program.simulation, bars)
      last = program.simulation
    }
    return settings
  })
}

function simulationOf(options: SweepOptions): SimulationOptions<NodeRef> {
  const { warmupStart, start, end, final, indicators, engine, ...simulation } = options
  return simulation
}
