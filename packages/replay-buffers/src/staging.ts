import { Views } from './layout.ts'
import { SlotTable } from './slot-table.ts'

/** Slots of one block that lie behind one another, and their first row in the staging area. */
export interface Run {
  readonly block: number
  readonly first: number
  readonly count: number
  readonly row: number
}

/** Records copied out of their blocks for one batch. */
export class Staging {
  bytes = 0
  views: Views = new Views(new ArrayBuffer(8), 0, 8)
  /** Row in the staging area by slot. */
  readonly rows: SlotTable = new SlotTable()
  readonly #recordBytes: number

  constructor(recordBytes: number) {
    this.#recordBytes = recordBytes
  }

  /** Lets its memory go. */
  drop(): void {
    this.#hold(8)
    this.bytes = 0
  }

  /** Takes other memory, of so many bytes. */
  grow(bytes: number): void {
    this.#hold(bytes)
    this.bytes = bytes
  }

  #hold(bytes: number): void {
    this.views = new Views(new ArrayBuffer(bytes), 0, bytes)
  }

  /** Where a run's records go. */
  target(run: Run): Uint8Array {
    return this.views.uint8.subarray(run.row * this.#recordBytes, (run.row + run.count) * this.#recordBytes)
  }

  /**
   * Gives each of the sorted slots a row.
   *
   * @param blockOf  the block of a slot
   * @param endOf    the slot behind a block's last one
   * @returns the runs, those of a block together
   */
  runs(slots: Int32Array, blockOf: (slot: number) => number, endOf: (block: number) => number): Run[] {
    const runs: Run[] = []
    for (let k = 0; k < slots.length; ) {
      const first = slots[k]
      const block = blockOf(first)
      const end = endOf(block)
      const from = k
      while (k < slots.length && slots[k] === first + (k - from) && slots[k] < end) {
        this.rows.set(slots[k], k)
        k++
      }
      runs.push({ block, first, count: k - from, row: from })
    }
    return runs
  }
}
