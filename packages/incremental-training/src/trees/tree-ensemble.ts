import { TradewrightError } from '@tradewright/core'
import type { BinCuts } from './quantile-sketch.ts'
import type { GrownTree } from './tree-grower.ts'

/** Trees as flat arrays. A tree's nodes lie together, its root first. */
export interface TreeEnsemble {
  readonly features: number
  /** Sums that the trees add to: one, or one a class. */
  readonly groups: number
  /** Trees that are grown from the same sums: those of one round and group. */
  readonly parallelTrees: number
  /** shape [groups]: what sums begin with. */
  readonly base: Float32Array
  /** shape [trees + 1]: first node of each tree. */
  readonly roots: Int32Array
  /** shape [trees]: which sum each adds to. */
  readonly group: Int32Array
  /** shape [nodes]: -1 for a leaf. */
  readonly feature: Int32Array
  /** shape [nodes]: values below it go left; of a leaf, its value. */
  readonly threshold: Float32Array
  /** shape [nodes]: index of the child among all nodes. */
  readonly left: Int32Array
  readonly right: Int32Array
  /** shape [nodes]: 1 where missing values go left. */
  readonly defaultLeft: Uint8Array
  /** shape [nodes]: number of the set of categories that go right, -1 for a split by number. */
  readonly category: Int32Array
  /** shape [sets + 1]: first word of each set. */
  readonly setStart: Int32Array
  /** Bits of the sets. */
  readonly setWords: Uint32Array
  /** shape [nodes]: loss reduction, of a leaf 0. */
  readonly gain: Float32Array
  /** shape [nodes]: sum of hessians. */
  readonly cover: Float32Array
  /** shape [nodes]: best weight, without the learning rate. */
  readonly weight: Float32Array
}

/** The largest finite float32: what every number is below, but itself. */
const LARGEST = 3.4028234663852886e38

/** No trees yet. */
export function emptyEnsemble(features: number, base: Float32Array, parallelTrees: number = 1): TreeEnsemble {
  return {
    features,
    groups: base.length,
    parallelTrees,
    base,
    roots: new Int32Array(1),
    group: new Int32Array(0),
    feature: new Int32Array(0),
    threshold: new Float32Array(0),
    left: new Int32Array(0),
    right: new Int32Array(0),
    defaultLeft: new Uint8Array(0),
    category: new Int32Array(0),
    setStart: new Int32Array(1),
    setWords: new Uint32Array(0),
    gain: new Float32Array(0),
    cover: new Float32Array(0),
    weight: new Float32Array(0),
  }
}

/** A grown tree with its leaves' values and its place. */
export interface PlacedTree {
  readonly tree: GrownTree
  /** shape [nodes]: values of leaves. */
  readonly values: Float32Array
  readonly group: number
}

function thresholdOf({ offsets, values }: BinCuts, feature: number, bin: number): number {
  if (bin < 0) return -LARGEST
  const cut = offsets[feature] + bin
  return cut < offsets[feature + 1] ? values[cut] : LARGEST
}

/** The ensemble with trees behind its own. */
export function appendTrees(ensemble: TreeEnsemble, added: readonly PlacedTree[], cuts: BinCuts): TreeEnsemble {
  const before = ensemble.feature.length
  const nodes = added.reduce((sum, { tree }) => sum + tree.feature.length, before)
  const sets = added.reduce((sum, { tree }) => sum + tree.categories.filter((c) => c !== undefined).length, 0)
  const grownI32 = (old: Int32Array, length: number): Int32Array => {
    const made = new Int32Array(length)
    made.set(old)
    return made
  }
  const grownF32 = (old: Float32Array): Float32Array => {
    const made = new Float32Array(nodes)
    made.set(old)
    return made
  }
  const trees = ensemble.group.length
  const oldSets = ensemble.setStart.length - 1
  const made = {
    ...ensemble,
    roots: grownI32(ensemble.roots, trees + added.length + 1),
    group: grownI32(ensemble.group, trees + added.length),
    feature: grownI32(ensemble.feature, nodes),
    threshold: grownF32(ensemble.threshold),
    left: grownI32(ensemble.left, nodes),
    right: grownI32(ensemble.right, nodes),
    defaultLeft: new Uint8Array(nodes),
    category: grownI32(ensemble.category, nodes),
    setStart: grownI32(ensemble.setStart, oldSets + sets + 1),
    setWords: new Uint32Array(ensemble.setWords.length + sets * 8),
    gain: grownF32(ensemble.gain),
    cover: grownF32(ensemble.cover),
    weight: grownF32(ensemble.weight),
  }
  made.defaultLeft.set(ensemble.defaultLeft)
  made.setWords.set(ensemble.setWords)
  let at = before
  let set = oldSets
  added.forEach(({ tree, values, group }, t) => {
    const first = at
    made.roots[trees + t] = first
    made.group[trees + t] = group
    for (let n = 0; n < tree.feature.length; n++, at++) {
      const leaf = tree.feature[n] < 0
      const words = tree.categories[n]
      made.feature[at] = tree.feature[n]
      made.left[at] = leaf ? -1 : first + tree.left[n]
      made.right[at] = leaf ? -1 : first + tree.right[n]
      made.defaultLeft[at] = tree.defaultLeft[n]
      made.category[at] = -1
      made.threshold[at] = leaf ? values[n] : words ? 0 : thresholdOf(cuts, tree.feature[n], tree.bin[n])
      if (words !== undefined) {
        made.category[at] = set
        made.setWords.set(words, made.setStart[set])
        made.setStart[set + 1] = made.setStart[set] + 8
        set++
      }
      made.gain[at] = tree.gain[n]
      made.cover[at] = tree.cover[n]
      made.weight[at] = tree.weight[n]
    }
  })
  made.roots[trees + added.length] = at
  return made
}

