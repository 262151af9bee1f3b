import { type Cache, contentKey, type Key } from '@tradewright/core'
import {
  type ContractOptions,
  type ContractTest,
  ensure,
  ensureRejects,
  ensureSame,
  registerSuite,
} from './contract.ts'

const key = (i: number): Key => contentKey(['cache contract', i])
const bytes = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill)
const get = async (cache: Cache, k: Key): Promise<Uint8Array | undefined> => (await cache.getMany([k]))[0]

const tests: readonly ContractTest<Cache>[] = [
  {
    name: 'a key that was never set is a miss',
    async run(cache) {
      ensureSame(await cache.getMany([key(1), key(2)]), [undefined, undefined], 'unknown keys give undefined')
      ensureSame(await cache.getMany([]), [], 'no keys give no values')
    },
  },
  {
    name: 'gives back what was set, in the order of the keys',
    async run(cache) {
      await cache.setMany([1, 2, 3].map((i) => ({ key: key(i), value: bytes(i, i) })))
      const values = await cache.getMany([key(3), key(9), key(1)])
      ensureSame(
        values.map((v) => v && new Uint8Array(v)),
        [bytes(3, 3), undefined, bytes(1, 1)],
        'values follow their keys',
      )
    },
  },
  {
    name: 'keeps empty and large values',
    async run(cache) {
      const large = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 31) & 255)
      await cache.setMany([
        { key: key(1), value: bytes(0, 0) },
        { key: key(2), value: large },
      ])
      ensureSame((await get(cache, key(1)))?.length, 0, 'an empty value is no miss')
      ensureSame(new Uint8Array((await get(cache, key(2))) ?? []), large, 'large values come back whole')
    },
  },
  {
    name: 'a second set replaces the first',
    async run(cache) {
      await cache.setMany([{ key: key(1), value: bytes(4, 1) }])
      await cache.setMany([{ key: key(1), value: bytes(2, 7) }])
      ensureSame(new Uint8Array((await get(cache, key(1))) ?? []), bytes(2, 7), 'the newest value counts')
    },
  },
  {
    name: 'neither side can change a stored value',
    async run(cache) {
      const value = bytes(4, 1)
      await cache.setMany([{ key: key(1), value }])
      value.fill(9)
      const first = await get(cache, key(1))
      ensureSame(new Uint8Array(first ?? []), bytes(4, 1), 'a change of the caller does not reach the cache')
      first?.fill(8)
      ensureSame(
        new Uint8Array((await get(cache, key(1))) ?? []),
        bytes(4, 1),
        'a change of a result does not reach the cache',
      )
    },
  },
  {
    name: 'deletes, and forgives keys it does not have',
    async run(cache) {
      await cache.setMany([
        { key: key(1), value: bytes(1, 1) },
        { key: key(2), value: bytes(1, 2) },
      ])
      await cache.delete([key(1), key(77)])
      ensureSame(
        (await cache.getMany([key(1), key(2)])).map((v) => v?.[0]),
        [undefined, 2],
        'only named keys go',
      )
    },
  },
  {
    name: 'counts hits, misses and writes',
    async run(cache) {
      const before = cache.stats()
      await cache.setMany([{ key: key(1), value: bytes(1, 1), costMs: 5 }])
      await cache.getMany([key(1), key(2), key(1)])
      const after = cache.stats()
      ensureSame(after.hits - before.hits, 2, 'two hits')
      ensureSame(after.misses - before.misses, 1, 'one miss')
      ensureSame(after.writes - before.writes, 1, 'one write')
    },
  },
  {
    name: 'serves many calls at once',
    async run(cache) {
      const many = Array.from({ length: 200 }, (_, i) => i)
      await Promise.all(many.map((i) => cache.setMany([{ key: key(i), value: bytes(3, i) }])))
      const values = await Promise.all(many.map((i) => get(cache, key(i))))
      for (const [i, value] of values.entries()) ensure(value?.[0] === i && value.length === 3, `value ${i} is its own`)
    },
  },
  {
    name: 'closes once, and is closed then',
    async run(cache) {
      await cache[Symbol.asyncDispose]()
      await cache[Symbol.asyncDispose]()
      await ensureRejects(() => cache.getMany([key(1)]), 'DISPOSED', 'a closed cache refuses reads')
      await ensureRejects(
        () => cache.setMany([{ key: key(1), value: bytes(1, 1) }]),
        'DISPOSED',
        'a closed cache refuses writes',
      )
    },
  },
]

/** Options of {@link cacheContract}. */
export interface CacheContractOptions extends ContractOptions<Cache> {
  /** Opens what `close`d instances left, for caches that outlive their process. */
  readonly reopen?: ((closed: Cache) => Cache | Promise<Cache>) | undefined
}

/** Tests an implementation of core's `Cache`. */
export function cacheContract(options: CacheContractOptions): void {
  const { reopen } = options
  const durable: readonly ContractTest<Cache>[] =
    reopen === undefined
      ? []
      : [
          {
            name: 'keeps values across closing and opening',
            async run(cache) {
              await cache.setMany([{ key: key(1), value: bytes(5, 3) }])
              await cache[Symbol.asyncDispose]()
              const again = await reopen(cache)
              try {
                ensureSame(
                  new Uint8Array((await get(again, key(1))) ?? []),
                  bytes(5, 3),
                  'a reopened cache has its values',
                )
              } finally {
                await again[Symbol.asyncDispose]()
              }
            },
          },
        ]
  registerSuite('cache contract', options, [...tests, ...durable])
}
