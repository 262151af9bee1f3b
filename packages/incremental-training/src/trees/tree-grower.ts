import { TradewrightError } from '@tradewright/core'
import { bestCategorySplit, type CategoryRule } from './category-split.ts'
import { boundedWeight, gainAtWeight, gainOf, type SplitRule } from './plain-tree-kernels.ts'
import { treeJobs } from './tree-kernels.ts'
import { CHUNK_ROWS, MAXIMUM_ITEMS, type TreeMemory } from './tree-memory.ts'

/** How trees grow. */
export interface GrowRule extends CategoryRule {
  readonly maxDepth: number
  readonly gamma: number
  /** shape [features]: -1, 0 or 1; undefined where none is. */
  readonly monotone: Int32Array | undefined
  /** shape [features]: number of categories, 0 for a number. */
  readonly categories: Int32Array
}

/** A tree in bins. Node 0 is the root; a leaf's feature is -1. */
export interface GrownTree {
  readonly feature: number[]
  /** Last bin that goes left; -1: only missing values do. */
  readonly bin: number[]
  readonly left: number[]
  readonly right: number[]
  readonly defaultLeft: number[]
  /** Words of the set of categories that go right, where the split is one. */
  readonly categories: (Uint32Array | undefined)[]
  /** Best weight, without the learning rate. */
  readonly weight: number[]
  readonly gain: number[]
  /** Sum of hessians. */
  readonly cover: number[]
  /** Where a leaf's rows begin among the tree's rows, and how many there are. */
  readonly start: number[]
  readonly count: number[]
}

/** Which features a node may split by: writes 1 or 0 a feature into `mask`. `path` is the node's number in a full tree. */
export type MaskNode = (path: number, mask: Uint8Array) => void

/** A node that has a split. */
interface Pending {
  readonly node: number
  readonly slot: number
  readonly depth: number
  readonly path: number
  readonly g: number
  readonly h: number
  readonly lower: number
  readonly upper: number
  readonly split: Split
}

/** A split that was found. */
interface Split {
  readonly gain: number
  readonly feature: number
  readonly bin: number
  readonly defaultLeft: number
  readonly categories: Uint32Array | undefined
  readonly g: number
  readonly h: number
}

/** A node that is to be judged. */
interface Judged {
  readonly node: number
  readonly slot: number
  readonly depth: number
  readonly path: number
  readonly g: number
  readonly h: number
  readonly lower: number
  readonly upper: number
  /** Index among the batch's nodes. */
  readonly place: number
}

/** Of a split, a child whose histogram is built, and its sibling, whose histogram is what is left of the parent's. */
interface Pair {
  readonly built: Judged
  readonly sibling: Judged | undefined
}

/** Rounding of a difference of gains, relative to the gain of the node itself. */
const EPSILON = 1e-12

/**
 * Grows trees over binned rows, as XGBoost's `hist` does: all nodes down to `maxDepth`, the best split by second-order
 * gain, the larger child's histogram by subtraction. Every sum is exact, so neither threads nor subtraction change a bit.
 */
export class TreeGrower {
  readonly #memory: TreeMemory
  readonly #rule: GrowRule
  readonly #features: number
  #free: number[] = []

  constructor(memory: TreeMemory, features: number, rule: GrowRule) {
    this.#memory = memory
    this.#rule = rule
    this.#features = features
  }

