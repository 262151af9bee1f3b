import {
  type Data,
  type GraphProgram,
  type NodeRef,
  type NodeTable,
  type Params,
  TradewrightError,
} from '@tradewright/core'
import { engineVersion } from './engine-version.ts'
import { indicatorOperation } from './indicator-node.ts'
import { type LiveStrategy, type StreamOptions, streamProgram } from './live-strategy.ts'
import { NodeGraph } from './node-graph.ts'
import { firstDynamicCode, kernelCode, Op, operandKinds } from './operation.ts'
import { programRoots, reachableNodes } from './reachable.ts'
import { signalKind } from './signal-names.ts'
import { resolveSimulation } from './simulation-settings.ts'
import { loadKernels } from './user-kernel.ts'

const FORMAT = 'tradewright-strategy'

/** A strategy that was bound, saved and read again: its graph, no code. */
export interface SavedStrategy {
  readonly name: string
  readonly params: Params
  readonly program: GraphProgram
  /** The options it was saved with. */
  readonly options: StreamOptions
  /** Runs bar by bar. @param options override the saved ones. */
  stream(options?: StreamOptions): LiveStrategy
  /** Loads the modules of users' indicators that it calls; needed once before `stream` or `backtest` where it has any. */
  load(load?: (module: string) => Promise<unknown>): Promise<void>
  /** The same as plain data again. */
  save(): Data
}

/** Numbers that JSON loses become `{ number: text }`. */
function encodeConstant(value: Data): Data {
  if (typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))) return value
  return { number: Object.is(value, -0) ? '-0' : String(value) }
}

function decodeConstant(value: Data): Data {
  if (typeof value !== 'object' || value === null || !('number' in value)) return value
  return Number(value.number)
}

/** Gives every node reference in the options its new number. */
function renumbered(
  simulation: GraphProgram['simulation'],
  number: (node: number) => number,
): GraphProgram['simulation'] {
  return Object.fromEntries(
    Object.entries(simulation).map(([key, value]) => {
      const distance = typeof value === 'object' && value !== null && 'distance' in value ? value.distance : undefined
      return [key, distance === undefined ? value : { distance: { node: number((distance as NodeRef).node) } }]
    }),
  )
}

/** Only the nodes that a program reaches, in a table of their own. */
function pruned(program: GraphProgram): GraphProgram {
  const graph = NodeGraph.of(program.table)
  const nodes = reachableNodes(graph, programRoots(program), true)
  const place = new Map(nodes.map((node, k) => [node, k]))
  const number = (node: number): number => place.get(node) ?? -1
  const { ops, inputs, constants } = program.table
  return {
    ...program,
    table: {
      ops: nodes.map((node) => ops[node]),
      inputs: nodes.map((node) => inputs[node].map(number)),
      constants: nodes.map((node) => constants[node]),
    },
    signals: Object.fromEntries(Object.entries(program.signals).map(([name, node]) => [name, number(node)])),
    simulation: renumbered(program.simulation, number),
  }
}

/**
 * A bound strategy as plain data that survives JSON: graph, parameters, options; no code.
 *
 * @param params  what it was bound to; only shown, the graph already holds them.
 * @param options simulation options and timeframe to run it with.
 */
export function saveProgram(program: GraphProgram, params: Params, options: StreamOptions = {}): Data {
  const { strategy, table, signals, simulation } = pruned(program)
  return {
    format: FORMAT,
    version: 1,
    engine: engineVersion,
    name: strategy,
    params: params as Data,
    options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Data,
    signals,
    simulation: simulation as Data,
    table: {
      ops: table.ops,
      inputs: table.inputs,
      constants: table.constants.map((list) => list.map(encodeConstant)),
    },
  }
}

function refuse(rule: string, details: Readonly<Record<string, unknown>> = {}): TradewrightError {
  return new TradewrightError('BAD_DATA', `a saved strategy ${rule}`, details)
}

function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse(`needs ${what} as an object, was ${JSON.stringify(value) ?? typeof value}`)
  return value as Readonly<Record<string, unknown>>
}

