import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { contentKey, createManualClock, createRng } from '@tradewright/core'
import { afterAll, describe, expect, it } from 'vitest'
import { type DiskCache, diskCache, memoryCache, tieredCache } from '../src/index.ts'
import { bundled, runNode } from './bundled-process.ts'
import { numberedEntry } from './processes/content.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Reads every numbered entry: how many are there, and that those are whole. */
async function checkNumbered(directory: string, count: number): Promise<number> {
  const cache = await diskCache({ directory })
  try {
    const entries = Array.from({ length: count }, (_, i) => numberedEntry(i))
    const found = await cache.getMany(entries.map(({ key }) => key))
    let there = 0
    for (const [i, value] of found.entries()) {
      if (value === undefined) continue
      there++
      expect(Buffer.compare(value, entries[i].value), `entry ${i}`).toBe(0)
    }
    expect(cache.stats().corrupt).toBe(0)
    return there
  } finally {
    await cache[Symbol.asyncDispose]()
  }
}

describe('a process that is killed', () => {
  it('50 times while it writes, with a second writer beside it, leaves every record whole or absent', async () => {
    const writer = await bundled('writer')
    const directory = temporaryFolder()
    const rng = createRng(50, 0)
    let killed = 0
    let there = 0
    for (let round = 0; round < 25; round++) {
      const ends = await Promise.all(
        [0, 1].map((side) =>
          runNode(writer, [directory, String(side * 1000), '1000', String(rng.below(8)), String(rng.below(6000))]),
        ),
      )
      killed += ends.filter((end) => end.signal === 'SIGKILL').length
      for (const { err } of ends) expect(err).toBe('')
      if (round % 5 === 4) there = await checkNumbered(directory, 2000)
    }
    expect(killed).toBe(50)
    expect(there).toBeGreaterThan(100)
    const cache = await diskCache({ directory })
    expect((await cache.verify()).damaged).toBe(0)
    expect(await cache.verify()).toMatchObject({ damaged: 0, orphans: 0 })
    await cache[Symbol.asyncDispose]()
    expect(await checkNumbered(directory, 2000)).toBe(there)
  }, 240_000)
})

describe('two processes on one folder', () => {
  it('see each other and lose nothing', async () => {
    const writer = await bundled('writer')
    const directory = temporaryFolder()
    const ends = await Promise.all(
      ['0', '100', '50'].map((first) => runNode(writer, [directory, first, '200', '-1', '0'])),
    )
    expect(ends.map((end) => [end.code, end.err])).toEqual([
      [0, ''],
      [0, ''],
      [0, ''],
    ])
    expect(await checkNumbered(directory, 400)).toBe(300)
    const cache = await diskCache({ directory })
    expect(cache.stats().entries).toBe(300)
    expect(await cache.verify()).toEqual({ entries: 300, damaged: 0, orphans: 0 })
    await cache[Symbol.asyncDispose]()
  })
})

