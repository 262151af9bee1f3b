import type { Params, ParamValue } from '@tradewright/core'
import { escapeHtml } from './markup.ts'
import { formatNumber, formatShort } from './number-format.ts'
import type { ReportTrial } from './report-data.ts'

const MAX_CELLS = 14
const WIDTH = 620
const LEFT = 84
const TOP = 30
const BOTTOM = 52
const RIGHT = 110
const MAX_HEIGHT = 400

/** A parameter by its dotted name; undefined in trials in which it takes no part. */
type Flat = ReadonlyMap<string, number | string | boolean | null>

function flatten(params: Params, prefix: string = '', out = new Map<string, number | string | boolean | null>()): Flat {
  for (const [name, value] of Object.entries(params) as [string, ParamValue][]) {
    if (typeof value === 'object' && value !== null) flatten(value, `${prefix}${name}.`, out)
    else out.set(prefix + name, value)
  }
  return out
}

/** One axis: how values fall into cells, and what is written beside them. */
interface Axis {
  readonly name: string
  readonly labels: readonly string[]
  cell(value: number | string | boolean | null): number
}

function axisOf(name: string, values: readonly (number | string | boolean | null)[]): Axis | undefined {
  const distinct = [...new Set(values)]
  if (distinct.length < 2) return undefined
  if (!distinct.every((v) => typeof v === 'number')) {
    const labels = distinct.map(String).sort()
    if (labels.length > MAX_CELLS) return undefined
    return { name, labels, cell: (value) => labels.indexOf(String(value)) }
  }
  const numbers = (distinct as number[]).sort((a, b) => a - b)
  if (numbers.length <= MAX_CELLS)
    return { name, labels: numbers.map(formatShort), cell: (value) => numbers.indexOf(value as number) }
  const low = numbers[0]
  const high = numbers[numbers.length - 1]
  const whole = numbers.every(Number.isInteger)
  // Whole numbers fall into cells of a whole width, so that each cell holds equally many values.
  const width = whole ? Math.ceil((high - low + 1) / MAX_CELLS) : (high - low) / MAX_CELLS
  const count = whole ? Math.ceil((high - low + 1) / width) : MAX_CELLS
  const label = (k: number): string => {
    const from = low + k * width
    if (whole && width === 1) return formatShort(from)
    if (whole) return `${formatShort(from)}–${formatShort(Math.min(high, from + width - 1))}`
    return `${formatShort(Number(from.toPrecision(3)))}–${formatShort(Number((from + width).toPrecision(3)))}`
  }
  return {
    name,
    labels: Array.from({ length: count }, (_, k) => label(k)),
    cell: (value) => Math.min(count - 1, Math.floor(((value as number) - low) / width)),
  }
}

/** Share of the variance of the objective that the cells of one axis explain (eta squared). */
function explained(axis: Axis, points: readonly { flat: Flat; value: number }[]): number {
  const sums = new Map<number, { n: number; sum: number }>()
  let total = 0
  for (const { flat, value } of points) {
    const cell = axis.cell(flat.get(axis.name) ?? null)
    const entry = sums.get(cell) ?? { n: 0, sum: 0 }
    entry.n++
    entry.sum += value
    sums.set(cell, entry)
    total += value
  }
  const mean = total / points.length
  let between = 0
  for (const { n, sum } of sums.values()) between += n * (sum / n - mean) ** 2
  const all = points.reduce((acc, { value }) => acc + (value - mean) ** 2, 0)
  return all === 0 ? 0 : between / all
}

/** Two parameters, and the mean of the objective over the trials in each cell. */
export interface HeatMap {
  readonly x: { readonly name: string; readonly labels: readonly string[] }
  readonly y: { readonly name: string; readonly labels: readonly string[] }
  /** shape [y cells][x cells]; NaN where no trial fell. */
  readonly mean: readonly (readonly number[])[]
  readonly count: readonly (readonly number[])[]
}

/**
 * The heat map of the two parameters that explain most of the objective's variance, each alone.
 *
 * @param trials those whose value is no number are left out, as are parameters that do not take part in all of them.
 * @returns undefined with fewer than two parameters that vary.
 */
export function heatMapOf(trials: readonly ReportTrial[]): HeatMap | undefined {
  const points = trials
    .filter(({ value }) => Number.isFinite(value))
    .map(({ params, value }) => ({ flat: flatten(params), value }))
  if (points.length < 4) return undefined
  const names = [...points[0].flat.keys()].filter((name) => points.every(({ flat }) => flat.has(name)))
  const axes = names
    .map((name) =>
      axisOf(
        name,
        points.map(({ flat }) => flat.get(name) ?? null),
      ),
    )
    .filter((axis) => axis !== undefined)
    .map((axis) => ({ axis, share: explained(axis, points) }))
    .sort((a, b) => b.share - a.share)
  if (axes.length < 2) return undefined
  // The order in which the strategy names them reads better than the order of their shares.
  const [x, y] = [axes[0].axis, axes[1].axis].sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name))
  const sum = y.labels.map(() => x.labels.map(() => 0))
  const count = y.labels.map(() => x.labels.map(() => 0))
  for (const { flat, value } of points) {
    const row = y.cell(flat.get(y.name) ?? null)
    const column = x.cell(flat.get(x.name) ?? null)
    sum[row][column] += value
    count[row][column]++
  }
  const mean = sum.map((row, r) => row.map((value, c) => (count[r][c] === 0 ? Number.NaN : value / count[r][c])))
  return { x: { name: x.name, labels: x.labels }, y: { name: y.name, labels: y.labels }, mean, count }
}

