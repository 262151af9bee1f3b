import { engineVersion as currentEngine, programKey as keyOfProgram } from '@tradewright/backtest'
import {
  type Cache,
  type Clock,
  contentKey,
  type EngineState,
  type Entry,
  type Evaluate,
  type Evaluation,
  type EvaluationRequest,
  type Key,
  type Optimizer,
  type OptimizerHost,
  type Program,
  systemClock,
  TradewrightError,
  toErrorData,
} from '@tradewright/core'
import { Admission } from './admission.ts'
import { CacheBatch, type Flight, type Group, untilAborted } from './cache-batch.ts'
import { isWarningCache } from './cache-warnings.ts'
import { decodeSlice, encodeSlice, type StoredSlice } from './slice-codec.ts'
import { copied, emptyWant, merged, suffices } from './stored-answer.ts'
import { KeyPrefix } from './trial-key.ts'

/** Options of {@link resultCache}. */
export interface ResultCacheOptions {
  /** Where results are kept. Closed by whoever made it, unless `own`. */
  readonly cache: Cache
  /**
   * The content key of what a program does. Two programs with the same key must give the same results.
   * @default `programKey` of `@tradewright/backtest`
   */
  readonly programKey?: ((program: Program) => Key) | undefined
  /** Version of the engine: results of another one are never read. @default that of `@tradewright/backtest` */
  readonly engineVersion?: string | undefined
  /**
   * cost: what costs less than 5 times a hit, or than storing it, is not kept, since reading it would hardly be faster
   * than computing it; where that goes on, batches pass without a look-up, but for one now and then. all: keep
   * everything, for results that must be there the next time. @default 'cost'
   */
  readonly admission?: 'cost' | 'all' | undefined
  /** Close the cache with the optimizer. @default false */
  readonly own?: boolean | undefined
}

/** What a result cache did since it began. */
export interface ResultCacheStats extends Readonly<Record<string, number>> {
  /** Slices of trials answered from the cache. */
  readonly hits: number
  /** Slices of trials computed. */
  readonly misses: number
  /** Slices that waited for the same computation under way, or stood twice in a batch. */
  readonly shared: number
  /** Slices found but lacking what was asked for: misses too. */
  readonly lacking: number
  /** Results put into the cache. */
  readonly stored: number
  /** Results not kept because computing them costs less than 5 times a hit, or than storing it. */
  readonly refused: number
  /** Slices of trials that passed without a look-up, since nothing of that cost was worth keeping for long. */
  readonly passed: number
  /** Cost of what the hits did not have to compute, in ms. */
  readonly savedMs: number
  /** Time of keys, look-ups and storing, in ms. */
  readonly spentMs: number
  /** Measured price of a hit, in ms. */
  readonly hitMs: number
  /** Measured price of storing a result, in ms. */
  readonly storeMs: number
  /** Bytes the cache holds. */
  readonly bytes: number
  /** Damaged entries met. */
  readonly corrupt: number
}

/**
 * The optimizer that computes no trial twice: results by content, for each slice on its own.
 *
 * A key covers engine version, program, the slice's data and range, simulation options and the state resumed from.
 * Failed trials are not kept. Equal trials under way at the same time are computed once. A hit costs 0 bars.
 *
 * @example
 * ```ts
 * const cache = tieredCache([memoryCache(), await diskCache({ directory: '.tradewright/cache' })])
 * system.use(resultCache({ cache }))
 * ```
 */
export function resultCache(options: ResultCacheOptions): Optimizer & { stats(): ResultCacheStats } {
  const results = new ResultCache(options)
  return {
    name: 'result-cache',
    effect: 'exact',
    setup: (host) => results.setup(host),
    evaluate: (request, next) => results.evaluate(request, next),
    stats: () => results.stats(),
    async [Symbol.asyncDispose]() {
      if (options.own === true) await options.cache[Symbol.asyncDispose]()
    },
  }
}

class ResultCache {
  readonly #cache: Cache
  readonly #programKey: (program: Program) => Key
  readonly #engineVersion: string
  readonly #admission: Admission
  readonly #flights = new Map<Key, Flight>()
  readonly #stateKeys = new WeakMap<EngineState, Key>()
  #clock: Clock = systemClock
  #warn: (message: string, error: unknown) => void = () => undefined
  #down = false
  #hits = 0
  #misses = 0
  #shared = 0
  #lacking = 0
  #stored = 0
  #passed = 0
  #savedMs = 0
  #spentMs = 0

