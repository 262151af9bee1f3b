import { Hasher, type Key } from '@tradewright/core'

const HEX: readonly string[] = Array.from({ length: 65536 }, (_, i) => i.toString(16).padStart(4, '0'))
const hex32 = (value: number): string => HEX[value >>> 16] + HEX[value & 0xffff]

/** Value of each hexadecimal digit by its character code. */
const DIGIT = new Uint8Array(128)
for (let i = 0; i < 16; i++) DIGIT[i.toString(16).charCodeAt(0)] = i

/** Eight digits of a key as a word. */
function word(key: Key, at: number): number {
  let value = 0
  for (let i = at; i < at + 8; i++) value = (value << 4) | DIGIT[key.charCodeAt(i) & 127]
  return value
}

function finalMix(value: number): number {
  let h = value
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** What every trial of a request shares on one slice, hashed once. */
export class KeyPrefix {
  readonly #h1: number
  readonly #h2: number
  readonly #h3: number
  readonly #h4: number

  /** @param content plain data: engine version, slice, simulation. */
  constructor(content: unknown) {
    const key = new Hasher().value(content).digest()
    this.#h1 = word(key, 0)
    this.#h2 = word(key, 8)
    this.#h3 = word(key, 16)
    this.#h4 = word(key, 24)
  }

  /**
   * The key of a trial on the slice: one block of MurmurHash3 x86_128 (Appleby 2010) over the program's key, from the
   * prefix's state, with its finalizer. In place of `Hasher.fork()`, whose two arrays cost more than the hash.
   *
   * @param program a content key: 32 hexadecimal digits.
   * @param resumed key of the state the trial continues from.
   */
  key(program: Key, resumed?: Key): Key {
    if (resumed === undefined)
      return this.#mix(word(program, 0), word(program, 8), word(program, 16), word(program, 24))
    const both = new Hasher().value([program, resumed]).digest()
    return this.#mix(~word(both, 0), word(both, 8), word(both, 16), word(both, 24))
  }

  #mix(w1: number, w2: number, w3: number, w4: number): Key {
    let h1 = this.#h1
    let h2 = this.#h2
    let h3 = this.#h3
    let h4 = this.#h4
    let k = Math.imul(w1, 0x239b961b)
    k = (k << 15) | (k >>> 17)
    h1 ^= Math.imul(k, 0xab0e9789)
    h1 = ((h1 << 19) | (h1 >>> 13)) + h2
    h1 = (Math.imul(h1, 5) + 0x561ccd1b) | 0
    k = Math.imul(w2, 0xab0e9789)
    k = (k << 16) | (k >>> 16)
    h2 ^= Math.imul(k, 0x38b34ae5)
    h2 = ((h2 << 17) | (h2 >>> 15)) + h3
    h2 = (Math.imul(h2, 5) + 0x0bcaa747) | 0
    k = Math.imul(w3, 0x38b34ae5)
    k = (k << 17) | (k >>> 15)
    h3 ^= Math.imul(k, 0xa1e38b93)
    h3 = ((h3 << 15) | (h3 >>> 17)) + h4
    h3 = (Math.imul(h3, 5) + 0x96cd1c35) | 0
    k = Math.imul(w4, 0xa1e38b93)
    k = (k << 18) | (k >>> 14)
    h4 ^= Math.imul(k, 0x239b961b)
    h4 = ((h4 << 13) | (h4 >>> 19)) + h1
    h4 = (Math.imul(h4, 5) + 0x32ac3b17) | 0
    h1 = (h1 + h2 + h3 + h4) | 0
    h2 = (h2 + h1) | 0
    h3 = (h3 + h1) | 0
    h4 = (h4 + h1) | 0
    h1 = finalMix(h1)
    h2 = finalMix(h2)
    h3 = finalMix(h3)
    h4 = finalMix(h4)
    h1 = (h1 + h2 + h3 + h4) | 0
    h2 = (h2 + h1) | 0
    h3 = (h3 + h1) | 0
    h4 = (h4 + h1) | 0
    return hex32(h1) + hex32(h2) + hex32(h3) + hex32(h4)
  }
}
