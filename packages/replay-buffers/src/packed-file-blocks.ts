import * as nodeFs from 'node:fs'
import { join } from 'node:path'
import { TradewrightError } from '@tradewright/core'
import { BLOCK_HEADER_BYTES, type BlockGeometry, type BlockHead, type DurableBlocks } from './block-geometry.ts'
import type { BlockPacker } from './block-packer.ts'
import { checksum } from './checksum.ts'
import type { DiskFileSystem } from './file-blocks.ts'

const MAGIC = 0x4b505254
/** Bytes of a record before the flags. */
const HEADER_BYTES = 64
/** Bytes after the flags: the checksum of what follows. */
const TRAILER_BYTES = 8
const MOST_SEGMENT_BYTES = 64 * 1024 * 1024
const SCAN_BYTES = 1024 * 1024

const align = (bytes: number): number => Math.ceil(bytes / 8) * 8

const headBytesOf = (rows: number): number => align(HEADER_BYTES + rows) + TRAILER_BYTES

/** Where a block's newest record is. */
interface Place {
  readonly segment: number
  readonly at: number
  /** Bytes before the packed ones. */
  readonly headBytes: number
  readonly packedBytes: number
  readonly sequence: number
}

interface Segment {
  readonly number: number
  readonly file: number
  /** Where the next record goes. */
  end: number
  /** Bytes of records that are the newest of their block. */
  live: number
}

/**
 * Packed blocks in segment files that are only ever appended to: blocks shrink to lengths of their own, so they cannot
 * stay at places of their own. A segment without a newest record goes at the next sync; the oldest one is copied when
 * more than half of the files is out of date.
 */
export class PackedFileBlocks implements DurableBlocks {
  readonly #fs: DiskFileSystem
  readonly #folder: string
  readonly #geometry: BlockGeometry
  readonly #packer: BlockPacker
  readonly #segmentBytes: number
  readonly #places: (Place | undefined)[]
  readonly #segments = new Map<number, Segment>()
  readonly #unsynced = new Set<number>()
  /** One record on its way without blocking, one at once. */
  readonly #record: Uint8Array
  readonly #recordNow: Uint8Array
  #writing: Promise<void> = Promise.resolve()
  #sequence = 1
  #reads = 0
  #writes = 0
  #bytesRead = 0
  #bytesWritten = 0

  constructor(folder: string, packer: BlockPacker, fs: DiskFileSystem = nodeFs) {
    this.#fs = fs
    this.#folder = folder
    this.#packer = packer
    this.#geometry = packer.geometry
    const { blocks, blockBytes, recordsAt } = this.#geometry
    this.#segmentBytes = Math.min(MOST_SEGMENT_BYTES, Math.max(16 * blockBytes, (blocks * blockBytes) / 16))
    this.#places = new Array<Place | undefined>(blocks).fill(undefined)
    this.#record = new Uint8Array(align(headBytesOf(recordsAt) + packer.plainBytes))
    this.#recordNow = new Uint8Array(this.#record.length)
    this.#find()
  }

  /** An entry of the places is about this many bytes. */
  get memoryBytes(): number {
    return this.#packer.memoryBytes + 2 * this.#record.byteLength + this.#places.length * 64
  }

  stats(): Readonly<Record<string, number>> {
    const live = this.#places.reduce((sum, place) => sum + (place?.packedBytes ?? 0), 0)
    const known = this.#places.reduce((sum, place) => sum + (place === undefined ? 0 : 1), 0)
    return {
      blockReads: this.#reads,
      blockWrites: this.#writes,
      bytesRead: this.#bytesRead,
      bytesWritten: this.#bytesWritten,
      packedBytes: live,
      plainBytes: known * this.#packer.plainBytes,
      compressionRatio: live === 0 ? 1 : (known * this.#packer.plainBytes) / live,
    }
  }

  #name(segment: number): string {
    return join(this.#folder, `packed-${String(segment).padStart(6, '0')}.blocks`)
  }

  #io(what: string, name: string, cause: unknown): TradewrightError {
    return new TradewrightError('IO', `${what} ${name} failed: ${String(cause)}`, { name }, { cause })
  }

  #open(number: number): Segment {
    const flags = nodeFs.constants.O_RDWR | nodeFs.constants.O_CREAT
    const segment = { number, file: this.#fs.openSync(this.#name(number), flags, 0o644), end: 0, live: 0 }
    this.#segments.set(number, segment)
    return segment
  }

