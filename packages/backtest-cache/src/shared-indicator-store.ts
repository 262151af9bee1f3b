import { join } from 'node:path'
import { engineVersion as currentEngine } from '@tradewright/backtest'
import {
  type Clock,
  type Fingerprint,
  type IndicatorStore,
  type IndicatorStoreStats,
  type Key,
  systemClock,
  TradewrightError,
} from '@tradewright/core'
import { loadArrow } from './arrow-adapter.ts'
import { ColumnSpill } from './column-spill.ts'

/** Options of {@link sharedIndicatorStore}. */
export interface SharedIndicatorStoreOptions {
  /** Bound on the bytes in memory. @default 512 MiB */
  readonly maxBytes?: number | undefined
  /** Where columns go that memory has no room for, as Arrow IPC files. Off where absent: needs apache-arrow. */
  readonly spill?:
    | { readonly directory: string /** @default 2 GiB */; readonly maxBytes?: number | undefined }
    | undefined
  /** Version of the engine: columns of another one are never read from disk. @default that of `@tradewright/backtest` */
  readonly engineVersion?: string | undefined
}

/** Counters of a shared store. */
export interface SharedIndicatorStats extends IndicatorStoreStats {
  /** Columns written to disk when memory had no room. */
  readonly spilled: number
  /** Columns read back from disk: hits too. */
  readonly restored: number
  readonly spilledBytes: number
  /** Files that could not be written, or were damaged. */
  readonly spillFailures: number
  /** Measured price of computing a column, in ms; 0 until `precompute` measured it. */
  readonly columnMs: number
  /** Columns that hits did not have to compute, times that price. */
  readonly savedMs: number
}

/** A column in shared memory, by its place. */
export interface SharedColumn {
  readonly node: Key
  readonly data: Fingerprint
  /** Over a SharedArrayBuffer: a worker that gets it copies nothing. Read only. */
  readonly column: Float64Array
}

/** An indicator store whose columns lie in shared memory. */
export interface SharedIndicatorStore extends IndicatorStore {
  stats(): SharedIndicatorStats
  /** Columns that came since `version` and are still here, and the version to ask from next. 0 gives all. */
  since(version: number): { readonly version: number; readonly columns: readonly SharedColumn[] }
  /** Tells what computing columns costs. */
  measured(columns: number, ms: number): void
}

interface Held {
  readonly node: Key
  readonly data: Fingerprint
  /** In shared memory, or to be copied there when workers ask for it. */
  column: Float64Array
  readonly version: number
}

/**
 * An indicator store in shared memory: bounded in bytes, least recently used out first, spilled to Arrow IPC files.
 *
 * `put` copies a column into shared memory once; a column that lies there already is kept as it is.
 *
 * @throws TradewrightError `BAD_OPTION`; with `spill` also `NOT_AVAILABLE` (apache-arrow) and `IO` (folder).
 * @example
 * ```ts
 * const store = await sharedIndicatorStore({ maxBytes: 256 * 1024 ** 2 })
 * const report = await precompute(strategy, { bars, store })
 * ```
 */
export async function sharedIndicatorStore(options: SharedIndicatorStoreOptions = {}): Promise<SharedIndicatorStore> {
  const { maxBytes = 512 * 1024 ** 2, spill, engineVersion = currentEngine } = options
  for (const bytes of [maxBytes, spill?.maxBytes ?? 1])
    if (!Number.isSafeInteger(bytes) || bytes < 1)
      throw new TradewrightError('BAD_OPTION', `maxBytes must be an integer >= 1, was ${bytes}`, { maxBytes: bytes })
  const disk =
    spill === undefined
      ? undefined
      : new ColumnSpill(
          join(spill.directory, `engine-${engineVersion}`),
          spill.maxBytes ?? 2 * 1024 ** 3,
          await loadArrow(),
        )
  return new ColumnsInSharedMemory(maxBytes, { disk, clock: undefined })
}

