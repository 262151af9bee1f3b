// The plain forms of the tree kernels in assembly/replay.ts: the same results to the last bit.

/** The levels of a tree: `sums[0]` are the leaves; minima and maxima begin at level 1 and may be empty. */
export interface TreeLevels {
  readonly depth: number
  readonly sums: readonly Float64Array[]
  readonly mins: readonly Float64Array[]
  readonly maxs: readonly Float64Array[]
}

/** Sum of eight children, in the order in which two SIMD lanes add them. */
function sumOf(c: Float64Array, i: number): number {
  return c[i] + c[i + 2] + (c[i + 4] + c[i + 6]) + (c[i + 1] + c[i + 3] + (c[i + 5] + c[i + 7]))
}

/** Smallest of eight; at the leaves, where 0 means that nothing is there, the smallest positive one or Infinity. */
function minOf(c: Float64Array, i: number, leaves: boolean): number {
  let min = Number.POSITIVE_INFINITY
  for (let j = i; j < i + 8; j++) if (c[j] < min && (!leaves || c[j] > 0)) min = c[j]
  return min
}

function maxOf(c: Float64Array, i: number): number {
  let max = c[i]
  for (let j = i + 1; j < i + 8; j++) if (c[j] > max) max = c[j]
  return max
}

function rebuildNode(tree: TreeLevels, level: number, node: number, mode: number): void {
  const children = tree.sums[level - 1]
  tree.sums[level][node] = sumOf(children, node * 8)
  if ((mode & 1) !== 0)
    tree.mins[level][node] = minOf(level === 1 ? children : tree.mins[level - 1], node * 8, level === 1)
  if ((mode & 2) !== 0) tree.maxs[level][node] = maxOf(level === 1 ? children : tree.maxs[level - 1], node * 8)
}

/** Rebuilds every ancestor of the listed leaves, level by level. `list` is overwritten. Mode: 1 minima, 2 maxima. */
export function treeUpdatePlain(tree: TreeLevels, list: Int32Array, count: number, mode: number): void {
  let left = count
  for (let level = 1; level <= tree.depth; level++) {
    let last = -1
    let kept = 0
    for (let k = 0; k < left; k++) {
      const node = list[k] >> 3
      if (node === last) continue
      last = node
      list[kept++] = node
      rebuildNode(tree, level, node, mode)
    }
    left = kept
  }
}

/** Rebuilds every ancestor of the leaves from `from` to `to`, both included. */
export function treeRangePlain(tree: TreeLevels, from: number, to: number, mode: number): void {
  let first = from
  let last = to
  for (let level = 1; level <= tree.depth; level++) {
    first >>= 3
    last >>= 3
    for (let node = first; node <= last; node++) rebuildNode(tree, level, node, mode)
  }
}

/** For each mass the leaf it falls on, and that leaf's value. `masses` is overwritten. */
export function treeDrawPlain(
  tree: TreeLevels,
  masses: Float64Array,
  count: number,
  out: Int32Array,
  values: Float64Array,
): void {
  for (let k = 0; k < count; k++) {
    let node = 0
    let mass = masses[k]
    for (let level = tree.depth - 1; level >= 0; level--) {
      const sums = tree.sums[level]
      const group = node * 8
      let child = 0
      let prefix = sums[group]
      let before = 0
      while (child < 7 && prefix <= mass) {
        before = prefix
        prefix += sums[group + ++child]
      }
      // Rounding can carry a mass past the last child that has any: step back to it.
      while (child > 0 && sums[group + child] === 0) child--
      mass -= before
      node = group + child
    }
    masses[k] = mass
    out[k] = node
    values[k] = tree.sums[0][node]
  }
}
