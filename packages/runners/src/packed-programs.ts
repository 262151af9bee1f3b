import { type Data, type GraphProgram, type NodeRef, type SimulationOptions, TradewrightError } from '@tradewright/core'

/** Programs of one table as a few typed arrays: cloned by copying memory, and only the nodes that they reach. */
export interface PackedPrograms {
  /** Names of operations, each once. */
  readonly names: readonly string[]
  /** Of each node: its operation as an index of `names`. */
  readonly ops: Uint16Array
  /** Of each node: where its operands begin; one more entry ends the last. */
  readonly inputStart: Int32Array
  readonly inputs: Int32Array
  readonly constantStart: Int32Array
  /** Constants that are numbers; NaN where `others` has the constant. */
  readonly numbers: Float64Array
  readonly others: ReadonlyMap<number, Data>
  readonly strategy: string
  /** Sets of signal names, each once. */
  readonly signalSets: readonly (readonly string[])[]
  /** Of each program: its set of signals, then their nodes. */
  readonly signals: Int32Array
  /** Of each program, by index: what `simulate` set. Equal ones of neighbours are one object. */
  readonly simulations: readonly SimulationOptions<NodeRef>[]
}

const distanceNode = (value: unknown): number | undefined =>
  typeof value === 'object' && value !== null && 'distance' in value
    ? (value.distance as { readonly node: number }).node
    : undefined

/** Marks what the programs reach; gives the new number of each node, -1 where it is not reached. */
function reached(programs: readonly GraphProgram[], size: number): { readonly renumbered: Int32Array; count: number } {
  const { inputs } = programs[0].table
  const marks = new Int32Array(size).fill(-1)
  const stack: number[] = []
  for (const { signals, simulation } of programs) {
    for (const name in signals) stack.push(signals[name])
    for (const name in simulation) {
      const node = distanceNode(simulation[name as keyof typeof simulation])
      if (node !== undefined) stack.push(node)
    }
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (marks[node] === 0) continue
      marks[node] = 0
      for (const operand of inputs[node]) if (marks[operand] === -1) stack.push(operand)
    }
  }
  let count = 0
  for (let node = 0; node < size; node++) if (marks[node] === 0) marks[node] = count++
  return { renumbered: marks, count }
}

function renumberedSimulation(
  simulation: SimulationOptions<NodeRef>,
  renumbered: Int32Array,
): SimulationOptions<NodeRef> {
  let copy: Record<string, unknown> | undefined
  for (const name in simulation) {
    const node = distanceNode(simulation[name as keyof typeof simulation])
    if (node === undefined) continue
    copy ??= { ...simulation }
    copy[name] = { distance: { node: renumbered[node] } }
  }
  return (copy as SimulationOptions<NodeRef> | undefined) ?? simulation
}

/** Packs programs for a worker. @throws TradewrightError `BAD_STRATEGY` unless they share one node table. */
export function packPrograms(programs: readonly GraphProgram[]): PackedPrograms {
  const { table, strategy } = programs[0]
  if (programs.some((program) => program.table !== table))
    throw new TradewrightError('BAD_STRATEGY', 'programs of one pack must share one node table')
  const { renumbered, count } = reached(programs, table.ops.length)
  const names: string[] = []
  const indexes = new Map<string, number>()
  const ops = new Uint16Array(count)
  const inputStart = new Int32Array(count + 1)
  const constantStart = new Int32Array(count + 1)
  const inputs: number[] = []
  const numbers: number[] = []
  const others = new Map<number, Data>()
  for (let node = 0, to = 0; node < renumbered.length; node++) {
    if (renumbered[node] === -1) continue
    const name = table.ops[node]
    let op = indexes.get(name)
    if (op === undefined) {
      op = names.push(name) - 1
      indexes.set(name, op)
    }
    ops[to] = op
    for (const operand of table.inputs[node]) inputs.push(renumbered[operand])
    for (const constant of table.constants[node]) {
      if (typeof constant === 'number' && constant === constant) numbers.push(constant)
      else {
        others.set(numbers.length, constant)
        numbers.push(Number.NaN)
      }
    }
    to++
    inputStart[to] = inputs.length
    constantStart[to] = numbers.length
  }
  const signalSets: (readonly string[])[] = []
  const sets = new Map<string, number>()
  const signals: number[] = []
  for (const program of programs) {
    const keys = Object.keys(program.signals)
    const id = keys.join()
    let set = sets.get(id)
    if (set === undefined) {
      set = signalSets.push(keys) - 1
      sets.set(id, set)
    }
    signals.push(set)
    for (const key of keys) signals.push(renumbered[program.signals[key]])
  }
  return {
    names,
    ops,
    inputStart,
    inputs: Int32Array.from(inputs),
    constantStart,
    numbers: Float64Array.from(numbers),
    others,
    strategy,
    signalSets,
    signals: Int32Array.from(signals),
    simulations: programs.map(({ simulation }) => renumberedSimulation(simulation, renumbered)),
  }
}

/** The inverse of {@link packPrograms}: programs over a new table, node numbers apart the same. */
export function unpackPrograms(packed: PackedPrograms): readonly GraphProgram[] {
  const { names, ops, inputStart, inputs, constantStart, numbers, others, strategy, signalSets, signals } = packed
  const constants: (readonly Data[])[] = new Array(ops.length)
  const operands: (readonly number[])[] = new Array(ops.length)
  const opNames: string[] = new Array(ops.length)
  for (let node = 0; node < ops.length; node++) {
    opNames[node] = names[ops[node]]
    operands[node] = Array.from(inputs.subarray(inputStart[node], inputStart[node + 1]))
    const own: Data[] = []
    for (let k = constantStart[node]; k < constantStart[node + 1]; k++)
      own.push(numbers[k] === numbers[k] ? numbers[k] : others.get(k))
    constants[node] = own
  }
  const table = { ops: opNames, inputs: operands, constants }
  let at = 0
  return packed.simulations.map((simulation): GraphProgram => {
    const keys = signalSets[signals[at++]]
    const nodes: Record<string, number> = {}
    for (const key of keys) nodes[key] = signals[at++]
    return { kind: 'graph', strategy, table, signals: nodes, simulation }
  })
}
