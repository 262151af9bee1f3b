import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { Data } from '@tradewright/core'
import { TradewrightError } from '@tradewright/core'
import { checksum } from './checksum.ts'
import type { DiskFileSystem } from './file-blocks.ts'

const MAGIC = 0x4a505254
const HEADER_BYTES = 32
/** Entries of a frame, at most. */
const FRAME_ENTRIES = 1024

/** What the journal asks of its buffer. */
export interface JournalSource {
  readonly slots: number
  /** Rows ever appended, by lane: they say which row a slot holds. */
  added(): readonly number[]
  /** 1 where a slot has a priority worth keeping. */
  readonly drawable: Uint8Array
  read(slot: number): number
  /** Everything else that later draws depend on. */
  rest(): Data
}

/** What a journal gives back. */
export interface JournalTarget {
  /** Comes first. */
  rest(data: Data): void
  /** Priorities of rows, as of the time at which `added` rows had come to each lane; later ones replace earlier ones. */
  entries(added: readonly number[], slots: Int32Array, values: Float64Array): void
}

interface Frame {
  readonly added: Float64Array
  readonly slots: Int32Array
  readonly values: Float64Array
  readonly rest: Data | undefined
}

const align = (bytes: number): number => Math.ceil(bytes / 8) * 8

/**
 * Priorities on disk: each flush appends those that changed since the last one, and writes all of them anew where the
 * file has grown to more than twice that. A frame that is torn ends the file.
 */
export class PriorityJournal {
  readonly #path: string
  readonly #fs: DiskFileSystem
  readonly #slots: number
  /** A bit by slot: its priority has changed since it was written. */
  readonly #changed: Uint8Array
  #file: number | undefined
  #bytes = 0

  constructor(folder: string, slots: number, fs: DiskFileSystem) {
    this.#path = join(folder, 'priorities')
    this.#fs = fs
    this.#slots = slots
    this.#changed = new Uint8Array(Math.ceil(slots / 8))
  }

  /** Bytes held, and taken while a frame is written. */
  get memoryBytes(): number {
    return this.#changed.byteLength + 2 * FRAME_ENTRIES * 12
  }

  mark(slot: number): void {
    this.#changed[slot >> 3] |= 1 << (slot & 7)
  }

  unmark(slot: number): void {
    this.#changed[slot >> 3] &= ~(1 << (slot & 7))
  }

