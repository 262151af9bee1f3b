import {
  type Cache,
  type CacheStats,
  type Clock,
  type Entry,
  isTradewrightError,
  type Key,
  systemClock,
  TradewrightError,
} from '@tradewright/core'
import { type CacheWarning, CacheWarnings, isWarningCache, type WarningCache } from './cache-warnings.ts'
import { entriesOf, type TierCache, valuesOf } from './tier-cache.ts'

/** Options of {@link tieredCache}. */
export interface TieredCacheOptions {
  /** Write the tiers behind the first one in the background, in batches. @default true */
  readonly writeBehind?: boolean | undefined
  /** Bytes that may wait to be written; above it `setMany` waits. @default 64 MiB */
  readonly maxPendingBytes?: number | undefined
  /** Copy a value found in a slower tier into the faster ones. @default true */
  readonly promote?: boolean | undefined
  /** How long a tier that failed is left alone, in ms; doubles with each failure in a row, up to 64 times. @default 1000 */
  readonly retryMs?: number | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** @default 'tiered' */
  readonly name?: string | undefined
}

/** Several caches as one, fastest first. */
export interface TieredCache extends TierCache, WarningCache {
  readonly tiers: readonly Cache[]
  /** Waits until everything that was set is in every tier that works. */
  flush(): Promise<void>
}

/** A tier and how it fares. */
interface Tier {
  readonly cache: Cache
  failures: number
  /** Left alone until then, by `clock.elapsed()`. */
  retryAt: number
}

/**
 * Puts caches behind one another: looks in the first, asks the next only for what is missing, and copies what it finds
 * upwards. A tier that fails costs only speed: it is warned of, left alone for a while, and tried again.
 *
 * The tiered cache owns its tiers and closes them.
 *
 * @param tiers at least one, fastest first, of different names.
 * @throws TradewrightError `BAD_OPTION` for no tiers, `DUPLICATE_NAME`.
 * @example
 * ```ts
 * const cache = tieredCache([memoryCache(), await diskCache({ directory: '.tradewright/cache' })])
 * ```
 */
export function tieredCache(tiers: readonly Cache[], options: TieredCacheOptions = {}): TieredCache {
  if (tiers.length === 0) throw new TradewrightError('BAD_OPTION', 'a tiered cache needs at least one tier, had none')
  const names = new Set<string>()
  for (const { name } of tiers) {
    if (names.has(name))
      throw new TradewrightError('DUPLICATE_NAME', `tiers of a cache need different names, '${name}' was there twice`, {
        name,
      })
    names.add(name)
  }
  return new OrderedTiers(tiers, options)
}

class OrderedTiers implements TieredCache {
  readonly name: string
  readonly tiers: readonly Cache[]
  readonly #tiers: readonly Tier[]
  readonly #warnings = new CacheWarnings()
  readonly #clock: Clock
  readonly #writeBehind: boolean
  readonly #promote: boolean
  readonly #maxPendingBytes: number
  readonly #retryMs: number
  /** What waits to be written to the tiers behind the first, newest value by key. */
  #waiting = new Map<Key, Entry>()
  /** What is being written now. */
  #writing: ReadonlyMap<Key, Entry> = new Map()
  #waitingBytes = 0
  #writer: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #hits = 0
  #misses = 0
  #writes = 0
  #savedMs = 0

  constructor(tiers: readonly Cache[], options: TieredCacheOptions) {
    const {
      writeBehind = true,
      maxPendingBytes = 64 * 1024 * 1024,
      promote = true,
      retryMs = 1000,
      clock = systemClock,
      name = 'tiered',
    } = options
    this.name = name
    this.tiers = tiers
    this.#tiers = tiers.map((cache) => ({ cache, failures: 0, retryAt: 0 }))
    this.#clock = clock
    this.#writeBehind = writeBehind
    this.#promote = promote
    this.#maxPendingBytes = maxPendingBytes
    this.#retryMs = retryMs
    for (const tier of tiers) if (isWarningCache(tier)) tier.onWarning(this.#warnings.pass)
  }

  #open(): void {
    if (this.#closing !== undefined)
      throw new TradewrightError('DISPOSED', `cache '${this.name}' was used after it was closed`)
  }

  onWarning(listener: (warning: CacheWarning) => void): () => void {
    return this.#warnings.on(listener)
  }

  /** Asks a tier that is not being left alone; its failure is a warning. */
  async #ask<T>(tier: Tier, run: (cache: Cache) => Promise<T>): Promise<T | undefined> {
    if (tier.failures > 0 && this.#clock.elapsed() < tier.retryAt) return undefined
    try {
      const answer = await run(tier.cache)
      tier.failures = 0
      return answer
    } catch (error) {
      if (tier.failures === 0)
        this.#warnings.raise(
          this.name,
          `tier '${tier.cache.name}' failed and is left alone for a while: ${error instanceof Error ? error.message : String(error)}`,
          isTradewrightError(error) ? error : new TradewrightError('IO', String(error), {}, { cause: error }),
        )
      tier.retryAt = this.#clock.elapsed() + this.#retryMs * 2 ** Math.min(6, tier.failures)
      tier.failures++
      return undefined
    }
  }

