import { TradewrightError } from '@tradewright/core'
import type { BlockBackend } from './block-geometry.ts'
import type { BlockPacker } from './block-packer.ts'
import { checksum } from './checksum.ts'

interface Packed {
  readonly bytes: Uint8Array
  readonly sum: number
}

/** Packed images of blocks, in memory. */
export class CompressedBlocks implements BlockBackend {
  readonly #packer: BlockPacker
  readonly #maxBytes: number
  readonly #blocks = new Map<number, Packed>()
  #packedBytes = 0
  #plainBytes = 0

  /** @param maxBytes most bytes of packed blocks. */
  constructor(packer: BlockPacker, maxBytes: number) {
    this.#packer = packer
    this.#maxBytes = maxBytes
  }

  /** Packed blocks do not count towards the budget of blocks that are not packed. */
  get memoryBytes(): number {
    return this.#packer.memoryBytes
  }

  /** Bytes of packed blocks. */
  get packedBytes(): number {
    return this.#packedBytes
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

  writeSync(block: number, image: Uint8Array): void {
    const packed = this.#packer.pack(image)
    const before = this.#blocks.get(block)
    const total = this.#packedBytes + packed.length - (before?.bytes.length ?? 0)
    if (total > this.#maxBytes)
      throw new TradewrightError('OUT_OF_MEMORY', `packed blocks must fit into ${this.#maxBytes} bytes, do not`, {
        maxBytes: this.#maxBytes,
      })
    const bytes = packed.slice()
    this.#packedBytes = total
    if (before === undefined) this.#plainBytes += this.#packer.plainBytes
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
    this.#packer.unpack(packed.bytes, image)
  }

  async read(block: number, image: Uint8Array): Promise<void> {
    this.readSync(block, image)
  }
}
