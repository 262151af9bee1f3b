import {
  type Bars,
  type Clock,
  createIndicatorStore,
  type ErrorData,
  type Evaluate,
  type Evaluation,
  type EvaluationRequest,
  type Fingerprint,
  type GraphProgram,
  type IndicatorStore,
  type MetricName,
  type NodeTable,
  type Slice,
  type SliceResult,
  systemClock,
  TradewrightError,
  type TrialRef,
  toErrorData,
} from '@tradewright/core'
import { createFastPath } from './fast-path.ts'
import { NodeGraph } from './node-graph.ts'
import { columnsKey, NodeValues, nodeBars } from './node-values.ts'
import { pickMetrics, selectMetrics } from './performance.ts'
import { runSlice, type SliceOutcome } from './run-slice.ts'
import { resolveSimulation } from './simulation-settings.ts'
import type { FastPath, PreparedTrial, SliceBatch } from './slice-batch.ts'
import { distanceColumns, signalColumns } from './slice-signals.ts'
import { loadKernels } from './user-kernel.ts'

/** What {@link createEvaluate} takes. */
export interface EvaluateOptions {
  /** Finds the bars that a slice names. Undefined where there are none: the request is then refused. */
  resolve(fingerprint: Fingerprint): Bars | undefined
  /** Keeps indicators between trials and requests. @default a store in memory, 512 MiB */
  readonly indicators?: IndicatorStore | undefined
  /** Whether trials may take a fast path; results are equal within 1e-12. @default 'fast' */
  readonly engine?: 'fast' | 'plain' | undefined
  /** The fast path. @default WebAssembly with SIMD, its plain kernels where that is not there */
  readonly fast?: FastPath | undefined
  /** Imports modules of users' indicators. @default the runtime's own `import()` */
  readonly load?: ((module: string) => Promise<unknown>) | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
}

/** Trials a chunk at most. */
const CHUNK = 256
/** Bars times trials of the first chunk: later ones are sized by what it took. And of any: new columns cost more. */
const FIRST_CHUNK_BARS = 2_000_000
const MOST_CHUNK_BARS = 8_000_000
/** What a chunk is to take. */
const CHUNK_MS = 25
/** After this long the event loop gets a turn, so that an abort can arrive. */
const TURN_MS = 40

/** A trial on its way through the slices. */
interface Running {
  readonly trial: TrialRef
  readonly results: SliceResult[]
  bars: number
  ms: number
  error: ErrorData | undefined
}

function findBars(slice: Slice, resolve: EvaluateOptions['resolve']): Bars {
  const bars = resolve(slice.data)
  if (bars === undefined)
    throw new TradewrightError('NOT_FOUND', `slice '${slice.id}' names bars that are not here, was ${slice.data}`, {
      slice: slice.id,
      data: slice.data,
    })
  const { warmupStart, start, end } = slice
  const fits = [warmupStart, start, end].every(Number.isInteger)
  if (!fits || !(0 <= warmupStart && warmupStart <= start && start < end && end <= bars.length))
    throw new TradewrightError(
      'BAD_OPTION',
      `slice '${slice.id}' needs 0 <= warmupStart <= start < end <= ${bars.length}, was ${warmupStart}, ${start}, ${end}`,
      { slice: slice.id, warmupStart, start, end, bars: bars.length },
    )
  return bars
}

/** The graph program of a trial. @throws TradewrightError `NOT_AVAILABLE` for a strategy in a module. */
function graphOf({ program }: TrialRef): GraphProgram {
  if (program.kind === 'graph') return program
  throw new TradewrightError('NOT_AVAILABLE', `strategies in modules cannot be run yet, was '${program.strategy}'`, {
    strategy: program.strategy,
  })
}

/** One trial over one slice, plain. Exported for tests and for fast paths that hand a trial back. */
export function runPlain(batch: SliceBatch, trial: PreparedTrial): SliceOutcome {
  const { slice, values } = batch
  const { program, settings, resume } = trial
  try {
    return runSlice({
      prices: values.bars,
      signals: signalColumns(program, settings, values),
      distances: distanceColumns(settings, values),
      settings,
      offset: slice.warmupStart,
      start: slice.start,
      end: slice.end,
      final: slice.final,
      resume,
      wantState: batch.wantState,
      wantReturns: batch.wantReturns,
    })
  } finally {
    values.forget()
  }
}

/**
 * What a fast path gave, with the returns that it does not give. Metrics and moments are always those of the fast path,
 * whether or not returns are wanted: a trial has one result.
 */
function completed(quick: SliceOutcome, batch: SliceBatch, { program, settings }: PreparedTrial): SliceOutcome {
  if (!batch.wantReturns) return quick
  return { ...quick, returns: runPlain(batch, { program, settings, resume: undefined }).returns }
}

/**
 * The innermost {@link Evaluate}: bound graphs in, metrics out. A trial that throws gives a `failed` evaluation and the
 * others go on.
 *
 * A run that continues from a state gives what the whole run gives, to the last bit, and so does one that is asked for
 * its state or its returns. `cost.bars` counts the bars simulated, `cost.ms` the time it took: a continued run begins with
 * the state's own bar in the plain form, on the fast path with the first bar after the last closed trade, or with the
 * first bar that is new where the position is flat.
 *
 * @throws (rejects) TradewrightError `NOT_FOUND` / `BAD_OPTION` for slices that cannot be, `UNKNOWN_NAME` for metrics;
 *   the signal's reason when aborted, looked at every 40 ms: between trials of the plain form, between chunks of the fast
 *   one, which are sized by what they take.
 * @example
 * ```ts
 * const evaluate = createEvaluate({ resolve: (fingerprint) => (fingerprint === bars.fingerprint ? bars : undefined) })
 * ```
 */
