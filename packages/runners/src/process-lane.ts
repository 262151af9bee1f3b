import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type Clock, TradewrightError } from '@tradewright/core'
import { SentBars } from './lent-bars.ts'
import { builtInModule, type TaskMessage } from './task-protocol.ts'
import { checkedAnswer, type Lane, type LaneLimits } from './thread-lane.ts'
import type { WorkerEntry } from './worker-entry.ts'

/** Options of {@link processLane}. */
export interface ProcessLaneOptions {
  readonly entry: WorkerEntry
  /** Resident bytes a child may have; above it the child is replaced. None where absent. */
  readonly maxBytes: number | undefined
  readonly clock: Clock
  /** Variables of a child's environment, beside this process's. @default none */
  readonly variables?: Readonly<Record<string, string>> | undefined
}

const PAGE = 4096
/** How often a busy child's memory is looked at. */
const WATCH_MS = 50
const STARTED_MS = 20_000

/** Resident bytes of a process; undefined where the system does not tell. */
function residentBytes(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE
  } catch {
    return undefined
  }
}

/** One child: runs one task at a time. */
class Child {
  readonly process: ChildProcess
  readonly ready: Promise<void>
  busy = false
  /** The bars that it has. */
  readonly sent: SentBars = new SentBars()
  #waiting: { readonly id: number; settle(answer: unknown): void; fail(error: unknown): void } | undefined
  #next = 0
  #ended: TradewrightError | undefined

  constructor({ file, execArgv }: WorkerEntry, variables: Readonly<Record<string, string>>) {
    this.process = fork(file, [], {
      execArgv: [...execArgv],
      env: { ...process.env, ...variables },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.ready = new Promise((resolve, reject) => {
      this.process.on('message', (message: { ready?: boolean; id?: number; answer?: unknown }) => {
        if (message.ready === true) resolve()
        else if (message.id === this.#waiting?.id) this.#waiting?.settle(message.answer)
      })
      this.process.once('error', (cause) => this.#end(cause.message, reject))
      this.process.once('exit', (code, signal) => this.#end(signal ?? `exit code ${code}`, reject))
    })
    this.ready.catch(() => undefined) // whoever waits is told
  }

  #end(why: string, reject: (error: unknown) => void): void {
    this.#ended ??= new TradewrightError('TASK_FAILED', `a worker process ended: ${why}`, { reason: why })
    reject(this.#ended)
    this.#waiting?.fail(this.#ended)
  }

  get alive(): boolean {
    return this.#ended === undefined
  }

  kill(): void {
    this.process.kill('SIGKILL')
  }

  run(task: TaskMessage): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended)
        return
      }
      const id = this.#next++
      const done = (finish: () => void): void => {
        this.#waiting = undefined
        finish()
      }
      this.#waiting = { id, settle: (answer) => done(() => resolve(answer)), fail: (e) => done(() => reject(e)) }
      const lean = task.module === builtInModule ? { ...task, data: this.sent.lean(task.data) } : task
      this.process.send({ id, task: lean }, (error) => {
        if (error !== null)
          this.#waiting?.fail(new TradewrightError('TASK_FAILED', `a task could not be sent: ${error.message}`))
      })
    })
  }
}

/**
 * Child processes, for native engines that must not share a process. A child above its memory limit is replaced.
 * Shared memory does not reach another process: what lies in it is copied.
 */
export function processLane(options: ProcessLaneOptions): Lane {
  return new Children(options)
}

class Children implements Lane {
  readonly #options: ProcessLaneOptions
  readonly #children = new Set<Child>()

  constructor(options: ProcessLaneOptions) {
    this.#options = options
  }

  get workers(): number {
    return [...this.#children].filter((child) => child.alive).length
  }

  async #free(): Promise<Child> {
    for (const child of this.#children) {
      if (!child.alive) this.#children.delete(child)
      else if (!child.busy) {
        child.busy = true // at once: the next caller must not find it free
        return child
      }
    }
    const child = new Child(this.#options.entry, this.#options.variables ?? {})
    child.busy = true
    this.#children.add(child)
    const cancel = this.#options.clock.after(STARTED_MS, () => child.kill())
    try {
      await child.ready
    } finally {
      cancel()
    }
    return child
  }

  async run(message: TaskMessage, limits: LaneLimits): ReturnType<Lane['run']> {
    const { signal, maxBytes = this.#options.maxBytes } = limits
    const child = await this.#free()
    limits.started?.()
    let tooLarge: TradewrightError | undefined
    const abort = (): void => child.kill()
    signal.addEventListener('abort', abort, { once: true })
    const stopWatching = this.#watch(child, maxBytes, (error) => {
      tooLarge = error
      child.kill()
    })
    try {
      if (signal.aborted) throw signal.reason
      return checkedAnswer(await child.run(message))
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw tooLarge ?? error
    } finally {
      signal.removeEventListener('abort', abort)
      stopWatching()
      child.busy = false
      if (above(child, maxBytes) !== undefined) child.kill() // it gave its answer; the next one starts small
      if (!child.alive) this.#children.delete(child)
    }
  }

  /** Looks at a child's memory while it works. */
  #watch(child: Child, maxBytes: number | undefined, tell: (error: TradewrightError) => void): () => void {
    if (maxBytes === undefined) return () => undefined
    let cancel: () => void = () => undefined
    const look = (): void => {
      const bytes = above(child, maxBytes)
      if (bytes === undefined) cancel = this.#options.clock.after(WATCH_MS, look)
      else
        tell(
          new TradewrightError('OUT_OF_MEMORY', `a worker process may use ${maxBytes} bytes, used ${bytes}`, {
            maxBytes,
            bytes,
          }),
        )
    }
    cancel = this.#options.clock.after(WATCH_MS, look)
    return () => cancel()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = [...this.#children].map(
      (child) =>
        new Promise<void>((resolve) => (child.alive ? child.process.once('exit', () => resolve()) : resolve())),
    )
    for (const child of this.#children) child.kill()
    await Promise.all(ends)
    this.#children.clear()
  }
}

/** Bytes of a child where they are above the limit. */
function above({ process: { pid } }: Child, maxBytes: number | undefined): number | undefined {
  if (maxBytes === undefined || pid === undefined) return undefined
  const bytes = residentBytes(pid)
  return bytes !== undefined && bytes > maxBytes ? bytes : undefined
}
