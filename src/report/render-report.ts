import type { Metrics } from '@tradewright/core'
import { drawdownOf } from './drawdown.ts'
import { heatMapOf, renderHeatMap } from './heat-map.ts'
import { renderInsight } from './insight-section.ts'
import { type HoverData, type LineChart, renderLineChart } from './line-chart.ts'
import { embedJson, escapeHtml } from './markup.ts'
import { renderModel } from './model-section.ts'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  formatParam,
  formatPercent,
  formatTime,
} from './number-format.ts'
import { renderProgressChart } from './progress-chart.ts'
import type { ReportCurves, ReportData, ReportStudy, ReportTrial } from './report-data.ts'
import { reportScript, reportStyle } from './report-style.ts'
import { renderWalkForward } from './walk-forward-section.ts'

const TOP_TRIALS = 10

/** Charts made so far: their hover data goes into the page once. */
type Hovers = Record<string, HoverData>

function draw(chart: LineChart, hovers: Hovers): string {
  const { html, hover } = renderLineChart(chart)
  hovers[chart.id] = hover
  return html
}

const metricCells = (metrics: Metrics | undefined): string =>
  [
    formatPercent(metrics?.totalReturn),
    formatNumber(metrics?.sharpe),
    formatPercent(metrics?.maxDrawdown),
    formatCount(metrics?.trades),
  ]
    .map((text) => `<td>${text}</td>`)
    .join('')

function summaryRows(study: ReportStudy, index: number): string {
  const { metrics, buyAndHold } = study
  const rows = (part: string, own: Metrics, hold: Metrics, first: string): string =>
    `<tr class="group">${first}<td class="left">${part}</td>${metricCells(own)}</tr>
<tr class="rest"><td class="left">${part}, buy and hold</td>${metricCells(hold)}</tr>`
  const held =
    metrics.heldOut === undefined || buyAndHold.heldOut === undefined
      ? ''
      : rows('held out', metrics.heldOut, buyAndHold.heldOut, '')
  const span = held === '' ? 2 : 4
  const lead = `<th scope="row" rowspan="${span}"><a href="#study-${index}">${escapeHtml(study.name)}</a></th><td class="params" rowspan="${span}">${escapeHtml(formatParam(study.best.params))}</td>`
  return rows('in-sample', metrics.inSample, buyAndHold.inSample, lead) + held
}

function renderSummary(studies: readonly ReportStudy[]): string {
  return `<section class="card"><h2>Summary</h2><div class="scroll"><table class="summary">
<thead><tr><th scope="col" class="left">strategy</th><th scope="col" class="left">best parameters</th><th scope="col" class="left">bars</th><th scope="col">return</th><th scope="col">Sharpe, a year</th><th scope="col">worst drawdown</th><th scope="col">trades</th></tr></thead>
<tbody>${studies.map(summaryRows).join('')}</tbody></table></div></section>`
}

function renderVerdict({ luck }: ReportStudy): string {
  const { deflatedSharpe, trials } = luck
  if (deflatedSharpe === undefined || Number.isNaN(deflatedSharpe))
    return '<span class="verdict open">Deflated Sharpe ratio: not known for this search</span>'
  const text = `Deflated Sharpe ratio ${formatNumber(deflatedSharpe)} over ${formatCount(trials)} trials`
  return deflatedSharpe >= 0.95
    ? `<span class="verdict solid">${text}: hard to explain by luck</span>`
    : `<span class="verdict luck">${text}: luck explains the best in-sample score (0.95 would speak against it)</span>`
}

function renderTiles(study: ReportStudy): string {
  const { heldOut, inSample } = study.metrics
  const shown = heldOut ?? inSample
  const part = heldOut === undefined ? 'in-sample' : 'held out'
  const hold = study.buyAndHold.heldOut ?? study.buyAndHold.inSample
  const tiles: readonly (readonly [string, string])[] = [
    [formatNumber(study.best.value, 3), `best ${study.objective}, in-sample`],
    [formatNumber(shown.sharpe), `Sharpe, ${part}`],
    [formatPercent(shown.totalReturn), `return, ${part}`],
    [formatPercent(hold.totalReturn), `buy and hold, ${part}`],
    [formatPercent(shown.maxDrawdown), `worst drawdown, ${part}`],
    [formatNumber(study.luck.probabilisticSharpe), 'P(true Sharpe above 0), one trial'],
  ]
  return `<div class="tiles">${tiles.map(([value, label]) => `<div class="tile"><b>${value}</b><span>${escapeHtml(label)}</span></div>`).join('')}</div>`
}

