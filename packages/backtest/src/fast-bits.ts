import type { FastColumn, FastColumns } from './fast-columns.ts'
import type { FastMemory } from './fast-memory.ts'
import type { NodeGraph } from './node-graph.ts'
import type { NodeValues } from './node-values.ts'
import { Op } from './operation.ts'

/** Bytes of bit sets that are kept for more than one trial. */
const SHARED_BYTES = 64 * 1024 * 1024

const isComparison = (code: number): boolean => (code >= Op.gt && code <= Op.ne) || code === Op.crossesAbove
const isLogic = (code: number): boolean => (code >= Op.and && code <= Op.not) || code === Op.lagBoolean

/**
 * Boolean nodes as bit sets in the kernels' memory. Those that several trials use are kept, the others live in slots
 * that the next trial takes over.
 */
export class FastBits {
  readonly #memory: FastMemory
  readonly #graph: NodeGraph
  readonly #values: NodeValues
  readonly #columns: FastColumns
  readonly #bytes: number
  /** How often a node is used: by programs and by other nodes. */
  readonly #uses: Int32Array
  /** Where a kept node is; 0 where it is not. */
  readonly #kept: Int32Array
  readonly #keptPairs = new Map<number, { readonly greater: number; readonly less: number }>()
  #sharedBytes = 0
  /** Words computed, from the columns' first on. */
  #span = 0
  #reach = 1
  readonly #slots: number[] = []
  #used = 0
  // Comparisons of this trial, both directions of each.
  readonly #recentKey: number[] = []
  readonly #recentGreater: number[] = []
  readonly #recentLess: number[] = []
  #recent = 0
  #ones = 0
  #zeros = 0

  constructor(memory: FastMemory, values: NodeValues, columns: FastColumns) {
    this.#memory = memory
    this.#graph = values.graph
    this.#values = values
    this.#columns = columns
    this.#bytes = columns.words * 8
    this.#uses = new Int32Array(this.#graph.size)
    this.#kept = new Int32Array(this.#graph.size)
  }

