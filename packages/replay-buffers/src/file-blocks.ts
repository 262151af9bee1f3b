import * as nodeFs from 'node:fs'
import { join } from 'node:path'
import { TradewrightError } from '@tradewright/core'
import { BLOCK_HEADER_BYTES, type BlockGeometry, type BlockHead, type DurableBlocks } from './block-geometry.ts'
import { checksum } from './checksum.ts'

/** The part of `node:fs` that disk storage uses: a test's own may fail where the disk would. */
export type DiskFileSystem = Pick<
  typeof nodeFs,
  | 'closeSync'
  | 'fdatasync'
  | 'fsyncSync'
  | 'mkdirSync'
  | 'openSync'
  | 'read'
  | 'readdirSync'
  | 'readFileSync'
  | 'readSync'
  | 'renameSync'
  | 'unlinkSync'
  | 'write'
  | 'writeSync'
>

const MAGIC = 0x50455254
/** Bytes of a segment file: a whole number of blocks up to this. */
const SEGMENT_BYTES = 256 * 1024 * 1024

/** Blocks in segment files, each with checksums over its head (header and flags) and its records. */
export class FileBlocks implements DurableBlocks {
  readonly memoryBytes: number
  readonly #fs: DiskFileSystem
  readonly #folder: string
  readonly #geometry: BlockGeometry
  readonly #perSegment: number
  readonly #files = new Map<number, number>()
  readonly #written: Uint8Array
  /** 1 where a block's checksum was right before, or it was written by this process. */
  readonly #verified: Uint8Array
  readonly #unsynced = new Set<number>()
  #reads = 0
  #writes = 0
  #bytesRead = 0
  #bytesWritten = 0

  constructor(folder: string, geometry: BlockGeometry, fs: DiskFileSystem = nodeFs) {
    this.#fs = fs
    this.#folder = folder
    this.#geometry = geometry
    this.#perSegment = Math.max(1, Math.floor(SEGMENT_BYTES / geometry.blockBytes))
    this.#written = new Uint8Array(geometry.blocks)
    this.#verified = new Uint8Array(geometry.blocks)
    this.memoryBytes = 2 * geometry.blocks
  }

  stats(): Readonly<Record<string, number>> {
    return {
      blockReads: this.#reads,
      blockWrites: this.#writes,
      bytesRead: this.#bytesRead,
      bytesWritten: this.#bytesWritten,
    }
  }

  #segmentName(segment: number): string {
    return join(this.#folder, `segment-${String(segment).padStart(4, '0')}.blocks`)
  }

  #segment(block: number): number {
    return Math.floor(block / this.#perSegment)
  }

  #position(block: number): number {
    return (block % this.#perSegment) * this.#geometry.blockBytes
  }

