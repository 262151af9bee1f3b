import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { BlockGeometry } from './block-geometry.ts'
import type { BlockCodec, BlockPacking } from './storage.ts'

/** Deflate at its fastest level: what every Node has. */
const deflateCodec: BlockCodec = Object.freeze({
  name: 'deflate',
  compress: (bytes: Uint8Array) => deflateRawSync(bytes, { level: 1 }),
  decompress: (bytes: Uint8Array, size: number) => inflateRawSync(bytes, { maxOutputLength: size }),
})

/** Each record's bytes less those of the record before, in place, from the last one on. */
export function deltaRecords(bytes: Uint8Array, recordBytes: number): void {
  for (let i = bytes.length - 1; i >= recordBytes; i--) bytes[i] -= bytes[i - recordBytes]
}

/** Undoes {@link deltaRecords}. */
export function undeltaRecords(bytes: Uint8Array, recordBytes: number): void {
  for (let i = recordBytes; i < bytes.length; i++) bytes[i] += bytes[i - recordBytes]
}

/** The bytes of place 0 of every record, then those of place 1, and so on. */
export function shuffleRecords(bytes: Uint8Array, recordBytes: number, out: Uint8Array): void {
  const rows = bytes.length / recordBytes
  for (let r = 0, i = 0; r < rows; r++) for (let b = 0; b < recordBytes; b++) out[b * rows + r] = bytes[i++]
}

/** Undoes {@link shuffleRecords}. */
export function unshuffleRecords(bytes: Uint8Array, recordBytes: number, out: Uint8Array): void {
  const rows = bytes.length / recordBytes
  for (let r = 0, i = 0; r < rows; r++) for (let b = 0; b < recordBytes; b++) out[i++] = bytes[b * rows + r]
}

/** Packs the records of block images: delta, byte shuffling, then a codec. What does not shrink stays as it is. */
export class BlockPacker {
  /** Says how blocks are packed, for files. */
  readonly name: string
  readonly geometry: BlockGeometry
  /** Bytes of a block's records. */
  readonly plainBytes: number
  readonly #recordBytes: number
  readonly #codec: BlockCodec
  readonly #delta: boolean
  readonly #shuffle: boolean
  readonly #work: Uint8Array
  readonly #shuffled: Uint8Array

  constructor(geometry: BlockGeometry, recordBytes: number, packing: BlockPacking) {
    const { codec = deflateCodec, delta = true, shuffle = recordBytes < 512 } = packing
    this.geometry = geometry
    this.#recordBytes = recordBytes
    this.#codec = codec
    this.#delta = delta
    this.#shuffle = shuffle
    this.name = `${codec.name}${delta ? '+delta' : ''}${shuffle ? '+shuffle' : ''}`
    this.plainBytes = geometry.rowsPerBlock * recordBytes
    this.#work = new Uint8Array(this.plainBytes)
    this.#shuffled = new Uint8Array(shuffle ? this.plainBytes : 0)
  }

  /** Bytes held, and taken for the length of a call: what a codec gives back is an array of its own. */
  get memoryBytes(): number {
    return this.#work.byteLength + this.#shuffled.byteLength + 2 * this.plainBytes
  }

  #records(image: Uint8Array): Uint8Array {
    const { recordsAt } = this.geometry
    return image.subarray(recordsAt, recordsAt + this.plainBytes)
  }

  /** The packed records of an image: of {@link BlockPacker.plainBytes} where they do not shrink. Dead after the next call. */
  pack(image: Uint8Array): Uint8Array {
    this.#work.set(this.#records(image))
    if (this.#delta) deltaRecords(this.#work, this.#recordBytes)
    if (this.#shuffle) shuffleRecords(this.#work, this.#recordBytes, this.#shuffled)
    const plain = this.#shuffle ? this.#shuffled : this.#work
    const packed = this.#codec.compress(plain)
    return packed.length < plain.length ? packed : plain
  }

  /** Puts packed records back into an image, where `packed` may lie itself. */
  unpack(packed: Uint8Array, image: Uint8Array): void {
    const target = this.#records(image)
    const whole = packed.length === this.plainBytes
    let plain = whole ? packed : this.#codec.decompress(packed, this.plainBytes)
    if (whole) {
      this.#work.set(packed)
      plain = this.#work
    }
    if (this.#shuffle) unshuffleRecords(plain, this.#recordBytes, target)
    else target.set(plain)
    if (this.#delta) undeltaRecords(target, this.#recordBytes)
  }
}
