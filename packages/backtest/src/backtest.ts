import {
  type Bars,
  createIndicatorStore,
  type GraphProgram,
  type IndicatorStore,
  type Metrics,
  type NodeRef,
  type ReturnMoments,
  type SimulationOptions,
  type Slice,
  type StandardMetrics,
} from '@tradewright/core'
import { createFastPath } from './fast-path.ts'
import { NodeGraph } from './node-graph.ts'
import { columnsKey, NodeValues, nodeBars } from './node-values.ts'
import type { Order, Trade } from './orders.ts'
import { pickMetrics, selectMetrics } from './performance.ts'
import { checkRun, checkStrategy } from './run-arguments.ts'
import { runSlice, type SliceOutcome } from './run-slice.ts'
import type { SavedStrategy } from './saved-strategy.ts'
import { resolveSimulation, type SimulationSettings } from './simulation-settings.ts'
import type { FastPath } from './slice-batch.ts'
import { distanceColumns, signalColumns } from './slice-signals.ts'
import type { Strategy } from './strategy.ts'

/** Simulation options, and which bars. */
export interface BacktestOptions extends SimulationOptions<NodeRef> {
  /** First bar that indicators may see. @default 0 */
  readonly warmupStart?: number | undefined
  /** First bar traded. @default `warmupStart` */
  readonly start?: number | undefined
  /** One past the last bar. @default the number of bars */
  readonly end?: number | undefined
  /** Whether the signals of the last bar are ignored. @default true */
  readonly final?: boolean | undefined
  /** Keeps indicators between calls. @default a store of this call's own */
  readonly indicators?: IndicatorStore | undefined
}

/** Everything one run gives. Arrays are given away. */
export interface BacktestResult<M extends Metrics = StandardMetrics> {
  /** The standard set, or those that `options.metrics` names. */
  readonly metrics: M
  readonly moments: ReturnMoments
  readonly trades: readonly Trade[]
  readonly orders: readonly Order[]
  /** shape [end - start]; equity at each close. */
  readonly equity: Float64Array
  /** shape [end - start]; equity / highest equity so far - 1, the initial cash included. 0 or below. */
  readonly drawdown: Float64Array
  /** shape [end - start]; units held at each close, negative where short. */
  readonly positions: Float64Array
  /** What the annual figures were scaled by. */
  readonly barsPerYear: number
}

/** A strategy's program for one set of parameters, and what runs need of it. */
function programOf<P>(strategy: Strategy<P> | SavedStrategy | GraphProgram, params: P): GraphProgram {
  if ('program' in strategy) return strategy.program
  return strategy.kind === 'graph' ? strategy : strategy.bind([params])[0]
}

/**
 * Runs one strategy with one set of parameters over bars, and keeps everything.
 *
 * From 131,072 bars on the metrics come from the fast path where it takes the run (equal within 1e-12), and orders,
 * trades and columns are computed when one of them is first read.
 *
 * @param strategy a strategy; or a saved one or a bound program, whose parameters are fixed: `params` is not looked at.
 * @param params   parameters in the strategy's space.
 * @param bars     read only.
 * @param options  simulation options; see docs/backtest.md for every rule.
 * @throws TradewrightError `BAD_STRATEGY`, `BAD_OPTION`, `UNKNOWN_NAME`.
 * @example
 * ```ts
 * const { metrics, trades } = backtest(smaCross, { fast: 10, slow: 30 }, bars, { preset: 'reference', feeBps: 10 })
 * ```
 */
