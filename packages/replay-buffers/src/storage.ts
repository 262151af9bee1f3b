import type { Layout } from './layout.ts'
import type { RowStore } from './row-store.ts'

/** Records in this process's memory. */
export interface MemoryStorage {
  readonly kind: 'memory'
}

/** Records wherever the user's own store keeps them. */
export interface CustomStorage {
  readonly kind: 'custom'
  /** Makes the store for a layout and a number of slots. */
  open(layout: Layout, slots: number): RowStore
}

/** Records in memory: packed, in WebAssembly memory where they are small. The default. */
export function memory(): MemoryStorage {
  return Object.freeze({ kind: 'memory' })
}
