import type { ColumnArray } from './dtype.ts'
import type { Field, Layout, Views } from './layout.ts'
import { readPacked } from './pack.ts'

/** A column of a batch, with views of its bytes, made once a batch. */
export interface OutColumn {
  readonly array: ColumnArray
  readonly bytes: Uint8Array
  /** Undefined where the bytes do not begin at a whole word or are not whole words. */
  readonly words: Int32Array | undefined
}

/** Records by slot: the storage part of a buffer. Slots run from 0 to `slots - 1`. */
export interface RowStore {
  readonly layout: Layout
  readonly slots: number
  /** After {@link RowStore.seek}: where its slot can be written. */
  readonly views: Views
  /** After {@link RowStore.seek}: the byte in `views` at which the slot begins. */
  readonly base: number
  /** Bytes held in memory now. */
  readonly memoryBytes: number
  /**
   * Whether `views` never changes, slot s lies at byte `s * recordBytes` of it, and `wrote` does nothing: then adding
   * goes without `seek`.
   */
  readonly linear: boolean
  /** Points `views` and `base` at a slot, for writing. @returns how many slots follow in one piece, itself included. */
  seek(slot: number): number
  /** Says that `count` slots from `slot` now hold complete rows. */
  wrote(slot: number, count: number): void
  /**
   * Copies a field of the planned slots into `out`, row by row; a slot of -1 gives zeros.
   *
   * @param plan  shape [count], slots.
   * @param from  first row of `out` to write.
   */
  gather(field: Field, plan: Int32Array, count: number, out: OutColumn, from: number): void
  /**
   * Storages that read in blocks: copies what a batch needs out of them, before its columns are gathered.
   *
   * @param slots ascending, none twice. Read only, and dead after the call returns.
   */
  stage?(slots: Int32Array): void
  /** The same for the batch after, without blocking. */
  stageNext?(slots: Int32Array): Promise<void>
  /** What was staged for the batch after is that of the batch in hand. */
  takeStaged?(): void
  /** The batch in hand is filled. */
  release?(): void
  /** Stores with a budget of memory: what else counts towards it. @throws TradewrightError `BAD_OPTION`. */
  charge?(bytes: () => number): void
  /** Counters of the storage. */
  stats?(): Readonly<Record<string, number>>
}

/** A batch column around an array. */
export function outColumn(array: ColumnArray): OutColumn {
  const { buffer, byteOffset, byteLength } = array
  const whole = byteOffset % 4 === 0 && byteLength % 4 === 0
  return {
    array,
    bytes: new Uint8Array(buffer, byteOffset, byteLength),
    words: whole ? new Int32Array(buffer, byteOffset, byteLength / 4) : undefined,
  }
}

/** From this size on a `set` is faster than a loop of words. */
const BLOCK_COPY_BYTES = 512

/** Copies one field of one record into row `row` of a column. */
export function copyField(field: Field, views: Views, base: number, out: OutColumn, row: number): void {
  const at = base + field.offset
  if (field.pack !== undefined) {
    readPacked(field, views, at, out.array, row * field.size)
    return
  }
  const bytes = field.bytes
  if (bytes >= BLOCK_COPY_BYTES) {
    out.bytes.set(views.uint8.subarray(at, at + bytes), row * bytes)
    return
  }
  if (out.words !== undefined && ((at | bytes) & 3) === 0) {
    const source = views.int32
    const target = out.words
    const from = at >>> 2
    const size = bytes >>> 2
    const to = row * size
    for (let i = 0; i < size; i++) target[to + i] = source[from + i]
    return
  }
  const source = views.uint8
  const to = row * bytes
  for (let i = 0; i < bytes; i++) out.bytes[to + i] = source[at + i]
}

/** Zeros in row `row` of a column. */
export function zeroField(field: Field, out: OutColumn, row: number): void {
  out.array.fill(0, row * field.size, (row + 1) * field.size)
}
