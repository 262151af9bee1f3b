import { TradewrightError } from '@tradewright/core'
import { allocateViews, type Layout, type Views } from './layout.ts'
import { copyFinal, copyRows, prepareBatch } from './row-batch.ts'
import type { RowStore } from './row-store.ts'
import type { RowWriters } from './row-writer.ts'

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
  /** Transitions stored, bare rows not counted. */
  readonly transitions: number
  /** Stores one transition. @returns its slot. */
  append(lane: number, transition: Loose): number
  /** Stores consecutive transitions, all or none. @returns how many. */
  appendBatch(lane: number, batch: Loose): number
  /** Ends a lane's episode where it stands. */
  cut(lane: number): void
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
}

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
  readonly #ring: number
  readonly #added: Float64Array
  readonly #floor: Float64Array
  /** The next slot of each lane: kept, because a remainder of Float64 numbers costs more than all the rest of an add. */
  readonly #heads: Int32Array
  readonly #open: Uint8Array
  /** Rows until a lane has gone once round since its listeners were last told. */
  readonly #slack: Int32Array
  readonly #listeners: (() => void)[] = []
  readonly #scratch: Views
  #transitions = 0

  constructor(store: RowStore, writers: RowWriters, streams: number) {
    this.store = store
    this.slots = store.slots
    this.lanes = streams
    this.#layout = store.layout
    this.#writers = writers
    this.#ring = store.slots / streams
    this.#added = new Float64Array(streams)
    this.#floor = new Float64Array(streams)
    this.#heads = Int32Array.from({ length: streams }, (_, lane) => lane * this.#ring)
    this.#open = new Uint8Array(streams)
    this.#slack = new Int32Array(streams).fill(this.#ring)
    this.flags = new Uint8Array(store.slots).fill(ROW.BARE)
    this.#scratch = allocateViews(1, store.layout.recordBytes)
  }

  /** Transitions stored, bare rows not counted. */
  get transitions(): number {
    return this.#transitions
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
    for (let lane = 0; lane < this.lanes; lane++) out[lane] = this.#added[lane]
  }

  replacedSince(slot: number, mark: Float64Array): boolean {
    const lane = this.laneOf(slot)
    const since = this.#added[lane] - mark[lane]
    if (since === 0) return false
    const ring = this.#ring
    const newer = (((this.#added[lane] - 1 - (slot - lane * ring)) % ring) + ring) % ring
    return newer < since
  }

  #lap(lane: number): void {
    this.#slack[lane] = this.#ring
    for (const listener of this.#listeners) listener()
  }

  added(lane: number): number {
    return this.#added[lane]
  }

  oldest(lane: number): number {
    return Math.max(this.#floor[lane], this.#added[lane] - this.#ring)
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
  #advance(lane: number, slot: number, flags: number): void {
    if ((this.flags[slot] & ROW.BARE) === 0) this.#transitions--
    if ((flags & ROW.BARE) === 0) this.#transitions++
    this.flags[slot] = flags
    this.#added[lane]++
    const next = slot + 1
    this.#heads[lane] = next === (lane + 1) * this.#ring ? lane * this.#ring : next
    if (--this.#slack[lane] === 0) this.#lap(lane)
  }

  /** Stores one transition. @returns its slot. */
  append(lane: number, transition: Loose): number {
    const { terminated, truncated } = transition
    const slot = this.#heads[lane]
    if (terminated !== false || truncated !== false) {
      const ends = flagOf('terminated', terminated) | (flagOf('truncated', truncated) << 1)
      if (ends !== 0) return this.#appendLast(lane, slot, transition, ends)
    }
    const store = this.store
    store.seek(slot)
    this.#writers.row(store.views, store.base, transition)
    this.#advance(lane, slot, this.#open[lane] === 0 ? ROW.START : 0)
    this.#open[lane] = 1
    store.wrote(slot, 1)
    return slot
  }

  /** The last step of an episode, and the observation after it if there is one. */
  #appendLast(lane: number, slot: number, transition: Loose, ends: number): number {
    const obs = transition.finalObs
    if (obs === undefined && (ends & ROW.TRUNCATED) !== 0)
      throw new TradewrightError('BAD_OPTION', 'finalObs must be given where a row is truncated, was undefined', {})
    // Checked in a place of its own first: a bad one must not cost the row that it would overwrite.
    if (obs !== undefined) this.#writers.obsOnly(this.#scratch, 0, { obs })
    const store = this.store
    store.seek(slot)
    this.#writers.row(store.views, store.base, transition)
    const start = this.#open[lane] === 0 ? ROW.START : 0
    this.#advance(lane, slot, ends | start | (obs === undefined ? 0 : ROW.FINAL))
    this.#open[lane] = 0
    store.wrote(slot, 1)
    if (obs !== undefined) this.#appendBare(lane)
    return slot
  }

  /** The record in the scratch place becomes a bare row. */
  #appendBare(lane: number): void {
    const slot = this.#heads[lane]
    const store = this.store
    store.seek(slot)
    store.views.uint8.set(this.#scratch.uint8.subarray(0, this.#layout.recordBytes), store.base)
    this.#advance(lane, slot, ROW.BARE)
    store.wrote(slot, 1)
  }

  /** Stores consecutive transitions, all or none. @returns how many. */
  appendBatch(lane: number, given: Loose): number {
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
  #appendRun(
    lane: number,
    fields: Parameters<typeof copyRows>[3],
    ends: Uint8Array,
    first: number,
    count: number,
  ): void {
    let done = 0
    while (done < count) {
      const slot = this.#heads[lane]
      const room = Math.min(this.store.seek(slot), (lane + 1) * this.#ring - slot, count - done, this.#slack[lane])
      copyRows(this.#layout, this.store.views, this.store.base, fields, first + done, room)
      this.#advanceRun(lane, slot, ends, first + done, room)
      this.store.wrote(slot, room)
      done += room
    }
  }

  /** {@link EpisodeRows.#advance} for rows that lie behind one another. */
  #advanceRun(lane: number, slot: number, ends: Uint8Array, first: number, count: number): void {
    const flags = this.flags
    let open = this.#open[lane]
    let replaced = 0
    for (let i = 0; i < count; i++) {
      const end = ends[first + i]
      replaced += (flags[slot + i] & ROW.BARE) === 0 ? 1 : 0
      flags[slot + i] = end | (open === 0 ? ROW.START : 0) | ((end & ROW.TRUNCATED) === 0 ? 0 : ROW.FINAL)
      open = end === 0 ? 1 : 0
    }
    this.#open[lane] = open
    this.#transitions += count - replaced
    this.#added[lane] += count
    const next = slot + count
    this.#heads[lane] = next === (lane + 1) * this.#ring ? lane * this.#ring : next
    this.#slack[lane] -= count
    if (this.#slack[lane] === 0) this.#lap(lane)
  }

  /**
   * Ends a lane's episode where it stands: its newest row keeps its observation alone, and the steps before it
   * bootstrap from that. Nothing happens where no episode is open.
   */
  cut(lane: number): void {
    if (this.#open[lane] === 0) return
    const slot = this.slotAt(lane, this.#added[lane] - 1)
    this.flags[slot] = (this.flags[slot] & ROW.START) | ROW.BARE
    this.#transitions--
    this.#open[lane] = 0
    this.store.wrote(slot, 1)
  }

  save(): EpisodeRowsState {
    const open = [...this.#open].map((o) => o === 1)
    return { added: [...this.#added], transitions: this.#transitions, open, floor: [...this.#floor] }
  }

  /** Lane after lane, each from its ring's first slot on. */
  *pieces(): Generator<Uint8Array> {
    const { recordBytes } = this.#layout
    const most = Math.max(1, Math.floor(PIECE_BYTES / recordBytes))
    for (let lane = 0; lane < this.lanes; lane++) {
      const used = Math.min(this.#ring, this.#added[lane])
      for (let row = 0; row < used; ) {
        const rows = Math.min(this.store.seek(lane * this.#ring + row), used - row, most)
        yield this.store.views.uint8.subarray(this.store.base, this.store.base + rows * recordBytes)
        row += rows
      }
    }
  }

  restore(state: EpisodeRowsState, flags: Uint8Array, pieces: Iterable<Uint8Array>): void {
    state.added.forEach((added, lane) => {
      this.#added[lane] = added
      this.#heads[lane] = this.slotAt(lane, added)
    })
    this.#floor.set(state.floor ?? [])
    this.#slack.fill(this.#ring)
    state.open.forEach((open, lane) => {
      this.#open[lane] = open ? 1 : 0
    })
    this.#transitions = state.transitions
    this.flags.set(flags)
    this.#restorePieces(pieces)
  }

  /** Pieces begin and end with records; a lane begins with a new piece. */
  #restorePieces(pieces: Iterable<Uint8Array>): void {
    const { recordBytes } = this.#layout
    let lane = 0
    let row = 0
    for (const piece of pieces) {
      while (row >= Math.min(this.#ring, this.#added[lane])) {
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

/** About as many bytes in a piece of a saved buffer. */
const PIECE_BYTES = 1 << 20
