import {
  type Bars,
  type Clock,
  type Data,
  type ErrorData,
  type Evaluate,
  type Evaluation,
  type EvaluationRequest,
  type Fingerprint,
  type GraphProgram,
  type Key,
  type NodeTable,
  type Optimizer,
  type OptimizerHost,
  systemClock,
  TradewrightError,
  type TrialRef,
  toErrorData,
} from '@tradewright/core'
import { BatchSizer } from './batch-sizer.ts'
import { BarsLender } from './lent-bars.ts'
import { unpackEvaluations } from './packed-evaluations.ts'
import { packPrograms } from './packed-programs.ts'
import { PaysOff } from './pays-off.ts'
import type { SharedColumn } from './sharing-store.ts'
import { builtInModule } from './task-protocol.ts'
import { type WorkerPool, type WorkerPoolOptions, workerPool } from './worker-pool.ts'
import type { EvaluateAnswer, EvaluateTask } from './worker-tasks.ts'

/** A store that tells which columns in shared memory are new, as the shared indicator store does. */
export interface SharedColumns {
  since(version: number): {
    readonly version: number
    readonly columns: readonly SharedColumn[]
  }
  /** Takes a column that a worker computed, so that `since` gives it to the others. Absent: each computes its own. */
  put?(node: Key, data: Fingerprint, column: Float64Array): void
}

/** Options of {@link workerRunner}. */
export interface WorkerRunnerOptions extends WorkerPoolOptions {
  /** Finds the bars that a slice names: what the host's engine resolves them with. */
  resolve(fingerprint: Fingerprint): Bars | undefined
  /** Form of the engine in the workers: the same as the host's, or results differ in the last bits. @default 'fast' */
  readonly engine?: 'fast' | 'plain' | undefined
  /** A pool to use; it is not closed with the runner. @default one of its own, by these options */
  readonly pool?: WorkerPool | undefined
  /** Columns of indicators that workers are to have. @default none: each worker computes its own */
  readonly indicators?: SharedColumns | undefined
  /** Bound on the indicators that each worker keeps, in bytes. @default 128 MiB */
  readonly maxIndicatorBytes?: number | undefined
  /** Below this much estimated work a batch runs in line, in ms. @default 5 */
  readonly minBatchMs?: number | undefined
  /** A batch's upper bound in ms: an abort answers at once, and no worker is busy longer than that. @default 50 */
  readonly maxBatchMs?: number | undefined
  /** Trials a batch at most. @default 1000 */
  readonly chunkSize?: number | undefined
  /** Use workers even where they were measured to be slower than this thread: they take load off it. @default false */
  readonly always?: boolean | undefined
}

/** What the runner did. */
export interface WorkerRunnerStats extends Readonly<Record<string, number>> {
  readonly workers: number
  /** Batches and trials that ran in workers. */
  readonly batches: number
  readonly remoteTrials: number
  /** Trials that ran in line: small batches, closures. */
  readonly inlineTrials: number
  /** Batches run again. */
  readonly retried: number
  /** Trials of batches that failed twice. */
  readonly failedTrials: number
  /** Columns of indicators that one worker computed for all. */
  readonly sharedColumns: number
  /** Bytes of bars copied into shared memory: at most once a series. */
  readonly copiedBytes: number
  /** Measured cost of a million bars, in ms. */
  readonly msPerMillionBars: number
}

/** Trials of a request that are measured in line before anything is known of their cost. */
const PROBE = 4
/** A request of that much estimated work goes to workers at once. */
const LONG_MS = 100

