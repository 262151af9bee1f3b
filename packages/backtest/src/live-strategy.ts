import {
  type Bars,
  contentKey,
  type Data,
  type GraphProgram,
  type NodeRef,
  parseTimeframe,
  type SimulationOptions,
  type Sizing,
  TradewrightError,
} from '@tradewright/core'
import { NodeGraph } from './node-graph.ts'
import type { LiveBar } from './node-steps.ts'
import { NodeStream } from './node-stream.ts'
import { type Action, noDistances, type StopDistances, targetAction } from './orders.ts'
import { programKey } from './program-key.ts'
import { programRoots } from './reachable.ts'
import { shown } from './run-arguments.ts'
import { type EventRef, planSignals, type SignalPlan } from './signal-plan.ts'
import { resolveSimulation, type SimulationSettings, type StopSetting } from './simulation-settings.ts'
import { Simulator, type SimulatorState } from './simulator.ts'

/** Simulation options of a live run, and the bars' timeframe. */
export interface StreamOptions extends SimulationOptions<NodeRef> {
  /** Timeframe of the bars that will come: `tf` needs it to close larger bars in time. @default that of `warmUp`'s bars */
  readonly timeframe?: string | undefined
}

/** How far from the entry's fill price (from the best price since, for a trailing stop). */
export type LiveStop =
  | { readonly type: 'fraction'; readonly fraction: number }
  /** In price units. */
  | { readonly type: 'distance'; readonly distance: number }

/**
 * An order to make, as a rule: its size follows from cash, position and fill price, which are not known yet.
 *
 * `open` buys or sells short from flat; `reverse` closes the position and opens the other side in one order; `close`
 * closes all of it; `adjust` goes to `sizing.target` of the account's worth.
 */
export interface Intent {
  readonly action: 'open' | 'reverse' | 'close' | 'adjust'
  readonly side: 'buy' | 'sell'
  readonly sizing: Sizing | { readonly type: 'close' } | { readonly type: 'target'; readonly target: number }
  /** Where the simulator fills it: at this bar's close or at the next bar's open. */
  readonly fill: 'close' | 'nextOpen'
  readonly stop?: LiveStop
  readonly takeProfit?: LiveStop
  readonly trailingStop?: LiveStop
}

/** What a bar gives. */
export interface LiveStep {
  /** Each signal of the strategy at this bar: true or false, a number for `target`. */
  readonly signals: Readonly<Record<string, boolean | number>>
  /** Orders to make now: none or one. Stops are part of the intent that opens a position and give no intent. */
  readonly intents: readonly Intent[]
  /** Whether every indicator has all the bars it needs. Intents come whether or not; in a warm-up there are hardly any. */
  readonly ready: boolean
  /** Units that the simulated account holds after this bar, negative where short. */
  readonly position: number
}

/** A strategy bar by bar: the same graph as in a backtest, and the same signals to the last bit. */
export interface LiveStrategy {
  /** Bars that indicators see and that are not traded: like a backtest's bars from `warmupStart` to `start`. */
  warmUp(bars: Bars): void
  /**
   * The next bar.
   *
   * @throws TradewrightError `BAD_DATA` for a timestamp that is not after the last one, or a column that is no number
   *   (NaN is one).
   */
  push(bar: LiveBar): LiveStep
  /** Everything as plain data, safe for structured clone: indicators, position, pending order. */
  save(): Data
  /** @throws TradewrightError `BAD_DATA` for a state of another strategy, other options or another version. */
  restore(state: Data): void
}

/** The intent of an action in a position; undefined where there is nothing to do. */
function intentOf(
  action: Action,
  position: number,
  distances: StopDistances,
  settings: SimulationSettings,
): Intent | undefined {
  const { fill, sizing } = settings
  switch (action.type) {
    case 'none':
      return undefined
    case 'close':
      return { action: 'close', side: position > 0 ? 'sell' : 'buy', sizing: { type: 'close' }, fill }
    case 'target': {
      const side = action.target > 0 || (action.target === 0 && position < 0) ? 'buy' : 'sell'
      return { action: 'adjust', side, sizing: action, fill, ...liveStops(settings, distances) }
    }
    case 'long':
    case 'short': {
      const side = action.type === 'long' ? 'buy' : 'sell'
      const kind = position === 0 ? 'open' : 'reverse'
      return { action: kind, side, sizing, fill, ...liveStops(settings, distances) }
    }
    default:
      return action satisfies never
  }
}

