import { contentKey, createManualClock, type Entry } from '@tradewright/core'
import { cacheContract } from '@tradewright/core/testing'
import { describe, expect, it } from 'vitest'
import { type DiskCache, diskCache, memoryCache, tieredCache } from '../src/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

const entry = (name: unknown, length = 10, costMs = 1): Entry => ({
  key: contentKey(name),
  value: new Uint8Array(length).fill(7),
  costMs,
})
const keys = (entries: readonly Entry[]): string[] => entries.map((e) => e.key)

describe('memory', () => {
  cacheContract({ make: () => memoryCache() })

  it('forgets after its time to live', async () => {
    const clock = createManualClock()
    const cache = memoryCache({ ttlMs: 1000, clock })
    await cache.setMany([entry('a')])
    clock.advance(999)
    expect((await cache.getMany([contentKey('a')]))[0]).toBeDefined()
    clock.advance(2)
    expect((await cache.getMany([contentKey('a')]))[0]).toBeUndefined()
  })

  it('keeps the most recently used within its bounds', async () => {
    const cache = memoryCache({ maxEntries: 3 })
    for (const name of ['a', 'b', 'c']) await cache.setMany([entry(name)])
    await cache.getMany([contentKey('a')])
    await cache.setMany([entry('d')])
    const found = await cache.getMany(['a', 'b', 'c', 'd'].map((n) => contentKey(n)))
    expect(found.map((v) => v !== undefined)).toEqual([true, false, true, true])
    expect(cache.stats()).toMatchObject({ entries: 3, evicted: 1 })
    const small = memoryCache({ maxBytes: 1000 })
    for (let i = 0; i < 20; i++) await small.setMany([entry(i, 100)])
    expect(small.stats().bytes).toBeLessThanOrEqual(1000)
    expect(small.stats().entries).toBe(3)
  })

  it('lets a batch larger than itself go by, and what it held stays', async () => {
    const cache = memoryCache({ maxEntries: 3 })
    await cache.setMany([entry('hot')])
    const batch = [1, 2, 3, 4].map((i) => entry(i))
    await cache.setMany(batch)
    expect((await cache.getMany(keys(batch))).every((v) => v === undefined)).toBe(true)
    expect((await cache.getMany([contentKey('hot')]))[0]).toBeDefined()
    expect(cache.stats().bypassed).toBe(4)
  })

  it('refuses options that break their rule', () => {
    expect(() => memoryCache({ maxEntries: 0 })).toThrow('[BAD_OPTION] maxEntries')
    expect(() => memoryCache({ ttlMs: -1 })).toThrow('[BAD_OPTION] ttlMs')
  })
})

describe('disk', () => {
  cacheContract({
    make: () => diskCache({ directory: temporaryFolder() }),
    reopen: (closed) => diskCache({ directory: (closed as DiskCache).directory }),
  })

  it('says that a folder cannot be written', async () => {
    const file = `${temporaryFolder()}/taken`
    await import('node:fs/promises').then((fs) => fs.writeFile(file, 'x'))
    await expect(diskCache({ directory: file })).rejects.toMatchObject({ code: 'IO' })
    await expect(diskCache({ directory: '' })).rejects.toMatchObject({ code: 'BAD_OPTION' })
  })

  it('stays within its bytes: the oldest unused batch goes first', async () => {
    const clock = createManualClock(1_000_000)
    const cache = await diskCache({ directory: temporaryFolder(), maxBytes: 1024 ** 2, clock })
    for (let i = 0; i < 20; i++) {
      clock.advance(3_600_001) // an hour each, so that a read counts as a use
      await cache.setMany([entry(['small', i], 50_000), entry(['large', i], 70_000)])
      await cache.getMany([contentKey(['small', 0])])
      await cache.setMany([]) // nothing to write is nothing to do
    }
    expect(cache.stats().bytes).toBeLessThanOrEqual(1024 ** 2)
    expect(cache.stats().evicted).toBeGreaterThan(10)
    const found = await cache.getMany([contentKey(['small', 0]), contentKey(['small', 1]), contentKey(['large', 19])])
    expect(found.map((v) => v?.length)).toEqual([50_000, undefined, 70_000])
    expect(await cache.verify()).toMatchObject({ damaged: 0, orphans: 0 })
    await cache[Symbol.asyncDispose]()
  })

  it('keeps one file for equal large values, until nobody needs it', async () => {
    const cache = await diskCache({ directory: temporaryFolder() })
    await cache.setMany([entry('a', 100_000), entry('b', 100_000)])
    await cache.delete([contentKey('a')])
    expect((await cache.getMany([contentKey('b')]))[0]?.length).toBe(100_000)
    await cache.delete([contentKey('b')])
    expect(await cache.verify()).toEqual({ entries: 0, damaged: 0, orphans: 0 })
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 })
    await cache[Symbol.asyncDispose]()
  })

  it('prunes and clears', async () => {
    const cache = await diskCache({ directory: temporaryFolder() })
    for (let i = 0; i < 10; i++) await cache.setMany([entry(i, 1000)])
    expect(await cache.prune(6000)).toBe(5)
    expect(cache.stats().entries).toBe(5)
    await cache.clear()
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 })
    expect((await cache.getMany([contentKey(9)]))[0]).toBeUndefined()
    await cache[Symbol.asyncDispose]()
  })
})