  /** Reads what the folder has: the newest whole head of every block. */
  #find(): void {
    const numbers = this.#fs
      .readdirSync(this.#folder)
      .flatMap((name) => (/^packed-\d+\.blocks$/.test(name) ? [Number(name.slice(7, -7))] : []))
    for (const number of numbers.sort((a, b) => a - b)) this.#scan(this.#open(number))
  }

  #scan(segment: Segment): void {
    const head = new Uint8Array(headBytesOf(this.#geometry.rowsPerBlock))
    for (let at = 0; ; ) {
      const got = this.#fs.readSync(segment.file, head, 0, head.length, at)
      const found = got < HEADER_BYTES ? undefined : this.#parse(head.subarray(0, got))
      if (found === undefined) {
        const next = this.#nextHead(segment, at)
        if (next < 0) return
        at = next
        continue
      }
      const { block, ...rest } = found
      segment.end = at + align(found.headBytes + found.packedBytes)
      if (block < this.#places.length && found.sequence > (this.#places[block]?.sequence ?? 0))
        this.#put(block, { ...rest, segment: segment.number, at })
      this.#sequence = Math.max(this.#sequence, found.sequence + 1)
      at = segment.end
    }
  }

  /** The next place after `at` where a head may be: a record before it was torn. -1 at the end. */
  #nextHead(segment: Segment, at: number): number {
    const bytes = new Uint8Array(SCAN_BYTES)
    for (let from = at + 8; ; from += SCAN_BYTES) {
      const got = this.#fs.readSync(segment.file, bytes, 0, bytes.length, from)
      const words = new Uint32Array(bytes.buffer, 0, got >>> 2)
      for (let i = 0; i < words.length; i += 2) if (words[i] === MAGIC) return from + i * 4
      if (got < bytes.length) return -1
    }
  }

  #parse(bytes: Uint8Array): (Omit<Place, 'segment' | 'at'> & { readonly block: number }) | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (view.getUint32(0, true) !== MAGIC) return undefined
    const rows = view.getUint32(36, true)
    const headBytes = headBytesOf(rows)
    if (headBytes > bytes.length || rows > this.#geometry.rowsPerBlock) return undefined
    const sum = view.getUint32(48, true)
    view.setUint32(48, 0, true)
    const right = checksum(bytes.subarray(0, headBytes)) === sum
    view.setUint32(48, sum, true)
    if (!right) return undefined
    const block = view.getUint32(4, true)
    return { block, headBytes, packedBytes: view.getUint32(40, true), sequence: view.getFloat64(8, true) }
  }

  /** A block's newest record is another now. */
  #put(block: number, place: Place | undefined): void {
    const before = this.#places[block]
    const owner = before === undefined ? undefined : this.#segments.get(before.segment)
    if (before !== undefined && owner !== undefined) owner.live -= align(before.headBytes + before.packedBytes)
    this.#places[block] = place
    const segment = place === undefined ? undefined : this.#segments.get(place.segment)
    if (place !== undefined && segment !== undefined) segment.live += align(place.headBytes + place.packedBytes)
  }

  has(block: number): boolean {
    return this.#places[block] !== undefined
  }

  setWritten(block: number, written: boolean): void {
    if (!written) this.#put(block, undefined)
  }

