import {
  createRng,
  type Direction,
  type FinishedTrial,
  normalPdf,
  type Params,
  type Space,
  TradewrightError,
  unknownName,
} from '@tradewright/core'
import { type Axis, axesOf, cellOf } from './observations.ts'
import { growForest, mainEffects, marginalMean, type Tree } from './regression-forest.ts'

/** What the functions here look at: a study, or its parts. */
export interface InsightInput {
  readonly space: Space
  readonly trials: readonly FinishedTrial[]
  readonly directions: readonly Direction[]
}

/** Options of all functions here. */
export interface InsightOptions {
  /** Which objective. @default 0 */
  readonly objective?: number | undefined
  /** Trees of the forest. @default 48 */
  readonly trees?: number | undefined
}

/** Importance of a parameter: a part of 1. */
export interface Importance {
  readonly name: string
  readonly importance: number
}

interface Sample {
  readonly axes: readonly Axis[]
  /** shape [n * d] */
  readonly x: Float64Array
  readonly y: Float64Array
  readonly params: readonly Params[]
}

function sampleOf({ space, trials }: InsightInput, objective: number, least: number): Sample {
  const done = trials.filter((t) => t.status === 'done' && Number.isFinite(t.values[objective]))
  if (done.length < least)
    throw new TradewrightError(
      'BAD_DATA',
      `insight needs at least ${least} finished trials with finite values, was ${done.length}`,
      {
        trials: done.length,
      },
    )
  const d = space.dimensions.length
  const x = new Float64Array(done.length * d)
  done.forEach((trial, i) => {
    x.set(space.toUnit(trial.params), i * d)
  })
  return {
    axes: axesOf(space),
    x,
    y: Float64Array.from(done, (t) => t.values[objective]),
    params: done.map((t) => t.params),
  }
}

// One forest serves all curves of a report: the last one of each list of trials is kept as long as the list lives.
const forests = new WeakMap<readonly FinishedTrial[], { readonly key: string; readonly forest: readonly Tree[] }>()

function forestOf(
  { space, trials }: InsightInput,
  { axes, x, y }: Sample,
  objective: number,
  count: number,
): readonly Tree[] {
  const key = `${space.key} ${trials.length} ${y.length} ${objective} ${count}`
  const kept = forests.get(trials)
  if (kept?.key === key) return kept.forest
  const forest = growForest(x, y, axes.length, count, createRng(0, 12))
  forests.set(trials, { key, forest })
  return forest
}

function axisNamed(axes: readonly Axis[], name: string): number {
  const at = axes.findIndex((axis) => axis.dimension.name === name)
  if (at < 0)
    throw unknownName(
      'parameter',
      name,
      axes.map((axis) => axis.dimension.name),
    )
  return at
}

const ranked = (axes: readonly Axis[], parts: Float64Array): readonly Importance[] => {
  const total = parts.reduce((a, b) => a + b, 0)
  return axes
    .map((axis, a) => ({ name: axis.dimension.name, importance: total > 0 ? parts[a] / total : 0 }))
    .sort((a, b) => b.importance - a.importance)
}

/**
 * Importance by functional ANOVA: which part of the variance of a random forest over the whole space each parameter
 * explains alone, scaled to a sum of 1. Largest first; all 0 where the values are constant.
 *
 * @throws TradewrightError `BAD_DATA` with fewer than 4 finished trials.
 * @see Hutter, Hoos, Leyton-Brown (2014), "An efficient approach for assessing hyperparameter importance", ICML.
 */
export function fanovaImportance(
  input: InsightInput,
  { objective = 0, trees = 48 }: InsightOptions = {},
): readonly Importance[] {
  const sample = sampleOf(input, objective, 4)
  const { axes } = sample
  const sums = new Float64Array(axes.length)
  for (const tree of forestOf(input, sample, objective, trees))
    mainEffects(tree, axes.length)?.forEach((effect, a) => {
      sums[a] += effect
    })
  return ranked(axes, sums)
}

