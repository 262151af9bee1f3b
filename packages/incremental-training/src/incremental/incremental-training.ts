import {
  type Cache,
  type Continued,
  contentKey,
  type Data,
  defineOptimizer,
  type Fit,
  type FitRequest,
  type FittedModel,
  isTradewrightError,
  type Key,
  type Optimizer,
  TradewrightError,
} from '@tradewright/core'
import { checkNames, checkNumber } from '../models/check-options.ts'
import { measureDrift, sketchRows } from './drift.ts'
import { type Near, nearestState } from './nearest-state.ts'
import { replayRows } from './replay-rows.ts'
import { stateFiles } from './state-files.ts'
import { coreOptions, exactStateKey, type StateKeys, stateKeys } from './state-key.ts'
import { StateStore, type StoredFit } from './state-store.ts'

/** How a training goes on from a state that is only near. */
export interface ApproximateOptions {
  /** Share of the rounds asked for that are made on the rows at hand; the others are the state's. @default 0.25 */
  readonly newRounds?: number | undefined
  /** Mean relative difference up to which parameters are neighbours. @default 0.15 */
  readonly maxDistance?: number | undefined
  /** Stability index of a feature or the target above which new rows are learned from nothing. @default 0.25 */
  readonly driftThreshold?: number | undefined
  /** Share of the rows that a state has seen which are trained on again, beside the new ones. @default 1 */
  readonly replay?: number | undefined
}

/** Options of {@link incrementalTraining}. */
export interface IncrementalTrainingOptions {
  /** Goes on from states of other rows and parameters too. @default false */
  readonly approximate?: boolean | ApproximateOptions | undefined
  /** Where states are kept: a folder, shared by workers and by later runs. */
  readonly directory?: string | undefined
  /** Where states are kept, instead of a folder. Not closed. @default the system's cache, or memory */
  readonly cache?: Cache | undefined
}

/** Counters of {@link incrementalTraining}. */
export interface IncrementalTrainingStats extends Readonly<Record<string, number>> {
  readonly fits: number
  /** Trained from nothing. */
  readonly cold: number
  /** Found as they were asked for. */
  readonly same: number
  /** Went on exactly, with more rounds or fewer. */
  readonly continuedExact: number
  /** Went on from other rows or parameters. */
  readonly continuedApproximate: number
  /** Near states that were not used, because the rows have drifted. */
  readonly driftRefits: number
  /** Near states that the model refused. */
  readonly refused: number
  /** Rounds that were not made. */
  readonly roundsSaved: number
  /** What those rounds had cost. */
  readonly msSaved: number
  readonly storedBytes: number
}

interface Settings {
  readonly newRounds: number
  readonly maxDistance: number
  readonly driftThreshold: number
  readonly replay: number
}

const NAMES = ['approximate', 'directory', 'cache']
const APPROXIMATE = ['newRounds', 'maxDistance', 'driftThreshold', 'replay']

function resolveApproximate(given: boolean | ApproximateOptions): Settings | undefined {
  if (given === false) return undefined
  const options = given === true ? {} : given
  checkNames('approximate', options, APPROXIMATE)
  const { newRounds = 0.25, maxDistance = 0.15, driftThreshold = 0.25, replay = 1 } = options
  checkNumber('newRounds', newRounds, 0, 1)
  checkNumber('maxDistance', maxDistance, 0, 1)
  checkNumber('driftThreshold', driftThreshold, 0)
  checkNumber('replay', replay, 0, 1)
  return { newRounds, maxDistance, driftThreshold, replay }
}

/** States in memory, for a system without a cache. */
function memoryStates(): Pick<Cache, 'getMany' | 'setMany'> {
  const values = new Map<Key, Uint8Array>()
  return {
    getMany: async (keys) => keys.map((key) => values.get(key)),
    async setMany(entries) {
      for (const { key, value } of entries) values.set(key, value)
    },
  }
}

/** One request on its way. */
interface Asked {
  readonly request: FitRequest
  readonly next: Fit
  readonly keys: StateKeys
  readonly key: Key
}

class Continuing {
  readonly #approximate: Settings | undefined
  #store: StateStore
  readonly #running = new Map<Key, Promise<FittedModel>>()
  readonly counts = {
    fits: 0,
    cold: 0,
    same: 0,
    continuedExact: 0,
    continuedApproximate: 0,
    driftRefits: 0,
    refused: 0,
    roundsSaved: 0,
    msSaved: 0,
    storedBytes: 0,
  }

