import { type Cache, Hasher, type Key, TradewrightError } from '@tradewright/core'
import { checkInteger } from './dtype.ts'
import type { ReplayHost } from './replay-options.ts'

/** What a deterministic environment answers to a step. */
export interface CachedStep {
  /** The state after the step. */
  readonly state: Float64Array
  readonly reward: number
  readonly terminated: boolean
  readonly truncated: boolean
}

/** Options of {@link createStateCache}. */
export interface StateCacheOptions {
  /** Names the environment and its version: steps of another never mix with these. */
  readonly environment: string
  /**
   * Which states count as the same. `'exact'`: to the last bit. A number or one a component: those in the same cell of a
   * grid of this width, so answers may be off by what a step differs across a cell. @default 'exact'
   */
  readonly tolerance?: 'exact' | number | readonly number[]
  /** Steps kept as objects, the fastest level. @default 10,000 */
  readonly hotEntries?: number
  /** Bytes of steps kept packed, the level below. @default 16 MiB */
  readonly packedBytes?: number
  /** Where steps go that leave the packed level: a disk or Redis cache. @default none */
  readonly spill?: Cache
  /** Steps that are handed to `spill` at a time. @default 256 */
  readonly spillBatch?: number
}

/** Counters of a state cache. */
export interface StateCacheStats {
  readonly hotHits: number
  readonly packedHits: number
  readonly spillHits: number
  readonly misses: number
  /** Hits of all levels over all lookups; 0 before the first. */
  readonly hitRate: number
  readonly hotEntries: number
  readonly packedEntries: number
  readonly packedBytes: number
  /** Steps handed to `spill`. */
  readonly spilled: number
  /** Steps that `spill` refused; they are only gone. */
  readonly spillFailures: number
}

const HEADER_BYTES = 16

function encode(step: CachedStep): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + step.state.length * 8)
  const view = new DataView(bytes.buffer)
  view.setFloat64(0, step.reward, true)
  view.setUint8(8, (step.terminated ? 1 : 0) | (step.truncated ? 2 : 0))
  view.setUint32(12, step.state.length, true)
  new Float64Array(bytes.buffer, HEADER_BYTES).set(step.state)
  return bytes
}

/** Undefined for bytes that are no step. */
function decode(bytes: Uint8Array): CachedStep | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  const copy = bytes.slice()
  const view = new DataView(copy.buffer)
  const size = view.getUint32(12, true)
  if (copy.length !== HEADER_BYTES + size * 8) return undefined
  const flags = view.getUint8(8)
  return {
    state: new Float64Array(copy.buffer, HEADER_BYTES, size),
    reward: view.getFloat64(0, true),
    terminated: (flags & 1) !== 0,
    truncated: (flags & 2) !== 0,
  }
}

const copyStep = (step: CachedStep): CachedStep => ({ ...step, state: step.state.slice() })

/**
 * Remembers the steps of a deterministic environment: state and action to next state, reward and flags, on three
 * levels (objects, packed bytes, a cache of the caller's), the least recently used leaving each level downwards.
 */
export class StateCache implements AsyncDisposable {
  readonly #prefix: Hasher
  readonly #tolerance: 'exact' | number | readonly number[]
  readonly #hotEntries: number
  readonly #packedLimit: number
  readonly #spill: Cache | undefined
  readonly #spillBatch: number
  readonly #hot = new Map<Key, CachedStep>()
  readonly #packed = new Map<Key, Uint8Array>()
  #packedBytes = 0
  #leaving = new Map<Key, Uint8Array>()
  #writing: Promise<void> = Promise.resolve()
  readonly #counts = { hotHits: 0, packedHits: 0, spillHits: 0, misses: 0, spilled: 0, spillFailures: 0 }
  #closed = false

  /** Use {@link createStateCache}. */
  constructor(options: StateCacheOptions) {
    const { environment, tolerance = 'exact', hotEntries = 10_000, packedBytes = 16 * 1024 * 1024 } = options
    const { spill, spillBatch = 256 } = options
    checkInteger('hotEntries', hotEntries, 1)
    checkInteger('packedBytes', packedBytes, 0)
    checkInteger('spillBatch', spillBatch, 1)
    const widths = tolerance === 'exact' ? [] : typeof tolerance === 'number' ? [tolerance] : tolerance
    if (widths.some((width) => !(width > 0) || !Number.isFinite(width)))
      throw new TradewrightError('BAD_OPTION', `tolerance must be 'exact' or positive, was ${String(tolerance)}`, {})
    this.#prefix = new Hasher().value({ kind: 'state-cache', environment, tolerance })
    this.#tolerance = tolerance
    this.#hotEntries = hotEntries
    this.#packedLimit = packedBytes
    this.#spill = spill
    this.#spillBatch = spillBatch
  }

  /** The key of a state and an action. @throws TradewrightError `BAD_DATA` for NaN in a state, `BAD_SHAPE`. */
  key(state: ArrayLike<number>, action: number | ArrayLike<number>): Key {
    const widths = this.#tolerance
    if (typeof widths === 'object' && widths.length !== state.length)
      throw new TradewrightError('BAD_SHAPE', `a state must have ${widths.length} components, had ${state.length}`, {})
    const cells = new Float64Array(state.length)
    for (let i = 0; i < state.length; i++) {
      const x = state[i]
      if (x !== x) throw new TradewrightError('BAD_DATA', `a state must not have NaN, component ${i} was`, { at: i })
      // Adding 0 makes -0 and 0 the same cell; exact keys tell them apart.
      cells[i] = widths === 'exact' ? x : Math.round(x / (typeof widths === 'number' ? widths : widths[i])) + 0
    }
    const actions = typeof action === 'number' ? Float64Array.of(action) : Float64Array.from(action)
    return this.#prefix.fork().value(cells).value(actions).digest()
  }

