import { TradewrightError } from '@tradewright/core'
import type { Field, Layout, Views } from './layout.ts'
import { type EpisodeRowsState, ROW, type RowSource, type SharedLaneState } from './row-index.ts'
import { copyField, type OutColumn, type RowStore, zeroField } from './row-store.ts'
import {
  CHUNK,
  CONTROL,
  mapShared,
  PLACE,
  placeWord,
  type SharedParts,
  type SharedReplayHandle,
} from './shared-memory.ts'
import { ReplayProducer } from './shared-producer.ts'

/** Records in shared memory, to read. */
class SharedStore implements RowStore {
  readonly linear = false
  readonly layout: Layout
  readonly slots: number
  readonly views: Views
  readonly memoryBytes: number
  base = 0

  constructor(parts: SharedParts, handle: SharedReplayHandle) {
    this.layout = parts.layout
    this.slots = handle.capacity
    this.views = parts.views
    this.memoryBytes = handle.memory.byteLength
  }

  seek(slot: number): number {
    this.base = slot * this.layout.recordBytes
    return this.slots - slot
  }

  wrote(): void {}

  gather(field: Field, plan: Int32Array, count: number, out: OutColumn, from: number): void {
    for (let k = 0; k < count; k++) {
      const slot = plan[k]
      if (slot < 0) zeroField(field, out, from + k)
      else copyField(field, this.views, slot * this.layout.recordBytes, out, from + k)
    }
  }
}

/** About a second of asking. */
const MOST_SPINS = 100_000_000

/** One producer's chunks that are still there, oldest first. */
interface Lane {
  tickets: number[]
  /** Chunks of this lane that are gone. */
  dropped: number
  /** Rows of the newest chunk that can be read. */
  published: number
}

/** What the thread that samples knows of a shared buffer: chunks by producer, brought up to date by `refresh`. */
export class SharedRows implements RowSource {
  readonly store: RowStore
  readonly slots: number
  readonly lanes: number
  readonly flags: Uint8Array
  readonly markLength = 1
  readonly concurrent = true
  readonly #handle: SharedReplayHandle
  readonly #parts: SharedParts
  readonly #chunkRows: number
  readonly #lanes: Lane[]
  /** By chunk: the ticket that is known, -1 without; its lane; the chunks before and after it; when it last changed. */
  readonly #tickets: Float64Array
  readonly #laneOf: Int16Array
  readonly #previous: Int32Array
  readonly #next: Int32Array
  readonly #changed: Float64Array
  readonly #dropListeners: ((slot: number, count: number) => void)[] = []
  #version = 0
  #saving = false
  #own: ReplayProducer<never> | undefined
  /** The place of this thread's producer in what was restored, -1 without. */
  #ownPlace = -1
  readonly #codegen: boolean

  constructor(handle: SharedReplayHandle, codegen: boolean = true) {
    const parts = mapShared(handle)
    this.#handle = handle
    this.#codegen = codegen
    this.#parts = parts
    this.#chunkRows = handle.chunkRows
    this.store = new SharedStore(parts, handle)
    this.slots = handle.capacity
    this.lanes = handle.producers
    this.flags = parts.flags
    this.#lanes = Array.from({ length: handle.producers }, () => ({ tickets: [], dropped: 0, published: 0 }))
    this.#tickets = new Float64Array(parts.chunks).fill(-1)
    this.#laneOf = new Int16Array(parts.chunks)
    this.#previous = new Int32Array(parts.chunks).fill(-1)
    this.#next = new Int32Array(parts.chunks).fill(-1)
    this.#changed = new Float64Array(parts.chunks)
  }

