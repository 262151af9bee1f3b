import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { TradewrightError } from '@tradewright/core'
import type { BlockBackend, BlockGeometry } from './block-store.ts'
import { checksum } from './checksum.ts'
import type { BlockCodec } from './storage.ts'

/** Deflate at its fastest level: what every Node has. */
export const deflateCodec: BlockCodec = Object.freeze({
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

interface Packed {
  readonly bytes: Uint8Array
  readonly sum: number
}

/** Packed images of blocks, in memory. */
export class CompressedBlocks implements BlockBackend {
  readonly #geometry: BlockGeometry
  readonly #recordBytes: number
  readonly #codec: BlockCodec
  readonly #delta: boolean
  readonly #shuffle: boolean
  readonly #blocks = new Map<number, Packed>()
  readonly #work: Uint8Array
  readonly #shuffled: Uint8Array
  readonly #maxBytes: number
  #packedBytes = 0
  #plainBytes = 0

  constructor(
    geometry: BlockGeometry,
    recordBytes: number,
    options: {
      readonly codec: BlockCodec
      readonly delta: boolean
      readonly shuffle: boolean
      readonly maxBytes: number
    },
  ) {
    this.#geometry = geometry
    this.#recordBytes = recordBytes
    this.#codec = options.codec
    this.#maxBytes = options.maxBytes
    this.#delta = options.delta
    this.#shuffle = options.shuffle
    const bytes = geometry.rowsPerBlock * recordBytes
    this.#work = new Uint8Array(bytes)
    this.#shuffled = new Uint8Array(bytes)
  }

  /** Packed blocks do not count towards the budget of blocks that are not packed. */
  get memoryBytes(): number {
    return 0
  }

  stats(): Readonly<Record<string, number>> {
    return {
      packedBytes: this.#packedBytes,
      plainBytes: this.#plainBytes,
      compressionRatio: this.#packedBytes === 0 ? 1 : this.#plainBytes / this.#packedBytes,
    }
  }

  has(block: number): boolean {
    return this.#blocks.has(block)
  }

  #records(image: Uint8Array): Uint8Array {
    const { recordsAt, rowsPerBlock } = this.#geometry
    return image.subarray(recordsAt, recordsAt + rowsPerBlock * this.#recordBytes)
  }

  writeSync(block: number, image: Uint8Array): void {
    this.#work.set(this.#records(image))
    if (this.#delta) deltaRecords(this.#work, this.#recordBytes)
    if (this.#shuffle) shuffleRecords(this.#work, this.#recordBytes, this.#shuffled)
    const plain = this.#shuffle ? this.#shuffled : this.#work
    const packed = this.#codec.compress(plain)
    // What does not shrink is kept as it is.
    const bytes = (packed.length < plain.length ? packed : plain).slice()
    const before = this.#blocks.get(block)
    if (this.#packedBytes + bytes.length - (before?.bytes.length ?? 0) > this.#maxBytes)
      throw new TradewrightError('OUT_OF_MEMORY', `packed blocks must fit into ${this.#maxBytes} bytes, do not`, {
        maxBytes: this.#maxBytes,
      })
    this.#packedBytes += bytes.length - (before?.bytes.length ?? 0)
    if (before === undefined) this.#plainBytes += this.#work.length
    this.#blocks.set(block, { bytes, sum: checksum(bytes) })
  }

  async write(block: number, image: Uint8Array): Promise<void> {
    this.writeSync(block, image)
  }

  readSync(block: number, image: Uint8Array): void {
    const packed = this.#blocks.get(block)
    if (packed === undefined) {
      image.fill(0)
      return
    }
    if (checksum(packed.bytes) !== packed.sum)
      throw new TradewrightError('CORRUPT', `packed block ${block} must have an intact checksum, had not`, { block })
    const target = this.#records(image)
    const whole = packed.bytes.length === target.length
    const plain = whole ? packed.bytes : this.#codec.decompress(packed.bytes, target.length)
    if (this.#shuffle) unshuffleRecords(plain, this.#recordBytes, target)
    else target.set(plain)
    if (this.#delta) undeltaRecords(target, this.#recordBytes)
  }

  async read(block: number, image: Uint8Array): Promise<void> {
    this.readSync(block, image)
  }
}