/**
 * An indicator store for a host with workers: columns go into shared memory only once workers ask for them
 * (`since`), so that without workers it costs no more than a plain store. It measures what columns cost to compute.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function sharedOnDemand(
  options: { readonly maxBytes?: number | undefined; readonly clock?: Clock | undefined } = {},
): SharedIndicatorStore {
  const { maxBytes = 512 * 1024 ** 2, clock = systemClock } = options
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1)
    throw new TradewrightError('BAD_OPTION', `maxBytes must be an integer >= 1, was ${maxBytes}`, { maxBytes })
  return new ColumnsInSharedMemory(maxBytes, { disk: undefined, clock })
}

const isShared = (column: Float64Array): boolean => column.buffer instanceof SharedArrayBuffer

function shared(column: Float64Array): Float64Array {
  if (isShared(column)) return column
  const copy = new Float64Array(new SharedArrayBuffer(column.byteLength))
  copy.set(column)
  return copy
}

class ColumnsInSharedMemory implements SharedIndicatorStore {
  readonly maxBytes: number
  readonly #disk: ColumnSpill | undefined
  readonly #clock: Clock | undefined
  /** When the last column was missed or came: what comes next was computed since. */
  #idleSince = 0
  readonly #columns = new Map<string, Held>() // in order of last use
  #version = 0
  #bytes = 0
  #hits = 0
  #misses = 0
  #evicted = 0
  #spilled = 0
  #restored = 0
  #measuredColumns = 0
  #measuredMs = 0

  /** @param options `clock` where columns are shared on demand and their cost is measured. */
  constructor(
    maxBytes: number,
    { disk, clock }: { readonly disk: ColumnSpill | undefined; readonly clock: Clock | undefined },
  ) {
    this.maxBytes = maxBytes
    this.#disk = disk
    this.#clock = clock
  }

  get(node: Key, data: Fingerprint): Float64Array | undefined {
    const id = node + data
    const held = this.#columns.get(id)
    if (held !== undefined) {
      this.#hits++
      this.#columns.delete(id)
      this.#columns.set(id, held)
      return held.column
    }
    const column = this.#disk?.read(id)
    if (column === undefined) {
      this.#misses++
      if (this.#clock !== undefined) this.#idleSince = this.#clock.elapsed()
      return undefined
    }
    this.#hits++
    this.#restored++
    const back = shared(column)
    this.#hold(id, { node, data, column: back, version: ++this.#version })
    return back
  }

  put(node: Key, data: Fingerprint, column: Float64Array): void {
    const id = node + data
    if (this.#clock !== undefined && !isShared(column)) {
      const now = this.#clock.elapsed()
      this.measured(1, now - this.#idleSince)
      this.#idleSince = now
    }
    this.#drop(id)
    if (column.byteLength > this.maxBytes) {
      if (this.#disk?.write(id, column) === true) this.#spilled++
      return
    }
    const kept = this.#clock === undefined ? shared(column) : column
    this.#hold(id, { node, data, column: kept, version: ++this.#version })
  }

  #hold(id: string, held: Held): void {
    this.#columns.set(id, held)
    this.#bytes += held.column.byteLength
    for (const [oldest, victim] of this.#columns) {
      if (this.#bytes <= this.maxBytes) break
      this.#drop(oldest)
      this.#evicted++
      if (this.#disk !== undefined && !this.#disk.has(oldest) && this.#disk.write(oldest, victim.column))
        this.#spilled++
    }
  }

  #drop(id: string): void {
    const held = this.#columns.get(id)
    if (held === undefined) return
    this.#columns.delete(id)
    this.#bytes -= held.column.byteLength
  }

  since(version: number): { readonly version: number; readonly columns: readonly SharedColumn[] } {
    if (version === this.#version) return { version, columns: [] }
    const columns: SharedColumn[] = []
    for (const held of this.#columns.values()) {
      if (held.version <= version) continue
      held.column = shared(held.column)
      columns.push({ node: held.node, data: held.data, column: held.column })
    }
    return { version: this.#version, columns }
  }

  measured(columns: number, ms: number): void {
    this.#measuredColumns += columns
    this.#measuredMs += ms
  }

  stats(): SharedIndicatorStats {
    const columnMs = this.#measuredColumns === 0 ? 0 : this.#measuredMs / this.#measuredColumns
    return {
      hits: this.#hits,
      misses: this.#misses,
      columns: this.#columns.size,
      bytes: this.#bytes,
      evicted: this.#evicted,
      spilled: this.#spilled,
      restored: this.#restored,
      spilledBytes: this.#disk?.bytes ?? 0,
      spillFailures: this.#disk?.failures ?? 0,
      columnMs,
      savedMs: columnMs * this.#hits,
    }
  }

  clear(): void {
    this.#columns.clear()
    this.#bytes = 0
    this.#disk?.clear()
  }
}
