import { type Data, type ErrorData, TradewrightError, toErrorData } from '@tradewright/core'
import { loadModule } from './load-module.ts'

/** A task on its way to a worker. */
export interface TaskMessage {
  readonly module: string
  readonly export: string
  readonly data: Data
  readonly shared: readonly SharedArrayBuffer[]
}

/** What comes back. Errors go as data: pools drop the fields of error objects. */
export type TaskAnswer =
  | { readonly tradewright: 1; readonly status: 'done'; readonly value: Data }
  | { readonly tradewright: 1; readonly status: 'failed'; readonly error: ErrorData }

/** Functions that a worker has without loading a module. */
export type BuiltIn = (
  data: Data,
  context: { readonly shared: readonly SharedArrayBuffer[]; readonly signal: AbortSignal },
) => Data | Promise<Data>

/** Prefix of the modules that are {@link BuiltIn}s. */
export const builtInModule: string = 'tradewright:'

const never: AbortSignal = new AbortController().signal

/** Runs a task where it is, and gives whatever happens as an answer. */
export async function runTask(message: TaskMessage, builtIns: ReadonlyMap<string, BuiltIn>): Promise<TaskAnswer> {
  try {
    const run = message.module === builtInModule ? builtIns.get(message.export) : await exported(message)
    if (run === undefined)
      throw new TradewrightError('INTERNAL', `a worker has no built-in task '${message.export}'`, {
        known: [...builtIns.keys()],
      })
    const value = await run(message.data, { shared: message.shared, signal: never })
    return { tradewright: 1, status: 'done', value }
  } catch (error) {
    return { tradewright: 1, status: 'failed', error: clonable(toErrorData(error, 'TASK_FAILED')) }
  }
}

async function exported({ module, export: name }: TaskMessage): Promise<BuiltIn> {
  const exports = (await loadModule(module)) as Readonly<Record<string, unknown>>
  const run = exports[name]
  if (typeof run !== 'function')
    throw new TradewrightError('TASK_FAILED', `module ${module} must export a function '${name}'`, {
      module,
      export: name,
      known: Object.keys(exports),
    })
  return run as BuiltIn
}

/** Details that cannot be cloned are left out rather than the error lost. */
function clonable(error: ErrorData): ErrorData {
  try {
    structuredClone(error.details)
    return error
  } catch {
    return { ...error, details: {} }
  }
}

/** The answer, if it is one; anything else is garbage. */
export function readAnswer(answer: unknown): TaskAnswer | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  const { tradewright, status } = answer as Partial<TaskAnswer>
  return tradewright === 1 && (status === 'done' || status === 'failed') ? (answer as TaskAnswer) : undefined
}