  #placeOf(block: number): { readonly place: Place; readonly segment: Segment } {
    const place = this.#places[block]
    const segment = place === undefined ? undefined : this.#segments.get(place.segment)
    if (place === undefined || segment === undefined)
      throw new TradewrightError('CORRUPT', `block ${block} must be in ${this.#folder}, was not`, { block })
    return { place, segment }
  }

  readHead(block: number): BlockHead | undefined {
    if (this.#places[block] === undefined) return undefined
    const { place, segment } = this.#placeOf(block)
    const bytes = new Uint8Array(place.headBytes)
    if (this.#fs.readSync(segment.file, bytes, 0, bytes.length, place.at) < bytes.length) return undefined
    if (this.#parse(bytes) === undefined) return undefined
    const view = new DataView(bytes.buffer)
    const rows = view.getUint32(36, true)
    const flags = bytes.slice(HEADER_BYTES, HEADER_BYTES + rows)
    return { round: view.getFloat64(24, true), lane: view.getUint32(32, true), rows, flags }
  }

  intact(block: number, image: Uint8Array): boolean {
    try {
      this.readSync(block, image)
      return true
    } catch {
      return false
    }
  }

  /** The packed bytes and what stands before them are in `image` now: unpacks them. */
  #take(block: number, place: Place, image: Uint8Array, got: number): void {
    this.#reads++
    this.#bytesRead += got
    const corrupt = (): TradewrightError =>
      new TradewrightError(
        'CORRUPT',
        `block ${block} of ${this.#name(place.segment)} must have intact records, had not`,
        { block, name: this.#name(place.segment) },
      )
    if (got < place.packedBytes + TRAILER_BYTES) throw corrupt()
    const packed = image.subarray(TRAILER_BYTES, TRAILER_BYTES + place.packedBytes)
    const sum = new DataView(image.buffer, image.byteOffset).getUint32(0, true)
    if (checksum(packed) !== sum) throw corrupt()
    try {
      this.#packer.unpack(packed, image)
    } catch {
      throw corrupt()
    }
  }

  readSync(block: number, image: Uint8Array): void {
    const { place, segment } = this.#placeOf(block)
    let got: number
    try {
      got = this.#fs.readSync(
        segment.file,
        image,
        0,
        place.packedBytes + TRAILER_BYTES,
        place.at + place.headBytes - TRAILER_BYTES,
      )
    } catch (cause) {
      throw this.#io('reading', this.#name(segment.number), cause)
    }
    this.#take(block, place, image, got)
  }

  async read(block: number, image: Uint8Array): Promise<void> {
    const { place, segment } = this.#placeOf(block)
    const [cause, got] = await new Promise<readonly [NodeJS.ErrnoException | null, number]>((resolve) => {
      const at = place.at + place.headBytes - TRAILER_BYTES
      this.#fs.read(segment.file, image, 0, place.packedBytes + TRAILER_BYTES, at, (error, n) => resolve([error, n]))
    })
    // While it was read, a newer record may have come and this one's segment gone.
    if (this.#places[block] !== place) this.readSync(block, image)
    else if (cause !== null) throw this.#io('reading', this.#name(segment.number), cause)
    else this.#take(block, place, image, got)
  }

  /** The segment that is appended to. */
  #current(): Segment {
    const newest = [...this.#segments.values()].at(-1)
    if (newest !== undefined && newest.end < this.#segmentBytes) return newest
    return this.#open((newest?.number ?? 0) + 1)
  }

  /** Packs an image into `record`. @returns the record's bytes and what it is. */
  #fill(
    block: number,
    image: Uint8Array,
    record: Uint8Array,
  ): { bytes: Uint8Array; place: Omit<Place, 'segment' | 'at'> } {
    const from = new DataView(image.buffer, image.byteOffset)
    const rows = from.getUint32(20, true)
    const packed = this.#packer.pack(image)
    const headBytes = headBytesOf(rows)
    const bytes = record.subarray(0, align(headBytes + packed.length))
    bytes.fill(0, 0, headBytes)
    const view = new DataView(record.buffer)
    view.setUint32(0, MAGIC, true)
    view.setUint32(4, block, true)
    view.setFloat64(24, from.getFloat64(8, true), true)
    view.setUint32(32, from.getUint32(16, true), true)
    view.setUint32(36, rows, true)
    view.setUint32(40, packed.length, true)
    record.set(image.subarray(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + rows), HEADER_BYTES)
    record.set(packed, headBytes)
    view.setUint32(headBytes - TRAILER_BYTES, checksum(record.subarray(headBytes, headBytes + packed.length)), true)
    return { bytes, place: this.#number(record, headBytes, packed.length) }
  }

  /** Gives a record the next number and its head's checksum. */
  #number(record: Uint8Array, headBytes: number, packedBytes: number): Omit<Place, 'segment' | 'at'> {
    const view = new DataView(record.buffer)
    const sequence = this.#sequence++
    view.setFloat64(8, sequence, true)
    view.setUint32(48, 0, true)
    view.setUint32(48, checksum(record.subarray(0, headBytes)), true)
    return { headBytes, packedBytes, sequence }
  }

  #appended(block: number, place: Place): void {
    // A newer record may have been written at once while this one was on its way.
    if (place.sequence > (this.#places[block]?.sequence ?? 0)) this.#put(block, place)
    this.#unsynced.add(place.segment)
    this.#writes++
    this.#bytesWritten += align(place.headBytes + place.packedBytes)
  }

  /** The place that was given to a failed write is free again, if it was the last. */
  #failed(segment: Segment, at: number, length: number, cause: unknown): TradewrightError {
    if (segment.end === at + length) segment.end = at
    return this.#io('writing', this.#name(segment.number), cause)
  }

  #append(block: number, bytes: Uint8Array, place: Omit<Place, 'segment' | 'at'>): void {
    const segment = this.#current()
    const at = segment.end
    segment.end += bytes.length
    try {
      for (let n = 0; n < bytes.length; ) n += this.#fs.writeSync(segment.file, bytes, n, bytes.length - n, at + n)
    } catch (cause) {
      throw this.#failed(segment, at, bytes.length, cause)
    }
    this.#appended(block, { ...place, segment: segment.number, at })
  }

  writeSync(block: number, image: Uint8Array): void {
    const { bytes, place } = this.#fill(block, image, this.#recordNow)
    this.#append(block, bytes, place)
  }

  write(block: number, image: Uint8Array): Promise<void> {
    const written = this.#writing.then(() => this.#write(block, image))
    this.#writing = written.catch(() => {})
    return written
  }

  async #write(block: number, image: Uint8Array): Promise<void> {
    const { bytes, place } = this.#fill(block, image, this.#record)
    const segment = this.#current()
    const at = segment.end
    segment.end += bytes.length
    for (let n = 0; n < bytes.length; ) {
      n += await new Promise<number>((resolve, reject) => {
        this.#fs.write(segment.file, bytes, n, bytes.length - n, at + n, (error, written) => {
          if (error === null) resolve(written)
          else reject(this.#failed(segment, at, bytes.length, error))
        })
      })
    }
    this.#appended(block, { ...place, segment: segment.number, at })
  }

  /** Copies what is current in the oldest segment to the end, where more than half of the files is out of date. */
  #compact(): void {
    let bytes = 0
    let live = 0
    for (const segment of this.#segments.values()) {
      bytes += segment.end
      live += segment.live
    }
    const [oldest] = this.#segments.values()
    if (this.#segments.size < 2 || bytes <= 2 * live + 2 * this.#segmentBytes) return
    this.#places.forEach((place, block) => {
      if (place?.segment !== oldest.number) return
      const length = align(place.headBytes + place.packedBytes)
      const bytesOf = this.#recordNow.subarray(0, length)
      if (this.#fs.readSync(oldest.file, bytesOf, 0, length, place.at) < place.headBytes + place.packedBytes) return
      this.#append(block, bytesOf, this.#number(this.#recordNow, place.headBytes, place.packedBytes))
    })
  }

  /** Segments that hold nothing current, but for the one that is appended to. */
  #outdated(): Segment[] {
    return [...this.#segments.values()].slice(0, -1).filter((segment) => segment.live <= 0)
  }

  #remove(segment: Segment): void {
    this.#segments.delete(segment.number)
    this.#unsynced.delete(segment.number)
    this.#fs.closeSync(segment.file)
    this.#fs.unlinkSync(this.#name(segment.number))
  }

  async sync(): Promise<void> {
    this.#compact()
    // Chosen before: what replaced their records is among what is synced now.
    const outdated = this.#outdated()
    for (const number of [...this.#unsynced]) {
      const segment = this.#segments.get(number)
      this.#unsynced.delete(number)
      if (segment === undefined) continue
      await new Promise<void>((resolve, reject) => {
        this.#fs.fdatasync(segment.file, (error) => {
          if (error === null || error === undefined) resolve()
          else {
            this.#unsynced.add(number)
            reject(this.#io('syncing', this.#name(number), error))
          }
        })
      })
    }
    for (const segment of outdated) if (this.#segments.has(segment.number)) this.#remove(segment)
  }

  syncNow(): void {
    for (const number of [...this.#unsynced]) {
      const segment = this.#segments.get(number)
      try {
        if (segment !== undefined) this.#fs.fsyncSync(segment.file)
      } catch (cause) {
        throw this.#io('syncing', this.#name(number), cause)
      }
      this.#unsynced.delete(number)
    }
  }

  close(): void {
    for (const { file } of this.#segments.values()) this.#fs.closeSync(file)
    this.#segments.clear()
  }
}
