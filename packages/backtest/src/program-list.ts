import { type GraphProgram, type NodeRef, type SimulationOptions, TradewrightError } from '@tradewright/core'
import { NodeGraph } from './node-graph.ts'

/** Signals a program has at most: entry, exit, shortEntry, shortExit. */
export const SIGNALS = 4

/** Programs of one graph in columns: what a binding gives, without an object a program. */
export interface ProgramList {
  readonly strategy: string
  readonly graph: NodeGraph
  readonly length: number
  /** Sets of signal names, each once. */
  readonly sets: readonly (readonly string[])[]
  /** Of each program: its set. */
  readonly set: Uint16Array
  /** Of each program: the nodes of its signals in the order of the set's names, then -1; {@link SIGNALS} of them. */
  readonly nodes: Int32Array
  /** Of each program: what `simulate` returned. Programs for which it says nothing share one object. */
  simulation(program: number): SimulationOptions<NodeRef>
}

/** Takes programs one by one. */
export class ProgramListBuilder {
  readonly #strategy: string
  readonly #graph: NodeGraph
  readonly #set: Uint16Array
  readonly #nodes: Int32Array
  readonly #sets: (readonly string[])[] = []
  readonly #setIds = new Map<string, number>()
  /** One where all are the same. */
  readonly #simulations: SimulationOptions<NodeRef>[] = []
  #length = 0

  constructor(strategy: string, graph: NodeGraph, length: number) {
    this.#strategy = strategy
    this.#graph = graph
    this.#set = new Uint16Array(length)
    this.#nodes = new Int32Array(length * SIGNALS).fill(-1)
  }

  add(signals: Readonly<Record<string, number>>, simulation: SimulationOptions<NodeRef>): void {
    const program = this.#length++
    let at = program * SIGNALS
    const last = this.#sets.length === 0 ? undefined : this.#sets[program === 0 ? 0 : this.#set[program - 1]]
    let same = last !== undefined
    let count = 0
    for (const name in signals) {
      if (signals[name] === undefined) continue
      if (count === SIGNALS) throw new TradewrightError('BAD_STRATEGY', `a program has at most ${SIGNALS} signals`)
      this.#nodes[at++] = signals[name]
      if (last !== undefined && last[count] !== name) same = false
      count++
    }
    this.#set[program] =
      same && last?.length === count && program > 0
        ? this.#set[program - 1]
        : this.#setOf(Object.keys(signals).filter((name) => signals[name] !== undefined))
    this.#simulate(program, simulation)
  }

  #setOf(names: readonly string[]): number {
    const id = names.join()
    let set = this.#setIds.get(id)
    if (set === undefined) {
      set = this.#sets.push(names) - 1
      this.#setIds.set(id, set)
    }
    return set
  }

  #simulate(program: number, simulation: SimulationOptions<NodeRef>): void {
    const all = this.#simulations
    if (all.length === 1 && program > 0) {
      if (all[0] === simulation) return
      for (let k = 1; k < program; k++) all.push(all[0])
    }
    all.push(simulation)
  }

  done(): ProgramList {
    const all = this.#simulations
    return {
      strategy: this.#strategy,
      graph: this.#graph,
      length: this.#length,
      sets: this.#sets,
      set: this.#set,
      nodes: this.#nodes,
      simulation: (program) => all[all.length === 1 ? 0 : program],
    }
  }
}

/** The same programs in columns. @throws TradewrightError `BAD_STRATEGY` unless they share one node table. */
export function listPrograms(programs: readonly GraphProgram[]): ProgramList {
  const [first] = programs
  const builder = new ProgramListBuilder(
    first?.strategy ?? '',
    first === undefined ? new NodeGraph() : NodeGraph.of(first.table),
    programs.length,
  )
  for (const { table, signals, simulation } of programs) {
    if (table !== first.table)
      throw new TradewrightError('BAD_STRATEGY', 'programs of one list must share one node table')
    builder.add(signals, simulation)
  }
  return builder.done()
}

/** One program as an object again. */
export function programOf(list: ProgramList, program: number): GraphProgram {
  const signals: Record<string, number> = {}
  list.sets[list.set[program]].forEach((name, k) => {
    signals[name] = list.nodes[program * SIGNALS + k]
  })
  const { strategy, graph } = list
  return { kind: 'graph', strategy, table: graph.table, signals, simulation: list.simulation(program) }
}
