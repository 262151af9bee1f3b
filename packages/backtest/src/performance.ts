import { type MetricName, type Metrics, type StandardMetrics, standardMetrics, unknownName } from '@tradewright/core'

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
  const deviation = Math.sqrt(variance)
  const totalReturn = finalEquity / initialCash - 1
  const growth = 1 + totalReturn
  const annualizedReturn = growth >= 0 ? growth ** (barsPerYear / bars) - 1 : NaN
  const root = Math.sqrt(barsPerYear)
  return {
    totalReturn,
    sharpe: deviation > 0 ? (mean / deviation) * root : NaN,
    sortino:
      downsideDeviation > 0
        ? (mean * barsPerYear) / (downsideDeviation * root)
        : mean > 0
          ? Number.POSITIVE_INFINITY
          : NaN,
    calmar:
      maxDrawdown < 0
        ? annualizedReturn / Math.abs(maxDrawdown)
        : annualizedReturn > 0
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

/** Which metrics to give. @throws TradewrightError `UNKNOWN_NAME`. */
export function selectMetrics(want: 'standard' | 'all' | readonly MetricName[]): readonly MetricName[] | undefined {
  if (want === 'standard' || want === 'all') return undefined
  for (const name of want) if (!standardMetrics.includes(name)) throw unknownName('metric', name, standardMetrics)
  return want
}

/** Only the metrics that were asked for; all where `names` is undefined. */
export function pickMetrics(metrics: StandardMetrics, names: readonly MetricName[] | undefined): Metrics {
  if (names === undefined) return metrics
  const picked: { [name in MetricName]?: number } = {}
  for (const name of names) picked[name] = metrics[name]
  return picked
}
