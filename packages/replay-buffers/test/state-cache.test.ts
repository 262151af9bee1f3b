import type { Cache, Entry } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { type CachedStep, createStateCache } from '../src/index.ts'

/** A small cache of the core's contract, as a disk or a server would be; it can refuse. */
function memoryCache() {
  const entries = new Map<string, Uint8Array>()
  const cache: Cache & { entries: typeof entries; refuse: boolean } = {
    name: 'test',
    entries,
    refuse: false,
    getMany: async (keys) => keys.map((key) => entries.get(key)?.slice()),
    async setMany(given: readonly Entry[]) {
      if (cache.refuse) throw new Error('refused')
      for (const { key, value } of given) entries.set(key, value.slice())
    },
    async delete(keys) {
      for (const key of keys) entries.delete(key)
    },
    stats: () => ({ hits: 0, misses: 0, writes: 0, entries: entries.size, bytes: 0, savedMs: 0, corrupt: 0 }),
    async [Symbol.asyncDispose]() {},
  }
  return cache
}

const environment = (calls: { n: number }) => (state: readonly number[], action: number) => (): CachedStep => {
  calls.n++
  return {
    state: Float64Array.from(state, (x) => x + action),
    reward: state[0] * action,
    terminated: state[0] > 5,
    truncated: action === 2,
  }
}

describe('state cache', () => {
  it('answers what the environment answers, asks it once, and hands out copies', async () => {
    const calls = { n: 0 }
    const run = environment(calls)
    const cache = createStateCache({ environment: 'walk@1' })
    for (let r = 0; r < 3; r++)
      for (let x = 0; x < 10; x++)
        for (const action of [-1, 0, 2]) {
          const step = await cache.step([x, 1], action, run([x, 1], action))
          expect(step).toEqual(environment({ n: 0 })([x, 1], action)())
          step.state.fill(99)
        }
    expect(calls.n).toBe(30)
    expect(cache.stats()).toMatchObject({ hotHits: 60, misses: 30, hitRate: 60 / 90, hotEntries: 30 })
    expect(cache.peek([3, 1], 2)?.reward).toBe(6)
    expect(cache.peek([3.0000001, 1], 2)).toBeUndefined()
  })

  it('tolerance: the states of one cell are one; others, other actions and other environments are not', () => {
    const cache = createStateCache({ environment: 'walk@1', tolerance: [0.1, 1] })
    expect(cache.key([1.02, 3.3], 1)).toBe(cache.key([0.98, 2.7], 1))
    const keys = [
      cache.key([1, 3], 1),
      cache.key([1.1, 3], 1),
      cache.key([1, 4], 1),
      cache.key([1, 3], 2),
      cache.key([1, 3], [1, 0]),
      createStateCache({ environment: 'walk@2', tolerance: [0.1, 1] }).key([1, 3], 1),
      createStateCache({ environment: 'walk@1' }).key([1, 3], 1),
    ]
    expect(new Set(keys).size).toBe(keys.length)
    expect(cache.key([-0.001, 0], 1)).toBe(cache.key([0.001, 0], 1))
    expect(createStateCache({ environment: 'e' }).key([-0, 0], 1)).not.toBe(
      createStateCache({ environment: 'e' }).key([0, 0], 1),
    )
    expect(() => cache.key([1, Number.NaN], 0)).toThrow(/\[BAD_DATA\]/)
    expect(() => cache.key([1], 0)).toThrow(/\[BAD_SHAPE\]/)
    expect(() => createStateCache({ environment: 'e', tolerance: 0 })).toThrow(/\[BAD_OPTION\]/)
  })

  it('steps go down the levels and come back from each; nothing is asked twice', async () => {
    const calls = { n: 0 }
    const run = environment(calls)
    const spill = memoryCache()
    const make = () =>
      createStateCache({ environment: 'walk@1', hotEntries: 10, packedBytes: 640, spill, spillBatch: 8 })
    const cache = make()
    for (let x = 0; x < 100; x++) await cache.step([x, 0], 1, run([x, 0], 1))
    const filled = cache.stats()
    // A packed step of two components takes 32 bytes: 20 of them fit.
    expect([filled.hotEntries, filled.packedEntries, filled.packedBytes]).toEqual([10, 20, 640])
    for (let x = 0; x < 100; x++) {
      const step = await cache.step([x, 0], 1, run([x, 0], 1))
      expect([...step.state, step.reward, step.terminated]).toEqual([x + 1, 1, x, x > 5])
    }
    expect(calls.n).toBe(100)
    const { hotHits, packedHits, spillHits, misses } = cache.stats()
    expect([hotHits + packedHits + spillHits, misses]).toEqual([100, 100])
    expect(spillHits).toBeGreaterThan(50)
    await cache.close()
    expect(spill.entries.size).toBe(100)
    const again = make()
    for (let x = 0; x < 100; x++) await again.step([x, 0], 1, run([x, 0], 1))
    expect([calls.n, again.stats().spillHits]).toEqual([100, 100])
    await expect(cache.step([0, 0], 1, run([0, 0], 1))).rejects.toThrow(/\[DISPOSED\]/)
  })

  it('a spill cache that refuses costs its steps only; damaged bytes are a miss', async () => {
    const calls = { n: 0 }
    const run = environment(calls)
    const spill = memoryCache()
    const cache = createStateCache({ environment: 'walk@1', hotEntries: 1, packedBytes: 0, spill, spillBatch: 1 })
    spill.refuse = true
    for (let x = 0; x < 5; x++) await cache.step([x], 1, run([x], 1))
    await cache.flush()
    expect([cache.stats().spillFailures, spill.entries.size]).toEqual([4, 0])
    spill.refuse = false
    for (let x = 0; x < 5; x++) await cache.step([x], 1, run([x], 1))
    await cache.flush()
    for (const [key, value] of spill.entries) spill.entries.set(key, value.subarray(0, 7))
    const before = calls.n
    expect((await cache.step([0], 1, run([0], 1))).reward).toBe(0)
    expect(calls.n).toBe(before + 1)
  })
})