function renderCurves(curves: ReportCurves, key: string, several: boolean, hovers: Hovers): string {
  const { symbol, timestamp, strategy, buyAndHold, split } = curves
  const suffix = several ? `, ${symbol}` : ''
  const shared = { time: timestamp, split: split < timestamp.length ? split : undefined }
  return (
    draw(
      {
        ...shared,
        id: `${key}-equity`,
        title: `Equity against buy and hold${suffix}`,
        unit: 'growth of 1',
        lines: [
          { name: 'buy and hold', style: 'hold', values: buyAndHold },
          { name: 'strategy, best parameters', style: 'strategy', values: strategy },
        ],
        format: (value) => formatNumber(value),
      },
      hovers,
    ) +
    draw(
      {
        ...shared,
        id: `${key}-drawdown`,
        title: `Drawdown${suffix}`,
        unit: 'fall from the highest equity so far, %',
        lines: [
          { name: 'buy and hold', style: 'hold-drawdown', values: drawdownOf(buyAndHold) },
          { name: 'strategy, best parameters', style: 'drawdown', values: drawdownOf(strategy), area: true },
        ],
        format: (value) => formatPercent(value, 0),
        height: 190,
      },
      hovers,
    )
  )
}

function topTrials(study: ReportStudy): readonly ReportTrial[] {
  const sign = study.direction === 'maximize' ? -1 : 1
  return study.trials
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => sign * (a.value - b.value) || a.number - b.number)
    .slice(0, TOP_TRIALS)
}

