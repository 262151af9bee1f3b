import { TradewrightError } from '@tradewright/core'
import type { FastMemory } from './fast-memory.ts'
import { indicatorOperation } from './indicator-node.ts'
import type { NodeValues } from './node-values.ts'

/** Codes pay once a column of a family is compared this often. */
const COMPARISONS_PER_COLUMN = 3
/** Share of undecided words above which a family's codes are given up. */
const UNDECIDED = 0.4

/** A column in the kernels' memory. */
export interface FastColumn {
  readonly node: number
  /** Place in the order in which columns were asked for. */
  readonly index: number
  values: number
  valid: number
  /** 0 where there are none. */
  codes: number
  /** The longest run at the end of words of 64 bars that are all numbers: its first word, and one past its last. */
  solid: number
  solidEnd: number
  codable: boolean
  /** Set where it could not be computed: its trials are left to the plain form, which says why. */
  failed: boolean
  /** Columns it is compared with, directly or through others, share a family: the root's index. */
  family: number
  comparisons: number
}

/**
 * The columns of numbers that a batch compares, each once in the kernels' memory: padded, with the set of bars on
 * which it is a number, and where many are compared with one another with 16-bit codes.
 *
 * Codes are a monotone map of a bar's values, so unequal codes decide a comparison exactly; equal ones are looked at
 * again in double precision. They change no result.
 */
export class FastColumns {
  readonly words: number
  /** The first word that is needed, even: what lies below is neither copied nor compared. Set by `load`. */
  first = 0
  readonly #memory: FastMemory
  readonly #values: NodeValues
  readonly #keep: boolean
  readonly #columns: FastColumn[] = []
  /** Of each node: its place in `#columns`, from 1; 0 where it has none. */
  readonly #place: Int32Array

  /** @param keep whether indicators go into the store; else they are computed into the memory directly. */
  constructor(memory: FastMemory, values: NodeValues, keep: boolean) {
    this.#memory = memory
    this.#values = values
    this.#keep = keep
    this.#place = new Int32Array(values.graph.size)
    this.words = 2 * Math.ceil(values.bars.length / 128)
  }

  get count(): number {
    return this.#columns.length
  }

  /** What they take: values, codes and valid bits. */
  get bytes(): number {
    return this.#columns.length * this.words * (512 + 128 + 8)
  }

  /** Asks for a column, once or more often. */
  want(node: number): FastColumn {
    const place = this.#place[node]
    if (place > 0) return this.#columns[place - 1]
    const family = this.#columns.length
    const column: FastColumn = {
      index: family,
      node,
      values: 0,
      valid: 0,
      codes: 0,
      solid: 0,
      solidEnd: 0,
      codable: false,
      failed: false,
      family,
      comparisons: 0,
    }
    this.#place[node] = this.#columns.push(column)
    return column
  }

  /** Notes that two columns are compared. */
  pair(a: FastColumn, b: FastColumn): void {
    a.comparisons++
    const from = this.#root(a)
    const to = this.#root(b)
    if (from !== to) this.#columns[from].family = to
  }

  /** A column that was asked for. @throws TradewrightError `INTERNAL` where it could not be computed. */
  column(node: number): FastColumn {
    const column: FastColumn | undefined = this.#columns[this.#place[node] - 1]
    if (column === undefined || column.failed)
      throw new TradewrightError('INTERNAL', `node ${node} has no column in the fast form`, { node })
    return column
  }

  #root(column: FastColumn): number {
    let root = column.family
    while (this.#columns[root].family !== root) root = this.#columns[root].family
    column.family = root
    return root
  }

  /**
   * Computes every column asked for.
   *
   * @param first the first word that is needed, even.
   * @throws TradewrightError what a node throws, with the node's text.
   */
  load(first: number = 0): void {
    this.first = first
    const memory = this.#memory
    const { kernels } = memory
    const { words } = this
    for (const column of this.#columns) {
      column.values = memory.allocate(words * 512)
      column.valid = memory.allocate(words * 8)
    }
    this.#compute()
    const length = this.#values.bars.length
    for (const column of this.#columns) {
      memory.viewDoubles(column.values, words * 64).fill(NaN, length)
      column.codable = kernels.scanColumn(column.values + first * 512, words - first, column.valid + first * 8) === 1
      this.#findSolid(column)
    }
    this.#encode()
  }

