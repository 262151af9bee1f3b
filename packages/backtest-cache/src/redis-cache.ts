import { type CacheStats, type Clock, type Entry, type Key, systemClock, TradewrightError } from '@tradewright/core'
import type { Redis } from 'ioredis'
import { type CacheWarning, CacheWarnings, type WarningCache } from './cache-warnings.ts'
import { openRecord, sealRecord } from './record.ts'
import { connectRedis } from './redis-adapter.ts'
import { type TierCache, valuesOf } from './tier-cache.ts'

/** Options of {@link redisCache}. */
export interface RedisCacheOptions {
  /** Address of the server, as `redis://host:port/db`. */
  readonly url: string
  /** What every key begins with, so that several systems share a server. @default 'tradewright:' */
  readonly prefix?: string | undefined
  /** How long an entry lives, in ms; 0 for ever. The server's own `maxmemory` bounds its bytes. @default 0 */
  readonly ttlMs?: number | undefined
  /** How long a command may take before it counts as failed, in ms. @default 1000 */
  readonly timeoutMs?: number | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** @default 'redis' */
  readonly name?: string | undefined
}

/** A cache in a Redis server. */
export interface RedisCache extends TierCache, WarningCache {
  /** Removes every key of its prefix. @returns keys removed. */
  clear(): Promise<number>
}

/**
 * A cache in a Redis server, shared by machines. Records carry the same guard as on disk.
 *
 * It throws `IO` when the server does not answer: behind {@link tieredCache} that costs only speed.
 * `stats().entries` and `bytes` count what this client wrote, for the server keeps no such count by prefix.
 *
 * @throws TradewrightError `BAD_OPTION`; `NOT_AVAILABLE` where ioredis does not load; `IO` where the server does not answer.
 */
export async function redisCache(options: RedisCacheOptions): Promise<RedisCache> {
  const { url, prefix = 'tradewright:', ttlMs = 0, timeoutMs = 1000, clock = systemClock, name = 'redis' } = options
  if (typeof url !== 'string' || !/^rediss?:\/\//.test(url))
    throw new TradewrightError('BAD_OPTION', `url of a Redis cache must begin with redis:// or rediss://, was '${url}'`)
  for (const [option, value, low] of [
    ['ttlMs', ttlMs, 0],
    ['timeoutMs', timeoutMs, 1],
  ] as const)
    if (!Number.isSafeInteger(value) || value < low)
      throw new TradewrightError('BAD_OPTION', `${option} must be an integer >= ${low}, was ${value}`, {
        [option]: value,
      })
  return new ServerCache({ name, prefix, ttlMs, clock, redis: await connectRedis(url, timeoutMs) })
}

class ServerCache implements RedisCache {
  readonly name: string
  readonly #prefix: string
  readonly #ttlMs: number
  readonly #clock: Clock
  readonly #redis: Redis
  readonly #warnings = new CacheWarnings()
  #closing: Promise<void> | undefined
  #hits = 0
  #misses = 0
  #writes = 0
  #bytes = 0
  #savedMs = 0
  #corrupt = 0

  constructor(options: { name: string; prefix: string; ttlMs: number; clock: Clock; redis: Redis }) {
    this.name = options.name
    this.#prefix = options.prefix
    this.#ttlMs = options.ttlMs
    this.#clock = options.clock
    this.#redis = options.redis
  }

  #open(): void {
    if (this.#closing !== undefined)
      throw new TradewrightError('DISPOSED', `cache '${this.name}' was used after it was closed`)
  }

  onWarning(listener: (warning: CacheWarning) => void): () => void {
    return this.#warnings.on(listener)
  }

  async #command<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (cause) {
      throw new TradewrightError(
        'IO',
        `the Redis server of the cache failed: ${cause instanceof Error ? cause.message : String(cause)}`,
        {},
        { cause },
      )
    }
  }

  async getMany(keys: readonly Key[]): Promise<readonly (Uint8Array | undefined)[]> {
    return valuesOf(await this.getEntries(keys))
  }

  async getEntries(keys: readonly Key[]): Promise<readonly (Entry | undefined)[]> {
    this.#open()
    if (keys.length === 0) return []
    const values = await this.#command(() => this.#redis.mgetBuffer(keys.map((key) => this.#prefix + key)))
    const damaged: Key[] = []
    const found = keys.map((key, i): Entry | undefined => {
      const bytes = values[i]
      const record = bytes === null ? undefined : openRecord(key, bytes)
      if (record === undefined) {
        this.#misses++
        if (bytes !== null) damaged.push(key)
        return undefined
      }
      this.#hits++
      this.#savedMs += record.costMs
      return { key, value: new Uint8Array(record.value), costMs: record.costMs }
    })
    for (const key of damaged) {
      this.#corrupt++
      this.#warnings.raise(this.name, `the record ${key} in Redis was damaged: it counts as missing`)
    }
    if (damaged.length > 0) await this.delete(damaged)
    return found
  }

  async setMany(entries: readonly Entry[]): Promise<void> {
    this.#open()
    if (entries.length === 0) return
    const pipeline = this.#redis.pipeline()
    const stamp = this.#clock.now()
    let bytes = 0
    for (const { key, value, costMs = 0 } of entries) {
      const sealed = sealRecord(key, { value, costMs, stamp, kind: 0 })
      const record = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length)
      bytes += record.length
      if (this.#ttlMs === 0) pipeline.set(this.#prefix + key, record)
      else pipeline.set(this.#prefix + key, record, 'PX', this.#ttlMs)
    }
    const answers = await this.#command(async () => {
      const results = await pipeline.exec()
      const failed = results?.find(([error]) => error !== null)?.[0]
      if (failed != null) throw failed
      return results
    })
    this.#writes += answers?.length ?? 0
    this.#bytes += bytes
  }

  async delete(keys: readonly Key[]): Promise<void> {
    this.#open()
    if (keys.length > 0) await this.#command(() => this.#redis.del(...keys.map((key) => this.#prefix + key)))
  }

  async clear(): Promise<number> {
    this.#open()
    let removed = 0
    let cursor = '0'
    do {
      const [next, keys] = await this.#command(() =>
        this.#redis.scan(cursor, 'MATCH', `${this.#prefix.replace(/[*?[\]\\]/g, '\\$&')}*`, 'COUNT', 1000),
      )
      cursor = next
      if (keys.length > 0) removed += await this.#command(() => this.#redis.del(...keys))
    } while (cursor !== '0')
    return removed
  }

  stats(): CacheStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      writes: this.#writes,
      entries: this.#writes,
      bytes: this.#bytes,
      savedMs: this.#savedMs,
      corrupt: this.#corrupt,
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= (async () => {
      await this.#redis.quit().catch(() => undefined)
      this.#redis.disconnect()
    })()
    return this.#closing
  }
}
