import type { Contour } from '@tradewright/adaptive-sampling'
import { colourBar, heatColour } from './heat-map.ts'
import type { ReportInsight, ReportParameter } from './insight-data.ts'
import { escapeHtml } from './markup.ts'
import { formatCount, formatNumber, formatParam, formatPercent } from './number-format.ts'
import type { ReportStudy } from './report-data.ts'
import { linearScale, roundTicks, type Scale } from './scale.ts'

const WIDTH = 620
const LEFT = 84
const RIGHT = 110
const MAX_LINES = 400
const MAX_DOTS = 600

const fixed = (value: number): string => value.toFixed(1)

const rangeOf = (values: Iterable<number>): { readonly low: number; readonly high: number } => {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    if (value < low) low = value
    if (value > high) high = value
  }
  return { low, high }
}

/** Share of a value between the worst and the best, 1 the best. */
function goodness(values: readonly number[], { direction }: ReportStudy): (value: number) => number {
  const { low, high } = rangeOf(values)
  const up = (value: number): number => (high === low ? 0.5 : (value - low) / (high - low))
  return direction === 'maximize' ? up : (value) => 1 - up(value)
}

function renderImportance(parameters: readonly ReportParameter[]): string {
  const rows = parameters.map(({ name, overall, amongBest }) => {
    const bar = (share: number, style: string): string =>
      `<i class="${style}" style="width:${fixed(share * 100)}%"></i>`
    return `<span>${escapeHtml(name)}</span><div>${bar(overall, 'overall')}${bar(amongBest, 'best')}</div><span>${formatPercent(overall, 0)} · ${formatPercent(amongBest, 0)}</span>`
  })
  return `<figure class="importance"><figcaption>What matters<span class="legend"><span class="key"><i class="overall"></i>over the whole space (fANOVA)</span><span class="key"><i class="best"></i>among the best trials (PED-ANOVA)</span></span></figcaption><div class="bars">${rows.join('')}</div></figure>`
}

function valueAxis(y: Scale, right: number): string {
  return roundTicks(y.low, y.high, 4)
    .map(
      (tick) =>
        `<line class="grid" x1="${LEFT}" x2="${right}" y1="${fixed(y.at(tick))}" y2="${fixed(y.at(tick))}"/><text class="tick" x="${LEFT - 8}" y="${fixed(y.at(tick) + 4)}" text-anchor="end">${formatNumber(tick)}</text>`,
    )
    .join('')
}

/** Every trial along one parameter, and the mean that a forest learned from them. */
function renderSlice({ name, dependence }: ReportParameter, insight: ReportInsight, study: ReportStudy): string {
  if (dependence === undefined) return ''
  const height = 240
  const bottom = height - 40
  const { names, rows } = insight.coordinates
  const axis = names.indexOf(name)
  const active = rows.filter(({ places }) => !Number.isNaN(places[axis]))
  const { low, high } = rangeOf(active.map(({ value }) => value))
  const margin = (high - low) * 0.05 || 0.1
  const x = linearScale(0, 1, LEFT, WIDTH - 16)
  const y = linearScale(low - margin, high + margin, bottom, 14)
  const last = Math.max(1, rangeOf(rows.map(({ number }) => number)).high)
  const stride = Math.ceil(active.length / MAX_DOTS)
  const dots = active
    .filter((_, i) => i % stride === 0)
    .map(
      ({ number, places, value }) =>
        `<circle cx="${fixed(x.at(places[axis]))}" cy="${fixed(y.at(value))}" r="2.4" fill="${heatColour(number / last)}" fill-opacity=".75" data-tip="${escapeHtml(`trial ${number}: ${study.objective} ${formatNumber(value, 3)}`)}"/>`,
    )
  const { values, means } = dependence
  const curve = means.map((mean, i) => `${fixed(x.at((i + 0.5) / means.length))} ${fixed(y.at(mean))}`).join('L')
  const label = (at: number, place: number): string =>
    `<text class="tick" x="${fixed(x.at((place + 0.5) / values.length))}" y="${bottom + 18}" text-anchor="middle">${escapeHtml(formatParam(values[at]))}</text>`
  const marked = [...new Set([0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(part * (values.length - 1))))]
  return `<figure class="chart slice"><figcaption>${escapeHtml(name)}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(`${study.objective} of ${active.length} trials along ${name}, and its mean`)}">${valueAxis(y, WIDTH - 16)}${dots.join('')}<path class="line strategy" d="M${curve}"/>${marked.map((at) => label(at, at)).join('')}</svg></figure>`
}

