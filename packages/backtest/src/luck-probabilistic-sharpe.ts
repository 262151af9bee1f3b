import { normalCdf, normalQuantile, type ReturnMoments, TradewrightError } from '@tradewright/core'
import { roundingNoise } from './performance.ts'

/** Sharpe ratio per bar of a sample of returns: mean over deviation (ddof 1), not annualized. NaN at zero deviation. */
export function sharpePerBar({ mean, variance }: Pick<ReturnMoments, 'mean' | 'variance'>): number {
  return variance > roundingNoise ** 2 ? mean / Math.sqrt(variance) : Number.NaN
}

/** Variance factor of an estimated Sharpe ratio: 1 - skew SR + (kurtosis - 1) / 4 SR². */
function spread(sharpe: number, { skew, kurtosis }: ReturnMoments): number {
  return 1 - skew * sharpe + ((kurtosis - 1) / 4) * sharpe * sharpe
}

/**
 * Probability that the true Sharpe ratio of a sample lies above a benchmark, given its length, skew and kurtosis.
 *
 * @param moments   of per-bar returns; `kurtosis` is 3 for a normal distribution.
 * @param benchmark Sharpe ratio per bar (an annual one divided by the square root of the bars in a year). @default 0
 * @returns from 0 to 1; NaN at zero deviation, with fewer than 2 returns, or where the moments allow no spread.
 * @see Bailey, López de Prado (2012), "The Sharpe ratio efficient frontier", Journal of Risk 15(2), equation 11.
 */
export function probabilisticSharpe(moments: ReturnMoments, benchmark: number = 0): number {
  const sharpe = sharpePerBar(moments)
  const variance = spread(sharpe, moments)
  if (!(moments.count >= 2 && variance > 0)) return Number.NaN
  return normalCdf(((sharpe - benchmark) * Math.sqrt(moments.count - 1)) / Math.sqrt(variance))
}

/**
 * Shortest track record, in bars, after which a Sharpe ratio like this one would speak against the benchmark.
 *
 * @param moments    of per-bar returns; their count is not used.
 * @param benchmark  Sharpe ratio per bar. @default 0
 * @param confidence between 0.5 and 1. @default 0.95
 * @returns bars, not rounded; Infinity where the sample's Sharpe ratio is not above the benchmark; NaN where unknown.
 * @throws TradewrightError `BAD_OPTION` for a confidence outside (0.5, 1).
 * @see Bailey, López de Prado (2012), equation 13.
 */
export function minTrackRecordLength(moments: ReturnMoments, benchmark: number = 0, confidence: number = 0.95): number {
  if (!(confidence > 0.5 && confidence < 1))
    throw new TradewrightError('BAD_OPTION', `confidence must lie between 0.5 and 1, was ${confidence}`, { confidence })
  const sharpe = sharpePerBar(moments)
  if (Number.isNaN(sharpe)) return Number.NaN
  if (sharpe <= benchmark) return Number.POSITIVE_INFINITY
  return 1 + spread(sharpe, moments) * (normalQuantile(confidence) / (sharpe - benchmark)) ** 2
}
