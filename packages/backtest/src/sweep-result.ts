import { type MetricName, metricDirections, TradewrightError, unknownName } from '@tradewright/core'
import { sweepTable, type Table } from './sweep-table.ts'

/** One of the best of a {@link SweepResult}. */
export interface RankedTrial<P> {
  /** Place in the list of parameters. */
  readonly index: number
  readonly params: P
  readonly value: number
}

/** What a sweep gives: a column a metric, in the order of the list of parameters. Arrays are given away. */
export interface SweepResult<P, Name extends MetricName = MetricName> {
  /** Number of trials. */
  readonly length: number
  readonly params: readonly P[]
  readonly metrics: Readonly<Record<Name, Float64Array>>
  /** Trials that the fast form left to the plain one. */
  readonly plainTrials: number
  /**
   * The k best trials, best first; ties in the order of the list. A NaN never ranks.
   *
   * @param k  how many, an integer >= 0; fewer where fewer have a number.
   * @param by which metric, in its natural direction. @default 'sharpe', or the first there is
   * @throws TradewrightError `BAD_OPTION` (k), `UNKNOWN_NAME` (a metric that was not computed).
   */
  topK(k: number, by?: Name): readonly RankedTrial<P>[]
  /**
   * An Apache Arrow table: a column a parameter (`params.<name>` where a metric has that name; text where its values
   * are of several types), then a column a metric.
   *
   * @throws (rejects) TradewrightError `NOT_AVAILABLE` where apache-arrow is not installed.
   */
  toArrow(): Promise<Table>
}

/** Puts columns and parameters together. */
export function createSweepResult<P, Name extends MetricName>(
  params: readonly P[],
  metrics: Readonly<Record<Name, Float64Array>>,
  plainTrials: number,
): SweepResult<P, Name> {
  const names = Object.keys(metrics) as Name[]
  return {
    length: params.length,
    params,
    metrics,
    plainTrials,
    topK: (k, by = names.find((name) => name === 'sharpe') ?? names[0]) => {
      if (!Number.isInteger(k) || k < 0)
        throw new TradewrightError('BAD_OPTION', `topK takes an integer >= 0, was ${k}`, { k })
      if (!names.includes(by)) throw unknownName('metric', String(by), names)
      const column: Float64Array = metrics[by]
      const sign = metricDirections[by] === 'maximize' ? -1 : 1
      const order = Array.from(column.keys()).filter((index) => !Number.isNaN(column[index]))
      order.sort((a, b) => (column[a] === column[b] ? a - b : sign * (column[a] < column[b] ? -1 : 1)))
      return order.slice(0, k).map((index) => ({ index, params: params[index], value: column[index] }))
    },
    toArrow: () => sweepTable(params, metrics),
  }
}
