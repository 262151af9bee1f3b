import { EventEmitter } from 'eventemitter3'
import { type ErrorData, toErrorData } from './error.ts'
import type { FinishedTrial } from './trial.ts'

/** Past facts, by name; each has one read-only payload. Packages add lines by declaration merging. */
export interface EventMap {
  /** A study began. */
  'study:started': { readonly study: string; readonly trials: number; readonly seed: number }
  /** A generation is finished and stored. `best` is the best value so far (the first objective). */
  'generation:finished': {
    readonly study: string
    readonly generation: number
    readonly done: number
    readonly trials: number
    readonly best: number | undefined
  }
  /** A trial is over. */
  'trial:finished': { readonly study: string; readonly trial: FinishedTrial }
  /** A study ended. `why`: the budget, a criterion, the signal. */
  'study:finished': { readonly study: string; readonly done: number; readonly why: string }
  /** Something went on without something: a fallback, a cache that cannot be written. */
  'warning:raised': { readonly source: string; readonly message: string; readonly error?: ErrorData | undefined }
  /** A listener threw; the others were still told. */
  'listener:failed': { readonly event: string; readonly error: ErrorData }
}

/** Typed events. Events report; they never steer. */
export interface Events {
  /** Calls `listener` at every event of this name; the returned function removes it. A listener that throws harms nobody. */
  on<Name extends keyof EventMap>(name: Name, listener: (payload: EventMap[Name]) => void): () => void
  emit<Name extends keyof EventMap>(name: Name, payload: EventMap[Name]): void
  /** Removes every listener. */
  clear(): void
}

/** Events over eventemitter3, whose own loop a throwing listener would break: each runs in a guard. */
export function createEvents(): Events {
  const emitter = new EventEmitter()
  const events: Events = {
    on(name, listener) {
      const guarded = (payload: EventMap[typeof name]): void => {
        try {
          listener(payload)
        } catch (error) {
          // A listener of `listener:failed` that throws is dropped: there is nobody left to tell.
          if (name !== 'listener:failed')
            events.emit('listener:failed', { event: name, error: toErrorData(error, 'INTERNAL') })
        }
      }
      emitter.on(name, guarded)
      return () => emitter.off(name, guarded)
    },
    emit(name, payload) {
      emitter.emit(name, Object.freeze(payload))
    },
    clear() {
      emitter.removeAllListeners()
    },
  }
  return events
}
