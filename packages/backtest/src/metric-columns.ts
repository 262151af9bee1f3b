import type { MetricName, StandardMetrics } from '@tradewright/core'

/** A column a metric; those that were not asked for are absent. */
export type MetricColumns = { readonly [name in MetricName]?: Float64Array }

/** Columns of zeros for `names`. */
export function createMetricColumns(names: readonly MetricName[], length: number): MetricColumns {
  return Object.fromEntries(names.map((name) => [name, new Float64Array(length)]))
}

/** Writes a trial's metrics. By name and in a row: a loop over names costs more than the metrics do. */
export function setMetrics(columns: MetricColumns, t: number, metrics: StandardMetrics): void {
  if (columns.totalReturn !== undefined) columns.totalReturn[t] = metrics.totalReturn
  if (columns.sharpe !== undefined) columns.sharpe[t] = metrics.sharpe
  if (columns.sortino !== undefined) columns.sortino[t] = metrics.sortino
  if (columns.calmar !== undefined) columns.calmar[t] = metrics.calmar
  if (columns.maxDrawdown !== undefined) columns.maxDrawdown[t] = metrics.maxDrawdown
  if (columns.trades !== undefined) columns.trades[t] = metrics.trades
  if (columns.winRate !== undefined) columns.winRate[t] = metrics.winRate
  if (columns.profitFactor !== undefined) columns.profitFactor[t] = metrics.profitFactor
  if (columns.expectancy !== undefined) columns.expectancy[t] = metrics.expectancy
  if (columns.exposure !== undefined) columns.exposure[t] = metrics.exposure
  if (columns.turnover !== undefined) columns.turnover[t] = metrics.turnover
  if (columns.annualizedReturn !== undefined) columns.annualizedReturn[t] = metrics.annualizedReturn
  if (columns.annualizedVolatility !== undefined) columns.annualizedVolatility[t] = metrics.annualizedVolatility
  if (columns.feesPaid !== undefined) columns.feesPaid[t] = metrics.feesPaid
  if (columns.finalEquity !== undefined) columns.finalEquity[t] = metrics.finalEquity
}
