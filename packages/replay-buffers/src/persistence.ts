import type { Data, RngState } from '@tradewright/core'
import type { JournalSource } from './priority-journal.ts'
import type { EpisodeRowsState } from './row-index.ts'

/** What a buffer on disk keeps besides its rows. */
export interface ClosedState {
  readonly signature: string
  /** Which elements there are, and the sampler's state: only of a buffer that was closed. */
  readonly view?: Data | undefined
  readonly random: RngState
  readonly counters: readonly number[]
}

/** Makes rows survive the process. */
export interface Persistence {
  flush(rows: EpisodeRowsState): Promise<void>
  /** @param state what is not journalled; left out where everything is. */
  close(rows: EpisodeRowsState, state: ClosedState | undefined): Promise<void>
}

/** A sampler's priorities, for a journal. */
export interface PriorityStore extends JournalSource {
  write(slots: Int32Array, values: Float64Array, count: number): void
  /** Whether the rest of a journal's state is of this sampler. */
  fits(rest: Data): boolean
  restoreRest(rest: Data): void
}
