import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type CacheStats, type Clock, type Entry, type Key, systemClock, TradewrightError } from '@tradewright/core'
import { type CacheWarning, CacheWarnings, type WarningCache } from './cache-warnings.ts'
import { LargeValues } from './large-values.ts'
import { type NewRecord, RecordLog } from './record-log.ts'
import { type TierCache, valuesOf } from './tier-cache.ts'

/** Options of {@link diskCache}. */
export interface DiskCacheOptions {
  /** Folder of the cache, made when needed. */
  readonly directory: string
  /** Bound on the bytes held, at least 1 MiB. The oldest unused batches go first. @default 2 GiB */
  readonly maxBytes?: number | undefined
  /** Values above this many bytes go into files of their own, named by their content. @default 65536 */
  readonly maxInlineBytes?: number | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** @default 'disk' */
  readonly name?: string | undefined
}

/** Counters of a disk cache. `entries` and `bytes` count what all processes put there. */
export interface DiskCacheStats extends CacheStats {
  readonly evicted: number
}

/** What {@link DiskCache.verify} found. */
export interface VerifyReport {
  readonly entries: number
  /** Damaged records, and records whose file is missing or changed: removed. */
  readonly damaged: number
  /** Files that no record points to, and half-written ones: removed. */
  readonly orphans: number
}

/** A cache on disk, safe for several processes. */
export interface DiskCache extends TierCache, WarningCache {
  readonly directory: string
  stats(): DiskCacheStats
  /** Evicts down to this many bytes. @returns entries that went. */
  prune(maxBytes: number): Promise<number>
  clear(): Promise<void>
  /** Reads every record and file, and removes what is damaged. */
  verify(): Promise<VerifyReport>
}

/** Kinds of record. */
const VALUE = 0
const FILE = 1
/** A record that is read when older than this is written anew with a young stamp. */
const TOUCH_AFTER_MS = 3_600_000
const STAMP_STEP = 1 / 1024
/** Others' new records are looked for at most this often: when something is missing. */
const REFRESH_MS = 100
const SEGMENT_BYTES = 64 * 1024 * 1024
/** More small segments than this are put together when the cache is opened. */
const MANY_SEGMENTS = 32
const text = new TextEncoder()
const untext = new TextDecoder()

