import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Key } from '@tradewright/core'
import { type Place, PlaceIndex } from './place-index.ts'
import { nextRecord, type OpenedRecord, type RecordContent, readRecord, sealRecord } from './record.ts'
import { Segment } from './segment.ts'

/** Options of {@link RecordLog}. */
export interface RecordLogOptions {
  /** Folder of the segments, made when needed. */
  readonly directory: string
  /** A segment that has grown to this many bytes is followed by another. */
  readonly segmentBytes: number
  /** Epoch ms: names of segments begin with it. */
  now(): number
  /** Told of bytes that are no record. */
  damaged(what: string): void
  /** Told of references (records of kind 1) that come into the index or leave it. */
  referenced(value: string, change: 1 | -1): void
}

/** A record to be appended. */
export interface NewRecord extends RecordContent {
  readonly key: Key
}

/** What a look through all segments found. */
export interface LogCheck {
  readonly damaged: number
  /** Entries of kind 1: what they refer to. */
  readonly references: ReadonlyMap<Key, string>
}

const REFERENCE = 1
const PIECE = 4 * 1024 * 1024
const SUFFIX = '.log'
const text = new TextDecoder()
let made = 0

/**
 * Records by key in append-only files with an index in memory, as Bitcask has it (Sheehy and Smith, 2010). Here each
 * process appends to a file of its own and reads all, so that processes need no locks and a killed one leaves at most a
 * torn end; removed records are marked in place.
 *
 * A record's bits are checked whenever it is read: what differs is damaged, never a value.
 */
export class RecordLog {
  readonly #options: RecordLogOptions
  readonly #index = new PlaceIndex()
  readonly #segments = new Map<number, Segment>()
  /** References of each segment by their offset. */
  readonly #references = new Map<number, Map<number, string>>()
  #own: Segment | undefined
  #next = 0

  /** @throws what making or reading the folder throws. */
  constructor(options: RecordLogOptions) {
    this.#options = options
    mkdirSync(options.directory, { recursive: true })
    this.refresh()
  }

  get entries(): number {
    return this.#index.size
  }

  /** Bytes of all segments. */
  get bytes(): number {
    let sum = 0
    for (const segment of this.#segments.values()) sum += segment.bytes
    return sum
  }

  /** Segments by age, oldest first. */
  get #oldest(): readonly Segment[] {
    return [...this.#segments.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Takes in what other processes wrote, and lets go of what they removed. */
  refresh(): void {
    const { directory } = this.#options
    const names = new Set(existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith(SUFFIX)) : [])
    for (const segment of [...this.#segments.values()]) {
      if (!names.delete(segment.name)) this.#forget(segment)
      else if (segment !== this.#own) this.#scan(segment)
    }
    for (const name of [...names].sort()) {
      const segment = this.#openSegment(name, false)
      if (segment !== undefined) this.#scan(segment)
    }
  }

  #openSegment(name: string, create: boolean): Segment | undefined {
    try {
      const segment = new Segment(this.#next++, name, join(this.#options.directory, name), create)
      this.#segments.set(segment.id, segment)
      return segment
    } catch (error) {
      if (create) throw error
      return undefined // another process was first to remove it
    }
  }

  /** Looks through what a segment has since it was last looked at. */
  #scan(segment: Segment): void {
    const { bytes: size } = segment
    if (size <= segment.scanned) return
    const from = segment.scanned
    const bytes = segment.read(from, size - from)
    let at = 0
    while (at < bytes.length) {
      const read = readRecord(bytes, at)
      // The rest is on its way, or was lost with its writer; a torn record within is known by the one after it.
      const damaged = read.status === 'damaged' || (read.status === 'torn' && wholeAfter(bytes, at + 1))
      if (read.status === 'whole') {
        this.#take(read.record, { segment: segment.id, offset: from + at, length: read.record.length })
        at += read.record.length
      } else if (read.status === 'dead') at += read.length
      else if (damaged) {
        this.#options.damaged(`bytes from ${from + at} of ${segment.path} are`)
        const next = nextRecord(bytes, at + 1)
        at = next === -1 ? bytes.length : next
      } else break
    }
    segment.scanned = from + at
  }

  /** Puts a record that was found into the index, unless there is a younger one. */
  #take(record: OpenedRecord, place: Place): void {
    const known = this.#index.get(record.key)
    if (known !== undefined) {
      const there = this.#at(known)
      if (there?.key === record.key && there.stamp > record.stamp) return
    }
    this.#put(record.key, place, record.kind === REFERENCE ? text.decode(record.value) : undefined)
  }

  #put(key: Key, place: Place, reference: string | undefined): void {
    if (reference !== undefined) {
      this.#options.referenced(reference, 1)
      const own = this.#references.get(place.segment) ?? new Map<number, string>()
      this.#references.set(place.segment, own.set(place.offset, reference))
    }
    const before = this.#index.set(key, place)
    const segment = this.#segments.get(place.segment)
    if (segment !== undefined) {
      segment.live++
      segment.liveBytes += place.length
    }
    if (before !== undefined) this.#left(before)
  }

