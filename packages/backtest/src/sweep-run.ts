import {
  type Bars,
  createIndicatorStore,
  type Fingerprint,
  type MetricName,
  type NodeRef,
  type SimulationOptions,
  standardMetrics,
  unknownName,
} from '@tradewright/core'
import { type FastPlans, planFast, settingsByTrial } from './fast-plans.ts'
import { rowCounts } from './fast-results.ts'
import { ROW } from './fast-row.ts'
import type { FastBatch } from './fast-runner.ts'
import { type MetricColumns, setMetrics } from './metric-columns.ts'
import { columnsKey, NodeValues, nodeBars } from './node-values.ts'
import { computeMetrics, selectMetrics } from './performance.ts'
import { type ProgramList, programOf } from './program-list.ts'
import { checkRun, type RunRange } from './run-arguments.ts'
import { runSlice } from './run-slice.ts'
import { resolveSimulation, type SimulationSettings } from './simulation-settings.ts'
import { distanceColumns, signalColumns } from './slice-signals.ts'
import type { SweepOptions } from './sweep.ts'

const ENGINES: readonly string[] = ['fast', 'kernels', 'plain']
const OWN_STORE = 'own-store' as Fingerprint

function simulationOf(options: SweepOptions): SimulationOptions<NodeRef> {
  const { warmupStart, start, end, final, indicators, engine, ...simulation } = options
  return simulation
}

/** A sweep that was checked: what its trials are run and measured with, in whichever order and thread. */
export class SweepRun {
  /** The metrics that are asked for. */
  readonly names: readonly MetricName[]
  /** Which kernels; undefined where every trial is left to the plain form. */
  readonly form: 'wasm' | 'plain' | undefined
  readonly values: NodeValues
  readonly #list: ProgramList
  readonly #range: RunRange
  readonly #keep: boolean
  readonly #settings: (trial: number) => SimulationSettings
  #plans: FastPlans | undefined

  /** @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`, `BAD_STRATEGY`. */
  constructor(list: ProgramList, bars: Bars, options: SweepOptions) {
    const range = checkRun('a sweep', bars, options)
    const { indicators, engine = 'fast' } = options
    if (!ENGINES.includes(engine)) throw unknownName('engine', String(engine), ENGINES)
    const simulation = simulationOf(options)
    this.names = selectMetrics(simulation.metrics ?? 'standard') ?? standardMetrics
    // Wrong options are wrong for an empty list too; bars per year may come from `simulate`, which nothing has called.
    if (list.length === 0) resolveSimulation({ barsPerYear: 1, ...simulation }, {}, bars)
    this.#settings = settingsByTrial(list, (own) => resolveSimulation(simulation, own, bars))
    this.#list = list
    this.#range = range
    this.#keep = indicators !== undefined
    this.form = engine === 'plain' ? undefined : engine === 'fast' ? 'wasm' : 'plain'
    this.values = new NodeValues(
      list.graph,
      nodeBars(bars, range.warmupStart, range.end),
      // Hashing the bars costs more than many a sweep: a store of this call's own needs no key of theirs.
      indicators === undefined ? OWN_STORE : columnsKey(bars, range.warmupStart),
      indicators ?? createIndicatorStore(),
    )
  }

  /** The batch for the fast form. @param trials which. @default all */
  batch(trials?: Uint32Array): FastBatch {
    this.#plans ??= planFast(this.#list, this.#settings)
    const { start, warmupStart, final } = this.#range
    return {
      plans: this.#plans,
      trials,
      settings: this.#settings,
      values: this.values,
      keep: this.#keep,
      start: start - warmupStart,
      final,
      moments: false,
    }
  }

  /**
   * Writes a trial's metrics at `to`, from its row where the fast form gave one; else it is run by the plain form.
   *
   * @param rows the rows of the fast form, the trial's at `at`; undefined where it did not run.
   * @returns whether it was the fast form's.
   * @throws TradewrightError what the trial throws in the plain form.
   */
  measure(trial: number, rows: Float64Array | undefined, at: number, columns: MetricColumns, to: number): boolean {
    const settings = this.#settings(trial)
    const { start, end } = this.#range
    const fast = rows !== undefined && rows[at + ROW.status] === 0
    setMetrics(
      columns,
      to,
      fast ? computeMetrics(rowCounts(rows, at, end - start, settings)) : this.#plain(trial, settings),
    )
    const { metrics: own } = this.#list.simulation(trial)
    if (own !== undefined) leaveOut(columns, to, own)
    return fast
  }

  #plain(trial: number, settings: SimulationSettings): ReturnType<typeof computeMetrics> {
    const program = programOf(this.#list, trial)
    const { values } = this
    const { warmupStart, start, end, final } = this.#range
    const { metrics } = runSlice({
      prices: values.bars,
      signals: signalColumns(program, settings, values),
      distances: distanceColumns(settings, values),
      settings,
      offset: warmupStart,
      start,
      end,
      final,
    })
    values.forget()
    return metrics
  }
}

/** A trial whose `simulate` asks for certain metrics has no number in the columns of the others. */
function leaveOut(columns: MetricColumns, t: number, own: NonNullable<SimulationOptions['metrics']>): void {
  const names = selectMetrics(own)
  for (const name of Object.keys(columns) as MetricName[]) {
    const column = columns[name]
    if (column !== undefined && names !== undefined && !names.includes(name)) column[t] = Number.NaN
  }
}