function renderTopTrials(study: ReportStudy): string {
  const top = topTrials(study)
  const names = Object.keys(top[0]?.params ?? {})
  const head = ['trial', ...names, study.objective, 'return', 'Sharpe, a year', 'worst drawdown', 'trades']
  const rows = top.map(({ number, params, value, metrics }) => {
    const cells = names.map((name) => `<td>${escapeHtml(formatParam(params[name]))}</td>`).join('')
    return `<tr><th scope="row">${number}</th>${cells}<td>${formatNumber(value, 3)}</td>${metricCells(metrics)}</tr>`
  })
  return `<h3>Top trials, in-sample</h3><div class="scroll"><table><thead><tr>${head.map((text, i) => `<th scope="col"${i === 0 ? ' class="left"' : ''}>${escapeHtml(text)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function renderStudy(study: ReportStudy, index: number, hovers: Hovers): string {
  const map = heatMapOf(study.trials)
  const counts = [
    `${formatCount(study.trials.length)} trials`,
    ...(study.failed > 0 ? [`${formatCount(study.failed)} failed`] : []),
    ...(study.pruned > 0 ? [`${formatCount(study.pruned)} stopped early`] : []),
    `seed ${study.seed}`,
    formatDuration(study.durationMs),
    ...(study.why === 'budget' ? [] : [`ended: ${study.why}`]),
  ]
  const market = [
    study.symbols.join(', '),
    study.timeframe,
    study.calendar === undefined ? undefined : `${study.calendar} calendar`,
    study.barsPerYear === undefined ? undefined : `${formatNumber(study.barsPerYear, 0)} bars a year`,
  ].filter((text) => text !== undefined)
  return `<section class="card" id="study-${index}"><div class="head"><h2>${escapeHtml(study.name)}</h2><span class="muted">${escapeHtml([...market, ...counts].join(' · '))}</span></div>
<p><strong>Best:</strong> ${escapeHtml(formatParam(study.best.params))} <span class="muted">(trial ${study.best.number})</span></p>
<p>${renderVerdict(study)}</p>${renderTiles(study)}
${study.curves.map((curves, k) => renderCurves(curves, `s${index}c${k}`, study.curves.length > 1, hovers)).join('')}
<div class="two">${renderProgressChart(study)}${map === undefined ? '' : renderHeatMap(map, study.objective)}</div>
${study.insight === undefined ? '' : renderInsight(study.insight, study)}
${study.walkForward === undefined ? '' : renderWalkForward(study.walkForward, study.objective)}
${study.model === undefined ? '' : renderModel(study.model, `s${index}model`, (chart) => draw(chart, hovers))}
${renderTopTrials(study)}</section>`
}

type Tile = readonly [value: string, label: string]

const renderTileList = (tiles: readonly Tile[]): string =>
  `<div class="tiles">${tiles.map(([value, label]) => `<div class="tile"><b>${value}</b><span>${escapeHtml(label)}</span></div>`).join('')}</div>`

function renderIndicators({ indicators }: ReportData): string {
  if (indicators === undefined || indicators.hits + indicators.misses === 0) return ''
  const { hits, misses, columns, bytes, savedMs } = indicators
  const tiles: readonly Tile[] = [
    [formatCount(hits), `columns read, ${formatCount(misses)} computed`],
    ...(savedMs === undefined ? [] : [[formatDuration(savedMs), 'of computing indicators saved'] as const]),
    [formatCount(columns), 'columns held'],
    [formatBytes(bytes), 'in memory'],
  ]
  return `<h3>Indicators</h3>${renderTileList(tiles)}`
}

function renderCost(data: ReportData): string {
  const { layers, cache, passed } = data

  const longest = layers.reduce((most, { ms }) => Math.max(most, ms), 0)
  const bars = layers
    .map(
      ({ name, ms, calls }) =>
        `<span>${escapeHtml(name)}</span><i style="width:${longest === 0 ? 0 : ((ms / longest) * 100).toFixed(1)}%"></i><span>${formatDuration(ms)} · ${formatCount(calls)} call${calls === 1 ? '' : 's'}</span>`,
    )
    .join('')
  const time =
    layers.length === 0
      ? '<p class="muted">Not measured: profiling was off.</p>'
      : `<div class="bars">${bars}</div><p class="sub" style="margin-top:10px">Own time of each layer, without the layers inside it.</p>`
  const asked = cache === undefined ? 0 : cache.hits + cache.misses
  const tiles: readonly Tile[] =
    cache === undefined
      ? []
      : [
          [formatCount(cache.hits), `hits of ${formatCount(asked)} look-ups`],
          [formatPercent(asked === 0 ? 0 : cache.hits / asked, 0), 'answered from the cache'],
          [formatDuration(cache.savedMs), 'of computing saved'],
          [formatCount(cache.writes), 'results written'],
          [formatBytes(cache.bytes), 'held'],
          ...(passed === 0 ? [] : [[formatCount(passed), 'too cheap to be looked up'] as const]),
        ]
  const hits =
    cache === undefined
      ? '<p class="muted">The cache was off.</p>'
      : `${renderTileList(tiles)}${cache.corrupt > 0 ? `<p>${formatCount(cache.corrupt)} damaged entries were passed over and computed again.</p>` : ''}`
  return `<section class="card"><h2 style="margin-bottom:12px">What it cost</h2><div class="two"><div><h3>Time per optimizer</h3>${time}</div><div><h3>Cache</h3>${hits}${renderIndicators(data)}</div></div></section>`
}

/**
 * A report as one HTML file: inline SVG, styles and script, nothing from the network (a content policy in the page
 * forbids it). It reads without scripts; with them, values show under the pointer and by the arrow keys.
 *
 * @param data what to show; see {@link reportOf} for a report of training results.
 * @returns the whole document.
 */
export function renderReport(data: ReportData): string {
  const hovers: Hovers = {}
  const studies = data.studies.map((study, index) => renderStudy(study, index, hovers)).join('\n')
  const notes = data.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>${escapeHtml(data.title)}</title><link rel="icon" href="data:,"><style>${reportStyle}</style></head>
<body><main><header class="page"><div><h1>${escapeHtml(data.title)}</h1><p class="sub">${escapeHtml([data.subtitle, `made ${formatTime(data.generatedAt, true)} UTC`].filter((text) => text !== undefined).join(' · '))}</p></div><button class="theme" type="button" hidden>Light / dark</button></header>
${notes === '' ? '' : `<ul class="notes">${notes}</ul>`}
${renderSummary(data.studies)}
${studies}
${renderCost(data)}
<footer><p>Sharpe ratios are a year's, from per-bar returns and the stated bars a year. “Held out” bars were never seen by the search; the strategy starts flat there. Buy and hold pays the same fees. Past results say little about the future.</p></footer>
</main><script type="application/json" id="hover">${embedJson(hovers)}</script><script>${reportScript}</script></body></html>
`
}
