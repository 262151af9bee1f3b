import type { Views } from './layout.ts'

/** A block in memory. */
export interface Resident {
  block: number
  readonly image: Uint8Array
  readonly views: Views
  /** Rows were written that the backend does not have. */
  dirty: boolean
  /** Full, and waiting to be written. */
  queued: boolean
  /** A copy of it is on its way to the backend. */
  writing: boolean
  /** Counts the changes, so that a write that was overtaken does not clean it. */
  version: number
}
