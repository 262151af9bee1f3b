import { TradewrightError } from '@tradewright/core'
import { MISSING_BIN } from './tree-kernels.ts'
import { SCRATCH_START, treeScratch } from './tree-scratch.ts'

/** Thresholds of every feature: a value lies in the bin of the number of cuts that are not above it. */
export interface BinCuts {
  /** shape [features + 1]: where each feature's cuts begin. */
  readonly offsets: Int32Array
  /** Ascending in each feature. A category feature has none. */
  readonly values: Float32Array
  /** shape [features]: number of categories, 0 for a number. */
  readonly categories: Int32Array
}

/** Distinct values in order, each with its weight. */
interface Summary {
  readonly values: Float32Array
  readonly weights: Float64Array
}

const NONE: Summary = { values: new Float32Array(0), weights: new Float64Array(0) }

/** Reused by {@link sortPairs}; grown as needed. */
interface Scratch {
  keys: Uint32Array
  keys2: Uint32Array
  order: Uint32Array
  order2: Uint32Array
}

function scratchOf(n: number): Scratch {
  return {
    keys: new Uint32Array(n),
    keys2: new Uint32Array(n),
    order: new Uint32Array(n),
    order2: new Uint32Array(n),
  }
}

/** Sorts float32 bits as unsigned keys, 11 bits a pass; `order`, where wanted, goes along. */
function radixSort(scratch: Scratch, n: number, ordered: boolean): void {
  for (const shift of [0, 11, 22]) {
    const { keys, keys2, order, order2 } = scratch
    const counts = new Uint32Array(2049)
    for (let i = 0; i < n; i++) counts[((keys[i] >>> shift) & 2047) + 1]++
    for (let b = 0; b < 2048; b++) counts[b + 1] += counts[b]
    if (ordered)
      for (let i = 0; i < n; i++) {
        const to = counts[(keys[i] >>> shift) & 2047]++
        keys2[to] = keys[i]
        order2[to] = order[i]
      }
    else for (let i = 0; i < n; i++) keys2[counts[(keys[i] >>> shift) & 2047]++] = keys[i]
    scratch.keys = keys2
    scratch.keys2 = keys
    scratch.order = order2
    scratch.order2 = order
  }
}

/** A float32's bits as a number that sorts like it. */
const toKey = (bits: number): number => (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0
const fromKey = (key: number): number => (key & 0x80000000 ? key & 0x7fffffff : ~key) >>> 0

/** Values of one column of a block, missing ones left out. */
function summarize(
  data: Float32Array,
  column: number,
  columns: number,
  rows: number,
  weight: Float32Array | undefined,
  scratch: Scratch,
): { readonly summary: Summary; readonly missing: boolean } {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length)
  let n = 0
  for (let r = 0, i = column; r < rows; r++, i += columns) {
    const x = data[i]
    if (x !== x) continue
    if (x === Number.POSITIVE_INFINITY || x === Number.NEGATIVE_INFINITY)
      throw new TradewrightError('BAD_DATA', `features must be finite or NaN, was ${x} in column ${column}, row ${r}`, {
        column,
        row: r,
      })
    // -0 and 0 are one value.
    scratch.keys[n] = x === 0 ? 0x80000000 : toKey(bits[i])
    scratch.order[n] = r
    n++
  }
  radixSort(scratch, n, weight !== undefined)
  const { keys, order } = scratch
  let distinct = n === 0 ? 0 : 1
  for (let i = 1; i < n; i++) if (keys[i] !== keys[i - 1]) distinct++
  const values = new Float32Array(distinct)
  const valueBits = new Uint32Array(values.buffer)
  const weights = new Float64Array(distinct)
  for (let i = 0, at = -1; i < n; i++) {
    if (i === 0 || keys[i] !== keys[i - 1]) valueBits[++at] = fromKey(keys[i])
    weights[at] += weight === undefined ? 1 : weight[order[i]]
  }
  return { summary: { values, weights }, missing: n < rows }
}

function merge(a: Summary, b: Summary): Summary {
  if (a.values.length === 0) return b
  const values = new Float32Array(a.values.length + b.values.length)
  const weights = new Float64Array(values.length)
  let n = 0
  for (let i = 0, j = 0; i < a.values.length || j < b.values.length; n++) {
    const x = i < a.values.length ? a.values[i] : Number.POSITIVE_INFINITY
    const y = j < b.values.length ? b.values[j] : Number.POSITIVE_INFINITY
    values[n] = Math.min(x, y)
    if (x <= y) weights[n] += a.weights[i++]
    if (y <= x) weights[n] += b.weights[j++]
  }
  return { values: values.slice(0, n), weights: weights.slice(0, n) }
}

