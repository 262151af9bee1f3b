import { type FeatureMatrix, TradewrightError } from '@tradewright/core'
import { binRows } from './bin-rows.ts'
import { type BinCuts, QuantileSketch } from './quantile-sketch.ts'
import { checkFeatures, checkSameFeatures, checkWeights, withMissing } from './tree-data.ts'
import type { BinnedRows } from './tree-trainer.ts'

/** Rows that come together: any number of blocks make up a training's data. */
export interface FeatureBlock {
  readonly X: FeatureMatrix
  /** shape [X.rows] */
  readonly y: Float32Array
  /** shape [X.rows]; either every block has them or none. */
  readonly sampleWeight?: Float32Array | undefined
}

/**
 * Blocks of rows: something to iterate once, or a function that begins anew each time. A function is read twice, first
 * for the distribution of each feature and then into bins; what can be read only once has its cuts made from the first
 * rows of `sketchRows`, unless the training continues from a state, which has cuts.
 */
export type FeatureBlocks =
  | AsyncIterable<FeatureBlock>
  | Iterable<FeatureBlock>
  | (() => AsyncIterable<FeatureBlock> | Iterable<FeatureBlock>)

/** Whether something is blocks, and not one matrix or no data at all. */
export function isBlocks(data: FeatureMatrix | FeatureBlocks): data is FeatureBlocks {
  if (typeof data === 'function') return true
  return typeof data === 'object' && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data)
}

/** Distinct values of a column that a sketch of blocks keeps. */
const SKETCH_CAPACITY = 65_536

/** What is to be known before blocks are read. */
export interface BlockReading {
  /** Cuts to use; undefined: make them. */
  readonly cuts: BinCuts | undefined
  readonly names: readonly string[] | undefined
  readonly categorical: readonly string[]
  readonly missing: number
  readonly maxBins: number
  readonly sketchRows: number
  readonly signal: AbortSignal | undefined
  /** Sums that rows begin with, from their features: undefined where they are not known before the targets are. */
  readonly margins: ((data: Float32Array, rows: number) => Float32Array) | undefined
}

/** Blocks as bins. */
export interface ReadBlocks {
  readonly names: readonly string[]
  readonly cuts: BinCuts
  readonly y: Float32Array
  readonly weight: Float32Array | undefined
  readonly margins: Float32Array | undefined
  readonly fill: BinnedRows['fill']
}

/** A growing array of float32. */
class Floats {
  #parts: Float32Array[] = []
  length = 0

  add(part: Float32Array): void {
    this.#parts.push(part)
    this.length += part.length
  }

  take(): Float32Array {
    const all = new Float32Array(this.length)
    let at = 0
    for (const part of this.#parts) {
      all.set(part, at)
      at += part.length
    }
    this.#parts = []
    return all
  }
}

/** A block, checked. */
interface Checked {
  readonly data: Float32Array
  readonly rows: number
  readonly y: Float32Array
  readonly weight: Float32Array | undefined
}

class BlockReader {
  readonly #reading: BlockReading
  names: readonly string[] | undefined
  #sketch: QuantileSketch | undefined
  #weighted: boolean | undefined
  readonly #y: Floats = new Floats()
  readonly #weight: Floats = new Floats()
  readonly #margins: Floats = new Floats()
  readonly #bins: { readonly bins: Uint8Array; readonly rows: number }[] = []

  constructor(reading: BlockReading) {
    this.#reading = reading
    this.names = reading.names
  }

  check({ X, y, sampleWeight }: FeatureBlock): Checked {
    this.#reading.signal?.throwIfAborted()
    checkFeatures(X)
    this.names ??= X.names.slice()
    checkSameFeatures(this.names, this.names.length, X)
    if (y.length !== X.rows)
      throw new TradewrightError(
        'BAD_SHAPE',
        `a block must have a target for each of its ${X.rows} rows, has ${y.length}`,
        {
          rows: X.rows,
          targets: y.length,
        },
      )
    this.#weighted ??= sampleWeight !== undefined
    if (this.#weighted !== (sampleWeight !== undefined))
      throw new TradewrightError('BAD_SHAPE', 'every block must have weights or none, some have')
    if (X.rows > 0) checkWeights(sampleWeight, X.rows)
    return { data: withMissing(X.data, this.#reading.missing), rows: X.rows, y, weight: sampleWeight }
  }

  sketch({ data, rows, weight }: Checked): void {
    const names = this.names as readonly string[]
    this.#sketch ??= new QuantileSketch(
      names.map((name) => this.#reading.categorical.includes(name)),
      SKETCH_CAPACITY,
    )
    this.#sketch.add(data, rows, weight)
  }

  cuts(): BinCuts {
    const { cuts, maxBins } = this.#reading
    if (cuts !== undefined) return cuts
    if (this.#sketch === undefined) throw new TradewrightError('BAD_SHAPE', 'there must be at least one row, was none')
    return this.#sketch.cuts(maxBins)
  }

  bin({ data, rows, y, weight }: Checked, cuts: BinCuts): void {
    const rowBytes = cuts.categories.length
    const bins = new Uint8Array(rows * rowBytes)
    binRows(cuts, data, rows, { out: bins, rowBytes, firstRow: 0 })
    this.#bins.push({ bins, rows })
    this.#y.add(y.slice())
    if (weight !== undefined) this.#weight.add(weight.slice())
    const { margins } = this.#reading
    if (margins !== undefined) this.#margins.add(margins(data, rows))
  }

  done(cuts: BinCuts): ReadBlocks {
    const features = cuts.categories.length
    return {
      names: this.names as readonly string[],
      cuts,
      y: this.#y.take(),
      weight: this.#weighted === true ? this.#weight.take() : undefined,
      margins: this.#reading.margins === undefined ? undefined : this.#margins.take(),
      fill: (out, rowBytes, firstRow) => {
        let to = firstRow * rowBytes
        // Each block's bins are let go of as soon as they are copied.
        for (let block = this.#bins.shift(); block !== undefined; block = this.#bins.shift())
          for (let r = 0; r < block.rows; r++, to += rowBytes)
            out.set(block.bins.subarray(r * features, (r + 1) * features), to)
      },
    }
  }
}

/** Reads blocks into bins: a quarter of the bytes of their float32. @throws TradewrightError `BAD_SHAPE`, `BAD_DATA`; the signal's reason. */
export async function readBlocks(blocks: FeatureBlocks, reading: BlockReading): Promise<ReadBlocks> {
  const reader = new BlockReader(reading)
  if (typeof blocks === 'function') {
    if (reading.cuts === undefined) for await (const block of blocks()) reader.sketch(reader.check(block))
    const cuts = reader.cuts()
    for await (const block of blocks()) reader.bin(reader.check(block), cuts)
    return reader.done(cuts)
  }
  let { cuts } = reading
  let waiting: Checked[] = []
  let rows = 0
  const settle = (): BinCuts => {
    const made = reader.cuts()
    for (const block of waiting) reader.bin(block, made)
    waiting = []
    return made
  }
  for await (const block of blocks) {
    const checked = reader.check(block)
    if (cuts !== undefined) {
      reader.bin(checked, cuts)
      continue
    }
    reader.sketch(checked)
    // A source may fill the same arrays again: what waits is a copy.
    waiting.push({ ...checked, data: checked.data.slice(), y: checked.y.slice(), weight: checked.weight?.slice() })
    rows += checked.rows
    if (rows >= reading.sketchRows) cuts = settle()
  }
  return reader.done(cuts ?? settle())
}
