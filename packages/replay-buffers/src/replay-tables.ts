import { type RngState, TradewrightError, unknownName } from '@tradewright/core'
import { type Accumulator, nStep } from './accumulator.ts'
import type { Columns, Transition, TransitionBatch } from './columns.ts'
import { assembleBuffer } from './create-replay-buffer.ts'
import { EpisodeRows } from './episode-rows.ts'
import { createMemoryStore } from './memory-store.ts'
import type { ClosedState } from './persistence.ts'
import type { RateLimiter } from './rate-limiter.ts'
import type { ReplayBuffer } from './replay-buffer.ts'
import { checkWindow, type ReplayBufferOptions, type ReplayHost, resolveOptions } from './replay-options.ts'
import type { ReplaySampler } from './sampler.ts'
import type { SavedReplay } from './saved-state.ts'

/** One view of the rows. */
export interface ReplayTableOptions {
  /** @default uniform() */
  readonly sampler?: ReplaySampler
  /** @default nStep() */
  readonly accumulator?: Accumulator
  /** @default none */
  readonly limiter?: RateLimiter
}

/** Options of {@link createReplayTables}. */
export interface ReplayTablesOptions<C extends Columns>
  extends Pick<ReplayBufferOptions<C>, 'capacity' | 'columns' | 'streams' | 'seed' | 'wasm' | 'codegen'> {
  /** The tables by name. Each has its own random numbers. */
  readonly tables: Readonly<Record<string, ReplayTableOptions>>
}

/** A table: a buffer that is added to through {@link ReplayTables}. */
export type ReplayTable<C extends Columns> = Omit<
  ReplayBuffer<C>,
  'add' | 'addBatch' | 'cut' | 'save' | 'restore' | 'close' | 'resume' | 'handle'
>

/** Saved tables: the rows once, and what each table knows of them. */
export interface SavedReplayTables {
  readonly version: 1
  readonly rows: SavedReplay
  readonly tables: Readonly<Record<string, ClosedState>>
  readonly random: RngState
}

/** Several views on one storage: see {@link createReplayTables}. */
export class ReplayTables<C extends Columns> {
  readonly #rows: EpisodeRows
  readonly #tables: ReadonlyMap<string, ReplayBuffer<C>>
  #closed = false

  /** Use {@link createReplayTables}. */
  constructor(rows: EpisodeRows, tables: ReadonlyMap<string, ReplayBuffer<C>>) {
    this.#rows = rows
    this.#tables = tables
  }

  #open(): void {
    if (this.#closed) throw new TradewrightError('DISPOSED', 'replay tables must not be used after close', {})
  }

  #lane(stream: number): number {
    if (!Number.isInteger(stream) || stream < 0 || stream >= this.#rows.lanes)
      throw new TradewrightError('BAD_OPTION', `stream must be from 0 to ${this.#rows.lanes - 1}, was ${stream}`, {
        stream,
      })
    return stream
  }

  /** Transitions stored. */
  get size(): number {
    return this.#rows.transitions
  }

  /** Stores one transition for all tables. See `ReplayBuffer.add`. */
  add(transition: Transition<C>, stream: number = 0): number {
    this.#open()
    const slot = this.#rows.append(this.#lane(stream), transition as Readonly<Record<string, unknown>>)
    for (const table of this.#tables.values()) table.limiter?.inserted(1)
    return slot
  }

  /** Stores consecutive transitions for all tables. See `ReplayBuffer.addBatch`. */
  addBatch(batch: TransitionBatch<C>, stream: number = 0): number {
    this.#open()
    const rows = this.#rows.appendBatch(this.#lane(stream), batch as Readonly<Record<string, unknown>>)
    for (const table of this.#tables.values()) table.limiter?.inserted(rows)
    return rows
  }

  /** Ends a stream's episode where it stands. See `ReplayBuffer.cut`. */
  cut(stream: number = 0): void {
    this.#open()
    this.#rows.cut(this.#lane(stream))
  }

  /**
   * A table by its name: `sample`, `updatePriorities`, `stats`, ...
   *
   * @throws TradewrightError `UNKNOWN_NAME`.
   */
  table(name: string): ReplayTable<C> {
    this.#open()
    const table = this.#tables.get(name)
    if (table === undefined) throw unknownName('table', name, this.#tables.keys())
    return table
  }

  /** Rows and tables as plain data. */
  save(): SavedReplayTables {
    this.#open()
    const [first] = this.#tables.values()
    const tables = Object.fromEntries([...this.#tables].map(([name, table]) => [name, table.saveView()]))
    const rows = first.save()
    return { version: 1, rows, tables, random: rows.random }
  }

  /**
   * Becomes what was saved.
   *
   * @throws TradewrightError `BAD_SHAPE` for tables of other names, samplers, accumulators or columns; nothing is changed
   *   then.
   */
  restore(saved: SavedReplayTables): void {
    this.#open()
    for (const [name, table] of this.#tables)
      if (saved.tables[name]?.signature !== table.saveView().signature)
        throw new TradewrightError('BAD_SHAPE', `saved tables must have the same table '${name}'`, { name })
    const [first] = this.#tables.values()
    first.restore(saved.rows)
    for (const [name, table] of this.#tables) table.resume(saved.tables[name])
  }

  /** Ends all tables. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    for (const table of this.#tables.values()) await table.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * Several tables on one storage in memory: rows are stored once, each table has its own accumulator, sampler,
 * priorities and limiter, as Reverb's tables on one chunk store.
 *
 * @throws TradewrightError as `createReplayBuffer`.
 * @example
 * ```ts
 * import { createReplayTables, nStep, prioritized, uniform } from '@tradewright/replay-buffers'
 * const replay = createReplayTables({
 *   capacity: 1000,
 *   columns: { obs: { dtype: 'float32', shape: [2] } },
 *   tables: { learn: { sampler: prioritized(), accumulator: nStep({ n: 3 }) }, check: { sampler: uniform() } },
 * })
 * for (let t = 0; t < 50; t++) replay.add({ obs: [t, t], reward: 1, terminated: false, truncated: false })
 * console.log(replay.table('learn').sample(8).columns.steps[0]) // 3
 * ```
 */
export function createReplayTables<const C extends Columns>(
  options: ReplayTablesOptions<C>,
  host: ReplayHost = {},
): ReplayTables<C> {
  const { tables, ...rest } = options
  const { capacity, streams = 1, wasm = true } = rest
  if (typeof tables !== 'object' || tables === null)
    throw new TradewrightError('BAD_OPTION', `tables must be an object of tables, was ${String(tables)}`, {})
  if (Object.keys(tables).length === 0)
    throw new TradewrightError('BAD_OPTION', 'there must be at least one table, was none', {})
  const { layout, writers } = resolveOptions(rest)
  const bytes = capacity * (layout.recordBytes + 1 + Object.keys(tables).length)
  if (host.maxBytes !== undefined && bytes > host.maxBytes)
    throw new TradewrightError('OUT_OF_MEMORY', `tables must fit into ${host.maxBytes} bytes, these take ${bytes}`, {
      bytes,
    })
  for (const { accumulator = nStep() } of Object.values(tables)) checkWindow(accumulator, capacity / streams)
  const store = createMemoryStore(layout, capacity, wasm)
  const rows = new EpisodeRows(store, writers, streams)
  const made = Object.entries(tables).map(([name, table], stream) => {
    return [name, assembleBuffer<C>({ ...rest, ...table }, { store, rows, stream })] as const
  })
  return new ReplayTables(rows, new Map(made))
}
