import type { Cache, CacheStats, Events, Optimizer } from '@tradewright/core'
import type { ResolvedCaching } from './configuration.ts'

/** The result cache of a system. */
export interface OpenedCache {
  readonly optimizer: Optimizer
  readonly cache: Cache
  stats(): CacheStats
}

/** Opens the result cache; undefined where it is off. */
export async function openResultCache(caching: ResolvedCaching, events: Events): Promise<OpenedCache | undefined> {
  void caching
  void events
  return undefined
}
