import { TradewrightError } from '@tradewright/core'
import { allocateViews, type Layout, type Views } from './layout.ts'
import type { AddRow, Lane } from './row-adder.ts'
import { copyFinal, copyRows, prepareBatch } from './row-batch.ts'
import { type EpisodeRowsState, ROW, type RowSource } from './row-index.ts'
import type { RowStore } from './row-store.ts'
import type { RowWriters, WriteRow } from './row-writer.ts'

type Loose = Readonly<Record<string, unknown>>

function flagOf(name: string, value: unknown): number {
  if (value === false || value === 0) return 0
  if (value === true || value === 1) return 1
  throw new TradewrightError('BAD_DATA', `${name} must be 0, 1 or a boolean, was ${String(value)}`, { name })
}

/**
 * Rings of rows, one a stream, on one storage. The observation after a step is the next row's, so it is stored once;
 * where an episode ends, the last observation gets a row of its own that holds nothing else.
 */
export class EpisodeRows implements RowSource {
  readonly store: RowStore
  readonly slots: number
  readonly lanes: number
  readonly concurrent = false
  readonly flags: Uint8Array
  readonly #layout: Layout
  readonly #writers: RowWriters
  readonly #row: WriteRow
  readonly #linear: Views | undefined
  readonly #recordBytes: number
  readonly #ring: number
  readonly #lanes: readonly Lane[]
  readonly #listeners: (() => void)[] = []
  readonly #scratch: Views

