import {
  type Contour,
  contour,
  fanovaImportance,
  type InsightInput,
  type InsightOptions,
  optimizationHistory,
  parallelCoordinates,
  partialDependence,
  sliceOf,
} from './insight.ts'

const WIDTH = 640
const HEIGHT = 360
const LEFT = 64
const BOTTOM = 40
const TOP = 28
const RIGHT = 16

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c)
const place = (v: number): string => String(Math.round(v * 100) / 100)
const label = (v: number): string => String(Number(v.toPrecision(4)))

function text(x: number, y: number, content: string, anchor = 'middle'): string {
  return `<text x="${place(x)}" y="${place(y)}" text-anchor="${anchor}">${escaped(content)}</text>`
}

function svg(title: string, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11" role="img">`,
    `<title>${escaped(title)}</title>`,
    text(WIDTH / 2, 16, title),
    ...body,
    '</svg>',
  ].join('\n')
}

/** A scale from values to places, never of width 0. */
function scale(
  values: readonly number[],
  from: number,
  to: number,
): { at(v: number): number; low: number; high: number } {
  const finite = values.filter(Number.isFinite)
  const low = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const high = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const range = high > low ? high - low : 1
  return { low, high, at: (v) => from + ((v - low) / range) * (to - from) }
}

function frame(
  x: { low: number | string; high: number | string },
  y: { low: number; high: number },
  names: readonly [string, string],
): string[] {
  const show = (v: number | string): string => (typeof v === 'number' ? label(v) : v)
  const bottom = HEIGHT - BOTTOM
  return [
    `<path d="M${LEFT} ${TOP}V${bottom}H${WIDTH - RIGHT}" fill="none" stroke="#888"/>`,
    text(LEFT, bottom + 14, show(x.low)),
    text(WIDTH - RIGHT, bottom + 14, show(x.high), 'end'),
    text((LEFT + WIDTH) / 2, HEIGHT - 8, names[0]),
    text(LEFT - 4, bottom, label(y.low), 'end'),
    text(LEFT - 4, TOP + 8, label(y.high), 'end'),
    text(LEFT - 4, (TOP + bottom) / 2, names[1], 'end'),
  ]
}

const line = (points: readonly (readonly [number, number])[], color: string): string =>
  `<polyline fill="none" stroke="${color}" points="${points.map(([x, y]) => `${place(x)},${place(y)}`).join(' ')}"/>`

const dot = (x: number, y: number, color: string): string =>
  `<circle cx="${place(x)}" cy="${place(y)}" r="2.5" fill="${color}" fill-opacity="0.6"/>`

/** From blue (0) to yellow (1). */
function colorOf(part: number): string {
  const p = Math.min(1, Math.max(0, part))
  return `rgb(${Math.round(40 + 213 * p)},${Math.round(60 + 171 * p)},${Math.round(140 - 103 * p)})`
}

const finiteRange = (values: readonly number[]): { low: number; range: number } => {
  const { low, high } = scale(values, 0, 1)
  return { low, range: high > low ? high - low : 1 }
}

/** Values and the best so far over the trials, as SVG text. */
export function plotHistory(input: InsightInput, options: InsightOptions = {}): string {
  const rows = optimizationHistory(input, options)
  const x = scale(
    rows.map((r) => r.number),
    LEFT,
    WIDTH - RIGHT,
  )
  const y = scale(
    rows.map((r) => r.value),
    HEIGHT - BOTTOM,
    TOP,
  )
  return svg('Optimization history', [
    ...frame(x, y, ['trial', 'value']),
    ...rows.filter((r) => Number.isFinite(r.value)).map((r) => dot(x.at(r.number), y.at(r.value), '#4269d0')),
    line(
      rows.filter((r) => Number.isFinite(r.best)).map((r) => [x.at(r.number), y.at(r.best)] as const),
      '#ff725c',
    ),
  ])
}

/** Importance of every parameter as bars, as SVG text. */
export function plotImportance(input: InsightInput, options: InsightOptions = {}): string {
  const rows = fanovaImportance(input, options)
  const step = (HEIGHT - TOP - BOTTOM) / Math.max(1, rows.length)
  return svg(
    'Parameter importance (fANOVA)',
    rows.flatMap(({ name, importance }, i) => {
      const y = TOP + i * step
      const width = importance * (WIDTH - 180 - 60)
      return [
        text(172, y + step / 2 + 4, name, 'end'),
        `<rect x="180" y="${place(y + 0.15 * step)}" width="${place(width)}" height="${place(0.7 * step)}" fill="#4269d0"/>`,
        text(184 + width, y + step / 2 + 4, importance.toFixed(3), 'start'),
      ]
    }),
  )
}