  #file(segment: number): number {
    const known = this.#files.get(segment)
    if (known !== undefined) return known
    const flags = nodeFs.constants.O_RDWR | nodeFs.constants.O_CREAT
    const file = this.#fs.openSync(this.#segmentName(segment), flags, 0o644)
    this.#files.set(segment, file)
    return file
  }

  has(block: number): boolean {
    return this.#written[block] === 1
  }

  /** Says that a block is there (found when reopening) or is not. */
  setWritten(block: number, written: boolean): void {
    this.#written[block] = written ? 1 : 0
  }

  #io(what: string, block: number, cause: unknown): TradewrightError {
    const name = this.#segmentName(this.#segment(block))
    return new TradewrightError(
      'IO',
      `${what} block ${block} of ${name} failed: ${String(cause)}`,
      { block, name },
      { cause },
    )
  }

  #corrupt(block: number, what: string): TradewrightError {
    const name = this.#segmentName(this.#segment(block))
    return new TradewrightError('CORRUPT', `block ${block} of ${name} must have intact ${what}, had not`, {
      block,
      name,
    })
  }

  #check(block: number, image: Uint8Array, got: number): void {
    this.#reads++
    this.#bytesRead += got
    if (got === this.#geometry.blockBytes && this.#verified[block] === 1) return
    if (got < this.#geometry.blockBytes || this.#head(image) === undefined) throw this.#corrupt(block, 'head')
    const sum = new DataView(image.buffer, image.byteOffset).getUint32(24, true)
    if (checksum(image.subarray(this.#geometry.recordsAt)) !== sum) throw this.#corrupt(block, 'records')
    this.#verified[block] = 1
  }

  /** The head of an image or of its first bytes; undefined where it is not intact. */
  #head(image: Uint8Array): BlockHead | undefined {
    const view = new DataView(image.buffer, image.byteOffset)
    if (view.getUint32(0, true) !== MAGIC) return undefined
    const sum = view.getUint32(28, true)
    view.setUint32(28, 0, true)
    const right = checksum(image.subarray(0, this.#geometry.recordsAt)) === sum
    view.setUint32(28, sum, true)
    if (!right) return undefined
    const rows = view.getUint32(20, true)
    const flags = image.slice(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + rows)
    return { round: view.getFloat64(8, true), lane: view.getUint32(16, true), rows, flags }
  }

  /** Fills in magic and checksums. */
  #seal(image: Uint8Array): void {
    const view = new DataView(image.buffer, image.byteOffset)
    view.setUint32(0, MAGIC, true)
    view.setUint32(24, checksum(image.subarray(this.#geometry.recordsAt)), true)
    view.setUint32(28, 0, true)
    view.setUint32(28, checksum(image.subarray(0, this.#geometry.recordsAt)), true)
  }

  /** The head of a block in its file, without its records; undefined where there is none, or a torn one. */
  readHead(block: number): BlockHead | undefined {
    const bytes = new Uint8Array(this.#geometry.recordsAt)
    try {
      const file = this.#file(this.#segment(block))
      if (this.#fs.readSync(file, bytes, 0, bytes.length, this.#position(block)) < bytes.length) return undefined
    } catch (cause) {
      throw this.#io('reading', block, cause)
    }
    return this.#head(bytes)
  }

  /** Whether a block's records are intact too. */
  intact(block: number, image: Uint8Array): boolean {
    try {
      this.readSync(block, image)
      return true
    } catch {
      return false
    }
  }

  readSync(block: number, image: Uint8Array): void {
    let got: number
    try {
      got = this.#fs.readSync(this.#file(this.#segment(block)), image, 0, image.length, this.#position(block))
    } catch (cause) {
      throw this.#io('reading', block, cause)
    }
    this.#check(block, image, got)
  }

  divisible(block: number): boolean {
    return this.#verified[block] === 1 && this.#written[block] === 1
  }

  #countPart(block: number, got: number, wanted: number): void {
    this.#bytesRead += got
    if (got < wanted) throw this.#corrupt(block, 'length')
  }

  readPartSync(block: number, at: number, into: Uint8Array): void {
    let got: number
    try {
      got = this.#fs.readSync(this.#file(this.#segment(block)), into, 0, into.length, this.#position(block) + at)
    } catch (cause) {
      throw this.#io('reading', block, cause)
    }
    this.#countPart(block, got, into.length)
  }

  async readPart(block: number, at: number, into: Uint8Array): Promise<void> {
    const file = this.#file(this.#segment(block))
    const got = await new Promise<number>((resolve, reject) => {
      this.#fs.read(file, into, 0, into.length, this.#position(block) + at, (error, n) => {
        if (error === null) resolve(n)
        else reject(this.#io('reading', block, error))
      })
    })
    this.#countPart(block, got, into.length)
  }

  async read(block: number, image: Uint8Array): Promise<void> {
    const file = this.#file(this.#segment(block))
    const got = await new Promise<number>((resolve, reject) => {
      this.#fs.read(file, image, 0, image.length, this.#position(block), (error, n) => {
        if (error === null) resolve(n)
        else reject(this.#io('reading', block, error))
      })
    })
    this.#check(block, image, got)
  }

  #wrote(block: number, bytes: number): void {
    this.#written[block] = 1
    this.#verified[block] = 1
    this.#unsynced.add(this.#segment(block))
    this.#writes++
    this.#bytesWritten += bytes
  }

  writeSync(block: number, image: Uint8Array): void {
    this.#seal(image)
    try {
      const file = this.#file(this.#segment(block))
      for (let at = 0; at < image.length; )
        at += this.#fs.writeSync(file, image, at, image.length - at, this.#position(block) + at)
    } catch (cause) {
      throw this.#io('writing', block, cause)
    }
    this.#wrote(block, image.length)
  }

  async write(block: number, image: Uint8Array): Promise<void> {
    this.#seal(image)
    const file = this.#file(this.#segment(block))
    for (let at = 0; at < image.length; ) {
      at += await new Promise<number>((resolve, reject) => {
        this.#fs.write(file, image, at, image.length - at, this.#position(block) + at, (error, n) => {
          if (error === null) resolve(n)
          else reject(this.#io('writing', block, error))
        })
      })
    }
    this.#wrote(block, image.length)
  }

  /** Waits until the disk itself has what was written. */
  async sync(): Promise<void> {
    for (const segment of [...this.#unsynced]) {
      this.#unsynced.delete(segment)
      await new Promise<void>((resolve, reject) => {
        this.#fs.fdatasync(this.#file(segment), (error) => {
          if (error === null || error === undefined) resolve()
          else {
            this.#unsynced.add(segment)
            reject(this.#io('syncing', segment * this.#perSegment, error))
          }
        })
      })
    }
  }

  /** {@link FileBlocks.sync} at once. */
  syncNow(): void {
    for (const segment of [...this.#unsynced]) {
      try {
        this.#fs.fsyncSync(this.#file(segment))
      } catch (cause) {
        throw this.#io('syncing', segment * this.#perSegment, cause)
      }
      this.#unsynced.delete(segment)
    }
  }

  close(): void {
    for (const file of this.#files.values()) this.#fs.closeSync(file)
    this.#files.clear()
  }
}
