/** A set of slots that can be indexed: add, delete and the k-th in O(1). Deleting moves the last one. */
export class SlotSet {
  readonly #items: Int32Array
  /** Place in `items` by slot, -1 where absent. */
  readonly #places: Int32Array
  #size = 0

  constructor(slots: number) {
    this.#items = new Int32Array(slots)
    this.#places = new Int32Array(slots).fill(-1)
  }

  get size(): number {
    return this.#size
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#items.byteLength + this.#places.byteLength
  }

  add(slot: number): void {
    if (this.#places[slot] >= 0) return
    this.#places[slot] = this.#size
    this.#items[this.#size++] = slot
  }

  delete(slot: number): void {
    const place = this.#places[slot]
    if (place < 0) return
    const last = this.#items[--this.#size]
    this.#items[place] = last
    this.#places[last] = place
    this.#places[slot] = -1
  }

  at(place: number): number {
    return this.#items[place]
  }

  /** The slots in their order, which later draws depend on. */
  save(): Int32Array {
    return this.#items.slice(0, this.#size)
  }

  restore(items: Int32Array): void {
    this.#places.fill(-1)
    this.#size = 0
    for (const slot of items) this.add(slot)
  }
}