const GRID = 64

/** Density of an axis on a grid of the unit interval (or its categories), smoothed. Sums to 1. */
function density(axis: Axis, values: Float64Array): Float64Array {
  const cells = axis.kind === 'categorical' ? axis.count : GRID
  const out = new Float64Array(cells).fill(1 / cells)
  if (axis.kind === 'categorical') for (const u of values) out[cellOf(axis, u)]++
  else {
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)
    const width = Math.max(0.02, 1.059 * deviation * values.length ** -0.2)
    for (const u of values)
      for (let c = 0; c < cells; c++) out[c] += normalPdf(((c + 0.5) / cells - u) / width) / (width * cells)
  }
  const total = out.reduce((a, b) => a + b, 0)
  return out.map((v) => v / total)
}

/**
 * Importance for being among the best: how far the density of each parameter among the best tenth is from that among the
 * best half (Pearson divergence), scaled to a sum of 1. Cheap, and local where fANOVA is global.
 *
 * @throws TradewrightError `BAD_DATA` with fewer than 10 finished trials.
 * @see Watanabe, Bansal, Hutter (2023), "PED-ANOVA", IJCAI, equation 16. Where it differs: kernels have Scott's width.
 */
export function pedAnovaImportance(input: InsightInput, { objective = 0 }: InsightOptions = {}): readonly Importance[] {
  const { axes, x, y } = sampleOf(input, objective, 10)
  const d = axes.length
  const sign = input.directions[objective] === 'maximize' ? -1 : 1
  const order = Array.from({ length: y.length }, (_, i) => i).sort((a, b) => sign * (y[a] - y[b]) || a - b)
  const column = (a: number, part: number): Float64Array =>
    Float64Array.from(order.slice(0, Math.max(2, Math.ceil(part * order.length))), (row) => x[row * d + a])
  const parts = Float64Array.from(axes, (axis, a) => {
    const best = density(axis, column(a, 0.1))
    const good = density(axis, column(a, 0.5))
    return best.reduce((s, p, c) => s + good[c] * (p / good[c] - 1) ** 2, 0)
  })
  return ranked(axes, parts)
}

/** A curve over one parameter. */
export interface PartialDependence {
  readonly name: string
  /** The parameter's values. */
  readonly values: readonly (number | string | boolean | null)[]
  /** Mean of the objective there, over all values of the other parameters. */
  readonly means: readonly number[]
}

function gridOf({ kind, count }: Axis, points: number): readonly number[] {
  const cells = kind === 'continuous' ? points : Math.min(count, kind === 'categorical' ? count : points)
  return Array.from({ length: cells }, (_, i) => (i + 0.5) / cells)
}

/** The value of one parameter at a unit coordinate. */
function valueAt(space: Space, { dimension }: Axis, at: number, unit: number): number | string | boolean | null {
  const { kind, values, count } = dimension
  if (kind === 'categorical') return values?.[Math.min(count - 1, Math.floor(unit * count))] ?? null
  // A point on which every parent has the value that makes this parameter active.
  const point = new Float64Array(space.dimensions.length).fill(0.5)
  point[at] = unit
  for (
    let { condition } = dimension;
    condition !== undefined;
    condition = space.dimensions[condition.dimension].condition
  )
    point[condition.dimension] = (condition.value + 0.5) / space.dimensions[condition.dimension].count
  return space.toPoint(space.fromUnit(point) as Params)[at]
}

/**
 * How the objective depends on one parameter on average, by a random forest.
 *
 * @param points of the curve, for continuous parameters. @default 32
 * @throws TradewrightError `UNKNOWN_NAME`; `BAD_DATA` with fewer than 4 finished trials.
 * @see Friedman (2001), "Greedy function approximation", Ann. Statist. 29, section 8.2.
 */
