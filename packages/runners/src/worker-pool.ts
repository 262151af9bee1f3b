import {
  type Clock,
  type Data,
  type ErrorData,
  fromErrorData,
  inlineTaskPool,
  systemClock,
  type Task,
  type TaskPool,
  TradewrightError,
  toErrorData,
} from '@tradewright/core'
import type PQueue from 'p-queue'
import { loadModule } from './load-module.ts'
import { openThreads } from './piscina-adapter.ts'
import { type PoolSizeOptions, poolSize, threadVariables } from './pool-size.ts'
import { processLane } from './process-lane.ts'
import { builtInModule, runTask, type TaskAnswer, type TaskMessage } from './task-protocol.ts'
import { createTaskQueue } from './task-queue.ts'
import { type Lane, threadLane } from './thread-lane.ts'
import { findWorker, type WorkerEntry } from './worker-entry.ts'
import { workerTasks } from './worker-tasks.ts'

/** Options of {@link workerPool}. */
export interface WorkerPoolOptions extends PoolSizeOptions {
  /** Where tasks run that do not say it themselves. @default 'thread' */
  readonly isolation?: 'thread' | 'process' | undefined
  /** How long a task may take, in ms; then its worker is ended. @default 600000 */
  readonly timeoutMs?: number | undefined
  /** Resident bytes a child process may have; above it it is replaced. @default none */
  readonly maxBytes?: number | undefined
  /** Old-generation heap of a worker thread, in MB. @default Node's own bound */
  readonly maxHeapMb?: number | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** Told once of each thing that the pool goes on without. */
  readonly onWarning?:
    | ((warning: { readonly message: string; readonly error?: ErrorData | undefined }) => void)
    | undefined
  /** Files that workers start with, for applications that ship them elsewhere. @default this package's */
  readonly entries?: { readonly thread?: string | undefined; readonly process?: string | undefined } | undefined
}

/** How one task of a {@link WorkerPool} is run. */
export interface RunOptions {
  /** Higher ones first. @default 0 */
  readonly priority?: number | undefined
  /** @default the pool's */
  readonly timeoutMs?: number | undefined
  /** Whether a value is an answer to the task; what is not is garbage, and the task runs again. */
  readonly accept?: ((value: Data) => boolean) | undefined
  /** Not begun once this is aborted. A task that runs already is let be: its worker stays. */
  readonly cancelled?: AbortSignal | undefined
}

/** Counters of a pool. */
export interface WorkerPoolStats extends Readonly<Record<string, number>> {
  /** Tasks that ended well. */
  readonly done: number
  /** Tasks that failed twice. */
  readonly failed: number
  /** Tasks run again after their worker died, hung, threw or gave garbage. */
  readonly retried: number
  /** Workers that run now. */
  readonly workers: number
  /** 1 where workers could not start and tasks run in line. */
  readonly inline: number
}

/** A pool of worker threads and child processes. */
export interface WorkerPool extends TaskPool, AsyncDisposable {
  /** Runs a task; higher priorities first. @throws as `TaskPool.run`. */
  run(task: Task, options?: RunOptions): Promise<Data>
  /** Starts the workers. Whether there are any: false where tasks run in line. @param isolation which; the pool's own where absent. */
  start(isolation?: 'thread' | 'process'): Promise<boolean>
  stats(): WorkerPoolStats
  /** Waits until every task is over. */
  idle(): Promise<void>
}

const STARTED_MS = 30_000

type Isolation = 'thread' | 'process'

/**
 * A pool of workers, as core's `TaskPool`: threads by piscina, child processes where a task asks for them.
 *
 * A task whose worker dies, hangs, throws or gives garbage is run once more, then fails with the reason; the pool keeps
 * its size. Where workers cannot start at all, tasks run in line, one at a time, and `onWarning` is told so.
 * An aborted task ends its worker. Workers start with the first task.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @example
 * ```ts
 * const pool = workerPool({ maxWorkers: 2 })
 * await pool.run({ module: new URL('./task.js', import.meta.url).href, export: 'work', data: { n: 1 } })
 * await pool[Symbol.asyncDispose]()
 * ```
 */
export function workerPool(options: WorkerPoolOptions = {}): WorkerPool {
  return new QueuedPool(options)
}

class QueuedPool implements WorkerPool {
  readonly size: number
  readonly #options: WorkerPoolOptions
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #queue: PQueue
  readonly #inline: TaskPool = inlineTaskPool(loadModule)
  readonly #builtIns = workerTasks(0)
  readonly #opening = new Map<Isolation, Promise<Lane | undefined>>()
  readonly #lanes = new Set<Lane>()
  #closing: Promise<void> | undefined
  readonly #aborts = new Set<AbortController>()
  #done = 0
  #failed = 0
  #retried = 0
  #inlineOnly = false