function ioError(what: string, directory: string, cause: unknown): TradewrightError {
  return new TradewrightError(
    'IO',
    `the disk cache in ${directory} could not ${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { directory },
    { cause },
  )
}

/**
 * A cache in a folder: small values in append-only logs, values above 64 KB in files named by their content.
 *
 * Each record is guarded by length and checksums over its key and bytes: a damaged one is a miss, is counted, warned of
 * and removed. Safe for several processes: each appends to a log of its own and reads all of them. A killed process
 * leaves each record whole or absent. In memory an entry costs about 40 bytes.
 *
 * @throws TradewrightError `BAD_OPTION`; `IO` where the folder cannot be read and written.
 * @example
 * ```ts
 * const cache = await diskCache({ directory: '.tradewright/cache' })
 * ```
 */
export async function diskCache(options: DiskCacheOptions): Promise<DiskCache> {
  const { directory, maxBytes = 2 * 1024 ** 3, maxInlineBytes = 65536, clock = systemClock, name = 'disk' } = options
  if (typeof directory !== 'string' || directory === '')
    throw new TradewrightError('BAD_OPTION', `directory of a disk cache must be a path, was '${String(directory)}'`)
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1024 ** 2)
    throw new TradewrightError('BAD_OPTION', `maxBytes of a disk cache must be an integer >= 1 MiB, was ${maxBytes}`, {
      maxBytes,
    })
  if (!Number.isSafeInteger(maxInlineBytes) || maxInlineBytes < 0)
    throw new TradewrightError('BAD_OPTION', `maxInlineBytes must be an integer >= 0, was ${maxInlineBytes}`, {
      maxInlineBytes,
    })
  try {
    await mkdir(join(directory, 'files'), { recursive: true })
    const cache = new LogDiskCache({ name, directory, maxBytes, maxInlineBytes, clock })
    await cache.begin()
    return cache
  } catch (cause) {
    throw ioError('be opened', directory, cause)
  }
}

class LogDiskCache implements DiskCache {
  readonly name: string
  readonly directory: string
  readonly #maxBytes: number
  readonly #maxInlineBytes: number
  readonly #clock: Clock
  readonly #log: RecordLog
  readonly #large: LargeValues
  readonly #warnings = new CacheWarnings()
  readonly #pending = new Set<Promise<unknown>>()
  #turn: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined
  #lastStamp = 0
  #refreshAt = 0
  #hits = 0
  #misses = 0
  #writes = 0
  #savedMs = 0
  #corrupt = 0
  #evicted = 0

  constructor(options: {
    readonly name: string
    readonly directory: string
    readonly maxBytes: number
    readonly maxInlineBytes: number
    readonly clock: Clock
  }) {
    this.name = options.name
    this.directory = options.directory
    this.#maxBytes = options.maxBytes
    this.#maxInlineBytes = options.maxInlineBytes
    this.#clock = options.clock
    this.#large = new LargeValues(join(options.directory, 'files'))
    this.#log = new RecordLog({
      directory: join(options.directory, 'records'),
      segmentBytes: Math.min(SEGMENT_BYTES, Math.floor(this.#maxBytes / 16)),
      now: () => Math.max(0, Math.floor(this.#clock.now())),
      damaged: (what) => this.#warnDamaged(what),
      referenced: (reference, change) => this.#large.count(reference, change),
    })
  }

  /** Many short runs leave many small logs: they become one. */
  async begin(): Promise<void> {
    await this.#log.merge(MANY_SEGMENTS, SEGMENT_BYTES / 16)
    await this.#large.removeUnused()
  }

  #open(): void {
    if (this.#closing !== undefined)
      throw new TradewrightError('DISPOSED', `cache '${this.name}' was used after it was closed`)
  }

  onWarning(listener: (warning: CacheWarning) => void): () => void {
    return this.#warnings.on(listener)
  }

  get #bytes(): number {
    return this.#log.bytes + this.#large.bytes
  }

  #refresh(): void {
    try {
      this.#log.refresh()
    } catch (error) {
      this.#warnings.raise(this.name, 'the folder of the disk cache could not be read', error)
    }
  }

  async getMany(keys: readonly Key[]): Promise<readonly (Uint8Array | undefined)[]> {
    return valuesOf(await this.getEntries(keys))
  }

  async getEntries(keys: readonly Key[]): Promise<readonly (Entry | undefined)[]> {
    this.#open()
    const now = this.#clock.elapsed()
    if (now >= this.#refreshAt && keys.some((key) => !this.#log.has(key))) {
      this.#refreshAt = now + REFRESH_MS
      this.#refresh()
    }
    const found: (Entry | undefined)[] = new Array(keys.length).fill(undefined)
    const large: Promise<void>[] = []
    const old: NewRecord[] = []
    const young = this.#clock.now() - TOUCH_AFTER_MS
    for (let i = 0; i < keys.length; i++) {
      const { [i]: key } = keys
      const record = this.#log.get(key)
      if (record === undefined) {
        this.#misses++
        continue
      }
      if (record === 'damaged') {
        this.#damaged(key)
        continue
      }
      if (record.stamp < young) old.push(record)
      if (record.kind === VALUE) found[i] = this.#hit(key, record.value, record.costMs)
      else
        large.push(
          this.#large.read(untext.decode(record.value)).then((value) => {
            if (value === undefined) {
              this.#log.remove(key)
              this.#damaged(key)
              this.#track(this.#exclusively(() => this.#large.removeUnused()))
            } else found[i] = this.#hit(key, value, record.costMs)
          }),
        )
    }
    if (large.length > 0) await Promise.all(large)
    if (old.length > 0) this.#track(this.#exclusively(() => this.#touch(old)))
    return found
  }

  #hit(key: Key, value: Uint8Array, costMs: number): Entry {
    this.#hits++
    this.#savedMs += costMs
    return { key, value, costMs }
  }

  #damaged(key: Key): void {
    this.#misses++
    this.#warnDamaged(`the record ${key} in ${this.directory} was`)
  }

  #warnDamaged(what: string): void {
    this.#corrupt++
    this.#warnings.raise(this.name, `${what} damaged: it counts as missing`)
  }

  /** Work that nobody waits for, until the cache closes. */
  #track(work: Promise<unknown>): void {
    const settled: Promise<unknown> = work
      .catch((error: unknown) => this.#warnings.raise(this.name, 'housekeeping of the disk cache failed', error))
      .finally(() => this.#pending.delete(settled))
    this.#pending.add(settled)
  }

  /** One change at a time, files included: a file that is being removed is never taken for one that is there. */
  #exclusively<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.catch(() => undefined)
    return result
  }

  /** Above every stamp this process gave before. */
  #stamp(): number {
    this.#lastStamp = Math.max(this.#clock.now(), this.#lastStamp + STAMP_STEP)
    return this.#lastStamp
  }

  async setMany(entries: readonly Entry[]): Promise<void> {
    this.#open()
    if (entries.length === 0) return
    const copies = entries.map((entry) => ({ ...entry, value: entry.value.slice() }))
    const work = this.#exclusively(() => this.#store(copies))
    this.#pending.add(work)
    try {
      await work
    } finally {
      this.#pending.delete(work)
    }
  }

  async #store(entries: readonly Entry[]): Promise<void> {
    if (!existsSync(join(this.directory, 'records')))
      throw ioError('be written', this.directory, new Error('its folder was removed while it was open'))
    try {
      const stamp = this.#stamp()
      await this.#log.append(await Promise.all(entries.map((entry) => this.#prepare(entry, stamp))))
      if (this.#bytes > this.#maxBytes) this.#evict()
      await this.#large.removeUnused()
      this.#writes += entries.length
    } catch (cause) {
      throw ioError('be written', this.directory, cause)
    }
  }

  /** The record of an entry: a large value is in its file already. */
  async #prepare({ key, value, costMs = 0 }: Entry, stamp: number): Promise<NewRecord> {
    if (value.length <= this.#maxInlineBytes) return { key, kind: VALUE, value, costMs, stamp }
    return { key, kind: FILE, value: text.encode(await this.#large.write(value)), costMs, stamp }
  }

  /** Removes the oldest logs until the bound holds. What was in use is in a younger one by then. */
  #evict(): void {
    this.#refresh()
    while (this.#bytes > this.#maxBytes) {
      const gone = this.#log.dropOldest()
      if (gone === undefined) break
      this.#evicted += gone
    }
  }

  /** Gives records that are in use a young stamp, at the end of the youngest log. */
  async #touch(records: readonly NewRecord[]): Promise<void> {
    const stamp = this.#stamp()
    await this.#log.append(records.map((record) => ({ ...record, stamp })))
  }

  async delete(keys: readonly Key[]): Promise<void> {
    this.#open()
    await this.#exclusively(async () => {
      this.#refresh()
      for (const key of keys) this.#log.remove(key)
      this.#log.dropEmpty()
      await this.#large.removeUnused()
    })
  }

  async prune(maxBytes: number): Promise<number> {
    this.#open()
    return this.#exclusively(async () => {
      this.#refresh()
      const removed = await this.#log.trim((gone) => this.#bytes - gone <= maxBytes)
      await this.#large.removeUnused()
      this.#evicted += removed
      return removed
    })
  }

  async clear(): Promise<void> {
    this.#open()
    await this.#exclusively(async () => {
      this.#log.clear()
      await this.#large.clear()
    })
  }

  verify(): Promise<VerifyReport> {
    this.#open()
    return this.#exclusively(() => this.#verify())
  }

  async #verify(): Promise<VerifyReport> {
    this.#refresh()
    const entries = this.#log.entries
    const { damaged: broken, references } = await this.#log.check()
    let damaged = broken
    for (const [key, reference] of references) {
      if ((await this.#large.read(reference)) !== undefined) continue
      this.#log.remove(key)
      damaged++
    }
    await this.#large.removeUnused()
    const orphans = await this.#large.removeOrphans()
    this.#corrupt += damaged
    return { entries, damaged, orphans }
  }

  stats(): DiskCacheStats {
    const open = this.#closing === undefined
    if (open) this.#refresh()
    return {
      hits: this.#hits,
      misses: this.#misses,
      writes: this.#writes,
      entries: open ? this.#log.entries : 0,
      bytes: open ? this.#bytes : 0,
      savedMs: this.#savedMs,
      corrupt: this.#corrupt,
      evicted: this.#evicted,
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#pending)
      await this.#log.close()
    })()
    return this.#closing
  }
}