/** At most `capacity` values, evenly by weight; the weight of those left out goes to the next one kept. */
function prune(summary: Summary, capacity: number): Summary {
  const { values, weights } = summary
  if (values.length <= capacity) return summary
  const total = weights.reduce((sum, w) => sum + w, 0)
  const kept: number[] = []
  const keptWeights: number[] = []
  let sum = 0
  let carried = 0
  for (let i = 0; i < values.length; i++) {
    sum += weights[i]
    carried += weights[i]
    if (i === 0 || i === values.length - 1 || sum * (capacity - 2) >= kept.length * total) {
      kept.push(values[i])
      keptWeights.push(carried)
      carried = 0
    }
  }
  return { values: Float32Array.from(kept), weights: Float64Array.from(keptWeights) }
}

/**
 * Which distinct values begin a bin: of `bins + 1` that lie at even ranks, all but the first and the last.
 *
 * @param ends  weight of the values up to and with each.
 * @param count distinct values, more than `bins`.
 * @see Chen, Guestrin (2016), "XGBoost", supplement, the prune operation: on exact ranks, as XGBoost's `hist` uses it.
 */
function evenRanks(ends: ArrayLike<number>, count: number, bins: number): number[] {
  const begin = ends[0]
  const range = ends[count - 2] - begin
  const found: number[] = []
  let last = 0
  for (let k = 1, i = 1; k < bins; k++) {
    const twice = 2 * ((k * range) / bins + begin)
    while (i < count - 1 && twice >= ends[i + 1] + ends[i]) i++
    if (i === count - 1) break
    const nearest = twice < 2 * ends[i] ? i : i + 1
    if (nearest !== last) found.push(nearest)
    last = nearest
  }
  if (last !== count - 1) found.push(count - 1)
  return found.slice(0, bins - 1)
}

/** Cuts of one column: every distinct value but the first where they are few, else values at even ranks. */
function cutsOf({ values, weights }: Summary, bins: number): Float32Array {
  if (values.length <= bins) return values.slice(1)
  const ends = new Float64Array(weights.length)
  for (let i = 0, sum = 0; i < ends.length; i++) ends[i] = sum += weights[i]
  return Float32Array.from(evenRanks(ends, ends.length, bins), (i) => values[i])
}

/**
 * Sketch of every feature's distribution: exact while a column has at most `capacity` distinct values, and pruned evenly
 * by weight above, so that blocks of any number fit in memory.
 */
export class QuantileSketch {
  readonly #columns: number
  readonly #categorical: readonly boolean[]
  readonly #capacity: number
  readonly #summaries: Summary[]
  readonly #categories: Int32Array
  readonly #missing: boolean[]
  #scratch: Scratch = scratchOf(0)

  /** @param categorical one a column: category codes from 0 to 254 rather than numbers. */
  constructor(categorical: readonly boolean[], capacity: number) {
    this.#columns = categorical.length
    this.#categorical = categorical
    this.#capacity = capacity
    this.#summaries = categorical.map(() => NONE)
    this.#categories = new Int32Array(categorical.length)
    this.#missing = categorical.map(() => false)
  }

