import { TradewrightError } from '@tradewright/core'
import type { Columns } from './columns.ts'
import { checkInteger } from './dtype.ts'
import { createLayout, type Layout, Views } from './layout.ts'
import { ROW } from './row-index.ts'

/** Options of {@link shared}. */
export interface SharedStorageOptions {
  /** Rows that a producer reserves at a time: a power of two from 8. @default 256 */
  readonly chunkRows?: number
  /** Producers that can be attached at the same time, the buffer's own included. From 1 to 1024. @default 64 */
  readonly producers?: number
}

/** Records in shared memory: any number of threads add, the one that has the buffer samples. */
export interface SharedStorage {
  readonly kind: 'shared'
  readonly chunkRows: number
  readonly producers: number
}

/**
 * Records in shared memory. Workers add through {@link attachReplayProducer} with the buffer's `handle`, without locks:
 * each reserves whole chunks of rows. `capacity` must be a multiple of `chunkRows`, and at least four chunks a producer
 * that works at the same time are advisable, because a chunk that is being filled is not overwritten.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function shared(options: SharedStorageOptions = {}): SharedStorage {
  const { chunkRows = 256, producers = 64 } = options
  checkInteger('chunkRows', chunkRows, 8, 2 ** 20)
  checkInteger('producers', producers, 1, 1024)
  if ((chunkRows & (chunkRows - 1)) !== 0)
    throw new TradewrightError('BAD_OPTION', `chunkRows must be a power of two, was ${chunkRows}`, { chunkRows })
  return Object.freeze({ kind: 'shared', chunkRows, producers })
}

/** What a worker needs to add to a shared buffer: structured clone carries it. */
export interface SharedReplayHandle {
  readonly memory: SharedArrayBuffer
  readonly capacity: number
  readonly columns: Columns
  readonly chunkRows: number
  readonly producers: number
}

/** Words of the control block. */
export const CONTROL: {
  /** Tickets given out: each is one chunk for one round. */
  readonly TICKETS: 0
  /** Places of producers that were ever taken. */
  readonly PRODUCERS: 1
  /** 1 while the buffer is saved: nobody reserves a chunk then. In a line that is seldom written: all read it. */
  readonly PAUSED: 32
  /** First of the producers' places. */
  readonly PLACES: 64
} = Object.freeze({ TICKETS: 0, PRODUCERS: 1, PAUSED: 32, PLACES: 64 })

/** Words of a producer's place: 128 bytes of its own. */
export const PLACE: {
  readonly WORDS: 32
  /** Its newest ticket + 1. */
  readonly NEWEST: 0
  /** 1 while a producer is attached. */
  readonly TAKEN: 1
  /** 1 while its episode is open. */
  readonly OPEN: 2
  /** 1 while it reserves a chunk. */
  readonly RESERVING: 3
} = Object.freeze({ WORDS: 32, NEWEST: 0, TAKEN: 1, OPEN: 2, RESERVING: 3 })

/** The word of a producer's place in the control block. */
export const placeWord = (id: number, word: number): number => CONTROL.PLACES + id * PLACE.WORDS + word

/** Words of a chunk's header. A header has 128 bytes of its own: neighbours must not share cache lines. */
export const CHUNK: {
  readonly WORDS: 32
  /** Ticket + 1 of the chunk's content; 0 before the first. */
  readonly TICKET: 0
  /** Rows that can be read. */
  readonly PUBLISHED: 1
  /** Which producer's rows these are. */
  readonly PRODUCER: 2
  /** Ticket + 1 of the same producer's chunk before this one, 0 without. */
  readonly PREVIOUS: 3
  /** 1 while a producer fills it. */
  readonly STATE: 4
} = Object.freeze({ WORDS: 32, TICKET: 0, PUBLISHED: 1, PRODUCER: 2, PREVIOUS: 3, STATE: 4 })

/** Views of a shared buffer's parts. */
export interface SharedParts {
  readonly layout: Layout
  readonly control: Int32Array
  readonly headers: Int32Array
  readonly flags: Uint8Array
  readonly views: Views
  readonly chunks: number
}

function offsets(capacity: number, chunkRows: number, producers: number, recordBytes: number) {
  const line = (bytes: number): number => Math.ceil(bytes / 128) * 128
  const headers = line((CONTROL.PLACES + producers * PLACE.WORDS) * 4)
  const flags = headers + (capacity / chunkRows) * CHUNK.WORDS * 4
  const records = flags + line(capacity)
  const bytes = Math.ceil((capacity * recordBytes) / 8) * 8
  return { headers, flags, records, bytes, total: records + bytes }
}

/** New shared memory for a buffer. @throws TradewrightError `OUT_OF_MEMORY`, `BAD_OPTION`, `NOT_AVAILABLE`. */
export function allocateShared(columns: Columns, capacity: number, storage: SharedStorage): SharedReplayHandle {
  const { chunkRows, producers } = storage
  if (typeof SharedArrayBuffer === 'undefined')
    throw new TradewrightError(
      'NOT_AVAILABLE',
      'shared memory needs SharedArrayBuffer (a cross-origin isolated page)',
      {},
    )
  if (capacity % chunkRows !== 0 || capacity / chunkRows < 2)
    throw new TradewrightError(
      'BAD_OPTION',
      `capacity must be two or more whole chunks of ${chunkRows}, was ${capacity}`,
      {
        capacity,
        chunkRows,
      },
    )
  const { total, flags } = offsets(capacity, chunkRows, producers, createLayout(columns).recordBytes)
  try {
    const memory = new SharedArrayBuffer(total)
    new Uint8Array(memory, flags, capacity).fill(ROW.BARE)
    return { memory, capacity, columns, chunkRows, producers }
  } catch (cause) {
    throw new TradewrightError(
      'OUT_OF_MEMORY',
      `the machine refused ${total} bytes of shared memory`,
      { total },
      { cause },
    )
  }
}

/** The parts of a shared buffer's memory. */
export function mapShared(handle: SharedReplayHandle): SharedParts {
  const { memory, capacity, columns, chunkRows, producers } = handle
  const layout = createLayout(columns)
  const at = offsets(capacity, chunkRows, producers, layout.recordBytes)
  const chunks = capacity / chunkRows
  return {
    layout,
    chunks,
    control: new Int32Array(memory, 0, CONTROL.PLACES + producers * PLACE.WORDS),
    headers: new Int32Array(memory, at.headers, chunks * CHUNK.WORDS),
    flags: new Uint8Array(memory, at.flags, capacity),
    views: new Views(memory, at.records, at.bytes),
  }
}
