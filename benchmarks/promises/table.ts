// What was measured, as a table: medians, and quartiles of the regret.
import type { Numbers, Piece } from './pieces.ts'

export type Measured = Pick<Piece, 'load' | 'row' | 'round'> & { readonly numbers: Numbers }

const sorted = (values: readonly number[]): readonly number[] => [...values].sort((a, b) => a - b)
const median = (values: readonly number[]): number => sorted(values)[values.length >> 1]
const quartile = (values: readonly number[], q: number): number => sorted(values)[Math.floor((values.length - 1) * q)]
const percent = (x: number): string => `${(100 * x).toFixed(0)} %`

interface Row {
  readonly promise: string
  readonly claim: readonly [number, number]
  readonly saved: number
  readonly how: string
}

function stageRows(all: readonly Numbers[], judge: 'threshold' | 'median'): readonly Row[] {
  const regret = all.map((n) => n[`${judge}Regret`])
  const [low, middle, high] = [0.25, 0.5, 0.75].map((q) => quartile(regret, q).toFixed(3))
  const how = `${judge}; regret of the best Sharpe ratio ${middle} (quartiles ${low}, ${high}), ${all.length} seeds`
  return [
    { promise: 'evaluated bars', claim: [0.4, 0.6], saved: 1 - median(all.map((n) => n[`${judge}Bars`])), how },
    { promise: 'evaluation time', claim: [0.4, 0.6], saved: 1 - median(all.map((n) => n[judge] / n.whole)), how },
  ]
}

/** Each setup's time against the plain one of the same round. */
function setupRow(promise: string, claim: Row['claim'], all: readonly Numbers[]): Row {
  const saved = (setup: string): number => 1 - median(all.map((n) => n[setup] / n.plain))
  const others = Object.keys(all[0]).filter((name) => name !== 'plain' && name !== 'all')
  const spread = `from ${percent(1 - Math.max(...all.map((n) => n.all / n.plain)))} to ${percent(1 - Math.min(...all.map((n) => n.all / n.plain)))} in ${all.length} rounds`
  const alone = others.map((name) => `, ${name} alone ${percent(saved(name))}`).join('')
  return {
    promise,
    claim,
    saved: saved('all'),
    how: `plain ${Math.round(median(all.map((n) => n.plain)))} ms; ${spread}${alone}`,
  }
}

function rowsOf(row: Piece['row'], all: readonly Numbers[]): readonly Row[] {
  const [first] = all
  switch (row) {
    case 'features':
      return [
        {
          promise: 'feature time',
          claim: [0.9, 0.9],
          saved: 1 - first.once / first.apart,
          how: `${first.used} uses of ${first.columns} columns: no more than ${percent(1 - first.columns / first.used)} can be saved`,
        },
      ]
    case 'stages':
      return [...stageRows(all, 'threshold'), ...stageRows(all, 'median')]
    case 'backtesting':
      return [setupRow('backtesting time', [0.7, 0.8], all)]
    case 'whole':
      return [setupRow('the whole search', [0.6, 0.7], all)]
    case 'memory':
      return [
        {
          promise: 'memory',
          claim: [0.35, 0.45],
          saved: 1 - first.shared / first.apart,
          how: `growth at its peak: ${Math.round(first.shared / 2 ** 20)} MiB with shared bars and columns, ${Math.round(first.apart / 2 ** 20)} MiB with copies; the series is ${Math.round(first.series / 2 ** 20)} MiB`,
        },
      ]
    default:
      return row satisfies never
  }
}

export function printTable(measured: readonly Measured[]): void {
  const groups = new Map<string, Measured[]>()
  for (const one of measured) {
    const key = `${one.load} ${one.row}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  console.log('| load | promise | claim | measured | how |\n|---|---|---|---|---|')
  for (const group of groups.values())
    for (const { promise, claim, saved, how } of rowsOf(
      group[0].row,
      group.map(({ numbers }) => numbers),
    )) {
      const wanted = claim[0] === claim[1] ? percent(claim[0]) : `${percent(claim[0])} to ${percent(claim[1])}`
      const verdict = saved >= claim[0] ? '' : ', not reached'
      const text = saved >= 0 ? `${percent(saved)} less` : `${percent(-saved)} more`
      console.log(`| ${group[0].load} | ${promise} | ${wanted} | ${text}${verdict} | ${how} |`)
    }
}