describe('damage', () => {
  it('of any byte of a file of records is a miss and a warning, never a wrong value, and costs no other record', async () => {
    const directory = temporaryFolder()
    const value = Uint8Array.from({ length: 40 }, (_, i) => 200 - i)
    const keys = ['flipped', 'beside'].map((name) => contentKey(name))
    const fill = await diskCache({ directory })
    await fill.setMany(keys.map((key) => ({ key, value, costMs: 3 })))
    await fill[Symbol.asyncDispose]()
    const [name] = readdirSync(join(directory, 'records'))
    const file = join(directory, 'records', name)
    const whole = readFileSync(file)
    const length = whole.length / 2
    for (let i = 0; i < whole.length; i++) {
      const flipped = Buffer.from(whole)
      flipped[i] ^= 1 << (i % 8)
      writeFileSync(file, flipped)
      const cache = await diskCache({ directory })
      const warnings: string[] = []
      cache.onWarning(({ message }) => warnings.push(message))
      const found = await cache.getMany(keys)
      expect(found[i < length ? 0 : 1], `byte ${i}`).toBeUndefined()
      expect(found[i < length ? 1 : 0], `byte ${i}`).toEqual(value)
      expect([cache.stats().corrupt, warnings.length], `byte ${i}`).toEqual([1, 1])
      await cache[Symbol.asyncDispose]()
    }
    const cache = await diskCache({ directory })
    expect((await cache.verify()).damaged).toBe(1)
    expect(await cache.verify()).toMatchObject({ entries: 1, damaged: 0 })
    await cache[Symbol.asyncDispose]()
  })

  it('of any byte while the file is open is a miss and a warning too, and a cut file a miss', async () => {
    const directory = temporaryFolder()
    const cache = await diskCache({ directory })
    const warnings: string[] = []
    cache.onWarning(({ message }) => warnings.push(message))
    const [a, b] = [1, 2].map(numberedEntry)
    await cache.setMany([a])
    const [name] = readdirSync(join(directory, 'records'))
    const file = join(directory, 'records', name)
    const { length } = readFileSync(file)
    for (let i = 0; i < length; i++) {
      await cache.setMany([a])
      const from = readFileSync(file).length - length
      const handle = openSync(file, 'r+')
      const byte = Buffer.alloc(1)
      readSync(handle, byte, 0, 1, from + i)
      byte[0] ^= 1 << (i % 8)
      writeSync(handle, byte, 0, 1, from + i)
      closeSync(handle)
      expect((await cache.getMany([a.key]))[0], `byte ${i}`).toBeUndefined()
      expect(warnings.length, `byte ${i}`).toBe(i + 1)
    }
    await cache.setMany([a, b])
    truncateSync(file, readFileSync(file).length - 1)
    expect(await cache.getMany([a.key, b.key])).toEqual([a.value, undefined])
    await cache[Symbol.asyncDispose]()
  })

  it('of a large value, or its loss, is a miss and a warning', async () => {
    const directory = temporaryFolder()
    const [a, b] = [numberedEntry(9), numberedEntry(19)]
    const cache = await diskCache({ directory })
    const warnings: string[] = []
    cache.onWarning(({ message }) => warnings.push(message))
    await cache.setMany([a, b])
    const list = spawnSync('find', [join(directory, 'files'), '-type', 'f'])
      .stdout.toString()
      .trim()
      .split('\n')
    expect(list.length).toBe(2)
    const flipped = readFileSync(list[0])
    flipped[12_345] ^= 1
    writeFileSync(list[0], flipped)
    rmSync(list[1])
    expect(await cache.getMany([a.key, b.key])).toEqual([undefined, undefined])
    expect([cache.stats().corrupt, warnings.length]).toEqual([2, 2])
    await cache.setMany([a, b]) // written anew
    expect((await cache.getMany([a.key]))[0]).toEqual(a.value)
    await cache[Symbol.asyncDispose]()
  })

  it('of a whole file costs what stood in it, and is cleared away by verify', async () => {
    const directory = temporaryFolder()
    mkdirSync(join(directory, 'records'), { recursive: true })
    writeFileSync(join(directory, 'records', '0000000000-1-x-0.log'), Buffer.alloc(20_000, 'no record'))
    const cache = await diskCache({ directory })
    const warnings: string[] = []
    cache.onWarning(({ message }) => warnings.push(message))
    expect(warnings[0]).toContain('damaged: it counts as missing')
    await cache.setMany([numberedEntry(1)])
    expect((await cache.getMany([numberedEntry(1).key]))[0]).toEqual(numberedEntry(1).value)
    expect((await cache.verify()).damaged).toBe(1)
    expect(cache.stats().bytes).toBeLessThan(1000)
    await cache[Symbol.asyncDispose]()
  })
})