/** The mean over the two most important parameters, that a forest learned from the trials. */
function renderContour({ names, x, y, means }: Contour, { objective }: ReportStudy): string {
  const top = 30
  const plot = 270
  const { low, high } = rangeOf(means.flat())
  const width = (WIDTH - LEFT - RIGHT) / x.length
  const height = plot / y.length
  const cells = means.flatMap((row, r) =>
    row.map(
      (mean, c) =>
        `<rect x="${fixed(LEFT + c * width)}" y="${fixed(top + plot - (r + 1) * height)}" width="${fixed(width + 0.5)}" height="${fixed(height + 0.5)}" fill="${heatColour(high === low ? 0.5 : (mean - low) / (high - low))}" data-tip="${escapeHtml(`${names[0]} ${formatParam(x[c])}, ${names[1]} ${formatParam(y[r])}: mean ${objective} ${formatNumber(mean, 3)}`)}"/>`,
    ),
  )
  const ends = (count: number): readonly number[] => [...new Set([0, (count - 1) >> 1, count - 1])]
  return `<figure class="chart contour"><figcaption>Learned surface: ${escapeHtml(names[0])} and ${escapeHtml(names[1])}</figcaption><svg viewBox="0 0 ${WIDTH} 352" role="img" aria-label="${escapeHtml(`Mean ${objective} over ${names[0]} and ${names[1]}, from ${formatNumber(low, 3)} to ${formatNumber(high, 3)}`)}">${cells.join('')}${ends(
    x.length,
  )
    .map(
      (c) =>
        `<text class="tick" x="${fixed(LEFT + (c + 0.5) * width)}" y="${top + plot + 16}" text-anchor="middle">${escapeHtml(formatParam(x[c]))}</text>`,
    )
    .join('')}${ends(y.length)
    .map(
      (r) =>
        `<text class="tick" x="${LEFT - 8}" y="${fixed(top + plot - (r + 0.5) * height + 4)}" text-anchor="end">${escapeHtml(formatParam(y[r]))}</text>`,
    )
    .join(
      '',
    )}<text class="axis" x="${fixed((LEFT + WIDTH - RIGHT) / 2)}" y="342" text-anchor="middle">${escapeHtml(names[0])}</text><text class="axis" x="${LEFT}" y="16" text-anchor="end">${escapeHtml(names[1])}</text>${colourBar(low, high, plot)}</svg></figure>`
}

/** Every trial as a line across its parameters, the best on top and brightest. */
function renderCoordinates({ coordinates: { names, rows } }: ReportInsight, study: ReportStudy): string {
  const top = 20
  const bottom = 296
  const x = linearScale(0, names.length - 1, LEFT, WIDTH - RIGHT)
  const y = linearScale(0, 1, bottom, top)
  const share = goodness(
    rows.map(({ value }) => value),
    study,
  )
  const stride = Math.ceil(rows.length / MAX_LINES)
  const lines = rows
    .filter((row, i) => i % stride === 0 || row.number === study.best.number)
    .sort((a, b) => share(a.value) - share(b.value))
    .map(({ number, places, value }) => {
      const points = places.flatMap((place, a) =>
        Number.isNaN(place) ? [] : [`${fixed(x.at(a))},${fixed(y.at(place))}`],
      )
      const best = number === study.best.number
      return `<polyline fill="none" stroke="${heatColour(share(value))}" stroke-width="${best ? 2.6 : 1}" stroke-opacity="${best ? 1 : 0.45}" points="${points.join(' ')}" data-tip="${escapeHtml(`trial ${number}: ${study.objective} ${formatNumber(value, 3)}`)}"/>`
    })
  const axes = names.map(
    (name, a) =>
      `<line class="cross" x1="${fixed(x.at(a))}" x2="${fixed(x.at(a))}" y1="${top}" y2="${bottom}"/><text class="tick" x="${fixed(x.at(a))}" y="${bottom + 18}" text-anchor="middle">${escapeHtml(name)}</text>`,
  )
  const { low, high } = rangeOf(rows.map(({ value }) => value))
  const [worst, best] = study.direction === 'maximize' ? [low, high] : [high, low]
  return `<figure class="chart coordinates"><figcaption>Every trial across its parameters<span class="legend">low values below, high above; the best brightest</span></figcaption><svg viewBox="0 0 ${WIDTH} 330" role="img" aria-label="${escapeHtml(`${rows.length} trials across ${names.join(', ')}`)}">${axes.join('')}${lines.join('')}${colourBar(worst, best, bottom - top, top)}</svg></figure>`
}

/** What the trials tell about the parameters: importance, slices with partial dependence, surface, parallel coordinates. */
export function renderInsight(insight: ReportInsight, study: ReportStudy): string {
  const slices = insight.parameters.map((parameter) => renderSlice(parameter, insight, study)).join('')
  return `<h3>Parameters</h3>${renderImportance(insight.parameters)}
<div class="two">${renderCoordinates(insight, study)}${insight.contour === undefined ? '' : renderContour(insight.contour, study)}</div>
<p class="sub">Each trial along one parameter, late trials brighter; the line is the mean over all other parameters (partial dependence of a forest grown on ${formatCount(insight.trials)} trials).</p>
<div class="two">${slices}</div>`
}
