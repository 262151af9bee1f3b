import { runFast } from './fast-batch.ts'
import { withFastMemory } from './fast-memory.ts'
import { planFast } from './fast-plans.ts'
import { rowCounts, rowMoments } from './fast-results.ts'
import { ROW } from './fast-row.ts'
import { type FastSums, fastEngineState, fastStateOf } from './fast-state.ts'
import { computeMetrics } from './performance.ts'
import { listPrograms } from './program-list.ts'
import { residentMarkets } from './resident-markets.ts'
import type { SliceOutcome } from './run-slice.ts'
import type { SimulationSettings } from './simulation-settings.ts'
import type { FastPath, SliceBatch } from './slice-batch.ts'
import { everyTrial } from './trial-order.ts'

/**
 * The fast form of a batch: bit sets, kernels in WebAssembly. It takes trials whose signals are events or states,
 * without trailing stop or per-bar returns, over at least 128 bars of positive prices; see docs/performance.md.
 * Equal to the plain form within 1e-12, trades exactly.
 *
 * A state it gave is continued from where the position was last flat, to the last bit as without.
 *
 * @param form which kernels. @default 'wasm'
 */
export function createFastPath(form: 'wasm' | 'plain' = 'wasm'): FastPath {
  return (batch) => {
    const { slice, trials, wantReturns } = batch
    const { start, end } = slice
    const outcomes = new Array<SliceOutcome | undefined>(trials.length).fill(undefined)
    if (wantReturns) return outcomes
    const run = new FastSlice(form, batch, outcomes)
    if (trials.every(({ resume }) => resume === undefined)) {
      run.run(everyTrial(trials.length), () => undefined)
      return outcomes
    }
    const resumed = trials.map(({ resume }) => fastStateOf(resume, start, end))
    // Few bars are left for most: those that must go far back would make the others' columns as long as theirs.
    const half = (t: number): number => start + ((trials[t].resume?.bar ?? start) - start) / 2
    const [near, far]: [number[], number[]] = [[], []]
    resumed.forEach((sums, t) => {
      if (sums !== undefined && sums.bar >= half(t)) near.push(t)
      else far.push(t)
    })
    run.run(Uint32Array.from(near), (t) => resumed[t])
    run.run(Uint32Array.from(far), (t) => resumed[t])
    run.run(Uint32Array.from(run.again), () => undefined)
    return outcomes
  }
}

/** One batch over one slice, in one or several groups of trials. */
class FastSlice {
  /** Trials that cannot go on from where they were to, and have to begin at the start. */
  readonly again: number[] = []
  readonly #form: 'wasm' | 'plain'
  readonly #batch: SliceBatch
  readonly #outcomes: (SliceOutcome | undefined)[]
  readonly #settings: (trial: number) => SimulationSettings
  readonly #plans: ReturnType<typeof planFast>

  constructor(form: 'wasm' | 'plain', batch: SliceBatch, outcomes: (SliceOutcome | undefined)[]) {
    this.#form = form
    this.#batch = batch
    this.#outcomes = outcomes
    this.#settings = (trial) => batch.trials[trial].settings
    this.#plans = planFast(listPrograms(batch.trials.map(({ program }) => program)), this.#settings)
  }

  run(trials: Uint32Array, resumed: (trial: number) => FastSums | undefined): void {
    if (trials.length === 0) return
    const { slice, values, wantState } = this.#batch
    const { warmupStart, start, end, final } = slice
    const begun = new Map<number, number>()
    const states = new Map<number, FastSums | undefined>()
    const resume = (t: number): FastSums | undefined => moved(resumed(t), -warmupStart)
    const rows = withFastMemory(this.#form, (memory) => {
      const markets = residentMarkets(memory)
      const market = markets.take(values.bars, trials.length)
      try {
        return runFast(memory, {
          plans: this.#plans,
          trials,
          settings: this.#settings,
          values,
          keep: true,
          start: start - warmupStart,
          final,
          moments: true,
          market,
          resident: markets.columns(market, values.dataKey),
          resume,
          wantSums: wantState,
          onRun(t, from, sums) {
            if (from !== start - warmupStart) begun.set(t, from + warmupStart)
            if (sums !== undefined) states.set(t, moved(sums, warmupStart))
          },
        })
      } finally {
        markets.settle(market)
      }
    })
    trials.forEach((t, k) => {
      const status = rows[k * ROW.size + ROW.status]
      if (status === 2) this.again.push(t)
      else if (status === 0) {
        const row = rows.subarray(k * ROW.size, (k + 1) * ROW.size)
        this.#outcomes[t] = this.#outcome(t, row, end - (begun.get(t) ?? start), states.get(t))
      }
    })
  }

  #outcome(t: number, row: Float64Array, barsRun: number, sums: FastSums | undefined): SliceOutcome {
    const { slice, wantState } = this.#batch
    const { start, end } = slice
    return {
      metrics: computeMetrics(rowCounts(row, 0, end - start, this.#settings(t))),
      moments: rowMoments(row, 0, end - start),
      state: wantState ? fastEngineState(start, end - 1, sums) : undefined,
      returns: undefined,
      barsRun,
    }
  }
}

/** Bars of a series as rows of its columns, or the other way round. */
function moved(sums: FastSums | undefined, by: number): FastSums | undefined {
  return sums === undefined || by === 0 ? sums : { ...sums, bar: sums.bar + by }
}