describe('two caches on one folder', () => {
  it('see what the other wrote, removed, pruned and cleared', async () => {
    const clock = createManualClock(1_000_000)
    const directory = temporaryFolder()
    const [one, two] = [await diskCache({ directory, clock }), await diskCache({ directory, clock })]
    const [a, b, large] = [1, 2, 9].map(numberedEntry)
    const there = async (cache: DiskCache): Promise<readonly boolean[]> => {
      clock.advance(101)
      return (await cache.getMany([a, b, large].map(({ key }) => key))).map((value) => value !== undefined)
    }
    await one.setMany([a, large])
    await two.setMany([b])
    expect(await there(one)).toEqual([true, true, true])
    expect(await there(two)).toEqual([true, true, true])
    await two.delete([a.key, large.key])
    expect(await there(one)).toEqual([false, true, false])
    await one.setMany([a])
    expect(await there(two)).toEqual([true, true, false])
    await two.clear()
    expect(one.stats()).toMatchObject({ entries: 0, bytes: 0 })
    expect(await there(one)).toEqual([false, false, false])
    await one.setMany([a]) // its own file was removed by the other: it begins a new one
    expect(await there(two)).toEqual([true, false, false])
    expect([one.stats().corrupt, two.stats().corrupt]).toEqual([0, 0])
    await one[Symbol.asyncDispose]()
    await two[Symbol.asyncDispose]()
  })

  it('put many small files together when one is opened', async () => {
    const directory = temporaryFolder()
    for (let i = 0; i < 40; i++) {
      const cache = await diskCache({ directory })
      await cache.setMany([numberedEntry(i)])
      await cache[Symbol.asyncDispose]()
    }
    expect(readdirSync(join(directory, 'records')).length).toBeLessThan(34)
    expect(await checkNumbered(directory, 40)).toBe(40)
    const cache = await diskCache({ directory })
    expect(await cache.verify()).toEqual({ entries: 40, damaged: 0, orphans: 0 })
    await cache[Symbol.asyncDispose]()
  })
})

describe('a folder that is removed in mid-run', () => {
  it('costs only speed, and says so', async () => {
    const directory = join(temporaryFolder(), 'cache')
    const cache = tieredCache([memoryCache(), await diskCache({ directory })], { retryMs: 1 })
    const warnings: string[] = []
    cache.onWarning(({ message }) => warnings.push(message))
    await cache.setMany([numberedEntry(1)])
    await cache.flush()
    rmSync(directory, { recursive: true })
    await cache.setMany([numberedEntry(2), numberedEntry(9)])
    await cache.flush()
    expect((await cache.getMany([numberedEntry(2).key]))[0]).toEqual(numberedEntry(2).value)
    expect(warnings.length).toBe(1)
    expect(warnings[0]).toContain('its folder was removed')
    await cache[Symbol.asyncDispose]()
  })
})

describe('a log that is let go of while it is written', () => {
  it('is closed after the write: no other file gets its bytes', async () => {
    const others = temporaryFolder()
    for (let round = 0; round < 12; round++) {
      const directory = join(temporaryFolder(), 'cache')
      const cache = await diskCache({ directory })
      await cache.setMany([numberedEntry(1)])
      const value = new Uint8Array(60_000).fill(7)
      const writing = cache.setMany(Array.from({ length: 200 }, (_, i) => ({ key: contentKey(i), value })))
      for (let i = 0; i < round; i++) await new Promise(setImmediate)
      rmSync(directory, { recursive: true })
      cache.stats() // sees that its log is gone
      const handles = Array.from({ length: 4 }, (_, i) => openSync(join(others, `${round}-${i}`), 'w+'))
      await writing.catch(() => undefined)
      for (const [i, handle] of handles.entries()) {
        expect(readFileSync(join(others, `${round}-${i}`)).length).toBe(0)
        closeSync(handle)
      }
      await cache[Symbol.asyncDispose]()
    }
  })
})

const mounted = ((): string | undefined => {
  const directory = temporaryFolder()
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', directory]).status === 0 ? directory : undefined
})()

afterAll(() => {
  if (mounted !== undefined) spawnSync('umount', [mounted])
})

describe.skipIf(mounted === undefined)(
  `a full disk${mounted === undefined ? ' (skipped: no right to mount a small tmpfs)' : ''}`,
  () => {
    it('is a warning and misses, never a wrong value', async () => {
      const { code, signal, out, err } = await runNode(await bundled('full-disk'), [mounted ?? ''])
      expect([code, signal, err]).toEqual([0, null, ''])
      const { wrong, found, warnings } = JSON.parse(out) as { wrong: number; found: number; warnings: string[] }
      expect(wrong).toBe(0)
      expect(found).toBeGreaterThan(20)
      expect(warnings[0]).toContain("tier 'disk' failed")
    })
  },
)