  constructor(options: ResultCacheOptions) {
    const { cache, programKey = keyOfProgram, engineVersion = currentEngine, admission = 'cost' } = options
    if (admission !== 'cost' && admission !== 'all')
      throw new TradewrightError('BAD_OPTION', `admission must be 'cost' or 'all', was '${String(admission)}'`, {
        admission,
      })
    this.#cache = cache
    this.#programKey = programKey
    this.#engineVersion = engineVersion
    this.#admission = new Admission(admission)
  }

  setup({ clock, events }: OptimizerHost): void {
    this.#clock = clock
    this.#warn = (message, error) =>
      events.emit('warning:raised', { source: 'result-cache', message, error: toErrorData(error, 'IO') })
    if (isWarningCache(this.#cache)) this.#cache.onWarning((warning) => events.emit('warning:raised', { ...warning }))
  }

  stats(): ResultCacheStats {
    const { bytes, corrupt } = this.#cache.stats()
    return {
      hits: this.#hits,
      misses: this.#misses,
      shared: this.#shared,
      lacking: this.#lacking,
      stored: this.#stored,
      refused: this.#admission.refused,
      passed: this.#passed,
      savedMs: this.#savedMs,
      spentMs: this.#spentMs,
      hitMs: this.#admission.hitMs,
      storeMs: this.#admission.storeMs,
      bytes,
      corrupt,
    }
  }

  async evaluate(request: EvaluationRequest, next: Evaluate): Promise<readonly Evaluation[]> {
    request.signal.throwIfAborted()
    if (request.trials.length === 0 || request.slices.length === 0 || emptyWant(request.want)) return next(request)
    if (this.#admission.passes()) return this.#pass(request, next)
    const begun = this.#clock.elapsed()
    const batch = new CacheBatch(request, this.#keys(request))
    await this.#lookUp(batch)
    this.#spentMs += this.#clock.elapsed() - begun
    const waiting = this.#join(batch)
    await Promise.all(batch.groups().map((group) => this.#compute(batch, group, next)))
    await this.#await(batch, waiting, next)
    return batch.evaluations()
  }

  /** A batch without a look-up. What it costs says whether the next one passes too. */
  async #pass(request: EvaluationRequest, next: Evaluate): Promise<readonly Evaluation[]> {
    const answers = await next(request)
    const slices = request.slices.length
    for (const { cost } of answers) this.#admission.passed(cost.ms / slices)
    this.#passed += answers.length * slices
    return answers
  }

  /** One key a trial and slice, trial by trial. */
  #keys({ trials, slices, simulation, want }: EvaluationRequest): Key[] {
    // An engine gives states and returns only bar by bar, metrics alone also by its fast path, equal within 1e-12:
    // the two never share an entry, so that an answer has the same bits with and without the cache.
    const detailed = want.state || want.returns
    const prefixes = slices.map(
      ({ data, warmupStart, start, end, final }) =>
        new KeyPrefix([
          'slice result',
          this.#engineVersion,
          data,
          warmupStart,
          start,
          end,
          final,
          simulation,
          detailed,
        ]),
    )
    const keys: Key[] = new Array(trials.length * slices.length)
    let at = 0
    for (const { program, resume } of trials) {
      const key = this.#programKey(program)
      for (let s = 0; s < prefixes.length; s++) {
        const state = resume?.[s]
        keys[at++] = prefixes[s].key(key, state === undefined ? undefined : this.#stateKey(state))
      }
    }
    return keys
  }

  #stateKey(state: EngineState): Key {
    let key = this.#stateKeys.get(state)
    if (key === undefined) {
      key = contentKey(state)
      this.#stateKeys.set(state, key)
    }
    return key
  }

  /** A cache that fails costs only speed: its answers count as misses, and it is warned of once. */
  async #guard<T>(what: string, run: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await run()
      this.#down = false
      return answer
    } catch (error) {
      if (!this.#down) this.#warn(`the cache could not be ${what}; the run goes on without it`, error)
      this.#down = true
      return undefined
    }
  }

  async #lookUp(batch: CacheBatch): Promise<void> {
    const { keys, request } = batch
    const begun = this.#clock.elapsed()
    const found = await this.#guard('read', () => this.#cache.getMany(keys))
    if (found === undefined) return
    let hits = 0
    for (let i = 0; i < keys.length; i++) {
      const bytes = found[i]
      if (bytes === undefined) continue
      const stored = decodeSlice(bytes)
      if (stored === undefined) continue
      if (suffices(stored, request.want)) {
        batch.solve(i, { stored, bars: 0, ms: 0 })
        this.#savedMs += stored.costMs
        hits++
      } else {
        batch.lacking.set(i, stored)
        this.#lacking++
      }
    }
    this.#hits += hits
    this.#admission.measured(hits, keys.length, this.#clock.elapsed() - begun)
  }

  /** What is being computed already, here or in another batch, is waited for; the rest is announced. */
  #join(batch: CacheBatch): Map<number, Flight> {
    const waiting = new Map<number, Flight>()
    for (let i = 0; i < batch.keys.length; i++) {
      if (batch.solved[i] !== undefined) continue
      const key = batch.flightKey(i)
      const flight = this.#flights.get(key)
      if (flight !== undefined) {
        waiting.set(i, flight)
        this.#shared++
        continue
      }
      this.#misses++
      this.#flights.set(key, batch.take(i))
    }
    return waiting
  }

  /** Computes the slices that a group of trials all lack. */
  async #compute(batch: CacheBatch, group: Group, next: Evaluate): Promise<void> {
    try {
      const answers = await next(batch.requestOf(group))
      const fresh: Entry[] = []
      const byId = new Map(answers.map((evaluation) => [evaluation.id, evaluation]))
      for (const trial of group.trials) {
        const { id } = batch.request.trials[trial]
        const evaluation = byId.get(id)
        if (evaluation === undefined) continue
        if (evaluation.status === 'failed') batch.failures.set(trial, evaluation)
        else this.#settle(batch, { group, trial, evaluation, fresh })
      }
      await this.#store(fresh)
    } finally {
      for (const trial of group.trials) for (const slice of group.slices) this.#land(batch, batch.index(trial, slice))
    }
  }

