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
  type MetricName,
  type Optimizer,
  type OptimizerHost,
  type Program,
  type SliceResult,
  standardMetrics,
  systemClock,
  TradewrightError,
  type TrialRef,
  toErrorData,
} from '@tradewright/core'
import { Admission } from './admission.ts'
import { isWarningCache } from './cache-warnings.ts'
import { decodeSlice, encodeSlice, type StoredSlice } from './slice-codec.ts'
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
   * cost: what costs less than 5 times a hit is not kept, since reading it would be no faster than computing it.
   * all: keep everything, for results that must be there the next time. @default 'cost'
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
  /** Results not kept because computing them costs less than 5 times a hit. */
  readonly refused: number
  /** Cost of what the hits did not have to compute, in ms. */
  readonly savedMs: number
  /** Time of keys, look-ups and storing, in ms. */
  readonly spentMs: number
  /** Measured price of a hit, in ms. */
  readonly hitMs: number
  /** Bytes the cache holds. */
  readonly bytes: number
  /** Damaged entries met. */
  readonly corrupt: number
}

/** Answer for one slice of one trial, and what its making cost. */
interface Solved {
  readonly stored: StoredSlice
  readonly bars: number
  readonly ms: number
}

type Flight = Promise<Solved | undefined>
type Want = EvaluationRequest['want']

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

const emptyWant = (want: Want): boolean => typeof want.metrics !== 'string' && want.metrics.length === 0

/** Whether an entry has what is asked for. */
function suffices({ result, asked }: StoredSlice, want: Want): boolean {
  if (want.state && result.state === undefined) return false
  if (want.returns && result.returns === undefined) return false
  if (want.metrics === 'all') return asked === 'all'
  if (want.metrics === 'standard') return asked === 'all' || asked === 'standard'
  return want.metrics.every((name) => result.metrics[name] !== undefined)
}

/** Only what was asked for, so that an answer is the same whatever else an entry holds. */
function trimmed({ result, asked }: StoredSlice, want: Want): SliceResult {
  const { metrics, moments, state, returns } = result
  const names = want.metrics === 'standard' && asked !== 'standard' ? standardMetrics : want.metrics
  return {
    metrics: typeof names === 'string' ? metrics : picked(metrics, names),
    ...(moments === undefined ? {} : { moments }),
    ...(want.state && state !== undefined ? { state } : {}),
    ...(want.returns && returns !== undefined ? { returns } : {}),
  }
}

function picked(metrics: SliceResult['metrics'], names: readonly MetricName[]): SliceResult['metrics'] {
  const some: Partial<Record<MetricName, number>> = {}
  for (const name of names) {
    const value = metrics[name]
    if (value !== undefined) some[name] = value
  }
  return some
}

/** An entry that lacked something, and what was computed in its place: together they lack less. */
function merged(old: StoredSlice | undefined, fresh: StoredSlice): StoredSlice {
  if (old === undefined) return fresh
  const rank = { standard: 1, all: 2 } as const
  const asked = [old.asked, fresh.asked].reduce((a, b) => {
    if (typeof a !== 'string') return b
    return typeof b === 'string' && rank[b] > rank[a] ? b : a
  })
  return {
    asked,
    costMs: Math.max(old.costMs, fresh.costMs),
    result: { ...old.result, ...fresh.result, metrics: { ...old.result.metrics, ...fresh.result.metrics } },
  }
}

/** The same result with returns of its own: each caller may write to what it gets. */
function copied(stored: StoredSlice): StoredSlice {
  const { returns } = stored.result
  return returns === undefined ? stored : { ...stored, result: { ...stored.result, returns: returns.slice() } }
}

