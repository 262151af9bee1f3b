import { composeOnion, contentKey } from '@tradewright/core'
import { cacheContract } from '@tradewright/core/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryCache, type RedisCache, redisCache, resultCache, tieredCache } from '../src/index.ts'
import { countingEngine, programKey, request } from './fake-engine.ts'
import { noRedis, type RedisServer, startRedis } from './redis-server.ts'

describe.skipIf(noRedis !== undefined)(`redis${noRedis === undefined ? '' : ` (skipped: ${noRedis})`}`, () => {
  let server: RedisServer
  let opened = 0
  const prefixes = new WeakMap<RedisCache, string>()
  const open = async (prefix: string): Promise<RedisCache> => {
    const cache = await redisCache({ url: server.url, prefix })
    prefixes.set(cache, prefix)
    return cache
  }
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  cacheContract({
    make: () => open(`test${opened++}:`),
    reopen: (closed) => open(prefixes.get(closed as RedisCache) ?? ''),
  })

  it('clears only its own prefix', async () => {
    const [mine, other] = [await open('a[*]:'), await open('a[*]b:')]
    await mine.setMany([{ key: contentKey(1), value: new Uint8Array(3) }])
    await other.setMany([{ key: contentKey(1), value: new Uint8Array(4) }])
    expect(await mine.clear()).toBe(1)
    expect((await mine.getMany([contentKey(1)]))[0]).toBeUndefined()
    expect((await other.getMany([contentKey(1)]))[0]?.length).toBe(4)
    await Promise.all([mine, other].map((c) => c[Symbol.asyncDispose]()))
  })

  it('takes a changed record for a miss, warns and removes it', async () => {
    const cache = await open('damaged:')
    const warnings: string[] = []
    cache.onWarning(({ message }) => warnings.push(message))
    const key = contentKey('d')
    await cache.setMany([{ key, value: new Uint8Array([1, 2, 3]) }])
    const { Redis } = await import('ioredis')
    const raw = new Redis(server.url)
    const bytes = await raw.getBuffer(`damaged:${key}`)
    bytes?.set([9], 33)
    await raw.set(`damaged:${key}`, bytes ?? '')
    expect((await cache.getMany([key]))[0]).toBeUndefined()
    expect(await raw.exists(`damaged:${key}`)).toBe(0)
    expect(cache.stats().corrupt).toBe(1)
    expect(warnings).toHaveLength(1)
    raw.disconnect()
    await cache[Symbol.asyncDispose]()
  })

  it('a server killed in mid-run costs only speed, and is used again when it is back', async () => {
    const own = await startRedis()
    const port = Number(new URL(own.url).port)
    const tier = await redisCache({ url: own.url, timeoutMs: 500 })
    const cache = tieredCache([memoryCache({ maxEntries: 1 }), tier], { retryMs: 1 })
    const warnings: string[] = []
    cache.onWarning(({ message }) => warnings.push(message))
    const engine = countingEngine()
    const optimizer = resultCache({ cache, programKey, engineVersion: '1', admission: 'all', own: true })
    const { evaluate } = composeOnion([optimizer], {
      suggest: async () => [],
      schedule: async () => [],
      evaluate: engine,
    })
    const plain = await countingEngine()(request([1, 2, 3]))
    const slices = (answer: typeof plain) => answer.map((e) => e.status === 'done' && e.slices)
    expect(slices(await evaluate(request([1, 2, 3])))).toEqual(slices(plain))
    await cache.flush()
    await evaluate(request([1, 2, 3]))
    expect(engine.trials).toBe(3)
    await own.stop('SIGKILL')
    expect(slices(await evaluate(request([1, 2, 3])))).toEqual(slices(plain))
    await cache.flush()
    expect(engine.trials).toBe(6)
    expect(warnings.length).toBeGreaterThan(0)
    const again = await startRedis(port)
    await expect
      .poll(
        async () => {
          await evaluate(request([1, 2, 3]))
          await cache.flush()
          return tier.stats().writes
        },
        { timeout: 20_000 },
      )
      .toBeGreaterThan(6)
    await optimizer[Symbol.asyncDispose]?.()
    await again.stop()
  })

  it('says that there is no server', async () => {
    await expect(redisCache({ url: 'redis://127.0.0.1:1', timeoutMs: 300 })).rejects.toMatchObject({ code: 'IO' })
    await expect(redisCache({ url: 'http://x' })).rejects.toMatchObject({ code: 'BAD_OPTION' })
  })
})
