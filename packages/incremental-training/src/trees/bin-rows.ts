import { TradewrightError } from '@tradewright/core'
import type { BinCuts } from './quantile-sketch.ts'
import { MISSING_BIN } from './tree-kernels.ts'
import { SCRATCH_START, treeScratch } from './tree-scratch.ts'

/** Bins that each feature has, the one of missing values apart. */
export function binCounts({ offsets, categories }: BinCuts): Int32Array {
  return categories.map((count, f) => (count > 0 ? count : offsets[f + 1] - offsets[f] + 1))
}

/** Where bins go. */
export interface BinTarget {
  readonly out: Uint8Array
  readonly rowBytes: number
  /** Row of `out` that the first row goes to. */
  readonly firstRow: number
}

/** Values that are put into bins at a time: they and their bins stay in the cache. */
const CELLS = 65_536

function infinite(data: Float32Array, features: number): TradewrightError {
  const at = data.findIndex((x) => x === Number.POSITIVE_INFINITY || x === Number.NEGATIVE_INFINITY)
  const [column, row] = [at % features, Math.floor(at / features)]
  return new TradewrightError(
    'BAD_DATA',
    `features must be finite or NaN, was ${data[at]} in column ${column}, row ${row}`,
    { column, row },
  )
}

/**
 * Puts rows of features into bins.
 *
 * @param data shape [rows * features], row-major. NaN is missing. Read only.
 * @param to   bins, `rowBytes` a row; the bytes behind a row's features stay as they are.
 * @throws TradewrightError `BAD_DATA` for an infinite feature.
 */
export function binRows(cuts: BinCuts, data: Float32Array, rows: number, to: BinTarget): void {
  const features = cuts.categories.length
  const chunk = Math.max(1, Math.floor(CELLS / features))
  const tableAt = SCRATCH_START
  const dataAt = tableAt + features * 1024
  const outAt = dataAt + chunk * features * 4
  const scratch = rows * features < 256 ? undefined : treeScratch(features * 1024 + chunk * features * 5)
  if (scratch === undefined || cuts.categories.some((count) => count > 0)) return binPlainly(cuts, data, rows, to)
  scratch.owner = undefined
  const { buffer } = scratch.memory
  const table = new Float32Array(buffer, tableAt, features * 256).fill(Number.POSITIVE_INFINITY)
  for (let f = 0; f < features; f++) table.set(cuts.values.subarray(cuts.offsets[f], cuts.offsets[f + 1]), f * 256)
  const cells = new Float32Array(buffer, dataAt, chunk * features)
  const bins = new Uint8Array(buffer, outAt, chunk * features)
  for (let first = 0; first < rows; first += chunk) {
    const count = Math.min(chunk, rows - first)
    cells.set(data.subarray(first * features, (first + count) * features))
    if (scratch.exports.bin(dataAt, count, features, tableAt, outAt) === 0) throw infinite(data, features)
    if (features === to.rowBytes) to.out.set(bins.subarray(0, count * features), (to.firstRow + first) * to.rowBytes)
    else
      for (let r = 0, from = 0, at = (to.firstRow + first) * to.rowBytes; r < count; r++, at += to.rowBytes)
        for (let f = 0; f < features; f++) to.out[at + f] = bins[from++]
  }
}

/** {@link binRows} in plain TypeScript: its reference, and for category features. */
export function binPlainly(
  { offsets, values, categories }: BinCuts,
  data: Float32Array,
  rows: number,
  { out, rowBytes, firstRow }: BinTarget,
): void {
  const features = categories.length
  for (let r = 0, i = 0; r < rows; r++) {
    const to = (firstRow + r) * rowBytes
    for (let f = 0; f < features; f++, i++) {
      const x = data[i]
      if (categories[f] > 0) {
        // A category that the cuts do not know is in no set: it goes where predictions send it.
        out[to + f] = x >= 0 ? Math.min(Math.trunc(x), MISSING_BIN - 1) : MISSING_BIN
        continue
      }
      if (!(x - x === 0)) {
        if (x === x) throw infinite(data, features)
        out[to + f] = MISSING_BIN
        continue
      }
      const first = offsets[f]
      let low = first
      let length = offsets[f + 1] - first
      while (length > 0) {
        const half = length >> 1
        if (values[low + half] <= x) {
          low += half + 1
          length -= half + 1
        } else length = half
      }
      out[to + f] = low - first
    }
  }
}
