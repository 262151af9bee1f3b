import { type Cache, type Data, type Events, type RngState, TradewrightError, unknownName } from '@tradewright/core'
import { type Accumulator, nStep, rowsAhead, rowsBehind } from './accumulator.ts'
import { type Columns, checkColumns, type Transition, type TransitionBatch } from './columns.ts'
import { checkInteger, checkNumber } from './dtype.ts'
import type { ElementIndexState } from './element-index.ts'
import { EpisodeRows, type EpisodeRowsState, type RowSource } from './episode-rows.ts'
import { createLayout, type Layout } from './layout.ts'
import { createMemoryStore } from './memory-store.ts'
import type { JournalSource } from './priority-journal.ts'
import { RandomStream } from './random-stream.ts'
import type { RateLimiter, RateLimiterState } from './rate-limiter.ts'
import { BatchBinder, type ReplayBatch } from './replay-batch.ts'
import { type BoundBatch, ReplayView } from './replay-view.ts'
import type { AddRow } from './row-adder.ts'
import type { RowStore } from './row-store.ts'
import { createRowWriters, type RowWriters } from './row-writer.ts'
import type { DrawRequest, ReplaySampler } from './sampler.ts'
import { uniform } from './samplers/uniform.ts'
import { allocateShared, type SharedReplayHandle, type SharedStorage } from './shared-memory.ts'
import { SharedRows } from './shared-rows.ts'
import { type CustomStorage, type MemoryStorage, memory } from './storage.ts'

/** Options of {@link createReplayBuffer}. */
export interface ReplayBufferOptions<C extends Columns> {
  /** Transitions kept, at most; an episode's last observation takes a place too. An integer from 2 to 2^30. */
  readonly capacity: number
  /** What a transition has, besides its flags. */
  readonly columns: C
  /** The distribution of samples. @default uniform() */
  readonly sampler?: ReplaySampler
  /** Where records are. @default memory() */
  readonly storage?: MemoryStorage | SharedStorage | CustomStorage
  /** How steps become elements. @default nStep() */
  readonly accumulator?: Accumulator
  /** Independent environments, each with its own part of the capacity. Must divide it. @default 1 */
  readonly streams?: number
  /** An integer from 0 to 2^53 - 1. @default 0 */
  readonly seed?: number
  /** Counts inserts and samples. @default none */
  readonly limiter?: RateLimiter
  /** `false` forces the plain TypeScript forms: the same results, slower. @default true where WebAssembly SIMD loads */
  readonly wasm?: boolean
  /** `false` forbids code generated at run time. @default true where the platform allows it */
  readonly codegen?: boolean
  /**
   * `false` trusts typed arrays given to `add` to hold no NaN and no infinity: adding 16 floats then takes a quarter
   * less time. Numbers, plain arrays and batches are always checked. @default true
   */
  readonly checkFinite?: boolean
}

/** What a training system hands to a buffer or a state cache. */
export interface ReplayHost {
  /** Where state caches put the steps that leave their memory; buffers do not use it. */
  readonly cache?: Cache | undefined
  /** Told of fallbacks. */
  readonly events?: Pick<Events, 'emit'> | undefined
  /** The most memory that a buffer may take, in bytes: records or blocks, index, marks and priorities. */
  readonly maxBytes?: number | undefined
}

/** Options of a sample. */
export interface SampleOptions<C extends Columns> {
  /** Exponent of the importance weights, from 0 to 1. @default the sampler's */
  readonly beta?: number
  /** Filled and returned. @default a new batch */
  readonly out?: ReplayBatch<C>
  /** Which update of how many this sample is for: see `emphasizeRecent`. */
  readonly update?: { readonly index: number; readonly of: number }
}