describe('tiered', () => {
  cacheContract({ make: () => tieredCache([memoryCache(), memoryCache({ name: 'second', maxEntries: 100_000 })]) })
  cacheContract({
    make: async () => tieredCache([memoryCache({ maxEntries: 2 }), await diskCache({ directory: temporaryFolder() })]),
  })

  it('finds in a slower tier, copies upwards with its cost, and counts by tier', async () => {
    const fast = memoryCache()
    const slow = memoryCache({ name: 'slow' })
    const cache = tieredCache([fast, slow])
    await slow.setMany([entry('a', 10, 42)])
    for (let i = 0; i < 3; i++) expect((await cache.getMany([contentKey('a')]))[0]?.length).toBe(10)
    const { hits, misses, savedMs, tiers } = cache.stats()
    expect({ hits, misses, savedMs }).toEqual({ hits: 3, misses: 0, savedMs: 126 })
    expect(tiers?.memory).toMatchObject({ hits: 2, misses: 1, savedMs: 84 })
    expect(tiers?.slow).toMatchObject({ hits: 1, misses: 0, savedMs: 42 })
  })

  it('writes behind, and reads what is still on its way', async () => {
    const slow = memoryCache({ name: 'slow' })
    const cache = tieredCache([memoryCache({ maxEntries: 1 }), slow])
    const batch = [entry(1), entry(2)]
    await cache.setMany(batch) // too large for the first tier
    expect((await cache.getMany(keys(batch))).map((v) => v?.length)).toEqual([10, 10])
    await cache.flush()
    expect(slow.stats().entries).toBe(2)
  })

  it('goes on without a tier that fails, says so once, and tries again later', async () => {
    const clock = createManualClock()
    const broken = memoryCache({ name: 'broken' })
    let calls = 0
    let fails = true
    const tier = {
      ...broken,
      name: 'broken',
      getMany: async (k: readonly string[]) => {
        calls++
        if (fails) throw new Error('gone')
        return k.map(() => new Uint8Array([5]))
      },
      setMany: async () => undefined,
      delete: async () => undefined,
      stats: () => broken.stats(),
      [Symbol.asyncDispose]: async () => undefined,
    }
    const { getEntries: _, ...plain } = tier as typeof tier & { getEntries?: unknown }
    const cache = tieredCache([memoryCache(), plain], { clock })
    const warnings: string[] = []
    cache.onWarning(({ message }) => warnings.push(message))
    for (let i = 0; i < 5; i++) expect(await cache.getMany([contentKey('a')])).toEqual([undefined])
    expect(calls).toBe(1)
    clock.advance(1001)
    await cache.getMany([contentKey('a')])
    expect(calls).toBe(2)
    expect(warnings).toEqual(["tier 'broken' failed and is left alone for a while: gone"])
    fails = false
    clock.advance(2001)
    expect((await cache.getMany([contentKey('a')]))[0]).toEqual(new Uint8Array([5]))
  })

  it('refuses no tiers and two of one name', () => {
    expect(() => tieredCache([])).toThrow('[BAD_OPTION]')
    expect(() => tieredCache([memoryCache(), memoryCache()])).toThrow('[DUPLICATE_NAME]')
  })
})
