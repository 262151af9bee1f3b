import { type SharedIndicatorStore, sharedOnDemand } from '@tradewright/backtest-cache'
import {
  createEvents,
  DisposeStack,
  defineOptimizer,
  type Events,
  inlineTaskPool,
  type Logger,
  type OnionOrder,
  type Optimizer,
  type OptimizerHost,
  orderOptimizers,
  type ParamsOf,
  type Profiler,
  type SpaceShape,
  systemClock,
  TradewrightError,
} from '@tradewright/core'
import { type ResolvedConfiguration, resolveConfiguration } from './configuration.ts'
import { createEngine } from './engine.ts'
import { resolveObjective } from './objective.ts'
import { type OpenedCache, openResultCache } from './open-cache.ts'
import { openIncremental } from './open-incremental.ts'
import { type OpenedWorkers, openWorkers } from './open-workers.ts'
import { runTraining } from './run-training.ts'
import type { TrainingHost } from './search-trials.ts'
import type { SystemOptions } from './system-options.ts'
import { type CreateReplayBuffer, SystemReplay } from './system-replay.ts'
import { createTimingProfiler, measureOptimizer, timingProfiler } from './timing-profiler.ts'
import type { TrainingManager } from './training-manager.ts'
import type { TrainingRequest } from './training-request.ts'

/** A training system: the manager, and what it runs on. */
export interface TrainingSystem extends AsyncDisposable {
  readonly trainingManager: TrainingManager
  /** Past facts: progress, warnings, failures of listeners. */
  readonly events: Events
  /** The configuration with every default filled in. */
  readonly config: ResolvedConfiguration
  /**
   * Adds an optimizer; returns the system.
   *
   * @throws TradewrightError `SYSTEM_RUNNING` once a run has begun, `BAD_OPTIMIZER`, `DUPLICATE_NAME`, `DISPOSED`.
   */
  use(optimizer: Optimizer): TrainingSystem
  /**
   * A replay buffer with the system's cache and events, within `computationalOptimization.replayBuffers.maxBytes`;
   * closed with the system. On disk or compressed it comes as a promise; `await` is right for every storage.
   */
  readonly createReplayBuffer: CreateReplayBuffer
  /** Aborts what runs, waits for it and closes everything. Idempotent. */
  close(): Promise<void>
}

const silent: Logger = Object.freeze({ debug() {}, info() {}, warn() {} })

class System implements TrainingSystem {
  readonly trainingManager: TrainingManager
  readonly events: Events
  readonly config: ResolvedConfiguration
  readonly createReplayBuffer: CreateReplayBuffer
  readonly #owned: DisposeStack
  readonly #user: Optimizer[] = []
  readonly #own: OnionOrder
  readonly #workers: OpenedWorkers | undefined
  readonly #cache: OpenedCache | undefined
  readonly #profiler: Profiler | undefined
  readonly #indicators: SharedIndicatorStore
  readonly #engine: ReturnType<typeof createEngine>
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  #ready: Promise<readonly Optimizer[]> | undefined
  #models: Promise<Optimizer | undefined> | undefined
  #closed: Promise<void> | undefined

  constructor(config: ResolvedConfiguration, events: Events, cache: OpenedCache | undefined, owned: DisposeStack) {
    const { clock = systemClock } = config
    const { profiling } = config.computationalOptimization
    this.config = config
    this.events = events
    this.#owned = owned
    this.#cache = cache
    this.#profiler = profiling.enabled ? createTimingProfiler({ clock }) : undefined
    this.#indicators = config.computationalOptimization.caching.indicators ?? sharedOnDemand({ clock })
    this.#engine = createEngine({ indicators: this.#indicators, profiler: this.#profiler, clock })
    this.#workers = openWorkers(config.computationalOptimization.parallelization, this.#engine, clock, this.#indicators)
    if (this.#workers !== undefined) owned.use(this.#workers.pool)
    const { maxBytes } = config.computationalOptimization.replayBuffers
    this.createReplayBuffer = owned.use(new SystemReplay({ cache: cache?.cache, events, maxBytes })).create
    this.#own = {
      outer: this.#profiler === undefined ? [] : [timingProfiler(this.#profiler)],
      middle: cache === undefined ? [] : [cache.optimizer],
      inner: this.#workers === undefined ? [] : [this.#workers.optimizer],
    }
    for (const optimizer of config.optimizers) this.use(optimizer)
    this.trainingManager = this.#manager()
  }