export function partialDependence(
  input: InsightInput,
  name: string,
  { objective = 0, trees = 48, points = 32 }: InsightOptions & { readonly points?: number | undefined } = {},
): PartialDependence {
  const sample = sampleOf(input, objective, 4)
  const at = axisNamed(sample.axes, name)
  const forest = forestOf(input, sample, objective, trees)
  const grid = gridOf(sample.axes[at], points)
  return {
    name,
    values: grid.map((u) => valueAt(input.space, sample.axes[at], at, u)),
    means: grid.map((u) => marginalMean(forest, new Map([[at, u]]))),
  }
}

/** A surface over two parameters. */
export interface Contour {
  readonly names: readonly [string, string]
  readonly x: PartialDependence['values']
  readonly y: PartialDependence['values']
  /** One row a value of `y`, one number a value of `x`. */
  readonly means: readonly (readonly number[])[]
}

/** How the objective depends on two parameters on average. @throws TradewrightError as {@link partialDependence}. */
export function contour(
  input: InsightInput,
  names: readonly [string, string],
  { objective = 0, trees = 48, points = 20 }: InsightOptions & { readonly points?: number | undefined } = {},
): Contour {
  const sample = sampleOf(input, objective, 4)
  const [a, b] = names.map((name) => axisNamed(sample.axes, name))
  const forest = forestOf(input, sample, objective, trees)
  const [xs, ys] = [gridOf(sample.axes[a], points), gridOf(sample.axes[b], points)]
  return {
    names,
    x: xs.map((u) => valueAt(input.space, sample.axes[a], a, u)),
    y: ys.map((u) => valueAt(input.space, sample.axes[b], b, u)),
    means: ys.map((v) =>
      xs.map((u) =>
        marginalMean(
          forest,
          new Map([
            [a, u],
            [b, v],
          ]),
        ),
      ),
    ),
  }
}

/** Every finished trial as one parameter and the objective. */
export function sliceOf(
  { space, trials }: InsightInput,
  name: string,
  { objective = 0 }: InsightOptions = {},
): readonly { readonly number: number; readonly param: number | string | boolean | null; readonly value: number }[] {
  const at = axisNamed(axesOf(space), name)
  const { values } = space.dimensions[at]
  return trials.flatMap(({ number, params, status, values: own }) => {
    const x = space.toPoint(params)[at]
    if (status !== 'done' || Number.isNaN(x)) return []
    return [{ number, param: values === undefined ? x : values[x], value: own[objective] }]
  })
}

/** Every finished trial as its place on each parameter's own scale, from 0 to 1 (NaN where inactive), and the objective. */
export function parallelCoordinates(
  { space, trials }: InsightInput,
  { objective = 0 }: InsightOptions = {},
): {
  readonly names: readonly string[]
  readonly rows: readonly { readonly number: number; readonly places: readonly number[]; readonly value: number }[]
} {
  return {
    names: space.dimensions.map((d) => d.name),
    rows: trials
      .filter((t) => t.status === 'done')
      .map(({ number, params, values }) => {
        const point = space.toPoint(params)
        const unit = space.toUnit(params)
        return {
          number,
          places: [...unit].map((u, a) => (Number.isNaN(point[a]) ? Number.NaN : u)),
          value: values[objective],
        }
      }),
  }
}

/** Every finished trial's value and the best so far, in trial order. */
export function optimizationHistory(
  { trials, directions }: InsightInput,
  { objective = 0 }: InsightOptions = {},
): readonly { readonly number: number; readonly value: number; readonly best: number }[] {
  const sign = directions[objective] === 'maximize' ? -1 : 1
  let best = Number.NaN
  return trials.flatMap(({ number, status, values, violation = 0 }) => {
    if (status !== 'done') return []
    const value = values[objective]
    if (violation <= 0 && !(sign * value >= sign * best)) best = value
    return [{ number, value, best }]
  })
}