  constructor(approximate: Settings | undefined, states: Pick<Cache, 'getMany' | 'setMany'>) {
    this.#approximate = approximate
    this.#store = new StateStore(states)
  }

  use(states: Pick<Cache, 'getMany' | 'setMany'>): void {
    this.#store = new StateStore(states)
  }

  async fit(request: FitRequest, next: Fit): Promise<FittedModel> {
    this.counts.fits++
    if (request.initial !== undefined) return next(request) // someone outside has chosen a state
    const keys = stateKeys(request)
    const key = exactStateKey(keys)
    const running = this.#running.get(key)
    if (running !== undefined) {
      await running.catch(() => undefined)
      request.signal.throwIfAborted()
    }
    const fitting = this.#train({ request, next, keys, key })
    this.#running.set(key, fitting)
    try {
      return await fitting
    } finally {
      if (this.#running.get(key) === fitting) this.#running.delete(key)
    }
  }

  async #train(asked: Asked): Promise<FittedModel> {
    return (
      (await this.#same(asked)) ??
      (await this.#moreOrFewer(asked)) ??
      (await this.#near(asked)) ??
      (await this.#cold(asked))
    )
  }

  /** A state of these very rows and parameters; undefined where what was found is anything else. */
  async #exact(key: Key, { core, data }: StateKeys, asked: number | undefined): Promise<StoredFit | undefined> {
    const found = await this.#store.get(key)
    if (found === undefined || found.core !== core || found.data !== data || found.asked !== asked) return undefined
    return found.fitted.exact ? found : undefined
  }

  #saved(continued: Continued): Continued {
    this.counts.roundsSaved += continued.rounds
    this.counts.msSaved += continued.ms
    return continued
  }

  #asIs({ fitted, coldMs }: StoredFit, kind: Continued['kind'], from: Key, begun: number): FittedModel {
    const continued = this.#saved({ kind, from, rounds: fitted.rounds ?? 0, ms: coldMs })
    return { ...fitted, cost: { ms: performance.now() - begun, rounds: 0 }, continued }
  }

  async #same({ keys, key }: Asked): Promise<FittedModel | undefined> {
    const begun = performance.now()
    const found = await this.#exact(key, keys, keys.rounds)
    if (found === undefined) return undefined
    this.counts.same++
    return this.#asIs(found, 'same', key, begun)
  }

