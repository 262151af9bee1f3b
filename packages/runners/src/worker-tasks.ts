import { createEvaluate, createFastPath, joinSweep, type SharedSweep } from '@tradewright/backtest'
import type { Bars, Data, EngineState, EvaluationRequest, Fingerprint } from '@tradewright/core'
import { type FitTask, fitHere } from './fit-task.ts'
import { borrowBars, type LentBars, mostBarsKept } from './lent-bars.ts'
import { loadModule } from './load-module.ts'
import { type PackedEvaluations, packEvaluations } from './packed-evaluations.ts'
import { type PackedPrograms, unpackPrograms } from './packed-programs.ts'
import { type SharedColumn, type SharingStore, sharingStore } from './sharing-store.ts'
import type { BuiltIn } from './task-protocol.ts'

/** A batch of trials for a worker. */
export interface EvaluateTask {
  readonly programs: PackedPrograms
  readonly ids: readonly number[]
  readonly resume: readonly (readonly (EngineState | undefined)[] | undefined)[] | undefined
  readonly slices: EvaluationRequest['slices']
  readonly simulation: EvaluationRequest['simulation']
  readonly want: EvaluationRequest['want']
  readonly bars: readonly LentBars[]
  readonly engine: 'fast' | 'plain'
  /** Columns that the host has in shared memory and this worker may lack. */
  readonly columns: readonly SharedColumn[]
  readonly columnsVersion: number
  readonly maxIndicatorBytes: number
  /** Whether the host wants the columns that are computed here. */
  readonly share: boolean
}

/** What a worker gives back. */
export interface EvaluateAnswer {
  readonly evaluations: PackedEvaluations
  readonly columnsVersion: number
  /** Which worker it was. */
  readonly worker: number
  /** Columns that it computed and others need not. */
  readonly columns: readonly SharedColumn[]
}

/** A worker's part in a sweep. */
export interface SweepTask {
  readonly sweep: SharedSweep
  readonly bars: LentBars
  /** Its number among the sweep's threads, from 0. */
  readonly thread: number
  /** After so many milliseconds it gives an answer and waits to be asked again: a task has a time limit. */
  readonly turnMs: number
}

/** What a worker answers to a {@link SweepTask}: whether there are blocks that nobody has taken. */
export interface SweepAnswer {
  readonly more: boolean
}

const never: AbortSignal = new AbortController().signal

/** What a worker keeps between tasks. */
class WorkerState {
  readonly #bars = new Map<Fingerprint, Bars>()
  #indicators: SharingStore | undefined
  columnsVersion = 0

  bars(lent: LentBars): Bars {
    let bars = this.#bars.get(lent.fingerprint)
    if (bars === undefined) {
      if (this.#bars.size >= mostBarsKept) this.#bars.clear() // a host of many symbols: handles are cheap to take again
      bars = borrowBars(lent)
      this.#bars.set(lent.fingerprint, bars)
    }
    return bars
  }

  indicators(maxBytes: number): SharingStore {
    this.#indicators ??= sharingStore(maxBytes, () => performance.now())
    return this.#indicators
  }
}

/** The tasks that every worker knows. @param worker its number. */
export function workerTasks(worker: number): ReadonlyMap<string, BuiltIn> {
  const state = new WorkerState()
  const evaluate = async (data: Data): Promise<Data> => {
    const task = data as unknown as EvaluateTask
    const bars = new Map(task.bars.map((lent) => [lent.fingerprint, state.bars(lent)]))
    const indicators = state.indicators(task.maxIndicatorBytes)
    for (const { node, data: of, column } of task.columns) indicators.put(node, of, column)
    state.columnsVersion = Math.max(state.columnsVersion, task.columnsVersion)
    const run = createEvaluate({
      resolve: (fingerprint) => bars.get(fingerprint),
      indicators,
      load: loadModule,
      engine: task.engine,
      ...(task.engine === 'fast' ? { fast: createFastPath() } : {}),
    })
    const programs = unpackPrograms(task.programs)
    const evaluations = await run({
      trials: task.ids.map((id, i) => {
        const resume = task.resume?.[i]
        return { id, program: programs[i], ...(resume === undefined ? {} : { resume }) }
      }),
      slices: task.slices,
      simulation: task.simulation,
      want: task.want,
      signal: never,
    })
    const answer: EvaluateAnswer = {
      evaluations: packEvaluations(evaluations),
      columnsVersion: state.columnsVersion,
      worker,
      columns: task.share ? indicators.takeCostly() : [],
    }
    return answer as unknown as Data
  }
  const sweep = async (data: Data): Promise<Data> => {
    const { sweep, bars, thread, turnMs } = data as unknown as SweepTask
    const end = performance.now() + turnMs
    const stop = (): boolean => performance.now() >= end
    const answer: SweepAnswer = { more: await joinSweep(sweep, state.bars(bars), { thread, stop, load: loadModule }) }
    return answer as unknown as Data
  }
  return new Map<string, BuiltIn>([
    ['ping', () => worker],
    ['evaluate', evaluate],
    ['sweep', sweep],
    ['fit', async (data, { signal }) => (await fitHere(data as unknown as FitTask, signal)) as unknown as Data],
  ])
}
