import { availableParallelism } from 'node:os'
import { TradewrightError } from '@tradewright/core'

/** What decides how many workers a pool has. */
export interface PoolSizeOptions {
  /** Honoured as it is; from 1 to 1024. @default as many as the cores allow, at most 8 */
  readonly maxWorkers?: number | undefined
  /**
   * Threads that a native engine starts in each worker (OpenBLAS, TensorFlow): they count as cores, and child processes
   * are told to start no more.
   *
   * @default in a pool of child processes what `OMP_NUM_THREADS` or `OPENBLAS_NUM_THREADS` says, else 1
   */
  readonly threadsPerWorker?: number | undefined
  /** Cores of the machine. @default what the operating system allows this process */
  readonly cores?: number | undefined
  /** Where its tasks run: native engines are expected in child processes. @default 'thread' */
  readonly isolation?: 'thread' | 'process' | undefined
}

const MOST_WORKERS = 1024
/** What native engines read their number of threads from. */
const THREAD_VARIABLES = ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'] as const

type Environment = Readonly<Record<string, string | undefined>>

/** Threads that a native engine would start by the environment; undefined where it says nothing. */
function toldThreads(env: Environment): number | undefined {
  const told = THREAD_VARIABLES.map((name) => Number.parseInt(env[name] ?? '', 10)).filter((count) => count >= 1)
  return told.length === 0 ? undefined : Math.max(...told)
}

/**
 * How many workers a pool has: by default no more threads than cores, native engines' own included.
 *
 * The host's thread is not counted, since it mostly waits: two workers on two cores.
 *
 * @param env the process's environment: a pool of child processes counts the threads that it gives native engines.
 * @throws TradewrightError `BAD_OPTION`.
 */
export function poolSize(options: PoolSizeOptions = {}, env: Environment = process.env): number {
  const { maxWorkers, cores = availableParallelism(), isolation = 'thread' } = options
  const { threadsPerWorker = (isolation === 'process' ? toldThreads(env) : undefined) ?? 1 } = options
  for (const [name, value] of Object.entries({ maxWorkers: maxWorkers ?? 1, threadsPerWorker, cores }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= 1, was ${value}`, { [name]: value })
  if (maxWorkers !== undefined && maxWorkers > MOST_WORKERS)
    throw new TradewrightError('BAD_OPTION', `maxWorkers must be at most ${MOST_WORKERS}, was ${maxWorkers}`, {
      maxWorkers,
    })
  return maxWorkers ?? Math.max(1, Math.min(8, Math.floor(cores / threadsPerWorker)))
}

/**
 * What a child process's environment says of threads: each engine would start one a core otherwise, in every child.
 * What the process's own environment says goes before.
 *
 * @param size children that may run at the same time.
 */
export function threadVariables(
  { threadsPerWorker, cores = availableParallelism() }: PoolSizeOptions,
  size: number,
  env: Environment = process.env,
): Readonly<Record<string, string>> {
  const threads = threadsPerWorker ?? toldThreads(env) ?? Math.max(1, Math.floor(cores / size))
  const silent = THREAD_VARIABLES.filter((name) => threadsPerWorker !== undefined || (env[name] ?? '') === '')
  return Object.fromEntries(silent.map((name) => [name, String(threads)]))
}
