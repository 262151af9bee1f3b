import type { Layout } from './layout.ts'

/** Bytes of a block's header; flags follow, then records. */
export const BLOCK_HEADER_BYTES = 64

/** How rows are divided into blocks. */
export interface BlockGeometry {
  readonly slots: number
  /** Slots of one lane: a block never holds rows of two. */
  readonly ringLength: number
  readonly rowsPerBlock: number
  /** Bytes of a block's image: header, flags, records. */
  readonly blockBytes: number
  /** Byte at which the records begin. */
  readonly recordsAt: number
  readonly blocksPerLane: number
  readonly blocks: number
}

/** Keeps images of blocks somewhere. */
export interface BlockBackend {
  /** Whether a block was ever written. */
  has(block: number): boolean
  /** @throws TradewrightError `CORRUPT`, `IO`. */
  readSync(block: number, image: Uint8Array): void
  read(block: number, image: Uint8Array): Promise<void>
  writeSync(block: number, image: Uint8Array): void
  write(block: number, image: Uint8Array): Promise<void>
  /** Whether parts of this block can be read on their own: it was found intact before. Left out where none can. */
  divisible?(block: number): boolean
  /** Reads bytes of a divisible block from byte `at` of its image on. @throws TradewrightError `IO`. */
  readPartSync?(block: number, at: number, into: Uint8Array): void
  readPart?(block: number, at: number, into: Uint8Array): Promise<void>
  /** Bytes held in memory. */
  readonly memoryBytes: number
  /** Counters of reads and writes. */
  stats(): Readonly<Record<string, number>>
}

/** What the head of a block says. */
export interface BlockHead {
  /** How many times the lane's ring had been filled before this block's rows. */
  readonly round: number
  readonly lane: number
  readonly rows: number
  readonly flags: Uint8Array
}

/** Blocks that survive the process. */
export interface DurableBlocks extends BlockBackend {
  /** Says that a block is there (found when reopening) or is not. */
  setWritten(block: number, written: boolean): void
  /** The head of a block, without its records; undefined where there is none, or a torn one. */
  readHead(block: number): BlockHead | undefined
  /** Whether a block's records are intact too. */
  intact(block: number, image: Uint8Array): boolean
  /** Waits until the disk itself has what was written. */
  sync(): Promise<void>
  /** The same at once. */
  syncNow(): void
  close(): void
}

const align = (value: number, to: number): number => Math.ceil(value / to) * to

/**
 * Divides a layout's rows into blocks.
 *
 * @param blockBytes about the bytes of a block, from 4 KB to 16 MB. A record that is larger gets a block of its own.
 */
export function blockGeometry(layout: Layout, slots: number, lanes: number, blockBytes: number): BlockGeometry {
  const ringLength = slots / lanes
  const fit = Math.floor((blockBytes - BLOCK_HEADER_BYTES - 8) / (layout.recordBytes + 1))
  const rowsPerBlock = Math.max(1, Math.min(ringLength, fit))
  const recordsAt = align(BLOCK_HEADER_BYTES + rowsPerBlock, 8)
  const blocksPerLane = Math.ceil(ringLength / rowsPerBlock)
  return {
    slots,
    ringLength,
    rowsPerBlock,
    recordsAt,
    blockBytes: align(recordsAt + rowsPerBlock * layout.recordBytes, 4096),
    blocksPerLane,
    blocks: blocksPerLane * lanes,
  }
}
