import type { BoundBatch, ReplayView } from './replay-view.ts'
import type { RowStore } from './row-store.ts'
import type { DrawRequest } from './sampler.ts'

/** Bytes of a batch's arrays. */
function batchBytes(batch: BoundBatch): number {
  let bytes = batch.indices.byteLength + batch.weights.byteLength
  for (const { array } of batch.columns.values()) bytes += array.byteLength
  return bytes
}

/** The batch after: drawn ahead, its records fetched without blocking where the storage is slow. */
export class PrefetchedBatch {
  /** Bytes of its plan. */
  bytes = 0
  readonly #store: RowStore
  readonly #view: ReplayView
  readonly #markLength: number
  /** Used again for the next batch of the same size. */
  #plan: BoundBatch | undefined
  #ready: BoundBatch | undefined
  #fetching: Promise<void> | undefined

  constructor(store: RowStore, view: ReplayView, markLength: number) {
    this.#store = store
    this.#view = view
    this.#markLength = markLength
  }

  /** Whether a batch was fetched and not taken. */
  get ready(): boolean {
    return this.#ready !== undefined
  }

  /** Waits for what is under way, however it ends: there is one place for the records of the batch after. */
  async settled(): Promise<void> {
    while (this.#fetching !== undefined) await this.#fetching.catch(() => {})
  }

  /** Draws and fetches a batch; nothing else may be under way. */
  async fetch(request: DrawRequest): Promise<void> {
    this.#fetching = this.#fetch(request)
    try {
      await this.#fetching
    } finally {
      this.#fetching = undefined
    }
  }

  async #fetch(request: DrawRequest): Promise<void> {
    const { count } = request
    this.#ready = undefined
    const batch = this.#plan?.size === count ? this.#plan : this.#view.createPlan(count, this.#markLength)
    this.#plan = batch
    this.bytes = batchBytes(batch)
    this.#view.draw(request, batch)
    await this.#store.stageNext?.(this.#view.touched(count, batch))
    this.#ready = batch
  }

  /** Fills `out` with the fetched batch, if it is of this size and none of its rows gone. @returns whether it was. */
  take(count: number, out: BoundBatch): boolean {
    const ready = this.#ready
    this.#ready = undefined
    if (ready === undefined || ready.size !== count || !this.#view.intact(count, ready)) return false
    out.indices.set(ready.indices)
    out.weights.set(ready.weights)
    out.drawnAt.set(ready.drawnAt)
    this.#view.fill(count, out, true)
    return true
  }

  /** Gives up what was fetched. */
  forget(): void {
    this.#ready = undefined
  }
}
