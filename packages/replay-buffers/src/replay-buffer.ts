import { TradewrightError } from '@tradewright/core'
import type { Accumulator } from './accumulator.ts'
import type { Columns, Transition, TransitionBatch } from './columns.ts'
import { DrawnSlots } from './drawn-slots.ts'
import { checkInteger, checkNumber } from './dtype.ts'
import type { ClosedState, Persistence, PriorityStore } from './persistence.ts'
import { PrefetchedBatch } from './prefetched-batch.ts'
import { RandomStream } from './random-stream.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { BatchBinder, type ReplayBatch } from './replay-batch.ts'
import { checkObject, type ReplayStats, type SampleOptions, type SampleWithinOptions } from './replay-options.ts'
import { ReplayState } from './replay-state.ts'
import { ReplayView } from './replay-view.ts'
import type { AddRow } from './row-adder.ts'
import type { RowSource } from './row-index.ts'
import type { RowStore } from './row-store.ts'
import { countWithin, shuffleDrawn } from './sample-within.ts'
import type { DrawRequest, ReplaySampler } from './sampler.ts'
import { checkRecords, type SavedParts, type SavedReplay } from './saved-state.ts'
import type { SharedReplayHandle } from './shared-memory.ts'

/** A replay buffer: see {@link createReplayBuffer}. */
export class ReplayBuffer<C extends Columns> {
  readonly capacity: number
  /** Told of every insert and sample; `await buffer.limiter?.sampleReady(256)` before a sample holds the proportion. */
  readonly limiter: RateLimiter | undefined
  /**
   * Stores one transition, a copy.
   *
   * A function of its own, not a method: it is generated for the columns, and called without any detour.
   *
   * @param transition the columns, `terminated`, `truncated` and, where truncated, `finalObs`. Read only.
   * @param stream     which environment it comes from. @default 0
   * @returns its slot.
   * @throws TradewrightError `BAD_SHAPE`, `BAD_DATA` (NaN, infinite or out of the dtype's range), `BAD_OPTION`,
   *   `DISPOSED`. Nothing is stored or lost then.
   */
  readonly add: { add(transition: Transition<C>, stream?: number): number }['add']
  readonly #store: RowStore
  readonly #rows: RowSource
  readonly #view: ReplayView
  readonly #binder: BatchBinder
  readonly #samplerName: string
  readonly #state: ReplayState
  readonly #drawn: DrawnSlots
  readonly #ahead: PrefetchedBatch
  readonly #random: RandomStream
  readonly #handle: SharedReplayHandle | undefined
  readonly #persistence: Persistence | undefined
  #closing: Promise<void> | undefined
  readonly #maxBytes: number | undefined
  #closed = false

