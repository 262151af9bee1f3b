import { engineVersion, programKey } from '@tradewright/backtest'
import {
  diskCache,
  memoryCache,
  type ResultCacheOptions,
  type ResultCacheStats,
  resultCache,
  type TieredCache,
  tieredCache,
} from '@tradewright/backtest-cache'
import {
  type Cache,
  type CacheStats,
  type Clock,
  type ErrorData,
  isTradewrightError,
  type Optimizer,
  toErrorData,
} from '@tradewright/core'
import type { ResolvedCaching } from './configuration.ts'
import { durationSeconds } from './duration.ts'

/** The result cache of a system. */
export interface OpenedCache {
  readonly optimizer: Optimizer
  readonly cache: Cache
  /** What the run goes on without, and why; undefined where every tier could be opened. */
  readonly warning: { readonly source: string; readonly message: string; readonly error: ErrorData } | undefined
  /** Look-ups of whole evaluations, and what the tiers hold. */
  stats(): CacheStats
}

type Disk = Exclude<ResolvedCaching['disk'], false>

/** The disk tier, or why there is none: a folder that cannot be written costs speed, never a run. */
async function openDisk({ directory, maxBytes }: Disk, clock: Clock): Promise<Cache | OpenedCache['warning']> {
  try {
    return await diskCache({ directory, maxBytes, clock })
  } catch (error) {
    if (isTradewrightError(error) && error.code === 'BAD_OPTION') throw error
    const message = `the run goes on without the disk cache: ${error instanceof Error ? error.message : String(error)}`
    return { source: 'disk-cache', message, error: toErrorData(error, 'IO') }
  }
}

/** Opens the result cache; undefined where it is switched off. */
export async function openResultCache(caching: ResolvedCaching, clock: Clock): Promise<OpenedCache | undefined> {
  const { enabled, maxCacheSize, cacheTtl, disk, admission } = caching
  if (!enabled) return undefined
  const memory = memoryCache({ maxEntries: maxCacheSize, ttlMs: (durationSeconds(cacheTtl) ?? 0) * 1000, clock })
  const opened = disk === false ? undefined : await openDisk(disk, clock)
  const warning = opened !== undefined && 'message' in opened ? opened : undefined
  const second = opened !== undefined && !('message' in opened) ? [opened] : []
  const cache = tieredCache([memory, ...second], { clock })
  const options: ResultCacheOptions = { cache, programKey, engineVersion, admission, own: true }
  const optimizer = resultCache(options)
  const results: { stats(): ResultCacheStats } = optimizer
  return { optimizer, cache, warning, stats: () => statsOf(results.stats(), cache) }
}

/** Hits and misses count evaluations, not tiers; the rest is the tiers' own. */
function statsOf(results: ResultCacheStats, cache: TieredCache): CacheStats {
  const { hits, misses, savedMs, stored } = results
  return { ...cache.stats(), hits, misses, savedMs, writes: stored }
}
