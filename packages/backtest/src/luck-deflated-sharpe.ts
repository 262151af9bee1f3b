import { normalQuantile, type ReturnMoments } from '@tradewright/core'
import { probabilisticSharpe } from './luck-probabilistic-sharpe.ts'

const EULER = 0.5772156649015329

/**
 * The best Sharpe ratio to be expected among trials without any skill.
 *
 * @param trials   number of independent trials, at least 1. Counting dependent ones as independent errs on the safe side.
 * @param variance of the trials' Sharpe ratios, in the unit of the answer squared.
 * @returns 0 for one trial.
 * @see Bailey, López de Prado (2014), "The deflated Sharpe ratio", Journal of Portfolio Management 40(5), equation 1.
 */
export function expectedMaxSharpe(trials: number, variance: number): number {
  if (trials <= 1) return 0
  const high = normalQuantile(1 - 1 / trials)
  const higher = normalQuantile(1 - 1 / (trials * Math.E))
  return Math.sqrt(variance) * ((1 - EULER) * high + EULER * higher)
}

/**
 * Probability that the true Sharpe ratio of the best of many trials lies above what luck alone would have shown.
 *
 * @param moments  of the best trial's per-bar returns.
 * @param trials   number of trials made to find it.
 * @param variance of the trials' Sharpe ratios per bar.
 * @returns from 0 to 1: below 0.95, luck is the simpler explanation. NaN where {@link probabilisticSharpe} is.
 * @see Bailey, López de Prado (2014), equation 2.
 */
export function deflatedSharpe(moments: ReturnMoments, trials: number, variance: number): number {
  return probabilisticSharpe(moments, expectedMaxSharpe(trials, variance))
}
