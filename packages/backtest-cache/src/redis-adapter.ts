import { TradewrightError } from '@tradewright/core'
import type { Redis } from 'ioredis'

/**
 * Connects to Redis. The only place that knows ioredis: it is loaded when first needed.
 *
 * Nothing waits for a server that is not there: commands fail at once while the connection is down, and the client
 * reconnects in the background.
 *
 * @throws TradewrightError `NOT_AVAILABLE` where ioredis does not load, `IO` where the server does not answer.
 */
export async function connectRedis(url: string, timeoutMs: number): Promise<Redis> {
  let library: typeof import('ioredis')
  try {
    library = await import('ioredis')
  } catch (cause) {
    throw new TradewrightError(
      'NOT_AVAILABLE',
      "a Redis cache needs the package 'ioredis': npm install ioredis",
      { package: 'ioredis', reason: String(cause) },
      { cause },
    )
  }
  const redis = new library.Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    retryStrategy: (times) => Math.min(2000, 50 * 2 ** times),
  })
  redis.on('error', () => undefined) // each command tells of its own failure
  try {
    await redis.connect()
    return redis
  } catch (cause) {
    redis.disconnect()
    throw new TradewrightError(
      'IO',
      `the Redis server of the cache did not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
      {},
      { cause },
    )
  }
}
