/** Numbers by slot, for a few thousand slots at a time: open addressing in two arrays, emptied in O(size). */
export class SlotTable {
  #keys: Int32Array = new Int32Array(16).fill(-1)
  #values: Int32Array = new Int32Array(16)
  #mask = 15

  /** Bytes held. */
  get bytes(): number {
    return this.#keys.byteLength + this.#values.byteLength
  }

  /** Empties the table and makes room for `count` slots. */
  reset(count: number): void {
    const size = 2 ** Math.ceil(Math.log2(Math.max(8, count) * 2))
    if (size > this.#keys.length) {
      this.#keys = new Int32Array(size)
      this.#values = new Int32Array(size)
    }
    this.#mask = size - 1
    this.#keys.fill(-1, 0, size)
  }

  set(slot: number, value: number): void {
    let at = Math.imul(slot, 0x9e3779b1) & this.#mask
    while (this.#keys[at] !== -1 && this.#keys[at] !== slot) at = (at + 1) & this.#mask
    this.#keys[at] = slot
    this.#values[at] = value
  }

  /** The slot's number, -1 where it has none. */
  get(slot: number): number {
    let at = Math.imul(slot, 0x9e3779b1) & this.#mask
    while (this.#keys[at] !== slot) {
      if (this.#keys[at] === -1) return -1
      at = (at + 1) & this.#mask
    }
    return this.#values[at]
  }
}