/** Another batch's work is waited for only as long as this one is wanted. */
function untilAborted(flight: Flight, signal: AbortSignal): Flight {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as unknown)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    void flight.then((solved) => {
      signal.removeEventListener('abort', abort)
      resolve(solved)
    })
  })
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
      savedMs: this.#savedMs,
      spentMs: this.#spentMs,
      hitMs: this.#admission.hitMs,
      bytes,
      corrupt,
    }
  }

  async evaluate(request: EvaluationRequest, next: Evaluate): Promise<readonly Evaluation[]> {
    request.signal.throwIfAborted()
    if (request.trials.length === 0 || request.slices.length === 0 || emptyWant(request.want)) return next(request)
    const begun = this.#clock.elapsed()
    const batch = new Batch(request, this.#keys(request))
    await this.#lookUp(batch)
    this.#spentMs += this.#clock.elapsed() - begun
    const waiting = this.#join(batch)
    await Promise.all(batch.groups().map((group) => this.#compute(batch, group, next)))
    await this.#await(batch, waiting, next)
    return batch.evaluations()
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

  async #lookUp(batch: Batch): Promise<void> {
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
  #join(batch: Batch): Map<number, Flight> {
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
  async #compute(batch: Batch, group: Group, next: Evaluate): Promise<void> {
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
    batch: Batch,
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
    this.#spentMs += this.#clock.elapsed() - begun
  }

  #land(batch: Batch, i: number): void {
    const flight = batch.landings.get(i)
    if (flight === undefined) return
    batch.landings.delete(i)
    this.#flights.delete(batch.flightKey(i))
    flight(batch.solved[i])
  }

  /** Takes what others computed. Where they failed or were aborted, this batch computes it itself. */
  async #await(batch: Batch, waiting: ReadonlyMap<number, Flight>, next: Evaluate): Promise<void> {
    const left: number[] = []
    for (const [i, flight] of waiting) {
      const solved = await untilAborted(flight, batch.request.signal)
      if (solved === undefined) left.push(i)
      else batch.solve(i, { stored: copied(solved.stored), bars: 0, ms: 0 })
    }
    if (left.length > 0) await Promise.all(batch.groups(left).map((group) => this.#compute(batch, group, next)))
  }
}

/** Trials that lack the same slices. */
interface Group {
  readonly trials: readonly number[]
  readonly slices: readonly number[]
}

/** One request under way: what of each trial's slices is known. */
class Batch {
  readonly request: EvaluationRequest
  readonly keys: readonly Key[]
  readonly solved: (Solved | undefined)[]
  readonly lacking = new Map<number, StoredSlice>()
  readonly failures = new Map<number, Evaluation>()
  /** Ends the flights that this batch took. */
  readonly landings = new Map<number, (solved: Solved | undefined) => void>()
  readonly #own = new Set<number>()
  readonly #want: string

  constructor(request: EvaluationRequest, keys: readonly Key[]) {
    this.request = request
    this.keys = keys
    this.solved = new Array(keys.length).fill(undefined)
    const { state, returns, metrics } = request.want
    this.#want = ` ${state ? 's' : ''}${returns ? 'r' : ''}${typeof metrics === 'string' ? metrics : [...metrics].sort().join()}`
  }

  index(trial: number, slice: number): number {
    return trial * this.request.slices.length + slice
  }

  /** A computation is shared only with those who want the same of it. */
  flightKey(i: number): string {
    return this.keys[i] + this.#want
  }

  take(i: number): Flight {
    this.#own.add(i)
    return new Promise((resolve) => this.landings.set(i, resolve))
  }

  solve(i: number, solved: Solved): void {
    this.solved[i] = solved
  }

  /** What this batch has to compute itself, trials with the same gaps together, in trial order. */
  groups(only: Iterable<number> = this.#own): readonly Group[] {
    const { length } = this.request.slices
    const gaps = new Map<number, number[]>()
    for (const i of only) {
      const trial = Math.floor(i / length)
      const slices = gaps.get(trial)
      if (slices === undefined) gaps.set(trial, [i % length])
      else slices.push(i % length)
    }
    const groups = new Map<string, { trials: number[]; slices: readonly number[] }>()
    for (const [trial, slices] of gaps) {
      const name = slices.join()
      const group = groups.get(name)
      if (group === undefined) groups.set(name, { trials: [trial], slices })
      else group.trials.push(trial)
    }
    return [...groups.values()]
  }

  requestOf({ trials, slices }: Group): EvaluationRequest {
    const { request } = this
    if (trials.length === request.trials.length && slices.length === request.slices.length) return request
    const some = slices.length !== request.slices.length
    const part = (trial: TrialRef): TrialRef =>
      some && trial.resume !== undefined ? { ...trial, resume: slices.map((s) => trial.resume?.[s]) } : trial
    return {
      ...request,
      trials: trials.map((t) => part(request.trials[t])),
      slices: some ? slices.map((s) => request.slices[s]) : request.slices,
    }
  }

  /** Each slice's share of a trial's cost, by bars. */
  shares({ slices }: Group): readonly number[] {
    const bars = slices.map((s) => this.request.slices[s].end - this.request.slices[s].start)
    const total = bars.reduce((sum, n) => sum + n, 0)
    return bars.map((n) => (total === 0 ? 1 / bars.length : n / total))
  }

  evaluations(): readonly Evaluation[] {
    const { trials, slices, want } = this.request
    const answers: Evaluation[] = []
    for (let t = 0; t < trials.length; t++) {
      const failure = this.failures.get(t)
      if (failure !== undefined) {
        answers.push(failure)
        continue
      }
      const results: SliceResult[] = []
      let bars = 0
      let ms = 0
      for (let s = 0; s < slices.length; s++) {
        const solved = this.solved[this.index(t, s)]
        if (solved === undefined) break // the inside gave no answer: core names it
        results.push(trimmed(solved.stored, want))
        bars += solved.bars
        ms += solved.ms
      }
      if (results.length === slices.length)
        answers.push({ id: trials[t].id, cost: { bars: Math.round(bars), ms }, status: 'done', slices: results })
    }
    return answers
  }
}
