import { deflatedSharpe, minTrackRecordLength, probabilisticSharpe, sharpePerBar } from '@tradewright/backtest'
import { bestTrial, type Direction, type FinishedTrial, type ReturnMoments } from '@tradewright/core'

/** What a study's best result is worth, given how many were tried. */
export interface Luck {
  /** Number of the best trial. */
  readonly best: number
  /** Its Sharpe ratio per bar, not annualized. */
  readonly sharpe: number
  /** Trials that count: those with return moments. */
  readonly trials: number
  /** Variance of their Sharpe ratios per bar. */
  readonly variance: number
  /** Probability that the true Sharpe ratio is above 0. */
  readonly probabilisticSharpe: number
  /** Probability that it is above what the best of so many skill-less trials would show. */
  readonly deflatedSharpe: number
  /** Bars after which a Sharpe ratio like this would speak against 0. */
  readonly minTrackRecord: number
  /** The verdict: luck is the simpler explanation where `deflatedSharpe` is below the confidence. */
  readonly luck: boolean
}

function momentsOf(trial: FinishedTrial): ReturnMoments | undefined {
  const { data } = trial
  if (typeof data !== 'object' || data === null || !('moments' in data)) return undefined
  const moments = data.moments as unknown as ReturnMoments
  return typeof moments?.variance === 'number' && moments.variance > 0 ? moments : undefined
}

/**
 * The luck of a study: trials carry the moments of their per-bar returns as `data.moments`.
 *
 * @param trials     finished trials.
 * @param confidence below which the best is called luck. @default 0.95
 * @returns undefined where the best trial has no moments.
 * @see Bailey, López de Prado (2012), Journal of Risk 15(2); (2014), Journal of Portfolio Management 40(5).
 */
export function luckOf(
  trials: readonly FinishedTrial[],
  directions: readonly Direction[],
  confidence = 0.95,
): Luck | undefined {
  const best = bestTrial(trials, directions)
  const moments = best === undefined ? undefined : momentsOf(best)
  if (best === undefined || moments === undefined) return undefined
  const sharpes = trials.flatMap((trial) => {
    const own = momentsOf(trial)
    return own === undefined ? [] : [sharpePerBar(own)]
  })
  const mean = sharpes.reduce((a, b) => a + b, 0) / sharpes.length
  const variance = sharpes.length < 2 ? 0 : sharpes.reduce((s, x) => s + (x - mean) ** 2, 0) / (sharpes.length - 1)
  const deflated = deflatedSharpe(moments, sharpes.length, variance)
  return {
    best: best.number,
    sharpe: sharpePerBar(moments),
    trials: sharpes.length,
    variance,
    probabilisticSharpe: probabilisticSharpe(moments),
    deflatedSharpe: deflated,
    minTrackRecord: minTrackRecordLength(moments),
    luck: !(deflated >= confidence),
  }
}
