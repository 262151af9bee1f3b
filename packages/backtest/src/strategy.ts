import {
  type Data,
  defineSpace,
  type ErrorData,
  type GraphProgram,
  isTradewrightError,
  type NodeRef,
  type Params,
  type ParamsOf,
  type SimulationOptions,
  type Space,
  type SpaceShape,
  TradewrightError,
  toErrorData,
} from '@tradewright/core'
import { withGraph } from './ambient.ts'
import { columnsOf } from './bound-columns.ts'
import type { Columns } from './columns.ts'
import { type BooleanExpr, type Expr, isExpr, nodeOf } from './expression.ts'
import { type LiveStrategy, type StreamOptions, streamProgram } from './live-strategy.ts'
import { NodeGraph } from './node-graph.ts'
import { createParamsCheck } from './params-check.ts'
import { listPrograms, type ProgramList, ProgramListBuilder } from './program-list.ts'
import { shown } from './run-arguments.ts'
import { saveProgram } from './saved-strategy.ts'
import { signalKind } from './signal-names.ts'
import { checkSimulationKeys } from './simulation-settings.ts'

/** Events: an order where one is true. Short signals without names of their own: see docs/strategies.md. */
export interface EventSignals {
  readonly entry?: BooleanExpr | undefined
  readonly exit?: BooleanExpr | undefined
  readonly shortEntry?: BooleanExpr | undefined
  readonly shortExit?: BooleanExpr | undefined
}

/** States: a position held while one is true. */
export interface StateSignals {
  readonly long?: BooleanExpr | undefined
  readonly short?: BooleanExpr | undefined
}

/** A target position from -1 (short with everything) to 1 (long with everything); an order where it changes. */
export interface TargetSignals {
  readonly target: Expr
}

/** What `signals` returns. */
export type Signals = EventSignals | StateSignals | TargetSignals

/** What {@link defineStrategy} takes. */
export interface StrategyDefinition<Shape extends SpaceShape> {
  readonly name: string
  /** Parameters, made by `int`, `float`, `choice`, `bool`, `oneOf`. */
  readonly params: Shape
  /** Parameters for which this is false are never tried. Pure. */
  readonly where?: ((params: ParamsOf<Shape>) => boolean) | undefined
  /** Which signals: pure, called once per trial with symbolic columns and concrete parameters. */
  signals(columns: Columns, params: ParamsOf<Shape>): Signals
  /** Simulation options of this trial, over preset and request. Pure. Stops may be `{ distance: Expr }`. */
  simulate?(columns: Columns, params: ParamsOf<Shape>): SimulationOptions<Expr>
}

/** What became of one set of parameters: see {@link Strategy.tryBind}. */
export type Binding =
  | { readonly status: 'bound'; readonly program: GraphProgram }
  | { readonly status: 'failed'; readonly error: ErrorData }

/** A strategy: its parameters, and how to bind them. */
export interface Strategy<P = Params> {
  readonly kind: 'strategy'
  readonly name: string
  readonly space: Space<P>
  /**
   * Binds every set of parameters into one node table: equal subexpressions are one node over the whole list.
   *
   * @returns programs in the order of the list, all with the same `table`.
   * @throws TradewrightError `UNKNOWN_NAME` / `BAD_OPTION` (parameters outside the space), `BAD_STRATEGY` (`signals`
   *   threw, returned something else than signals, or is impure: the first set is bound twice to see it).
   */
  bind(paramsList: readonly P[]): readonly GraphProgram[]
  /** As `bind`, but a set that fails gives its error and the others go on. Impurity still throws. */
  tryBind(paramsList: readonly P[]): readonly Binding[]
  /** Binds one set of parameters and runs it bar by bar. */
  stream(params: P, options?: StreamOptions): LiveStrategy
  /** Binds one set of parameters and gives it as plain data that survives JSON: see `parseStrategy`. */
  save(params: P, options?: StreamOptions): Data
}

/** What of a program differs between sets of parameters. */
type BoundParts = Pick<GraphProgram, 'signals' | 'simulation'>
type Bound = [signals: BoundParts['signals'], simulation: BoundParts['simulation']]

/** The set by whose nodes room is made for all, and the most. */
const MEASURED = 2
const MOST_RESERVED = 1 << 20

const NO_SIMULATION: SimulationOptions<NodeRef> = Object.freeze({})

