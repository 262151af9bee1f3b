import type { Key } from '@tradewright/core'

/** Where a record stands. */
export interface Place {
  /** Number of its segment. */
  readonly segment: number
  readonly offset: number
  readonly length: number
}

const WORDS = 5
const FREE = 0
const GONE = 1
/** Numbers of segments are kept above the marks. */
const BASE = 2

/**
 * Places of records by their keys' 64-bit hashes, 20 bytes a slot: about 40 bytes an entry, where a Map of key texts
 * needs 200. Two keys of one hash are told apart by the record itself, which holds its key.
 */
export class PlaceIndex {
  #slots = new Uint32Array(1024 * WORDS)
  #mask = 1023
  #used = 0
  #h1 = 0
  #h2 = 0
  /** Entries held. */
  size = 0

  #hash(key: Key): void {
    let a = 0x9e3779b1
    let b = 0x85ebca77
    for (let i = 0; i < key.length; i++) {
      const c = key.charCodeAt(i)
      a = Math.imul(a ^ c, 0x01000193)
      b = Math.imul(b ^ c, 0xcc9e2d51)
      b = (b << 13) | (b >>> 19)
    }
    a ^= a >>> 15
    a = Math.imul(a, 0x2c1b3c6d)
    this.#h1 = (a ^ (a >>> 12)) >>> 0
    this.#h2 = (b ^ (b >>> 16)) >>> 0
  }

  /** The slot of the key hashed last: its own, or the free one where its probe ends. */
  #find(): number {
    const slots = this.#slots
    const mask = this.#mask
    let slot = this.#h1 & mask
    for (;;) {
      const at = slot * WORDS
      if (slots[at] === FREE) return at
      if (slots[at + 1] === this.#h1 && slots[at + 2] === this.#h2) return at
      slot = (slot + 1) & mask
    }
  }

  get(key: Key): Place | undefined {
    this.#hash(key)
    const at = this.#find()
    const mark = this.#slots[at]
    if (mark < BASE) return undefined
    return { segment: mark - BASE, offset: this.#slots[at + 3], length: this.#slots[at + 4] }
  }

  /** @returns the place that the key had before. */
  set(key: Key, { segment, offset, length }: Place): Place | undefined {
    if ((this.#used + 1) * 10 > (this.#mask + 1) * 7) this.#grow()
    this.#hash(key)
    const at = this.#find()
    const slots = this.#slots
    const mark = slots[at]
    const before = mark < BASE ? undefined : { segment: mark - BASE, offset: slots[at + 3], length: slots[at + 4] }
    if (mark === FREE) this.#used++
    if (before === undefined) this.size++
    slots[at] = segment + BASE
    slots[at + 1] = this.#h1
    slots[at + 2] = this.#h2
    slots[at + 3] = offset
    slots[at + 4] = length
    return before
  }

  /** @returns the place that the key had. */
  delete(key: Key): Place | undefined {
    const before = this.get(key)
    if (before === undefined) return undefined
    this.#slots[this.#find()] = GONE
    this.size--
    return before
  }

  /** Removes every entry of a segment. @returns their places. */
  deleteSegment(segment: number): readonly Place[] {
    const gone: Place[] = []
    const slots = this.#slots
    for (let at = 0; at < slots.length; at += WORDS) {
      if (slots[at] !== segment + BASE) continue
      gone.push({ segment, offset: slots[at + 3], length: slots[at + 4] })
      slots[at] = GONE
    }
    this.size -= gone.length
    return gone
  }

  #grow(): void {
    const old = this.#slots
    let count = this.#mask + 1
    while (this.size * 10 > count * 3) count *= 2
    this.#slots = new Uint32Array(count * WORDS)
    this.#mask = count - 1
    this.#used = this.size
    for (let from = 0; from < old.length; from += WORDS) {
      if (old[from] < BASE) continue
      let slot = old[from + 1] & this.#mask
      while (this.#slots[slot * WORDS] !== FREE) slot = (slot + 1) & this.#mask
      this.#slots.set(old.subarray(from, from + WORDS), slot * WORDS)
    }
  }
}
