import {
  type MetricName,
  type Metrics,
  type StandardMetrics,
  standardMetrics,
  TradewrightError,
  unknownName,
} from '@tradewright/core'
import { shown } from './run-arguments.ts'

/**
 * Deviations and falls up to this are what rounding leaves where equity did not move: cash / price * price is not
 * always cash. Returns are shares of one, so this is a few units in the last place, and no trade made or lost it.
 */
export const roundingNoise: number = 1e-15

/** The numbers that the metrics are made of: what any engine has to count. */
export interface PerformanceCounts {
  readonly initialCash: number
  readonly barsPerYear: number
  /** Number of returns. */
  readonly bars: number
  readonly finalEquity: number
  readonly mean: number
  /** ddof 1; NaN with fewer than two returns, exactly 0 where all returns are equal. */
  readonly variance: number
  /** sqrt(mean(min(r, 0)^2)). */
  readonly downsideDeviation: number
  /** Lowest equity / peak - 1. */
  readonly maxDrawdown: number
  readonly barsHeld: number
  /** Closed trades and the open one. */
  readonly trades: number
  readonly closedTrades: number
  readonly wonTrades: number
  /** Sums of the closed trades' results: of all, of the positive, of the negative (as a positive number). */
  readonly pnl: number
  readonly won: number
  readonly lost: number
  readonly fees: number
  /** Sum of |size * price| of all orders. */
  readonly traded: number
}

/** The standard metrics from their counts: the one place where they are defined. See docs/backtest.md for formulas. */
export function computeMetrics(counts: PerformanceCounts): StandardMetrics {
  const { initialCash, barsPerYear, bars, finalEquity, mean, variance, downsideDeviation, maxDrawdown } = counts
  const { closedTrades, won, lost } = counts
  const deviation = variance <= roundingNoise ** 2 ? 0 : Math.sqrt(variance)
  const totalReturn = finalEquity / initialCash - 1
  const growth = 1 + totalReturn
  const annualizedReturn = growth >= 0 ? growth ** (barsPerYear / bars) - 1 : NaN
  const root = Math.sqrt(barsPerYear)
  return {
    totalReturn,
    sharpe: deviation > 0 ? (mean / deviation) * root : NaN,
    sortino:
      downsideDeviation > roundingNoise
        ? (mean * barsPerYear) / (downsideDeviation * root)
        : mean * bars > roundingNoise
          ? Number.POSITIVE_INFINITY
          : NaN,
    calmar:
      maxDrawdown < -roundingNoise
        ? annualizedReturn / Math.abs(maxDrawdown)
        : totalReturn > roundingNoise
          ? Number.POSITIVE_INFINITY
          : NaN,
    maxDrawdown,
    trades: counts.trades,
    winRate: closedTrades > 0 ? counts.wonTrades / closedTrades : NaN,
    profitFactor: lost > 0 ? won / lost : won > 0 ? Number.POSITIVE_INFINITY : NaN,
    expectancy: closedTrades > 0 ? counts.pnl / closedTrades : NaN,
    exposure: counts.barsHeld / bars,
    turnover: counts.traded / initialCash,
    annualizedReturn,
    annualizedVolatility: deviation * root,
    feesPaid: counts.fees,
    finalEquity,
  }
}

/** Which metrics to give. @throws TradewrightError `BAD_OPTION` for what is no list, `UNKNOWN_NAME`. */
export function selectMetrics(want: 'standard' | 'all' | readonly MetricName[]): readonly MetricName[] | undefined {
  if (want === 'standard' || want === 'all') return undefined
  if (!Array.isArray(want))
    throw new TradewrightError('BAD_OPTION', `metrics must be 'standard' or a list of names, was ${shown(want)}`, {
      metrics: want,
    })
  for (const name of want)
    if (!standardMetrics.includes(name)) throw unknownName('metric', String(name), standardMetrics)
  return want
}

/** Only the metrics that were asked for; all where `names` is undefined. */
export function pickMetrics(metrics: StandardMetrics, names: readonly MetricName[] | undefined): Metrics {
  if (names === undefined) return metrics
  const picked: { [name in MetricName]?: number } = {}
  for (const name of names) picked[name] = metrics[name]
  return picked
}
