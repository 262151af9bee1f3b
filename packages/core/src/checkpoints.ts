import type { Data } from './data.ts'

/** One stored checkpoint. */
export interface CheckpointInfo {
  readonly id: string
  readonly step: number
  /** Value by which the best are kept, where one was given. */
  readonly score: number | undefined
  readonly bytes: number
  /** Epoch ms. */
  readonly at: number
}

/** States of a long training, kept in rotation. State is keyed by name, never by position. */
export interface Checkpoints extends AsyncDisposable {
  /** Takes a consistent copy at once and writes it in the background. Resolves when it is durable. */
  save(state: {
    readonly step: number
    readonly score?: number | undefined
    readonly data: Data
  }): Promise<CheckpointInfo>
  /** The newest whole checkpoint, or one by id; undefined where there is none. A damaged one is passed over. */
  load(id?: string): Promise<{ readonly info: CheckpointInfo; readonly data: Data } | undefined>
  list(): Promise<readonly CheckpointInfo[]>
  /** Resolves when everything accepted so far is durable. */
  flush(): Promise<void>
}
