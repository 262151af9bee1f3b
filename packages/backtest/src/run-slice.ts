import {
  type Data,
  type EngineState,
  type ReturnMoments,
  type StandardMetrics,
  TradewrightError,
} from '@tradewright/core'
import { engineVersion } from './engine-version.ts'
import { type Action, CLOSE, type Ledger, NONE, noDistances, type StopDistances, targetAction } from './orders.ts'
import { computeMetrics } from './performance.ts'
import { ReturnStatistics, type ReturnStatisticsState } from './return-statistics.ts'
import type { SimulationSettings } from './simulation-settings.ts'
import { isOn, Simulator, type SimulatorState } from './simulator.ts'

/** Prices of the bars that a run sees, from its `warmupStart` on. */
export interface PriceColumns {
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
}

/** The columns of one trial's signals; a column that is undefined is never true. */
export type SignalColumns =
  | {
      readonly kind: 'events'
      readonly longEntry: Uint8Array | undefined
      readonly longExit: Uint8Array | undefined
      readonly shortEntry: Uint8Array | undefined
      readonly shortExit: Uint8Array | undefined
    }
  | { readonly kind: 'target'; readonly target: Float64Array }

/** The columns of stops that are expressions. */
export interface DistanceColumns {
  readonly stopLoss: Float64Array | undefined
  readonly takeProfit: Float64Array | undefined
  readonly trailingStop: Float64Array | undefined
}

/** One run: which bars, which signals, what to keep. Indexes of columns count from `offset`. */
export interface SliceRun {
  readonly prices: PriceColumns
  readonly signals: SignalColumns
  readonly distances: DistanceColumns
  readonly settings: SimulationSettings
  /** Index in the series of the columns' first row. */
  readonly offset: number
  /** First bar traded and one past the last, as indexes in the series. */
  readonly start: number
  readonly end: number
  /** Whether the signals of the last bar are ignored. */
  readonly final: boolean
  readonly resume?: EngineState | undefined
  readonly wantState?: boolean | undefined
  readonly wantReturns?: boolean | undefined
  readonly ledger?: Ledger | undefined
  /** shape [end - start]; filled with equity at each close. */
  readonly equity?: Float64Array | undefined
  /** shape [end - start]; filled with units held at each close. */
  readonly positions?: Float64Array | undefined
}

/** What a run gives. */
export interface SliceOutcome {
  readonly metrics: StandardMetrics
  readonly moments: ReturnMoments
  readonly state: EngineState | undefined
  readonly returns: Float64Array | undefined
  /** Bars simulated here: fewer than the slice has where a state was resumed. */
  readonly barsRun: number
}

/** What {@link EngineState.data} holds. */
interface RunState {
  readonly start: number
  readonly stopped: boolean
  readonly simulator: SimulatorState
  readonly statistics: ReturnStatisticsState
  /** Returns of the bars before; empty unless they were wanted. */
  readonly returns: Float64Array | undefined
}

/** Whether `state` was taken within these bars by this engine, in a run from the same start. */
export function isStateOf(state: EngineState | undefined, start: number, end: number): state is EngineState {
  if (state === undefined || state.version !== engineVersion || state.bar < start || state.bar >= end) return false
  return (state.data as unknown as RunState).start === start
}

/** The state to continue from, or undefined where it belongs to another engine, range or wish: then the run is whole. */
function usable(run: SliceRun): { readonly bar: number; readonly data: RunState } | undefined {
  const { resume, start, end } = run
  if (!isStateOf(resume, start, end) || run.ledger !== undefined) return undefined
  const data = resume.data as unknown as RunState
  if (data.simulator === undefined) return undefined
  if (run.wantReturns === true && data.returns === undefined) return undefined
  return { bar: resume.bar, data }
}

/**
 * Simulates one trial over one slice, bar by bar: the plain form that every fast path is held equal to.
 *
 * The state is taken on the last bar after its stops and before its orders, so that it does not depend on `final`.
 */
