import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Cache, type CacheStats, type Entry, type Key, TradewrightError } from '@tradewright/core'

/** Options of {@link stateFiles}. */
export interface StateFilesOptions {
  readonly directory: string
  /** The oldest are removed above this. @default 2 GiB */
  readonly maxBytes?: number | undefined
}

const DIGEST = 32
const digest = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

/**
 * A {@link Cache} of one file a value, each with its checksum: what is damaged is a miss. Processes may share the folder.
 *
 * @throws TradewrightError `IO` where the folder cannot be made; `DISPOSED` after it was closed.
 */
export function stateFiles({ directory, maxBytes = 2 * 1024 ** 3 }: StateFilesOptions): Cache {
  try {
    mkdirSync(directory, { recursive: true })
  } catch (cause) {
    throw new TradewrightError(
      'IO',
      `states could not be kept in ${directory}: ${(cause as Error).message}`,
      { directory },
      { cause },
    )
  }
  let closed = false
  let number = 0
  let sinceSwept = Number.POSITIVE_INFINITY
  const costs = new Map<Key, number>()
  const counts = { hits: 0, misses: 0, writes: 0, entries: 0, bytes: 0, savedMs: 0, corrupt: 0 }
  const check = (): void => {
    if (closed) throw new TradewrightError('DISPOSED', 'states must not be used after they were closed')
  }
  const folder = (key: Key): string => join(directory, key.slice(0, 2))
  const path = (key: Key): string => join(folder(key), `${key}.state`)

  async function read(key: Key): Promise<Uint8Array | undefined> {
    let bytes: Buffer
    try {
      bytes = await readFile(path(key))
    } catch {
      counts.misses++
      return undefined
    }
    const value = bytes.subarray(DIGEST)
    if (bytes.length < DIGEST || !digest(value).equals(bytes.subarray(0, DIGEST))) {
      counts.misses++
      counts.corrupt++
      return undefined
    }
    counts.hits++
    counts.savedMs += costs.get(key) ?? 0
    return new Uint8Array(value)
  }

  async function write({ key, value, costMs = 0 }: Entry): Promise<void> {
    const content = Buffer.concat([digest(value), value]) // a copy before the first wait: the caller keeps its own
    await mkdir(folder(key), { recursive: true })
    const temporary = join(folder(key), `${key}.${process.pid}.${number++}.tmp`)
    try {
      await writeFile(temporary, content) // not synced: a torn file fails its checksum, and is trained again
      await rename(temporary, path(key))
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => undefined)
      throw new TradewrightError(
        'IO',
        `a state could not be kept in ${directory}: ${(cause as Error).message}`,
        { directory },
        { cause },
      )
    }
    if (Number.isFinite(costMs)) costs.set(key, costMs)
    counts.writes++
    sinceSwept += content.length
    if (sinceSwept > maxBytes / 16) await sweep()
  }

  /** Counts what is there, and removes the oldest above the limit. */
  async function sweep(): Promise<void> {
    sinceSwept = 0
    const files: { readonly file: string; readonly size: number; readonly at: number }[] = []
    for (const part of await readdir(directory, { withFileTypes: true })) {
      if (!part.isDirectory()) continue
      for (const name of await readdir(join(directory, part.name))) {
        const file = join(directory, part.name, name)
        const found = await stat(file).catch(() => undefined)
        if (found !== undefined && name.endsWith('.state')) files.push({ file, size: found.size, at: found.mtimeMs })
      }
    }
    files.sort((a, b) => a.at - b.at)
    counts.entries = files.length
    counts.bytes = files.reduce((sum, { size }) => sum + size, 0)
    for (const { file, size } of files) {
      if (counts.bytes <= maxBytes) break
      await rm(file, { force: true })
      counts.bytes -= size
      counts.entries--
    }
  }

  return {
    name: 'state-files',
    async getMany(keys) {
      check()
      return Promise.all(keys.map(read))
    },
    async setMany(entries) {
      check()
      await Promise.all(entries.map(write))
    },
    async delete(keys) {
      check()
      await Promise.all(keys.map((key) => rm(path(key), { force: true })))
    },
    stats(): CacheStats {
      check()
      return { ...counts }
    },
    async [Symbol.asyncDispose]() {
      closed = true
    },
  }
}