  /**
   * @param count     rows of the tree: the first ones of the memory's `firstRows`.
   * @param gradients byte offset of the pairs of gradient and hessian.
   */
  grow(count: number, gradients: number, maskNode: MaskNode | undefined): GrownTree {
    const tree = emptyTree()
    const { at, u32, slots } = this.#memory
    u32.copyWithin(at.rows >>> 2, at.firstRows >>> 2, (at.firstRows >>> 2) + count)
    this.#free = Array.from({ length: slots }, (_, i) => slots - 1 - i)
    this.#ownMasks = maskNode !== undefined
    const rule = this.#rule
    const rootSlot = this.#takeSlot()
    // The root's sums are those of one feature's bins, known once its histogram is built.
    this.#histograms([{ built: this.#judged(0, rootSlot, 0, 1, 0, 0, [-Infinity, Infinity], 0), sibling: undefined }], {
      tree: { ...tree, start: [0], count: [count] },
      gradients,
      judge: false,
    })
    const [g, h] = this.#total(rootSlot)
    this.#addNode(tree, g, h, 0, count, -Infinity, Infinity)
    const stack: Pending[] = []
    if (rule.maxDepth > 0) {
      const root = this.#judged(0, rootSlot, 0, 1, g, h, [-Infinity, Infinity], 0)
      stack.push(...this.#judge([root], maskNode))
    }
    while (stack.length > 0) this.#splitBatch(tree, stack, gradients, maskNode)
    return tree
  }

  /** Adds each leaf's value to its rows' margins. */
  addLeaves(tree: GrownTree, values: Float32Array, margins: number): void {
    const { at, u32, f32, kernels } = this.#memory
    let items = 0
    const flush = (): void => {
      kernels.run(treeJobs.leaf, at.items, items, true)
      items = 0
    }
    for (let n = 0; n < tree.feature.length; n++) {
      if (tree.feature[n] >= 0) continue
      for (let from = 0; from < tree.count[n]; from += CHUNK_ROWS) {
        const item = (at.items >>> 2) + items++ * 16
        u32[item] = at.rows + 4 * (tree.start[n] + from)
        u32[item + 1] = Math.min(CHUNK_ROWS, tree.count[n] - from)
        u32[item + 2] = margins
        f32[item + 3] = values[n]
        if (items === MAXIMUM_ITEMS) flush()
      }
    }
    flush()
  }

  /** Adds the tree to the margins of rows that it did not grow from: the first `count` ones of `otherRows`. */
  addOthers(tree: GrownTree, values: Float32Array, margins: number, count: number): void {
    if (count === 0) return
    const { at, u32, i32, f32, kernels } = this.#memory
    let sets = at.treeNodes + tree.feature.length * 32
    for (let n = 0; n < tree.feature.length; n++) {
      const node = (at.treeNodes >>> 2) + n * 8
      const words = tree.categories[n]
      i32[node] = tree.feature[n]
      i32[node + 1] = tree.bin[n]
      u32[node + 2] = tree.left[n]
      u32[node + 3] = tree.right[n]
      u32[node + 4] = tree.defaultLeft[n]
      u32[node + 5] = words === undefined ? 0 : sets
      f32[node + 6] = values[n]
      if (words !== undefined) {
        u32.set(words, sets >>> 2)
        sets += 32
      }
    }
    let items = 0
    for (let from = 0; from < count; from += CHUNK_ROWS) {
      const item = (at.items >>> 2) + items++ * 16
      u32[item] = at.otherRows + 4 * from
      u32[item + 1] = Math.min(CHUNK_ROWS, count - from)
      u32[item + 2] = margins
      u32[item + 3] = at.treeNodes
    }
    kernels.run(treeJobs.traverse, at.items, items, true)
  }

  #takeSlot(): number {
    const slot = this.#free.pop()
    if (slot === undefined) throw new TradewrightError('INTERNAL', 'a histogram must be free, none was')
    return slot
  }

  #slotAt(slot: number): number {
    return this.#memory.at.slots + slot * this.#memory.slotBytes
  }

  #judged(
    node: number,
    slot: number,
    depth: number,
    path: number,
    g: number,
    h: number,
    [lower, upper]: readonly [number, number],
    place: number,
  ): Judged {
    return { node, slot, depth, path, g, h, lower, upper, place }
  }

  /** Sums of a histogram: over the bins of its first feature. */
  #total(slot: number): readonly [number, number] {
    const { f64 } = this.#memory
    const first = this.#slotAt(slot) >>> 3
    let g = 0
    let h = 0
    for (let i = 0; i < 512; i += 2) {
      g += f64[first + i]
      h += f64[first + i + 1]
    }
    return [g, h]
  }

  #addNode(tree: GrownTree, g: number, h: number, start: number, count: number, lower: number, upper: number): number {
    const rule: SplitRule = { ...this.#rule, lower, upper }
    tree.feature.push(-1)
    tree.bin.push(0)
    tree.left.push(-1)
    tree.right.push(-1)
    tree.defaultLeft.push(0)
    tree.categories.push(undefined)
    tree.weight.push(Math.fround(boundedWeight(g, h, rule)))
    tree.gain.push(0)
    tree.cover.push(Math.fround(h))
    tree.start.push(start)
    tree.count.push(count)
    return tree.feature.length - 1
  }

  /** Gain of a node that stays a leaf. */
  #ownGain({ g, h, lower, upper }: Judged): number {
    const { lambda, alpha, monotone } = this.#rule
    if (monotone === undefined) return gainOf(g, h, lambda, alpha)
    return gainAtWeight(g, h, boundedWeight(g, h, { ...this.#rule, lower, upper }), lambda)
  }

  /** Writes what the kernels judge a node by. @returns byte offsets of the node and its mask. */
  #writeJudged(judged: Judged, maskNode: MaskNode | undefined): readonly [number, number] {
    const { at, f64, u8, rowBytes } = this.#memory
    const node = at.nodes + judged.place * 64
    const own = this.#ownGain(judged)
    f64.set([judged.g, judged.h, own + EPSILON * Math.abs(own), judged.lower, judged.upper], node >>> 3)
    // One mask serves all where no node has its own.
    const mask = at.masks + (maskNode === undefined ? 0 : judged.place) * rowBytes
    maskNode?.(judged.path, u8.subarray(mask, mask + this.#features))
    return [node, mask]
  }

  /** Judges nodes whose histograms stand. */
  #judge(nodes: readonly Judged[], maskNode: MaskNode | undefined): Pending[] {
    return this.#pending(
      nodes,
      nodes.map((judged) => {
        const { at, u32, kernels, blocks } = this.#memory
        const item = at.items >>> 2
        // No rows to add: into a slot that is free, with the node's own as the parent to judge.
        const spare = this.#takeSlot()
        const [node, mask] = this.#writeJudged(judged, maskNode)
        u32.fill(0, item, item + 16)
        u32[item + 3] = this.#slotAt(spare)
        u32[item + 4] = this.#slotAt(judged.slot)
        u32[item + 6] = blocks
        u32[item + 10] = node
        u32[item + 11] = mask
        u32[item + 12] = at.outs
        kernels.run(treeJobs.histogram, at.items, 1, false)
        this.#free.push(spare)
        return this.#readSplit(judged, [at.outs])
      }),
    )
  }

  /** The best of what the ranges of features gave, and of the category features. */
  #readSplit(judged: Judged, outs: readonly number[]): Split | undefined {
    const { f64, at, u8, rowBytes } = this.#memory
    const own = this.#ownGain(judged)
    let best: Split | undefined
    let gain = own + EPSILON * Math.abs(own)
    for (const out of outs) {
      const i = out >>> 3
      if (f64[i + 1] < 0 || !(f64[i] > gain)) continue
      gain = f64[i]
      best = {
        gain: gain - own,
        feature: f64[i + 1],
        bin: f64[i + 2],
        defaultLeft: f64[i + 3],
        categories: undefined,
        g: f64[i + 4],
        h: f64[i + 5],
      }
    }
    const { categories } = this.#rule
    const mask = at.masks + (this.#ownMasks ? judged.place : 0) * rowBytes
    for (let f = 0; f < this.#features; f++) {
      if (categories[f] === 0 || u8[mask + f] === 0) continue
      const histogram = f64.subarray(
        (this.#slotAt(judged.slot) >>> 3) + f * 512,
        (this.#slotAt(judged.slot) >>> 3) + f * 512 + 512,
      )
      const found = bestCategorySplit(histogram, categories[f], judged, { ...this.#rule, gain })
      if (found === undefined) continue
      gain = found.gain
      best = { ...found, gain: gain - own, feature: f, bin: 0 }
    }
    return best
  }

  /** Whether nodes have masks of their own in this tree. */
  #ownMasks = false

  /** Those of the nodes that will be split; the others give their histograms back. */
  #pending(nodes: readonly Judged[], splits: readonly (Split | undefined)[]): Pending[] {
    const found: Pending[] = []
    nodes.forEach((judged, i) => {
      const split = splits[i]
      if (split === undefined || split.gain < this.#rule.gamma) this.#free.push(judged.slot)
      else found.push({ ...judged, split })
    })
    return found
  }

  /** Splits the last nodes of the stack together. */
  #splitBatch(tree: GrownTree, stack: Pending[], gradients: number, maskNode: MaskNode | undefined): void {
    const batch = stack.splice(Math.max(0, stack.length - this.#memory.batch))
    const lefts = this.#partition(tree, batch)
    const pairs: Pair[] = []
    batch.forEach((pending, i) => {
      const children = this.#children(tree, pending, lefts[i])
      if (pending.depth + 1 >= this.#rule.maxDepth) {
        this.#free.push(pending.slot)
        return
      }
      const [left, right] = children
      const small = tree.count[left.node] <= tree.count[right.node] ? left : right
      const large = small === left ? right : left
      pairs.push({
        built: { ...small, slot: this.#takeSlot(), place: 2 * i },
        sibling: { ...large, slot: pending.slot, place: 2 * i + 1 },
      })
    })
    if (pairs.length > 0) stack.push(...this.#histograms(pairs, { tree, gradients, judge: true, maskNode }))
  }

  /** Adds a split's children to the tree. */
  #children(tree: GrownTree, pending: Pending, leftCount: number): readonly [Judged, Judged] {
    const { node, split, depth, path, slot } = pending
    const { monotone } = this.#rule
    const direction = monotone?.[split.feature] ?? 0
    const sums = [
      [split.g, split.h],
      [pending.g - split.g, pending.h - split.h],
    ]
    let bounds = [
      [pending.lower, pending.upper],
      [pending.lower, pending.upper],
    ]
    if (direction !== 0) {
      const rule: SplitRule = { ...this.#rule, lower: pending.lower, upper: pending.upper }
      const middle = (boundedWeight(sums[0][0], sums[0][1], rule) + boundedWeight(sums[1][0], sums[1][1], rule)) / 2
      const below = [pending.lower, middle]
      const above = [middle, pending.upper]
      bounds = direction > 0 ? [below, above] : [above, below]
    }
    const start = tree.start[node]
    const counts = [leftCount, tree.count[node] - leftCount]
    const made = [0, 1].map((side): Judged => {
      const [g, h] = sums[side]
      const [lower, upper] = bounds[side]
      const child = this.#addNode(tree, g, h, side === 0 ? start : start + leftCount, counts[side], lower, upper)
      return { node: child, slot, depth: depth + 1, path: 2 * path + side, g, h, lower, upper, place: 0 }
    })
    tree.feature[node] = split.feature
    tree.bin[node] = split.bin
    tree.defaultLeft[node] = split.defaultLeft
    tree.categories[node] = split.categories
    tree.gain[node] = Math.fround(split.gain)
    tree.left[node] = made[0].node
    tree.right[node] = made[1].node
    return [made[0], made[1]]
  }

  /** Parts the rows of nodes. @returns how many went left, a node. */
  #partition(tree: GrownTree, batch: readonly Pending[]): number[] {
    const { at, u32, kernels } = this.#memory
    const parts: { readonly start: number; readonly count: number; readonly owner: number }[] = []
    let all = 0
    batch.forEach(({ node }, owner) => {
      const { start, count } = { start: tree.start[node], count: tree.count[node] }
      const size = kernels.threads === 1 || count < 2 * CHUNK_ROWS ? count : CHUNK_ROWS
      for (let from = 0; from < count; from += size)
        parts.push({ start: start + from, count: Math.min(size, count - from), owner })
      all += count
    })
    // The kernel writes one word past a part's right rows: in order of their rows, each part has one of its own.
    parts.sort((a, b) => a.start - b.start)
    parts.forEach(({ start, count, owner }, i) => {
      const { split } = batch[owner]
      const item = (at.items >>> 2) + i * 16
      const set = at.categories + owner * 32
      if (split.categories !== undefined) u32.set(split.categories, set >>> 2)
      u32[item] = at.rows + 4 * start
      u32[item + 1] = count
      u32[item + 2] = at.scratch + 4 * (start + i)
      u32[item + 3] = split.feature
      u32[item + 4] = split.bin
      u32[item + 5] = split.defaultLeft
      u32[item + 6] = split.categories === undefined ? 0 : set
      u32[item + 7] = at.counts + 4 * i
    })
    kernels.run(treeJobs.partition, at.items, parts.length, all > 20_000)
    const lefts = batch.map(() => 0)
    const rows = at.rows >>> 2
    const scratch = at.scratch >>> 2
    const counts = at.counts >>> 2
    // Left rows of a node's parts close ranks, then its right rows come back.
    parts.forEach(({ start, owner }, i) => {
      const to = rows + tree.start[batch[owner].node] + lefts[owner]
      if (to !== rows + start) u32.copyWithin(to, rows + start, rows + start + u32[counts + i])
      lefts[owner] += u32[counts + i]
    })
    const rights = lefts.slice()
    parts.forEach(({ start, count, owner }, i) => {
      const length = count - u32[counts + i]
      u32.copyWithin(
        rows + tree.start[batch[owner].node] + rights[owner],
        scratch + start + i,
        scratch + start + i + length,
      )
      rights[owner] += length
    })
    return lefts
  }

  /** Builds and subtracts histograms, and judges their nodes where asked. */
  #histograms(
    pairs: readonly Pair[],
    {
      tree,
      gradients,
      judge,
      maskNode,
    }: {
      readonly tree: GrownTree
      readonly gradients: number
      readonly judge: boolean
      readonly maskNode?: MaskNode | undefined
    },
  ): Pending[] {
    const { at, u32, kernels, blocks } = this.#memory
    const rows = pairs.reduce((sum, { built }) => sum + tree.count[built.node], 0)
    const parallel = kernels.threads > 1 && rows * blocks + pairs.length * blocks * 256 > 8000
    const wanted = parallel && pairs.length < 4 * kernels.threads ? Math.ceil((8 * kernels.threads) / pairs.length) : 1
    const size = Math.ceil(blocks / Math.min(blocks, wanted))
    // The longest first, so that the threads end together.
    const order = pairs.map((_, i) => i)
    if (parallel) order.sort((a, b) => tree.count[pairs[b].built.node] - tree.count[pairs[a].built.node])
    const outs = new Map<Judged, number[]>()
    let items = 0
    for (const i of order) {
      const { built, sibling } = pairs[i]
      const [node, mask] = judge ? this.#writeJudged(built, maskNode) : [0, 0]
      const [siblingNode, siblingMask] = sibling === undefined ? [0, 0] : this.#writeJudged(sibling, maskNode)
      outs.set(built, [])
      if (sibling !== undefined) outs.set(sibling, [])
      for (let from = 0; from < blocks; from += size) {
        const item = (at.items >>> 2) + items * 16
        const out = at.outs + items * 96
        u32[item] = at.rows + 4 * tree.start[built.node]
        u32[item + 1] = tree.count[built.node]
        u32[item + 2] = gradients
        u32[item + 3] = this.#slotAt(built.slot)
        u32[item + 4] = sibling === undefined ? 0 : this.#slotAt(sibling.slot)
        u32[item + 5] = from
        u32[item + 6] = Math.min(blocks, from + size)
        u32[item + 7] = node
        u32[item + 8] = mask
        u32[item + 9] = out
        u32[item + 10] = siblingNode
        u32[item + 11] = siblingMask
        u32[item + 12] = out + 48
        outs.get(built)?.push(out)
        if (sibling !== undefined) outs.get(sibling)?.push(out + 48)
        items++
      }
    }
    kernels.run(treeJobs.histogram, at.items, items, parallel)
    if (!judge) return []
    const nodes = pairs.flatMap(({ built, sibling }) => (sibling === undefined ? [built] : [built, sibling]))
    return this.#pending(
      nodes,
      nodes.map((judged) => this.#readSplit(judged, outs.get(judged) ?? [])),
    )
  }
}

function emptyTree(): GrownTree {
  return {
    feature: [],
    bin: [],
    left: [],
    right: [],
    defaultLeft: [],
    categories: [],
    weight: [],
    gain: [],
    cover: [],
    start: [],
    count: [],
  }
}
