import { TradewrightError } from '@tradewright/core'
import { checkInteger } from './dtype.ts'
import type { Layout } from './layout.ts'
import type { RowStore } from './row-store.ts'

/** Records in this process's memory. */
export interface MemoryStorage {
  readonly kind: 'memory'
}

/** Records wherever the user's own store keeps them. */
export interface CustomStorage {
  readonly kind: 'custom'
  /** Makes the store for a layout and a number of slots. */
  open(layout: Layout, slots: number): RowStore
}

/** Records in memory: packed, in WebAssembly memory where they are small. The default. */
export function memory(): MemoryStorage {
  return Object.freeze({ kind: 'memory' })
}

/** Options of {@link disk}. */
export interface DiskStorageOptions {
  /** A folder of this buffer's own; made if it is not there, reopened if it is. */
  readonly path: string
  /** Most bytes of memory: blocks, batches, index, marks and priorities (11 to 22 bytes a row). @default 64 MiB */
  readonly maxBytes?: number
  /** Bytes of a block, the unit of reading and writing: from 4 KB to 16 MB. @default 65,536 */
  readonly blockBytes?: number
  /** Bytes of newest blocks that stay in memory as long as anything else can leave. @default 0 */
  readonly hotBytes?: number
  /**
   * Packs blocks, which are then read whole: `true` for deflate, or how. Frames shrink about twelve-fold, float features
   * hardly. @default false
   */
  readonly packing?: boolean | BlockPacking
  /** The file system, for tests. @default node:fs */
  readonly fs?: unknown
}

/** Records on disk. */
export interface DiskStorage {
  readonly kind: 'disk'
  readonly path: string
  readonly maxBytes: number
  readonly blockBytes: number
  readonly hotBytes: number
  readonly packing: BlockPacking | undefined
  readonly fs: unknown
}

/**
 * Records in segment files, read and written in blocks, of which a memory budget's worth is held. Rows survive the
 * process once `flush()` has resolved. Node only: use `openReplayBuffer`.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function disk(options: DiskStorageOptions): DiskStorage {
  if (typeof options !== 'object' || options === null)
    throw new TradewrightError('BAD_OPTION', `disk storage needs { path }, was ${String(options)}`, {})
  const { path, maxBytes = 64 * 1024 * 1024, blockBytes = 65_536, hotBytes = 0, packing = false, fs } = options
  if (typeof path !== 'string' || path === '')
    throw new TradewrightError('BAD_OPTION', `path must be a folder, was '${String(path)}'`, { path })
  checkInteger('maxBytes', maxBytes, 65_536)
  checkInteger('blockBytes', blockBytes, 4096, 2 ** 24)
  checkInteger('hotBytes', hotBytes, 0, maxBytes)
  const packed = packing === true ? {} : packing === false ? undefined : checkPacking(packing)
  return Object.freeze({ kind: 'disk', path, maxBytes, blockBytes, hotBytes, packing: packed, fs })
}

/**
 * Hot rows in memory, all rows on disk: {@link disk} that keeps the newest `hotBytes` in memory.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function tiered(options: DiskStorageOptions & { readonly hotBytes: number }): DiskStorage {
  return disk(options)
}

/** Packs bytes: deflate is built in, lz4 an optional package (see `lz4Codec`). */
export interface BlockCodec {
  readonly name: string
  compress(bytes: Uint8Array): Uint8Array
  /** @param size bytes that come out. */
  decompress(bytes: Uint8Array, size: number): Uint8Array
}

/** How blocks are packed. */
export interface BlockPacking {
  /** What packs. @default deflate, level 1 */
  readonly codec?: BlockCodec | undefined
  /** Bytes of each record less those of the one before. @default true */
  readonly delta?: boolean | undefined
  /** The bytes of one place in the record together. @default true for records below 512 bytes */
  readonly shuffle?: boolean | undefined
}

/** Options of {@link compressed}. */
export interface CompressedStorageOptions extends BlockPacking {
  /**
   * Most bytes of memory in all: packed blocks, at most half of it (and 16 MiB) for those that are not packed, batches
   * and index. What does not fit is refused when it is added. @default none: 16 MiB and the packed blocks
   */
  readonly maxBytes?: number
  /** Bytes of a block before packing: from 4 KB to 16 MB. @default 65,536 */
  readonly blockBytes?: number
}

function checkPacking(packing: BlockPacking): BlockPacking {
  if (typeof packing !== 'object' || packing === null)
    throw new TradewrightError('BAD_OPTION', `packing must be true, false or an object, was ${String(packing)}`, {})
  const { codec, delta, shuffle } = packing
  if (codec !== undefined && (typeof codec.compress !== 'function' || typeof codec.decompress !== 'function'))
    throw new TradewrightError('BAD_OPTION', `codec must compress and decompress, was ${String(codec)}`, {})
  return { codec, delta, shuffle }
}

/** Records packed in memory. */
export interface CompressedStorage {
  readonly kind: 'compressed'
  readonly maxBytes: number
  readonly blockBytes: number
  readonly codec: BlockCodec | undefined
  readonly delta: boolean
  readonly shuffle: boolean | undefined
}

/**
 * Records packed in memory, block by block. Frames shrink about twelve-fold, float features hardly at all: measure
 * `stats().storage.compressionRatio`. Node only: use `openReplayBuffer`.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function compressed(options: CompressedStorageOptions = {}): CompressedStorage {
  const { maxBytes = Number.POSITIVE_INFINITY, blockBytes = 65_536, codec, delta = true, shuffle } = options
  if (maxBytes !== Number.POSITIVE_INFINITY) checkInteger('maxBytes', maxBytes, 65_536)
  checkInteger('blockBytes', blockBytes, 4096, 2 ** 24)
  checkPacking(options)
  return Object.freeze({ kind: 'compressed', maxBytes, blockBytes, codec, delta, shuffle })
}