  /** Notes that a trial uses a node, and asks for the columns below it. Before `load`. */
  want(node: number): void {
    const uses = this.#uses
    if (uses[node]++ > 0) return
    const graph = this.#graph
    const stack = [node]
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const code = graph.code(top)
      if (code === Op.crossesAbove) this.#reach++
      else if (code === Op.lagBoolean) this.#reach += graph.constants(top)[0] as number
      if (isComparison(code)) this.#wantComparison(graph.operand(top, 0), graph.operand(top, 1))
      else if (isLogic(code))
        for (let k = 0; k < graph.operandCount(top); k++) {
          const operand = graph.operand(top, k)
          if (uses[operand]++ === 0) stack.push(operand)
        }
    }
  }

  /** Bars before a bar that its bits may depend on, columns of numbers apart. */
  get reach(): number {
    return this.#reach
  }

  #wantComparison(a: number, b: number): void {
    const graph = this.#graph
    const left = graph.code(a) === Op.constant ? undefined : this.#columns.want(a)
    const right = graph.code(b) === Op.constant ? undefined : this.#columns.want(b)
    if (left !== undefined && right !== undefined) this.#columns.pair(left, right)
  }

  /** The nodes of columns that a trial's node compares, into `found`. */
  columnsBelow(node: number, found: Set<number>): void {
    const graph = this.#graph
    const stack = [node]
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const code = graph.code(top)
      if (!isComparison(code) && !isLogic(code)) continue
      for (let k = 0; k < graph.operandCount(top); k++) {
        const operand = graph.operand(top, k)
        if (isLogic(code)) stack.push(operand)
        else if (graph.code(operand) !== Op.constant) found.add(operand)
      }
    }
  }

  /**
   * A number that is the same for trials that compare nearby columns: run one after another, they find these in the
   * processor's cache. `side` columns by `side` columns have one number, below (columns / side + 1) squared.
   */
  tile(node: number, side: number): number {
    const graph = this.#graph
    let top = node
    while (isLogic(graph.code(top))) top = graph.operand(top, 0)
    if (!isComparison(graph.code(top))) return 0
    const place = (operand: number): number =>
      graph.code(operand) === Op.constant ? 0 : Math.floor(this.#columns.want(operand).index / side)
    const a = place(graph.operand(top, 0))
    const b = place(graph.operand(top, 1))
    return Math.min(a, b) * (Math.floor(this.#columns.count / side) + 1) + Math.max(a, b)
  }

  /** Every bar of the range; after the columns' `load`. */
  load(): void {
    const memory = this.#memory
    this.#span = this.#columns.words - this.#columns.first
    this.#ones = memory.allocate(this.#bytes)
    this.#zeros = memory.allocate(this.#bytes)
    const { length } = this.#values.bars
    const from = this.#ones >>> 2
    const words = this.#bytes >>> 2
    memory.words.fill(0, this.#zeros >>> 2, (this.#zeros >>> 2) + words)
    for (let w = 0; w < words; w++) {
      const rest = length - w * 32
      memory.words[from + w] = rest >= 32 ? 0xffffffff : rest > 0 ? (1 << rest) - 1 : 0
    }
  }

  /** The next trial: its slots are free again. */
  next(): void {
    this.#used = 0
    this.#recent = 0
  }

  get zeros(): number {
    return this.#zeros
  }

  get ones(): number {
    return this.#ones
  }

  /** A bit set of this trial, not cleared. */
  slot(): number {
    if (this.#used === this.#slots.length) this.#slots.push(this.#memory.allocate(this.#bytes))
    return this.#slots[this.#used++]
  }

  /** Where the first word needed of a bit set is. */
  #at(bits: number): number {
    return bits + this.#columns.first * 8
  }

  #place(shared: boolean): number {
    if (!shared) return this.slot()
    this.#sharedBytes += this.#bytes
    return this.#memory.allocate(this.#bytes)
  }

  /** Where a node's bits are, computed now where they are not. @throws TradewrightError what a node throws. */
  bits(node: number): number {
    const known = this.#kept[node]
    if (known !== 0) return known
    const shared = this.#uses[node] > 1 && this.#sharedBytes < SHARED_BYTES
    const at = this.#compute(node, shared)
    if (shared) this.#kept[node] = at
    return at
  }

  #compute(node: number, shared: boolean): number {
    const graph = this.#graph
    const code = graph.code(node)
    const { kernels } = this.#memory
    const words = this.#span
    if (isComparison(code)) return this.#comparison(code, graph.operand(node, 0), graph.operand(node, 1), shared)
    if (code === Op.always) return graph.constant(node, 0) === true ? this.#ones : this.#zeros
    if (!isLogic(code)) return this.#packed(this.#values.boolean(node), shared)
    const a = this.bits(graph.operand(node, 0))
    if (code === Op.not) {
      const out = this.#place(shared)
      kernels.bitsAndNot(this.#at(this.#ones), this.#at(a), words, this.#at(out))
      return out
    }
    if (code === Op.lagBoolean) {
      const out = this.#place(shared)
      kernels.bitsLag(this.#at(a), Math.min(graph.constant(node, 0) as number, words * 64), words, this.#at(out))
      return out
    }
    const b = this.bits(graph.operand(node, 1))
    const out = this.#place(shared)
    if (code === Op.and) kernels.bitsAnd(this.#at(a), this.#at(b), words, this.#at(out))
    else if (code === Op.or) kernels.bitsOr(this.#at(a), this.#at(b), words, this.#at(out))
    else kernels.bitsXor(this.#at(a), this.#at(b), words, this.#at(out))
    return out
  }

  #packed(column: Uint8Array, shared: boolean): number {
    const out = this.#place(shared)
    const words = this.#memory.words
    words.fill(0, out >>> 2, (out + this.#bytes) >>> 2)
    for (let i = 0; i < column.length; i++) words[(out >>> 2) + (i >>> 5)] |= column[i] << (i & 31)
    return out
  }

  #comparison(code: number, a: number, b: number, shared: boolean): number {
    const graph = this.#graph
    if (graph.code(b) === Op.constant) return this.#finish(code, a, b, false, shared)
    if (graph.code(a) === Op.constant) return this.#finish(code, b, a, true, shared)
    // One computation gives both directions: which operand comes first must not matter.
    return a < b ? this.#finish(code, a, b, false, shared) : this.#finish(code, b, a, true, shared)
  }

  /** `code` of (a, b), or of (b, a) where swapped. */
  #finish(code: number, a: number, b: number, swapped: boolean, shared: boolean): number {
    const cross = code === Op.crossesAbove
    const key = (a * this.#graph.size + b) * 2 + (cross ? 1 : 0)
    let greater = 0
    let less = 0
    const kept = this.#keptPairs.size === 0 ? undefined : this.#keptPairs.get(key)
    if (kept !== undefined) {
      greater = kept.greater
      less = kept.less
    } else {
      let k = this.#recent - 1
      while (k >= 0 && this.#recentKey[k] !== key) k--
      if (k >= 0 && !shared) {
        greater = this.#recentGreater[k]
        less = this.#recentLess[k]
      } else {
        greater = this.#place(shared)
        less = this.#place(shared)
        this.#pair(cross, a, b, greater, less)
        if (shared) this.#keptPairs.set(key, { greater, less })
        else {
          this.#recentKey[this.#recent] = key
          this.#recentGreater[this.#recent] = greater
          this.#recentLess[this.#recent++] = less
        }
      }
    }
    const above = swapped ? less : greater
    if (cross || code === Op.gt) return above
    return this.#loose(code, a, b, above, swapped ? greater : less, shared)
  }

  #pair(cross: boolean, a: number, b: number, greater: number, less: number): void {
    const graph = this.#graph
    const { kernels } = this.#memory
    const { first } = this.#columns
    const left = this.#columns.column(a)
    const values = left.values + first * 512
    const above = this.#at(greater)
    const below = this.#at(less)
    if (graph.code(b) === Op.constant) {
      const value = graph.constant(b, 0) as number
      if (value - value === 0) {
        const compare = cross ? kernels.crossNumber : kernels.compareNumber
        const solidEnd = left.codable ? left.solidEnd : first // values beyond 1e300 are compared one by one
        compare(values, value, this.#at(left.valid), this.#span, left.solid - first, solidEnd - first, above, below)
        return
      }
      this.#infinite(cross, left, value, greater, less)
      return
    }
    const right = this.#columns.column(b)
    const coded = left.codes !== 0 && right.codes !== 0
    const compare = cross ? kernels.crossColumns : kernels.compareColumns
    const solid = coded ? Math.max(left.solid, right.solid) - first : 0
    const solidEnd = coded ? Math.min(left.solidEnd, right.solidEnd) - first : 0
    const undecided = compare(
      values,
      right.values + first * 512,
      left.codes === 0 ? 0 : left.codes + first * 128,
      right.codes === 0 ? 0 : right.codes + first * 128,
      this.#at(left.valid),
      this.#at(right.valid),
      this.#span,
      solid,
      solidEnd,
      above,
      below,
    )
    if (coded) this.#columns.judge(left, undecided)
  }

  /** Comparisons with NaN or an infinity, which the kernels leave out: bar by bar. */
  #infinite(cross: boolean, column: FastColumn, value: number, greater: number, less: number): void {
    const { words, doubles } = this.#memory
    words.fill(0, greater >>> 2, (greater + this.#bytes) >>> 2)
    words.fill(0, less >>> 2, (less + this.#bytes) >>> 2)
    const from = column.values >>> 3
    const { length } = this.#values.bars
    const begin = this.#columns.first * 64
    for (let i = begin; i < length; i++) {
      const x = doubles[from + i]
      const before = cross && i > begin ? doubles[from + i - 1] : NaN
      if (x > value && (!cross || before <= value)) words[(greater >>> 2) + (i >>> 5)] |= 1 << (i & 31)
      if (x < value && (!cross || before >= value)) words[(less >>> 2) + (i >>> 5)] |= 1 << (i & 31)
    }
  }

  /** gte, eq and ne from gt and lt and where both are numbers. */
  #loose(code: number, a: number, b: number, above: number, below: number, shared: boolean): number {
    const { kernels } = this.#memory
    const words = this.#span
    const out = this.#place(shared)
    const to = this.#at(out)
    if (code === Op.ne) {
      kernels.bitsOr(this.#at(above), this.#at(below), words, to)
      return out
    }
    const left = this.#columns.column(a).valid
    const constant = this.#graph.code(b) === Op.constant
    if (constant && Number.isNaN(this.#graph.constant(b, 0) as number)) return this.#zeros
    const right = constant ? this.#ones : this.#columns.column(b).valid
    kernels.bitsAnd(this.#at(left), this.#at(right), words, to)
    kernels.bitsAndNot(to, this.#at(below), words, to)
    if (code === Op.eq) kernels.bitsAndNot(to, this.#at(above), words, to)
    return out
  }
}
