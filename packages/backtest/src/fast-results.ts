import type { ReturnMoments } from '@tradewright/core'
import { ROW } from './fast-row.ts'
import type { PerformanceCounts } from './performance.ts'
import type { SimulationSettings } from './simulation-settings.ts'

/** Variance with ddof 1 from sums; 0 where rounding would make it negative. */
function variance(rows: Float64Array, at: number, bars: number): number {
  const mean = rows[at + ROW.sum] / bars
  return Math.max(0, (rows[at + ROW.sum2] - bars * mean * mean) / (bars - 1))
}

/** What the metrics are made of, from a row at `at`. */
export function rowCounts(
  rows: Float64Array,
  at: number,
  bars: number,
  settings: SimulationSettings,
): PerformanceCounts {
  const { initialCash, barsPerYear } = settings
  const won = rows[at + ROW.won]
  const lost = rows[at + ROW.lost]
  return {
    initialCash,
    barsPerYear,
    bars,
    finalEquity: rows[at + ROW.equity],
    mean: rows[at + ROW.sum] / bars,
    variance: variance(rows, at, bars),
    downsideDeviation: Math.sqrt(Math.max(0, rows[at + ROW.sumLoss]) / bars),
    maxDrawdown: rows[at + ROW.ratio] - 1,
    barsHeld: rows[at + ROW.held],
    trades: rows[at + ROW.trades],
    closedTrades: rows[at + ROW.closed],
    wonTrades: rows[at + ROW.wins],
    pnl: won - lost,
    won,
    lost,
    fees: rows[at + ROW.fees],
    traded: rows[at + ROW.traded],
  }
}

/** Moments of the returns from a row whose batch asked for them. */
export function rowMoments(rows: Float64Array, at: number, bars: number): ReturnMoments {
  const mean = rows[at + ROW.sum] / bars
  const square = rows[at + ROW.sum2] / bars
  const cube = rows[at + ROW.sum3] / bars
  const fourth = rows[at + ROW.sum4] / bars
  const second = square - mean * mean
  const third = cube - 3 * mean * square + 2 * mean ** 3
  const kurtic = fourth - 4 * mean * cube + 6 * mean * mean * square - 3 * mean ** 4
  return {
    count: bars,
    mean,
    variance: variance(rows, at, bars),
    skew: second > 0 ? third / second ** 1.5 : NaN,
    kurtosis: second > 0 ? kurtic / (second * second) : NaN,
  }
}
