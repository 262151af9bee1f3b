import { TradewrightError } from './error.ts'

/** A content key: 128 bits as 32 lower-case hexadecimal digits. */
export type Key = string

/** The fingerprint of market data: a {@link Key} over columns, symbol and timeframe. */
export type Fingerprint = Key

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

const HEX: readonly string[] = Array.from({ length: 65536 }, (_, i) => i.toString(16).padStart(4, '0'))

function finalMix(value: number): number {
  let h = value
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const hex32 = (value: number): string => HEX[value >>> 16] + HEX[value & 0xffff]

/**
 * A streaming 128-bit hash: MurmurHash3 x86_128 (Appleby 2010, public domain), in plain JavaScript so that it is
 * synchronous and runs in a browser. It guards against accidents, not against an adversary.
 *
 * `fork()` copies the state: hash a long prefix once, then fork it for each of many short tails.
 */
export class Hasher {
  #h1: number
  #h2: number
  #h3: number
  #h4: number
  #length = 0
  // Up to 15 bytes that wait for a whole block, as little-endian words: fields, because a fork must cost no allocation
  // but the object itself.
  #t0 = 0
  #t1 = 0
  #t2 = 0
  #t3 = 0
  #used = 0

  constructor(seed: number = 0) {
    this.#h1 = this.#h2 = this.#h3 = this.#h4 = seed | 0
  }

  /** Four little-endian words into the state. */
  #block(k1: number, k2: number, k3: number, k4: number): void {
    let h1 = this.#h1
    let h2 = this.#h2
    let h3 = this.#h3
    let h4 = this.#h4
    let k = Math.imul(k1, C1)
    k = (k << 15) | (k >>> 17)
    h1 ^= Math.imul(k, C2)
    h1 = ((h1 << 19) | (h1 >>> 13)) + h2
    h1 = (Math.imul(h1, 5) + 0x561ccd1b) | 0
    k = Math.imul(k2, C2)
    k = (k << 16) | (k >>> 16)
    h2 ^= Math.imul(k, C3)
    h2 = ((h2 << 17) | (h2 >>> 15)) + h3
    h2 = (Math.imul(h2, 5) + 0x0bcaa747) | 0
    k = Math.imul(k3, C3)
    k = (k << 17) | (k >>> 15)
    h3 ^= Math.imul(k, C4)
    h3 = ((h3 << 15) | (h3 >>> 17)) + h4
    h3 = (Math.imul(h3, 5) + 0x96cd1c35) | 0
    k = Math.imul(k4, C4)
    k = (k << 18) | (k >>> 14)
    h4 ^= Math.imul(k, C1)
    h4 = ((h4 << 13) | (h4 >>> 19)) + h1
    h4 = (Math.imul(h4, 5) + 0x32ac3b17) | 0
    this.#h1 = h1
    this.#h2 = h2
    this.#h3 = h3
    this.#h4 = h4
  }

  #flush(): void {
    this.#block(this.#t0, this.#t1, this.#t2, this.#t3)
    this.#t0 = this.#t1 = this.#t2 = this.#t3 = 0
    this.#used = 0
  }

  /** One byte. */
  byte(value: number): this {
    const bits = (value & 255) << ((this.#used & 3) * 8)
    switch (this.#used >>> 2) {
      case 0:
        this.#t0 |= bits
        break
      case 1:
        this.#t1 |= bits
        break
      case 2:
        this.#t2 |= bits
        break
      default:
        this.#t3 |= bits
    }
    this.#length++
    if (++this.#used === 16) this.#flush()
    return this
  }

  /** Four bytes, little-endian. Fast where everything before was a multiple of four bytes. */
  word(value: number): this {
    switch (this.#used) {
      case 0:
        this.#t0 = value | 0
        break
      case 4:
        this.#t1 = value | 0
        break
      case 8:
        this.#t2 = value | 0
        break
      case 12:
        this.#length += 4
        this.#block(this.#t0, this.#t1, this.#t2, value | 0)
        this.#t0 = this.#t1 = this.#t2 = 0
        this.#used = 0
        return this
      default:
        return this.byte(value)
          .byte(value >>> 8)
          .byte(value >>> 16)
          .byte(value >>> 24)
    }
    this.#used += 4
    this.#length += 4
    return this
  }

  /** Any number of bytes. */
  bytes(data: Uint8Array): this {
    let i = 0
    while (this.#used !== 0 && i < data.length) this.byte(data[i++])
    const blocks = (data.length - i) >>> 4
    if (blocks > 0) {
      const offset = data.byteOffset + i
      // Aligned words where the buffer allows it, else a copy of the bytes.
      const words =
        offset % 4 === 0
          ? new Uint32Array(data.buffer, offset, blocks * 4)
          : new Uint32Array(data.slice(i, i + blocks * 16).buffer)
      for (let w = 0; w < blocks * 4; w += 4) this.#block(words[w], words[w + 1], words[w + 2], words[w + 3])
      this.#length += blocks * 16
      i += blocks * 16
    }
    while (i < data.length) this.byte(data[i++])
    return this
  }

  /** A copy of the state. */
  fork(): Hasher {
    const copy = new Hasher()
    copy.#h1 = this.#h1
    copy.#h2 = this.#h2
    copy.#h3 = this.#h3
    copy.#h4 = this.#h4
    copy.#length = this.#length
    copy.#used = this.#used
    copy.#t0 = this.#t0
    copy.#t1 = this.#t1
    copy.#t2 = this.#t2
    copy.#t3 = this.#t3
    return copy
  }

  /** The hash of everything so far; more may follow. */
  digest(): Key {
    let h1 = this.#h1
    let h2 = this.#h2
    let h3 = this.#h3
    let h4 = this.#h4
    let k = Math.imul(this.#t3, C4)
    h4 ^= Math.imul((k << 18) | (k >>> 14), C1)
    k = Math.imul(this.#t2, C3)
    h3 ^= Math.imul((k << 17) | (k >>> 15), C4)
    k = Math.imul(this.#t1, C2)
    h2 ^= Math.imul((k << 16) | (k >>> 16), C3)
    k = Math.imul(this.#t0, C1)
    h1 ^= Math.imul((k << 15) | (k >>> 17), C2)
    h1 ^= this.#length
    h2 ^= this.#length
    h3 ^= this.#length
    h4 ^= this.#length
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

  /** A value of any supported kind, tagged: see {@link contentKey}. */
  value(value: unknown): this {
    encode(this, value, [])
    return this
  }
}

const TAG = {
  undefined: 1,
  null: 2,
  false: 3,
  true: 4,
  number: 5,
  bigint: 6,
  string: 7,
  array: 8,
  object: 9,
  map: 10,
  set: 11,
  date: 12,
  buffer: 13,
  typed: 14,
  hole: 15,
} as const

const TYPED: ReadonlyMap<string, number> = new Map(
  [
    'Int8Array',
    'Uint8Array',
    'Uint8ClampedArray',
    'Int16Array',
    'Uint16Array',
    'Int32Array',
    'Uint32Array',
    'Float32Array',
    'Float64Array',
    'BigInt64Array',
    'BigUint64Array',
    'DataView',
  ].map((name, index) => [name, index]),
)

const floatCell = new Float64Array(1)
const floatWords = new Uint32Array(floatCell.buffer)
const textEncoder = new TextEncoder()
const LONE_SURROGATE = /\p{Surrogate}/u

/** All NaN are one NaN; 0 and -0 differ. */
function encodeNumber(hasher: Hasher, value: number): void {
  floatCell[0] = Number.isNaN(value) ? Number.NaN : value
  hasher.word(TAG.number).word(floatWords[0]).word(floatWords[1])
}

/** Length first, then the text: 16-bit units for short texts, so that no text equals a run of others. */
function encodeString(hasher: Hasher, value: string, tag: number = TAG.string): void {
  if (value.length > 64) {
    // A lone surrogate would become U+FFFD and collide: such a text keeps its units.
    if (LONE_SURROGATE.test(value)) return encodeUnits(hasher, value, tag)
    const bytes = textEncoder.encode(value)
    hasher.word(tag).word(value.length).word(2).word(bytes.length).bytes(bytes)
    for (let pad = bytes.length; pad % 4 !== 0; pad++) hasher.byte(0)
    return
  }
  encodeUnits(hasher, value, tag)
}

function encodeUnits(hasher: Hasher, value: string, tag: number): void {
  hasher.word(tag).word(value.length).word(1)
  for (let i = 0; i < value.length; i++) hasher.word(value.charCodeAt(i))
}

function encodeBytes(hasher: Hasher, kind: number, buffer: ArrayBufferLike, offset: number, length: number): void {
  hasher.word(TAG.typed).word(kind).word(length)
  hasher.bytes(new Uint8Array(buffer, offset, length))
  for (let pad = length; pad % 4 !== 0; pad++) hasher.byte(0)
}

function refuse(value: unknown, path: readonly (string | number)[], rule: string): never {
  const where = path.length === 0 ? 'the value' : `'${path.join('.')}'`
  throw new TradewrightError('BAD_OPTION', `${rule}; ${where} was ${typeof value}`, { path: path.join('.') })
}

function encodeObject(hasher: Hasher, value: object, path: readonly (string | number)[]): void {
  if (path.length > 200) refuse(value, path, 'content keys need data without cycles, at most 200 levels deep')
  if (ArrayBuffer.isView(value)) {
    const kind = TYPED.get(value.constructor.name) ?? TYPED.get(Object.getPrototypeOf(value.constructor).name)
    if (kind === undefined) refuse(value, path, 'content keys need known kinds of typed array')
    if (kind >= 7 && kind <= 8) return encodeFloats(hasher, value as Float32Array | Float64Array, kind)
    return encodeBytes(hasher, kind, value.buffer, value.byteOffset, value.byteLength)
  }
  if (
    value instanceof ArrayBuffer ||
    (typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer)
  ) {
    hasher.word(TAG.buffer)
    return encodeBytes(hasher, 99, value, 0, value.byteLength)
  }
  if (Array.isArray(value)) {
    hasher.word(TAG.array).word(value.length)
    for (let i = 0; i < value.length; i++) {
      if (i in value) encode(hasher, value[i], [...path, i])
      else hasher.word(TAG.hole)
    }
    return
  }
  if (value instanceof Map) {
    // By the keys of the keys: two maps with the same entries in another order are the same content.
    hasher.word(TAG.map).word(value.size)
    const entries = [...value].map(([k, v]) => [contentKey(k), v] as const).sort((a, b) => (a[0] < b[0] ? -1 : 1))
    for (const [k, v] of entries) {
      encodeString(hasher, k)
      encode(hasher, v, [...path, k])
    }
    return
  }
  if (value instanceof Set) {
    hasher.word(TAG.set).word(value.size)
    for (const k of [...value].map((item) => contentKey(item)).sort()) encodeString(hasher, k)
    return
  }
  if (value instanceof Date) {
    hasher.word(TAG.date)
    return encodeNumber(hasher, value.getTime())
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype as object) !== null)
    refuse(value, path, 'content keys need plain data, not instances of classes')
  const record = value as Record<string, unknown>
  const names = Object.keys(record).sort()
  hasher.word(TAG.object).word(names.length)
  for (const name of names) {
    encodeString(hasher, name)
    encode(hasher, record[name], [...path, name])
  }
}

/** By value, so that every NaN payload is the same NaN; the common case has none and goes as bytes. */
function encodeFloats(hasher: Hasher, value: Float32Array | Float64Array, kind: number): void {
  let source: Float32Array | Float64Array = value
  for (let i = 0; i < value.length; i++) {
    if (value[i] !== value[i]) {
      source = value.slice()
      for (let j = i; j < source.length; j++) if (source[j] !== source[j]) source[j] = Number.NaN
      break
    }
  }
  encodeBytes(hasher, kind, source.buffer, source.byteOffset, source.byteLength)
}

function encode(hasher: Hasher, value: unknown, path: readonly (string | number)[]): void {
  switch (typeof value) {
    case 'undefined':
      hasher.word(TAG.undefined)
      return
    case 'boolean':
      hasher.word(value ? TAG.true : TAG.false)
      return
    case 'number':
      encodeNumber(hasher, value)
      return
    case 'bigint':
      encodeString(hasher, value.toString(16), TAG.bigint)
      return
    case 'string':
      encodeString(hasher, value)
      return
    case 'object':
      if (value === null) hasher.word(TAG.null)
      else encodeObject(hasher, value, path)
      return
    default:
      refuse(value, path, 'content keys need data: no functions and no symbols')
  }
}

/**
 * The content key of plain data: a 128-bit hash of a tagged binary encoding.
 *
 * Distinct: `0` and `-0`, `undefined` and a missing property, `1` and `1n` and `'1'`, an array and a Map, typed arrays
 * of different kinds. Equal: any two NaN, objects with the same properties in another order, Maps and Sets likewise.
 *
 * @param value undefined, null, booleans, numbers, bigints, strings, arrays, plain objects, Map, Set, Date,
 *   ArrayBuffer, SharedArrayBuffer and typed arrays of these. Read only.
 * @throws TradewrightError `BAD_OPTION` for functions, symbols, instances of classes and cycles, with the path.
 * @example
 * ```ts
 * import { contentKey } from '@tradewright/core'
 * console.log(contentKey({ a: 1, b: 2 }) === contentKey({ b: 2, a: 1 })) // true
 * ```
 */
export function contentKey(value: unknown): Key {
  return new Hasher().value(value).digest()
}
