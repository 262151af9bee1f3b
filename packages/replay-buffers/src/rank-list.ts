const BLOCK = 512

interface Block {
  readonly items: Int32Array
  size: number
}

/**
 * Slots in descending order of their keys, equal keys in ascending order of their slots. Blocks of up to 512 slots, so
 * that inserting and deleting move at most 2 KB; finding a place is a binary search over blocks and then in one.
 */
export class RankList {
  /** Key by slot, -1 where a slot is absent. */
  readonly #keys: Float64Array
  #blocks: Block[] = []
  #starts = new Int32Array(16)
  #counted = false
  #size = 0

  constructor(slots: number) {
    this.#keys = new Float64Array(slots).fill(-1)
  }

  get size(): number {
    return this.#size
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#keys.byteLength + this.#starts.byteLength + this.#blocks.length * BLOCK * 4
  }

  /** The key of a slot, -1 where absent. */
  key(slot: number): number {
    return this.#keys[slot]
  }

  /** Whether slot `a` with `key` comes before slot `b`. */
  #before(key: number, a: number, b: number): boolean {
    const other = this.#keys[b]
    return key > other || (key === other && a < b)
  }

  /** The first block whose last slot does not come before (key, slot); the last block if there is none. */
  #blockOf(key: number, slot: number): number {
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      const block = this.#blocks[middle]
      const last = block.items[block.size - 1]
      if (last !== slot && !this.#before(key, slot, last)) low = middle + 1
      else high = middle
    }
    return low
  }

  #placeIn(block: Block, key: number, slot: number): number {
    let low = 0
    let high = block.size
    while (low < high) {
      const middle = (low + high) >> 1
      const item = block.items[middle]
      if (item !== slot && !this.#before(key, slot, item)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Inserts a slot, or moves it to its new key. Keys are not negative. */
  set(slot: number, key: number): void {
    this.delete(slot)
    this.#counted = false
    if (this.#blocks.length === 0) this.#blocks.push({ items: new Int32Array(BLOCK), size: 0 })
    const index = this.#blockOf(key, slot)
    const block = this.#blocks[index]
    const place = this.#placeIn(block, key, slot)
    block.items.copyWithin(place + 1, place, block.size)
    block.items[place] = slot
    block.size++
    this.#keys[slot] = key
    this.#size++
    if (block.size === BLOCK) this.#split(index)
  }

  /** A full block gives its second half away; a full last one nearly nothing, for slots that come in order. */
  #split(index: number): void {
    const block = this.#blocks[index]
    const keep = index === this.#blocks.length - 1 ? BLOCK - 16 : BLOCK / 2
    const half: Block = { items: new Int32Array(BLOCK), size: BLOCK - keep }
    half.items.set(block.items.subarray(keep))
    block.size = keep
    this.#blocks.splice(index + 1, 0, half)
  }

  delete(slot: number): void {
    const key = this.#keys[slot]
    if (key < 0) return
    this.#counted = false
    const index = this.#blockOf(key, slot)
    const block = this.#blocks[index]
    const place = this.#placeIn(block, key, slot)
    block.items.copyWithin(place, place + 1, block.size)
    block.size--
    this.#keys[slot] = -1
    this.#size--
    if (block.size === 0) this.#blocks.splice(index, 1)
  }

  /** How many come before each block. */
  #count(): void {
    if (this.#counted) return
    const n = this.#blocks.length
    if (this.#starts.length < n) this.#starts = new Int32Array(n * 2)
    let before = 0
    for (let i = 0; i < n; i++) {
      this.#starts[i] = before
      before += this.#blocks[i].size
    }
    this.#counted = true
  }

  /** The slot at a rank, 0 the largest key. */
  at(rank: number): number {
    this.#count()
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle] <= rank) low = middle
      else high = middle - 1
    }
    return this.#blocks[low].items[rank - this.#starts[low]]
  }

  /** The rank of a slot that is there. */
  rank(slot: number): number {
    this.#count()
    const key = this.#keys[slot]
    const index = this.#blockOf(key, slot)
    return this.#starts[index] + this.#placeIn(this.#blocks[index], key, slot)
  }

  /** Keys by slot. */
  save(): Float64Array {
    return this.#keys.slice()
  }

  restore(keys: Float64Array): void {
    this.#keys.set(keys)
    const slots = Int32Array.from(keys.keys()).filter((slot) => keys[slot] >= 0)
    slots.sort((a, b) => (this.#before(keys[a], a, b) ? -1 : 1))
    this.#blocks = []
    for (let from = 0; from < slots.length; from += BLOCK / 2) {
      const part = slots.subarray(from, from + BLOCK / 2)
      const items = new Int32Array(BLOCK)
      items.set(part)
      this.#blocks.push({ items, size: part.length })
    }
    this.#size = slots.length
    this.#counted = false
  }
}
