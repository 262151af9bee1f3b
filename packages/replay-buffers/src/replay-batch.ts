import { TradewrightError } from '@tradewright/core'
import type { Columns, SampledColumns } from './columns.ts'
import { arrayConstructor, type ColumnArray } from './dtype.ts'
import type { BoundBatch, ReplayView } from './replay-view.ts'
import { type OutColumn, outColumn } from './row-store.ts'

/** A sample: caller-owned arrays, made by `createBatch` and filled again and again by `sample`. */
export interface ReplayBatch<C extends Columns> {
  /** Shape [batch]: what `updatePriorities` takes. Slots: they mean nothing else. */
  readonly indices: Int32Array
  /** Shape [batch], importance weights, the largest possible 1. */
  readonly weights: Float32Array
  readonly columns: SampledColumns<C>
}

type LooseBatch = {
  readonly indices: Int32Array
  readonly weights: Float32Array
  readonly columns: Readonly<Record<string, ColumnArray | undefined>>
}

function tooSmall(name: string, expected: number, array: unknown, kind: string): TradewrightError {
  const was = ArrayBuffer.isView(array)
    ? `${array.constructor.name}(${(array as unknown as ArrayLike<number>).length})`
    : String(array)
  return new TradewrightError('BAD_SHAPE', `out.${name} must be a ${kind} of at least ${expected}, was ${was}`, {
    name,
    expected,
  })
}

/** Checks a batch once and keeps the views of its columns; later samples find them again. */
export class BatchBinder {
  readonly #bound = new WeakMap<object, BoundBatch>()
  readonly #drawnAt = new WeakMap<object, Float64Array>()
  readonly #view: ReplayView
  readonly #markLength: number

  constructor(view: ReplayView, markLength: number) {
    this.#view = view
    this.#markLength = markLength
  }

  /** @throws TradewrightError `BAD_SHAPE` naming the array that is missing, too short or of another dtype. */
  bind(batch: object, count: number): BoundBatch {
    const known = this.#bound.get(batch)
    const { indices, weights, columns } = batch as LooseBatch
    if (known !== undefined && known.size >= count && this.#same(known, batch as LooseBatch)) return known
    if (!(indices instanceof Int32Array) || indices.length < count)
      throw tooSmall('indices', count, indices, 'Int32Array')
    if (!(weights instanceof Float32Array) || weights.length < count)
      throw tooSmall('weights', count, weights, 'Float32Array')
    const outs = new Map<string, OutColumn>()
    for (const { name, dtype, size } of this.#view.outputs) {
      const array = columns?.[name]
      const Kind = arrayConstructor(dtype)
      if (!(array instanceof Kind) || array.length < count * size)
        throw tooSmall(`columns.${name}`, count * size, array, Kind.name)
      outs.set(name, outColumn(array))
    }
    const drawnAt = new Float64Array(this.#markLength)
    const bound: BoundBatch = { size: count, indices, weights, columns: outs, drawnAt }
    this.#bound.set(batch, bound)
    this.#drawnAt.set(indices, drawnAt)
    return bound
  }

  /** Whether a batch still has the arrays that were checked, none of them moved to another thread since. */
  #same(known: BoundBatch, { indices, weights, columns }: LooseBatch): boolean {
    if (known.indices !== indices || known.weights !== weights || indices.length === 0 || weights.length === 0)
      return false
    for (const { name } of this.#view.outputs) {
      const array = columns?.[name]
      if (array === undefined || array.length === 0 || known.columns.get(name)?.array !== array) return false
    }
    return true
  }

  /** The mark of when these indices were drawn; undefined for indices of unknown origin. */
  drawnAt(indices: object): Float64Array | undefined {
    return this.#drawnAt.get(indices)
  }
}