  /** More rounds than a state has, or fewer, on the same rows: exact where the model says so. */
  async #moreOrFewer(asked: Asked): Promise<FittedModel | undefined> {
    const { request, next, keys } = asked
    const wanted = keys.rounds
    if (wanted === undefined) return undefined
    const known = await this.#store.knownRounds(keys.core, keys.data)
    const above = known.filter((rounds) => rounds > wanted).sort((a, b) => a - b)
    const below = known.filter((rounds) => rounds < wanted).sort((a, b) => b - a)
    for (const rounds of [...above, ...below]) {
      const begun = performance.now()
      const from = exactStateKey({ ...keys, rounds })
      const state = await this.#exact(from, keys, rounds)
      if (state === undefined || state.fitted.continuation !== 'exact') continue
      const { fitted } = state
      const more = rounds < wanted
      if (!more && fitted.truncates !== true) continue
      this.counts.continuedExact++
      // It had stopped by itself: more rounds would not have been made.
      const stopped =
        fitted.truncates === true && fitted.rounds !== undefined && fitted.rounds < Math.min(rounds, wanted)
      if (stopped) {
        const made = this.#asIs(state, more ? 'rounds' : 'cut', from, begun)
        await this.#keep(asked, { ...made, exact: true }, state.coldMs)
        return made
      }
      const made = await next({ ...request, initial: fitted.model, rounds: wanted })
      const kept = Math.min(fitted.rounds ?? rounds, made.rounds ?? wanted)
      const share = more ? 1 : wanted / rounds
      const continued = this.#saved({ kind: more ? 'rounds' : 'cut', from, rounds: kept, ms: state.coldMs * share })
      const answer: FittedModel = {
        ...made,
        exact: true,
        cost: { ms: made.cost.ms, rounds: Math.max(0, (made.rounds ?? wanted) - kept) },
        rounds: made.rounds ?? wanted,
        continued,
      }
      await this.#keep(asked, answer, more ? state.coldMs + made.cost.ms : state.coldMs * share)
      return answer
    }
    return undefined
  }

  /** A state of other rows or parameters. */
  async #near(asked: Asked): Promise<FittedModel | undefined> {
    const settings = this.#approximate
    if (settings === undefined) return undefined
    const { request, keys } = asked
    const { run, trial, earlier, times } = request
    const last = times === undefined || times.length === 0 ? undefined : times[times.length - 1]
    const options = coreOptions(request)
    const entries = await this.#store.entries(keys.family, { run, trial, earlier })
    const near = nearestState(entries, { ...keys, options, last, maxDistance: settings.maxDistance })
    if (near === undefined) return undefined
    const state = await this.#store.get(near.entry.key)
    if (state === undefined || state.core !== near.entry.core || state.data !== near.entry.data) return undefined
    if (state.fitted.continuation === undefined) return undefined
    const from = this.#firstNew(near, request)
    if (near.kind === 'data' && this.#drifted(state, request, from, settings)) {
      this.counts.driftRefits++
      return undefined
    }
    return this.#goOn(asked, near, state, from, settings)
  }

  /** The first row that the state has not seen. */
  #firstNew({ kind, entry }: Near, { times, X }: FitRequest): number {
    if (kind === 'parameters' || times === undefined || entry.last === undefined) return 0
    let from = X.rows
    while (from > 0 && times[from - 1] > entry.last) from--
    return from
  }

  #drifted({ sketch }: StoredFit, { X, y }: FitRequest, from: number, { driftThreshold }: Settings): boolean {
    if (sketch === undefined || from >= X.rows) return false
    const { index, limit } = measureDrift(sketch, X, y, from, driftThreshold)
    return index > limit
  }

  async #goOn(asked: Asked, near: Near, state: StoredFit, from: number, settings: Settings) {
    const { request, next, keys, key } = asked
    const { fitted } = state
    const wanted = keys.rounds
    const fresh = wanted === undefined ? undefined : Math.max(1, Math.round(wanted * settings.newRounds))
    const rows =
      near.kind === 'data' && from > 0 && from < request.X.rows
        ? replayRows(request, from, settings.replay, Number.parseInt(key.slice(0, 12), 16))
        : {}
    const begun = performance.now()
    let kept = 0
    let made: FittedModel
    try {
      let initial = fitted.model
      let rounds: number | undefined
      if (wanted !== undefined && fresh !== undefined) {
        const has = fitted.rounds ?? state.asked ?? 0
        kept = has
        if (fitted.truncates === true) {
          // Its first rounds, so that the model has as many in all as were asked for.
          kept = Math.min(has, wanted - fresh)
          if (kept < has) initial = (await next({ ...request, initial, rounds: kept })).model
          rounds = wanted
        } else rounds = has + fresh
      }
      made = await next({ ...request, ...rows, initial, rounds })
    } catch (error) {
      request.signal.throwIfAborted()
      if (!isTradewrightError(error) || !['BAD_DATA', 'BAD_SHAPE', 'BAD_OPTION'].includes(error.code)) throw error
      this.counts.refused++
      return undefined
    }
    this.counts.continuedApproximate++
    const ms = performance.now() - begun
    const { kind, entry } = near
    const continued = this.#saved({ kind, from: entry.key, rounds: kept, ms: Math.max(0, state.coldMs - ms) })
    const answer: FittedModel = { ...made, exact: false, cost: { ms, rounds: made.cost.rounds }, continued }
    await this.#keep(asked, answer, state.coldMs)
    return answer
  }

  async #cold(asked: Asked): Promise<FittedModel> {
    const made = await asked.next(asked.request)
    this.counts.cold++
    await this.#keep(asked, made, made.cost.ms)
    return made
  }

  /** Keeps what was trained. An approximate state has a key of its own: it is never an answer, only a beginning. */
  async #keep({ request, keys, key }: Asked, made: FittedModel, coldMs: number): Promise<void> {
    const { model, exact, rounds, continuation, truncates, continued } = made
    const { core, data } = keys
    const fitted = { model, exact, rounds, continuation, truncates }
    const place = exact ? key : contentKey(['approximate', key, continued?.from])
    const sketch = this.#approximate === undefined ? undefined : sketchRows(request.X, request.y)
    try {
      const stored: StoredFit = { core, data, asked: keys.rounds, fitted, coldMs, sketch }
      this.counts.storedBytes += await this.#store.put(place, stored)
      if (exact && keys.rounds !== undefined) await this.#store.addRounds(core, data, keys.rounds)
      if (this.#approximate === undefined) return
      const { times, run, trial } = request
      const last = times === undefined || times.length === 0 ? undefined : times[times.length - 1]
      const options: Data = coreOptions(request)
      await this.#store.addEntry(keys.family, { key: place, core, data, options, asked: keys.rounds, run, trial, last })
    } catch (error) {
      // A state that cannot be kept costs time later, not the trial now; a closed cache is told.
      if (isTradewrightError(error) && error.code === 'DISPOSED') throw error
    }
  }
}