function badStrategy(name: string, rule: string, details: Readonly<Record<string, unknown>>): TradewrightError {
  return new TradewrightError('BAD_STRATEGY', `strategy '${name}': ${rule}`, { strategy: name, ...details })
}

/** Anything thrown by the user's functions, with the strategy and the parameters it was thrown for. */
function thrown(name: string, where: string, params: unknown, cause: unknown): TradewrightError {
  const text = isTradewrightError(cause) || cause instanceof Error ? cause.message : String(cause)
  const error = badStrategy(name, `${where} threw for ${JSON.stringify(params)}: ${text}`, { params, where })
  return new TradewrightError(error.code, error.message.slice(`[${error.code}] `.length), error.details, { cause })
}

/** The nodes of the signals that `signals` returned. */
function signalNodes(name: string, graph: NodeGraph, signals: Signals): Readonly<Record<string, number>> {
  if (typeof signals !== 'object' || signals === null || isExpr(signals))
    throw badStrategy(name, 'signals must return an object of signals, as { entry, exit }', {})
  const nodes: Record<string, number> = {}
  let forms = 0
  for (const key in signals) {
    const value = (signals as Readonly<Record<string, unknown>>)[key]
    if (value === undefined) continue
    const { form, kind } = signalKind(key)
    forms |= form
    nodes[key] = nodeOf(graph, value, kind, key)
  }
  if (forms === 0) throw badStrategy(name, 'signals must return at least one signal, returned none', {})
  if ((forms & (forms - 1)) !== 0)
    throw badStrategy(
      name,
      `signals must be events (entry, exit, shortEntry, shortExit), states (long, short) or a target, not a mixture, was ${Object.keys(nodes).join(', ')}`,
      { signals: Object.keys(nodes) },
    )
  return nodes
}

/** The simulation options with expressions as node references. */
function simulationNodes(graph: NodeGraph, options: SimulationOptions<Expr>): SimulationOptions<NodeRef> {
  if (options !== undefined && (typeof options !== 'object' || options === null || isExpr(options)))
    throw new TradewrightError(
      'BAD_STRATEGY',
      `simulate must return an object of simulation options, was ${shown(options)}`,
    )
  checkSimulationKeys(options)
  const out: Record<string, unknown> = {}
  for (const key in options) {
    const value = (options as Readonly<Record<string, unknown>>)[key]
    if (value === undefined) continue
    const distance = typeof value === 'object' && value !== null && 'distance' in value ? value.distance : undefined
    out[key] =
      distance === undefined ? value : { distance: { node: nodeOf(graph, distance, 'value', `${key}.distance`) } }
  }
  return out as SimulationOptions<NodeRef>
}

class DefinedStrategy<Shape extends SpaceShape> implements Strategy<ParamsOf<Shape>> {
  readonly kind = 'strategy'
  readonly name: string
  readonly space: Space<ParamsOf<Shape>>
  readonly #definition: StrategyDefinition<Shape>
  readonly #check: (params: ParamsOf<Shape>) => void

  constructor(definition: StrategyDefinition<Shape>) {
    this.name = definition.name
    this.space = defineSpace(definition.params, { where: definition.where })
    this.#definition = definition
    this.#check = createParamsCheck(this.space)
  }