  /** @throws TradewrightError `BAD_DATA` for an infinite value and for a category that is no integer from 0 to 254. */
  add(data: Float32Array, rows: number, weight: Float32Array | undefined): void {
    if (this.#scratch.keys.length < rows) this.#scratch = scratchOf(rows)
    for (let c = 0; c < this.#columns; c++)
      if (this.#categorical[c]) this.#addCategories(data, c, rows)
      else {
        const { summary, missing } = summarize(data, c, this.#columns, rows, weight, this.#scratch)
        this.#missing[c] ||= missing
        this.#summaries[c] = prune(merge(this.#summaries[c], summary), this.#capacity)
      }
  }

  #addCategories(data: Float32Array, column: number, rows: number): void {
    for (let r = 0, i = column; r < rows; r++, i += this.#columns) {
      const x = data[i]
      if (x !== x) continue
      if (!Number.isInteger(x) || x < 0 || x > 254)
        throw new TradewrightError('BAD_DATA', `a category must be an integer from 0 to 254, was ${x}`, {
          column,
          row: r,
        })
      if (x >= this.#categories[column]) this.#categories[column] = x + 1
    }
  }

  /** @param maxBins bins that a feature may have; of 256, one is for missing values where there are any. */
  cuts(maxBins: number): BinCuts {
    return joinCuts(
      this.#summaries.map((summary, c) => cutsOf(summary, valueBins(maxBins, this.#missing[c]))),
      this.#categories.slice(),
    )
  }
}

/** {@link cutsOf} for values that come sorted, as keys, each of weight 1. `ends` is scratch of as many places. */
function cutsOfKeys(keys: Uint32Array, bins: number, ends: Uint32Array): Float32Array {
  let distinct = 0
  for (let i = 1; i <= keys.length; i++) if (i === keys.length || keys[i] !== keys[i - 1]) ends[distinct++] = i
  const chosen =
    distinct <= bins
      ? Array.from({ length: Math.max(0, distinct - 1) }, (_, i) => i + 1)
      : evenRanks(ends, distinct, bins)
  const found = new Float32Array(chosen.length)
  new Uint32Array(found.buffer).set(chosen.map((i) => fromKey(keys[ends[i] - 1])))
  return found
}

/** Bins of a feature's values: missing ones take one of the 256, where there are any. */
function valueBins(maxBins: number, missing: boolean): number {
  return missing ? Math.min(maxBins, MISSING_BIN) : maxBins
}

/** Keys that are sorted at a time, about: columns are taken in groups of so many. */
const KEYS = 4_194_304
/** Rows that are copied in at a time. */
const ROWS = 2048

/**
 * Cuts of a whole matrix whose rows weigh the same, none of whose columns is categories: as {@link QuantileSketch} gives
 * them, in WebAssembly. @returns undefined where there is none.
 * @throws TradewrightError `BAD_DATA` for an infinite value.
 */
export function matrixColumnCuts(data: Float32Array, columns: number, maxBins: number): BinCuts | undefined {
  const rows = data.length / columns
  const group = Math.min(columns, Math.max(1, Math.floor(KEYS / rows)))
  const bytes = rows * 4
  const dataAt = SCRATCH_START + 24_576
  const spareAt = dataAt + ROWS * columns * 4
  const keysAt = spareAt + bytes
  const scratch = treeScratch(keysAt + group * bytes - SCRATCH_START)
  if (scratch === undefined) return undefined
  scratch.owner = undefined
  const { memory, exports } = scratch
  const cells = new Float32Array(memory.buffer, dataAt, ROWS * columns)
  const parts: Float32Array[] = []
  const ends = new Uint32Array(rows)
  for (let first = 0; first < columns; first += group) {
    const width = Math.min(group, columns - first)
    const counts = new Int32Array(width)
    for (let from = 0; from < rows; from += ROWS) {
      const count = Math.min(ROWS, rows - from)
      cells.set(data.subarray(from * columns, (from + count) * columns))
      for (let c = 0; c < width; c++) {
        const to = keysAt + c * bytes + counts[c] * 4
        const taken = exports.columnKeys(dataAt + (first + c) * 4, count, columns * 4, to)
        if (taken < 0)
          throw new TradewrightError(
            'BAD_DATA',
            `features must be finite or NaN, an infinite one is in column ${first + c}`,
            {
              column: first + c,
            },
          )
        counts[c] += taken
      }
    }
    for (let c = 0; c < width; c++) {
      exports.sortKeys(keysAt + c * bytes, spareAt, counts[c], SCRATCH_START)
      parts.push(
        cutsOfKeys(new Uint32Array(memory.buffer, spareAt, counts[c]), valueBins(maxBins, counts[c] < rows), ends),
      )
    }
  }
  return joinCuts(parts, new Int32Array(columns))
}

function joinCuts(parts: readonly Float32Array[], categories: Int32Array): BinCuts {
  const offsets = new Int32Array(parts.length + 1)
  parts.forEach((part, c) => {
    offsets[c + 1] = offsets[c] + part.length
  })
  const values = new Float32Array(offsets[parts.length])
  parts.forEach((part, c) => {
    values.set(part, offsets[c])
  })
  return { offsets, values, categories }
}
