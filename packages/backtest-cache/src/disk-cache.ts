import { existsSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type CacheStats, type Clock, type Entry, type Key, systemClock, TradewrightError } from '@tradewright/core'
import { type CacheWarning, CacheWarnings, type WarningCache } from './cache-warnings.ts'
import { ContentFiles, contentName } from './content-files.ts'
import { type LmdbTables, openLmdb } from './lmdb-adapter.ts'
import { type OpenedRecord, openRecord, recordHeaderBytes, sealRecord } from './record.ts'
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
/** What a record costs beside its bytes: key, node header, share of the age table; measured on 100,000 records. */
const RECORD_OVERHEAD = 160
/** A record that is read when older than this is written anew with a young stamp. */
const TOUCH_AFTER_MS = 3_600_000
const STAMP_STEP = 1 / 1024
const text = new TextEncoder()
const untext = new TextDecoder()

interface Totals {
  entries: number
  bytes: number
}

/** An entry made ready to be put: a large value is in its file already. */
interface Prepared {
  readonly key: Key
  readonly kind: number
  readonly value: Uint8Array
  readonly costMs: number
  /** File's name and length, where the value is in one. */
  readonly file: { readonly name: string; readonly length: number } | undefined
}

function ioError(what: string, directory: string, cause: unknown): TradewrightError {
  return new TradewrightError(
    'IO',
    `the disk cache in ${directory} could not ${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { directory },
    { cause },
  )
}

/**
 * A cache in a folder: small values in one lmdb file, values above 64 KB in files named by their content.
 *
 * Each record is guarded by length and checksum over its key and bytes: a damaged one is a miss, is counted, warned of
 * and removed. All of a `setMany` stands in one transaction. Safe for several processes.
 *
 * @throws TradewrightError `BAD_OPTION`; `IO` where the folder cannot be written; `NOT_AVAILABLE` where lmdb does not load.
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
  } catch (cause) {
    throw ioError('be written', directory, cause)
  }
  const warnings = new CacheWarnings()
  const tables = await openOrSetAside(join(directory, 'records.lmdb'), warnings, name)
  return new LmdbDiskCache({ name, directory, maxBytes, maxInlineBytes, clock, tables, warnings })
}

/** lmdb's mark in a file's first page. The library ends the process on a file that lacks it, so it is looked for before. */
const LMDB_MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe])

async function isDatabase(file: string): Promise<boolean> {
  const handle = await open(file).catch(() => undefined)
  if (handle === undefined) return true // not there yet
  try {
    const head = Buffer.alloc(4)
    const { bytesRead } = await handle.read(head, 0, 4, 24)
    return (bytesRead === 4 && head.equals(LMDB_MAGIC)) || (await handle.stat()).size === 0
  } finally {
    await handle.close()
  }
}

/** A file that is no cache is set aside, never overwritten, and a new one begun. */
async function openOrSetAside(file: string, warnings: CacheWarnings, name: string): Promise<LmdbTables> {
  try {
    if (!(await isDatabase(file))) throw new TradewrightError('IO', `${file} is invalid: it is no lmdb file`)
    return await openLmdb(file)
  } catch (error) {
    const damaged =
      error instanceof TradewrightError && error.code === 'IO' && /invalid|corrupt|version/i.test(error.message)
    if (!damaged) throw error
    await rename(file, `${file}.damaged`)
    await rm(`${file}-lock`, { force: true })
    warnings.raise(name, `${file} was damaged: it was set aside as ${file}.damaged, and a new cache begun`, error)
    return openLmdb(file)
  }
}

class LmdbDiskCache implements DiskCache {
  readonly name: string
  readonly directory: string
  readonly #file: string
  readonly #maxBytes: number
  readonly #maxInlineBytes: number
  readonly #clock: Clock
  readonly #tables: LmdbTables
  readonly #files: ContentFiles
  readonly #warnings: CacheWarnings
  readonly #pending = new Set<Promise<unknown>>()
  #turn: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined
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
    readonly tables: LmdbTables
    readonly warnings: CacheWarnings
  }) {
    this.name = options.name
    this.directory = options.directory
    this.#file = join(options.directory, 'records.lmdb')
    this.#maxBytes = options.maxBytes
    this.#maxInlineBytes = options.maxInlineBytes
    this.#clock = options.clock
    this.#tables = options.tables
    this.#warnings = options.warnings
    this.#files = new ContentFiles(join(options.directory, 'files'))
  }

  #open(): void {
    if (this.#closing !== undefined)
      throw new TradewrightError('DISPOSED', `cache '${this.name}' was used after it was closed`)
  }

  onWarning(listener: (warning: CacheWarning) => void): () => void {
    return this.#warnings.on(listener)
  }

  async getMany(keys: readonly Key[]): Promise<readonly (Uint8Array | undefined)[]> {
    return valuesOf(await this.getEntries(keys))
  }

  async getEntries(keys: readonly Key[]): Promise<readonly (Entry | undefined)[]> {
    this.#open()
    const found: (Entry | undefined)[] = new Array(keys.length).fill(undefined)
    const large: Promise<void>[] = []
    const old: Key[] = []
    const young = this.#clock.now() - TOUCH_AFTER_MS
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]
      const bytes = this.#tables.records.getBinary(key)
      if (bytes === undefined) {
        this.#misses++
        continue
      }
      const record = openRecord(key, bytes)
      if (record === undefined) {
        this.#damaged(key)
        continue
      }
      if (record.stamp < young) old.push(key)
      if (record.kind === VALUE) found[i] = this.#hit(key, record.value, record.costMs)
      else
        large.push(
          this.#files.read(fileOf(record).name).then((value) => {
            if (value === undefined) this.#damaged(key)
            else found[i] = this.#hit(key, value, record.costMs)
          }),
        )
    }
    if (large.length > 0) await Promise.all(large)
    if (old.length > 0) this.#track(this.#touch(old))
    return found
  }

  #hit(key: Key, value: Uint8Array, costMs: number): Entry {
    this.#hits++
    this.#savedMs += costMs
    return { key, value, costMs }
  }

  #damaged(key: Key): void {
    this.#misses++
    this.#corrupt++
    this.#warnings.raise(this.name, `the record ${key} in ${this.directory} was damaged: it counts as missing`)
    this.#track(this.#transaction((totals, unused) => void this.#remove(key, totals, unused)))
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

  #transaction(change: (totals: Totals, unused: string[]) => void): Promise<void> {
    return this.#exclusively(() => this.#commit(change))
  }

  /** Runs `change` in one write transaction, then removes the files that nobody points to any more. */
  async #commit(change: (totals: Totals, unused: string[]) => void): Promise<void> {
    const unused: string[] = []
    let failure: unknown
    await this.#tables.root.transaction(() => {
      try {
        const totals = this.#totals()
        change(totals, unused)
        this.#tables.totals.putSync('totals', new Uint8Array(Float64Array.of(totals.entries, totals.bytes).buffer))
      } catch (error) {
        failure = error
      }
    })
    if (failure !== undefined) throw failure
    for (const name of unused) await this.#files.remove(name)
  }

  #totals(): Totals {
    const bytes = this.#tables.totals.getBinary('totals')
    if (bytes === undefined || bytes.length !== 16) return { entries: 0, bytes: 0 }
    const view = new DataView(bytes.buffer, bytes.byteOffset, 16)
    return { entries: view.getFloat64(0, true), bytes: view.getFloat64(8, true) }
  }

  /** Above every stamp given before, by any process. */
  #stamp(): number {
    let last = 0
    for (const stamp of this.#tables.ages.getKeys({ reverse: true, limit: 1 })) last = stamp
    return Math.max(this.#clock.now(), last + STAMP_STEP)
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
    if (!existsSync(this.#file))
      throw ioError('be written', this.directory, new Error('its folder was removed while it was open'))
    try {
      const prepared = await Promise.all(entries.map((entry) => this.#prepare(entry)))
      await this.#commit((totals, unused) => {
        const stamp = this.#stamp()
        for (const entry of prepared) this.#put(entry, stamp, { totals, unused })
        this.#tables.ages.putSync(stamp, text.encode(prepared.map(({ key }) => key).join('\n')))
        this.#evict(this.#maxBytes, totals, unused)
      })
      this.#writes += entries.length
    } catch (cause) {
      throw ioError('be written', this.directory, cause)
    }
  }

  async #prepare({ key, value, costMs = 0 }: Entry): Promise<Prepared> {
    if (value.length <= this.#maxInlineBytes) return { key, kind: VALUE, value, costMs, file: undefined }
    const name = contentName(value)
    await this.#files.write(name, value)
    return {
      key,
      kind: FILE,
      value: text.encode(`${name} ${value.length}`),
      costMs,
      file: { name, length: value.length },
    }
  }

  #put(entry: Prepared, stamp: number, change: { totals: Totals; unused: string[] }): void {
    const { key, kind, value, costMs, file } = entry
    const { totals } = change
    if (file !== undefined) this.#users(file.name, 1) // first: the old record may point to the same file
    this.#forget(key, change)
    this.#tables.records.putSync(key, sealRecord(key, value, { costMs, stamp, kind }))
    totals.entries++
    totals.bytes += RECORD_OVERHEAD + recordHeaderBytes + value.length + (file?.length ?? 0)
  }

  /** Changes the number of records that point to a file, and gives it. */
  #users(name: string, change: number): number {
    const bytes = this.#tables.files.getBinary(name)
    const users = (bytes === undefined ? 0 : Number(untext.decode(bytes))) + change
    if (users > 0) this.#tables.files.putSync(name, text.encode(String(users)))
    else this.#tables.files.removeSync(name)
    return users
  }

  /** Takes what a key held out of the totals; its record stays to be overwritten or removed. */
  #forget(key: Key, { totals, unused }: { totals: Totals; unused: string[] }): boolean {
    const bytes = this.#tables.records.getBinary(key)
    if (bytes === undefined) return false
    totals.entries--
    totals.bytes -= RECORD_OVERHEAD + bytes.length
    const record = openRecord(key, bytes)
    if (record?.kind === FILE) {
      const { name, length } = fileOf(record)
      totals.bytes -= length
      if (this.#users(name, -1) <= 0) unused.push(name)
    }
    return true
  }

  #remove(key: Key, totals: Totals, unused: string[]): boolean {
    if (!this.#forget(key, { totals, unused })) return false
    this.#tables.records.removeSync(key)
    return true
  }

  /** Removes the oldest batches until the bound holds. Records written anew since have another stamp, and stay. */
  #evict(maxBytes: number, totals: Totals, unused: string[]): number {
    let removed = 0
    while (totals.bytes > maxBytes) {
      let oldest: number | undefined
      for (const stamp of this.#tables.ages.getKeys({ limit: 1 })) oldest = stamp
      if (oldest === undefined) break
      const keys = this.#tables.ages.getBinary(oldest)
      for (const key of keys === undefined ? [] : untext.decode(keys).split('\n')) {
        const bytes = this.#tables.records.getBinary(key)
        if (bytes === undefined) continue
        const record = openRecord(key, bytes)
        if (record !== undefined && record.stamp !== oldest) continue
        if (this.#remove(key, totals, unused)) removed++
      }
      this.#tables.ages.removeSync(oldest)
    }
    this.#evicted += removed
    return removed
  }

  /** Gives records that are in use a young stamp. */
  async #touch(keys: readonly Key[]): Promise<void> {
    await this.#transaction(() => {
      const stamp = this.#stamp()
      for (const key of keys) {
        const bytes = this.#tables.records.getBinary(key)
        const record = bytes === undefined ? undefined : openRecord(key, bytes)
        if (record === undefined) continue
        const { value, costMs, kind } = record
        this.#tables.records.putSync(key, sealRecord(key, value, { costMs, stamp, kind }))
      }
      this.#tables.ages.putSync(stamp, text.encode(keys.join('\n')))
    })
  }

  async delete(keys: readonly Key[]): Promise<void> {
    this.#open()
    await this.#transaction((totals, unused) => {
      for (const key of keys) this.#remove(key, totals, unused)
    })
  }

  async prune(maxBytes: number): Promise<number> {
    this.#open()
    let removed = 0
    await this.#transaction((totals, unused) => {
      removed = this.#evict(maxBytes, totals, unused)
    })
    return removed
  }

  async clear(): Promise<void> {
    this.#open()
    const { records, ages, files } = this.#tables
    await this.#transaction((totals) => {
      for (const table of [records, ages, files]) table.clearSync()
      totals.entries = 0
      totals.bytes = 0
    })
    await rm(this.#files.directory, { recursive: true, force: true })
    await mkdir(this.#files.directory, { recursive: true })
  }

  verify(): Promise<VerifyReport> {
    this.#open()
    return this.#exclusively(() => this.#verify())
  }

  async #verify(): Promise<VerifyReport> {
    const damaged: Key[] = []
    const users = new Map<string, number>()
    let entries = 0
    for (const key of this.#tables.records.getKeys()) {
      entries++
      const bytes = this.#tables.records.getBinary(key)
      const record = bytes === undefined ? undefined : openRecord(key, bytes)
      const file = record?.kind === FILE ? fileOf(record).name : undefined
      if (record === undefined || (file !== undefined && (await this.#files.read(file)) === undefined))
        damaged.push(key)
      else if (file !== undefined) users.set(file, (users.get(file) ?? 0) + 1)
    }
    await this.#commit((totals, unused) => {
      for (const key of damaged) this.#remove(key, totals, unused)
      // A damaged record cannot say which file it used: the counts are made anew.
      this.#tables.files.clearSync()
      for (const [name, count] of users) this.#tables.files.putSync(name, text.encode(String(count)))
    })
    const orphans = (await this.#files.list()).filter(
      ({ name, path }) => !users.has(name) || path !== this.#files.path(name),
    )
    for (const { path } of orphans) await rm(path, { force: true })
    this.#corrupt += damaged.length
    return { entries, damaged: damaged.length, orphans: orphans.length }
  }

  stats(): DiskCacheStats {
    const { entries, bytes } = this.#closing === undefined ? this.#totals() : { entries: 0, bytes: 0 }
    return {
      hits: this.#hits,
      misses: this.#misses,
      writes: this.#writes,
      entries,
      bytes,
      savedMs: this.#savedMs,
      corrupt: this.#corrupt,
      evicted: this.#evicted,
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#pending)
      await this.#tables.root.close()
    })()
    return this.#closing
  }
}

/** The file a record points to. */
function fileOf(record: OpenedRecord): { readonly name: string; readonly length: number } {
  const [name, length] = untext.decode(record.value).split(' ')
  return { name, length: Number(length) }
}
