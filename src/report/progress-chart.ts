import { escapeHtml } from './markup.ts'
import { formatCount, formatNumber, formatParam } from './number-format.ts'
import type { ReportStudy } from './report-data.ts'
import { linearScale, roundTicks } from './scale.ts'

const WIDTH = 620
const HEIGHT = 300
const LEFT = 64
const RIGHT = 16
const TOP = 30
const BOTTOM = 44
const MAX_DOTS = 1500

/** Value of every trial, and the best so far: how the search went. */
export function renderProgressChart(study: ReportStudy): string {
  const done = study.trials.filter(({ value }) => Number.isFinite(value))
  const better = study.direction === 'maximize' ? Math.max : Math.min
  const values = done.map(({ value }) => value)
  const low = values.length === 0 ? 0 : values.reduce((a, b) => Math.min(a, b))
  const high = values.length === 0 ? 1 : values.reduce((a, b) => Math.max(a, b))
  const last = Math.max(1, study.trials.length - 1)
  const margin = (high - low) * 0.05 || 0.1
  const x = linearScale(0, last, LEFT, WIDTH - RIGHT)
  const y = linearScale(low - margin, high + margin, HEIGHT - BOTTOM, TOP)
  const parts: string[] = []
  for (const tick of roundTicks(low - margin, high + margin, 5)) {
    const at = y.at(tick).toFixed(1)
    parts.push(
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>`,
      `<text class="tick" x="${LEFT - 8}" y="${(y.at(tick) + 4).toFixed(1)}" text-anchor="end">${formatNumber(tick)}</text>`,
    )
  }
  for (const tick of roundTicks(0, last, 6))
    parts.push(
      `<text class="tick" x="${x.at(tick).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${formatCount(tick)}</text>`,
    )
  const stride = Math.max(1, Math.ceil(done.length / MAX_DOTS))
  let best = Number.NaN
  let steps = ''
  done.forEach(({ number, value, params }, index) => {
    const next = Number.isNaN(best) ? value : better(best, value)
    if (index % stride === 0 || next !== best) {
      const tip = `trial ${number}: ${study.objective} ${formatNumber(value, 3)} (${formatParam(params)})`
      parts.push(
        `<circle class="dot" cx="${x.at(number).toFixed(1)}" cy="${y.at(value).toFixed(1)}" r="2.4" data-tip="${escapeHtml(tip)}"/>`,
      )
    }
    if (next !== best)
      steps += Number.isNaN(best)
        ? `M${x.at(number).toFixed(1)} ${y.at(next).toFixed(1)}`
        : `H${x.at(number).toFixed(1)}V${y.at(next).toFixed(1)}`
    best = next
  })
  if (steps !== '') parts.push(`<path class="line strategy" d="${steps}H${x.at(last).toFixed(1)}"/>`)
  parts.push(
    `<text class="unit" x="${LEFT}" y="14">${escapeHtml(study.objective)}, in-sample</text>`,
    `<text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">trial</text>`,
  )
  return `<figure class="chart"><figcaption>The search<span class="legend"><span class="key"><svg width="26" height="10" aria-hidden="true"><circle class="dot" cx="13" cy="5" r="3"/></svg>a trial</span><span class="key"><svg width="26" height="10" aria-hidden="true"><path class="line strategy" d="M1 5L25 5"/></svg>best so far</span></span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(`${study.objective} of ${done.length} trials, best ${formatNumber(best, 3)}`)}">${parts.join('')}</svg></figure>`
}