  use(optimizer: Optimizer): this {
    this.#open()
    if (this.#ready !== undefined)
      throw new TradewrightError(
        'SYSTEM_RUNNING',
        `optimizers must be added before the first run, was '${optimizer.name}' after it`,
        { name: optimizer.name },
      )
    defineOptimizer(optimizer)
    this.#order([...this.#user, optimizer])
    this.#user.push(optimizer)
    return this
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#closing.abort(new TradewrightError('DISPOSED', 'the system was closed during a run'))
    await Promise.allSettled(this.#running)
    // Last first: the user's optimizers were given last, and may use what the system owns.
    for (const optimizer of this.#user) this.#owned.use(optimizer)
    await this.#owned[Symbol.asyncDispose]()
    this.events.clear()
  }

  #open(): void {
    if (this.#closed !== undefined) throw new TradewrightError('DISPOSED', 'a closed training system was used')
  }

  #order(user: readonly Optimizer[]): readonly Optimizer[] {
    return orderOptimizers(user, this.#own)
  }

  /** Sets every optimizer up once, from outside inwards. */
  #initialize(): Promise<readonly Optimizer[]> {
    this.#open()
    this.#ready ??= this.#setUp()
    return this.#ready
  }

  async #setUp(): Promise<readonly Optimizer[]> {
    const { config, events } = this
    const { logger = silent, clock = systemClock } = config
    events.on('warning:raised', ({ source, message }) => logger.warn(`${source}: ${message}`))
    // Kept until now: before the first run nobody could have listened.
    this.#workers?.onWarning((warning) => events.emit('warning:raised', { source: 'worker-pool', ...warning }))
    if (this.#cache?.warning !== undefined) events.emit('warning:raised', { ...this.#cache.warning })
    const host: OptimizerHost = {
      cache: this.#cache?.cache,
      tasks: this.#workers?.pool ?? inlineTaskPool(),
      indicators: this.#indicators,
      profiler: this.#profiler,
      events,
      config: config as unknown as Readonly<Record<string, unknown>>,
      logger,
      clock,
    }
    const ordered = this.#order(this.#user)
    for (const optimizer of ordered) await optimizer.setup?.(host)
    return ordered
  }

  #stats(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    return Object.fromEntries(
      this.#order(this.#user).flatMap((optimizer) =>
        optimizer.stats === undefined ? [] : [[optimizer.name, optimizer.stats()] as const],
      ),
    )
  }

  /** Opened with the first training that has a model: the others need no folder. */
  #incremental(): Promise<Optimizer | undefined> {
    this.#models ??= this.#openIncremental()
    return this.#models
  }

  async #openIncremental(): Promise<Optimizer | undefined> {
    const { incrementalTraining, caching } = this.config.computationalOptimization
    const opened = await openIncremental(incrementalTraining, caching, (warning) =>
      this.events.emit('warning:raised', { ...warning }),
    )
    if (opened !== undefined) this.#owned.use(opened)
    return opened
  }

  #host(ordered: readonly Optimizer[]): TrainingHost {
    const profiler = this.#profiler
    const { config, events } = this
    return {
      dataSource: config.dataSource,
      training: config.training,
      computing: config.computationalOptimization,
      optimizers: (ofRun) => {
        const own = { ...this.#own, middle: [...this.#own.middle, ...ofRun] }
        const all = ofRun.length === 0 ? ordered : orderOptimizers(this.#user, own)
        return profiler === undefined ? all : all.map((optimizer) => measured(optimizer, profiler))
      },
      evaluate: this.#engine.evaluate,
      lend: this.#engine.lend,
      events,
      threads: this.#workers?.pool.size ?? 1,
      pool: this.#workers?.pool,
      incremental: () => this.#incremental(),
      indicators: this.#indicators,
      clock: config.clock ?? systemClock,
      stats: () => this.#stats(),
    }
  }

  /** Runs `work` with a signal that ends with the system's or the caller's, and keeps it in sight until it settles. */
  #run<T>(caller: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signals = [this.#closing.signal, ...(caller === undefined ? [] : [caller])]
    const running = work(AbortSignal.any(signals))
    this.#running.add(running)
    const done = (): void => void this.#running.delete(running)
    running.then(done, done)
    return running
  }

  #manager(): TrainingManager {
    const execute: TrainingManager['executeOptimizedTraining'] = async <P, Shape extends SpaceShape>(
      request: TrainingRequest<P, Shape>,
    ) => {
      this.#open()
      return this.#run(request?.signal, async (signal) => {
        signal.throwIfAborted()
        const ordered = await this.#initialize()
        this.#profiler?.snapshot('training begins')
        try {
          // The strategy's parameters and its model's are one set from here on.
          const joint = request as unknown as TrainingRequest<P & ParamsOf<Shape>>
          return await runTraining(joint, this.#host(ordered), signal)
        } finally {
          this.#profiler?.snapshot('training ends')
        }
      })
    }
    const profiler = this.#profiler ?? createTimingProfiler({ clock: this.config.clock })
    return {
      initialize: async () => void (await this.#initialize()),
      executeOptimizedTraining: execute,
      executeEnhancedTraining: execute,
      getMemoryProfile() {
        const { snapshots } = profiler.report()
        return { now: profiler.snapshot('asked'), snapshots }
      },
      getOptimizationStats: () => ({
        optimizers: this.#stats(),
        cache: this.#cache?.stats(),
        indicators: this.#indicators.stats(),
        profile: this.#profiler?.report(),
      }),
      cleanup: async () => this.#indicators.clear(),
    }
  }
}

