import type { Key } from './key.ts'

/** One value to be kept. */
export interface Entry {
  readonly key: Key
  /** Copied or written before `setMany` resolves; the caller keeps it. */
  readonly value: Uint8Array
  /** What it cost to make, in ms: what a hit saves. */
  readonly costMs?: number | undefined
}

/** Counters of a cache since it was opened. */
export interface CacheStats {
  readonly hits: number
  readonly misses: number
  readonly writes: number
  /** Entries held now, as far as known. */
  readonly entries: number
  /** Bytes held now, as far as known. */
  readonly bytes: number
  /** Sum of `costMs` over the hits. */
  readonly savedMs: number
  /** Damaged entries met, each counted as a miss too. */
  readonly corrupt: number
  /** Counters of the tiers of a tiered cache, by name. */
  readonly tiers?: Readonly<Record<string, CacheStats>> | undefined
}

/**
 * Bytes by content key. A damaged, truncated or expired entry is a miss, never a result. After `dispose` every call
 * throws `DISPOSED`.
 */
export interface Cache extends AsyncDisposable {
  readonly name: string
  /** Values in the order of the keys, undefined where missing. The caller owns what it gets and may write to it. */
  getMany(keys: readonly Key[]): Promise<readonly (Uint8Array | undefined)[]>
  setMany(entries: readonly Entry[]): Promise<void>
  delete(keys: readonly Key[]): Promise<void>
  stats(): CacheStats
}
