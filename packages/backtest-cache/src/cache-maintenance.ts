import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TradewrightError, unknownName } from '@tradewright/core'
import { diskCache } from './disk-cache.ts'

/** What can be done to a cache folder from outside. */
export type CacheAction = 'stats' | 'clear' | 'prune' | 'verify'

/** The actions of {@link maintainCache}, in the order of the command line. */
export const cacheActions: readonly CacheAction[] = Object.freeze(['stats', 'clear', 'prune', 'verify'] as const)

/** Options of {@link maintainCache}. */
export interface MaintainCacheOptions {
  readonly directory: string
  /** Bytes to prune down to. @default 2 GiB, the bound of a cache that was given none */
  readonly maxBytes?: number | undefined
}

/** What was found and done. */
export interface CacheReport {
  readonly action: CacheAction
  readonly directory: string
  /** Entries and bytes held afterwards. */
  readonly entries: number
  readonly bytes: number
  /** Entries that went. */
  readonly removed: number
  /** `verify`: damaged entries among those removed. */
  readonly damaged: number
  /** `verify`: files that no entry used, removed. */
  readonly orphans: number
  /** What the cache went on without while it was open. */
  readonly warnings: readonly string[]
  /** The same in one line. */
  readonly text: string
}

const MIB = 1024 ** 2
const size = (bytes: number): string =>
  bytes < 1024 ? `${bytes} B` : bytes < MIB ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`

/**
 * `tradewright cache stats|clear|prune|verify`: looks after a folder that {@link diskCache} made. Safe while others use it.
 *
 * @throws TradewrightError `NOT_FOUND` where there is no cache, `UNKNOWN_NAME` for the action, `BAD_OPTION`, `IO`.
 */
export async function maintainCache(action: CacheAction, options: MaintainCacheOptions): Promise<CacheReport> {
  const { directory, maxBytes = 2 * 1024 ** 3 } = options
  if (!cacheActions.includes(action)) throw unknownName('cache action', String(action), cacheActions)
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0)
    throw new TradewrightError('BAD_OPTION', `maxBytes must be an integer >= 0, was ${maxBytes}`, { maxBytes })
  const there = await stat(join(directory, 'records')).catch(() => undefined)
  if (there === undefined) throw new TradewrightError('NOT_FOUND', `there is no cache in ${directory}`, { directory })
  const cache = await diskCache({ directory })
  try {
    const warnings: string[] = []
    cache.onWarning(({ message }) => warnings.push(message))
    const before = cache.stats().entries
    const found = { damaged: 0, orphans: 0 }
    if (action === 'clear') await cache.clear()
    else if (action === 'prune') await cache.prune(maxBytes)
    else if (action === 'verify') {
      const { damaged, orphans } = await cache.verify()
      Object.assign(found, { damaged, orphans })
    }
    const { entries, bytes } = cache.stats()
    const removed = before - entries
    const held = `${entries} entries, ${size(bytes)}`
    const text =
      action === 'stats'
        ? held
        : action === 'verify'
          ? `${before} entries read, ${found.damaged} damaged and ${found.orphans} unused files removed; ${held}`
          : `${removed} entries removed; ${held}`
    return { action, directory, entries, bytes, removed, ...found, warnings, text }
  } finally {
    await cache[Symbol.asyncDispose]()
  }
}
