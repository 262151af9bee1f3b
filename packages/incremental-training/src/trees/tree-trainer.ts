import { createRng, type Rng, TradewrightError } from '@tradewright/core'
import { binCounts } from './bin-rows.ts'
import type { BinCuts } from './quantile-sketch.ts'
import { type GrownTree, type MaskNode, TreeGrower } from './tree-grower.ts'
import { contextNumbers, contextWords, treeJobs } from './tree-kernels.ts'
import { CHUNK_ROWS, createTreeMemory, MAXIMUM_ITEMS, type TreeEngineName, type TreeMemory } from './tree-memory.ts'
import { meanLoss, objectiveNumbers, type TreeObjective, weightedQuantile } from './tree-objective.ts'

/** Rows in bins, wherever they come from. */
export interface BinnedRows {
  readonly rows: number
  readonly y: Float32Array
  readonly weight: Float32Array | undefined
  /** Writes the bins of all rows from `firstRow` on. */
  fill(out: Uint8Array, rowBytes: number, firstRow: number): void
  /** shape [rows * groups], row-major: sums that the rows begin with. */
  readonly margins: Float32Array
}

/** How the trees of a training grow: the part of the options that boosting and forests share. */
export interface TreeRule {
  readonly objective: TreeObjective
  readonly learningRate: number
  readonly maxDepth: number
  readonly lambda: number
  readonly alpha: number
  readonly gamma: number
  readonly minChildWeight: number
  readonly columnSample: number
  readonly nodeColumnSample: number
  readonly maxCategoriesToOneHot: number
  readonly maxCategoryThreshold: number
  readonly quantile: number
  readonly seed: number
  readonly threads: number
  readonly engine: TreeEngineName
}

/** What a trainer works on. */
export interface TrainerInput {
  readonly rule: TreeRule
  readonly cuts: BinCuts
  readonly groups: number
  /** shape [features]; undefined where no feature is constrained. */
  readonly monotone: Int32Array | undefined
  readonly train: BinnedRows
  readonly validation: BinnedRows | undefined
}

/** A grown tree and its leaves' values. */
export interface TrainedTree {
  readonly tree: GrownTree
  readonly values: Float32Array
}

/**
 * The number that, added to numbers whose absolute values sum to `total` and taken away again, rounds them to a grid on
 * which every sum of them is exact in float64: with 51 bits for the total, as fine as a float64 sum itself is.
 */
export function gridConstant(total: number): number {
  if (total === 0) return 0
  let exponent = Math.ceil(Math.log2(total))
  if (2 ** exponent < total) exponent++
  return 3 * 2 ** exponent
}

/** Draws `count` of `pool`, in the order of the pool. */
function drawFeatures(pool: readonly number[], share: number, rng: Rng): readonly number[] {
  const count = Math.max(1, Math.floor(share * pool.length))
  if (count >= pool.length) return pool
  const left = pool.slice()
  for (let i = 0; i < count; i++) {
    const j = i + rng.below(left.length - i)
    const drawn = left[j]
    left[j] = left[i]
    left[i] = drawn
  }
  return left.slice(0, count).sort((a, b) => a - b)
}

/** One training: its memory, its margins, its next tree. */
export class TreeTrainer {
  readonly #memory: TreeMemory
  readonly #grower: TreeGrower
  readonly #input: TrainerInput
  readonly #rows: number
  readonly #total: number
  readonly #features: number

