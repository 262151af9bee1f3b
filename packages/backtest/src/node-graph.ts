import { type Data, type NodeTable, TradewrightError } from '@tradewright/core'
import { type Constants, operationCode, operationKind, operationName } from './operation.ts'

const NO_CONSTANTS: Constants = Object.freeze([])
const EMPTY = -1

interface PlainTable {
  readonly ops: string[]
  readonly inputs: (readonly number[])[]
  readonly constants: Constants[]
}

/** A graph's own arrays, for another thread: see {@link NodeGraph.over}. */
export interface NodeWords {
  readonly size: number
  readonly words: Int32Array
  readonly start: Int32Array
  readonly constantValues: readonly Data[]
}

const graphs = new WeakMap<NodeTable, NodeGraph>()

const NO_SLOTS = new Int32Array(0)

/** Copies into a larger array. */
function grown(array: Int32Array, length: number = array.length * 2): Int32Array {
  if (length === array.length) return array
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}

/**
 * The nodes of a batch, each once: equal operation, operands and constants give the same id (hash-consing).
 *
 * Node `i` uses only nodes below `i`, so ids are a topological order. A node is a run of 32-bit words,
 * `words[start[i] ... start[i + 1] - 1]` = code, number of operands, operand ids, constant ids; `start` has
 * `size + 1` entries. Constant ids index {@link constantValues}, where every distinct constant stands once.
 * The arrays are replaced when they grow: read them again after an `intern`.
 *
 * `table` is the same as plain data, for programs: it grows with the graph, and is made when it is first read.
 */
export class NodeGraph {
  readonly table: NodeTable
  /** Number of nodes. */
  size = 0
  words: Int32Array = new Int32Array(1024)
  start: Int32Array = new Int32Array(257)
  /** Every distinct constant: its id is its index. */
  readonly constantValues: Data[] = []

  readonly #plain: PlainTable = { ops: [], inputs: [], constants: [] }
  /** Empty until a node is looked for, in a graph {@link over} another's arrays. */
  #slots: Int32Array = new Int32Array(1024).fill(EMPTY)
  #scratch = new Int32Array(16)
  readonly #numbers = new Map<number, number>()
  readonly #texts = new Map<Data, number>()
  #minusZero = EMPTY

  constructor() {
    const filled = (): PlainTable => this.#filled()
    this.table = {
      get ops() {
        return filled().ops
      },
      get inputs() {
        return filled().inputs
      },
      get constants() {
        return filled().constants
      },
    }
    graphs.set(this.table, this)
  }

  /** A graph over the arrays of another one, which are read where they lie. No nodes can be added to it. */
  static over({ size, words, start, constantValues }: NodeWords): NodeGraph {
    const graph = new NodeGraph()
    graph.size = size
    graph.words = words
    graph.start = start
    for (const value of constantValues) graph.#constantId(value)
    graph.#slots = NO_SLOTS
    return graph
  }

  /** Makes room for `nodes` more, so that the arrays need not grow one doubling after the other. */
  reserve(nodes: number): void {
    const size = this.size + nodes
    let words = this.words.length
    while (words < size * 4) words *= 2
    this.words = grown(this.words, words)
    let start = this.start.length
    while (start < size + 2) start *= 2
    this.start = grown(this.start, start)
    if (size * 2 > this.#slots.length) this.#rehash(size)
  }

  /**
   * The graph of a table: the one that made it, or (for tables that came as plain data) one rebuilt with the same ids.
   *
   * @throws TradewrightError `BAD_STRATEGY` for a table whose parts do not fit each other.
   */
  static of(table: NodeTable): NodeGraph {
    const known = graphs.get(table)
    if (known !== undefined) return known
    const graph = new NodeGraph()
    const { ops, inputs, constants } = table
    const refuse = (rule: string): TradewrightError => new TradewrightError('BAD_STRATEGY', `a node table ${rule}`)
    if (!Array.isArray(ops) || !Array.isArray(inputs) || !Array.isArray(constants))
      throw refuse('needs the arrays ops, inputs and constants')
    if (ops.length !== inputs.length || ops.length !== constants.length)
      throw refuse(`needs arrays of one length, had ${ops.length}, ${inputs.length} and ${constants.length}`)
    for (let i = 0; i < ops.length; i++) {
      for (const operand of inputs[i])
        if (!Number.isInteger(operand) || operand < 0 || operand >= i)
          throw refuse(`may use only nodes before a node, node ${i} uses ${operand}`)
      graph.#append(graph.#encode(operationCode(ops[i]), inputs[i], constants[i]))
    }
    graph.#rehash()
    graphs.set(table, graph)
    return graph
  }

  /** The code of a node's operation. */
  code(node: number): number {
    return this.words[this.start[node]]
  }

  kind(node: number): 'value' | 'boolean' {
    return operationKind(this.code(node))
  }

  operandCount(node: number): number {
    return this.words[this.start[node] + 1]
  }

  /** The id of a node's k-th operand. */
  operand(node: number, k: number): number {
    return this.words[this.start[node] + 2 + k]
  }

  constants(node: number): Constants {
    return node < this.#plain.constants.length ? this.#plain.constants[node] : this.#constantsOf(node)
  }

  /** The k-th constant of a node. */
  constant(node: number, k: number): Data {
    const at = this.start[node] + 2
    return this.constantValues[this.words[at + this.words[at - 1] + k]]
  }

  operands(node: number): readonly number[] {
    return node < this.#plain.inputs.length ? this.#plain.inputs[node] : this.#operandsOf(node)
  }

  #operandsOf(node: number): number[] {
    const own: number[] = []
    const at = this.start[node] + 2
    for (let k = 0; k < this.words[at - 1]; k++) own.push(this.words[at + k])
    return own
  }