  /** Flags are in the shared memory. */
  get memoryBytes(): number {
    const byChunk = [this.#tickets, this.#laneOf, this.#previous, this.#next, this.#changed]
    return byChunk.reduce((sum, array) => sum + array.byteLength, 0)
  }

  /** Rows that hold a transition. O(rows): nobody counts them while several threads add. */
  get transitions(): number {
    this.refresh()
    return this.transitionsNow()
  }

  /** The same of the rows that are known. */
  transitionsNow(): number {
    let count = 0
    for (let lane = 0; lane < this.#lanes.length; lane++)
      for (const [i, ticket] of this.#lanes[lane].tickets.entries()) {
        const first = (ticket % this.#parts.chunks) * this.#chunkRows
        const rows = i === this.#lanes[lane].tickets.length - 1 ? this.#lanes[lane].published : this.#chunkRows
        for (let slot = first; slot < first + rows; slot++) if ((this.flags[slot] & ROW.BARE) === 0) count++
      }
    return count
  }

  get appended(): number {
    return this.#own?.appended ?? 0
  }

  onLap(): void {}

  onDrop(listener: (slot: number, count: number) => void): void {
    this.#dropListeners.push(listener)
  }

  #header(chunk: number, word: number): number {
    return Atomics.load(this.#parts.headers, chunk * CHUNK.WORDS + word)
  }

  refresh(): void {
    const producers = Math.min(this.lanes, Atomics.load(this.#parts.control, CONTROL.PRODUCERS))
    for (let id = 0; id < producers; id++) this.#refreshLane(id, this.#lanes[id])
  }

  #refreshLane(id: number, lane: Lane): void {
    const { chunks, control } = this.#parts
    // A lane's oldest chunks are overwritten first.
    while (lane.tickets.length > 0 && this.#header(lane.tickets[0] % chunks, CHUNK.TICKET) !== lane.tickets[0] + 1)
      this.#dropOldest(lane)
    const newest = Atomics.load(control, placeWord(id, PLACE.NEWEST)) - 1
    if (newest < 0) return
    const known = lane.tickets.at(-1) ?? -1
    const fresh: number[] = []
    for (let ticket = newest; ticket > known; ) {
      const chunk = ticket % chunks
      if (this.#header(chunk, CHUNK.TICKET) !== ticket + 1) break
      const before = this.#header(chunk, CHUNK.PREVIOUS) - 1
      // Checked again: the producer may have lost the chunk between the two reads.
      if (this.#header(chunk, CHUNK.TICKET) !== ticket + 1) break
      fresh.push(ticket)
      ticket = before
    }
    // A gap: chunks in between are gone already, and so is everything before them.
    const oldest = fresh.at(-1)
    if (oldest !== undefined && this.#header(oldest % chunks, CHUNK.PREVIOUS) - 1 !== known) {
      while (lane.tickets.length > 0) this.#dropOldest(lane)
      lane.dropped++
    }
    for (const ticket of fresh.reverse()) this.#take(id, lane, ticket)
    if (lane.tickets.length > 0) lane.published = this.#header((lane.tickets.at(-1) ?? 0) % chunks, CHUNK.PUBLISHED)
  }

  #take(id: number, lane: Lane, ticket: number): void {
    const chunk = ticket % this.#parts.chunks
    const last = lane.tickets.at(-1)
    // Somebody else's chunk that was overwritten without that lane having been looked at since.
    if (this.#tickets[chunk] >= 0) this.#forget(chunk)
    this.#tickets[chunk] = ticket
    this.#laneOf[chunk] = id
    this.#changed[chunk] = ++this.#version
    this.#previous[chunk] = last === undefined ? -1 : last % this.#parts.chunks
    this.#next[chunk] = -1
    if (last !== undefined) this.#next[last % this.#parts.chunks] = chunk
    lane.tickets.push(ticket)
    lane.published = 0
  }

  #dropOldest(lane: Lane): void {
    const ticket = lane.tickets.shift()
    lane.dropped++
    if (lane.tickets.length === 0) lane.published = 0
    if (ticket === undefined) return
    const chunk = ticket % this.#parts.chunks
    if (this.#tickets[chunk] === ticket) this.#forget(chunk)
  }

  #forget(chunk: number): void {
    this.#tickets[chunk] = -1
    this.#changed[chunk] = ++this.#version
    const next = this.#next[chunk]
    if (next >= 0 && this.#previous[next] === chunk) this.#previous[next] = -1
    this.#next[chunk] = -1
    for (const listener of this.#dropListeners) listener(chunk * this.#chunkRows, this.#chunkRows)
  }

  added(lane: number): number {
    const { tickets, dropped, published } = this.#lanes[lane]
    return tickets.length === 0
      ? dropped * this.#chunkRows
      : (dropped + tickets.length - 1) * this.#chunkRows + published
  }

  oldest(lane: number): number {
    return this.#lanes[lane].dropped * this.#chunkRows
  }

  slotAt(lane: number, serial: number): number {
    const { tickets, dropped } = this.#lanes[lane]
    const index = Math.floor(serial / this.#chunkRows)
    const ticket = tickets[index - dropped] ?? tickets.at(-1) ?? 0
    return (ticket % this.#parts.chunks) * this.#chunkRows + (serial - index * this.#chunkRows)
  }

  laneOf(slot: number): number {
    return this.#laneOf[Math.floor(slot / this.#chunkRows)]
  }

  successor(slot: number): number {
    const next = slot + 1
    if ((next & (this.#chunkRows - 1)) !== 0) return next
    const chunk = this.#next[next / this.#chunkRows - 1]
    return chunk < 0 ? slot : chunk * this.#chunkRows
  }

  predecessor(slot: number): number {
    if ((slot & (this.#chunkRows - 1)) !== 0) return slot - 1
    const chunk = this.#previous[slot / this.#chunkRows]
    return chunk < 0 ? slot : (chunk + 1) * this.#chunkRows - 1
  }

  mark(out: Float64Array): void {
    out[0] = this.#version
  }

  replacedSince(slot: number, mark: Float64Array): boolean {
    return this.#changed[Math.floor(slot / this.#chunkRows)] > mark[0]
  }

  /** This thread's own producer, attached when it first adds. */
  #producer(lane: number): ReplayProducer<never> {
    if (lane !== 0)
      throw new TradewrightError(
        'BAD_OPTION',
        `a shared buffer has a producer instead of streams, was stream ${lane}`,
        {},
      )
    if (this.#saving)
      throw new TradewrightError('BAD_OPTION', 'nothing must be added to a shared buffer while it is saved', {})
    this.#own ??= new ReplayProducer<never>(this.#handle, this.#codegen, Math.max(0, this.#ownPlace))
    return this.#own
  }

  append(lane: number, transition: Readonly<Record<string, unknown>>): number {
    return this.#producer(lane).add(transition as never)
  }

  appendBatch(lane: number, batch: Readonly<Record<string, unknown>>): number {
    return this.#producer(lane).addBatch(batch as never)
  }

  cut(lane: number): void {
    this.#producer(lane).cut()
  }

  /** Holds every producer at its next chunk, so that no row that is known now is overwritten while it is saved. */
  beginSave(): void {
    const { control } = this.#parts
    if (Atomics.exchange(control, CONTROL.PAUSED, 1) === 1)
      throw new TradewrightError('BAD_OPTION', 'a shared buffer must not be saved twice at a time', {})
    this.#saving = true
    // A reservation takes less than a microsecond; a thread that died within one would never end it.
    let tries = 0
    for (let id = 0; id < this.lanes; id++)
      while (Atomics.load(control, placeWord(id, PLACE.RESERVING)) === 1)
        if (++tries > MOST_SPINS) {
          this.endSave()
          throw new TradewrightError('TIMEOUT', 'a producer did not finish reserving a chunk: did its thread end?', {
            id,
          })
        }
  }

  endSave(): void {
    this.#saving = false
    Atomics.store(this.#parts.control, CONTROL.PAUSED, 0)
    Atomics.notify(this.#parts.control, CONTROL.PAUSED)
  }

  save(): EpisodeRowsState {
    const lanes = this.#lanes.map(({ tickets, dropped, published }) => ({ tickets: [...tickets], dropped, published }))
    return {
      added: this.#lanes.map((_, lane) => this.added(lane)),
      open: this.#lanes.map((_, id) => Atomics.load(this.#parts.control, placeWord(id, PLACE.OPEN)) === 1),
      transitions: this.transitionsNow(),
      shared: {
        chunkRows: this.#chunkRows,
        nextTicket: Atomics.load(this.#parts.control, CONTROL.TICKETS),
        places: Atomics.load(this.#parts.control, CONTROL.PRODUCERS),
        own: this.#own?.id ?? this.#ownPlace,
        lanes,
        changed: this.#changed.slice(),
        version: this.#version,
      },
    }
  }

  /** Known chunks in ascending order, each whole. */
  *pieces(): Generator<Uint8Array> {
    const { recordBytes } = this.#parts.layout
    const bytes = this.#chunkRows * recordBytes
    for (let chunk = 0; chunk < this.#parts.chunks; chunk++)
      if (this.#tickets[chunk] >= 0) yield this.#parts.views.uint8.subarray(chunk * bytes, (chunk + 1) * bytes)
  }

  restore(state: EpisodeRowsState, flags: Uint8Array, pieces: Iterable<Uint8Array>): void {
    const { shared } = state
    if (shared === undefined || shared.chunkRows !== this.#chunkRows)
      throw new TradewrightError(
        'BAD_SHAPE',
        `a saved buffer must have the same chunkRows (${this.#chunkRows}), was ${shared?.chunkRows}`,
        {},
      )
    const { control } = this.#parts
    for (let id = 0; id < this.lanes; id++)
      if (id !== this.#own?.id && Atomics.load(control, placeWord(id, PLACE.TAKEN)) === 1)
        throw new TradewrightError('BAD_OPTION', 'producers must be closed before a shared buffer is restored', { id })
    this.#own?.abandon()
    this.#own = undefined
    this.#ownPlace = shared.own
    this.#parts.headers.fill(0)
    this.#tickets.fill(-1)
    this.#previous.fill(-1)
    this.#next.fill(-1)
    this.#parts.flags.set(flags)
    Atomics.store(control, CONTROL.TICKETS, shared.nextTicket)
    Atomics.store(control, CONTROL.PRODUCERS, shared.places)
    for (const [id, lane] of shared.lanes.entries()) this.#restoreLane(id, lane, state.open[id] && id === shared.own)
    this.#changed.set(shared.changed)
    this.#version = shared.version
    this.#restoreRecords(pieces)
  }

  #restoreLane(id: number, saved: SharedLaneState, open: boolean): void {
    const { control, headers, chunks } = this.#parts
    const lane = this.#lanes[id]
    lane.tickets = [...saved.tickets]
    lane.dropped = saved.dropped
    lane.published = saved.published
    let before = -1
    for (const [i, ticket] of lane.tickets.entries()) {
      const chunk = ticket % chunks
      const header = chunk * CHUNK.WORDS
      this.#tickets[chunk] = ticket
      this.#laneOf[chunk] = id
      this.#previous[chunk] = before < 0 ? -1 : before % chunks
      if (before >= 0) this.#next[before % chunks] = chunk
      headers[header + CHUNK.TICKET] = ticket + 1
      headers[header + CHUNK.PUBLISHED] = i === lane.tickets.length - 1 ? lane.published : this.#chunkRows
      headers[header + CHUNK.PRODUCER] = id
      headers[header + CHUNK.PREVIOUS] = before + 1
      before = ticket
    }
    Atomics.store(control, placeWord(id, PLACE.NEWEST), before + 1)
    Atomics.store(control, placeWord(id, PLACE.OPEN), open ? 1 : 0)
  }

  #restoreRecords(pieces: Iterable<Uint8Array>): void {
    const bytes = this.#chunkRows * this.#parts.layout.recordBytes
    let chunk = 0
    for (const piece of pieces)
      for (let at = 0; at < piece.length; at += bytes) {
        while (this.#tickets[chunk] < 0) chunk++
        this.#parts.views.uint8.set(piece.subarray(at, at + bytes), chunk++ * bytes)
      }
  }
}