/**
 * The optimizer that evaluates batches in workers: the innermost, around the engine.
 *
 * Programs go as data, bars and indicator columns as handles of shared memory. Batches are sized by measured cost;
 * below 5 ms of estimated work they run in line. Results are those of the engine in line, to the last bit, whatever
 * the number of workers and the order in which they finish.
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function workerRunner(options: WorkerRunnerOptions): Optimizer & { stats(): WorkerRunnerStats } {
  const runner = new Runner(options)
  return {
    name: 'worker-runner',
    effect: 'exact',
    setup: (host) => runner.setup(host),
    evaluate: (request, next) => runner.evaluate(request, next),
    stats: () => runner.stats(),
    [Symbol.asyncDispose]: () => runner.close(),
  }
}

class Runner {
  readonly #options: WorkerRunnerOptions
  readonly #pool: WorkerPool
  readonly #sizer: BatchSizer
  readonly #lender = new BarsLender()
  /** Version of the columns that each worker has, by its number. */
  readonly #columnsOf = new Map<number, number>()
  readonly #paysOff = new PaysOff()
  #clock: Clock
  #warn: (message: string, error?: ErrorData) => void = () => undefined
  readonly #saved: { message: string; error?: ErrorData | undefined }[] = []
  #toldOfClosures = false
  #batches = 0
  #remoteTrials = 0
  #inlineTrials = 0
  #failedTrials = 0
  #sharedColumns = 0

  constructor(options: WorkerRunnerOptions) {
    const { minBatchMs = 5, maxBatchMs = 50, chunkSize = 1000, clock = systemClock, onWarning } = options
    for (const [name, value] of Object.entries({ minBatchMs, maxBatchMs, chunkSize }))
      if (!(value > 0) || !Number.isFinite(value))
        throw new TradewrightError('BAD_OPTION', `${name} must be above 0, was ${value}`, { [name]: value })
    this.#options = options
    this.#clock = clock
    this.#sizer = new BatchSizer({ minMs: minBatchMs, maxMs: Math.max(minBatchMs, maxBatchMs), maxTrials: chunkSize })
    this.#pool =
      options.pool ??
      workerPool({
        ...options,
        onWarning: (warning) => {
          onWarning?.(warning)
          this.#saved.push(warning)
          this.#warn(warning.message, warning.error)
        },
      })
  }

  setup({ events, clock }: OptimizerHost): void {
    this.#clock = clock
    this.#warn = (message, error) =>
      events.emit('warning:raised', { source: 'worker-runner', message, ...(error === undefined ? {} : { error }) })
    for (const { message, error } of this.#saved) this.#warn(message, error)
  }

  async close(): Promise<void> {
    if (this.#options.pool === undefined) await this.#pool[Symbol.asyncDispose]()
  }

  stats(): WorkerRunnerStats {
    const { workers, retried } = this.#pool.stats()
    return {
      workers,
      batches: this.#batches,
      remoteTrials: this.#remoteTrials,
      inlineTrials: this.#inlineTrials,
      retried,
      failedTrials: this.#failedTrials,
      copiedBytes: this.#lender.copiedBytes,
      sharedColumns: this.#sharedColumns,
      msPerMillionBars: (this.#sizer.msPerBar ?? 0) * 1e6,
    }
  }

  async evaluate(request: EvaluationRequest, next: Evaluate): Promise<readonly Evaluation[]> {
    const { trials, slices, signal } = request
    signal.throwIfAborted()
    const bars = slices.reduce((sum, slice) => sum + slice.end - slice.start, 0)
    const { remote, local } = this.#parts(trials)
    const answers: Evaluation[] = []
    if (local.length > 0) answers.push(...(await this.#inline({ ...request, trials: local }, next)))
    const probe = this.#sizer.msPerBar === undefined ? remote.splice(0, PROBE) : []
    if (probe.length > 0) answers.push(...(await this.#inline({ ...request, trials: probe }, next)))
    if (remote.length === 0) return answers
    const { minBatchMs = 5, always = false } = this.#options
    const ms = this.#sizer.estimate(remote.length, bars) ?? 0
    // The first request that is worth sending, but no long one, shows what this thread takes.
    const unknown = ms < LONG_MS && !this.#paysOff.measured
    const stays = ms < minBatchMs || (!always && (unknown || !this.#paysOff.remote))
    if (stays || !(await untilAborted(this.#pool.start(this.#options.isolation), signal))) {
      answers.push(...(await this.#inline({ ...request, trials: remote }, next)))
      return answers
    }
    const begun = this.#clock.elapsed()
    const evaluated = await untilAborted(this.#everyBatch(remote, bars, request), signal)
    answers.push(...evaluated)
    // Bars that were simulated, as for this thread: what goes on from a state has fewer than its slice.
    this.#paysOff.there(
      evaluated.reduce((sum, { cost }) => sum + cost.bars, 0),
      this.#clock.elapsed() - begun,
    )
    return answers
  }

  /** All trials in workers, in their order. A batch is cut and packed when a worker is about to be free for it. */
  async #everyBatch(trials: readonly TrialRef[], bars: number, request: EvaluationRequest): Promise<Evaluation[]> {
    const answers: (readonly Evaluation[])[] = []
    let taken = 0
    const lane = async (): Promise<void> => {
      while (taken < trials.length && !request.signal.aborted) {
        const batch = trials.slice(taken, taken + this.#sizer.size(trials.length, bars, this.#pool.size))
        taken += batch.length
        const place = answers.push([]) - 1
        answers[place] = await this.#remote(batch, request)
      }
    }
    // Two a worker: while one runs, the next is packed and waits.
    await Promise.all(Array.from({ length: 2 * this.#pool.size }, lane))
    return answers.flat()
  }

  /** What can be sent, trials of one table together, and what has to stay. */
  #parts(trials: readonly TrialRef[]): { readonly remote: TrialRef[]; readonly local: readonly TrialRef[] } {
    const stays = new Map<NodeTable, boolean>()
    const remote: TrialRef[] = []
    const local: TrialRef[] = []
    for (const trial of trials) {
      const { program } = trial
      if (program.kind !== 'graph') {
        local.push(trial)
        continue
      }
      let stay = stays.get(program.table)
      if (stay === undefined) {
        stay = hasClosure(program.table)
        stays.set(program.table, stay)
      }
      if (stay) local.push(trial)
      else remote.push(trial)
    }
    if (stays.size > 1) remote.sort((a, b) => tableOrder(stays, a) - tableOrder(stays, b) || a.id - b.id)
    if (local.length > 0 && !this.#toldOfClosures) {
      this.#toldOfClosures = true
      this.#warn(
        'some trials run in line: they use an indicator that is a closure, or a strategy in a module. Give defineIndicator its `module` to run them in workers',
      )
    }
    return { remote, local }
  }

  async #inline(request: EvaluationRequest, next: Evaluate): Promise<readonly Evaluation[]> {
    this.#inlineTrials += request.trials.length
    const begun = this.#clock.elapsed()
    const answers = await next(request)
    const ms = this.#clock.elapsed() - begun
    this.#learn(answers, ms)
    const bars = answers.reduce((sum, { cost }) => sum + cost.bars, 0)
    if (answers.length > PROBE) this.#paysOff.here(bars, ms) // a few trials cost more each
    return answers
  }

  #learn(answers: readonly Evaluation[], ms: number): void {
    this.#sizer.measured(
      answers.reduce((sum, { cost }) => sum + cost.bars, 0),
      ms,
    )
  }

  /** One batch in a worker. A batch that fails twice gives failed trials with the reason. */
  async #remote(batch: readonly TrialRef[], request: EvaluationRequest): Promise<readonly Evaluation[]> {
    const ids = batch.map(({ id }) => id)
    try {
      const parts = byTable(batch)
      const all = await Promise.all(parts.map((part) => this.#send(part, request)))
      this.#batches += parts.length
      this.#remoteTrials += ids.length
      return all.flat()
    } catch (error) {
      request.signal.throwIfAborted()
      this.#failedTrials += ids.length
      const data = toErrorData(error, 'TASK_FAILED')
      return ids.map((id): Evaluation => ({ id, cost: { bars: 0, ms: 0 }, status: 'failed', error: data }))
    }
  }

  async #send(part: readonly TrialRef[], request: EvaluationRequest): Promise<readonly Evaluation[]> {
    const { slices, signal } = request
    const ids = part.map(({ id }) => id)
    const task = this.#task(part, request)
    let evaluations: readonly Evaluation[] | undefined
    const begun = this.#clock.elapsed()
    const value = await this.#pool.run(
      { module: builtInModule, export: 'evaluate', data: task as unknown as Data, isolation: this.#options.isolation },
      {
        cancelled: signal,
        accept: (answer) => {
          const { evaluations: packed } = (answer ?? {}) as unknown as Partial<EvaluateAnswer>
          evaluations = packed === undefined ? undefined : unpackEvaluations(packed, ids, slices.length)
          return evaluations !== undefined
        },
      },
    )
    const { worker, columnsVersion, columns } = value as unknown as EvaluateAnswer
    this.#columnsOf.set(worker, columnsVersion)
    for (const { node, data, column } of columns) this.#options.indicators?.put?.(node, data, column)
    this.#sharedColumns += columns.length
    const answers = evaluations ?? []
    this.#learn(
      answers,
      Math.min(
        this.#clock.elapsed() - begun,
        answers.reduce((sum, { cost }) => sum + cost.ms, 0),
      ),
    )
    return answers
  }

  #task(part: readonly TrialRef[], { slices, simulation, want }: EvaluationRequest): EvaluateTask {
    const fingerprints = [...new Set(slices.map(({ data }) => data))]
    const bars = fingerprints.flatMap((fingerprint) => {
      const found = this.#options.resolve(fingerprint)
      return found === undefined ? [] : [this.#lender.lend(found)]
    })
    const { engine = 'fast', maxIndicatorBytes = 128 * 1024 ** 2, indicators } = this.#options
    // A worker that has not answered yet may be anyone: until all have, everything is sent.
    const known = this.#columnsOf.size < this.#pool.size ? 0 : Math.min(...this.#columnsOf.values())
    const fresh = indicators?.since(known) ?? { version: 0, columns: [] }
    const resumed = part.some(({ resume }) => resume !== undefined)
    return {
      programs: packPrograms(part.map(({ program }) => program as GraphProgram)),
      ids: part.map(({ id }) => id),
      resume: resumed ? part.map(({ resume }) => resume) : undefined,
      slices,
      simulation,
      want,
      bars,
      engine,
      columns: fresh.columns,
      columnsVersion: fresh.version,
      maxIndicatorBytes,
      share: indicators?.put !== undefined && this.#options.isolation !== 'process',
    }
  }
}

/** Whether a table calls an indicator that has no module to load it from. */
function hasClosure({ ops, constants }: NodeTable): boolean {
  for (let node = 0; node < ops.length; node++) if (ops[node] === 'kernel' && constants[node][2] === '') return true
  return false
}

function tableOrder(tables: ReadonlyMap<NodeTable, boolean>, { program }: TrialRef): number {
  return program.kind === 'graph' ? [...tables.keys()].indexOf(program.table) : -1
}

function byTable(batch: readonly TrialRef[]): readonly (readonly TrialRef[])[] {
  const parts = new Map<NodeTable | undefined, TrialRef[]>()
  for (const trial of batch) {
    const table = trial.program.kind === 'graph' ? trial.program.table : undefined
    const part = parts.get(table)
    if (part === undefined) parts.set(table, [trial])
    else part.push(trial)
  }
  return [...parts.values()]
}

/** Rejects as soon as the signal is aborted; what runs is let finish in its worker. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as unknown)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
