import type { Metrics } from '@tradewright/core'
import { formatCount, formatNumber, formatParam, formatPercent, formatTime } from '../report/number-format.ts'
import type { TrainingResult } from '../training-result.ts'
import { type TextColumn, textTable } from './text-table.ts'

const COLUMNS: readonly TextColumn[] = [
  { head: 'strategy', align: 'left' },
  { head: 'bars', align: 'left' },
  { head: 'return', align: 'right' },
  { head: 'Sharpe', align: 'right' },
  { head: 'drawdown', align: 'right' },
  { head: 'trades', align: 'right' },
  { head: 'buy & hold', align: 'right' },
  { head: 'its Sharpe', align: 'right' },
  { head: 'its drawdown', align: 'right' },
]

const cells = (own: Metrics, hold: Metrics): readonly string[] => [
  formatPercent(own.totalReturn),
  formatNumber(own.sharpe),
  formatPercent(own.maxDrawdown),
  formatCount(own.trades),
  formatPercent(hold.totalReturn),
  formatNumber(hold.sharpe),
  formatPercent(hold.maxDrawdown),
]

function rowsOf({ strategy, validation }: TrainingResult<unknown>): readonly (readonly string[])[] {
  const { inSample, heldOut, buyAndHold } = validation
  const rows = [[strategy, 'in-sample', ...cells(inSample, buyAndHold.inSample)]]
  if (heldOut !== undefined && buyAndHold.heldOut !== undefined)
    rows.push(['', 'held out', ...cells(heldOut, buyAndHold.heldOut)])
  return rows
}

function verdict({ deflatedSharpe, trialsCounted }: TrainingResult<unknown>['validation']): string {
  if (Number.isNaN(deflatedSharpe)) return 'deflated Sharpe ratio not known'
  const text = `deflated Sharpe ratio ${formatNumber(deflatedSharpe)} over ${formatCount(trialsCounted)} trials`
  return deflatedSharpe >= 0.95 ? `${text}: hard to explain by luck` : `${text}: luck explains it (0.95 would not)`
}

function bestLine(result: TrainingResult<unknown>): string {
  const { strategy, best, objective, validation, stats, why } = result
  const ended = why === 'budget' ? '' : `; ended after ${stats.trials} trials: ${why}`
  const failed = stats.failed === 0 ? '' : `, ${stats.failed} of ${stats.trials} trials failed`
  return `${strategy}: ${formatParam(best.params)} (${objective.name} ${formatNumber(best.value, 3)} in-sample; ${verdict(validation)}${failed}${ended})`
}

/** Which bars the figures stand on, and what they are scaled by. */
function basis({ symbols, timeframe, calendar, barsPerYear, validation }: TrainingResult<unknown>): string {
  const first = validation.bySymbol[0].strategy
  const part = (name: string, { timestamp }: { timestamp: Float64Array }): string =>
    `${name} ${formatCount(timestamp.length)} bars ${formatTime(timestamp[0])} to ${formatTime(timestamp[timestamp.length - 1])}`
  const parts = [part('in-sample', first.inSample), ...(first.heldOut ? [part('held out', first.heldOut)] : [])]
  const scale = `${calendar === undefined ? '' : `${calendar} calendar, `}${formatNumber(barsPerYear, 0)} bars a year`
  return `${[symbols.join(', '), timeframe].filter(Boolean).join(' ')}: ${parts.join(', ')}; Sharpe ratios are a year's (${scale}).`
}

/**
 * Results as a table for a terminal: per strategy return, Sharpe ratio, drawdown and trades in-sample and held out,
 * buying and holding beside them; then the best parameters, and whether luck explains them.
 *
 * @param results of one market, so that the line about bars holds for all of them.
 */
export function resultTable(results: readonly TrainingResult<unknown>[]): string {
  if (results.length === 0) return 'no results'
  const rows = results.flatMap((result, i) => [...(i > 0 ? [undefined] : []), ...rowsOf(result)])
  const bases = [...new Set(results.map(basis))]
  return [textTable(COLUMNS, rows), '', ...results.map(bestLine), '', ...bases].join('\n')
}