/** The profiler's own hooks measure the search as a whole; every other optimizer is measured as a layer. */
const measured = (optimizer: Optimizer, profiler: Profiler): Optimizer =>
  optimizer.name === 'profiler' ? optimizer : measureOptimizer(optimizer, profiler)

/**
 * A system that tunes, validates and caches.
 *
 * @param options where bars come from, and what differs from the defaults. Unknown keys are refused, with the nearest
 *   valid one.
 * @param init    `signal`: gives up opening; rejects with its reason.
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`, `NOT_AVAILABLE` (a section of a later version),
 *   `BAD_OPTIMIZER`, `DUPLICATE_NAME`.
 * @example
 * ```ts
 * import { createOptimizedTrainingSystem, csvDataSource, defineStrategy, int, ta } from 'tradewright'
 * const system = await createOptimizedTrainingSystem({ dataSource: csvDataSource('./data', { calendar: 'crypto' }) })
 * try {
 *   const result = await system.trainingManager.executeOptimizedTraining({ strategy, symbol: 'ETHUSDT', timeframe: '1h' })
 *   console.log(result.best.params, result.validation.deflatedSharpe)
 * } finally { await system.close() }
 * ```
 */
export async function createOptimizedTrainingSystem(
  options: SystemOptions,
  init: { readonly signal?: AbortSignal | undefined } = {},
): Promise<TrainingSystem> {
  init.signal?.throwIfAborted()
  const config = resolveConfiguration(options)
  resolveObjective(config.training.objective)
  const owned = new DisposeStack()
  try {
    owned.use(config.dataSource)
    const events = createEvents()
    const cache = await openResultCache(config.computationalOptimization.caching, config.clock ?? systemClock)
    if (cache !== undefined) owned.use(cache.optimizer)
    init.signal?.throwIfAborted()
    return new System(config, events, cache, owned)
  } catch (error) {
    await owned[Symbol.asyncDispose]()
    throw error
  }
}
