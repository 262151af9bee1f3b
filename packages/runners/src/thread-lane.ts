import { TradewrightError } from '@tradewright/core'
import type { Piscina } from 'piscina'
import { readAnswer, type TaskAnswer, type TaskMessage } from './task-protocol.ts'

/** Bounds of one task. */
export interface LaneLimits {
  /** Aborted, it ends the worker. */
  readonly signal: AbortSignal
  readonly maxBytes?: number | undefined
  /** Called when a worker has the task: from then on its time counts. */
  readonly started?: (() => void) | undefined
}

/** Where tasks run: resolves to an answer, rejects where the worker died, hung or gave garbage. */
export interface Lane extends AsyncDisposable {
  /** Workers that run now. */
  readonly workers: number
  run(message: TaskMessage, limits: LaneLimits): Promise<TaskAnswer>
}

/** What piscina says of a worker's end, as one of our codes. */
export function deathOf(cause: unknown): TradewrightError {
  const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown }
  const text = typeof message === 'string' ? message : String(cause)
  if (code === 'ERR_WORKER_OUT_OF_MEMORY' || /out of memory|heap limit/i.test(text))
    return new TradewrightError('OUT_OF_MEMORY', `a worker ran out of memory: ${text}`, { reason: text }, { cause })
  return new TradewrightError('TASK_FAILED', `a worker ended: ${text}`, { reason: text }, { cause })
}

/** Checks what came back. @throws TradewrightError `TASK_FAILED` for what is no answer. */
export function checkedAnswer(answer: unknown): TaskAnswer {
  const read = readAnswer(answer)
  if (read === undefined)
    throw new TradewrightError('TASK_FAILED', `a worker must give an answer, gave ${typeof answer}`)
  return read
}

/** Worker threads. An aborted task ends its thread, and the pool starts another. */
export function threadLane(pool: Piscina): Lane {
  pool.on('error', () => undefined) // a thread that ends between tasks is replaced; a task's own end rejects the task
  return {
    get workers() {
      return pool.threads.length
    },
    async run(message, { signal, started }) {
      let answer: unknown
      started?.()
      try {
        answer = await pool.run(message, { signal })
      } catch (cause) {
        if (signal.aborted) throw signal.reason
        throw deathOf(cause)
      }
      return checkedAnswer(answer)
    },
    async [Symbol.asyncDispose]() {
      await pool.destroy()
    },
  }
}