  constructor(options: WorkerPoolOptions) {
    const { timeoutMs = 600_000, maxBytes, clock = systemClock } = options
    for (const [name, value] of Object.entries({ timeoutMs, maxBytes: maxBytes ?? 1 }))
      if (!Number.isSafeInteger(value) || value < 1)
        throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= 1, was ${value}`, { [name]: value })
    this.size = poolSize(options)
    this.#options = options
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#queue = createTaskQueue(this.size)
  }

  #warn(message: string, error?: unknown): void {
    this.#options.onWarning?.({ message, ...(error === undefined ? {} : { error: toErrorData(error, 'TASK_FAILED') }) })
  }

  #entry(name: 'worker' | 'process-worker'): WorkerEntry {
    const own = this.#options.entries?.[name === 'worker' ? 'thread' : 'process']
    const found = own === undefined ? findWorker(name) : { file: own, execArgv: [] }
    if (found !== undefined) return found
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `the file of the ${name} was not found: leave @tradewright/runners out of the bundle, or install it beside it`,
    )
  }

  async #open(isolation: Isolation): Promise<Lane> {
    if (isolation === 'thread') {
      const { maxHeapMb } = this.#options
      return threadLane(await openThreads({ entry: this.#entry('worker'), threads: this.size, maxHeapMb }))
    }
    const { maxBytes } = this.#options
    const variables = threadVariables(this.#options, this.size)
    return processLane({ entry: this.#entry('process-worker'), maxBytes, clock: this.#clock, variables })
  }

  /** Workers that answered a first task, or undefined where there are none to be had. */
  async #start(isolation: Isolation): Promise<Lane | undefined> {
    const stop = new AbortController()
    let lane: Lane | undefined
    const late = new TradewrightError('TIMEOUT', `workers must start within ${STARTED_MS} ms`)
    const cancel = this.#clock.after(STARTED_MS, () => stop.abort(late))
    try {
      lane = await this.#open(isolation)
      await lane.run({ module: builtInModule, export: 'ping', data: undefined, shared: [] }, { signal: stop.signal })
      this.#lanes.add(lane)
      return lane
    } catch (error) {
      this.#inlineOnly = true
      this.#warn('workers could not be started: the run goes on in line, on one core', error)
      await lane?.[Symbol.asyncDispose]()
      return undefined
    } finally {
      cancel()
    }
  }

  #lane(isolation: Isolation): Promise<Lane | undefined> {
    let opening = this.#opening.get(isolation)
    if (opening === undefined) {
      opening = this.#start(isolation)
      this.#opening.set(isolation, opening)
    }
    return opening
  }

  async start(isolation: Isolation = this.#options.isolation ?? 'thread'): Promise<boolean> {
    return (await this.#lane(isolation)) !== undefined
  }

  run(task: Task, options: RunOptions = {}): Promise<Data> {
    if (this.#closing !== undefined)
      return Promise.reject(new TradewrightError('DISPOSED', 'a worker pool was used after it was closed'))
    const { priority = 0 } = options
    const { signal } = task
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    return this.#queue.add(() => this.#attempt(task, options), {
      priority,
      ...(signal === undefined ? {} : { signal }),
    })
  }

  async #attempt(task: Task, options: RunOptions): Promise<Data> {
    const { timeoutMs = this.#timeoutMs, accept = () => true, cancelled } = options
    const { isolation = this.#options.isolation ?? 'thread' } = task
    if (this.#closing !== undefined) throw new TradewrightError('DISPOSED', 'the worker pool was closed')
    cancelled?.throwIfAborted()
    const lane = await this.#lane(isolation)
    if (lane === undefined) return this.#runInline(task)
    let failure: unknown
    for (let attempt = 0; attempt < 2; attempt++) {
      task.signal?.throwIfAborted()
      if (attempt === 1) this.#retried++
      try {
        const answer = await this.#once(lane, task, timeoutMs)
        if (answer.status === 'done' && accept(answer.value)) {
          this.#done++
          return answer.value
        }
        failure =
          answer.status === 'failed'
            ? fromErrorData(answer.error)
            : new TradewrightError(
                'TASK_FAILED',
                `a worker gave an answer to '${task.export}' that does not fit the task`,
              )
      } catch (error) {
        task.signal?.throwIfAborted()
        if (this.#closing !== undefined) throw new TradewrightError('DISPOSED', 'the worker pool was closed')
        failure = error
      }
    }
    this.#failed++
    throw failure
  }

  /** One attempt on a worker, under the task's own signal and the time limit. */
  async #once(lane: Lane, task: Task, timeoutMs: number): Promise<TaskAnswer> {
    const stop = new AbortController()
    this.#aborts.add(stop)
    const abort = (): void => stop.abort(task.signal?.reason)
    task.signal?.addEventListener('abort', abort, { once: true })
    let cancel: () => void = () => undefined
    const started = (): void => {
      const late = new TradewrightError('TIMEOUT', `a task may take ${timeoutMs} ms`, {
        timeoutMs,
        module: task.module,
      })
      cancel = this.#clock.after(timeoutMs, () => stop.abort(late))
    }
    const message: TaskMessage = {
      module: task.module,
      export: task.export,
      data: task.data,
      shared: task.shared ?? [],
    }
    try {
      return await lane.run(message, { signal: stop.signal, maxBytes: task.maxBytes, started })
    } finally {
      cancel()
      this.#aborts.delete(stop)
      task.signal?.removeEventListener('abort', abort)
    }
  }

  async #runInline(task: Task): Promise<Data> {
    if (task.module !== builtInModule) return this.#inline.run(task)
    const answer = await runTask({ ...task, shared: task.shared ?? [] }, this.#builtIns)
    if (answer.status === 'done') return answer.value
    throw fromErrorData(answer.error)
  }

  stats(): WorkerPoolStats {
    return {
      done: this.#done,
      failed: this.#failed,
      retried: this.#retried,
      workers: [...this.#lanes].reduce((sum, lane) => sum + lane.workers, 0),
      inline: this.#inlineOnly ? 1 : 0,
    }
  }

  async idle(): Promise<void> {
    await this.#queue.onIdle()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= (async () => {
      const closed = new TradewrightError('DISPOSED', 'the worker pool was closed')
      for (const stop of this.#aborts) stop.abort(closed)
      const lanes = await Promise.all(this.#opening.values())
      await Promise.all(lanes.map((lane) => lane?.[Symbol.asyncDispose]()))
    })()
    return this.#closing
  }
}