  async getMany(keys: readonly Key[]): Promise<readonly (Uint8Array | undefined)[]> {
    return valuesOf(await this.getEntries(keys))
  }

  async getEntries(keys: readonly Key[]): Promise<readonly (Entry | undefined)[]> {
    this.#open()
    const found: (Entry | undefined)[] = new Array(keys.length).fill(undefined)
    let missing = keys.map((_, i) => i)
    for (let depth = 0; depth < this.#tiers.length && missing.length > 0; depth++) {
      if (depth === 1) missing = this.#fromPending(keys, missing, found)
      if (missing.length === 0) break
      const asked = missing.map((i) => keys[i])
      const answer = await this.#ask(this.#tiers[depth], (cache) => entriesOf(cache, asked))
      if (answer === undefined) continue
      const still: number[] = []
      const promoted: Entry[] = []
      for (let k = 0; k < missing.length; k++) {
        const entry = answer[k]
        if (entry === undefined) still.push(missing[k])
        else {
          found[missing[k]] = entry
          promoted.push(entry)
        }
      }
      if (this.#promote && promoted.length > 0)
        for (let above = 0; above < depth; above++)
          await this.#ask(this.#tiers[above], (cache) => cache.setMany(promoted))
      missing = still
    }
    for (const entry of found) {
      if (entry === undefined) continue
      this.#hits++
      this.#savedMs += entry.costMs ?? 0
    }
    this.#misses += missing.length
    return found
  }

  /** What the first tier did not keep may still wait to be written. */
  #fromPending(keys: readonly Key[], missing: readonly number[], found: (Entry | undefined)[]): number[] {
    if (this.#waiting.size === 0 && this.#writing.size === 0) return [...missing]
    return missing.filter((i) => {
      const entry = this.#waiting.get(keys[i]) ?? this.#writing.get(keys[i])
      if (entry !== undefined) found[i] = { ...entry, value: entry.value.slice() }
      return entry === undefined
    })
  }

  async setMany(entries: readonly Entry[]): Promise<void> {
    this.#open()
    this.#writes += entries.length
    const [first, ...behind] = this.#tiers
    await this.#ask(first, (cache) => cache.setMany(entries))
    if (behind.length === 0) return
    if (!this.#writeBehind) {
      for (const tier of behind) await this.#ask(tier, (cache) => cache.setMany(entries))
      return
    }
    for (const entry of entries) {
      this.#waitingBytes += entry.value.length - (this.#waiting.get(entry.key)?.value.length ?? 0)
      this.#waiting.set(entry.key, { ...entry, value: entry.value.slice() })
    }
    this.#writer ??= this.#write()
    while (this.#waitingBytes > this.#maxPendingBytes && this.#writer !== undefined) await this.#writer
  }

  /** Writes what waits, batch after batch, until nothing does. */
  async #write(): Promise<void> {
    await undefined // entries set in this turn go in one batch
    while (this.#waiting.size > 0) {
      this.#writing = this.#waiting
      this.#waiting = new Map()
      this.#waitingBytes = 0
      const batch = [...this.#writing.values()]
      for (const tier of this.#tiers.slice(1)) await this.#ask(tier, (cache) => cache.setMany(batch))
    }
    this.#writing = new Map()
    this.#writer = undefined
  }

  async flush(): Promise<void> {
    while (this.#writer !== undefined) await this.#writer
  }

  async delete(keys: readonly Key[]): Promise<void> {
    this.#open()
    for (const key of keys) this.#waiting.delete(key)
    await this.flush() // a write under way must not bring a deleted value back
    for (const tier of this.#tiers) await this.#ask(tier, (cache) => cache.delete(keys))
  }

  stats(): CacheStats {
    const tiers = this.tiers.map((cache) => [cache.name, cache.stats()] as const)
    const sum = (of: (stats: CacheStats) => number): number => tiers.reduce((total, [, s]) => total + of(s), 0)
    return {
      hits: this.#hits,
      misses: this.#misses,
      writes: this.#writes,
      entries: Math.max(...tiers.map(([, s]) => s.entries)),
      bytes: sum((s) => s.bytes),
      savedMs: this.#savedMs,
      corrupt: sum((s) => s.corrupt),
      tiers: Object.fromEntries(tiers),
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= (async () => {
      await this.flush()
      const closed = await Promise.allSettled([...this.tiers].reverse().map((cache) => cache[Symbol.asyncDispose]()))
      const failures = closed.flatMap((c) => (c.status === 'rejected' ? [c.reason as unknown] : []))
      if (failures.length > 0) throw new AggregateError(failures, 'some tiers of the cache could not be closed')
    })()
    return this.#closing
  }
}
