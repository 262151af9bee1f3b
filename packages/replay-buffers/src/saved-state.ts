import { type Data, type RngState, TradewrightError } from '@tradewright/core'
import type { Accumulator } from './accumulator.ts'
import type { ElementIndexState } from './element-index.ts'
import type { RateLimiterState } from './rate-limiter.ts'
import type { EpisodeRowsState } from './row-index.ts'

/** A buffer's whole content as plain data. */
export interface SavedReplay {
  readonly version: 1
  readonly signature: string
  readonly slots: number
  readonly sampler: string
  readonly accumulator: Accumulator
  readonly rows: EpisodeRowsState
  readonly flags: Uint8Array
  /** The records in use, in pieces. */
  readonly records: readonly Uint8Array[]
  readonly index: ElementIndexState
  readonly drawable: Uint8Array
  readonly samplerState: Data
  readonly random: RngState
  readonly counters: readonly [added: number, sampled: number, stale: number]
  /** Where the buffer's limiter stands. */
  readonly limiter?: RateLimiterState | undefined
}

/** A buffer's content in parts: everything but the records, and the records piece by piece. */
export interface SavedParts {
  readonly state: Omit<SavedReplay, 'records'>
  pieces(): Iterable<Uint8Array>
  /** Must be called when the pieces are written or given up: other threads' producers wait for it. */
  done?(): void
}

/** What a saved buffer must agree with. */
export interface SavedSetup {
  readonly signature: string
  readonly slots: number
  readonly sampler: string
  readonly accumulator: Accumulator
  readonly streams: number
  readonly shared: boolean
}

/** Refuses what is not the state of such a buffer. @throws TradewrightError `BAD_DATA`, `BAD_SHAPE`. */
export function checkSaved(saved: SavedParts['state'], setup: SavedSetup): void {
  if (typeof saved !== 'object' || saved === null || typeof saved.rows !== 'object' || saved.rows === null)
    throw new TradewrightError('BAD_DATA', `what is restored must come from save(), was ${String(saved)}`, {})
  const mine = { version: 1, ...setup, accumulator: JSON.stringify(setup.accumulator) }
  const theirs = {
    version: saved.version,
    signature: saved.signature,
    slots: saved.slots,
    sampler: saved.sampler,
    accumulator: JSON.stringify(saved.accumulator),
    streams: saved.rows.added?.length,
    shared: saved.rows.shared !== undefined,
  }
  for (const key of Object.keys(mine) as (keyof typeof mine)[])
    if (mine[key] !== theirs[key])
      throw new TradewrightError(
        'BAD_SHAPE',
        `a saved buffer must have the same ${key} ('${mine[key]}'), was '${theirs[key]}'`,
        { key },
      )
  const bytes = (array: unknown): boolean => array instanceof Uint8Array && array.length === setup.slots
  if (!bytes(saved.flags) || !bytes(saved.drawable))
    throw new TradewrightError('BAD_DATA', 'a saved buffer must have a flag and a mark for every row, has not', {})
  const { lanes } = (saved.index ?? {}) as { lanes?: { length: number } }
  if (lanes?.length !== setup.streams || saved.random === undefined || !Array.isArray(saved.counters))
    throw new TradewrightError('BAD_DATA', 'a saved buffer must have its index, random numbers and counters', {})
}

/** Refuses records that are not those of the saved rows. @throws TradewrightError `BAD_DATA`. */
export function checkRecords({ rows, records, slots }: SavedReplay, recordBytes: number): void {
  const ring = slots / rows.added.length
  const expected =
    rows.shared === undefined
      ? rows.added.reduce((sum, added) => sum + Math.min(ring, added), 0)
      : rows.shared.lanes.reduce((sum, { tickets }) => sum + tickets.length, 0) * rows.shared.chunkRows
  const list = Array.isArray(records) && records.every((piece) => piece instanceof Uint8Array)
  const bytes = list ? records.reduce((sum, piece) => sum + piece.length, 0) : -1
  if (bytes !== expected * recordBytes)
    throw new TradewrightError(
      'BAD_DATA',
      `a saved buffer must have ${expected * recordBytes} bytes of records, has not`,
      {
        bytes,
      },
    )
}