/** How the objective depends on one parameter, as SVG text. */
export function plotPartialDependence(input: InsightInput, name: string, options: InsightOptions = {}): string {
  const { values, means } = partialDependence(input, name, options)
  const x = scale([0, values.length - 1], LEFT, WIDTH - RIGHT)
  const y = scale(means, HEIGHT - BOTTOM, TOP)
  const ends = { low: endOf(values[0]), high: endOf(values[values.length - 1]) }
  return svg(`Partial dependence on ${name}`, [
    ...frame(ends, y, [name, 'mean']),
    line(
      means.map((m, i) => [x.at(i), y.at(m)] as const),
      '#4269d0',
    ),
  ])
}

const endOf = (v: number | string | boolean | null | undefined): number | string =>
  typeof v === 'number' ? v : String(v)

/** Every trial's value over one parameter, as SVG text. */
export function plotSlice(input: InsightInput, name: string, options: InsightOptions = {}): string {
  const rows = sliceOf(input, name, options).filter((r) => Number.isFinite(r.value))
  const { rows: all, names } = parallelCoordinates(input, options)
  const axis = names.indexOf(name)
  const places = new Map(all.map((row) => [row.number, row.places[axis]]))
  const x = scale([0, 1], LEFT, WIDTH - RIGHT)
  const y = scale(
    rows.map((r) => r.value),
    HEIGHT - BOTTOM,
    TOP,
  )
  const last = Math.max(1, ...rows.map((r) => r.number))
  const { low, high, values } = input.space.dimensions[axis]
  const ends = values === undefined ? { low, high } : { low: endOf(values[0]), high: endOf(values[values.length - 1]) }
  return svg(`Slice along ${name}`, [
    ...frame(ends, y, [name, 'value']),
    ...rows.map((r) => dot(x.at(places.get(r.number) ?? 0), y.at(r.value), colorOf(r.number / last))),
  ])
}

/** A surface over two parameters as coloured cells, as SVG text. */
export function plotContour(
  input: InsightInput,
  names: readonly [string, string],
  options: InsightOptions = {},
): string {
  const { x, y, means }: Contour = contour(input, names, options)
  const { low, range } = finiteRange(means.flat())
  const width = (WIDTH - LEFT - RIGHT) / x.length
  const height = (HEIGHT - TOP - BOTTOM) / y.length
  const bottom = HEIGHT - BOTTOM
  return svg(`${names[0]} and ${names[1]}`, [
    ...means.flatMap((row, j) =>
      row.map(
        (mean, i) =>
          `<rect x="${place(LEFT + i * width)}" y="${place(bottom - (j + 1) * height)}" width="${place(width + 0.5)}" height="${place(height + 0.5)}" fill="${colorOf((mean - low) / range)}"/>`,
      ),
    ),
    text(LEFT, bottom + 14, show(x[0])),
    text(WIDTH - RIGHT, bottom + 14, show(x[x.length - 1]), 'end'),
    text((LEFT + WIDTH) / 2, HEIGHT - 8, names[0]),
    text(LEFT - 4, bottom, show(y[0]), 'end'),
    text(LEFT - 4, TOP + 8, show(y[y.length - 1]), 'end'),
    text(LEFT - 4, (TOP + bottom) / 2, names[1], 'end'),
  ])
}

const show = (v: number | string | boolean | null | undefined): string => (typeof v === 'number' ? label(v) : String(v))

/** Every trial as a line across its parameters, the best brightest, as SVG text. */
export function plotParallelCoordinates(input: InsightInput, options: InsightOptions = {}): string {
  const { names, rows } = parallelCoordinates(input, options)
  const finite = rows.filter((r) => Number.isFinite(r.value))
  const sign = input.directions[options.objective ?? 0] === 'maximize' ? 1 : -1
  const order = [...finite].sort((a, b) => sign * (a.value - b.value))
  const x = (a: number): number => 40 + (a / Math.max(1, names.length - 1)) * (WIDTH - 80)
  const y = (place: number): number => HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM)
  return svg('Parallel coordinates', [
    ...names.flatMap((name, a) => [
      `<path d="M${place(x(a))} ${TOP}V${HEIGHT - BOTTOM}" stroke="#888"/>`,
      text(x(a), HEIGHT - BOTTOM + 16, name),
    ]),
    ...order.map(({ places }, i) =>
      line(
        places.flatMap((u, a) => (Number.isNaN(u) ? [] : [[x(a), y(u)] as const])),
        colorOf(i / Math.max(1, order.length - 1)),
      ),
    ),
  ])
}
