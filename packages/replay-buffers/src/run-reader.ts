import type { BlockBackend } from './block-geometry.ts'
import type { Run, Staging } from './staging.ts'

/** A read is at least this long, and begins where a page of the file does: many small records come with the one that is wanted. */
const PAGE_BYTES = 4096

/**
 * Reads runs of records of blocks that are not in memory: their own bytes, or, of small records, the whole pages of the
 * file that hold them (a page that is not asked for whole costs the system as much).
 */
export class RunReader {
  readonly #backend: BlockBackend
  readonly #recordBytes: number
  readonly #pages = new Uint8Array(2 * PAGE_BYTES)
  /** Reads of a prefetch that are under way at the same time: the system orders them, and none waits for JavaScript. */
  readonly readers: number
  readonly #readerPages: Uint8Array[] = []
  /** Runs that were read. */
  count = 0

  constructor(backend: BlockBackend, recordBytes: number, maxBytes: number) {
    this.#backend = backend
    this.#recordBytes = recordBytes
    this.readers = Math.max(2, Math.min(64, Math.floor(maxBytes / 32 / (2 * PAGE_BYTES))))
  }

  /** Memory that its pages take, at most. */
  get bytes(): number {
    return 2 * PAGE_BYTES * (1 + this.readers)
  }

  /** Reads a run into the staging area. @param from the byte of the block's image at which it begins */
  read(staging: Staging, run: Run, from: number): void {
    this.count++
    const part = this.#part(staging, run, from, this.#pages)
    this.#backend.readPartSync?.(run.block, part.at, part.into)
    this.#copy(staging, run, from, part)
  }

  /** The same without blocking, for reader `place` of a prefetch. */
  async fetch(staging: Staging, run: Run, from: number, place: number): Promise<void> {
    this.count++
    this.#readerPages[place] ??= new Uint8Array(2 * PAGE_BYTES)
    const part = this.#part(staging, run, from, this.#readerPages[place])
    await this.#backend.readPart?.(run.block, part.at, part.into)
    this.#copy(staging, run, from, part)
  }

  /** Which bytes are read, and where they go: to their place, or through pages. */
  #part(
    staging: Staging,
    run: Run,
    from: number,
    pages: Uint8Array,
  ): { readonly at: number; readonly into: Uint8Array } {
    const bytes = run.count * this.#recordBytes
    if (bytes >= PAGE_BYTES) return { at: from, into: staging.target(run) }
    const at = from - (from % PAGE_BYTES)
    return { at, into: from + bytes - at > PAGE_BYTES ? pages : pages.subarray(0, PAGE_BYTES) }
  }

  #copy(
    staging: Staging,
    run: Run,
    from: number,
    { at, into }: { readonly at: number; readonly into: Uint8Array },
  ): void {
    const bytes = run.count * this.#recordBytes
    if (bytes < PAGE_BYTES) staging.target(run).set(into.subarray(from - at, from - at + bytes))
  }
}