/** Options of {@link ReplayBuffer.sampleWithin}. */
export interface SampleWithinOptions<C extends Columns> {
  /** Most elements. */
  readonly max: number
  /** What the elements may cost together. */
  readonly budget: number
  /** The column of one number that is an element's cost, or `'mass'`: the probability with which it is drawn. */
  readonly by: 'mass' | (string & keyof C)
  readonly beta?: number
  /** Filled and returned; has room for `max`. @default a new batch */
  readonly out?: ReplayBatch<C>
}

/** Counters of a buffer. */
export interface ReplayStats {
  readonly capacity: number
  readonly size: number
  /** Elements that can be drawn now. */
  readonly drawable: number
  /** Transitions ever added. */
  readonly added: number
  /** Elements ever sampled. */
  readonly sampled: number
  /** Priorities that came too late: their rows were overwritten after they had been drawn. */
  readonly stalePriorities: number
  readonly memoryBytes: number
  readonly recordBytes: number
  /** The sampler's own counters. */
  readonly sampler: Readonly<Record<string, number>>
  /** The storage's own counters. */
  readonly storage: Readonly<Record<string, number>>
}

/** A buffer's whole content as plain data. */
export interface SavedReplay {
  readonly version: 1
  readonly signature: string
  readonly slots: number
  readonly sampler: string
  readonly accumulator: Accumulator
  readonly rows: EpisodeRowsState
  readonly flags: Uint8Array
  /** The records in use, in pieces. */
  readonly records: readonly Uint8Array[]
  readonly index: ElementIndexState
  readonly drawable: Uint8Array
  readonly samplerState: Data
  readonly random: RngState
  readonly counters: readonly [added: number, sampled: number, stale: number]
  /** Where the buffer's limiter stands. */
  readonly limiter?: RateLimiterState | undefined
}

/** Bytes of flags and drawable marks by slot. */
const MARK_BYTES = 2

/** Refuses what is nothing or no object. @throws TradewrightError `BAD_SHAPE`. */
function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null)
    throw new TradewrightError('BAD_SHAPE', `${name} must be an object, was ${String(value)}`, { name })
}

/** Bytes of a batch's arrays. */
function batchBytes(batch: BoundBatch): number {
  let bytes = batch.indices.byteLength + batch.weights.byteLength
  for (const { array } of batch.columns.values()) bytes += array.byteLength
  return bytes
}

/** A buffer's content in parts: everything but the records, and the records piece by piece. */
export interface SavedParts {
  readonly state: Omit<SavedReplay, 'records'>
  pieces(): Iterable<Uint8Array>
  /** Must be called when the pieces are written or given up: other threads' producers wait for it. */
  done?(): void
}

