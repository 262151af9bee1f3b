import { type FeatureMatrix, TradewrightError } from '@tradewright/core'
import { checkFloats } from './check-batch.ts'

/** Rows to learn from. Gathering copies them into buffers of the loader, so a dataset may lie anywhere. */
export interface Dataset {
  readonly rows: number
  readonly inputs: number
  /** Numbers of the target a row. */
  readonly targets: number
  readonly weighted: boolean
  /**
   * Copies `count` rows, by number, into the caller's arrays.
   *
   * @param rows   shape [>= count], which rows. Read only.
   * @param x      shape [>= count * inputs]. @param y shape [>= count * targets]. @param weight shape [>= count], used where weighted.
   */
  gather(rows: Uint32Array, count: number, x: Float32Array, y: Float32Array, weight: Float32Array): void
}

/** What {@link arrayDataset} takes. Arrays are borrowed: do not write to them while the dataset is in use. */
export interface ArrayDatasetInput {
  /** shape [rows * inputs], row-major. NaN is refused while training, by the loss. */
  readonly x: Float32Array
  readonly inputs: number
  /** shape [rows * targets]. */
  readonly y: Float32Array
  /** shape [rows], not negative. */
  readonly weight?: Float32Array | undefined
}

function shapeError(what: string, expected: string, length: number): TradewrightError {
  return new TradewrightError('BAD_SHAPE', `${what} must have ${expected}, was ${length} numbers`, { what, length })
}

/**
 * A dataset over arrays. Nothing is copied; arrays over a SharedArrayBuffer stay shared.
 *
 * @throws TradewrightError `BAD_SHAPE`, `BAD_DATA` (weights).
 * @example
 * ```ts
 * import { arrayDataset } from '@tradewright/gpu-training'
 * const data = arrayDataset({ x: Float32Array.of(1, 2, 3, 4), inputs: 2, y: Float32Array.of(0, 1) })
 * console.log(data.rows, data.inputs, data.targets) // 2 2 1
 * ```
 */
export function arrayDataset({ x, inputs, y, weight }: ArrayDatasetInput): Dataset {
  if (!(Number.isInteger(inputs) && inputs >= 1) || x.length === 0 || x.length % inputs !== 0)
    throw shapeError('x', `rows of ${inputs} numbers`, x.length)
  checkFloats('x', x, `[rows, ${inputs}]`)
  checkFloats('y', y, '[rows, targets]')
  if (weight !== undefined) checkFloats('weight', weight, '[rows]')
  const rows = x.length / inputs
  if (y.length === 0 || y.length % rows !== 0) throw shapeError('y', `${rows} rows`, y.length)
  if (weight !== undefined && weight.length !== rows) throw shapeError('weight', `${rows} numbers`, weight.length)
  if (weight !== undefined) checkWeights(weight)
  const targets = y.length / rows
  return {
    rows,
    inputs,
    targets,
    weighted: weight !== undefined,
    gather(order, count, toX, toY, toWeight) {
      for (let i = 0; i < count; i++) {
        const row = order[i]
        copy(x, row * inputs, inputs, toX, i * inputs)
        copy(y, row * targets, targets, toY, i * targets)
        if (weight !== undefined) toWeight[i] = weight[row]
      }
    },
  }
}

function checkWeights(weight: Float32Array): void {
  let sum = 0
  for (let i = 0; i < weight.length; i++) {
    if (!(weight[i] >= 0 && weight[i] < Number.POSITIVE_INFINITY))
      throw new TradewrightError('BAD_DATA', `weight must be >= 0 and finite, was ${weight[i]} in row ${i}`, { row: i })
    sum += weight[i]
  }
  if (sum === 0)
    throw new TradewrightError('BAD_DATA', 'weight must have a sum above 0, was 0', { rows: weight.length })
}

/** A loop: `set` of a `subarray` would allocate a view a row. */
function copy(from: Float32Array, start: number, count: number, to: Float32Array, at: number): void {
  for (let j = 0; j < count; j++) to[at + j] = from[start + j]
}

/** A dataset over a feature matrix of core's model contract. */
export function featureDataset(X: FeatureMatrix, y: Float32Array, weight?: Float32Array): Dataset {
  if (X.data.length !== X.rows * X.columns) throw shapeError('X', `shape [${X.rows}, ${X.columns}]`, X.data.length)
  return arrayDataset({ x: X.data, inputs: X.columns, y, weight })
}

/** The part of an Apache Arrow table that is read. */
export interface ArrowTableLike {
  readonly numRows: number
  getChild(name: string): { toArray(): ArrayLike<number | bigint> } | null
}

/** Which columns of a table are what. */
export interface ArrowColumns {
  readonly features: readonly string[]
  readonly targets: readonly string[]
  readonly weight?: string | undefined
}

/**
 * A dataset over an Arrow table; its columns are copied into float32 rows once.
 *
 * @throws TradewrightError `UNKNOWN_NAME` (a column that is not there), `BAD_SHAPE` (no columns).
 */
export function arrowDataset(table: ArrowTableLike, { features, targets, weight }: ArrowColumns): Dataset {
  const rows = table.numRows
  const column = (name: string): ArrayLike<number | bigint> => {
    const found = table.getChild(name)
    if (found === null)
      throw new TradewrightError('UNKNOWN_NAME', `the table must have a column '${name}', had none`, { name })
    return found.toArray()
  }
  const joined = (names: readonly string[]): Float32Array => {
    const out = new Float32Array(rows * names.length)
    names.forEach((name, j) => {
      const values = column(name)
      for (let i = 0; i < rows; i++) out[i * names.length + j] = Number(values[i])
    })
    return out
  }
  return arrayDataset({
    x: joined(features),
    inputs: features.length,
    y: joined(targets),
    weight: weight === undefined ? undefined : joined([weight]),
  })
}

/** Options of {@link windowDataset}. */
export interface WindowOptions {
  /** Rows a window. */
  readonly length: number
  /** Rows from one window to the next. @default 1 */
  readonly stride?: number | undefined
}

/**
 * Windows of successive rows: the input of one is `length` rows, oldest first, one behind the other; its target and
 * weight are those of its last row. So nothing of a later row is seen.
 */
export function windowDataset(dataset: Dataset, { length, stride = 1 }: WindowOptions): Dataset {
  if (!(Number.isInteger(length) && length >= 1 && length <= dataset.rows && Number.isInteger(stride) && stride >= 1))
    throw new TradewrightError(
      'BAD_OPTION',
      `length must lie from 1 to ${dataset.rows} and stride be >= 1, was ${length} and ${stride}`,
    )
  const { inputs, targets, weighted } = dataset
  const one = new Uint32Array(length)
  const y = new Float32Array(length * targets)
  const weight = new Float32Array(length)
  const x = new Float32Array(length * inputs)
  return {
    rows: Math.floor((dataset.rows - length) / stride) + 1,
    inputs: inputs * length,
    targets,
    weighted,
    gather(order, count, toX, toY, toWeight) {
      for (let i = 0; i < count; i++) {
        for (let t = 0; t < length; t++) one[t] = order[i] * stride + t
        dataset.gather(one, length, x, y, weight)
        toX.set(x, i * inputs * length)
        for (let j = 0; j < targets; j++) toY[i * targets + j] = y[(length - 1) * targets + j]
        if (weighted) toWeight[i] = weight[length - 1]
      }
    },
  }
}