function liveStops(
  settings: SimulationSettings,
  distances: StopDistances,
): Pick<Intent, 'stop' | 'takeProfit' | 'trailingStop'> {
  const one = (setting: StopSetting, distance: number): LiveStop | undefined => {
    if (setting.fraction === setting.fraction) return { type: 'fraction', fraction: setting.fraction }
    return distance > 0 ? { type: 'distance', distance } : undefined
  }
  const stop = one(settings.stopLoss, distances.stopLoss)
  const takeProfit = one(settings.takeProfit, distances.takeProfit)
  const trailingStop = one(settings.trailingStop, distances.trailingStop)
  return {
    ...(stop === undefined ? {} : { stop }),
    ...(takeProfit === undefined ? {} : { takeProfit }),
    ...(trailingStop === undefined ? {} : { trailingStop }),
  }
}

const BAR_COLUMNS = ['open', 'high', 'low', 'close', 'volume'] as const

/** A price that came as text would be joined, not added. */
function checkBar(bar: LiveBar): void {
  if (typeof bar !== 'object' || bar === null)
    throw new TradewrightError('BAD_DATA', `a bar must be an object of numbers, was ${shown(bar)}`)
  for (const name of BAR_COLUMNS)
    if (typeof bar[name] !== 'number')
      throw new TradewrightError('BAD_DATA', `a bar's ${name} must be a number, was ${typeof bar[name]}`, { name })
}

/** What an account's state depends on. Nodes are in the program's key, whatever their numbers are. */
function settingsKey({ barsPerYear: _, ...settings }: SimulationSettings): string {
  const stop = ({ fraction, node }: StopSetting): Data => ({ fraction, distance: node >= 0 })
  const { stopLoss, takeProfit, trailingStop } = settings
  return contentKey({
    ...settings,
    stopLoss: stop(stopLoss),
    takeProfit: stop(takeProfit),
    trailingStop: stop(trailingStop),
  } as unknown as Data)
}

/** Whether plain data has the keys and types of `model`. */
function hasShape(data: unknown, model: unknown): boolean {
  if (typeof model !== 'object' || model === null) return typeof data === typeof model
  if (typeof data !== 'object' || data === null) return false
  return Object.entries(model).every(([key, value]) => hasShape((data as Record<string, unknown>)[key], value))
}

function isPending(data: unknown): boolean {
  if (!hasShape(data, { action: { type: '' }, distances: noDistances })) return false
  const { type, target } = (data as { action: { type: string; target?: unknown } }).action
  return ACTIONS.includes(type) && (type !== 'target' || typeof target === 'number')
}

const ACTIONS: readonly string[] = ['none', 'long', 'short', 'close', 'target']

class GraphStream implements LiveStrategy {
  readonly #program: GraphProgram
  readonly #graph: NodeGraph
  readonly #roots: readonly number[]
  readonly #settings: SimulationSettings
  readonly #plan: SignalPlan
  readonly #simulator: Simulator
  #timeframe: string | undefined
  #nodes: NodeStream | undefined
  #timestamp = Number.NEGATIVE_INFINITY
  /** Bars pushed, without the warm-up. */
  #bars = 0
  /** The order of the last bar's signals, where it fills at the next open. */
  #pending: { readonly action: Action; readonly distances: StopDistances } | undefined
  /** Last value of a target signal. */
  #target = NaN

