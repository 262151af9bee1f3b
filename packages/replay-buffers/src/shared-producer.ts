import { TradewrightError } from '@tradewright/core'
import type { Columns, Transition, TransitionBatch } from './columns.ts'
import { allocateViews, type Views } from './layout.ts'
import { copyFinal, copyRows, prepareBatch } from './row-batch.ts'
import { ROW } from './row-index.ts'
import { createRowWriters, type RowWriters } from './row-writer.ts'
import {
  CHUNK,
  CONTROL,
  mapShared,
  PLACE,
  placeWord,
  type SharedParts,
  type SharedReplayHandle,
} from './shared-memory.ts'

type Loose = Readonly<Record<string, unknown>>

/** Adds to a shared buffer from any thread: see {@link attachReplayProducer}. */
export class ReplayProducer<C extends Columns> {
  /** Its number among the buffer's producers. */
  readonly id: number
  readonly #parts: SharedParts
  readonly #chunkRows: number
  readonly #writers: RowWriters
  readonly #scratch: Views
  /** The chunk being filled, -1 without. */
  #chunk = -1
  #ticket = -1
  /** Rows of the chunk that are written. */
  #used = 0
  #open = false
  #closed = false
  #appended = 0

  /** Use {@link attachReplayProducer}. */
  constructor(handle: SharedReplayHandle, codegen: boolean, place: number = 0) {
    this.#parts = mapShared(handle)
    this.#chunkRows = handle.chunkRows
    this.#writers = createRowWriters(this.#parts.layout, codegen)
    this.#scratch = allocateViews(1, this.#parts.layout.recordBytes)
    this.id = this.#takePlace(place, handle.producers)
    this.#takeUp()
  }

