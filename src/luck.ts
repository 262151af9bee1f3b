import { deflatedSharpe, probabilisticSharpe, sharpePerBar } from '@tradewright/backtest'
import { contentKey, type FinishedTrial, type ReturnMoments } from '@tradewright/core'
import { keptSlices, poolMoments } from './trial-data.ts'
import type { KnownLuck } from './validate-result.ts'

const momentsOf = (trial: FinishedTrial): ReturnMoments | undefined =>
  poolMoments(keptSlices(trial).flatMap(({ moments }) => (moments === undefined ? [] : [moments])))

/** Variance of the Sharpe ratios, ddof 1; 0 with fewer than two. */
function varianceOf(values: readonly number[]): number {
  if (values.length < 2) return 0
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
}

/**
 * The tests of luck of a search: of its best trial alone, and deflated by the number and variance of all its trials.
 *
 * Equal parameters count once: a search that repeats itself tries nothing new. Trials without any deviation (no trade)
 * have no Sharpe ratio, but they were tries: they count in the number.
 */
export function luckOf(trials: readonly FinishedTrial[], best: FinishedTrial): KnownLuck {
  const distinct = new Map<string, FinishedTrial>()
  for (const trial of trials) if (trial.status !== 'pruned') distinct.set(contentKey(trial.params), trial)
  const ratios = [...distinct.values()].flatMap((trial) => {
    const moments = momentsOf(trial)
    const ratio = moments === undefined ? Number.NaN : sharpePerBar(moments)
    return Number.isFinite(ratio) ? [ratio] : []
  })
  const moments = momentsOf(best)
  const trialsCounted = distinct.size
  if (moments === undefined) return { deflatedSharpe: Number.NaN, probabilisticSharpe: Number.NaN, trialsCounted }
  return {
    deflatedSharpe: deflatedSharpe(moments, trialsCounted, varianceOf(ratios)),
    probabilisticSharpe: probabilisticSharpe(moments, 0),
    trialsCounted,
  }
}