  constructor(program: GraphProgram, options: StreamOptions) {
    if (typeof options !== 'object' || options === null)
      throw new TradewrightError('BAD_OPTION', `options must be an object, was ${shown(options)}`)
    const { timeframe, ...simulation } = options
    if (timeframe !== undefined) parseTimeframe(timeframe)
    this.#program = program
    this.#graph = NodeGraph.of(program.table)
    this.#roots = programRoots(program)
    // Bars per year scale only annual figures, of which a stream gives none.
    this.#settings = resolveSimulation(simulation, program.simulation, {
      barsPerYear: 1,
      timeframe,
      calendar: undefined,
    })
    this.#plan = planSignals(program.signals, this.#settings.direction)
    this.#simulator = new Simulator(this.#settings)
    this.#timeframe = timeframe
  }

  #stream(): NodeStream {
    this.#nodes ??= new NodeStream(this.#graph, this.#roots, this.#timeframe)
    return this.#nodes
  }

  warmUp(bars: Bars): void {
    if (!(bars?.timestamp instanceof Float64Array))
      throw new TradewrightError('BAD_OPTION', `warmUp takes bars as createBars gives them, was ${typeof bars}`)
    if (this.#bars > 0)
      throw new TradewrightError('BAD_OPTION', `warmUp comes before the first push, was called after ${this.#bars}`)
    if (this.#nodes === undefined) this.#timeframe ??= bars.timeframe
    const stream = this.#stream()
    for (let i = 0; i < bars.length; i++) {
      const bar = {
        timestamp: bars.timestamp[i],
        open: bars.open[i],
        high: bars.high[i],
        low: bars.low[i],
        close: bars.close[i],
        volume: bars.volume[i],
      }
      this.#checkTime(bar.timestamp)
      stream.push(bar)
    }
  }

  #checkTime(timestamp: number): void {
    if (!(timestamp > this.#timestamp))
      throw new TradewrightError('BAD_DATA', `bars must come in time, was ${timestamp} after ${this.#timestamp}`, {
        timestamp,
        last: this.#timestamp,
      })
    this.#timestamp = timestamp
  }

  push(bar: LiveBar): LiveStep {
    checkBar(bar)
    this.#checkTime(bar.timestamp)
    const simulator = this.#simulator
    const atClose = this.#settings.fill === 'close'
    const index = this.#bars
    const stopped = simulator.stops(index, bar.open, bar.high, bar.low)
    const pending = this.#pending
    if (pending !== undefined && !stopped) {
      simulator.act(pending.action, index, bar.open, pending.distances)
      simulator.ruin(index, bar.high)
    }
    const stream = this.#stream()
    stream.push(bar)
    const action = this.#action(index)
    const distances = action.type === 'none' ? noDistances : this.#distances()
    const due = atClose && stopped ? undefined : intentOf(action, simulator.position, distances, this.#settings)
    if (atClose && due !== undefined) simulator.act(action, index, bar.close, distances)
    this.#pending = !atClose && action.type !== 'none' ? { action, distances } : undefined
    simulator.mark(bar.close)
    this.#bars++
    return {
      signals: this.#signals(),
      intents: due === undefined ? [] : [due],
      ready: stream.ready,
      position: simulator.position,
    }
  }

  #signals(): Readonly<Record<string, boolean | number>> {
    const stream = this.#stream()
    return Object.fromEntries(
      Object.entries(this.#program.signals).map(([name, node]) => [
        name,
        this.#graph.kind(node) === 'boolean' ? stream.value(node) === 1 : stream.value(node),
      ]),
    )
  }

  #action(index: number): Action {
    const plan = this.#plan
    const stream = this.#stream()
    if (plan.kind === 'target') {
      const before = this.#target
      this.#target = stream.value(plan.node)
      if (this.#simulator.timeIsUp(index)) return { type: 'close' }
      return targetAction(this.#target, before, this.#settings.direction)
    }
    const at = (event: EventRef | undefined): boolean =>
      event !== undefined && (stream.value(event.node) === 1) !== event.negate
    return this.#simulator.wanted(index, at(plan.longEntry), at(plan.longExit), at(plan.shortEntry), at(plan.shortExit))
  }

  #distances(): StopDistances {
    const { stopLoss, takeProfit, trailingStop } = this.#settings
    const at = ({ node }: StopSetting): number => (node < 0 ? NaN : this.#stream().value(node))
    return { stopLoss: at(stopLoss), takeProfit: at(takeProfit), trailingStop: at(trailingStop) }
  }

  save(): Data {
    return {
      format: 'tradewright-stream',
      version: 1,
      program: programKey(this.#program),
      settings: settingsKey(this.#settings),
      timeframe: this.#timeframe,
      nodes: this.#stream().save(),
      simulator: this.#simulator.save() as unknown as Data,
      timestamp: this.#timestamp,
      bars: this.#bars,
      pending: this.#pending as unknown as Data,
      target: this.#target,
    }
  }

  restore(state: Data): void {
    const saved = state as Readonly<Record<string, Data>> | null | undefined
    const refuse = (why: string): TradewrightError =>
      new TradewrightError('BAD_DATA', `a live strategy's state must be one it saved, ${why}`)
    if (typeof saved !== 'object' || saved === null || saved.format !== 'tradewright-stream') throw refuse('was not')
    if (saved.version !== 1 || saved.program !== programKey(this.#program))
      throw refuse('was saved by another strategy, other parameters or another version')
    if (saved.settings !== settingsKey(this.#settings)) throw refuse('was saved with other options')
    const { timeframe, simulator, timestamp, bars, pending, target } = saved
    if (
      !(timeframe === undefined || typeof timeframe === 'string') ||
      typeof timestamp !== 'number' ||
      !(Number.isInteger(bars) && (bars as number) >= 0) ||
      typeof target !== 'number' ||
      !hasShape(simulator, this.#simulator.save()) ||
      !(pending === undefined || isPending(pending))
    )
      throw refuse('was damaged')
    const nodes = new NodeStream(this.#graph, this.#roots, timeframe)
    nodes.restore(saved.nodes)
    this.#nodes = nodes
    this.#timeframe = timeframe
    this.#simulator.restore(simulator as unknown as SimulatorState)
    this.#timestamp = timestamp
    this.#bars = saved.bars as number
    this.#pending = saved.pending as never
    this.#target = saved.target as number
  }
}

/**
 * A bound strategy, bar by bar.
 *
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME` (options), `BAD_STRATEGY` (signals that cannot trade in this
 *   direction), `NOT_AVAILABLE` (a user's indicator that is not loaded).
 */
export function streamProgram(program: GraphProgram, options: StreamOptions = {}): LiveStrategy {
  return new GraphStream(program, options)
}