/** The first `count` trees. */
export function firstTrees(ensemble: TreeEnsemble, count: number): TreeEnsemble {
  if (count >= ensemble.group.length) return ensemble
  const nodes = ensemble.roots[count]
  let sets = 0
  for (let n = 0; n < nodes; n++) if (ensemble.category[n] >= 0) sets++
  return {
    ...ensemble,
    roots: ensemble.roots.slice(0, count + 1),
    group: ensemble.group.slice(0, count),
    feature: ensemble.feature.slice(0, nodes),
    threshold: ensemble.threshold.slice(0, nodes),
    left: ensemble.left.slice(0, nodes),
    right: ensemble.right.slice(0, nodes),
    defaultLeft: ensemble.defaultLeft.slice(0, nodes),
    category: ensemble.category.slice(0, nodes),
    setStart: ensemble.setStart.slice(0, sets + 1),
    setWords: ensemble.setWords.slice(0, ensemble.setStart[sets]),
    gain: ensemble.gain.slice(0, nodes),
    cover: ensemble.cover.slice(0, nodes),
    weight: ensemble.weight.slice(0, nodes),
  }
}

/** Bytes of the arrays. */
export function ensembleBytes(ensemble: TreeEnsemble): number {
  return Object.values(ensemble).reduce(
    (sum: number, part) => sum + (ArrayBuffer.isView(part) ? part.byteLength : 8),
    0,
  )
}

/** How much each feature gives: total loss reduction, total hessian of its splits, or their number. */
export type ImportanceKind = 'gain' | 'cover' | 'weight'

/** @returns shape [features]: sums over all splits. */
export function ensembleImportance(ensemble: TreeEnsemble, kind: ImportanceKind): Float64Array {
  const { feature, features, gain, cover } = ensemble
  const sums = new Float64Array(features)
  for (let n = 0; n < feature.length; n++) {
    if (feature[n] < 0) continue
    sums[feature[n]] += kind === 'weight' ? 1 : kind === 'gain' ? gain[n] : cover[n]
  }
  return sums
}

const ARRAYS = {
  base: Float32Array,
  roots: Int32Array,
  group: Int32Array,
  feature: Int32Array,
  threshold: Float32Array,
  left: Int32Array,
  right: Int32Array,
  defaultLeft: Uint8Array,
  category: Int32Array,
  setStart: Int32Array,
  setWords: Uint32Array,
  gain: Float32Array,
  cover: Float32Array,
  weight: Float32Array,
} as const

function corrupt(why: string): TradewrightError {
  return new TradewrightError('CORRUPT', `a stored model must have whole trees, ${why}`, { why })
}

/** Checks everything that prediction relies on. @throws TradewrightError `CORRUPT`. */
export function checkEnsemble(value: unknown): TreeEnsemble {
  if (typeof value !== 'object' || value === null) throw corrupt('has none')
  const found = value as Record<string, unknown>
  for (const [name, kind] of Object.entries(ARRAYS))
    if (!(found[name] instanceof kind)) throw corrupt(`'${name}' is no ${kind.name}`)
  const e = value as TreeEnsemble
  const { features, groups, roots, group, feature, left, right, category, setStart, setWords } = e
  const nodes = feature.length
  const sized = [e.threshold, left, right, e.defaultLeft, category, e.gain, e.cover, e.weight]
  if (sized.some((array) => array.length !== nodes)) throw corrupt('its arrays differ in length')
  if (!Number.isInteger(features) || features < 1) throw corrupt('it has no number of features')
  if (!Number.isInteger(groups) || groups < 1 || e.base.length !== groups) throw corrupt('it has no sums to begin with')
  if (!Number.isInteger(e.parallelTrees) || e.parallelTrees < 1) throw corrupt('it has no number of parallel trees')
  const trees = group.length
  if (roots.length !== trees + 1 || roots[0] !== 0 || roots[trees] !== nodes)
    throw corrupt('its trees do not fill its nodes')
  const sets = setStart.length - 1
  if (setStart[0] !== 0 || setStart[sets] > setWords.length) throw corrupt('its sets of categories do not fit')
  for (let t = 0; t < trees; t++) {
    if (!(roots[t] < roots[t + 1])) throw corrupt(`tree ${t} has no node`)
    if (!(group[t] >= 0 && group[t] < groups)) throw corrupt(`tree ${t} adds to no sum`)
    for (let n = roots[t]; n < roots[t + 1]; n++) {
      if (feature[n] < 0) continue
      if (feature[n] >= features) throw corrupt(`node ${n} splits by no feature`)
      // Children lie behind their parent, so that every path ends.
      if (!(left[n] > n && left[n] < roots[t + 1] && right[n] > n && right[n] < roots[t + 1]))
        throw corrupt(`node ${n} has children elsewhere`)
      if (category[n] >= sets) throw corrupt(`node ${n} has no set of categories`)
    }
  }
  return e
}
