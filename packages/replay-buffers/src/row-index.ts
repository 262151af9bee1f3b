import type { AddRow } from './row-adder.ts'

/** Bits of a row's flags. */
export const ROW: {
  /** The episode ended here for good. */
  readonly TERMINATED: 1
  /** The episode was cut here. */
  readonly TRUNCATED: 2
  /** Holds an observation alone: what came after an episode's last step; or nothing yet. */
  readonly BARE: 4
  /** A bare row follows. */
  readonly FINAL: 8
  /** The first row of an episode. */
  readonly START: 16
} = Object.freeze({ TERMINATED: 1, TRUNCATED: 2, BARE: 4, FINAL: 8, START: 16 })

/** Where rows are and in which order they came: what accumulators and samplers see of a storage. */
export interface RowIndex {
  readonly slots: number
  /** Independent sequences of rows: one a stream (or producer). */
  readonly lanes: number
  /** {@link ROW} bits by slot. */
  readonly flags: Uint8Array
  /** Rows ever appended to a lane, bare ones included. */
  added(lane: number): number
  /** Serial number of the lane's oldest row that is still there. */
  oldest(lane: number): number
  /** The slot of a row by its serial number. */
  slotAt(lane: number, serial: number): number
  /** The lane of a slot. */
  laneOf(slot: number): number
  /** The slot after this one in its lane. */
  successor(slot: number): number
  /** The slot before this one in its lane. */
  predecessor(slot: number): number
  /** Calls `listener` before rows that were appended since its last call are overwritten. */
  onLap(listener: () => void): void
  /** Calls `listener` when `count` rows from `slot` are gone although nothing new is there yet. */
  onDrop(listener: (slot: number, count: number) => void): void
  /** Takes in what other threads have appended. */
  refresh(): void
  /** Whether other threads append: then a sample is checked after it was copied. */
  readonly concurrent: boolean
  /** Numbers of a {@link RowIndex.mark}. */
  readonly markLength: number
  /** Says in `out` how far appending has come, for {@link RowIndex.replacedSince}. */
  mark(out: Float64Array): void
  /** Whether a slot holds another row than when the mark was made. */
  replacedSince(slot: number, mark: Float64Array): boolean
}

/** Rows that can be appended, saved and restored: what a buffer does to its storage. */
export interface RowSource extends RowIndex {
  /** Bytes of flags and index, besides the records. */
  readonly memoryBytes: number
  /** Transitions stored, bare rows not counted. */
  readonly transitions: number
  /** Transitions ever stored here. */
  readonly appended: number
  /** `append` to the first lane as generated code that hands everything else to `plain`. */
  adder?(plain: AddRow): AddRow | undefined
  /** Stores one transition. @returns its slot. */
  append(lane: number, transition: Readonly<Record<string, unknown>>): number
  /** Stores consecutive transitions, all or none. @returns how many. */
  appendBatch(lane: number, batch: Readonly<Record<string, unknown>>): number
  /** Ends a lane's episode where it stands. */
  cut(lane: number): void
  /** Storages that other threads write to: holds them until {@link RowSource.endSave}. */
  beginSave?(): void
  endSave?(): void
  /** Where everything stands, but for flags and records. */
  save(): EpisodeRowsState
  /** The records in use, in pieces of about 1 MB: views, each dead when the next is asked for. */
  pieces(): Generator<Uint8Array>
  /** Takes all of it back. */
  restore(state: EpisodeRowsState, flags: Uint8Array, pieces: Iterable<Uint8Array>): void
}

/** Where each lane stands: plain data for checkpoints. */
export interface EpisodeRowsState {
  readonly added: readonly number[]
  readonly transitions: number
  readonly open: readonly boolean[]
  /** Serial number below which a lane's rows are lost, by lane. */
  readonly floor?: readonly number[]
  /** Chunks of a shared buffer. */
  readonly shared?: SharedRowsState
}

/** One producer's chunks, oldest first. */
export interface SharedLaneState {
  readonly tickets: readonly number[]
  readonly dropped: number
  readonly published: number
}

/** Where a shared buffer stands: plain data. */
export interface SharedRowsState {
  readonly chunkRows: number
  readonly nextTicket: number
  readonly places: number
  /** The place of the buffer's own producer, -1 without. */
  readonly own: number
  readonly lanes: readonly SharedLaneState[]
  readonly changed: Float64Array
  readonly version: number
}
