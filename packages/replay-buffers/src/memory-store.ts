import { TradewrightError } from '@tradewright/core'
import { type Arena, createArena } from './kernels/wasm.ts'
import { allocateViews, type Field, type Layout, Views } from './layout.ts'
import { copyField, type OutColumn, type RowStore, zeroField } from './row-store.ts'

/** Rows above this size are copied faster by the engine's own `set` than through the arena's staging area. */
const ARENA_RECORD_BYTES = 1024
const STAGING_BYTES = 262_144
const PLAN_ROWS = 8192
/** Plan and staging lie before the records. */
const RECORDS_AT = PLAN_ROWS * 4 + STAGING_BYTES
const CHUNK_BYTES = 1 << 30

/** Small records in one WebAssembly memory, gathered by SIMD copies. */
class ArenaStore implements RowStore {
  readonly linear = true
  readonly layout: Layout
  readonly slots: number
  readonly views: Views
  base = 0
  readonly #arena: Arena
  readonly #plan: Int32Array
  readonly #staging: Uint8Array
  readonly #stagingViews = new Map<number, Uint8Array>()

  constructor(layout: Layout, slots: number, arena: Arena) {
    this.layout = layout
    this.slots = slots
    this.#arena = arena
    const { buffer } = arena.memory
    this.views = new Views(buffer, RECORDS_AT, Math.floor((buffer.byteLength - RECORDS_AT) / 8) * 8)
    this.#plan = new Int32Array(buffer, 0, PLAN_ROWS)
    this.#staging = new Uint8Array(buffer, PLAN_ROWS * 4, STAGING_BYTES)
  }

  get memoryBytes(): number {
    return RECORDS_AT + this.slots * this.layout.recordBytes
  }

  seek(slot: number): number {
    this.base = slot * this.layout.recordBytes
    return this.slots - slot
  }

  wrote(): void {}

  /** The first `bytes` of the staging area: one view a size, so that equal batches make no garbage. */
  #staged(bytes: number): Uint8Array {
    let view = this.#stagingViews.get(bytes)
    if (view === undefined) {
      if (this.#stagingViews.size > 256) this.#stagingViews.clear()
      view = this.#staging.subarray(0, bytes)
      this.#stagingViews.set(bytes, view)
    }
    return view
  }

  gather(field: Field, plan: Int32Array, count: number, out: OutColumn, from: number): void {
    if (field.pack !== undefined) {
      gatherRows(this, field, plan, count, out, from)
      return
    }
    const bytes = field.bytes
    const piece = Math.min(PLAN_ROWS, Math.floor(STAGING_BYTES / bytes))
    for (let start = 0; start < count; start += piece) {
      const n = Math.min(piece, count - start)
      for (let k = 0; k < n; k++) this.#plan[k] = plan[start + k]
      const stride = this.layout.recordBytes
      this.#arena.kernels.gather(0, n, RECORDS_AT, stride, field.offset, bytes, PLAN_ROWS * 4)
      out.bytes.set(this.#staged(n * bytes), (from + start) * bytes)
    }
  }
}

/** The plain form of a gather, for any store whose records can be reached by `seek`. */
function gatherRows(
  store: RowStore,
  field: Field,
  plan: Int32Array,
  count: number,
  out: OutColumn,
  from: number,
): void {
  for (let k = 0; k < count; k++) {
    const slot = plan[k]
    if (slot < 0) {
      zeroField(field, out, from + k)
      continue
    }
    store.seek(slot)
    copyField(field, store.views, store.base, out, from + k)
  }
}

/** Records of any size in plain memory, in chunks of at most 1 GiB. */
class ChunkStore implements RowStore {
  readonly linear: boolean
  readonly layout: Layout
  readonly slots: number
  views: Views
  base = 0
  readonly #chunks: readonly Views[]
  readonly #shift: number
  readonly #chunkRows: number

  constructor(layout: Layout, slots: number) {
    this.layout = layout
    this.slots = slots
    this.#shift = Math.max(0, Math.floor(Math.log2(CHUNK_BYTES / layout.recordBytes)))
    const rows = 2 ** this.#shift
    this.#chunkRows = rows
    const chunks: Views[] = []
    for (let first = 0; first < slots; first += rows)
      chunks.push(allocateViews(Math.min(rows, slots - first), layout.recordBytes))
    this.#chunks = chunks
    this.linear = chunks.length === 1
    this.views = chunks[0]
  }

  get memoryBytes(): number {
    return this.slots * this.layout.recordBytes
  }

  seek(slot: number): number {
    if (this.linear) {
      this.base = slot * this.layout.recordBytes
      return this.slots - slot
    }
    const chunk = slot >>> this.#shift
    const first = chunk * this.#chunkRows
    this.views = this.#chunks[chunk]
    this.base = (slot - first) * this.layout.recordBytes
    return Math.min(this.slots, first + this.#chunkRows) - slot
  }

  wrote(): void {}

  gather(field: Field, plan: Int32Array, count: number, out: OutColumn, from: number): void {
    gatherRows(this, field, plan, count, out, from)
  }
}

/**
 * Records in memory.
 *
 * @param wasm `false` forces the plain form. @default true where it loads and records are small
 * @throws TradewrightError `OUT_OF_MEMORY` when the machine refuses.
 */
export function createMemoryStore(layout: Layout, slots: number, wasm: boolean = true): RowStore {
  const bytes = RECORDS_AT + slots * layout.recordBytes
  const arena = wasm && layout.recordBytes <= ARENA_RECORD_BYTES ? createArena(bytes + 8) : undefined
  if (arena !== undefined) return new ArenaStore(layout, slots, arena)
  try {
    return new ChunkStore(layout, slots)
  } catch (cause) {
    throw new TradewrightError(
      'OUT_OF_MEMORY',
      `a buffer of ${slots} rows needs ${bytes} bytes of memory, which the machine refused`,
      { bytes },
      { cause },
    )
  }
}
