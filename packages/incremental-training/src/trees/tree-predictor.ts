import type { TreeEnsemble } from './tree-ensemble.ts'
import { SCRATCH_START, type TreeScratch, treeScratch } from './tree-scratch.ts'

/** Rows that are predicted together: their features stay in the nearest cache. */
const CHUNK = 64

/** Rows from which the WebAssembly form pays. */
const WASM_ROWS = 16

/** Adds an ensemble's trees to sums, in order and in float32, as XGBoost does: one row alone gives the bits of a batch. */
export class TreePredictor {
  readonly #ensemble: TreeEnsemble
  readonly #feature: Int32Array
  readonly #threshold: Float32Array
  readonly #left: Int32Array
  readonly #defaultLeft: Uint8Array
  readonly #category: Int32Array
  readonly #roots: Int32Array
  readonly #depths: Int32Array
  readonly #categorical: boolean

  constructor(ensemble: TreeEnsemble) {
    this.#ensemble = ensemble
    const nodes = ensemble.feature.length
    this.#feature = new Int32Array(nodes)
    this.#threshold = new Float32Array(nodes)
    this.#left = new Int32Array(nodes)
    this.#defaultLeft = new Uint8Array(nodes)
    this.#category = new Int32Array(nodes).fill(-1)
    this.#roots = ensemble.roots.slice(0, ensemble.group.length)
    this.#depths = new Int32Array(ensemble.group.length)
    for (let t = 0; t < this.#depths.length; t++) this.#depths[t] = this.#place(ensemble.roots[t])
    this.#categorical = ensemble.category.some((set) => set >= 0)
  }

  /** Bytes of the arrays. */
  get bytes(): number {
    return this.#feature.length * 17 + this.#roots.length * 8
  }

  /** Lays a tree's nodes level by level, children side by side. @returns its depth. */
  #place(root: number): number {
    const { feature, threshold, left, right, defaultLeft, category } = this.#ensemble
    let level = [root]
    let at = root
    let depth = 0
    for (;;) {
      const next: number[] = []
      const childrenAt = at + level.length
      for (const node of level) {
        this.#feature[at] = feature[node]
        this.#threshold[at] = threshold[node]
        this.#defaultLeft[at] = defaultLeft[node]
        if (feature[node] >= 0) {
          this.#left[at] = childrenAt + next.length
          this.#category[at] = category[node]
          next.push(left[node], right[node])
        }
        at++
      }
      if (next.length === 0) return depth
      depth++
      level = next
    }
  }

  /**
   * @param data shape [rows * features], row-major. NaN is missing. Read only.
   * @param out  shape [rows * groups], fully overwritten.
   */
  margins(data: Float32Array, rows: number, out: Float32Array): Float32Array {
    const { groups, base, features } = this.#ensemble
    if (groups === 1) out.fill(base[0], 0, rows)
    else for (let i = 0; i < rows * groups; i++) out[i] = base[i % groups]
    const scratch = rows >= WASM_ROWS && !this.#categorical ? treeScratch(this.#wasmBytes(features)) : undefined
    if (scratch === undefined) this.#plain(data, rows, out, 0, this.#roots.length)
    else this.#wasm(scratch, data, rows, out)
    return out
  }

  /** Adds some of the trees only; in plain TypeScript. `out` is added to. */
  addTrees(data: Float32Array, rows: number, out: Float32Array, first: number, last: number): void {
    this.#plain(data, rows, out, first, last)
  }

  #plain(data: Float32Array, rows: number, out: Float32Array, first: number, last: number): void {
    const { groups, features, group } = this.#ensemble
    const roots = this.#roots
    const feature = this.#feature
    const threshold = this.#threshold
    const left = this.#left
    const defaultLeft = this.#defaultLeft
    for (let r = 0; r < rows; r++) {
      const row = r * features
      const to = r * groups
      for (let t = first; t < last; t++) {
        let node = roots[t]
        for (let f = feature[node]; f >= 0; f = feature[node]) {
          const x = data[row + f]
          if (this.#categorical && this.#category[node] >= 0) node = left[node] + (this.#inSet(node, x) ? 1 : 0)
          else if (x < threshold[node] || (x !== x && defaultLeft[node] === 1)) node = left[node]
          else node = left[node] + 1
        }
        // `out` is float32: the sum is rounded as it is stored.
        out[to + group[t]] += threshold[node]
      }
    }
  }

  /** Whether a category goes right: it is in the set. What is no category goes the way of missing values. */
  #inSet(node: number, x: number): boolean {
    const { setStart, setWords } = this.#ensemble
    const set = this.#category[node]
    if (!(x >= 0) || x >= 16_777_216) return this.#defaultLeft[node] === 0
    const c = Math.trunc(x)
    const word = setStart[set] + (c >> 5)
    return word < setStart[set + 1] && ((setWords[word] >>> (c & 31)) & 1) === 1
  }

  #wasmBytes(features: number): number {
    const nodes = this.#feature.length
    return nodes * 20 + this.#roots.length * 12 + CHUNK * 4 * (features + this.#ensemble.groups) + 256
  }

  #wasm(scratch: TreeScratch, data: Float32Array, rows: number, out: Float32Array): void {
    const { groups, features } = this.#ensemble
    const nodes = this.#feature.length
    const trees = this.#roots.length
    const nodesAt = SCRATCH_START
    const valuesAt = nodesAt + nodes * 16
    const treesAt = valuesAt + nodes * 4
    const dataAt = treesAt + trees * 12
    const marginsAt = dataAt + CHUNK * features * 4
    if (scratch.owner !== this) this.#copyIn(scratch, nodesAt, valuesAt, treesAt)
    const x = new Float32Array(scratch.memory.buffer, dataAt, CHUNK * features)
    const margins = new Float32Array(scratch.memory.buffer, marginsAt, CHUNK * groups)
    for (let from = 0; from < rows; from += CHUNK) {
      const count = Math.min(CHUNK, rows - from)
      x.set(data.subarray(from * features, (from + count) * features))
      margins.set(out.subarray(from * groups, (from + count) * groups))
      scratch.exports.predict(dataAt, features, count, nodesAt, valuesAt, treesAt, trees, marginsAt, groups)
      out.set(margins.subarray(0, count * groups), from * groups)
    }
  }

  #copyIn(scratch: TreeScratch, nodesAt: number, valuesAt: number, treesAt: number): void {
    const nodes = this.#feature.length
    const i32 = new Int32Array(scratch.memory.buffer, nodesAt, nodes * 4)
    const f32 = new Float32Array(scratch.memory.buffer, nodesAt, nodes * 4)
    for (let n = 0; n < nodes; n++) {
      const leaf = this.#feature[n] < 0
      i32[4 * n] = leaf ? 0 : this.#feature[n] * 4
      f32[4 * n + 1] = leaf ? Number.NaN : this.#threshold[n]
      i32[4 * n + 2] = (leaf ? n - 1 : this.#left[n]) * 16
      i32[4 * n + 3] = leaf ? 0 : this.#defaultLeft[n]
    }
    new Float32Array(scratch.memory.buffer, valuesAt, nodes).set(this.#threshold)
    const table = new Int32Array(scratch.memory.buffer, treesAt, this.#roots.length * 3)
    this.#roots.forEach((root, t) => {
      table.set([root * 16, this.#depths[t], this.#ensemble.group[t]], 3 * t)
    })
    scratch.owner = this
  }
}
