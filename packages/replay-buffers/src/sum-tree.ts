import { TradewrightError } from '@tradewright/core'
import { type TreeLevels, treeDrawPlain, treeRangePlain, treeUpdatePlain } from './kernels/tree-plain.ts'
import { type Arena, createArena, growArena } from './kernels/wasm.ts'

/** Options of {@link SumTree}. */
export interface SumTreeOptions {
  /** Whether the smallest positive leaf is kept. @default false */
  readonly min?: boolean
  /** Whether the largest leaf is kept. @default false */
  readonly max?: boolean
  /** `false` forces the plain TypeScript form. Both give the same bits. @default true where it loads */
  readonly wasm?: boolean
}

/** Masses, leaves, values and a list of one call, by count. */
interface Scratch {
  readonly masses: Float64Array
  readonly values: Float64Array
  readonly out: Int32Array
  readonly list: Int32Array
}

/** Byte addresses in the arena: the table of levels, then the scratch of a call. */
interface Addresses {
  readonly table: number
  readonly scratch: number
}

const roundUp = (value: number): number => Math.ceil(value / 8) * 8

/** Nodes of each level, leaves first, each but the root's padded to whole groups of eight. */
function levelSizes(leaves: number): number[] {
  const sizes = [roundUp(Math.max(leaves, 8))]
  while (sizes[sizes.length - 1] > 8) sizes.push(roundUp(sizes[sizes.length - 1] / 8))
  sizes.push(8)
  return sizes
}

/**
 * Sums of Float64 priorities in a tree eight wide: one cache line a level. A parent is always rebuilt from its eight
 * children, never changed by a difference, so the tree equals its leaves after any history. Leaves are written at
 * once and their ancestors when {@link SumTree.flush} needs them.
 *
 * Reading a leaf is O(1), updating k leaves O(k log8 n), drawing k leaves O(k log8 n).
 */
export class SumTree {
  /** Leaves that can be set: 0 to `length - 1`. */
  readonly length: number
  readonly #mode: number
  readonly #sizes: readonly number[]
  readonly #arena: Arena | undefined
  readonly #addresses: Addresses
  #levels: TreeLevels
  #scratch: Scratch
  #scratchSize = 512
  #dirtyFrom = Number.POSITIVE_INFINITY
  #dirtyTo = -1