/** Stops of the colour scale, dark to light: viridis, which also reads without colour vision and in grey. */
const COLOURS: readonly (readonly [number, number, number])[] = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
]

/** The colour of a share from 0 to 1. */
export function heatColour(share: number): string {
  const place = Math.min(1, Math.max(0, share)) * (COLOURS.length - 1)
  const k = Math.min(COLOURS.length - 2, Math.floor(place))
  const channel = (i: number): number => Math.round(COLOURS[k][i] + (place - k) * (COLOURS[k + 1][i] - COLOURS[k][i]))
  return `rgb(${channel(0)},${channel(1)},${channel(2)})`
}

/** The heat map as an SVG figure; every cell says its values in a title. */
export function renderHeatMap(map: HeatMap, objective: string): string {
  const { x, y, mean, count } = map
  const finite = mean.flat().filter(Number.isFinite)
  const low = Math.min(...finite)
  const high = Math.max(...finite)
  const cellWidth = (WIDTH - LEFT - RIGHT) / x.labels.length
  const cellHeight = Math.min((MAX_HEIGHT - TOP - BOTTOM) / y.labels.length, 40)
  const plotHeight = cellHeight * y.labels.length
  const height = TOP + plotHeight + BOTTOM
  const parts: string[] = []
  mean.forEach((row, r) => {
    row.forEach((value, c) => {
      const at = `x="${(LEFT + c * cellWidth + 0.5).toFixed(1)}" y="${(TOP + plotHeight - (r + 1) * cellHeight + 0.5).toFixed(1)}" width="${(cellWidth - 1).toFixed(1)}" height="${(cellHeight - 1).toFixed(1)}"`
      const where = `${x.name} ${x.labels[c]}, ${y.name} ${y.labels[r]}`
      if (Number.isNaN(value))
        parts.push(`<rect class="cell empty" ${at}><title>${escapeHtml(where)}: no trial</title></rect>`)
      else {
        const colour = heatColour(high === low ? 0.5 : (value - low) / (high - low))
        const text = `${where}: mean ${objective} ${formatNumber(value, 3)} of ${count[r][c]} trial${count[r][c] === 1 ? '' : 's'}`
        parts.push(
          `<rect class="cell" ${at} fill="${colour}" data-tip="${escapeHtml(text)}"><title>${escapeHtml(text)}</title></rect>`,
        )
      }
    })
  })
  const everyX = Math.ceil(x.labels.length / Math.floor((WIDTH - LEFT - RIGHT) / 62))
  x.labels.forEach((label, c) => {
    if (c % everyX === 0)
      parts.push(
        `<text class="tick" x="${(LEFT + (c + 0.5) * cellWidth).toFixed(1)}" y="${TOP + plotHeight + 16}" text-anchor="middle">${escapeHtml(label)}</text>`,
      )
  })
  y.labels.forEach((label, r) => {
    parts.push(
      `<text class="tick" x="${LEFT - 8}" y="${(TOP + plotHeight - (r + 0.5) * cellHeight + 4).toFixed(1)}" text-anchor="end">${escapeHtml(label)}</text>`,
    )
  })
  parts.push(
    `<text class="axis" x="${(LEFT + (WIDTH - RIGHT - LEFT) / 2).toFixed(1)}" y="${height - 10}" text-anchor="middle">${escapeHtml(x.name)}</text>`,
    `<text class="axis" x="${LEFT}" y="16" text-anchor="end">${escapeHtml(y.name)}</text>`,
    colourBar(low, high, plotHeight),
  )
  return `<figure class="chart heat"><figcaption>Heat map: mean ${escapeHtml(objective)} by ${escapeHtml(x.name)} and ${escapeHtml(y.name)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${height.toFixed(0)}" role="img" aria-label="${escapeHtml(`Mean ${objective} of the trials by ${x.name} and ${y.name}, from ${formatNumber(low, 3)} to ${formatNumber(high, 3)}`)}">${parts.join('')}</svg></figure>`
}

/** The scale of {@link heatColour} beside a plot of the report's width, from `low` below to `high` above. */
export function colourBar(low: number, high: number, plotHeight: number, top: number = TOP): string {
  const left = WIDTH - RIGHT + 24
  const steps = 24
  const parts: string[] = []
  for (let k = 0; k < steps; k++) {
    const at = top + plotHeight - ((k + 1) * plotHeight) / steps
    parts.push(
      `<rect x="${left}" y="${at.toFixed(1)}" width="14" height="${(plotHeight / steps + 0.5).toFixed(1)}" fill="${heatColour((k + 0.5) / steps)}"/>`,
    )
  }
  for (const share of [0, 0.5, 1])
    parts.push(
      `<text class="tick" x="${left + 20}" y="${(top + plotHeight * (1 - share) + (share === 1 ? 10 : share === 0 ? 0 : 4)).toFixed(1)}">${formatNumber(low + share * (high - low))}</text>`,
    )
  return parts.join('')
}