  #constantsOf(node: number): Constants {
    const at = this.start[node] + 2
    const end = this.start[node + 1]
    const first = at + this.words[at - 1]
    if (first === end) return NO_CONSTANTS
    const own: Data[] = []
    for (let k = first; k < end; k++) own.push(this.constantValues[this.words[k]])
    return own
  }

  /** The plain arrays with every node that there is now. */
  #filled(): PlainTable {
    const { ops, inputs, constants } = this.#plain
    for (let node = ops.length; node < this.size; node++) {
      ops.push(operationName(this.code(node)))
      inputs.push(this.#operandsOf(node))
      constants.push(this.#constantsOf(node))
    }
    return this.#plain
  }

  /**
   * The node with this operation, these operands and constants: the one there is, or a new one.
   *
   * @param operands  ids below `size`.
   * @param constants numbers, texts, booleans, or frozen plain objects that are compared by identity and kept.
   * @param check     runs before a new node is made; may throw.
   */
  intern(
    code: number,
    operands: readonly number[],
    constants: Constants = NO_CONSTANTS,
    check?: (constants: Constants) => void,
  ): number {
    const length = this.#encode(code, operands, constants)
    const slot = this.#find(length)
    const found = this.#slots[slot]
    if (found !== EMPTY) return found
    if (check !== undefined) check(constants)
    return this.#add(length, slot)
  }

  /** {@link intern} of two operands and no constants, without arrays: most nodes of a sweep are that. */
  internPair(code: number, a: number, b: number): number {
    const scratch = this.#scratch
    scratch[0] = code
    scratch[1] = 2
    scratch[2] = a
    scratch[3] = b
    const slot = this.#find(4)
    const found = this.#slots[slot]
    return found === EMPTY ? this.#add(4, slot) : found
  }

  #add(length: number, slot: number): number {
    const id = this.#append(length)
    if (this.size * 2 > this.#slots.length) this.#rehash()
    else this.#slots[slot] = id
    return id
  }

  /** The node with this operation, operands and constants, or undefined. */
  find(code: number, operands: readonly number[], constants: Constants = NO_CONSTANTS): number | undefined {
    const found = this.#slots[this.#find(this.#encode(code, operands, constants))]
    return found === EMPTY ? undefined : found
  }

  /** Writes a node's words into the scratch; gives their number. */
  #encode(code: number, operands: readonly number[], constants: Constants): number {
    const length = 2 + operands.length + constants.length
    if (length > this.#scratch.length) this.#scratch = new Int32Array(length * 2)
    const scratch = this.#scratch
    scratch[0] = code
    scratch[1] = operands.length
    let at = 2
    for (let k = 0; k < operands.length; k++) scratch[at++] = operands[k]
    for (let k = 0; k < constants.length; k++) scratch[at++] = this.#constantId(constants[k])
    return length
  }

  #constantId(value: Data): number {
    if (typeof value === 'number') {
      if (value === 0 && Object.is(value, -0)) {
        if (this.#minusZero === EMPTY) this.#minusZero = this.constantValues.push(value) - 1
        return this.#minusZero
      }
      const known = this.#numbers.get(value)
      if (known !== undefined) return known
      const id = this.constantValues.push(value) - 1
      this.#numbers.set(value, id)
      return id
    }
    const known = this.#texts.get(value)
    if (known !== undefined) return known
    const id = this.constantValues.push(value) - 1
    this.#texts.set(value, id)
    return id
  }

  /** The slot that holds the node in the scratch, or the empty one where it belongs. Linear probing. */
  #find(length: number): number {
    if (this.#slots.length === 0) this.#rehash(this.size, length)
    const scratch = this.#scratch
    let hash = 0
    for (let k = 0; k < length; k++) {
      hash = Math.imul(hash ^ scratch[k], 0x9e3779b1)
      hash ^= hash >>> 15
    }
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (;;) {
      const node = this.#slots[slot]
      if (node === EMPTY || this.#equals(node, length)) return slot
      slot = (slot + 1) & mask
    }
  }

  #equals(node: number, length: number): boolean {
    const from = this.start[node]
    if (this.start[node + 1] - from !== length) return false
    const scratch = this.#scratch
    const words = this.words
    for (let k = 0; k < length; k++) if (words[from + k] !== scratch[k]) return false
    return true
  }

  #append(length: number): number {
    const id = this.size
    const from = this.start[id]
    while (from + length > this.words.length) this.words = grown(this.words)
    if (id + 2 > this.start.length) this.start = grown(this.start)
    for (let k = 0; k < length; k++) this.words[from + k] = this.#scratch[k]
    this.start[id + 1] = from + length
    this.size = id + 1
    return id
  }

  /** Slots for `size` nodes. The scratch keeps its first `kept` words. */
  #rehash(size: number = this.size, kept: number = 0): void {
    const scratch = this.#scratch
    const saved = scratch.slice(0, kept)
    let slots = Math.max(1024, this.#slots.length * 2)
    while (slots < size * 2) slots *= 2
    this.#slots = new Int32Array(slots).fill(EMPTY)
    for (let node = 0; node < this.size; node++) {
      const from = this.start[node]
      const length = this.start[node + 1] - from
      if (length > this.#scratch.length) this.#scratch = new Int32Array(length * 2)
      for (let k = 0; k < length; k++) this.#scratch[k] = this.words[from + k]
      this.#slots[this.#find(length)] = node
    }
    this.#scratch.set(saved)
  }
}
