import { availableParallelism } from 'node:os'
import { TradewrightError } from '@tradewright/core'

/** What decides how many workers a pool has. */
export interface PoolSizeOptions {
  /** Honoured as it is; from 1. @default as many as the cores allow, at most 8 */
  readonly maxWorkers?: number | undefined
  /** Threads that a native engine starts in each worker (OpenBLAS, TensorFlow): they count as cores. @default 1 */
  readonly threadsPerWorker?: number | undefined
  /** Cores of the machine. @default what the operating system allows this process */
  readonly cores?: number | undefined
}

/**
 * How many workers a pool has: by default no more threads than cores, native engines' own included.
 *
 * The host's thread is not counted, since it mostly waits: two workers on two cores.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function poolSize(options: PoolSizeOptions = {}): number {
  const { maxWorkers, threadsPerWorker = 1, cores = availableParallelism() } = options
  for (const [name, value] of Object.entries({ maxWorkers: maxWorkers ?? 1, threadsPerWorker, cores }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= 1, was ${value}`, { [name]: value })
  return maxWorkers ?? Math.max(1, Math.min(8, Math.floor(cores / threadsPerWorker)))
}