export function runSlice(run: SliceRun): SliceOutcome {
  const { prices, settings, offset, start, end, final } = run
  if (end <= start)
    throw new TradewrightError('BAD_OPTION', `a run needs at least one bar, was ${start} to ${end}`, { start, end })
  const { open, high, low, close } = prices
  const simulator = new Simulator(settings, run.ledger)
  const statistics = new ReturnStatistics(settings.initialCash)
  const actionOf = actionReader(run, simulator)
  const distancesOf = distanceReader(run.distances)
  const atClose = settings.fill === 'close'
  const length = end - start
  const returns = run.wantReturns === true ? new Float64Array(length) : undefined

  const resumed = usable(run)
  let bar = start
  let stopped = false
  if (resumed !== undefined) {
    simulator.restore(resumed.data.simulator)
    statistics.restore(resumed.data.statistics)
    stopped = resumed.data.stopped
    bar = resumed.bar
    if (returns !== undefined && resumed.data.returns !== undefined) returns.set(resumed.data.returns)
  }
  const barsRun = end - bar
  let skipStops = resumed !== undefined
  let state: EngineState | undefined
  const quiet = quietBars(run, simulator, statistics, returns)
  const lastQuiet = run.wantState === true ? end - 1 : end
  for (; bar < end; bar++) {
    if (!skipStops) {
      bar = quiet(bar, lastQuiet)
      if (bar === end) break
    }
    const i = bar - offset
    if (skipStops) skipStops = false
    else stopped = simulator.stops(bar, open[i], high[i], low[i])
    if (run.wantState === true && bar === end - 1) state = saveRun(run, bar, stopped, simulator, statistics, returns)
    const due = atClose ? bar : bar - 1
    if (!stopped && due >= start && !(final && due === end - 1)) {
      const action = actionOf(due)
      if (action.type !== 'none') {
        simulator.act(action, bar, atClose ? close[i] : open[i], distancesOf(due - offset))
        if (!atClose) simulator.ruin(bar, high[i])
      }
    }
    const equity = simulator.mark(close[i])
    const x = statistics.add(equity, simulator.position !== 0)
    const k = bar - start
    if (returns !== undefined) returns[k] = x
    if (run.equity !== undefined) run.equity[k] = equity
    if (run.positions !== undefined) run.positions[k] = simulator.position
  }
  const open_ = simulator.openTrade(end - 1)
  if (open_ !== undefined) run.ledger?.trade(open_)
  return {
    metrics: measure(simulator, statistics),
    moments: statistics.moments(),
    state,
    returns,
    barsRun,
  }
}

/** Finds the rows where a column is true, in ascending order. */
class NextTrue {
  readonly #column: Uint8Array | undefined
  #next = -1

  constructor(column: Uint8Array | undefined) {
    this.#column = column
  }