  #io(what: string, cause: unknown): TradewrightError {
    return new TradewrightError('IO', `${what} ${this.#path} failed: ${String(cause)}`, { path: this.#path }, { cause })
  }

  /** Appends what has changed; returns once the disk has it. @throws TradewrightError `IO`: nothing is lost. */
  write(source: JournalSource): void {
    try {
      if (this.#file === undefined || this.#bytes > 2 * source.slots * 12 + 65_536) this.#writeAll(source)
      else this.#append(this.#file, source, false)
    } catch (cause) {
      throw this.#io('writing', cause)
    }
  }

  #writeAll(source: JournalSource): void {
    const path = `${this.#path}.new`
    const file = this.#fs.openSync(path, 'w+', 0o644)
    const before = this.#bytes
    this.#bytes = 0
    try {
      this.#append(file, source, true)
      this.#fs.renameSync(path, this.#path)
    } catch (error) {
      this.#bytes = before
      this.#fs.closeSync(file)
      throw error
    }
    if (this.#file !== undefined) this.#fs.closeSync(this.#file)
    this.#file = file
  }

  #append(file: number, source: JournalSource, all: boolean): void {
    const slots = new Int32Array(FRAME_ENTRIES)
    const values = new Float64Array(FRAME_ENTRIES)
    const added = Float64Array.from(source.added())
    let at = this.#bytes
    let count = 0
    for (let slot = 0; slot < this.#slots; slot++) {
      const marks = all ? 255 : this.#changed[slot >> 3]
      if (marks === 0) {
        slot |= 7
        continue
      }
      if ((marks & (1 << (slot & 7))) === 0 || source.drawable[slot] === 0) continue
      slots[count] = slot
      values[count++] = source.read(slot)
      if (count < FRAME_ENTRIES) continue
      at += this.#frame(file, at, { added, slots, values, rest: undefined })
      count = 0
    }
    const rest = source.rest()
    at += this.#frame(file, at, { added, slots: slots.subarray(0, count), values: values.subarray(0, count), rest })
    this.#fs.fsyncSync(file)
    // Only now: what could not be written is written the next time, over the same place.
    this.#bytes = at
    this.#changed.fill(0)
  }

  /** @returns its bytes. */
  #frame(file: number, at: number, { added, slots, values, rest }: Frame): number {
    const tail = rest === undefined ? new Uint8Array(0) : serialize(rest)
    const valuesAt = HEADER_BYTES + added.byteLength
    const slotsAt = valuesAt + values.byteLength
    const restAt = slotsAt + slots.byteLength
    const bytes = new Uint8Array(align(restAt + tail.length))
    const view = new DataView(bytes.buffer)
    view.setUint32(0, MAGIC, true)
    view.setUint32(4, bytes.length, true)
    view.setUint32(8, slots.length, true)
    view.setUint32(12, added.length, true)
    view.setUint32(16, tail.length, true)
    bytes.set(new Uint8Array(added.buffer, added.byteOffset, added.byteLength), HEADER_BYTES)
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), valuesAt)
    bytes.set(new Uint8Array(slots.buffer, slots.byteOffset, slots.byteLength), slotsAt)
    bytes.set(tail, restAt)
    view.setUint32(20, checksum(bytes), true)
    for (let n = 0; n < bytes.length; ) n += this.#fs.writeSync(file, bytes, n, bytes.length - n, at + n)
    return bytes.length
  }

  /** Whole frames from the beginning on. */
  *#frames(file: number): Generator<Frame> {
    const head = new Uint8Array(HEADER_BYTES)
    for (let at = 0; ; ) {
      if (this.#fs.readSync(file, head, 0, HEADER_BYTES, at) < HEADER_BYTES) return
      const view = new DataView(head.buffer)
      const length = view.getUint32(4, true)
      if (view.getUint32(0, true) !== MAGIC || length < HEADER_BYTES || length > 2 ** 30) return
      const bytes = new Uint8Array(length)
      if (this.#fs.readSync(file, bytes, 0, length, at) < length) return
      const sum = view.getUint32(20, true)
      new DataView(bytes.buffer).setUint32(20, 0, true)
      if (checksum(bytes) !== sum) return
      const [count, lanes, tail] = [8, 12, 16].map((offset) => view.getUint32(offset, true))
      const valuesAt = HEADER_BYTES + lanes * 8
      const slotsAt = valuesAt + count * 8
      const restAt = slotsAt + count * 4
      yield {
        added: new Float64Array(bytes.buffer, HEADER_BYTES, lanes),
        values: new Float64Array(bytes.buffer, valuesAt, count),
        slots: new Int32Array(bytes.buffer, slotsAt, count),
        rest: tail === 0 ? undefined : (deserialize(bytes.subarray(restAt, restAt + tail)) as Data),
      }
      at += length
      this.#bytes = at
    }
  }

  /**
   * Opens what the folder has and gives it to `target`.
   *
   * @param fits whether the newest `rest` is of this buffer's sampler; otherwise nothing is given.
   * @returns whether anything was.
   */
  recover(target: JournalTarget, fits: (rest: Data) => boolean): boolean {
    let file: number
    try {
      file = this.#fs.openSync(this.#path, 'r+')
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw this.#io('reading', cause)
    }
    let rest: Data | undefined
    this.#bytes = 0
    for (const frame of this.#frames(file)) rest = frame.rest ?? rest
    if (rest === undefined || !fits(rest)) {
      // The next write begins a new file.
      this.#fs.closeSync(file)
      return false
    }
    this.#file = file
    target.rest(rest)
    for (const { added, slots, values } of this.#frames(file)) target.entries([...added], slots, values)
    return true
  }

  close(): void {
    if (this.#file !== undefined) this.#fs.closeSync(this.#file)
    this.#file = undefined
  }
}