  /** The first free place from `from` on. */
  #takePlace(from: number, places: number): number {
    const { control } = this.#parts
    for (let i = 0; i < places; i++) {
      const id = (from + i) % places
      if (Atomics.compareExchange(control, placeWord(id, PLACE.TAKEN), 0, 1) !== 0) continue
      for (let used = Atomics.load(control, CONTROL.PRODUCERS); used <= id; )
        used = Atomics.compareExchange(control, CONTROL.PRODUCERS, used, id + 1)
      return id
    }
    throw new TradewrightError('BAD_OPTION', `a shared buffer has at most ${places} producers at a time`, { places })
  }

  /** Goes on in the chunk that the place's last producer did not fill, if nobody else has taken it. */
  #takeUp(): void {
    const { control, headers, chunks } = this.#parts
    const ticket = Atomics.load(control, placeWord(this.id, PLACE.NEWEST)) - 1
    if (ticket < 0) return
    const chunk = ticket % chunks
    const header = chunk * CHUNK.WORDS
    if (Atomics.compareExchange(headers, header + CHUNK.STATE, 0, 1) !== 0) return
    if (Atomics.load(headers, header + CHUNK.TICKET) !== ticket + 1) {
      Atomics.store(headers, header + CHUNK.STATE, 0)
      return
    }
    this.#chunk = chunk
    this.#ticket = ticket
    this.#used = Atomics.load(headers, header + CHUNK.PUBLISHED)
    this.#open = Atomics.load(control, placeWord(this.id, PLACE.OPEN)) === 1
  }

  #setOpen(open: boolean): void {
    if (this.#open === open) return
    this.#open = open
    Atomics.store(this.#parts.control, placeWord(this.id, PLACE.OPEN), open ? 1 : 0)
  }

  /** Waits while the buffer is saved; from here to {@link ReplayProducer.#leave} no save can begin. */
  #enter(): void {
    const { control } = this.#parts
    const reserving = placeWord(this.id, PLACE.RESERVING)
    for (;;) {
      // A word of its own and one that is only read: a shared counter here would go from core to core twice a chunk.
      Atomics.store(control, reserving, 1)
      if (Atomics.load(control, CONTROL.PAUSED) === 0) return
      Atomics.store(control, reserving, 0)
      try {
        Atomics.wait(control, CONTROL.PAUSED, 1)
      } catch {
        // A page's main thread may not sleep: it asks again.
      }
    }
  }

  #leave(): void {
    Atomics.store(this.#parts.control, placeWord(this.id, PLACE.RESERVING), 0)
  }

  /** Transitions that this producer has added. */
  get appended(): number {
    return this.#appended
  }

  /** Takes the next chunk that nobody is filling. One atomic addition for a whole chunk of rows. */
  #reserve(): void {
    this.#enter()
    try {
      this.#reserveChunk()
    } finally {
      this.#leave()
    }
  }

  #reserveChunk(): void {
    const { control, headers, chunks } = this.#parts
    for (let tries = 0; ; tries++) {
      const ticket = Atomics.add(control, CONTROL.TICKETS, 1)
      const chunk = ticket % chunks
      const header = chunk * CHUNK.WORDS
      if (tries > 2 * chunks)
        throw new TradewrightError('BAD_OPTION', 'a shared buffer needs more chunks than producers, had fewer', {
          chunks,
        })
      if (Atomics.compareExchange(headers, header + CHUNK.STATE, 0, 1) !== 0) continue
      // The ticket changes before any record does: a reader that sees it unchanged has read whole rows.
      Atomics.store(headers, header + CHUNK.PUBLISHED, 0)
      Atomics.store(headers, header + CHUNK.PRODUCER, this.id)
      Atomics.store(headers, header + CHUNK.PREVIOUS, this.#ticket + 1)
      Atomics.exchange(headers, header + CHUNK.TICKET, ticket + 1)
      this.#release()
      this.#chunk = chunk
      this.#ticket = ticket
      this.#used = 0
      Atomics.store(control, placeWord(this.id, PLACE.NEWEST), ticket + 1)
      return
    }
  }

  /** Lets others overwrite the chunk in hand. */
  #release(): void {
    if (this.#chunk >= 0) Atomics.store(this.#parts.headers, this.#chunk * CHUNK.WORDS + CHUNK.STATE, 0)
  }

  /** The slot to write next. */
  #slot(): number {
    if (this.#closed) throw new TradewrightError('DISPOSED', 'a producer must not be used after close', {})
    if (this.#chunk < 0 || this.#used === this.#chunkRows) this.#reserve()
    return this.#chunk * this.#chunkRows + this.#used
  }

  #publish(slot: number, flags: number): void {
    if ((flags & ROW.BARE) === 0) this.#appended++
    this.#parts.flags[slot] = flags
    Atomics.store(this.#parts.headers, this.#chunk * CHUNK.WORDS + CHUNK.PUBLISHED, ++this.#used)
  }

  /**
   * Stores one transition, a copy. It can be sampled once the next one has come.
   *
   * @returns its slot.
   * @throws TradewrightError as `ReplayBuffer.add`.
   */
  add(transition: Transition<C>): number {
    const given = transition as Loose
    const { terminated, truncated } = given
    if (terminated !== false || truncated !== false) {
      const ends = flagOf('terminated', terminated) | (flagOf('truncated', truncated) << 1)
      if (ends !== 0) return this.#addLast(given, ends)
    }
    const slot = this.#slot()
    this.#writers.row(this.#parts.views, slot * this.#parts.layout.recordBytes, given)
    this.#publish(slot, this.#open ? 0 : ROW.START)
    this.#setOpen(true)
    return slot
  }

  #addLast(transition: Loose, ends: number): number {
    const obs = transition.finalObs
    if (obs === undefined && (ends & ROW.TRUNCATED) !== 0)
      throw new TradewrightError('BAD_OPTION', 'finalObs must be given where a row is truncated, was undefined', {})
    if (obs !== undefined) this.#writers.obsOnly(this.#scratch, 0, { obs })
    const slot = this.#slot()
    this.#writers.row(this.#parts.views, slot * this.#parts.layout.recordBytes, transition)
    this.#publish(slot, ends | (this.#open ? 0 : ROW.START) | (obs === undefined ? 0 : ROW.FINAL))
    this.#setOpen(false)
    if (obs !== undefined) this.#addBare()
    return slot
  }

  #addBare(): void {
    const slot = this.#slot()
    const { layout, views } = this.#parts
    views.uint8.set(this.#scratch.uint8.subarray(0, layout.recordBytes), slot * layout.recordBytes)
    this.#publish(slot, ROW.BARE)
  }

  /**
   * Stores consecutive transitions, all or none.
   *
   * @returns how many.
   * @throws TradewrightError as `ReplayBuffer.addBatch`.
   */
  addBatch(given: TransitionBatch<C>): number {
    const { layout, views } = this.#parts
    const batch = prepareBatch(layout, given as Loose)
    for (let row = 0; row < batch.rows; row++) {
      const slot = this.#slot()
      copyRows(layout, views, slot * layout.recordBytes, batch.fields, row, 1)
      const end = batch.ends[row]
      const final = (end & ROW.TRUNCATED) !== 0
      this.#publish(slot, end | (this.#open ? 0 : ROW.START) | (final ? ROW.FINAL : 0))
      this.#setOpen(end === 0)
      if (!final) continue
      copyFinal(layout, this.#scratch, 0, batch.finals, row)
      this.#addBare()
    }
    return batch.rows
  }

  /** Ends the episode where it stands, as `ReplayBuffer.cut`. */
  cut(): void {
    if (!this.#open || this.#chunk < 0) return
    const slot = this.#chunk * this.#chunkRows + this.#used - 1
    this.#parts.flags[slot] = (this.#parts.flags[slot] & ROW.START) | ROW.BARE
    this.#setOpen(false)
  }

  /** Ends the producer: cuts its episode and lets its chunk be overwritten in time. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.cut()
    this.#release()
    this.#closed = true
    Atomics.store(this.#parts.control, placeWord(this.id, PLACE.TAKEN), 0)
  }

  /** Gives the place up as it is: the buffer is about to become another. */
  abandon(): void {
    this.#closed = true
    Atomics.store(this.#parts.control, placeWord(this.id, PLACE.TAKEN), 0)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

function flagOf(name: string, value: unknown): number {
  if (value === false || value === 0) return 0
  if (value === true || value === 1) return 1
  throw new TradewrightError('BAD_DATA', `${name} must be 0, 1 or a boolean, was ${String(value)}`, { name })
}

/**
 * Adds to a shared buffer from this thread. Each thread attaches its own; the episodes of one producer stay in order.
 *
 * @param handle  `buffer.handle()`, as sent to the worker.
 * @param options `codegen: false` forbids code generated at run time.
 * @throws TradewrightError `BAD_OPTION` when all places for producers are taken.
 */
export function attachReplayProducer<C extends Columns>(
  handle: SharedReplayHandle,
  options: { readonly codegen?: boolean } = {},
): ReplayProducer<C> {
  if (!(handle?.memory instanceof SharedArrayBuffer))
    throw new TradewrightError('BAD_OPTION', 'a handle must come from the handle() of a shared buffer', {})
  return new ReplayProducer<C>(handle, options.codegen ?? true)
}
