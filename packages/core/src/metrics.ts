/** The standard metrics, computed unless a list of names is asked for. */
export const standardMetrics: readonly StandardMetric[] = Object.freeze([
  'totalReturn',
  'sharpe',
  'sortino',
  'calmar',
  'maxDrawdown',
  'trades',
  'winRate',
  'profitFactor',
  'expectancy',
  'exposure',
  'turnover',
  'annualizedReturn',
  'annualizedVolatility',
  'feesPaid',
  'finalEquity',
] as const)

/** The names of the standard set. */
export type StandardMetric =
  | 'totalReturn'
  | 'sharpe'
  | 'sortino'
  | 'calmar'
  | 'maxDrawdown'
  | 'trades'
  | 'winRate'
  | 'profitFactor'
  | 'expectancy'
  | 'exposure'
  | 'turnover'
  | 'annualizedReturn'
  | 'annualizedVolatility'
  | 'feesPaid'
  | 'finalEquity'

/** A metric's name. */
export type MetricName = StandardMetric

/** Metrics of one trial over one slice. A metric that was not asked for is absent. */
export type Metrics = { readonly [name in MetricName]?: number }

/** Every standard metric. */
export type StandardMetrics = { readonly [name in StandardMetric]: number }

/** Moments of the per-bar returns, for the tests of luck. */
export interface ReturnMoments {
  /** Number of returns. */
  readonly count: number
  readonly mean: number
  /** With ddof 1. NaN with fewer than two returns. */
  readonly variance: number
  /** Third standardized moment, biased (ddof 0). NaN at zero deviation. */
  readonly skew: number
  /** Fourth standardized moment, not in excess: 3 for a normal distribution. NaN at zero deviation. */
  readonly kurtosis: number
}

/** Which way is better. */
export type Direction = 'maximize' | 'minimize'

/** The natural direction of each metric: what an objective given by its name uses. */
export const metricDirections: Readonly<Record<MetricName, Direction>> = Object.freeze({
  totalReturn: 'maximize',
  sharpe: 'maximize',
  sortino: 'maximize',
  calmar: 'maximize',
  maxDrawdown: 'maximize', // it is negative: nearer to zero is better
  trades: 'maximize',
  winRate: 'maximize',
  profitFactor: 'maximize',
  expectancy: 'maximize',
  exposure: 'minimize',
  turnover: 'minimize',
  annualizedReturn: 'maximize',
  annualizedVolatility: 'minimize',
  feesPaid: 'minimize',
  finalEquity: 'maximize',
})
