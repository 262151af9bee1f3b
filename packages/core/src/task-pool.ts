import type { Data } from './data.ts'
import { TradewrightError } from './error.ts'

/** Work for a pool: a function of a module, by name, with plain data. */
export interface Task {
  /** URL or path of the module. */
  readonly module: string
  /** Name of the exported function `(data, { shared, signal }) => Data | Promise<Data>`. */
  readonly export: string
  readonly data: Data
  /** Memory that goes along without a copy. */
  readonly shared?: readonly SharedArrayBuffer[] | undefined
  /** Threads share the process; processes are apart, for native engines and memory limits. @default 'thread' */
  readonly isolation?: 'thread' | 'process' | undefined
  /** Memory the task may use; above it the worker is replaced and the task fails. Only with `process`. */
  readonly maxBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a task's function gets beside its data. */
export interface TaskContext {
  readonly shared: readonly SharedArrayBuffer[]
  readonly signal: AbortSignal
}

/** Runs tasks somewhere: in line here; `@tradewright/runners` brings threads and processes. */
export interface TaskPool {
  /** Tasks that run at the same time. */
  readonly size: number
  /** @throws TradewrightError `TASK_FAILED` with the reason; the signal's reason when aborted. */
  run(task: Task): Promise<Data>
}

/**
 * A pool that runs each task in this thread, one at a time.
 *
 * @param load imports a module. @default the runtime's own `import()`
 */
export function inlineTaskPool(load: (module: string) => Promise<unknown> = (module) => import(module)): TaskPool {
  let last: Promise<unknown> = Promise.resolve()
  const execute = async (task: Task): Promise<Data> => {
    task.signal?.throwIfAborted()
    const exports = (await load(task.module)) as Readonly<Record<string, unknown>>
    const run = exports[task.export]
    if (typeof run !== 'function')
      throw new TradewrightError('TASK_FAILED', `module ${task.module} must export a function '${task.export}'`, {
        module: task.module,
        export: task.export,
        known: Object.keys(exports),
      })
    const context: TaskContext = { shared: task.shared ?? [], signal: task.signal ?? new AbortController().signal }
    return (await run(task.data, context)) as Data
  }
  return {
    size: 1,
    run(task) {
      const result = last.then(() => execute(task))
      last = result.catch(() => undefined)
      return result
    },
  }
}