function tableOf(value: unknown): NodeTable {
  const { ops, inputs, constants } = record(value, 'table')
  const lists = [ops, inputs, constants]
  if (!lists.every(Array.isArray)) throw refuse('needs the arrays ops, inputs and constants')
  if (!(ops as unknown[]).every((op) => typeof op === 'string')) throw refuse('needs the names of its operations')
  const decoded = (constants as unknown[]).map((list) => {
    if (!Array.isArray(list)) throw refuse('needs a list of constants a node')
    return list.map((constant) => decodeConstant(constant as Data))
  })
  if (!(inputs as unknown[]).every(Array.isArray)) throw refuse('needs a list of operands a node')
  return { ops: ops as string[], inputs: inputs as number[][], constants: decoded }
}

/** Every node must be an operation that exists, with the operands and constants it takes. */
function checkNodes(graph: NodeGraph): void {
  for (let node = 0; node < graph.size; node++) {
    const code = graph.code(node)
    const name = graph.table.ops[node]
    const operands = graph.operands(node)
    const indicator = indicatorOperation(code)
    const kinds = operandKinds(code)
    if (code === kernelCode) continue
    if (kinds === undefined && indicator === undefined)
      throw refuse(`uses an operation that this version does not have, '${name}'`, { operation: name })
    const wanted = kinds ?? indicator?.definition.inputs.map(() => 'value') ?? []
    if (operands.length !== wanted.length || operands.some((operand, k) => graph.kind(operand) !== wanted[k]))
      throw refuse(`gives '${name}' other operands than it takes (${wanted.join(', ')})`, { operation: name })
    if (indicator !== undefined) indicator.definition.check(graph.constants(node) as readonly number[])
    else if (code < firstDynamicCode) checkConstants(graph, node, code, name)
  }
}

function checkConstants(graph: NodeGraph, node: number, code: number, name: string): void {
  const [first] = graph.constants(node)
  const counts: readonly number[] = [Op.lag, Op.lagBoolean, Op.count, Op.valueWhen]
  const fits = counts.includes(code)
    ? Number.isSafeInteger(first) && (first as number) >= 0
    : code === Op.constant
      ? typeof first === 'number'
      : code === Op.always
        ? typeof first === 'boolean'
        : true
  if (!fits) throw refuse(`gives '${name}' a constant it cannot take, ${String(first)}`, { operation: name })
}

/**
 * Reads what a strategy's `save` gave.
 *
 * @param data plain data, as it came from JSON or structured clone.
 * @throws TradewrightError `BAD_DATA` for anything that is no saved strategy, or has operations that this version lacks.
 */
export function parseStrategy(data: Data): SavedStrategy {
  const saved = record(data, 'the whole')
  if (saved.format !== FORMAT)
    throw refuse(`needs format '${FORMAT}', was ${JSON.stringify(saved.format) ?? 'nothing'}`)
  if (saved.version !== 1) throw refuse(`must have version 1, was ${JSON.stringify(saved.version)}`)
  const { name } = saved
  if (typeof name !== 'string') throw refuse('needs a name')
  const table = tableOf(saved.table)
  const graph = NodeGraph.of(table)
  checkNodes(graph)
  const signals = record(saved.signals, 'signals') as Readonly<Record<string, number>>
  for (const [signal, node] of Object.entries(signals)) {
    const { kind } = signalKind(signal)
    if (!Number.isInteger(node) || node < 0 || node >= graph.size || graph.kind(node) !== kind)
      throw refuse(`has a signal '${signal}' that is no node of its kind`, { signal })
  }
  const simulation = record(saved.simulation, 'simulation') as GraphProgram['simulation']
  const options = record(saved.options ?? {}, 'options') as StreamOptions
  const { timeframe: _, ...request } = options
  resolveSimulation(request, simulation, { barsPerYear: 1, timeframe: undefined, calendar: undefined })
  const program: GraphProgram = { kind: 'graph', strategy: name, table, signals, simulation }
  for (const node of programRoots(program))
    if (node >= graph.size) throw refuse(`names a node it does not have, ${node}`)
  const params = record(saved.params ?? {}, 'params') as Params
  return {
    name,
    params,
    program,
    options,
    stream: (own = {}) => streamProgram(program, { ...options, ...own }),
    load: (load) => loadKernels(graph, load),
    save: () => saveProgram(program, params, options),
  }
}