  bind(paramsList: readonly ParamsOf<Shape>[]): readonly GraphProgram[] {
    const graph = new NodeGraph()
    const programs: GraphProgram[] = []
    this.#each(graph, paramsList, (signals, simulation) => {
      programs.push({ kind: 'graph', strategy: this.name, table: graph.table, signals, simulation })
    })
    return programs
  }

  bindList(paramsList: readonly ParamsOf<Shape>[]): ProgramList {
    const graph = new NodeGraph()
    const builder = new ProgramListBuilder(this.name, graph, paramsList.length)
    this.#each(graph, paramsList, (signals, simulation) => builder.add(signals, simulation))
    return builder.done()
  }

  #each(graph: NodeGraph, paramsList: readonly ParamsOf<Shape>[], take: (...bound: Bound) => void): void {
    withGraph(graph, () => {
      const columns = columnsOf(graph)
      let before = 0
      for (let index = 0; index < paramsList.length; index++) {
        const { signals, simulation } = this.#one(graph, columns, paramsList[index], index === 0)
        take(signals, simulation)
        // What the third set adds, the others will add too: room for it at once instead of doubling by doubling.
        if (index === MEASURED) graph.reserve(Math.min(MOST_RESERVED, (graph.size - before) * paramsList.length))
        before = graph.size
      }
    })
  }

  tryBind(paramsList: readonly ParamsOf<Shape>[]): readonly Binding[] {
    const graph = new NodeGraph()
    return withGraph(graph, () => {
      const columns = columnsOf(graph)
      let first = true
      return paramsList.map((params): Binding => {
        try {
          const bound = this.#one(graph, columns, params, first)
          first = false
          return { status: 'bound', program: { kind: 'graph', strategy: this.name, table: graph.table, ...bound } }
        } catch (error) {
          if (isTradewrightError(error) && error.details.impure === true) throw error
          return { status: 'failed', error: toErrorData(error) }
        }
      })
    })
  }

  stream(params: ParamsOf<Shape>, options: StreamOptions = {}): LiveStrategy {
    return streamProgram(this.bind([params])[0], options)
  }

  save(params: ParamsOf<Shape>, options: StreamOptions = {}): Data {
    return saveProgram(this.bind([params])[0], params as Params, options)
  }

  #one(graph: NodeGraph, columns: Columns, params: ParamsOf<Shape>, first: boolean): BoundParts {
    this.#check(params)
    const parts = this.#parts(graph, columns, params)
    if (first) this.#checkPure(parts, this.#parts(graph, columns, params), params)
    return parts
  }

  #parts(graph: NodeGraph, columns: Columns, params: ParamsOf<Shape>): BoundParts {
    const { name } = this
    const definition = this.#definition
    let where = 'signals'
    try {
      const signals = signalNodes(name, graph, definition.signals(columns, params))
      where = 'simulate'
      const simulation =
        definition.simulate === undefined ? NO_SIMULATION : simulationNodes(graph, definition.simulate(columns, params))
      return { signals, simulation }
    } catch (error) {
      throw thrown(name, where, params, error)
    }
  }

  /** The same parameters must give the same nodes: what differs was drawn, read from a clock or kept between calls. */
  #checkPure(first: BoundParts, second: BoundParts, params: ParamsOf<Shape>): void {
    const [a, b] = [first, second].map(({ signals, simulation }) => JSON.stringify([signals, simulation]))
    if (a !== b)
      throw badStrategy(
        this.name,
        `signals and simulate must be pure, but two bindings of ${JSON.stringify(params)} gave different graphs`,
        { params, impure: true },
      )
  }
}

/**
 * A strategy from its definition.
 *
 * `signals` and `simulate` are pure functions from symbolic columns and concrete parameters to a graph; they run once
 * per trial (and once more for the first, to see whether they are pure), never per bar.
 *
 * @throws TradewrightError `BAD_STRATEGY` (no name, no `signals`), `BAD_SPACE` (parameters).
 * @example
 * ```ts
 * import { int } from '@tradewright/core'
 * import { defineStrategy, ta } from '@tradewright/backtest'
 * const smaCross = defineStrategy({
 *   name: 'sma-cross',
 *   params: { fast: int(5, 50), slow: int(20, 200) },
 *   where: ({ fast, slow }) => fast < slow,
 *   signals: ({ close }, { fast, slow }) => ({
 *     entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
 *     exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
 *   }),
 * })
 * const [program] = smaCross.bind([{ fast: 10, slow: 30 }])
 * console.log(program.signals.entry, program.table.ops[program.signals.entry]) // 8 crossesAbove
 * ```
 */
export function defineStrategy<const Shape extends SpaceShape>(
  definition: StrategyDefinition<Shape>,
): Strategy<ParamsOf<Shape>> {
  const { name, params, signals } = definition
  if (typeof name !== 'string' || name === '')
    throw new TradewrightError('BAD_STRATEGY', `a strategy needs a name, was ${JSON.stringify(name)}`)
  if (typeof signals !== 'function') throw badStrategy(name, `signals must be a function, was ${typeof signals}`, {})
  if (typeof params !== 'object' || params === null)
    throw badStrategy(name, 'params must be an object of int, float, choice, bool and oneOf', {})
  return new DefinedStrategy(definition)
}

/**
 * Binds every set of parameters, in columns instead of objects: as `strategy.bind` otherwise.
 *
 * @throws TradewrightError as `bind`.
 */
export function bindList<P>(strategy: Strategy<P>, paramsList: readonly P[]): ProgramList {
  if (strategy instanceof DefinedStrategy)
    return (strategy as DefinedStrategy<SpaceShape>).bindList(paramsList as readonly ParamsOf<SpaceShape>[])
  return listPrograms(strategy.bind(paramsList))
}
