import { type FeatureMatrix, TradewrightError } from '@tradewright/core'
import { binRows } from './bin-rows.ts'
import type { BinCuts } from './quantile-sketch.ts'
import type { TreeObjective } from './tree-objective.ts'
import type { BinnedRows } from './tree-trainer.ts'

const badShape = (rule: string, details: Readonly<Record<string, unknown>>): TradewrightError =>
  new TradewrightError('BAD_SHAPE', rule, details)

/** Refuses features whose lengths do not fit. */
export function checkFeatures({ names, data, rows, columns }: FeatureMatrix): void {
  if (!Number.isInteger(rows) || rows < 0 || !Number.isInteger(columns) || columns < 1)
    throw badShape(`features must have rows and at least one column, were ${rows} x ${columns}`, { rows, columns })
  if (data.length !== rows * columns)
    throw badShape(`features of ${rows} x ${columns} must hold ${rows * columns} numbers, hold ${data.length}`, {
      rows,
      columns,
      length: data.length,
    })
  if (names.length !== columns)
    throw badShape(`features of ${columns} columns must have as many names, have ${names.length}`, { columns })
}

/** Refuses features that are not those of a model. A model without names takes any. */
export function checkSameFeatures(names: readonly string[] | undefined, columns: number, X: FeatureMatrix): void {
  if (X.columns !== columns)
    throw badShape(`features must be the model's ${columns}, were ${X.columns}`, {
      columns: X.columns,
      expected: columns,
    })
  if (names === undefined || names === X.names) return
  const i = names.findIndex((name, c) => name !== X.names[c])
  if (i >= 0)
    throw badShape(
      `features must be the model's, in its order: column ${i} must be '${names[i]}', was '${X.names[i]}'`,
      {
        column: i,
        expected: names,
      },
    )
}

/** Refuses weights that are negative, not finite, or all zero. */
export function checkWeights(weight: Float32Array | undefined, rows: number): void {
  if (weight === undefined) return
  if (weight.length !== rows)
    throw badShape(`there must be a weight for each of ${rows} rows, were ${weight.length}`, {
      rows,
      weights: weight.length,
    })
  let sum = 0
  for (let i = 0; i < rows; i++) {
    if (!(weight[i] >= 0) || weight[i] === Number.POSITIVE_INFINITY)
      throw new TradewrightError('BAD_DATA', `weights must be finite and not negative, was ${weight[i]} in row ${i}`, {
        row: i,
      })
    sum += weight[i]
  }
  if (sum === 0) throw new TradewrightError('BAD_DATA', 'some weight must be above 0, was none')
}

/** Classes that targets name, or what they must be. */
export interface TargetRule {
  readonly objective: TreeObjective
  /** Known number of classes. */
  readonly classes: number | undefined
  /** Whether every class that is learned must be seen: not in a validation. */
  readonly learning: boolean
}

/** @returns number of classes: 1 for numbers, 2 for 'binary'. @throws TradewrightError `BAD_DATA`, `BAD_SHAPE`. */
export function checkTargets(y: Float32Array, rows: number, { objective, classes, learning }: TargetRule): number {
  if (y.length !== rows)
    throw badShape(`there must be a target for each of ${rows} rows, were ${y.length}`, { rows, targets: y.length })
  const bad = y.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0)
    throw new TradewrightError('BAD_DATA', `targets must be finite, was ${y[bad]} in row ${bad}`, { row: bad })
  if (objective === 'regression' || objective === 'quantile') return 1
  const limit = objective === 'binary' ? 2 : (classes ?? Number.POSITIVE_INFINITY)
  const seen = new Set<number>()
  for (let i = 0; i < rows; i++) {
    if (!(Number.isInteger(y[i]) && y[i] >= 0 && y[i] < limit))
      throw new TradewrightError(
        'BAD_DATA',
        `targets must be classes, integers from 0${Number.isFinite(limit) ? ` to ${limit - 1}` : ''}, was ${y[i]} in row ${i}`,
        { row: i },
      )
    seen.add(y[i])
  }
  const count = objective === 'binary' ? 2 : (classes ?? Math.max(...seen) + 1)
  if (!learning) return count
  if (seen.size < 2)
    throw new TradewrightError('BAD_DATA', `targets must be of at least two classes, were all of class ${y[0]}`, {
      class: y[0],
    })
  if (count > rows)
    throw new TradewrightError(
      'BAD_DATA',
      `there must be at least as many rows as classes, were ${rows} rows of ${count} classes`,
      {
        rows,
        classes: count,
      },
    )
  return count
}

/** Refuses features none of which can be split. */
export function checkSplittable(cuts: BinCuts, anyMissing: () => boolean): void {
  const { offsets, categories } = cuts
  const splits = categories.some((count, f) => count > 1 || offsets[f + 1] > offsets[f])
  if (!splits && !anyMissing())
    throw new TradewrightError(
      'BAD_DATA',
      'at least one feature must have two different values, all are constant or missing',
    )
}

/** Features with a number that means missing turned into NaN. A copy only where there is such a number. */
export function withMissing(data: Float32Array, missing: number): Float32Array {
  if (missing !== missing) return data
  const value = Math.fround(missing)
  return data.map((x) => (x === value ? Number.NaN : x))
}

/** Whether some value is missing and another is not, in a column. */
export function partlyMissing(data: Float32Array, columns: number): boolean {
  const found = new Int32Array(columns)
  for (let i = 0, c = 0; i < data.length; i++, c = c + 1 === columns ? 0 : c + 1) {
    const x = data[i]
    found[c] |= x === x ? 1 : 2
    if (found[c] === 3) return true
  }
  return false
}

/** Rows of a matrix, put into bins when a training takes them. */
export function matrixRows(
  data: Float32Array,
  cuts: BinCuts,
  { y, weight, margins }: Pick<BinnedRows, 'y' | 'weight' | 'margins'>,
): BinnedRows {
  return {
    rows: y.length,
    y,
    weight,
    margins,
    fill(out, rowBytes, firstRow) {
      binRows(cuts, data, y.length, { out, rowBytes, firstRow })
    },
  }
}
