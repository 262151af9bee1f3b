import type { FeatureMatrix } from '@tradewright/core'

/** Bins of a sketch: deciles. */
const BINS = 10

/** How each feature and the target were distributed: shares of the rows between the deciles, and of missing values. */
export interface DriftSketch {
  readonly rows: number
  /** By feature, and the target under `''`. */
  readonly columns: Readonly<Record<string, { readonly edges: Float64Array; readonly counts: Float64Array }>>
}

/** Counts between edges: `edges.length + 1` bins and one for NaN. A value on an edge is above it. */
function countBins(values: Float64Array, edges: Float64Array): Float64Array {
  const counts = new Float64Array(edges.length + 2)
  for (const value of values) {
    if (value !== value) {
      counts[edges.length + 1]++
      continue
    }
    let bin = 0
    while (bin < edges.length && value >= edges[bin]) bin++
    counts[bin]++
  }
  return counts
}

function deciles(values: Float64Array): Float64Array {
  const sorted = values.filter((value) => value === value).sort()
  const edges = new Set<number>()
  for (let k = 1; k < BINS && sorted.length > 0; k++) edges.add(sorted[Math.floor((k * sorted.length) / BINS)])
  // Where the largest value is an edge, what is larger still must not fall in with it.
  const most = sorted[sorted.length - 1]
  if (edges.has(most)) edges.add(most + Math.abs(most) * 1e-9 + Number.MIN_VALUE)
  return Float64Array.from(edges)
}

function column(X: FeatureMatrix, j: number, from: number): Float64Array {
  const values = new Float64Array(X.rows - from)
  for (let i = from; i < X.rows; i++) values[i - from] = X.data[i * X.columns + j]
  return values
}

/** Sketches the rows of a training. O(rows log rows) a column. */
export function sketchRows(X: FeatureMatrix, y: Float32Array): DriftSketch {
  const columns = X.names.map((name, j) => {
    const values = column(X, j, 0)
    const edges = deciles(values)
    return [name, { edges, counts: countBins(values, edges) }] as const
  })
  const targets = Float64Array.from(y)
  const edges = deciles(targets)
  const target = ['', { edges, counts: countBins(targets, edges) }] as const
  return { rows: X.rows, columns: Object.fromEntries([...columns, target]) }
}

/**
 * The population stability index between two counts of the same bins: sum of (p - q) ln(p / q), empty bins counted as
 * half a row.
 *
 * @see Siddiqi (2006), "Credit risk scorecards", whose rule is 0.1 for some and 0.25 for a large shift.
 */
export function stabilityIndex(before: Float64Array, after: Float64Array): number {
  let n = 0
  let m = 0
  for (let k = 0; k < before.length; k++) {
    n += before[k]
    m += after[k]
  }
  let sum = 0
  for (let k = 0; k < before.length; k++) {
    if (before[k] === 0 && after[k] === 0) continue
    const p = Math.max(before[k], 0.5) / n
    const q = Math.max(after[k], 0.5) / m
    sum += (p - q) * Math.log(p / q)
  }
  return sum
}

/** Upper 0.1 % point of chi-square (Wilson and Hilferty 1931). */
function chiSquare999(freedom: number): number {
  const part = 2 / (9 * freedom)
  return freedom * (1 - part + 3.090232306167813 * Math.sqrt(part)) ** 3
}

/** The worst column of {@link measureDrift}. */
export interface Drift {
  /** Feature, or `''` for the target. */
  readonly column: string
  readonly index: number
  /** Above this is drift. */
  readonly limit: number
}

/**
 * Whether later rows come from another distribution than those of a sketch: the column whose stability index is highest
 * above its limit. The limit is `threshold`, or what chance gives to as few rows in one of 1,000 cases if that is more.
 *
 * Rows that depend on each other, as bars do, drift by chance more often than the limit says: it errs towards a refit.
 *
 * @param from the first row that is new.
 * @see Yurdakul, Naranjo (2020), "Statistical properties of the population stability index", J. Risk Model Validation
 *   14(4): the index times 1 / (1/n + 1/m) is near chi-square with one degree less than bins.
 */
export function measureDrift(
  sketch: DriftSketch,
  X: FeatureMatrix,
  y: Float32Array,
  from: number,
  threshold: number,
): Drift {
  let worst: Drift = { column: '', index: 0, limit: threshold }
  const look = (name: string, values: Float64Array): void => {
    const known = sketch.columns[name]
    if (known === undefined || values.length === 0) return
    const after = countBins(values, known.edges)
    const bins = known.counts.reduce((n, count, k) => n + (count > 0 || after[k] > 0 ? 1 : 0), 0)
    const chance = chiSquare999(Math.max(1, bins - 1)) * (1 / sketch.rows + 1 / values.length)
    const index = stabilityIndex(known.counts, after)
    const limit = Math.max(threshold, chance)
    if (index / limit > worst.index / worst.limit) worst = { column: name, index, limit }
  }
  X.names.forEach((name, j) => {
    look(name, column(X, j, from))
  })
  look('', Float64Array.from(y.subarray(from)))
  return worst
}