  /** The step if a level in memory has it: a copy. */
  peek(state: ArrayLike<number>, action: number | ArrayLike<number>): CachedStep | undefined {
    this.#open()
    return this.#inMemory(this.key(state, action))
  }

  /**
   * The step from the cache, or from `run`, which is then remembered.
   *
   * @param run asks the environment; must depend on state and action alone.
   * @returns a copy: the caller owns it.
   * @throws TradewrightError `DISPOSED`, `BAD_DATA`; what `run` throws.
   */
  async step(
    state: ArrayLike<number>,
    action: number | ArrayLike<number>,
    run: () => CachedStep | Promise<CachedStep>,
  ): Promise<CachedStep> {
    this.#open()
    const key = this.key(state, action)
    const known = this.#inMemory(key) ?? (await this.#fromSpill(key))
    if (known !== undefined) return known
    this.#counts.misses++
    const made = await run()
    this.#remember(key, copyStep(made))
    return made
  }

  /** Remembers a step that was made elsewhere. */
  remember(state: ArrayLike<number>, action: number | ArrayLike<number>, step: CachedStep): void {
    this.#open()
    this.#remember(this.key(state, action), copyStep(step))
  }

  #inMemory(key: Key): CachedStep | undefined {
    const hot = this.#hot.get(key)
    if (hot !== undefined) {
      this.#counts.hotHits++
      this.#hot.delete(key)
      this.#hot.set(key, hot)
      return copyStep(hot)
    }
    const bytes = this.#packed.get(key) ?? this.#leaving.get(key)
    const packed = bytes && decode(bytes)
    if (bytes === undefined || packed === undefined) return undefined
    this.#counts.packedHits++
    if (this.#packed.delete(key)) this.#packedBytes -= bytes.length
    this.#remember(key, packed)
    return copyStep(packed)
  }

  async #fromSpill(key: Key): Promise<CachedStep | undefined> {
    if (this.#spill === undefined) return undefined
    const [bytes] = await this.#spill.getMany([key])
    const step = bytes && decode(bytes)
    if (step === undefined) return undefined
    this.#counts.spillHits++
    this.#remember(key, step)
    return copyStep(step)
  }

  /** Into the hot level; what falls out of a level goes to the one below. */
  #remember(key: Key, step: CachedStep): void {
    this.#hot.delete(key)
    this.#hot.set(key, step)
    while (this.#hot.size > this.#hotEntries) {
      const [oldest] = this.#hot
      this.#hot.delete(oldest[0])
      const bytes = encode(oldest[1])
      this.#packedBytes += bytes.length - (this.#packed.get(oldest[0])?.length ?? 0)
      this.#packed.delete(oldest[0])
      this.#packed.set(oldest[0], bytes)
    }
    while (this.#packedBytes > this.#packedLimit) {
      const [oldest] = this.#packed
      this.#packed.delete(oldest[0])
      this.#packedBytes -= oldest[1].length
      if (this.#spill !== undefined) this.#leaving.set(oldest[0], oldest[1])
    }
    if (this.#leaving.size >= this.#spillBatch) void this.#spillNow()
  }

  /** Hands what has left the memory to the spill cache. A cache that refuses costs the steps, nothing else. */
  #spillNow(): Promise<void> {
    const spill = this.#spill
    if (spill === undefined || this.#leaving.size === 0) return this.#writing
    const entries = [...this.#leaving].map(([key, value]) => ({ key, value }))
    this.#leaving = new Map()
    this.#writing = this.#writing
      .then(() => spill.setMany(entries))
      .then(
        () => {
          this.#counts.spilled += entries.length
        },
        () => {
          this.#counts.spillFailures += entries.length
        },
      )
    return this.#writing
  }

  /** Waits until everything that left the memory is with the spill cache. */
  async flush(): Promise<void> {
    await this.#spillNow()
  }

  stats(): StateCacheStats {
    const { hotHits, packedHits, spillHits, misses, spilled, spillFailures } = this.#counts
    const hits = hotHits + packedHits + spillHits
    return {
      hotHits,
      packedHits,
      spillHits,
      misses,
      hitRate: hits + misses === 0 ? 0 : hits / (hits + misses),
      hotEntries: this.#hot.size,
      packedEntries: this.#packed.size,
      packedBytes: this.#packedBytes,
      spilled,
      spillFailures,
    }
  }

  #open(): void {
    if (this.#closed) throw new TradewrightError('DISPOSED', 'a state cache must not be used after close', {})
  }

  /** Ends the cache: everything in memory goes to the spill cache, which stays open. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return this.#writing
    this.#closed = true
    if (this.#spill === undefined) return
    for (const [key, step] of this.#hot) this.#leaving.set(key, encode(step))
    for (const [key, bytes] of this.#packed) this.#leaving.set(key, bytes)
    await this.#spillNow()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * A cache of a deterministic environment's steps.
 *
 * @param host what a training system gives: its `cache` is where steps go that leave the memory, unless `spill` is given.
 * @throws TradewrightError `BAD_OPTION`.
 * @example
 * ```ts
 * import { createStateCache } from '@tradewright/replay-buffers'
 * const cache = createStateCache({ environment: 'market@1' })
 * const step = await cache.step([100, 0], 1, () => ({
 *   state: Float64Array.of(101, 1), reward: 1, terminated: false, truncated: false,
 * }))
 * console.log(step.reward, cache.stats().misses) // 1 1
 * ```
 */
export function createStateCache(options: StateCacheOptions, host: Pick<ReplayHost, 'cache'> = {}): StateCache {
  return new StateCache(
    host.cache === undefined || options.spill !== undefined ? options : { ...options, spill: host.cache },
  )
}