export function backtest<P>(
  strategy: Strategy<P> | SavedStrategy | GraphProgram,
  params: P,
  bars: Bars,
  options?: BacktestOptions & { readonly metrics?: 'standard' | undefined },
): BacktestResult
export function backtest<P>(
  strategy: Strategy<P> | SavedStrategy | GraphProgram,
  params: P,
  bars: Bars,
  options: BacktestOptions,
): BacktestResult<Metrics>
export function backtest<P>(
  strategy: Strategy<P> | SavedStrategy | GraphProgram,
  params: P,
  bars: Bars,
  options: BacktestOptions = {},
): BacktestResult<Metrics> {
  checkStrategy(strategy)
  const { warmupStart, start, end, final } = checkRun('a backtest', bars, options)
  const { warmupStart: _, start: _start, end: _end, final: _final, indicators, ...simulation } = options
  const program = programOf(strategy, params)
  const settings = resolveSimulation(simulation, program.simulation, bars)
  const names = selectMetrics(program.simulation.metrics ?? simulation.metrics ?? 'standard')
  const values = new NodeValues(
    NodeGraph.of(program.table),
    nodeBars(bars, warmupStart, end),
    // A store of this call's own needs no key of the data, which would cost a hash of all bars.
    indicators === undefined ? '' : columnsKey(bars, warmupStart),
    indicators ?? createIndicatorStore(),
  )
  const run: OneRun = { program, settings, values, start, end, warmupStart, final }
  const quick = end - start >= LAZY_BARS ? quickRun(bars, run) : undefined
  if (quick === undefined) {
    const { metrics, moments, ...kept } = fullRun(run)
    return { metrics: pickMetrics(metrics, names), moments, ...kept, barsPerYear: settings.barsPerYear }
  }
  let full: FullRun | undefined
  const plain = (): FullRun => {
    full ??= fullRun(run)
    return full
  }
  return {
    metrics: pickMetrics(quick.metrics, names),
    moments: quick.moments,
    get trades() {
      return plain().trades
    },
    get orders() {
      return plain().orders
    },
    get equity() {
      return plain().equity
    },
    get drawdown() {
      return plain().drawdown
    },
    get positions() {
      return plain().positions
    },
    barsPerYear: settings.barsPerYear,
  }
}

/** From here on metrics come from the fast path, and the rest is computed when it is first read. */
const LAZY_BARS = 131_072

/** What a run needs, checked and bound. */
interface OneRun {
  readonly program: GraphProgram
  readonly settings: SimulationSettings
  readonly values: NodeValues
  readonly warmupStart: number
  readonly start: number
  readonly end: number
  readonly final: boolean
}

/** What the plain form gives. */
type FullRun = Omit<BacktestResult, 'barsPerYear'>

let fastPath: FastPath | undefined

/** Metrics by the fast path; undefined where it does not take such a run. */
function quickRun(bars: Bars, run: OneRun): SliceOutcome | undefined {
  const { program, settings, values, warmupStart, start, end, final } = run
  fastPath ??= createFastPath()
  const slice: Slice = { id: '', symbol: '', data: '', warmupStart, start, end, weight: 1, final }
  const trials = [{ program, settings, resume: undefined }]
  return fastPath({ bars, slice, values, trials, wantState: false, wantReturns: false })[0]
}

function fullRun({ program, settings, values, warmupStart, start, end, final }: OneRun): FullRun {
  const orders: Order[] = []
  const trades: Trade[] = []
  const equity = new Float64Array(end - start)
  const positions = new Float64Array(end - start)
  const { metrics, moments } = runSlice({
    prices: values.bars,
    signals: signalColumns(program, settings, values),
    distances: distanceColumns(settings, values),
    settings,
    offset: warmupStart,
    start,
    end,
    final,
    ledger: { order: (order) => orders.push(order), trade: (trade) => trades.push(trade) },
    equity,
    positions,
  })
  const drawdown = drawdownOf(equity, settings.initialCash)
  return { metrics, moments, trades, orders, equity, drawdown, positions }
}

function drawdownOf(equity: Float64Array, initialCash: number): Float64Array {
  const out = new Float64Array(equity.length)
  let peak = initialCash
  for (let i = 0; i < out.length; i++) {
    if (equity[i] > peak) peak = equity[i]
    else out[i] = equity[i] / peak - 1
  }
  return out
}