  #settle(
    batch: CacheBatch,
    answer: {
      readonly group: Group
      readonly trial: number
      readonly evaluation: Extract<Evaluation, { status: 'done' }>
      readonly fresh: Entry[]
    },
  ): void {
    const { group, trial, evaluation, fresh } = answer
    const shares = batch.shares(group)
    for (let k = 0; k < group.slices.length; k++) {
      const i = batch.index(trial, group.slices[k])
      const costMs = evaluation.cost.ms * shares[k]
      const stored: StoredSlice = { result: evaluation.slices[k], asked: batch.request.want.metrics, costMs }
      batch.solve(i, { stored, bars: evaluation.cost.bars * shares[k], ms: costMs })
      if (this.#admission.admits(costMs))
        fresh.push({ key: batch.keys[i], value: encodeSlice(merged(batch.lacking.get(i), stored)), costMs })
    }
  }

  async #store(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return
    const begun = this.#clock.elapsed()
    const stored = await this.#guard('written', async () => {
      await this.#cache.setMany(entries)
      return true
    })
    if (stored === true) this.#stored += entries.length
    const ms = this.#clock.elapsed() - begun
    this.#admission.storing(entries.length, ms)
    this.#spentMs += ms
  }

  #land(batch: CacheBatch, i: number): void {
    const flight = batch.landings.get(i)
    if (flight === undefined) return
    batch.landings.delete(i)
    this.#flights.delete(batch.flightKey(i))
    flight(batch.solved[i])
  }

  /** Takes what others computed. Where they failed or were aborted, this batch computes it itself. */
  async #await(batch: CacheBatch, waiting: ReadonlyMap<number, Flight>, next: Evaluate): Promise<void> {
    const left: number[] = []
    for (const [i, flight] of waiting) {
      const solved = await untilAborted(flight, batch.request.signal)
      if (solved === undefined) left.push(i)
      else batch.solve(i, { stored: copied(solved.stored), bars: 0, ms: 0 })
    }
    if (left.length > 0) await Promise.all(batch.groups(left).map((group) => this.#compute(batch, group, next)))
  }
}
