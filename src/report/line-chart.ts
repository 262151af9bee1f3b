import { escapeHtml } from './markup.ts'
import { formatTime } from './number-format.ts'
import { linearScale, roundTicks, timeTicks } from './scale.ts'

/** One line of a chart. */
export interface Line {
  readonly name: string
  /** Class of the stylesheet that gives it colour and dashes. */
  readonly style: string
  /** shape [points] */
  readonly values: ArrayLike<number>
  /** Fill the area between the line and zero. */
  readonly area?: boolean | undefined
}

/** A chart of lines over time. */
export interface LineChart {
  readonly id: string
  readonly title: string
  /** Of the vertical axis, as it is written above it. */
  readonly unit: string
  /** shape [points], epoch ms, ascending. */
  readonly time: ArrayLike<number>
  readonly lines: readonly Line[]
  /** How a value is written. */
  format(value: number): string
  /** Index of the first point of the held-out part. */
  readonly split?: number | undefined
  readonly height?: number | undefined
}

/** What the page's script needs to show values under the pointer. */
export interface HoverData {
  readonly x: readonly number[]
  readonly labels: readonly string[]
  readonly lines: readonly {
    readonly name: string
    readonly style: string
    readonly y: readonly number[]
    readonly text: readonly string[]
  }[]
}

const WIDTH = 960
const LEFT = 64
const RIGHT = 16
const TOP = 30
const BOTTOM = 28
const MAX_POINTS = 900

const round = (value: number): number => Math.round(value * 10) / 10

/**
 * Indexes of about `MAX_POINTS` points: the first, the last, and of each stretch between them the lowest and the highest
 * of `values`, so that no peak and no trough is lost.
 */
function thin(length: number, values: ArrayLike<number>): readonly number[] {
  if (length <= MAX_POINTS) return Array.from({ length }, (_, i) => i)
  const kept = new Set([0])
  const stretches = MAX_POINTS / 2
  for (let k = 0; k < stretches; k++) {
    const end = Math.floor(((k + 1) * length) / stretches)
    let low = Math.floor((k * length) / stretches)
    let high = low
    for (let i = low + 1; i < end; i++) {
      if (values[i] < values[low]) low = i
      if (values[i] > values[high]) high = i
    }
    kept.add(Math.min(low, high)).add(Math.max(low, high))
  }
  return [...kept.add(length - 1)]
}

function extent(lines: readonly Line[]): readonly [number, number] {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const { values, area } of lines) {
    if (area === true) {
      low = Math.min(low, 0)
      high = Math.max(high, 0)
    }
    for (let i = 0; i < values.length; i++) {
      if (values[i] < low) low = values[i]
      if (values[i] > high) high = values[i]
    }
  }
  if (!(low <= high)) return [0, 1]
  const margin = low === high ? Math.abs(low) * 0.1 || 1 : (high - low) * 0.04
  return [low - (low === 0 ? 0 : margin), high + (high === 0 ? 0 : margin)]
}

function path(xs: readonly number[], ys: readonly number[]): string {
  let text = ''
  let pen = false
  for (let i = 0; i < xs.length; i++) {
    if (Number.isNaN(ys[i])) pen = false
    else {
      text += `${pen ? 'L' : 'M'}${xs[i]} ${ys[i]}`
      pen = true
    }
  }
  return text
}

/** The chart as an SVG figure that reads without scripts, and what the page's script adds to it. */
export function renderLineChart(chart: LineChart): { readonly html: string; readonly hover: HoverData } {
  const { id, title, unit, time, lines, format, split, height = 280 } = chart
  const bottom = height - BOTTOM
  const indexes = thin(time.length, lines[lines.length - 1].values)
  const [low, high] = extent(lines)
  const first = time.length === 0 ? 0 : time[0]
  const last = time.length === 0 ? 1 : time[time.length - 1]
  const x = linearScale(first, last, LEFT, WIDTH - RIGHT)
  const y = linearScale(low, high, bottom, TOP)
  const xs = indexes.map((i) => round(x.at(time[i])))
  const drawn = lines.map((line) => ({ line, ys: indexes.map((i) => round(y.at(line.values[i]))) }))
  const parts: string[] = []
  if (split !== undefined && split > 0 && split < time.length) {
    const at = round(x.at(time[split]))
    parts.push(
      `<rect class="held" x="${at}" y="${TOP}" width="${round(WIDTH - RIGHT - at)}" height="${bottom - TOP}"/>`,
      `<line class="split" x1="${at}" x2="${at}" y1="${TOP}" y2="${bottom}"/>`,
      ...(height < 200
        ? []
        : [`<text class="held-label" x="${at + 6}" y="${TOP + 14}">held out, never searched</text>`]),
    )
  }
  for (const tick of roundTicks(low, high, height < 200 ? 3 : 5)) {
    const at = round(y.at(tick))
    parts.push(
      `<line class="grid${tick === 0 ? ' zero' : ''}" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>`,
      `<text class="tick" x="${LEFT - 8}" y="${at + 4}" text-anchor="end">${escapeHtml(format(tick))}</text>`,
    )
  }
  for (const tick of timeTicks(first, last, 9)) {
    const at = round(x.at(tick.at))
    parts.push(
      `<line class="grid" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 4}"/>`,
      `<text class="tick" x="${at}" y="${bottom + 18}" text-anchor="middle">${escapeHtml(tick.label)}</text>`,
    )
  }
  for (const { line, ys } of drawn) {
    const d = path(xs, ys)
    if (line.area === true && xs.length > 0) {
      const zero = round(y.at(Math.min(high, Math.max(low, 0))))
      parts.push(`<path class="area ${line.style}" d="${d}L${xs[xs.length - 1]} ${zero}L${xs[0]} ${zero}Z"/>`)
    }
    parts.push(`<path class="line ${line.style}" d="${d}"/>`)
  }
  parts.push(`<text class="unit" x="${LEFT}" y="14">${escapeHtml(unit)}</text>`)
  const legend = lines
    .map(
      ({ name, style }) =>
        `<span class="key"><svg width="26" height="10" aria-hidden="true"><path class="line ${style}" d="M1 5L25 5"/></svg>${escapeHtml(name)}</span>`,
    )
    .join('')
  const minutes = time.length > 1 && (last - first) / (time.length - 1) < 80_000_000
  const html = `<figure class="chart" data-chart="${escapeHtml(id)}"><figcaption>${escapeHtml(title)}<span class="legend">${legend}</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" tabindex="0" aria-label="${escapeHtml(`${title}, ${unit}; arrow keys move through the values`)}">${parts.join('')}</svg></figure>`
  const hover = {
    x: xs,
    labels: indexes.map((i) => formatTime(time[i], minutes)),
    lines: drawn.map(({ line, ys }) => ({
      name: line.name,
      style: line.style,
      y: ys,
      text: indexes.map((i) => format(line.values[i])),
    })),
  }
  return { html, hover }
}
