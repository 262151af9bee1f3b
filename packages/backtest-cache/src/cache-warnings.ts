import { type Cache, type ErrorData, toErrorData } from '@tradewright/core'

/** Something a cache went on without: a damaged record, a tier that refuses. */
export interface CacheWarning {
  /** Name of the cache or tier. */
  readonly source: string
  readonly message: string
  readonly error?: ErrorData | undefined
}

/** A cache that says what it went on without. A system turns each warning into its event `warning:raised`. */
export interface WarningCache extends Cache {
  /** Calls `listener` at every warning; the returned function removes it. Warnings raised before are given at once. */
  onWarning(listener: (warning: CacheWarning) => void): () => void
}

/** Holds warnings until somebody listens; at most 100 of them. */
export class CacheWarnings {
  readonly #listeners = new Set<(warning: CacheWarning) => void>()
  #waiting: CacheWarning[] = []

  raise(source: string, message: string, error?: unknown): void {
    this.pass({ source, message, ...(error === undefined ? {} : { error: toErrorData(error, 'IO') }) })
  }

  /** Hands on another cache's warning. */
  readonly pass = (warning: CacheWarning): void => {
    if (this.#listeners.size === 0) {
      if (this.#waiting.length < 100) this.#waiting.push(warning)
      return
    }
    for (const listener of this.#listeners) listener(warning)
  }

  on(listener: (warning: CacheWarning) => void): () => void {
    this.#listeners.add(listener)
    const waiting = this.#waiting
    this.#waiting = []
    for (const warning of waiting) listener(warning)
    return () => this.#listeners.delete(listener)
  }
}

/** Whether a cache gives warnings. */
export function isWarningCache(cache: Cache): cache is WarningCache {
  return typeof (cache as Partial<WarningCache>).onWarning === 'function'
}