export function createEvaluate(options: EvaluateOptions): Evaluate {
  const { resolve, indicators = createIndicatorStore(), engine = 'fast', load, clock = systemClock } = options
  const fast = engine === 'fast' ? (options.fast ?? createFastPath()) : undefined

  // Over all requests: what a slow strategy takes is known by its second batch.
  let perBar = CHUNK_MS / FIRST_CHUNK_BARS

  const runChunk = async (chunk: readonly Running[], work: ChunkWork): Promise<void> => {
    const { slice, place, bars, names, request, pause } = work
    for (const [table, group] of byTable(chunk)) {
      const values = new NodeValues(
        NodeGraph.of(table),
        nodeBars(bars, slice.warmupStart, slice.end),
        columnsKey(bars, slice.warmupStart),
        indicators,
      )
      let started = clock.elapsed()
      let spent = 0
      const prepared: PreparedTrial[] = []
      const running: Running[] = []
      for (const one of group) {
        try {
          const program = graphOf(one.trial)
          const settings = resolveSimulation(request.simulation, program.simulation, bars)
          prepared.push({ program, settings, resume: one.trial.resume?.[place] })
          running.push(one)
        } catch (error) {
          one.error = toErrorData(error)
        }
      }
      const { state, returns } = request.want
      const batch = { bars, slice, values, trials: prepared, wantState: state, wantReturns: returns }
      const outcomes = fast?.({ ...batch, wantReturns: false })
      for (let k = 0; k < prepared.length; k++) {
        const { [k]: trial } = prepared
        try {
          const quick = outcomes?.[k]
          keep(running[k], quick === undefined ? runPlain(batch, trial) : completed(quick, batch, trial), names)
        } catch (error) {
          running[k].error = toErrorData(error)
        }
        const now = clock.elapsed()
        if (!pause.due(now)) continue
        spent += now - started
        await pause.take(request.signal)
        started = clock.elapsed()
      }
      const ms = (spent + clock.elapsed() - started) / group.length
      for (const one of group) one.ms += ms
    }
  }

  return async (request) => {
    const { trials, slices, want, signal } = request
    signal.throwIfAborted()
    const names = selectMetrics(want.metrics)
    const bars = slices.map((slice) => findBars(slice, resolve))
    const all = trials.map((trial): Running => ({ trial, results: [], bars: 0, ms: 0, error: undefined }))
    await loadAll(all, load)
    const pause = new Pause(clock)
    for (let s = 0; s < slices.length; s++) {
      const { [s]: slice } = slices
      const length = slice.end - slice.warmupStart
      for (let from = 0; from < all.length; ) {
        signal.throwIfAborted()
        const size = Math.max(1, Math.min(CHUNK, Math.floor(Math.min(MOST_CHUNK_BARS, CHUNK_MS / perBar) / length)))
        const chunk = all.slice(from, from + size).filter((one) => one.error === undefined)
        from += size
        const begun = clock.elapsed()
        await runChunk(chunk, { slice, place: s, bars: bars[s], names, request, pause })
        const now = clock.elapsed()
        if (chunk.length > 0) perBar = Math.max(1e-9, perBar / 2, (now - begun) / (chunk.length * length))
        if (pause.due(now)) await pause.take(signal)
      }
    }
    return all.map(finish)
  }
}

/** What a chunk of trials is run on. */
interface ChunkWork {
  readonly slice: Slice
  /** Which slice of the request it is. */
  readonly place: number
  readonly bars: Bars
  readonly names: Names
  readonly request: EvaluationRequest
  readonly pause: Pause
}

/** Gives the event loop a turn every {@link TURN_MS}. */
class Pause {
  readonly #clock: Clock
  #since: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.elapsed()
  }

  due(now: number): boolean {
    return now - this.#since > TURN_MS
  }

  /** @throws the signal's reason. */
  async take(signal: AbortSignal): Promise<void> {
    await new Promise<void>((next) => setTimeout(next, 0))
    signal.throwIfAborted()
    this.#since = this.#clock.elapsed()
  }
}

type Names = readonly MetricName[] | undefined

function keep(one: Running, outcome: SliceOutcome, names: Names): void {
  const { metrics, moments, state, returns, barsRun } = outcome
  one.bars += barsRun
  one.results.push({
    metrics: pickMetrics(metrics, names),
    moments,
    ...(state === undefined ? {} : { state }),
    ...(returns === undefined ? {} : { returns }),
  })
}

function finish({ trial, results, bars, ms, error }: Running): Evaluation {
  const base = { id: trial.id, cost: { bars, ms } }
  return error === undefined ? { ...base, status: 'done', slices: results } : { ...base, status: 'failed', error }
}

/** Trials of one table together, in their order; strategies in modules go under a table of their own. */
function byTable(chunk: readonly Running[]): ReadonlyMap<NodeTable, readonly Running[]> {
  const groups = new Map<NodeTable, Running[]>()
  for (const one of chunk) {
    const { program } = one.trial
    const table = program.kind === 'graph' ? program.table : NO_TABLE
    const group = groups.get(table)
    if (group === undefined) groups.set(table, [one])
    else group.push(one)
  }
  return groups
}

const NO_TABLE: NodeTable = Object.freeze({ ops: [], inputs: [], constants: [] })

/** Loads users' indicators; what cannot be loaded, or a broken table, fails the trials that need it. */
async function loadAll(all: readonly Running[], load: EvaluateOptions['load']): Promise<void> {
  for (const [table, group] of byTable(all)) {
    try {
      await loadKernels(NodeGraph.of(table), load)
    } catch (error) {
      for (const one of group) one.error = toErrorData(error)
    }
  }
}
