import { poolSize } from './pool-size.ts'
import { type WorkerPool, type WorkerPoolOptions, workerPool } from './worker-pool.ts'

/** How long a pool that nobody uses stays. */
const KEPT_MS = 10_000

/** A pool of calls that brought none of their own. */
interface Kept {
  readonly pool: WorkerPool
  readonly listeners: Set<NonNullable<WorkerPoolOptions['onWarning']>>
  users: number
  /** Whether its workers run. */
  warm: boolean
  timer: NodeJS.Timeout | undefined
}

/** By number of workers. */
const kept = new Map<number, Kept>()

function keep(size: number): Kept {
  const listeners: Kept['listeners'] = new Set()
  const pool = workerPool({
    maxWorkers: size,
    onWarning: (warning) => {
      for (const listener of listeners) listener(warning)
    },
  })
  const entry: Kept = { pool, listeners, users: 0, warm: false, timer: undefined }
  kept.set(size, entry)
  return entry
}

/** A pool for one call. */
export interface LentPool {
  readonly pool: WorkerPool
  /** Whether its workers run: if not, starting them is to be waited for. */
  readonly warm: boolean
  /** Starts its workers. Whether there are any. */
  start(): Promise<boolean>
  /** Gives it back: it is closed some time after its last user, at once where its workers did not start. */
  release(): Promise<void>
}

/**
 * A pool of so many workers that stays for the calls to come: starting workers takes longer than many a sweep. It keeps
 * no process alive.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function lendPool({ maxWorkers, onWarning }: Pick<WorkerPoolOptions, 'maxWorkers' | 'onWarning'>): LentPool {
  const size = poolSize({ maxWorkers })
  const entry = kept.get(size) ?? keep(size)
  const { pool, listeners } = entry
  clearTimeout(entry.timer)
  entry.users++
  if (onWarning !== undefined) listeners.add(onWarning)
  const close = async (): Promise<void> => {
    if (kept.get(size) === entry) kept.delete(size)
    try {
      await pool[Symbol.asyncDispose]()
    } catch {
      // Its sweeps are over: there is nobody to tell.
    }
  }
  return {
    pool,
    get warm() {
      return entry.warm
    },
    async start() {
      entry.warm = await pool.start('thread')
      return entry.warm
    },
    async release() {
      if (onWarning !== undefined) listeners.delete(onWarning)
      if (--entry.users > 0) return
      if (pool.stats().inline === 1) await close()
      else entry.timer = setTimeout(close, KEPT_MS).unref()
    },
  }
}

/** A pool that is somebody's: it is begun with at once, and left open. */
export function ownPool(pool: WorkerPool): LentPool {
  return { pool, warm: true, start: () => pool.start('thread'), release: async () => undefined }
}