/**
 * The optimizer that lets models continue: states are kept by the code, its parameters and the content of the rows.
 *
 * Exact, always: the same training is not made twice; more rounds on the same rows go on from a state's, and fewer are
 * cut from it, where the model says that both give what a training from nothing gives, to the bit. `effect` is then
 * 'exact'. With `approximate` a model also goes on from rows that end earlier (windows that move or grow) and from
 * neighbouring parameters: `effect` is 'search', every such answer has `exact: false` and says from what it continued,
 * and the winner should be trained once more from nothing (`createFit` of core does). Never from a state that has seen
 * later rows. In a study only states of earlier generations are continued, so that results do not depend on concurrency.
 *
 * @param options with `directory` it can be rebuilt in workers, which then share the folder's states.
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`, `IO` (directory).
 * @example
 * ```ts
 * import { createFit } from '@tradewright/core'
 * import * as models from '@tradewright/incremental-training'
 * const train = createFit(async () => models)
 * const optimizer = models.incrementalTraining()
 * const X = { names: ['a'], data: Float32Array.of(-2, -1, 1, 2), rows: 4, columns: 1 }
 * const request = (rounds: number) => ({
 *   trial: 0, X, y: Float32Array.of(0, 1, 0, 1), signal: new AbortController().signal,
 *   model: { module: '-', export: 'logisticRegression', options: { solver: 'online', rounds }, rounds: 'rounds', version: '1' },
 * })
 * await optimizer.fit(request(100), train)
 * const { exact, cost } = await optimizer.fit(request(150), train)
 * console.log(exact, cost.rounds) // true 50
 * ```
 */
export function incrementalTraining(options: IncrementalTrainingOptions = {}): Optimizer & {
  readonly fit: NonNullable<Optimizer['fit']>
  stats(): IncrementalTrainingStats
} {
  checkNames('incrementalTraining', options, NAMES)
  const { approximate = false, directory, cache } = options
  if (directory !== undefined && cache !== undefined)
    throw new TradewrightError('BAD_OPTION', 'states must be kept in a directory or in a cache, both were given')
  const settings = resolveApproximate(approximate)
  const files = directory === undefined ? undefined : stateFiles({ directory })
  const continuing = new Continuing(settings, files ?? cache ?? memoryStates())
  const remote =
    directory === undefined
      ? {}
      : {
          remote: { module: '@tradewright/incremental-training', options: { directory, approximate: { ...settings } } },
        }
  return defineOptimizer({
    name: 'incremental-training',
    effect: settings === undefined ? 'exact' : 'search',
    setup(host: { readonly cache: Cache | undefined }) {
      if (files === undefined && cache === undefined && host.cache !== undefined) continuing.use(host.cache)
    },
    fit: (request: FitRequest, next: Fit) => continuing.fit(request, next),
    stats: () => ({ ...continuing.counts }),
    async [Symbol.asyncDispose]() {
      await files?.[Symbol.asyncDispose]()
    },
    ...remote,
  })
}

/** Rebuilds {@link incrementalTraining} in a worker: what its `remote` names. */
export function createOptimizer(options: Data): Optimizer {
  const { directory, approximate } = options as unknown as {
    readonly directory: string
    readonly approximate: ApproximateOptions
  }
  return incrementalTraining({ directory, approximate: Object.keys(approximate).length === 0 ? false : approximate })
}
