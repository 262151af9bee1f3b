// What a hit costs in each tier, and what a trial's key costs. Plain form first: the same bytes from a Map.
// CPU time of this process, all its threads: on a shared machine the clock on the wall says little.
// A regression here means that admission by cost keeps less, or that a re-run waits for its cache.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineStrategy, programKey, ta } from '@tradewright/backtest'
import { contentKey, type Entry, int } from '@tradewright/core'
import { decodeSlice, diskCache, encodeSlice, memoryCache, redisCache } from '../src/index.ts'
import { KeyPrefix } from '../src/trial-key.ts'
import { noRedis, startRedis } from '../test/redis-server.ts'

const COUNT = 5000
const ROUNDS = 15

async function median(run: () => unknown): Promise<number> {
  const times: number[] = []
  for (let r = 0; r < ROUNDS; r++) {
    const begun = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(begun)
    times.push((user + system) / COUNT)
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1]
}

const row = (what: string, us: number, bound?: number): void =>
  console.log(
    `${what.padEnd(58)} ${us.toFixed(3).padStart(8)} us${bound === undefined ? '' : `   (aim: under ${bound} us)`}`,
  )

const entries: Entry[] = Array.from({ length: COUNT }, (_, i) => ({
  key: contentKey(i),
  value: new Uint8Array(1024).fill(i),
  costMs: 1,
}))
const keys = entries.map(({ key }) => key)
const folder = mkdtempSync(join(tmpdir(), 'tradewright-bench-'))

const map = new Map(entries.map(({ key, value }) => [key, value]))
row('plain: 1 KB from a Map, copied', await median(() => keys.map((key) => map.get(key)?.slice())))
const memory = memoryCache({ maxEntries: COUNT })
await memory.setMany(entries)
row('memory hit, 1 KB, in batches of 5,000', await median(() => memory.getMany(keys)), 1)
const disk = await diskCache({ directory: folder })
await disk.setMany(entries)
row('disk hit, 1 KB, in batches of 5,000', await median(() => disk.getMany(keys)), 10)
row('disk write, 1 KB, in batches of 5,000', await median(() => disk.setMany(entries)))
{
  // The peer: what the disk tier stood on before. Its pages carry no checksum of their own.
  const { open } = await import('lmdb')
  const db = open<Uint8Array, string>({ path: join(folder, 'peer.lmdb'), noSubdir: true, encoding: 'binary' })
  const put = (): Promise<unknown> =>
    db.transaction(() => {
      for (const { key, value } of entries) db.putSync(key, value)
    })
  await put()
  row('peer: lmdb hit, 1 KB, unchecked, copied', await median(() => keys.map((key) => db.getBinary(key)?.slice())))
  row('peer: lmdb write, 1 KB, one transaction', await median(put))
  await db.close()
}
{
  const many = join(folder, 'many')
  const fill = await diskCache({ directory: many })
  const count = 100_000
  for (let from = 0; from < count; from += 5000)
    await fill.setMany(
      Array.from({ length: 5000 }, (_, i) => ({ key: contentKey(['many', from + i]), value: new Uint8Array(250) })),
    )
  await fill[Symbol.asyncDispose]()
  const times: number[] = []
  for (let r = 0; r < 5; r++) {
    const begun = performance.now()
    const again = await diskCache({ directory: many })
    times.push(performance.now() - begun)
    await again[Symbol.asyncDispose]()
  }
  const ms = times.sort((a, b) => a - b)[2]
  console.log(
    `opening a folder of ${count} entries of 250 bytes: ${ms.toFixed(0)} ms, ${((ms * 1e3) / count).toFixed(2)} us an entry`,
  )
}
if (noRedis === undefined) {
  const server = await startRedis()
  const redis = await redisCache({ url: server.url, timeoutMs: 10_000 })
  await redis.setMany(entries)
  row('redis hit, 1 KB, loopback, in batches of 5,000', await median(() => redis.getMany(keys)))
  await redis[Symbol.asyncDispose]()
  await server.stop()
} else console.log(`redis: ${noRedis}`)

const cross = defineStrategy({
  name: 'cross',
  params: { fast: int(5, 50), slow: int(51, 170) },
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
})
const programs = cross.bind([...cross.space.enumerate()].slice(0, COUNT))
const prefix = new KeyPrefix(['slice', 1])
row('programKey of a trial, nodes hashed once a table', await median(() => programs.map((p) => programKey(p))))
const programKeys = programs.map((p) => programKey(p))
row('the whole key of a trial on a slice', await median(() => programs.map((p) => prefix.key(programKey(p)))), 0.5)
row('plain: contentKey of the same', await median(() => programKeys.map((key) => contentKey(['slice', 1, key]))))

const stored = {
  asked: 'standard' as const,
  costMs: 1,
  result: {
    metrics: { sharpe: 1, sortino: 2, calmar: 3, maxDrawdown: -0.1, trades: 20, winRate: 0.5, totalReturn: 1 },
    moments: { count: 500, mean: 0.1, variance: 0.2, skew: 0, kurtosis: 3 },
  },
}
const bytes = encodeSlice(stored)
row('encode a slice result', await median(() => programs.map(() => encodeSlice(stored))))
row('decode and verify it', await median(() => programs.map(() => decodeSlice(bytes))))
await Promise.all([memory, disk].map((cache) => cache[Symbol.asyncDispose]()))
rmSync(folder, { recursive: true })
