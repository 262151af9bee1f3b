import type PQueue from 'p-queue'
import * as library from 'p-queue'

/**
 * p-queue's class. It is an ESM package: from CJS, where node gives its namespace as the default export, the class
 * lies one step deeper.
 */
function queueClass(): typeof PQueue {
  const found: unknown = library.default
  if (typeof found === 'function') return found as typeof PQueue
  return (found as { readonly default: typeof PQueue }).default
}

/** A queue that runs at most `concurrency` tasks at the same time, higher priorities first. */
export function createTaskQueue(concurrency: number): PQueue {
  return new (queueClass())({ concurrency })
}
