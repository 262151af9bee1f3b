import type { Cache, Entry, Key } from '@tradewright/core'

/** A cache that also tells what each value cost to make, so that a tier above can count what its hits save. */
export interface TierCache extends Cache {
  /** Like `getMany`, with the cost of each value. Counts the same hits and misses. */
  getEntries(keys: readonly Key[]): Promise<readonly (Entry | undefined)[]>
}

/** Entries of any cache; without costs where the cache does not tell them. */
export async function entriesOf(cache: Cache, keys: readonly Key[]): Promise<readonly (Entry | undefined)[]> {
  const { getEntries } = cache as Partial<TierCache>
  if (getEntries !== undefined) return getEntries.call(cache, keys)
  const values = await cache.getMany(keys)
  return values.map((value, i) => (value === undefined ? undefined : { key: keys[i], value }))
}

/** The values of entries. */
export function valuesOf(entries: readonly (Entry | undefined)[]): readonly (Uint8Array | undefined)[] {
  return entries.map((entry) => entry?.value)
}
