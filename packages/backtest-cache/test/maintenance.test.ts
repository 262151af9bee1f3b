import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { diskCache, maintainCache } from '../src/index.ts'
import { numberedEntry } from './processes/content.ts'
import { temporaryFolder } from './temporary-folder.ts'

async function filled(): Promise<string> {
  const directory = temporaryFolder()
  const cache = await diskCache({ directory })
  for (let i = 0; i < 20; i += 5) await cache.setMany([0, 1, 2, 3, 4].map((k) => numberedEntry(i + k)))
  await cache[Symbol.asyncDispose]()
  return directory
}

describe('cache stats, clear, prune, verify', () => {
  it('stats counts', async () => {
    const report = await maintainCache('stats', { directory: await filled() })
    expect(report).toMatchObject({ entries: 20, removed: 0 })
    expect(report.text).toMatch(/^20 entries, \d+\.\d KiB$/)
  })

  it('clear empties', async () => {
    const directory = await filled()
    expect(await maintainCache('clear', { directory })).toMatchObject({ entries: 0, bytes: 0, removed: 20 })
    expect(await maintainCache('stats', { directory })).toMatchObject({ entries: 0 })
  })

  it('prune goes down to a size, oldest first', async () => {
    const directory = await filled()
    const report = await maintainCache('prune', { directory, maxBytes: 75_000 })
    expect(report.bytes).toBeLessThanOrEqual(75_000)
    expect(report.removed).toBeGreaterThan(0)
    const cache = await diskCache({ directory })
    expect((await cache.getMany([numberedEntry(18).key]))[0]).toEqual(numberedEntry(18).value)
    await cache[Symbol.asyncDispose]()
    const kept = report.entries
    expect(await maintainCache('prune', { directory })).toMatchObject({ entries: kept, removed: 0 }) // within 2 GiB
    expect(await maintainCache('prune', { directory, maxBytes: 0 })).toMatchObject({ entries: 0, removed: kept })
  })

  it('verify removes what is damaged or unused, and only that', async () => {
    const directory = await filled()
    const folder = join(directory, 'files', readdirSync(join(directory, 'files'))[0])
    rmSync(join(folder, readdirSync(folder)[0]))
    writeFileSync(join(folder, 'f'.repeat(32)), 'nobody')
    writeFileSync(join(folder, 'half.123-0.tmp'), 'half')
    expect(await maintainCache('verify', { directory })).toMatchObject({ damaged: 1, orphans: 2, entries: 19 })
    expect(existsSync(join(folder, 'half.123-0.tmp'))).toBe(false)
    expect(await maintainCache('verify', { directory })).toMatchObject({ damaged: 0, orphans: 0, entries: 19 })
  })

  it('refuses what is no cache', async () => {
    const directory = temporaryFolder()
    await expect(maintainCache('stats', { directory })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(readdirSync(directory)).toEqual([])
    await expect(maintainCache('state' as 'stats', { directory })).rejects.toThrow("did you mean 'stats'?")
  })
})
