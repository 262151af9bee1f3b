import { boundedWeight, gainOf } from './plain-tree-kernels.ts'

/** How category features are split. */
export interface CategoryRule {
  readonly lambda: number
  readonly alpha: number
  readonly minChildWeight: number
  /** Features with fewer categories are split one against the rest. */
  readonly maxCategoriesToOneHot: number
  /** Categories that may go to one side at most. */
  readonly maxCategoryThreshold: number
}

/** A split by categories. */
export interface CategorySplit {
  readonly gain: number
  readonly defaultLeft: number
  /** shape [8]: bits of the categories that go right. */
  readonly categories: Uint32Array
  /** Sums of what goes left. */
  readonly g: number
  readonly h: number
}

/**
 * The best split of a node by one category feature: one category against the rest where there are few, else a prefix of
 * the categories sorted by their best weights, which holds an optimal partition (Fisher 1958, JASA 53).
 *
 * @param histogram shape [512]: pairs of gradient and hessian, those of missing values last. Read only.
 * @param count     categories of the feature.
 * @param node      sums of the node.
 * @param rule      `gain`: to be exceeded.
 */
export function bestCategorySplit(
  histogram: Float64Array,
  count: number,
  node: { readonly g: number; readonly h: number },
  rule: CategoryRule & { readonly gain: number },
): CategorySplit | undefined {
  const { lambda, alpha, minChildWeight } = rule
  let best: CategorySplit | undefined
  let bestGain = rule.gain
  const consider = (g: number, h: number, defaultLeft: number, chosen: readonly number[]): void => {
    const gr = node.g - g
    const hr = node.h - h
    if (h < minChildWeight || hr < minChildWeight) return
    const gain = gainOf(g, h, lambda, alpha) + gainOf(gr, hr, lambda, alpha)
    if (!(gain > bestGain)) return
    bestGain = gain
    const categories = new Uint32Array(8)
    for (const c of chosen) categories[c >> 5] |= 1 << (c & 31)
    best = { gain, defaultLeft, categories, g, h }
  }
  const mg = histogram[510]
  const mh = histogram[511]
  const missing = mg !== 0 || mh !== 0
  const seen = Array.from({ length: count }, (_, c) => c).filter(
    (c) => histogram[2 * c] !== 0 || histogram[2 * c + 1] !== 0,
  )
  /** Categories that go right, with their sums. */
  const split = (g: number, h: number, chosen: readonly number[]): void => {
    consider(node.g - g, node.h - h, 1, chosen)
    if (missing) consider(node.g - g - mg, node.h - h - mh, 0, chosen)
  }
  if (count < rule.maxCategoriesToOneHot) {
    for (const c of seen) split(histogram[2 * c], histogram[2 * c + 1], [c])
    return best
  }
  const free = { lambda, alpha, minChildWeight: 0, lower: -Infinity, upper: Infinity }
  const weight = (c: number): number => boundedWeight(histogram[2 * c], histogram[2 * c + 1], free)
  const sorted = seen.map((c) => ({ c, w: weight(c) })).sort((a, b) => a.w - b.w || a.c - b.c)
  for (const way of [sorted, sorted.slice().reverse()]) {
    let g = 0
    let h = 0
    const chosen: number[] = []
    for (const { c } of way.slice(0, rule.maxCategoryThreshold)) {
      g += histogram[2 * c]
      h += histogram[2 * c + 1]
      chosen.push(c)
      split(g, h, chosen)
    }
  }
  return best
}
