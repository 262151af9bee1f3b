import type { Fingerprint, Key } from '@tradewright/core'
import type { FastMemory } from './fast-memory.ts'

/** A column that stays in the kernels' memory. */
export interface ResidentColumn {
  readonly values: number
  readonly valid: number
  readonly codable: boolean
}

/** Columns a batch that are made to stay at most. */
const MOST_AT_ONCE = 256
/** Keys that are remembered. */
const MOST_SEEN = 4096

/**
 * Indicators over one range of bars that stay in the kernels' memory: copying and scanning them costs a small batch as
 * much as its trials. One that batches asked for twice is made to stay before the next.
 */
export class ResidentColumns {
  readonly #data: Fingerprint
  readonly #length: number
  readonly #columns = new Map<Key, ResidentColumn>()
  readonly #seen = new Set<Key>()
  readonly #wanted = new Map<Key, Float64Array>()

  /** @param data key of the bars' data: see `columnsKey`. @param length their number. */
  constructor(data: Fingerprint, length: number) {
    this.#data = data
    this.#length = length
  }

  /** Whether they are columns of that data. */
  fits(data: Fingerprint): boolean {
    return data === this.#data
  }

  get(key: Key): ResidentColumn | undefined {
    return this.#columns.get(key)
  }

  /** Takes notice of a column that was not there. @param column borrowed until the next {@link restore}. */
  note(key: Key, column: Float64Array): void {
    if (this.#seen.has(key)) {
      if (this.#wanted.size < MOST_AT_ONCE) this.#wanted.set(key, column)
      return
    }
    if (this.#seen.size >= MOST_SEEN) this.#seen.clear()
    this.#seen.add(key)
  }

  /** Makes what was wanted twice, as far as there is room. */
  restore(memory: FastMemory, room: number): void {
    const words = 2 * Math.ceil(this.#length / 128)
    const bytes = words * (512 + 8) + 256
    let left = Math.floor(room / bytes)
    for (const [key, column] of this.#wanted) {
      if (left-- <= 0) break
      const values = memory.allocate(words * 512)
      const valid = memory.allocate(words * 8)
      const view = memory.viewDoubles(values, words * 64)
      view.set(column.length === this.#length ? column : column.subarray(0, this.#length))
      view.fill(NaN, this.#length)
      this.#columns.set(key, { values, valid, codable: memory.kernels.scanColumn(values, words, valid) === 1 })
    }
    this.#wanted.clear()
  }
}
