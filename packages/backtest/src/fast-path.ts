import { ROW, runFast } from './fast-batch.ts'
import { withFastMemory } from './fast-memory.ts'
import { planFast } from './fast-plans.ts'
import { rowCounts, rowMoments } from './fast-results.ts'
import { computeMetrics } from './performance.ts'
import { listPrograms } from './program-list.ts'
import { residentMarkets } from './resident-markets.ts'
import type { SliceOutcome } from './run-slice.ts'
import type { SimulationSettings } from './simulation-settings.ts'
import type { FastPath } from './slice-batch.ts'

/**
 * The fast form of a batch: bit sets, kernels in WebAssembly. It takes trials whose signals are events or states,
 * without trailing stop, state or per-bar returns, over at least 128 bars of positive prices; see docs/performance.md.
 * Equal to the plain form within 1e-12, trades exactly.
 *
 * @param form which kernels. @default 'wasm'
 */
export function createFastPath(form: 'wasm' | 'plain' = 'wasm'): FastPath {
  return (batch) => {
    const { slice, values, trials, wantState, wantReturns } = batch
    const outcomes = new Array<SliceOutcome | undefined>(trials.length).fill(undefined)
    if (wantState || wantReturns) return outcomes
    const chosen: number[] = []
    trials.forEach((trial, t) => {
      if (trial.resume === undefined) chosen.push(t)
    })
    if (chosen.length === 0) return outcomes
    const settings = (k: number): SimulationSettings => trials[chosen[k]].settings
    const list = listPrograms(chosen.map((t) => trials[t].program))
    const plans = planFast(list, settings)
    const bars = slice.end - slice.start
    const rows = withFastMemory(form, (memory) => {
      const markets = residentMarkets(memory)
      const market = markets.take(values.bars, chosen.length)
      try {
        return runFast(memory, {
          plans,
          settings,
          values,
          keep: true,
          start: slice.start - slice.warmupStart,
          final: slice.final,
          moments: true,
          market,
        })
      } finally {
        markets.settle(market)
      }
    })
    chosen.forEach((t, k) => {
      const at = k * ROW.size
      if (rows[at + ROW.status] !== 0) return
      outcomes[t] = {
        metrics: computeMetrics(rowCounts(rows, at, bars, settings(k))),
        moments: rowMoments(rows, at, bars),
        state: undefined,
        returns: undefined,
        barsRun: bars,
      }
    })
    return outcomes
  }
}