  /** @throws TradewrightError `OUT_OF_MEMORY`, `BAD_DATA` for features that are not finite. */
  constructor(input: TrainerInput) {
    const { rule, cuts, groups, monotone, train, validation } = input
    this.#input = input
    this.#rows = train.rows
    this.#total = train.rows + (validation?.rows ?? 0)
    this.#features = cuts.categories.length
    this.#memory = createTreeMemory({
      rows: train.rows,
      extraRows: validation?.rows ?? 0,
      features: this.#features,
      groups,
      maxDepth: rule.maxDepth,
      weighted: train.weight !== undefined,
      engine: rule.engine,
      threads: rule.threads,
    })
    try {
      this.#fill()
    } catch (error) {
      this.dispose()
      throw error
    }
    this.#grower = new TreeGrower(this.#memory, this.#features, { ...rule, monotone, categories: cuts.categories })
  }

  /** Name of the kernels that run. */
  get engine(): string {
    return this.#memory.kernels.name
  }

  /** Bytes of the training's memory. */
  get bytes(): number {
    return this.#memory.bytes
  }

  /** Pairs of gradient and hessian of a group: [rows * 2], to be read or written. */
  gradients(group: number): Float64Array {
    const { at, f64 } = this.#memory
    const first = (at.gradients >>> 3) + group * this.#total * 2
    return f64.subarray(first, first + this.#rows * 2)
  }

  /** Margins of a group: of the training's rows, then of the validation's. To be read or written. */
  margins(group: number): Float32Array {
    const { at, f32 } = this.#memory
    const first = (at.margins >>> 2) + group * this.#total
    return f32.subarray(first, first + this.#total)
  }

  #fill(): void {
    const { at, i32, f32, f64, u32, u8, context, rowBytes, kernels } = this.#memory
    const { rule, cuts, groups, monotone, train, validation } = this.#input
    const word = (offset: number, value: number): void => {
      i32[(context + offset) >>> 2] = value
    }
    word(contextWords.bins, at.bins)
    word(contextWords.rowBytes, rowBytes)
    word(contextWords.gradients, at.gradients)
    word(contextWords.features, this.#features)
    word(contextWords.binCounts, at.binCounts)
    word(contextWords.monotone, at.monotone)
    word(contextWords.constrained, monotone === undefined ? 0 : 1)
    word(contextWords.margins, at.margins)
    word(contextWords.labels, at.labels)
    word(contextWords.weights, train.weight === undefined ? 0 : at.weights)
    word(contextWords.classes, groups)
    word(contextWords.rows, this.#total)
    word(contextWords.objective, objectiveNumbers[rule.objective])
    f64[(context + contextNumbers.lambda) >>> 3] = rule.lambda
    f64[(context + contextNumbers.alpha) >>> 3] = rule.alpha
    f64[(context + contextNumbers.minChildWeight) >>> 3] = rule.minChildWeight
    f64[(context + contextNumbers.quantile) >>> 3] = rule.quantile
    // Category features are split in TypeScript: the kernels pass over them.
    i32.set(
      binCounts(cuts).map((count, f) => (cuts.categories[f] > 0 ? 0 : count)),
      at.binCounts >>> 2,
    )
    if (monotone !== undefined) i32.set(monotone, at.monotone >>> 2)
    f32.set(train.y, at.labels >>> 2)
    if (train.weight !== undefined) f32.set(train.weight, at.weights >>> 2)
    const bins = u8.subarray(at.bins, at.bins + this.#total * rowBytes)
    train.fill(bins, rowBytes, 0)
    validation?.fill(bins, rowBytes, this.#rows)
    for (let k = 0; k < groups; k++) {
      const margins = this.margins(k)
      for (let r = 0; r < this.#rows; r++) margins[r] = train.margins[r * groups + k]
      if (validation !== undefined)
        for (let r = 0; r < validation.rows; r++) margins[this.#rows + r] = validation.margins[r * groups + k]
    }
    if (Math.ceil(this.#rows / CHUNK_ROWS) + 64 > MAXIMUM_ITEMS || kernels.buffer.byteLength < at.bins)
      throw new TradewrightError('OUT_OF_MEMORY', `a training must have fewer rows, was ${this.#rows}`, {
        rows: this.#rows,
      })
    const first = at.firstRows >>> 2
    for (let r = 0; r < this.#rows; r++) u32[first + r] = r
    this.#setOthers(0)
  }

  /** Rows of the validation behind the first `count` of the rows that trees do not grow from. */
  #setOthers(count: number): number {
    const { at, u32 } = this.#memory
    const other = (at.otherRows >>> 2) + count
    for (let r = this.#rows; r < this.#total; r++) u32[other + r - this.#rows] = r
    return count + this.#total - this.#rows
  }

  /** Rows that the next trees grow from: those for which `take` is true. @returns their number. */
  sample(take: (row: number) => boolean): { readonly count: number; readonly others: number } {
    const { at, u32 } = this.#memory
    const first = at.firstRows >>> 2
    const other = at.otherRows >>> 2
    let count = 0
    let others = 0
    for (let r = 0; r < this.#rows; r++)
      if (take(r)) u32[first + count++] = r
      else u32[other + others++] = r
    return { count, others: this.#setOthers(others) }
  }

  /** Computes gradients of every group at the margins, on their grids. @throws TradewrightError `BAD_DATA` where they are not finite. */
  computeGradients(): void {
    const { at, u32, f64, kernels } = this.#memory
    const { groups } = this.#input
    const chunks = this.#chunks((item, i) => {
      u32[item + 2] = at.sums + i * groups * 16
    })
    kernels.run(treeJobs.gradient, at.items, chunks, true)
    for (let k = 0; k < groups; k++) {
      let g = 0
      let h = 0
      for (let i = 0; i < chunks; i++) {
        g += f64[(at.sums >>> 3) + (i * groups + k) * 2]
        h += f64[(at.sums >>> 3) + (i * groups + k) * 2 + 1]
      }
      this.#toGrid(k, g, h)
    }
  }

  /** Puts gradients that the caller wrote on their grids. */
  gridGradients(group: number): void {
    const pairs = this.gradients(group)
    let g = 0
    let h = 0
    for (let i = 0; i < pairs.length; i += 2) {
      g += Math.abs(pairs[i])
      h += pairs[i + 1]
    }
    this.#toGrid(group, g, h)
  }

  #toGrid(group: number, g: number, h: number): void {
    const { at, u32, f64, kernels, context } = this.#memory
    if (!Number.isFinite(g) || !Number.isFinite(h))
      throw new TradewrightError(
        'BAD_DATA',
        `gradients must be finite, sum to ${g}: scale the targets or the weights down`,
      )
    f64[(context + contextNumbers.gridGradient) >>> 3] = gridConstant(g)
    f64[(context + contextNumbers.gridHessian) >>> 3] = gridConstant(h)
    const chunks = this.#chunks((item) => {
      u32[item + 2] = at.gradients + group * this.#total * 16
    })
    kernels.run(treeJobs.grid, at.items, chunks, true)
  }

  /** Items of rows from one to another. @returns how many. */
  #chunks(write: (item: number, i: number) => void): number {
    const { at, u32 } = this.#memory
    const chunks = Math.ceil(this.#rows / CHUNK_ROWS)
    for (let i = 0; i < chunks; i++) {
      const item = (at.items >>> 2) + i * 16
      u32[item] = i * CHUNK_ROWS
      u32[item + 1] = Math.min(this.#rows, (i + 1) * CHUNK_ROWS)
      write(item, i)
    }
    return chunks
  }

  /**
   * Grows a tree from the gradients of a group and adds it to the margins.
   *
   * @param rows what {@link sample} gave, or all rows.
   * @param only 'others': leaves the margins of the rows that it grew from as they are.
   */
  grow(
    group: number,
    rows: { readonly count: number; readonly others: number },
    rng: Rng,
    only?: 'others',
  ): TrainedTree {
    const { at, u8 } = this.#memory
    const { rule } = this.#input
    const all = Array.from({ length: this.#features }, (_, f) => f)
    const drawn = drawFeatures(all, rule.columnSample, rng)
    const treeSeed = rng.uint32()
    const mask = u8.subarray(at.masks, at.masks + this.#features)
    mask.fill(0)
    for (const f of drawn) mask[f] = 1
    const maskNode: MaskNode = (path, out) => {
      out.fill(0)
      for (const f of drawFeatures(drawn, rule.nodeColumnSample, createRng(treeSeed, path))) out[f] = 1
    }
    const own = rule.nodeColumnSample < 1 && drawn.length > 1
    const gradients = at.gradients + group * this.#total * 16
    const tree = this.#grower.grow(rows.count, gradients, own ? maskNode : undefined)
    if (rule.objective === 'quantile') this.#renewLeaves(tree)
    const values = Float32Array.from(tree.weight, (w) => Math.fround(w) * Math.fround(rule.learningRate))
    const margins = at.margins + group * this.#total * 4
    if (only === undefined) this.#grower.addLeaves(tree, values, margins)
    this.#grower.addOthers(tree, values, margins, rows.others)
    return { tree, values }
  }

  /** All rows, and those of the validation as the others. */
  get allRows(): { readonly count: number; readonly others: number } {
    return { count: this.#rows, others: this.#total - this.#rows }
  }

  /** A quantile's leaves are the quantiles of what is left in them, not a Newton step. */
  #renewLeaves(tree: GrownTree): void {
    const { at, u32, f32 } = this.#memory
    const { rule, train } = this.#input
    for (let n = 0; n < tree.feature.length; n++) {
      if (tree.feature[n] >= 0 || tree.count[n] === 0) continue
      const first = (at.rows >>> 2) + tree.start[n]
      const rows = u32.subarray(first, first + tree.count[n])
      const residuals = new Float64Array(rows.length)
      rows.forEach((r, i) => {
        residuals[i] = f32[(at.labels >>> 2) + r] - f32[(at.margins >>> 2) + r]
      })
      const { weight } = train
      const weights = weight === undefined ? undefined : Float64Array.from(rows, (r) => weight[r])
      tree.weight[n] = Math.fround(weightedQuantile(residuals, weights, rule.quantile))
    }
  }

  /** Mean loss of the training's rows. */
  loss(): number {
    return this.#lossOf(this.#input.train, 0)
  }

  /** Mean loss of the validation's rows, where there are any. */
  validationLoss(): number | undefined {
    const { validation } = this.#input
    return validation === undefined ? undefined : this.#lossOf(validation, this.#rows)
  }

  #lossOf({ y, weight }: BinnedRows, firstRow: number): number {
    const { at, f32 } = this.#memory
    const { rule, groups } = this.#input
    const view = { margins: f32, first: (at.margins >>> 2) + firstRow, stride: this.#total, groups }
    return meanLoss(rule.objective, view, y, { weight, quantile: rule.quantile })
  }

  /** Ends the threads. */
  dispose(): void {
    this.#memory.kernels.dispose()
  }
}
