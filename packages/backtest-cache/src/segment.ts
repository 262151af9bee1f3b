import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync, readSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { deadMark } from './record.ts'

const writeAt = promisify(write)
const sync = promisify(fdatasync)

/**
 * A file of records, one after the other. One process appends to it, all may read it and mark records as removed; a
 * file that was removed is read until it is closed.
 */
export class Segment {
  /** Number in the log that opened it. */
  readonly id: number
  /** File's name without folder: by it segments are ordered, oldest first. */
  readonly name: string
  readonly path: string
  readonly #fd: number
  #users = 0
  #closing = false
  /** Bytes looked through so far; of an own segment, its length. */
  scanned = 0
  /** Entries of the index that stand here. */
  live = 0
  /** Bytes of those entries' records. */
  liveBytes = 0

  /** @throws where the file cannot be opened, or with `create` is there already. */
  constructor(id: number, name: string, path: string, create: boolean) {
    this.id = id
    this.name = name
    this.path = path
    this.#fd = openSync(path, create ? 'wx+' : 'r+')
  }

  /** Length of the file now. */
  get bytes(): number {
    return fstatSync(this.#fd).size
  }

  /** Up to `length` bytes from `offset` on, in memory of their own. */
  read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length)
    let done = 0
    while (done < length) {
      const count = readSync(this.#fd, bytes, done, length - done, offset + done)
      if (count === 0) return bytes.subarray(0, done)
      done += count
    }
    return bytes
  }

  /** Runs work of another thread on the file: it is closed only afterwards, or its number might be another file's by then. */
  async #using<T>(work: () => Promise<T>): Promise<T> {
    this.#users++
    try {
      return await work()
    } finally {
      if (--this.#users === 0 && this.#closing) closeSync(this.#fd)
    }
  }

  /** Appends; a write that fails leaves the file as long as it was. @throws what writing throws. */
  append(bytes: Uint8Array): Promise<void> {
    return this.#using(async () => {
      const { scanned } = this
      try {
        for (let done = 0; done < bytes.length; )
          done += (await writeAt(this.#fd, bytes, done, bytes.length - done, scanned + done)).bytesWritten
      } catch (error) {
        ftruncateSync(this.#fd, scanned)
        throw error
      }
      this.scanned = scanned + bytes.length
    })
  }

  /** Marks the record at `offset` as removed. */
  kill(offset: number): void {
    writeSync(this.#fd, deadMark, 0, deadMark.length, offset)
  }

  sync(): Promise<void> {
    return this.#using(() => sync(this.#fd))
  }

  /** Closes the file, after what is being written. */
  close(): void {
    if (this.#users > 0) this.#closing = true
    else closeSync(this.#fd)
  }
}