  #findSolid(column: FastColumn): void {
    const { words } = this.#memory
    const at = column.valid >>> 2
    const full = (w: number): boolean => words[at + 2 * w] === 0xffffffff && words[at + 2 * w + 1] === 0xffffffff
    let end = this.words
    while (end > this.first && !full(end - 1)) end--
    let first = end
    while (first > this.first && full(first - 1)) first--
    column.solid = first
    column.solidEnd = end
  }

  #compute(): void {
    const { graph } = this.#values
    const groups = new Map<string, FastColumn[]>()
    for (const column of this.#columns) {
      const operation = indicatorOperation(graph.code(column.node))
      const known = this.#keep ? this.#values.known(column.node) : undefined
      if (known !== undefined || operation?.definition.computeMany === undefined || operation.codes.length > 1) {
        if (known === undefined) this.#computeOne(column)
        else this.#set(column, known)
        continue
      }
      const key = `${graph.code(column.node)} ${graph.operands(column.node).join(' ')}`
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [column])
      else group.push(column)
    }
    for (const group of groups.values()) this.#computeGroup(group)
  }

  #set(column: FastColumn, values: Float64Array): void {
    const from = this.first * 64
    this.#memory.doubles.set(from === 0 ? values : values.subarray(from), (column.values >>> 3) + from)
  }

  #computeOne(column: FastColumn): void {
    try {
      this.#set(column, this.#values.value(column.node))
    } catch {
      column.failed = true
    }
  }

  /** Indicators that differ in their parameters only. */
  #computeGroup(columns: readonly FastColumn[]): void {
    try {
      this.#computeMany(columns)
    } catch {
      for (const column of columns) this.#computeOne(column)
    }
  }

  #computeMany(columns: readonly FastColumn[]): void {
    const { graph } = this.#values
    const { length } = this.#values.bars
    const { node } = columns[0]
    const outs = columns.map((column) =>
      this.#keep ? new Float64Array(length) : this.#memory.viewDoubles(column.values, length),
    )
    indicatorOperation(graph.code(node))?.definition.computeMany?.(
      graph.operands(node).map((operand) => this.#values.value(operand)),
      columns.map((column) => graph.constants(column.node) as readonly number[]),
      outs.map((out) => [out]),
    )
    if (!this.#keep) return
    columns.forEach((column, k) => {
      this.#values.keep(column.node, outs[k])
      this.#set(column, outs[k])
    })
  }

  /** Codes for the families in which comparisons outnumber columns. */
  #encode(): void {
    const families = new Map<number, FastColumn[]>()
    for (const column of this.#columns) {
      const root = this.#root(column)
      const family = families.get(root)
      if (family === undefined) families.set(root, [column])
      else family.push(column)
    }
    const { coding } = this.#memory.kernels
    if (coding === undefined) return
    const { first } = this
    const bars = (this.words - first) * 64
    for (const family of families.values()) {
      const comparisons = family.reduce((sum, column) => sum + column.comparisons, 0)
      const coded = family.filter((column) => column.codable)
      if (coded.length < 2 || comparisons < COMPARISONS_PER_COLUMN * family.length) continue
      for (const column of coded) column.codes = this.#memory.allocate(this.words * 128)
      const mark = this.#memory.mark()
      const low = this.#memory.allocate(bars * 8)
      const high = this.#memory.allocate(bars * 8)
      const scale = this.#memory.allocate(bars * 8)
      this.#memory.viewDoubles(low, bars).fill(Number.POSITIVE_INFINITY)
      this.#memory.viewDoubles(high, bars).fill(Number.NEGATIVE_INFINITY)
      for (const column of coded) coding.widenRange(column.values + first * 512, bars, low, high)
      coding.scaleRange(low, high, bars, scale)
      for (const column of coded)
        coding.encodeColumn(column.values + first * 512, bars, low, scale, column.codes + first * 128)
      this.#memory.release(mark)
    }
  }

  /** Gives up codes that decide too little. */
  judge(a: FastColumn, undecided: number): void {
    if (undecided > UNDECIDED * (this.words - this.first)) a.codes = 0
  }
}