  /** The first row from `from` on; Infinity where there is none. */
  from(from: number): number {
    if (this.#next >= from) return this.#next
    const found = this.#column === undefined ? -1 : this.#column.indexOf(1, from)
    this.#next = found < 0 ? Number.POSITIVE_INFINITY : found
    return this.#next
  }
}

/**
 * Passes over bars on which nothing can happen: no signal is due that this position could act on, and there is no stop
 * to test. What it does is what the bar-by-bar loop would do, in fewer steps.
 *
 * @returns from the bar it stands on, the first that needs the loop, at most `limit`.
 */
function quietBars(
  run: SliceRun,
  simulator: Simulator,
  statistics: ReturnStatistics,
  returns: Float64Array | undefined,
): (bar: number, limit: number) => number {
  const { signals, settings, offset, start, prices } = run
  if (signals.kind === 'target') return (bar) => bar
  const on = {
    longEntry: new NextTrue(signals.longEntry),
    longExit: new NextTrue(signals.longExit),
    shortEntry: new NextTrue(signals.shortEntry),
    shortExit: new NextTrue(signals.shortExit),
  }
  const { stopLoss, takeProfit, trailingStop } = settings
  const tested = settings.timeStopBars > 0 || isOn(stopLoss) || isOn(takeProfit) || isOn(trailingStop)
  const delay = offset + (settings.fill === 'close' ? 0 : 1) // a bar's orders come from the signals of row bar - delay
  return (bar, limit) => {
    const { position } = simulator
    if (position !== 0 && (tested || (position < 0 && settings.liquidation))) return bar
    const row = Math.max(bar - delay, 0)
    const due =
      position === 0
        ? Math.min(on.longEntry.from(row), on.shortEntry.from(row))
        : position > 0
          ? Math.min(on.longExit.from(row), on.shortEntry.from(row))
          : Math.min(on.shortExit.from(row), on.longEntry.from(row))
    const to = Math.min(due + delay, limit)
    if (to <= bar) return bar
    if (position === 0) {
      statistics.addFlat(to - bar)
      run.equity?.fill(statistics.equity, bar - start, to - start)
    } else
      simulator.hold(statistics, {
        close: prices.close,
        from: bar - offset,
        to: to - offset,
        equity: run.equity,
        returns,
        at: bar - start,
      })
    run.positions?.fill(position, bar - start, to - start)
    return to
  }
}

/** Metrics of a simulation as it stands. */
export function measure(simulator: Simulator, statistics: ReturnStatistics): StandardMetrics {
  const { settings } = simulator
  return computeMetrics({
    initialCash: settings.initialCash,
    barsPerYear: settings.barsPerYear,
    bars: statistics.bars,
    finalEquity: statistics.equity,
    mean: statistics.mean,
    variance: statistics.variance,
    downsideDeviation: statistics.downsideDeviation,
    maxDrawdown: statistics.drawdown,
    barsHeld: statistics.barsHeld,
    trades: simulator.trades,
    closedTrades: simulator.closedTrades,
    wonTrades: simulator.wonTrades,
    pnl: simulator.pnl,
    won: simulator.won,
    lost: simulator.lost,
    fees: simulator.fees,
    traded: simulator.traded,
  })
}

function saveRun(
  run: SliceRun,
  bar: number,
  stopped: boolean,
  simulator: Simulator,
  statistics: ReturnStatistics,
  returns: Float64Array | undefined,
): EngineState {
  const data: RunState = {
    start: run.start,
    stopped,
    simulator: simulator.save(),
    statistics: statistics.save(),
    returns: returns?.slice(0, bar - run.start),
  }
  return { version: engineVersion, bar, data: data as unknown as Data }
}

/** Reads what the signals of a bar (an index in the series) ask for. */
function actionReader(run: SliceRun, simulator: Simulator): (bar: number) => Action {
  const { signals, offset, start, settings } = run
  if (signals.kind === 'target') {
    const { target } = signals
    return (bar) => {
      if (simulator.timeIsUp(bar)) return CLOSE
      return targetAction(target[bar - offset], bar > start ? target[bar - 1 - offset] : NaN, settings.direction)
    }
  }
  const { longEntry, longExit, shortEntry, shortExit } = signals
  const timed = settings.timeStopBars > 0
  const at = (column: Uint8Array | undefined, i: number): boolean => column !== undefined && column[i] === 1
  return (bar) => {
    const i = bar - offset
    const le = at(longEntry, i)
    const lx = at(longExit, i)
    const se = at(shortEntry, i)
    const sx = at(shortExit, i)
    return le || lx || se || sx || timed ? simulator.wanted(bar, le, lx, se, sx) : NONE
  }
}

function distanceReader(columns: DistanceColumns): (i: number) => StopDistances {
  const { stopLoss, takeProfit, trailingStop } = columns
  if (stopLoss === undefined && takeProfit === undefined && trailingStop === undefined) return () => noDistances
  const at = (column: Float64Array | undefined, i: number): number => (column === undefined ? NaN : column[i])
  return (i) => ({ stopLoss: at(stopLoss, i), takeProfit: at(takeProfit, i), trailingStop: at(trailingStop, i) })
}