  /** Use {@link createReplayBuffer}. */
  constructor(parts: {
    readonly store: RowStore
    readonly rows: RowSource
    readonly accumulator: Accumulator
    readonly sampler: ReplaySampler
    readonly seed: number
    readonly wasm: boolean
    readonly handle?: SharedReplayHandle
    readonly persistence?: Persistence
    readonly limiter?: RateLimiter | undefined
    readonly stream?: number
    readonly maxBytes?: number | undefined
  }) {
    const { store, rows, accumulator, sampler, seed, wasm } = parts
    this.#handle = parts.handle
    this.#persistence = parts.persistence
    this.limiter = parts.limiter
    this.capacity = store.slots
    this.#store = store
    this.#rows = rows
    this.#random = new RandomStream(seed, parts.stream ?? 0, wasm)
    this.#samplerName = sampler.name
    this.#view = new ReplayView(store, rows, {
      accumulator,
      sampler,
      random: this.#random,
      wasm,
      ...(parts.persistence === undefined ? {} : { onEnable: (slot: number) => this.#state?.onPriority?.(slot) }),
    })
    this.#binder = new BatchBinder(this.#view, rows.markLength)
    this.#drawn = new DrawnSlots(rows, this.#view, this.#binder)
    this.#ahead = new PrefetchedBatch(store, this.#view, rows.markLength)
    this.#state = new ReplayState({
      store,
      rows,
      view: this.#view,
      random: this.#random,
      samplerName: sampler.name,
      limiter: parts.limiter,
      drawn: this.#drawn,
    })
    this.#maxBytes = parts.maxBytes
    const plain = (transition: Transition<C>, stream: number = 0): number => this.#addPlain(transition, stream)
    const generated = parts.limiter === undefined ? rows.adder?.(plain as AddRow) : undefined
    this.add = (generated as typeof plain | undefined) ?? plain
    store.charge?.(() => this.besidesRecords())
  }

  /** Bytes of everything but the records: flags, marks, the sampler's structures, a prefetched batch. */
  besidesRecords(): number {
    return this.#rows.memoryBytes + this.#view.bytes + this.#drawn.bytes + this.#ahead.bytes
  }

  /** Whether the sampler has priorities. */
  get hasPriorities(): boolean {
    return this.#view.sampler.priorities !== undefined
  }

  /** Whether {@link ReplayBuffer.close} was called. */
  get closed(): boolean {
    return this.#closed
  }

  /** Bytes of memory that the buffer may come to hold: its budget on disk, otherwise what it holds now. */
  get maxBytes(): number {
    return this.#maxBytes ?? this.#store.memoryBytes + this.besidesRecords()
  }

  #open(): void {
    if (this.#closed) throw new TradewrightError('DISPOSED', 'a replay buffer must not be used after close', {})
  }

  #lane(stream: number): number {
    if (!Number.isInteger(stream) || stream < 0 || stream >= this.#rows.lanes)
      checkInteger('stream', stream, 0, this.#rows.lanes - 1)
    return stream
  }

  /** Transitions stored. */
  get size(): number {
    return this.#rows.transitions
  }

  /** {@link ReplayBuffer.add} where nothing is generated, for streams but the first, and with a limiter. */
  #addPlain(transition: Transition<C>, stream: number): number {
    this.#open()
    checkObject('transition', transition)
    const slot = this.#rows.append(this.#lane(stream), transition as Readonly<Record<string, unknown>>)
    if (this.limiter !== undefined) this.limiter.inserted(1)
    return slot
  }

  /**
   * Stores consecutive transitions of one environment, all or none.
   *
   * @param batch  each column one flat array, row by row. Read only.
   * @param stream which environment they come from. @default 0
   * @returns how many.
   * @throws TradewrightError as {@link ReplayBuffer.add}.
   */
  addBatch(batch: TransitionBatch<C>, stream: number = 0): number {
    this.#open()
    checkObject('batch', batch)
    const rows = this.#rows.appendBatch(this.#lane(stream), batch as Readonly<Record<string, unknown>>)
    this.limiter?.inserted(rows)
    return rows
  }

  /**
   * Ends a stream's episode where it stands, as after a restart of its environment: the newest row keeps its
   * observation alone (its action and reward are given up), and the steps before it bootstrap from that.
   */
  cut(stream: number = 0): void {
    this.#open()
    this.#rows.cut(this.#lane(stream))
  }

  /**
   * What workers need to add to this buffer: see `attachReplayProducer`.
   *
   * @throws TradewrightError `NOT_AVAILABLE` unless the storage is `shared()`.
   */
  handle(): SharedReplayHandle {
    this.#open()
    if (this.#handle === undefined)
      throw new TradewrightError(
        'NOT_AVAILABLE',
        'only a buffer with shared() storage has producers in other threads',
        {},
      )
    return this.#handle
  }

  /** Empty arrays for samples of up to `size`. The caller owns them. */
  createBatch(size: number): ReplayBatch<C> {
    checkInteger('size', size, 1, 2 ** 26)
    const columns = this.#view.createColumns(size)
    return { indices: new Int32Array(size), weights: new Float32Array(size), columns } as unknown as ReplayBatch<C>
  }

  /**
   * Draws a batch.
   *
   * @param batchSize elements, an integer from 1.
   * @returns `out`, its first `batchSize` rows overwritten.
   * @throws TradewrightError `BAD_OPTION` (nothing to draw, a bad size or beta), `BAD_SHAPE` (`out`), `DISPOSED`.
   */
  sample(batchSize: number, options: SampleOptions<C> = {}): ReplayBatch<C> {
    this.#open()
    checkInteger('batchSize', batchSize, 1, 2 ** 26)
    checkObject('options', options)
    const { beta, update } = options
    if (beta !== undefined) checkNumber('beta', beta, 0, 1)
    const out = options.out ?? this.createBatch(batchSize)
    const bound = this.#binder.bind(out, batchSize)
    if (!this.#ahead.ready || !this.#ahead.take(batchSize, bound))
      this.#view.sample({ count: batchSize, beta, update } satisfies DrawRequest, bound)
    this.#state.sampled += batchSize
    this.limiter?.sampled(batchSize)
    return out
  }

  /**
   * Draws elements until a budget is used up: batches of equal complexity, or of equal priority mass, instead of equal
   * size. At least one element is drawn, and never one that would pass the budget after the first.
   *
   * @returns the batch and how many of its rows are filled.
   * @throws TradewrightError as {@link ReplayBuffer.sample}; `BAD_OPTION` for a cost that is not positive.
   */
  sampleWithin(options: SampleWithinOptions<C>): { readonly batch: ReplayBatch<C>; readonly count: number } {
    this.#open()
    const { max, budget, by, beta } = options
    checkInteger('max', max, 1, 2 ** 26)
    checkNumber('budget', budget, Number.MIN_VALUE, Number.MAX_VALUE)
    if (beta !== undefined) checkNumber('beta', beta, 0, 1)
    const batch = options.out ?? this.createBatch(max)
    const bound = this.#binder.bind(batch, max)
    let count: number
    do {
      this.#view.draw({ count: max, beta }, bound)
      shuffleDrawn(this.#random, max, bound)
      count = countWithin(this.#view, bound, { max, budget, by })
      this.#view.fill(count, bound)
    } while (this.#rows.concurrent && !this.#view.intact(count, bound))
    this.#state.sampled += count
    this.limiter?.sampled(count)
    return { batch, count }
  }

  /**
   * New errors of sampled elements: p = (|error| + eps)^alpha. Elements that were overwritten since they were drawn are
   * left out (see `stats().stalePriorities`); samplers without priorities ignore them all.
   *
   * @param indices  of a batch.
   * @param tdErrors shape [indices], finite.
   * @throws TradewrightError `BAD_OPTION` (an index out of range), `BAD_DATA` (NaN or infinite), `BAD_SHAPE`; nothing is
   *   changed then.
   */
  updatePriorities(indices: Int32Array, tdErrors: ArrayLike<number>): void {
    this.#open()
    const kept = this.#drawn.keep(indices, tdErrors, 'tdErrors', -Number.MAX_VALUE)
    this.#view.sampler.update?.(this.#drawn.slots, this.#drawn.values, kept)
    this.#changedPriorities(kept)
  }

  /**
   * Sets priorities themselves, as they are summed. 0 keeps an element from being drawn.
   *
   * @throws TradewrightError as {@link ReplayBuffer.updatePriorities}, for negative ones too; `NOT_AVAILABLE` where the
   *   sampler has none.
   */
  setPriorities(indices: Int32Array, priorities: ArrayLike<number>): void {
    this.#open()
    const { sampler } = this.#view
    if (sampler.setPriorities === undefined)
      throw new TradewrightError('NOT_AVAILABLE', `the sampler '${this.#samplerName}' has no priorities to set`, {})
    const kept = this.#drawn.keep(indices, priorities, 'priorities', 0)
    sampler.setPriorities(this.#drawn.slots, this.#drawn.values, kept)
    this.#changedPriorities(kept)
  }

  #changedPriorities(count: number): void {
    const changed = this.#state.onPriority
    if (changed !== undefined) for (let k = 0; k < count; k++) changed(this.#drawn.slots[k])
  }

  /** The probability with which the element at a slot is drawn next, on its own; 0 where none can be drawn. */
  probability(slot: number): number {
    this.#open()
    checkInteger('slot', slot, 0, this.capacity - 1)
    this.#view.index.sync()
    return this.#view.index.drawable[slot] === 1 ? this.#view.sampler.probability(slot) : 0
  }

  /** Counters. */
  stats(): ReplayStats {
    this.#open()
    this.#view.index.sync()
    return {
      capacity: this.capacity,
      size: this.size,
      drawable: this.#view.index.count,
      added: this.#state.added,
      sampled: this.#state.sampled,
      stalePriorities: this.#drawn.stale,
      memoryBytes: this.#store.memoryBytes + this.besidesRecords(),
      recordBytes: this.#store.layout.recordBytes,
      sampler: this.#view.sampler.stats?.() ?? {},
      storage: this.#store.stats?.() ?? {},
    }
  }

  /** Everything, as plain data that structured clone carries: a copy of the rows in use. For files see `saveReplay`. */
  save(): SavedReplay {
    const { state, pieces, done } = this.saveParts()
    try {
      const samplerState = this.#view.sampler.save()
      const records = Array.from(pieces(), (piece) => piece.slice())
      return { ...state, samplerState, flags: state.flags.slice(), drawable: state.drawable.slice(), records }
    } finally {
      done?.()
    }
  }

  /**
   * Everything in parts, without copies: the arrays in `state` are views, to be used before the buffer changes, and each
   * piece of the records (about a megabyte) is dead when the next is asked for.
   */
  saveParts(): SavedParts {
    this.#open()
    this.#rows.beginSave?.()
    try {
      return { state: this.#state.save(), pieces: () => this.#rows.pieces(), done: () => this.#rows.endSave?.() }
    } catch (error) {
      this.#rows.endSave?.()
      throw error
    }
  }

  /**
   * Becomes what was saved: the same samples follow as in the original.
   *
   * @throws TradewrightError `BAD_SHAPE` when it is of other columns, capacity, streams, sampler or accumulator; nothing
   *   is changed then.
   */
  restore(saved: SavedReplay): void {
    this.#open()
    this.#state.check(saved)
    checkRecords(saved, this.#store.layout.recordBytes)
    this.restoreParts({ state: saved, pieces: () => saved.records })
  }

  /** {@link ReplayBuffer.restore} of what {@link ReplayBuffer.saveParts} gave. */
  restoreParts(saved: SavedParts): void {
    this.#open()
    this.#state.check(saved.state)
    this.#ahead.forget()
    this.#state.restore(saved)
  }

  /**
   * Draws the batch that the next `sample` of this size returns, and fetches its records without blocking where the
   * storage is slow (disk, compressed). The draw sees the priorities and the `beta` of now. Meant to run while the last batch is
   * learned from: `const ready = buffer.prefetch(256); learn(batch); await ready`.
   *
   * @throws TradewrightError as {@link ReplayBuffer.sample}; `CORRUPT` and `IO` of the storage.
   */
  async prefetch(batchSize: number, options: Omit<SampleOptions<C>, 'out'> = {}): Promise<void> {
    this.#open()
    checkInteger('batchSize', batchSize, 1, 2 ** 26)
    const { beta, update } = options
    if (beta !== undefined) checkNumber('beta', beta, 0, 1)
    await this.#ahead.settled()
    this.#open()
    await this.#ahead.fetch({ count: batchSize, beta, update })
  }

  /**
   * Waits until every row added so far would survive the process: written, synced and journalled. Rows are acknowledged
   * when this resolves. Nothing to do for buffers in memory.
   *
   * @throws TradewrightError `IO` when the disk refuses; nothing is lost, and it can be called again.
   */
  async flush(): Promise<void> {
    this.#open()
    await this.#persistence?.flush(this.#rows.save())
  }

  /** Ends the buffer: everything afterwards throws `DISPOSED`. Storages on disk are flushed first. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#closed = true
    ;(this as { add: ReplayBuffer<C>['add'] }).add = (transition, stream = 0) => this.#addPlain(transition, stream)
    await this.#ahead.settled()
    // Priorities, where there are any, are in the storage's journal already: nothing of the buffer's size is copied.
    await this.#persistence?.close(
      this.#rows.save(),
      this.#state.onPriority === undefined ? this.saveView() : undefined,
    )
  }

  /** What is not in the rows: which elements there are, the sampler's state, random numbers, counters. */
  saveView(): ClosedState {
    return this.#state.saveView()
  }

  /** Random numbers and counters alone. */
  saveProgress(): ClosedState {
    return this.#state.saveProgress()
  }

  /**
   * What a storage that survives the process keeps of the priorities; `changed` is told of every slot whose priority
   * changes from now on. Undefined for samplers without any.
   */
  priorityStore(changed: (slot: number) => void): PriorityStore | undefined {
    return this.#state.priorityStore(changed)
  }

  /** Takes the rows in that the storage already has, and the sampler's state where it is of the same rows. */
  resume(state: ClosedState | undefined): void {
    this.#state.resume(state)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