  constructor(store: RowStore, writers: RowWriters, streams: number) {
    this.store = store
    this.slots = store.slots
    this.lanes = streams
    this.#layout = store.layout
    this.#writers = writers
    this.#row = writers.row
    this.#linear = store.linear ? store.views : undefined
    this.#recordBytes = store.layout.recordBytes
    this.#ring = store.slots / streams
    const ring = this.#ring
    this.#lanes = Array.from({ length: streams }, (_, lane) => ({
      base: -lane * ring,
      bare: 0,
      transitions: 0,
      floor: 0,
      head: lane * ring,
      first: lane * ring,
      end: (lane + 1) * ring,
      start: ROW.START as number,
    }))
    this.flags = new Uint8Array(store.slots).fill(ROW.BARE)
    this.#scratch = allocateViews(1, store.layout.recordBytes)
  }

  /** Transitions stored, bare rows not counted. */
  get transitions(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.transitions, 0)
  }

  get appended(): number {
    return this.#lanes.reduce((sum, lane) => sum + rowsOf(lane) - lane.bare, 0)
  }

  /** Undefined where rows do not lie in one piece or nothing may be generated. */
  adder(plain: AddRow): AddRow | undefined {
    const views = this.#linear
    const [lane] = this.#lanes
    if (views === undefined) return undefined
    return this.#writers.adder?.({ views, flags: this.flags, lane, plain, lap: () => this.#lap(lane) })
  }

  get memoryBytes(): number {
    return this.flags.byteLength + this.#scratch.uint8.byteLength
  }

  /** Calls `listener` before rows that were appended since its last call are overwritten. */
  onLap(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Rows of a ring are only ever replaced. */
  onDrop(): void {}

  refresh(): void {}

  get markLength(): number {
    return this.lanes
  }

  mark(out: Float64Array): void {
    for (let lane = 0; lane < this.lanes; lane++) out[lane] = rowsOf(this.#lanes[lane])
  }

  replacedSince(slot: number, mark: Float64Array): boolean {
    const number = this.laneOf(slot)
    const lane = this.#lanes[number]
    const since = rowsOf(lane) - mark[number]
    if (since === 0) return false
    // Rows that came after this slot's.
    const newer = lane.head - 1 - slot
    return (newer < 0 ? newer + this.#ring : newer) < since
  }

  /** Whether a slot holds the same row as when `added` rows had come to each lane. */
  sameRow(slot: number, added: readonly number[]): boolean {
    const number = this.laneOf(slot)
    const place = slot - number * this.#ring
    const serial = (count: number): number => {
      const newer = (((count - 1 - place) % this.#ring) + this.#ring) % this.#ring
      return count - 1 - newer
    }
    return serial(added[number] ?? 0) === serial(rowsOf(this.#lanes[number]))
  }

  /** Begins a lane's ring anew, and tells the listeners: a lap at most lies between two calls. */
  #lap(lane: Lane): void {
    lane.base += this.#ring
    lane.head = lane.first
    for (const listener of this.#listeners) listener()
  }

  added(lane: number): number {
    return rowsOf(this.#lanes[lane])
  }

  oldest(lane: number): number {
    return Math.max(this.#lanes[lane].floor, this.added(lane) - this.#ring)
  }

  slotAt(lane: number, serial: number): number {
    return lane * this.#ring + (serial % this.#ring)
  }

  laneOf(slot: number): number {
    return this.lanes === 1 ? 0 : Math.floor(slot / this.#ring)
  }

  successor(slot: number): number {
    const next = slot + 1
    if (this.lanes === 1) return next === this.#ring ? 0 : next
    return next % this.#ring === 0 ? next - this.#ring : next
  }

  predecessor(slot: number): number {
    return slot % this.#ring === 0 ? slot + this.#ring - 1 : slot - 1
  }

  /** Marks the next slot of a lane as holding a row with these flags. */
  #advance(lane: Lane, slot: number, flags: number): void {
    // BARE is 4: one transition less for the row that goes, one more for the row that comes.
    lane.transitions += ((this.flags[slot] & ROW.BARE) - (flags & ROW.BARE)) >> 2
    this.flags[slot] = flags
    lane.head = slot + 1
    if (lane.head === lane.end) this.#lap(lane)
  }

  /** Stores one transition. @returns its slot. */
  append(laneNumber: number, transition: Loose): number {
    const lane = this.#lanes[laneNumber]
    const slot = lane.head
    if (transition.terminated !== false || transition.truncated !== false) {
      const ends = flagOf('terminated', transition.terminated) | (flagOf('truncated', transition.truncated) << 1)
      if (ends !== 0) return this.#appendLast(lane, slot, transition, ends)
    }
    const linear = this.#linear
    if (linear !== undefined) {
      this.#row(linear, slot * this.#recordBytes, transition)
      this.#advance(lane, slot, lane.start)
      lane.start = 0
      return slot
    }
    const store = this.store
    store.seek(slot)
    this.#row(store.views, store.base, transition)
    this.#advance(lane, slot, lane.start)
    lane.start = 0
    store.wrote(slot, 1)
    return slot
  }

  /** The last step of an episode, and the observation after it if there is one. */
  #appendLast(lane: Lane, slot: number, transition: Loose, ends: number): number {
    const obs = transition.finalObs
    if (obs === undefined && (ends & ROW.TRUNCATED) !== 0)
      throw new TradewrightError('BAD_OPTION', 'finalObs must be given where a row is truncated, was undefined', {})
    const store = this.store
    if (obs !== undefined) {
      // Checked in a place of its own first: a bad one must not cost the row that it would overwrite. And its place is
      // sought first: a disk that refuses it must not leave the row before it alone.
      this.#writers.obsOnly(this.#scratch, 0, { obs })
      store.seek(slot + 1 === lane.end ? lane.first : slot + 1)
    }
    store.seek(slot)
    this.#row(store.views, store.base, transition)
    this.#advance(lane, slot, ends | lane.start | (obs === undefined ? 0 : ROW.FINAL))
    lane.start = ROW.START
    store.wrote(slot, 1)
    if (obs !== undefined) this.#appendBare(lane)
    return slot
  }

  /** The record in the scratch place becomes a bare row. */
  #appendBare(lane: Lane): void {
    const slot = lane.head
    const store = this.store
    store.seek(slot)
    store.views.uint8.set(this.#scratch.uint8.subarray(0, this.#layout.recordBytes), store.base)
    this.#advance(lane, slot, ROW.BARE)
    lane.bare++
    store.wrote(slot, 1)
  }

  /** Stores consecutive transitions, all or none. @returns how many. */
  appendBatch(laneNumber: number, given: Loose): number {
    const lane = this.#lanes[laneNumber]
    const batch = prepareBatch(this.#layout, given)
    let row = 0
    while (row < batch.rows) {
      let end = row
      while (end < batch.rows && (batch.ends[end] === 0 || batch.finals.length === 0)) end++
      const last = end < batch.rows && (batch.ends[end] & ROW.TRUNCATED) !== 0
      if (end < batch.rows) end++
      this.#appendRun(lane, batch.fields, batch.ends, row, end - row)
      if (last) {
        copyFinal(this.#layout, this.#scratch, 0, batch.finals, end - 1)
        this.#appendBare(lane)
      }
      row = end
    }
    return batch.rows
  }

  /** Rows of a batch that lie behind one another; only the last may be truncated. */
  #appendRun(lane: Lane, fields: Parameters<typeof copyRows>[3], ends: Uint8Array, first: number, count: number): void {
    let done = 0
    while (done < count) {
      const slot = lane.head
      const room = Math.min(this.store.seek(slot), lane.end - slot, count - done)
      copyRows(this.#layout, this.store.views, this.store.base, fields, first + done, room)
      this.#advanceRun(lane, slot, ends, first + done, room)
      this.store.wrote(slot, room)
      done += room
    }
  }

  /** {@link EpisodeRows.#advance} for rows that lie behind one another. */
  #advanceRun(lane: Lane, slot: number, ends: Uint8Array, first: number, count: number): void {
    const flags = this.flags
    let { start } = lane
    let replaced = 0
    for (let i = 0; i < count; i++) {
      const end = ends[first + i]
      replaced += (flags[slot + i] & ROW.BARE) === 0 ? 1 : 0
      flags[slot + i] = end | start | ((end & ROW.TRUNCATED) === 0 ? 0 : ROW.FINAL)
      start = end === 0 ? 0 : ROW.START
    }
    lane.start = start
    lane.transitions += count - replaced
    lane.head = slot + count
    if (lane.head === lane.end) this.#lap(lane)
  }

  /**
   * Ends a lane's episode where it stands: its newest row keeps its observation alone, and the steps before it
   * bootstrap from that. Nothing happens where no episode is open.
   */
  cut(laneNumber: number): void {
    const lane = this.#lanes[laneNumber]
    if (lane.start !== 0) return
    const slot = this.slotAt(laneNumber, rowsOf(lane) - 1)
    this.flags[slot] = (this.flags[slot] & ROW.START) | ROW.BARE
    lane.transitions--
    lane.start = ROW.START
    this.store.wrote(slot, 1)
  }

  save(): EpisodeRowsState {
    return {
      added: this.#lanes.map(rowsOf),
      transitions: this.transitions,
      open: this.#lanes.map((lane) => lane.start === 0),
      floor: this.#lanes.map((lane) => lane.floor),
    }
  }

  /** Lane after lane, each from its ring's first slot on. */
  *pieces(): Generator<Uint8Array> {
    const { recordBytes } = this.#layout
    const most = Math.max(1, Math.floor(PIECE_BYTES / recordBytes))
    for (let lane = 0; lane < this.lanes; lane++) {
      const used = Math.min(this.#ring, this.added(lane))
      for (let row = 0; row < used; ) {
        const rows = Math.min(this.store.seek(lane * this.#ring + row), used - row, most)
        yield this.store.views.uint8.subarray(this.store.base, this.store.base + rows * recordBytes)
        row += rows
      }
    }
  }

  restore(state: EpisodeRowsState, flags: Uint8Array, pieces: Iterable<Uint8Array>): void {
    this.#lanes.forEach((lane, i) => {
      lane.floor = state.floor?.[i] ?? 0
      lane.head = this.slotAt(i, state.added[i])
      lane.base = state.added[i] - lane.head
      lane.start = state.open[i] ? 0 : ROW.START
    })
    this.flags.set(flags)
    for (const lane of this.#lanes) {
      lane.bare = 0
      lane.transitions = 0
      for (let slot = lane.first; slot < lane.end; slot++) lane.transitions += (flags[slot] & ROW.BARE) === 0 ? 1 : 0
    }
    this.#restorePieces(pieces)
  }

  /** Pieces begin and end with records; a lane begins with a new piece. */
  #restorePieces(pieces: Iterable<Uint8Array>): void {
    const { recordBytes } = this.#layout
    let lane = 0
    let row = 0
    for (const piece of pieces) {
      while (row >= Math.min(this.#ring, this.added(lane))) {
        lane++
        row = 0
      }
      for (let at = 0; at < piece.length; ) {
        const slot = lane * this.#ring + row
        const rows = Math.min(this.store.seek(slot), (piece.length - at) / recordBytes)
        this.store.views.uint8.set(piece.subarray(at, at + rows * recordBytes), this.store.base)
        this.store.wrote(slot, rows)
        row += rows
        at += rows * recordBytes
      }
    }
  }
}

/** Rows ever appended to a lane. */
const rowsOf = (lane: Lane): number => lane.base + lane.head

/** About as many bytes in a piece of a saved buffer. */
const PIECE_BYTES = 1 << 20
