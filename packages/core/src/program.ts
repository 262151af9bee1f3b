import type { Data } from './data.ts'
import type { Params } from './param-spec.ts'
import type { SimulationOptions } from './simulation.ts'

/**
 * Nodes of bound strategy graphs as plain data, shared by every program of a batch. Node `i` may only use nodes below
 * `i`. Programs of one batch hold the same table object, so that a structured clone of the batch carries it once.
 */
export interface NodeTable {
  /** Operation of each node, as a name from the engine's list. */
  readonly ops: readonly string[]
  /** Indexes of each node's operands. */
  readonly inputs: readonly (readonly number[])[]
  /** Constants of each node: numbers, names, a user's kernel as `{ module, export, version }`. */
  readonly constants: readonly (readonly Data[])[]
}

/** A node of a program's table. */
export interface NodeRef {
  readonly node: number
}

/** A strategy bound to parameters: roots in a {@link NodeTable}. */
export interface GraphProgram {
  readonly kind: 'graph'
  readonly strategy: string
  readonly table: NodeTable
  /** Which signals the strategy gives, by name (`entry`, `exit`, `long`, `target`, ...), each the index of a node. */
  readonly signals: Readonly<Record<string, number>>
  /** What the strategy's `simulate` set for this trial; an expression is a {@link NodeRef}. */
  readonly simulation: SimulationOptions<NodeRef>
}

/** A strategy in a module of its own, for what a graph cannot say. */
export interface ModuleProgram {
  readonly kind: 'module'
  readonly strategy: string
  /** URL or path of the module. */
  readonly module: string
  readonly export: string
  /** Goes into the key: a new version never meets old results. */
  readonly version: string
  readonly params: Params
}

/** What an evaluation runs. */
export type Program = GraphProgram | ModuleProgram
