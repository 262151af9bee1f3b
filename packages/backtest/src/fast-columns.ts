import { TradewrightError } from '@tradewright/core'
import type { FastMemory } from './fast-memory.ts'
import { indicatorOperation } from './indicator-node.ts'
import type { Coding } from './kernels/kernel-set.ts'
import type { NodeValues } from './node-values.ts'
import type { ResidentColumns } from './resident-columns.ts'

/** Codes pay once a column of a family is compared this often. */
const COMPARISONS_PER_COLUMN = 3
/** Words of 64 bars that are coded at once: a hundred columns of that size stay in the second cache. */
const BLOCK_WORDS = 16
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
  loaded: boolean
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
  readonly #resident: ResidentColumns | undefined
  readonly #columns: FastColumn[] = []
  /** Of each node: its place in `#columns`, from 1; 0 where it has none. */
  readonly #place: Int32Array

  /**
   * @param keep     whether indicators go into the store; else they are computed into the memory directly.
   * @param resident columns that are there already. @default none
   */
  constructor(memory: FastMemory, values: NodeValues, keep: boolean, resident?: ResidentColumns) {
    this.#memory = memory
    this.#values = values
    this.#keep = keep
    this.#resident = resident
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
      loaded: false,
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
    if (column === undefined || column.failed || !column.loaded)
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
   * Computes the columns of the families that get codes; every other one now, or where `lazy` when {@link ensure} asks.
   *
   * @param first the first word that is needed, even.
   */
  load(lazy: boolean, first: number = 0): void {
    this.first = first
    this.#encode()
    if (!lazy) this.#loadAll(this.#columns)
  }

  /** Computes what is not there yet of some nodes that were asked for. */
  ensure(nodes: Iterable<number>): void {
    const missing: FastColumn[] = []
    for (const node of nodes) {
      const column: FastColumn | undefined = this.#columns[this.#place[node] - 1]
      if (column !== undefined && !column.loaded) missing.push(column)
    }
    if (missing.length > 0) this.#loadAll(missing)
  }

  #loadAll(columns: readonly FastColumn[]): void {
    const { first, words } = this
    for (const column of this.#computeMissing(columns)) {
      column.codable = this.#scan(column, first, words)
      this.#findSolid(column)
    }
  }

  /** Those that were not there, computed and padded. */
  #computeMissing(columns: readonly FastColumn[]): readonly FastColumn[] {
    const memory = this.#memory
    const { words } = this
    const missing = columns.filter((column) => !column.loaded && !this.#isResident(column))
    for (const column of missing) {
      column.values = memory.allocate(words * 512)
      column.valid = memory.allocate(words * 8)
      column.loaded = true
    }
    this.#compute(missing)
    const { length } = this.#values.bars
    for (const column of missing) memory.viewDoubles(column.values, words * 64).fill(NaN, length)
    return missing
  }

  /** Takes a column that stays in the memory, if it does. */
  #isResident(column: FastColumn): boolean {
    if (this.#resident === undefined) return false
    const key = this.#values.storeKey(column.node)
    const known = key === undefined ? undefined : this.#resident.get(key)
    if (known === undefined) return false
    column.values = known.values
    column.valid = known.valid
    column.codable = known.codable
    column.loaded = true
    this.#findSolid(column)
    return true
  }

  /** Finds where some words of a column are numbers. @returns whether codes may stand for them. */
  #scan(column: FastColumn, from: number, to: number): boolean {
    return this.#memory.kernels.scanColumn(column.values + from * 512, to - from, column.valid + from * 8) === 1
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

  #compute(columns: readonly FastColumn[]): void {
    const { graph } = this.#values
    const groups = new Map<string, FastColumn[]>()
    for (const column of columns) {
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
    const key = this.#resident === undefined ? undefined : this.#values.storeKey(column.node)
    if (key !== undefined) this.#resident?.note(key, values)
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
    for (const family of families.values()) {
      const comparisons = family.reduce((sum, column) => sum + column.comparisons, 0)
      if (family.length < 2 || comparisons < COMPARISONS_PER_COLUMN * family.length) continue
      this.#computeMissing(family)
      for (const column of family) column.codable = true
      this.#encodeFamily(coding, family, true)
      for (const column of family) this.#findSolid(column)
      // A column of values beyond 1e300 spoils the range of the others: they are coded again without it.
      const coded = family.filter((column) => column.codable)
      if (coded.length > 1 && coded.length < family.length) this.#encodeFamily(coding, coded, false)
      for (const column of family) if (!column.codable || coded.length < 2) column.codes = 0
    }
  }

  /** Block by block, so that all columns of a block are still in the processor's cache when their range is known. */
  #encodeFamily(coding: Coding, family: readonly FastColumn[], scan: boolean): void {
    const memory = this.#memory
    for (const column of family) if (column.codes === 0) column.codes = memory.allocate(this.words * 128)
    const mark = memory.mark()
    const low = memory.allocate(BLOCK_WORDS * 512)
    const high = memory.allocate(BLOCK_WORDS * 512)
    const scale = memory.allocate(BLOCK_WORDS * 512)
    for (let from = this.first; from < this.words; from += BLOCK_WORDS) {
      const to = Math.min(from + BLOCK_WORDS, this.words)
      const bars = (to - from) * 64
      memory.viewDoubles(low, bars).fill(Number.POSITIVE_INFINITY)
      memory.viewDoubles(high, bars).fill(Number.NEGATIVE_INFINITY)
      for (const column of family) {
        if (scan && !this.#scan(column, from, to)) column.codable = false
        coding.widenRange(column.values + from * 512, bars, low, high)
      }
      coding.scaleRange(low, high, bars, scale)
      for (const column of family)
        coding.encodeColumn(column.values + from * 512, bars, low, scale, column.codes + from * 128)
    }
    memory.release(mark)
  }

  /** Gives up codes that decide too little. */
  judge(a: FastColumn, undecided: number): void {
    if (undecided > UNDECIDED * (this.words - this.first)) a.codes = 0
  }
}
