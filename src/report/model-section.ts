import type { FoldReport, ModelSummary } from '../model-summary.ts'
import type { LineChart } from './line-chart.ts'
import { escapeHtml } from './markup.ts'
import { formatCount, formatDuration, formatNumber, formatPercent, formatShort, formatTime } from './number-format.ts'

const MAX_FEATURES = 20

/** Squared errors of returns are tiny, log losses are not: digits that count, not decimals. */
const formatLoss = (loss: number): string => (Number.isNaN(loss) ? formatNumber(loss) : formatShort(loss))

type Loss = 'trainLoss' | 'testLoss' | 'baseLoss'

/** Mean over the folds, each by the rows it was taken on; NaN without any. */
export function pooledLoss(folds: readonly FoldReport[], loss: Loss): number {
  let sum = 0
  let rows = 0
  for (const fold of folds) {
    const count = loss === 'trainLoss' ? fold.rows : fold.testRows
    if (Number.isNaN(fold[loss]) || count === 0) continue
    sum += fold[loss] * count
    rows += count
  }
  return rows === 0 ? Number.NaN : sum / rows
}

/** Mean importance of each feature over the models, largest first; undefined where they have none. */
export function meanImportances(folds: readonly FoldReport[]): readonly (readonly [string, number])[] | undefined {
  const all = folds.flatMap(({ importances }) => (importances === undefined ? [] : [importances]))
  if (all.length === 0) return undefined
  const sums = new Map<string, number>()
  for (const one of all)
    for (const [name, share] of Object.entries(one)) sums.set(name, (sums.get(name) ?? 0) + share / all.length)
  return [...sums].sort((a, b) => b[1] - a[1])
}

function verdict(folds: readonly FoldReport[]): string {
  const [test, base] = [pooledLoss(folds, 'testLoss'), pooledLoss(folds, 'baseLoss')]
  const text = `Loss on bars that the models never saw: ${formatLoss(test)}, by guessing ${formatLoss(base)}`
  if (!(test < base))
    return `<span class="verdict luck">${text}: what was learned does not hold there, or none of it is known yet</span>`
  return `<span class="verdict solid">${text}: ${formatPercent(1 - test / base)} less</span>`
}

function tiles({ folds, search }: ModelSummary, tested: readonly FoldReport[]): string {
  const all: readonly (readonly [string, string])[] = [
    [formatCount(folds.length), 'models, one a fold'],
    [formatLoss(pooledLoss(tested, 'trainLoss')), 'loss, bars trained on'],
    [formatLoss(pooledLoss(tested, 'testLoss')), 'loss, bars never seen'],
    [formatCount(search.trainings), 'trainings in the search'],
    [formatPercent(search.trainings === 0 ? 1 : search.exact / search.trainings, 0), 'exact, as from nothing'],
    [
      formatPercent(
        search.rounds + search.roundsSaved === 0 ? 0 : search.roundsSaved / (search.rounds + search.roundsSaved),
        0,
      ),
      'of the rounds not made again',
    ],
    [formatDuration(search.ms), 'spent on training'],
  ]
  return `<div class="tiles">${all.map(([value, label]) => `<div class="tile"><b>${value}</b><span>${escapeHtml(label)}</span></div>`).join('')}</div>`
}

function importances(folds: readonly FoldReport[]): string {
  const shares = meanImportances(folds)
  if (shares === undefined) return ''
  const most = shares.reduce((largest, [, share]) => Math.max(largest, share), 0)
  const rows = shares
    .slice(0, MAX_FEATURES)
    .map(
      ([name, share]) =>
        `<span>${escapeHtml(name)}</span><i style="width:${most === 0 ? 0 : ((share / most) * 100).toFixed(1)}%"></i><span>${formatNumber(share, 3)}</span>`,
    )
    .join('')
  const rest = shares.length - MAX_FEATURES
  return `<figure><figcaption>What the models look at (mean over ${formatCount(folds.length)})</figcaption><div class="bars">${rows}</div>${rest > 0 ? `<p class="sub">and ${formatCount(rest)} more</p>` : ''}</figure>`
}

function table(folds: readonly FoldReport[]): string {
  const head = [
    'fold',
    'trained from',
    'predicts from',
    'to',
    'rows',
    'loss there',
    'rows tested',
    'loss there',
    'guessing',
    'rounds',
    '',
  ]
  const rows = folds.map((fold) => {
    const to = Number.isFinite(fold.testTo) ? formatTime(fold.testTo) : 'on'
    const cells = [
      formatTime(fold.trainFrom),
      formatTime(fold.testFrom),
      to,
      formatCount(fold.rows),
      formatLoss(fold.trainLoss),
      formatCount(fold.testRows),
      formatLoss(fold.testLoss),
      formatLoss(fold.baseLoss),
      fold.rounds === undefined ? '' : formatCount(fold.rounds),
      fold.exact ? 'exact' : 'approximate',
    ]
    return `<tr><th scope="row">${fold.fold}</th>${cells.map((text) => `<td>${escapeHtml(text)}</td>`).join('')}</tr>`
  })
  return `<details><summary>Every fold</summary><div class="scroll"><table><thead><tr>${head.map((text, i) => `<th scope="col"${i === 0 ? ' class="left"' : ''}>${text}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div></details>`
}

/**
 * What there is to know of the best trial's model.
 *
 * @param id   unique in the page.
 * @param draw makes a chart and keeps what the page's script needs for it.
 */
export function renderModel(model: ModelSummary, id: string, draw: (chart: LineChart) => string): string {
  const tested = model.folds.filter(({ testRows }) => testRows > 0)
  const line = (name: string, style: string, loss: Loss): LineChart['lines'][number] => ({
    name,
    style,
    values: tested.map((fold) => fold[loss]),
  })
  const chart =
    tested.length < 2
      ? ''
      : draw({
          id: `${id}-loss`,
          title: 'Loss by fold',
          unit: model.classes === undefined ? 'mean squared error' : 'log loss',
          time: tested.map(({ testFrom }) => testFrom),
          lines: [
            line('bars trained on', 'trained', 'trainLoss'),
            line('guessing, bars never seen', 'hold', 'baseLoss'),
            line('bars never seen', 'strategy', 'testLoss'),
          ],
          format: formatLoss,
          height: 220,
        })
  return `<h3>Model: ${escapeHtml(model.name)}</h3><p>${verdict(tested)}</p>${tiles(model, tested)}${chart}
${importances(model.folds)}${table(model.folds)}`
}