/** What a buffer on disk leaves besides its rows when it is closed. */
export interface ClosedState {
  readonly signature: string
  readonly view: Data
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
  readonly #random: RandomStream
  readonly #binder: BatchBinder
  readonly #samplerName: string
  readonly #handle: SharedReplayHandle | undefined
  readonly #persistence: Persistence | undefined
  #onPriority: ((slot: number) => void) | undefined
  /** Drawn ahead last: used again for the next batch of the same size. */
  #plan: BoundBatch | undefined
  #prefetched: BoundBatch | undefined
  #prefetching: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #prefetchBytes = 0
  readonly #maxBytes: number | undefined
  #closed = false
  /** Transitions that were added before the rows' own count began. */
  #addedBefore = 0
  #sampled = 0
  #stale = 0
  #slots = new Int32Array(256)
  #values = new Float64Array(256)

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
      ...(parts.persistence === undefined ? {} : { onEnable: (slot: number) => this.#onPriority?.(slot) }),
    })
    this.#binder = new BatchBinder(this.#view, rows.markLength)
    this.#maxBytes = parts.maxBytes
    const plain = (transition: Transition<C>, stream: number = 0): number => this.#addPlain(transition, stream)
    const generated = parts.limiter === undefined ? rows.adder?.(plain as AddRow) : undefined
    this.add = (generated as typeof plain | undefined) ?? plain
    store.charge?.(() => this.besidesRecords())
  }

  /** Bytes of everything but the records: flags, marks, the sampler's structures, a prefetched batch. */
  besidesRecords(): number {
    const own = this.#slots.byteLength + this.#values.byteLength + this.#prefetchBytes
    return this.#rows.memoryBytes + this.#view.bytes + own
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

  get #added(): number {
    return this.#addedBefore + this.#rows.appended
  }

  #restoreCounters([added, sampled, stale]: readonly number[]): void {
    this.#addedBefore = added - this.#rows.appended
    this.#sampled = sampled
    this.#stale = stale
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
    if (this.#prefetched === undefined || !this.#takePrefetched(batchSize, bound))
      this.#view.sample({ count: batchSize, beta, update } satisfies DrawRequest, bound)
    this.#sampled += batchSize
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
    const { max, budget, beta } = options
    checkInteger('max', max, 1, 2 ** 26)
    checkNumber('budget', budget, Number.MIN_VALUE, Number.MAX_VALUE)
    if (beta !== undefined) checkNumber('beta', beta, 0, 1)
    const batch = options.out ?? this.createBatch(max)
    const bound = this.#binder.bind(batch, max)
    let count: number
    do {
      this.#view.draw({ count: max, beta }, bound)
      this.#shuffle(max, bound)
      count = this.#countWithin(bound, options)
      this.#view.fill(count, bound)
    } while (this.#rows.concurrent && !this.#view.intact(count, bound))
    this.#sampled += count
    this.limiter?.sampled(count)
    return { batch, count }
  }

  /** How many of the drawn elements the budget pays for, at least one. */
  #countWithin(drawn: BoundBatch, { max, budget, by }: SampleWithinOptions<C>): number {
    const view = this.#view
    let used = 0
    for (let count = 0; count < max; count++) {
      const slot = drawn.indices[count]
      const cost = by === 'mass' ? view.sampler.probability(slot) : view.read(by, slot)
      if (!(cost > 0) || !Number.isFinite(cost))
        throw new TradewrightError('BAD_OPTION', `a cost must be positive, was ${cost}`, { by, slot })
      used += cost
      if (used > budget && count > 0) return count
    }
    return max
  }

  /** Puts drawn elements in random order: samplers draw in the order of their strata, and a part of that is none. */
  #shuffle(count: number, batch: BoundBatch): void {
    const uniforms = new Float64Array(count)
    this.#random.fill(uniforms, count)
    const { indices, weights } = batch
    for (let k = count - 1; k > 0; k--) {
      const j = Math.floor(uniforms[k] * (k + 1))
      const index = indices[k]
      const weight = weights[k]
      indices[k] = indices[j]
      weights[k] = weights[j]
      indices[j] = index
      weights[j] = weight
    }
  }

  /** Checks indices and values whole; keeps those whose rows are still the ones that were drawn. */
  #current(indices: Int32Array, values: ArrayLike<number>, name: string, min: number): number {
    checkObject('indices', indices)
    checkObject(name, values)
    const n = indices.length
    if (values.length !== n)
      throw new TradewrightError('BAD_SHAPE', `${name} must have ${n} numbers, one an index, had ${values.length}`, {})
    if (n > this.#slots.length) {
      this.#slots = new Int32Array(n)
      this.#values = new Float64Array(n)
    }
    for (let k = 0; k < n; k++) {
      const slot = indices[k]
      if (!(slot >= 0 && slot < this.capacity) || slot !== Math.floor(slot))
        throw new TradewrightError('BAD_OPTION', `an index must be from 0 to ${this.capacity - 1}, was ${slot}`, {
          at: k,
        })
      const value = values[k]
      if (!(value >= min && value <= Number.MAX_VALUE))
        throw new TradewrightError(
          'BAD_DATA',
          `${name} must be finite${min === 0 ? ' and not negative' : ''}, was ${value}`,
          {
            at: k,
            value,
          },
        )
    }
    this.#view.index.sync()
    const drawnAt = this.#binder.drawnAt(indices)
    const { drawable } = this.#view.index
    let kept = 0
    for (let k = 0; k < n; k++) {
      const slot = indices[k]
      if (drawable[slot] === 0 || (drawnAt !== undefined && this.#rows.replacedSince(slot, drawnAt))) continue
      this.#slots[kept] = slot
      this.#values[kept++] = values[k]
    }
    this.#stale += n - kept
    return kept
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
    const kept = this.#current(indices, tdErrors, 'tdErrors', -Number.MAX_VALUE)
    this.#view.sampler.update?.(this.#slots, this.#values, kept)
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
    const kept = this.#current(indices, priorities, 'priorities', 0)
    sampler.setPriorities(this.#slots, this.#values, kept)
    this.#changedPriorities(kept)
  }

  #changedPriorities(count: number): void {
    const changed = this.#onPriority
    if (changed !== undefined) for (let k = 0; k < count; k++) changed(this.#slots[k])
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
      added: this.#added,
      sampled: this.#sampled,
      stalePriorities: this.#stale,
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
      return { state: this.#saveState(), pieces: () => this.#rows.pieces(), done: () => this.#rows.endSave?.() }
    } catch (error) {
      this.#rows.endSave?.()
      throw error
    }
  }

  #saveState(): SavedParts['state'] {
    const view = this.#view.save(true)
    return {
      version: 1,
      signature: this.#store.layout.signature,
      slots: this.capacity,
      sampler: this.#samplerName,
      accumulator: this.#view.accumulator,
      rows: this.#rows.save(),
      flags: this.#rows.flags,
      index: view.index,
      drawable: view.drawable,
      samplerState: view.sampler,
      random: this.#random.save(),
      counters: [this.#added, this.#sampled, this.#stale],
      limiter: this.limiter?.save(),
    }
  }

  /**
   * Becomes what was saved: the same samples follow as in the original.
   *
   * @throws TradewrightError `BAD_SHAPE` when it is of other columns, capacity, streams, sampler or accumulator; nothing
   *   is changed then.
   */
  restore(saved: SavedReplay): void {
    this.restoreParts({ state: saved, pieces: () => saved.records })
  }

  /** {@link ReplayBuffer.restore} of what {@link ReplayBuffer.saveParts} gave. */
  restoreParts(saved: SavedParts): void {
    this.#open()
    const { state } = saved
    this.#checkSaved(state)
    this.#prefetched = undefined
    this.#rows.restore(state.rows, state.flags, saved.pieces())
    this.#view.restore({ index: state.index, drawable: state.drawable, sampler: state.samplerState })
    this.#random.restore(state.random)
    this.#restoreCounters(state.counters)
    if (state.limiter !== undefined) this.limiter?.restore(state.limiter)
  }

  #checkSaved(saved: SavedParts['state']): void {
    const bytes = (array: unknown): boolean => array instanceof Uint8Array && array.length === this.capacity
    if (typeof saved !== 'object' || saved === null || typeof saved.rows !== 'object' || saved.rows === null)
      throw new TradewrightError('BAD_DATA', `what is restored must come from save(), was ${String(saved)}`, {})
    const mine = {
      version: 1,
      signature: this.#store.layout.signature,
      slots: this.capacity,
      sampler: this.#samplerName,
      accumulator: JSON.stringify(this.#view.accumulator),
      streams: this.#rows.lanes,
      shared: this.#rows.concurrent,
    }
    const theirs = {
      version: saved.version,
      signature: saved.signature,
      slots: saved.slots,
      sampler: saved.sampler,
      accumulator: JSON.stringify(saved.accumulator),
      streams: saved.rows?.added?.length,
      shared: saved.rows?.shared !== undefined,
    }
    for (const key of Object.keys(mine) as (keyof typeof mine)[])
      if (mine[key] !== theirs[key])
        throw new TradewrightError(
          'BAD_SHAPE',
          `a saved buffer must have the same ${key} ('${mine[key]}'), was '${theirs[key]}'`,
          { key },
        )
    if (!bytes(saved.flags) || !bytes(saved.drawable))
      throw new TradewrightError('BAD_DATA', 'a saved buffer must have a flag and a mark for every row, has not', {})
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
    // One at a time: there is one place for the records of the batch after.
    while (this.#prefetching !== undefined) await this.#prefetching.catch(() => {})
    this.#open()
    this.#prefetching = this.#fetchNext(batchSize, { count: batchSize, beta, update })
    try {
      await this.#prefetching
    } finally {
      this.#prefetching = undefined
    }
  }

  async #fetchNext(batchSize: number, request: DrawRequest): Promise<void> {
    this.#prefetched = undefined
    const batch = this.#plan?.size === batchSize ? this.#plan : this.#view.createPlan(batchSize, this.#rows.markLength)
    this.#plan = batch
    this.#prefetchBytes = batchBytes(batch)
    this.#view.draw(request, batch)
    await this.#store.stageNext?.(this.#view.touched(batchSize, batch))
    this.#prefetched = batch
  }

  /** Whether the prefetched batch served: it must be of this size, and none of its rows gone. */
  #takePrefetched(batchSize: number, out: BoundBatch): boolean {
    const ready = this.#prefetched
    this.#prefetched = undefined
    if (ready === undefined || ready.size !== batchSize || !this.#view.intact(batchSize, ready)) return false
    out.indices.set(ready.indices)
    out.weights.set(ready.weights)
    out.drawnAt.set(ready.drawnAt)
    this.#view.fill(batchSize, out, true)
    return true
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
    await this.#prefetching?.catch(() => {})
    // Priorities, where there are any, are in the storage's journal already: nothing of the buffer's size is copied.
    await this.#persistence?.close(this.#rows.save(), this.#onPriority === undefined ? this.saveView() : undefined)
  }

  /** What is not in the rows: which elements there are, the sampler's state, random numbers, counters. */
  saveView(): ClosedState {
    return {
      signature: this.#setup(),
      view: this.#view.saveCopy() as unknown as Data,
      random: { ...this.#random.save() },
      counters: [this.#added, this.#sampled, this.#stale],
    }
  }

  /**
   * What a storage that survives the process keeps of the priorities; `changed` is told of every slot whose priority
   * changes from now on. Undefined for samplers without any.
   */
  priorityStore(changed: (slot: number) => void): PriorityStore | undefined {
    const { index, sampler } = this.#view
    const { priorities } = sampler
    if (priorities === undefined) return undefined
    this.#onPriority = changed
    return {
      slots: this.capacity,
      drawable: index.drawable,
      added: () => {
        index.sync()
        return this.#rows.save().added
      },
      read: priorities.read,
      write: priorities.write,
      rest: () => ({
        signature: this.#setup(),
        sampler: priorities.rest(),
        random: { ...this.#random.save() },
        counters: [this.#added, this.#sampled, this.#stale],
      }),
      fits: (rest) => (rest as { signature?: unknown }).signature === this.#setup(),
      restoreRest: (rest) => {
        const saved = rest as unknown as { sampler: Data; random: RngState; counters: readonly number[] }
        priorities.restoreRest(saved.sampler)
        // Rows that came after the last flush count as new: with the priority that new ones have.
        index.sync()
        this.#random.restore(saved.random)
        this.#restoreCounters(saved.counters)
      },
    }
  }

  /** What a saved state must agree with. */
  #setup(): string {
    return `${this.#samplerName}|${JSON.stringify(this.#view.accumulator)}`
  }

  /** Takes the rows in that the storage already has, and the sampler's state where it is of the same rows. */
  resume(state: ClosedState | undefined): void {
    this.#view.index.sync()
    if (state === undefined || state.signature !== this.#setup()) return
    this.#view.restore(state.view as unknown as ReturnType<ReplayView['save']>)
    this.#random.restore(state.random)
    this.#restoreCounters(state.counters)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** A buffer over rows that its storage has made. */
export function assembleBuffer<C extends Columns>(
  options: ReplayBufferOptions<C>,
  parts: {
    readonly store: RowStore
    readonly rows: RowSource
    readonly handle?: SharedReplayHandle
    readonly persistence?: Persistence
    readonly stream?: number
    readonly maxBytes?: number | undefined
  },
): ReplayBuffer<C> {
  const { sampler = uniform(), accumulator = nStep(), seed = 0, wasm = true, limiter } = options
  return new ReplayBuffer<C>({ ...parts, sampler, accumulator, seed, wasm, limiter })
}

const OPTIONS = [
  'capacity',
  'columns',
  'sampler',
  'storage',
  'accumulator',
  'streams',
  'seed',
  'limiter',
  'wasm',
  'codegen',
  'checkFinite',
]

/** Refuses keys that are none, parts that are no parts, and switches that are no switches. */
function checkParts(options: ReplayBufferOptions<Columns>): void {
  if (typeof options !== 'object' || options === null)
    throw new TradewrightError('BAD_OPTION', `options must be an object, was ${String(options)}`, {})
  for (const key of Object.keys(options))
    if (!OPTIONS.includes(key)) throw unknownName('replay buffer option', key, OPTIONS)
  const { sampler, accumulator, limiter, seed = 0, storage } = options
  const part = (name: string, fits: boolean, rule: string, value: unknown): void => {
    if (!fits) throw new TradewrightError('BAD_OPTION', `${name} must be ${rule}, was ${String(value)}`, { name })
  }
  part('sampler', sampler === undefined || typeof sampler?.bind === 'function', 'a sampler as prioritized()', sampler)
  part('accumulator', accumulator === undefined || accumulator?.n >= 1, 'an accumulator as nStep()', accumulator)
  part(
    'limiter',
    limiter === undefined || typeof limiter?.inserted === 'function',
    'made by createRateLimiter()',
    limiter,
  )
  part('storage', storage === undefined || KINDS.includes(storage?.kind), 'a storage as memory()', storage)
  checkInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  for (const name of ['wasm', 'codegen', 'checkFinite'] as const)
    part(name, options[name] === undefined || typeof options[name] === 'boolean', 'true or false', options[name])
}

const KINDS: readonly string[] = ['memory', 'shared', 'custom']

/** Checks what every kind of buffer has in common. */
export function resolveOptions<C extends Columns>(
  options: ReplayBufferOptions<C>,
): { readonly layout: Layout; readonly writers: RowWriters } {
  checkParts(options)
  const { capacity, columns, streams = 1, accumulator = nStep(), codegen = true, checkFinite = true } = options
  checkInteger('capacity', capacity, 2, 2 ** 30)
  checkInteger('streams', streams, 1, capacity)
  if (capacity % streams !== 0 || capacity / streams < 2)
    throw new TradewrightError('BAD_OPTION', `capacity must be a multiple of streams, was ${capacity} for ${streams}`, {
      capacity,
      streams,
    })
  checkColumns(columns)
  checkWindow(accumulator, capacity / streams)
  const layout = createLayout(columns)
  return { layout, writers: createRowWriters(layout, codegen, checkFinite) }
}

/** Refuses an accumulator whose elements do not fit into a stream's rows. @throws TradewrightError `BAD_OPTION`. */
export function checkWindow(accumulator: Accumulator, rows: number): void {
  const needed = accumulator.length + rowsAhead(accumulator) + rowsBehind(accumulator)
  if (rows < needed)
    throw new TradewrightError(
      'BAD_OPTION',
      `capacity a stream must be at least the ${needed} rows of an element, was ${rows}`,
      {
        rows,
        needed,
      },
    )
}

/** Refuses what cannot fit before it is allocated, and what does not fit afterwards, tree and index included. */
function checkBudget(bytes: number, maxBytes: number | undefined): void {
  if (maxBytes !== undefined && bytes > maxBytes)
    throw new TradewrightError('OUT_OF_MEMORY', `a buffer must fit into ${maxBytes} bytes, this one takes ${bytes}`, {
      maxBytes,
      bytes,
    })
}

function createShared<C extends Columns>(
  options: ReplayBufferOptions<C>,
  storage: SharedStorage,
  host: ReplayHost,
): ReplayBuffer<C> {
  const { capacity, columns, streams = 1 } = options
  if (streams !== 1)
    throw new TradewrightError('BAD_OPTION', `a shared buffer has producers instead of streams, was ${streams}`, {
      streams,
    })
  checkBudget(capacity * createLayout(columns).recordBytes, host.maxBytes)
  const handle = allocateShared(columns, capacity, storage)
  const rows = new SharedRows(handle, options.codegen)
  const buffer = assembleBuffer(options, { store: rows.store, rows, handle })
  checkBudget(buffer.maxBytes, host.maxBytes)
  return buffer
}

/**
 * A replay buffer.
 *
 * A transition is `{ obs, action, reward, terminated, truncated, finalObs? }` plus any other column. The observation
 * after a step is the next transition's `obs`, which is stored once: so the newest step of an open episode can be
 * drawn when the next one has come.
 *
 * @param options see {@link ReplayBufferOptions}.
 * @param host    what a training system gives; nothing is needed.
 * @throws TradewrightError `BAD_OPTION`, `BAD_SHAPE`, `UNKNOWN_NAME`, `OUT_OF_MEMORY`.
 * @example
 * ```ts
 * import { createReplayBuffer, nStep, prioritized } from '@tradewright/replay-buffers'
 * const buffer = createReplayBuffer({
 *   capacity: 100_000,
 *   columns: { obs: { dtype: 'float32', shape: [2] }, action: { dtype: 'int32' } },
 *   sampler: prioritized({ alpha: 0.6 }),
 *   accumulator: nStep({ n: 3, gamma: 0.99 }),
 * })
 * for (let t = 0; t < 100; t++)
 *   buffer.add({ obs: [t, -t], action: t % 3, reward: 1, terminated: t % 10 === 9, truncated: false })
 * const batch = buffer.createBatch(32)
 * buffer.sample(32, { beta: 0.5, out: batch })
 * buffer.updatePriorities(batch.indices, batch.columns.reward)
 * console.log(batch.columns.obs.length, buffer.size) // 64 100
 * ```
 */
export function createReplayBuffer<const C extends Columns>(
  options: ReplayBufferOptions<C>,
  host: ReplayHost = {},
): ReplayBuffer<C> {
  const kind: string | undefined = (options as { readonly storage?: { readonly kind?: string } } | null)?.storage?.kind
  if (kind === 'disk' || kind === 'compressed')
    throw new TradewrightError(
      'BAD_OPTION',
      `storage must be in memory here, was '${kind}': await openReplayBuffer(options) instead`,
      { kind },
    )
  const { layout, writers } = resolveOptions(options)
  const { capacity, storage = memory(), streams = 1, wasm = true } = options
  if (storage.kind === 'memory') checkBudget(capacity * (layout.recordBytes + MARK_BYTES), host.maxBytes)
  if (storage.kind === 'shared') return createShared(options, storage, host)
  const store = storage.kind === 'custom' ? storage.open(layout, capacity) : createMemoryStore(layout, capacity, wasm)
  const rows = new EpisodeRows(store, writers, streams)
  if (options.codegen !== false && !writers.generated)
    host.events?.emit('warning:raised', {
      source: 'replay-buffers',
      message: 'code generation is forbidden here; adding runs in its plain form',
    })
  const buffer = assembleBuffer(options, { store, rows })
  if (storage.kind === 'memory') checkBudget(buffer.maxBytes, host.maxBytes)
  return buffer
}