  /** A place is no longer in the index. */
  #left({ segment: id, offset, length }: Place): void {
    const segment = this.#segments.get(id)
    if (segment !== undefined) {
      segment.live--
      segment.liveBytes -= length
    }
    const references = this.#references.get(id)
    const reference = references?.get(offset)
    if (reference === undefined) return
    references?.delete(offset)
    this.#options.referenced(reference, -1)
  }

  #at({ segment: id, offset, length }: Place): OpenedRecord | undefined {
    const segment = this.#segments.get(id)
    if (segment === undefined) return undefined
    const read = readRecord(segment.read(offset, length), 0)
    return read.status === 'whole' ? read.record : undefined
  }

  /** The record of a key; 'damaged' where its bits are not what was written: it is out of the index then. */
  get(key: Key): OpenedRecord | 'damaged' | undefined {
    const place = this.#index.get(key)
    if (place === undefined) return undefined
    const segment = this.#segments.get(place.segment)
    const read = segment === undefined ? undefined : readRecord(segment.read(place.offset, place.length), 0)
    if (read?.status === 'whole') return read.record.key === key ? read.record : undefined // else two keys of one hash
    this.remove(key)
    return read?.status === 'dead' ? undefined : 'damaged' // another process may have removed it
  }

  has(key: Key): boolean {
    return this.#index.get(key) !== undefined
  }

  /** Takes a record out, here and in its file. @returns whether it was there. */
  remove(key: Key): boolean {
    const place = this.#index.delete(key)
    if (place === undefined) return false
    try {
      this.#segments.get(place.segment)?.kill(place.offset)
    } catch {
      // a disk that refuses: it is out of this index at least
    }
    this.#left(place)
    return true
  }

  /** Appends records; they are in the index once they are in the file. @throws what writing throws. */
  async append(records: readonly NewRecord[]): Promise<void> {
    const sealed = records.map((record) => sealRecord(record.key, record))
    for (let from = 0; from < records.length; ) {
      let to = from
      let length = 0
      while (to < records.length && (to === from || length + sealed[to].length <= PIECE)) length += sealed[to++].length
      const piece = Buffer.concat(sealed.slice(from, to), length)
      const segment = this.#writable()
      let offset = segment.scanned
      await segment.append(piece)
      // Removed by another process meanwhile: what was written is gone with it.
      const gone = !this.#segments.has(segment.id)
      for (; from < to; from++) {
        if (gone) continue
        const { key, kind, value } = records[from]
        const { [from]: bytes } = sealed
        const place = { segment: segment.id, offset, length: bytes.length }
        this.#put(key, place, kind === REFERENCE ? text.decode(value) : undefined)
        offset += bytes.length
      }
    }
  }

  /** The own segment, or a new one where it is full or another process removed it. */
  #writable(): Segment {
    const own = this.#own
    if (own !== undefined && existsSync(own.path)) {
      if (own.scanned < this.#options.segmentBytes) return own
      void own.sync().catch(() => undefined) // nothing is lost but speed
    } else if (own !== undefined) this.#forget(own)
    const segment = this.#newSegment()
    this.#own = segment
    return segment
  }

  #newSegment(after?: Segment): Segment {
    const begun = after === undefined ? this.#options.now().toString(36).padStart(10, '0') : after.name.slice(0, 10)
    const name = `${begun}-${process.pid}-${process.hrtime.bigint().toString(36)}-${made++}${SUFFIX}`
    const segment = this.#openSegment(name, true)
    if (segment === undefined) throw new Error(`the segment ${name} could not be made`)
    return segment
  }

  /** Takes a segment that is gone out of the index. @returns its entries. */
  #forget(segment: Segment): number {
    const gone = this.#index.deleteSegment(segment.id)
    for (const place of gone) this.#left(place)
    this.#segments.delete(segment.id)
    this.#references.delete(segment.id)
    if (segment === this.#own) this.#own = undefined
    segment.close()
    return gone.length
  }

  /** Removes a segment and its file. @returns its entries. */
  #drop(segment: Segment): number {
    rmSync(segment.path, { force: true })
    return this.#forget(segment)
  }

  /** Removes the oldest segment. @returns its entries; undefined where there is none. */
  dropOldest(): number | undefined {
    const [oldest] = this.#oldest
    return oldest === undefined ? undefined : this.#drop(oldest)
  }

  /** Removes segments without entries. Another process that was about to write there begins a new one. */
  dropEmpty(): void {
    this.refresh()
    for (const segment of this.#oldest) if (segment.live === 0) this.#drop(segment)
  }

  clear(): void {
    this.refresh()
    for (const segment of this.#oldest) this.#drop(segment)
  }

  /**
   * Removes entries, oldest first, until `enough` says so: whole segments, and of the last one the older part.
   *
   * @param enough whether enough went, `gone` bytes of a segment about to be written anew included.
   */
  async trim(enough: (gone: number) => boolean): Promise<number> {
    let removed = 0
    for (const segment of this.#oldest) {
      if (enough(0)) break
      for (const { key } of this.#recordsOf(segment)) {
        if (enough(segment.bytes - segment.liveBytes)) break
        this.remove(key)
        removed++
      }
      await this.#rewrite(segment)
    }
    return removed
  }

  /** Entries whose record stands in a segment, oldest first. */
  *#recordsOf(segment: Segment): Generator<OpenedRecord> {
    const bytes = segment.read(0, segment.bytes)
    for (let at = 0; at < bytes.length; ) {
      const read = readRecord(bytes, at)
      if (read.status === 'whole') {
        const place = this.#index.get(read.record.key)
        if (place?.segment === segment.id && place.offset === at) yield read.record
        at += read.record.length
      } else if (read.status === 'dead') at += read.length
      else {
        const next = nextRecord(bytes, at + 1)
        if (next === -1) return
        at = next
      }
    }
  }

  /** Writes a segment's entries into a new one of the same age, and removes it. */
  async #rewrite(segment: Segment): Promise<void> {
    if (segment.live > 0) await this.#move(segment, this.#newSegment(segment))
    this.#drop(segment)
  }

  async #move(from: Segment, to: Segment): Promise<void> {
    const records = [...this.#recordsOf(from)]
    const sealed = records.map((record) => sealRecord(record.key, record))
    let offset = to.scanned
    await to.append(Buffer.concat(sealed))
    records.forEach(({ key, kind, value }, i) => {
      const place = { segment: to.id, offset, length: sealed[i].length }
      offset += sealed[i].length
      this.#put(key, place, kind === REFERENCE ? text.decode(value) : undefined)
    })
  }

  /** Puts segments below `smallBytes` together where there are more than `count`: many short runs leave many of them. */
  async merge(count: number, smallBytes: number): Promise<void> {
    const small = this.#oldest.filter((segment) => segment.bytes < smallBytes)
    if (small.length <= count) return
    const copy = this.#newSegment(small[0])
    for (const segment of small) {
      await this.#move(segment, copy)
      this.#drop(segment)
    }
  }

  /** Reads every record again. Segments with damage are written anew without it. */
  async check(): Promise<LogCheck> {
    this.refresh()
    let damaged = 0
    const references = new Map<Key, string>()
    for (const segment of this.#oldest) {
      const bytes = segment.read(0, segment.bytes)
      let broken = 0
      let whole = 0
      for (let at = 0; at < bytes.length; ) {
        const read = readRecord(bytes, at)
        if (read.status === 'whole') {
          const { key, kind, value, length } = read.record
          const place = this.#index.get(key)
          if (place?.segment === segment.id && place.offset === at) {
            whole++
            if (kind === REFERENCE) references.set(key, text.decode(value))
          }
          at += length
        } else if (read.status === 'dead') at += read.length
        else {
          if (read.status === 'damaged' || wholeAfter(bytes, at + 1)) broken++
          const next = nextRecord(bytes, at + 1)
          at = next === -1 ? bytes.length : next
        }
      }
      if (broken === 0 && whole === segment.live) continue
      damaged += Math.max(broken, segment.live - whole)
      await this.#rewrite(segment)
    }
    return { damaged, references }
  }

  async close(): Promise<void> {
    await this.#own?.sync().catch(() => undefined)
    for (const segment of this.#segments.values()) segment.close()
    this.#segments.clear()
    this.#own = undefined
  }
}

/** Whether a whole record begins at `from` or later: then what stands before is no record on its way. */
function wholeAfter(bytes: Buffer, from: number): boolean {
  for (let at = nextRecord(bytes, from); at !== -1; at = nextRecord(bytes, at + 1)) {
    const { status } = readRecord(bytes, at)
    if (status === 'whole' || status === 'dead') return true
  }
  return false
}
