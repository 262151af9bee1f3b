import type { Rng } from '@tradewright/core'

/** A leaf: a box of the unit cube and the mean of what fell into it. */
export interface Leaf {
  readonly low: Float64Array
  readonly high: Float64Array
  readonly value: number
}

/** A regression tree as its leaves: they tile the unit cube. */
export type Tree = readonly Leaf[]

const MIN_SAMPLES = 3
const MAX_DEPTH = 24

interface Split {
  readonly axis: number
  readonly at: number
}

function bestSplit(x: Float64Array, y: Float64Array, d: number, rows: readonly number[], rng: Rng): Split | undefined {
  let best: Split | undefined
  let gain = 1e-12
  const tried = Math.max(1, Math.ceil((d * 5) / 6))
  const axes = Array.from({ length: d }, (_, a) => a)
  for (let i = 0; i < tried; i++) {
    const swap = i + rng.below(d - i)
    ;[axes[i], axes[swap]] = [axes[swap], axes[i]]
    const axis = axes[i]
    const sorted = [...rows].sort((p, q) => x[p * d + axis] - x[q * d + axis] || p - q)
    let total = 0
    for (const row of rows) total += y[row]
    let left = 0
    for (let k = 1; k < sorted.length; k++) {
      left += y[sorted[k - 1]]
      const low = x[sorted[k - 1] * d + axis]
      const high = x[sorted[k] * d + axis]
      if (low === high) continue
      const right = total - left
      const value = (left * left) / k + (right * right) / (sorted.length - k) - (total * total) / sorted.length
      if (value > gain) {
        gain = value
        best = { axis, at: (low + high) / 2 }
      }
    }
  }
  return best
}

function grow(x: Float64Array, y: Float64Array, d: number, rows: readonly number[], rng: Rng): Tree {
  const leaves: Leaf[] = []
  const visit = (own: readonly number[], low: Float64Array, high: Float64Array, depth: number): void => {
    const split = own.length < MIN_SAMPLES || depth === MAX_DEPTH ? undefined : bestSplit(x, y, d, own, rng)
    if (split === undefined) {
      leaves.push({ low, high, value: own.reduce((s, row) => s + y[row], 0) / own.length })
      return
    }
    const { axis, at } = split
    const middleHigh = high.slice()
    middleHigh[axis] = at
    const middleLow = low.slice()
    middleLow[axis] = at
    visit(
      own.filter((row) => x[row * d + axis] < at),
      low,
      middleHigh,
      depth + 1,
    )
    visit(
      own.filter((row) => x[row * d + axis] >= at),
      middleLow,
      high,
      depth + 1,
    )
  }
  visit(rows, new Float64Array(d), new Float64Array(d).fill(1), 0)
  return leaves
}

/**
 * A random forest: bootstrap samples, five sixths of the axes tried at a split, at least 3 samples to split.
 *
 * @param x shape [n * d], unit coordinates. Read only.
 * @param y shape [n], finite. Read only.
 * @see Breiman (2001), "Random forests", Machine Learning 45.
 */
export function growForest(x: Float64Array, y: Float64Array, d: number, trees: number, rng: Rng): readonly Tree[] {
  const n = y.length
  return Array.from({ length: trees }, () =>
    grow(
      x,
      y,
      d,
      Array.from({ length: n }, () => rng.below(n)),
      rng,
    ),
  )
}

/**
 * The forest's mean with some axes fixed, over all values of the others.
 *
 * @param fixed axis and unit coordinate of each.
 */
export function marginalMean(forest: readonly Tree[], fixed: ReadonlyMap<number, number>): number {
  let sum = 0
  for (const tree of forest)
    for (const { low, high, value } of tree) {
      let volume = 1
      for (let a = 0; a < low.length && volume > 0; a++) {
        const at = fixed.get(a)
        if (at === undefined) volume *= high[a] - low[a]
        else if (!(at >= low[a] && (at < high[a] || (high[a] === 1 && at <= 1)))) volume = 0
      }
      sum += volume * value
    }
  return sum / forest.length
}

/** Part of a tree's variance that each axis explains alone; undefined where the tree is constant. */
export function mainEffects(tree: Tree, d: number): Float64Array | undefined {
  let mean = 0
  let square = 0
  for (const { low, high, value } of tree) {
    const volume = low.reduce((v, l, a) => v * (high[a] - l), 1)
    mean += volume * value
    square += volume * value * value
  }
  const variance = square - mean * mean
  if (!(variance > 1e-300)) return undefined
  return Float64Array.from({ length: d }, (_, axis) => {
    const edges = [...new Set(tree.flatMap(({ low, high }) => [low[axis], high[axis]]))].sort((a, b) => a - b)
    const sums = new Float64Array(edges.length - 1)
    const place = new Map(edges.map((edge, i) => [edge, i]))
    for (const { low, high, value } of tree) {
      let rest = 1
      for (let a = 0; a < d; a++) if (a !== axis) rest *= high[a] - low[a]
      const to = place.get(high[axis]) ?? 0
      for (let i = place.get(low[axis]) ?? 0; i < to; i++) sums[i] += rest * value
    }
    let effect = 0
    for (let i = 0; i < sums.length; i++) effect += (edges[i + 1] - edges[i]) * (sums[i] - mean) ** 2
    return effect / variance
  })
}
