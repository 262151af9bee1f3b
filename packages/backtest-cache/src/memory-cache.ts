import { type CacheStats, type Clock, type Entry, type Key, systemClock, TradewrightError } from '@tradewright/core'
import { LRUCache } from 'lru-cache'
import { type TierCache, valuesOf } from './tier-cache.ts'

/** Options of {@link memoryCache}. */
export interface MemoryCacheOptions {
  /** Entries held, at least 1. @default 1000 */
  readonly maxEntries?: number | undefined
  /** Bytes held, at least 1. @default 256 MiB */
  readonly maxBytes?: number | undefined
  /** How long an entry lives, in ms; 0 for ever. @default 0 */
  readonly ttlMs?: number | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** @default 'memory' */
  readonly name?: string | undefined
}

/** Counters of a memory cache. */
export interface MemoryCacheStats extends CacheStats {
  /** Entries of batches that were larger than the whole tier, and so went past it. */
  readonly bypassed: number
  readonly evicted: number
}

/** A tier in memory that can say more than the contract asks. */
export interface MemoryCache extends TierCache {
  stats(): MemoryCacheStats
}

const NO_SLAB = new Uint8Array(0)

interface Held {
  readonly value: Uint8Array
  readonly costMs: number
}

/** Values of one call share buffers up to this size: making one for each costs more than copying it. */
const SLAB_BYTES = 32 * 1024
const ENTRY_OVERHEAD = 160 // key, map slot and array header, measured with 100,000 entries of 200 bytes

function whole(name: string, value: number, low: number): void {
  if (!Number.isSafeInteger(value) || value < low)
    throw new TradewrightError('BAD_OPTION', `${name} of a memory cache must be an integer >= ${low}, was ${value}`, {
      [name]: value,
    })
}

/**
 * A cache in this process's memory: bounded in entries and bytes, least recently used out first.
 *
 * A batch of more entries than the tier holds goes past it: a repeated scan through a smaller LRU hits nothing and
 * would push out what does get hit.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @example
 * ```ts
 * const cache = memoryCache({ maxEntries: 1000, ttlMs: 3_600_000 })
 * await cache.setMany([{ key: contentKey('a'), value: new Uint8Array([1]) }])
 * console.log((await cache.getMany([contentKey('a')]))[0]) // Uint8Array(1) [ 1 ]
 * ```
 */
export function memoryCache(options: MemoryCacheOptions = {}): MemoryCache {
  const { maxEntries = 1000, maxBytes = 256 * 1024 * 1024, ttlMs = 0, clock = systemClock, name = 'memory' } = options
  whole('maxEntries', maxEntries, 1)
  whole('maxBytes', maxBytes, 1)
  whole('ttlMs', ttlMs, 0)
  return new LruMemoryCache(name, { maxEntries, maxBytes, ttlMs, clock })
}

class LruMemoryCache implements MemoryCache {
  readonly name: string
  readonly #entries: LRUCache<Key, Held>
  readonly #maxEntries: number
  readonly #maxBytes: number
  #closed = false
  #hits = 0
  #misses = 0
  #writes = 0
  #bypassed = 0
  #evicted = 0
  #savedMs = 0

  constructor(name: string, options: { maxEntries: number; maxBytes: number; ttlMs: number; clock: Clock }) {
    const { maxEntries, maxBytes, ttlMs, clock } = options
    this.name = name
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
    this.#entries = new LRUCache<Key, Held>({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: ({ value }) => value.length + ENTRY_OVERHEAD,
      // lru-cache counts a start of 0 as "no ttl", so its clock begins at 1.
      ...(ttlMs === 0 ? {} : { ttl: ttlMs, ttlResolution: 0, perf: { now: () => clock.elapsed() + 1 } }),
      dispose: (_value, _key, reason) => {
        if (reason === 'evict') this.#evicted++
      },
    })
  }

  #open(): void {
    if (this.#closed) throw new TradewrightError('DISPOSED', `cache '${this.name}' was used after it was closed`)
  }

  async getMany(keys: readonly Key[]): Promise<readonly (Uint8Array | undefined)[]> {
    return valuesOf(await this.getEntries(keys))
  }

  async getEntries(keys: readonly Key[]): Promise<readonly (Entry | undefined)[]> {
    this.#open()
    const found: (Entry | undefined)[] = new Array(keys.length)
    let slab = NO_SLAB
    let at = 0
    for (let i = 0; i < keys.length; i++) {
      const held = this.#entries.get(keys[i])
      if (held === undefined) {
        this.#misses++
        found[i] = undefined
        continue
      }
      this.#hits++
      this.#savedMs += held.costMs
      const { length } = held.value
      if (at + length > slab.length) {
        slab = new Uint8Array(Math.max(length, Math.min(SLAB_BYTES, length * (keys.length - i))))
        at = 0
      }
      const value = slab.subarray(at, at + length)
      value.set(held.value)
      at += length
      found[i] = { key: keys[i], value, costMs: held.costMs }
    }
    return found
  }

  async setMany(entries: readonly Entry[]): Promise<void> {
    this.#open()
    let bytes = 0
    for (const { value } of entries) bytes += value.length + ENTRY_OVERHEAD
    if (entries.length > this.#maxEntries || bytes > this.#maxBytes) {
      this.#bypassed += entries.length
      for (const { key } of entries) this.#entries.delete(key) // an older value must not outlive a newer one
      return
    }
    for (const { key, value, costMs = 0 } of entries) {
      this.#writes++
      this.#entries.set(key, { value: value.slice(), costMs })
    }
  }

  async delete(keys: readonly Key[]): Promise<void> {
    this.#open()
    for (const key of keys) this.#entries.delete(key)
  }

  stats(): MemoryCacheStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      writes: this.#writes,
      entries: this.#entries.size,
      bytes: this.#entries.calculatedSize ?? 0,
      savedMs: this.#savedMs,
      corrupt: 0,
      bypassed: this.#bypassed,
      evicted: this.#evicted,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#entries.clear()
  }
}
