import type { Fingerprint, Key } from './key.ts'

/** Counters of an indicator store. */
export interface IndicatorStoreStats {
  readonly hits: number
  readonly misses: number
  readonly columns: number
  readonly bytes: number
  readonly evicted: number
}

/**
 * Columns of indicators, computed once per distinct node and data. Synchronous: it stands in the engine's path.
 *
 * Columns are read-only borrows for both sides: neither writes to one after `put`.
 */
export interface IndicatorStore {
  /** Undefined where missing. Valid until the next `put`: later it may be evicted, never overwritten. */
  get(node: Key, data: Fingerprint): Float64Array | undefined
  put(node: Key, data: Fingerprint, column: Float64Array): void
  /** Bound on the bytes held; the least recently used go first. */
  readonly maxBytes: number
  stats(): IndicatorStoreStats
  clear(): void
}

/** An {@link IndicatorStore} in memory. @param options `maxBytes`: bound. @default 512 MiB */
export function createIndicatorStore(options: { readonly maxBytes?: number | undefined } = {}): IndicatorStore {
  const { maxBytes = 512 * 1024 * 1024 } = options
  const columns = new Map<string, Float64Array>() // in order of last use
  let bytes = 0
  let hits = 0
  let misses = 0
  let evicted = 0
  const drop = (id: string, column: Float64Array): void => {
    columns.delete(id)
    bytes -= column.byteLength
  }
  return {
    maxBytes,
    get(node, data) {
      const id = node + data
      const column = columns.get(id)
      if (column === undefined) {
        misses++
        return undefined
      }
      hits++
      columns.delete(id)
      columns.set(id, column)
      return column
    },
    put(node, data, column) {
      const id = node + data
      const old = columns.get(id)
      if (old !== undefined) drop(id, old)
      if (column.byteLength > maxBytes) return
      columns.set(id, column)
      bytes += column.byteLength
      for (const [oldest, victim] of columns) {
        if (bytes <= maxBytes) break
        drop(oldest, victim)
        evicted++
      }
    },
    stats: () => ({ hits, misses, columns: columns.size, bytes, evicted }),
    clear() {
      columns.clear()
      bytes = 0
    },
  }
}