  /**
   * @param length leaves, an integer from 1 to 2^30.
   */
  constructor(length: number, options: SumTreeOptions = {}) {
    if (!Number.isInteger(length) || length < 1 || length > 2 ** 30)
      throw new TradewrightError('BAD_OPTION', `a tree has 1 to 2^30 leaves, was ${length}`, { length })
    const { min = false, max = false, wasm = true } = options
    this.length = length
    this.#mode = (min ? 1 : 0) | (max ? 2 : 0)
    this.#sizes = levelSizes(length)
    const inner = this.#sizes.slice(1).reduce((sum, size) => sum + size, 0)
    const nodes = this.#sizes[0] + inner * (1 + (min ? 1 : 0) + (max ? 1 : 0))
    this.#addresses = { table: 64, scratch: 1024 + nodes * 8 }
    this.#arena = wasm ? createArena(this.#addresses.scratch + this.#scratchSize * 24) : undefined
    this.#levels = this.#mapLevels()
    this.#scratch = this.#mapScratch()
    for (const level of this.#levels.mins) level.fill(Number.POSITIVE_INFINITY)
  }

  /** Whether the WebAssembly kernels are in use. */
  get accelerated(): boolean {
    return this.#arena !== undefined
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#addresses.scratch + this.#scratchSize * 24
  }

  #mapLevels(): TreeLevels {
    const buffer = this.#arena?.memory.buffer ?? new ArrayBuffer(this.#addresses.scratch)
    let at = 1024
    const take = (size: number): Float64Array => {
      const view = new Float64Array(buffer, at, size)
      at += size * 8
      return view
    }
    const depth = this.#sizes.length - 1
    const sums = this.#sizes.map(take)
    const none = new Float64Array(0)
    const extremes = (kept: boolean): Float64Array[] => (kept ? [none, ...this.#sizes.slice(1).map(take)] : [])
    const mins = extremes((this.#mode & 1) !== 0)
    const maxs = extremes((this.#mode & 2) !== 0)
    const table = new Uint32Array(buffer, this.#addresses.table, 3 * depth + 1)
    sums.forEach((level, i) => {
      table[i] = level.byteOffset
    })
    for (let level = 1; level <= depth; level++) {
      table[depth + level] = mins[level]?.byteOffset ?? 0
      table[2 * depth + level] = maxs[level]?.byteOffset ?? 0
    }
    return { depth, sums, mins, maxs }
  }

  #mapScratch(): Scratch {
    const n = this.#scratchSize
    const at = this.#addresses.scratch
    const buffer = this.#arena?.memory.buffer ?? new ArrayBuffer(at + n * 24)
    return {
      masses: new Float64Array(buffer, at, n),
      values: new Float64Array(buffer, at + n * 8, n),
      out: new Int32Array(buffer, at + n * 16, n),
      list: new Int32Array(buffer, at + n * 20, n),
    }
  }

  /** Makes room for calls of `count`. The arena's views are made anew when it grows. */
  reserve(count: number): void {
    if (count <= this.#scratchSize) return
    this.#scratchSize = roundUp(count)
    if (this.#arena !== undefined && growArena(this.#arena, this.#addresses.scratch + this.#scratchSize * 24))
      this.#levels = this.#mapLevels()
    this.#scratch = this.#mapScratch()
  }

  /** The leaves, to read. Dead after {@link SumTree.reserve}. */
  viewLeaves(): Float64Array {
    return this.#levels.sums[0]
  }

  /** Masses of the next {@link SumTree.draw}, to be filled: at least as many as were reserved. */
  viewMasses(): Float64Array {
    return this.#scratch.masses
  }

  /** Sets a leaf; its ancestors follow at the next {@link SumTree.flush}. */
  set(leaf: number, value: number): void {
    this.#levels.sums[0][leaf] = value
    if (leaf < this.#dirtyFrom) this.#dirtyFrom = leaf
    if (leaf > this.#dirtyTo) this.#dirtyTo = leaf
  }

  /** Sets the leaves from `from` to `to - 1` to one value. */
  fill(from: number, to: number, value: number): void {
    if (from >= to) return
    this.#levels.sums[0].fill(value, from, to)
    if (from < this.#dirtyFrom) this.#dirtyFrom = from
    if (to - 1 > this.#dirtyTo) this.#dirtyTo = to - 1
  }

  /** Rebuilds the ancestors of the range of leaves that {@link SumTree.set} and {@link SumTree.fill} have touched. */
  flush(): void {
    const from = this.#dirtyFrom
    const to = this.#dirtyTo
    if (to < 0) return
    this.#dirtyFrom = Number.POSITIVE_INFINITY
    this.#dirtyTo = -1
    const depth = this.#levels.depth
    if (this.#arena !== undefined) this.#arena.kernels.treeRange(this.#addresses.table, depth, from, to, this.#mode)
    else treeRangePlain(this.#levels, from, to, this.#mode)
  }

  /**
   * Sets `count` leaves and rebuilds their ancestors; leaves in ascending order share the most work. A leaf that is
   * listed twice keeps its last value.
   */
  update(leaves: ArrayLike<number>, values: ArrayLike<number>, count: number): void {
    this.reserve(count)
    const target = this.#levels.sums[0]
    const list = this.#scratch.list
    for (let k = 0; k < count; k++) {
      const leaf = leaves[k]
      target[leaf] = values[k]
      list[k] = leaf
    }
    const depth = this.#levels.depth
    if (this.#arena !== undefined)
      this.#arena.kernels.treeUpdate(this.#addresses.table, depth, list.byteOffset, count, this.#mode)
    else treeUpdatePlain(this.#levels, list, count, this.#mode)
  }

  /** Sum of all leaves. Flush before. */
  get total(): number {
    return this.#levels.sums[this.#levels.depth][0]
  }

  /** Smallest positive leaf, Infinity without any. Only with `min`. Flush before. */
  get min(): number {
    return this.#levels.mins[this.#levels.depth][0]
  }

  /** Largest leaf. Only with `max`. Flush before. */
  get max(): number {
    return this.#levels.maxs[this.#levels.depth][0]
  }

  /**
   * The leaf under each of the first `count` masses of {@link SumTree.viewMasses} (each from 0 to below the total;
   * they are used up), and its value. A leaf of 0 is never drawn. Flush before; the total must be positive.
   *
   * @param out    shape [count], the leaves. Caller-owned.
   * @param values shape [count], their values. Caller-owned.
   */
  draw(count: number, out: Int32Array, values: Float64Array): void {
    const scratch = this.#scratch
    if (this.#arena === undefined) {
      treeDrawPlain(this.#levels, scratch.masses, count, out, values)
      return
    }
    const { table, scratch: masses } = this.#addresses
    const depth = this.#levels.depth
    this.#arena.kernels.treeDraw(table, depth, masses, count, scratch.out.byteOffset, scratch.values.byteOffset)
    for (let k = 0; k < count; k++) out[k] = scratch.out[k]
    for (let k = 0; k < count; k++) values[k] = scratch.values[k]
  }
}
