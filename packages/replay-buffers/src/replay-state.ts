import type { Data, RngState } from '@tradewright/core'
import type { DrawnSlots } from './drawn-slots.ts'
import type { ClosedState, PriorityStore } from './persistence.ts'
import type { RandomStream } from './random-stream.ts'
import type { RateLimiter } from './rate-limiter.ts'
import type { ReplayView } from './replay-view.ts'
import type { RowSource } from './row-index.ts'
import type { RowStore } from './row-store.ts'
import { checkSaved, type SavedParts } from './saved-state.ts'

/** What a buffer is made of, as far as its state goes. */
export interface ReplayParts {
  readonly store: RowStore
  readonly rows: RowSource
  readonly view: ReplayView
  readonly random: RandomStream
  readonly samplerName: string
  readonly limiter: RateLimiter | undefined
  readonly drawn: DrawnSlots
}

/** A buffer's counters and its whole state as data: to save, restore, close and reopen. */
export class ReplayState {
  /** Elements ever sampled. */
  sampled = 0
  readonly #parts: ReplayParts
  /** Transitions that were added before the rows' own count began. */
  #addedBefore = 0
  #onPriority: ((slot: number) => void) | undefined

  constructor(parts: ReplayParts) {
    this.#parts = parts
  }

  /** Transitions ever added. */
  get added(): number {
    return this.#addedBefore + this.#parts.rows.appended
  }

  get #counters(): readonly [added: number, sampled: number, stale: number] {
    return [this.added, this.sampled, this.#parts.drawn.stale]
  }

  #restoreCounters([added, sampled, stale]: readonly number[]): void {
    this.#addedBefore = added - this.#parts.rows.appended
    this.sampled = sampled
    this.#parts.drawn.stale = stale
  }

  /** Told of every slot whose priority changes, where priorities are journalled. */
  get onPriority(): ((slot: number) => void) | undefined {
    return this.#onPriority
  }

  /** Everything but the records: arrays are views. */
  save(): SavedParts['state'] {
    const { store, rows, view, random, samplerName, limiter } = this.#parts
    const saved = view.save(true)
    return {
      version: 1,
      signature: store.layout.signature,
      slots: store.slots,
      sampler: samplerName,
      accumulator: view.accumulator,
      rows: rows.save(),
      flags: rows.flags,
      index: saved.index,
      drawable: saved.drawable,
      samplerState: saved.sampler,
      random: random.save(),
      counters: this.#counters,
      limiter: limiter?.save(),
    }
  }

  /** Refuses the state of another buffer. @throws TradewrightError `BAD_DATA`, `BAD_SHAPE`. */
  check(state: SavedParts['state']): void {
    const { store, rows, view, samplerName } = this.#parts
    checkSaved(state, {
      signature: store.layout.signature,
      slots: store.slots,
      sampler: samplerName,
      accumulator: view.accumulator,
      streams: rows.lanes,
      shared: rows.concurrent,
    })
  }

  /** Becomes what was saved and {@link ReplayState.check}ed. */
  restore({ state, pieces }: SavedParts): void {
    const { rows, view, random, limiter } = this.#parts
    rows.restore(state.rows, state.flags, pieces())
    view.restore({ index: state.index, drawable: state.drawable, sampler: state.samplerState })
    random.restore(state.random)
    this.#restoreCounters(state.counters)
    if (state.limiter !== undefined) limiter?.restore(state.limiter)
  }

  /** What a state on disk must agree with. */
  get #setup(): string {
    const { samplerName, view } = this.#parts
    return `${samplerName}|${JSON.stringify(view.accumulator)}`
  }

  /** What is not in the rows: which elements there are, the sampler's state, random numbers, counters. */
  saveView(): ClosedState {
    return { ...this.saveProgress(), view: this.#parts.view.saveCopy() as unknown as Data }
  }

  /** The part of it that does not grow with the buffer: random numbers and counters. */
  saveProgress(): ClosedState {
    return { signature: this.#setup, random: { ...this.#parts.random.save() }, counters: this.#counters }
  }

  /** Takes the rows in that the storage already has, and the sampler's state where it is of the same rows. */
  resume(state: ClosedState | undefined): void {
    const { view, random } = this.#parts
    view.index.sync()
    if (state === undefined || state.signature !== this.#setup) return
    if (state.view !== undefined) view.restore(state.view as unknown as ReturnType<ReplayView['save']>)
    random.restore(state.random)
    this.#restoreCounters(state.counters)
  }

  /** What a storage that survives the process keeps of the priorities; undefined for samplers without any. */
  priorityStore(changed: (slot: number) => void): PriorityStore | undefined {
    const { store, rows, view, random } = this.#parts
    const { index, sampler } = view
    const { priorities } = sampler
    if (priorities === undefined) return undefined
    this.#onPriority = changed
    return {
      slots: store.slots,
      drawable: index.drawable,
      added: () => {
        index.sync()
        return rows.save().added
      },
      read: priorities.read,
      write: priorities.write,
      rest: () => ({
        signature: this.#setup,
        sampler: priorities.rest(),
        random: { ...random.save() },
        counters: this.#counters,
      }),
      fits: (rest) => (rest as { signature?: unknown }).signature === this.#setup,
      restoreRest: (rest) => {
        const saved = rest as unknown as { sampler: Data; random: RngState; counters: readonly number[] }
        priorities.restoreRest(saved.sampler)
        // Rows that came after the last flush count as new: with the priority that new ones have.
        index.sync()
        random.restore(saved.random)
        this.#restoreCounters(saved.counters)
      },
    }
  }
}
