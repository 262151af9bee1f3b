import { type BarFeatures, createLabels, type Labels } from '@tradewright/backtest'
import { type Bars, type FeatureMatrix, TradewrightError, viewRange } from '@tradewright/core'
import { countBefore, type ModelFold } from './model-folds.ts'

/** One symbol's bars with their features. */
export interface ModelSeries {
  readonly symbol: string
  readonly bars: Bars
  readonly features: BarFeatures
}

/** Rows that a model is trained on or judged by, in time order. */
export interface ModelRows {
  readonly X: FeatureMatrix
  readonly y: Float32Array
  readonly weight: Float32Array
  /** shape [rows], epoch ms, ascending. */
  readonly times: Float64Array
  readonly classes: readonly number[] | undefined
}

/** What a request's `labels` gave, checked. @throws TradewrightError `BAD_SHAPE`, `BAD_DATA`. */
export function checkedLabels(labels: Labels, bars: Bars): Labels {
  if (typeof labels !== 'object' || labels === null || !ArrayBuffer.isView(labels.y))
    throw new TradewrightError(
      'BAD_DATA',
      `model.labels must give labels as createLabels makes them, gave ${typeof labels}`,
    )
  if (labels.y.length !== bars.length)
    throw new TradewrightError('BAD_SHAPE', `labels must be one a bar (${bars.length}), were ${labels.y.length}`, {
      labels: labels.y.length,
      bars: bars.length,
    })
  return createLabels(labels)
}

/** A row by the place of its series and its bar. */
interface Place {
  readonly series: number
  readonly row: number
  readonly time: number
}

function gather(
  all: readonly ModelSeries[],
  labels: readonly Labels[],
  inside: (bars: Bars, series: number) => readonly [number, number],
): ModelRows {
  const places: Place[] = []
  all.forEach(({ bars, features }, series) => {
    const [from, to] = inside(bars, series)
    const { y } = labels[series]
    for (let row = Math.max(from, features.firstRow); row < to; row++)
      if (y[row] === y[row]) places.push({ series, row, time: bars.timestamp[row] })
  })
  if (all.length > 1) places.sort((a, b) => a.time - b.time || a.series - b.series)
  const { names, columns } = all[0].features
  const data = new Float32Array(places.length * columns)
  const y = new Float32Array(places.length)
  const weight = new Float32Array(places.length)
  const times = new Float64Array(places.length)
  places.forEach(({ series, row, time }, k) => {
    const { features } = all[series]
    data.set(features.data.subarray(row * columns, (row + 1) * columns), k * columns)
    y[k] = labels[series].y[row]
    weight[k] = labels[series].weight[row]
    times[k] = time
  })
  return { X: { names, data, rows: places.length, columns }, y, weight, times, classes: labels[0].classes }
}

/**
 * The rows that a fold's model is trained on. Labels are made from the bars before the cut and from no others: what
 * they say was known there.
 *
 * @throws TradewrightError `BAD_DATA` without rows, with one class only, or without weight; what `labels` throws.
 */
export function trainingRows(
  all: readonly ModelSeries[],
  { fold, trainFrom, cut }: ModelFold,
  labels: (bars: Bars) => Labels,
): ModelRows {
  const seen = all.map(({ bars }) => viewRange(bars, 0, countBefore(bars.timestamp, cut)))
  const known = seen.map((bars) => checkedLabels(labels(bars), bars))
  const rows = gather(all, known, ({ timestamp }, k) => [countBefore(timestamp, trainFrom), seen[k].length])
  const refuse = (rule: string): TradewrightError => new TradewrightError('BAD_DATA', `fold ${fold}: ${rule}`, { fold })
  const { y, weight, classes, X } = rows
  if (X.rows < 2) throw refuse(`a model needs rows whose labels are known before its test, had ${X.rows}`)
  if (classes !== undefined && y.every((value) => value === y[0]))
    throw refuse(`a classifier needs more than one class, all ${X.rows} labels are ${classes[y[0]]}`)
  if (!weight.some((value) => value > 0)) throw refuse('all sample weights are 0')
  return rows
}

/** The rows that a fold's model predicts and whose labels are known by the end of the bars: to judge it. */
export function testRows(all: readonly ModelSeries[], { from, to }: ModelFold, labels: readonly Labels[]): ModelRows {
  return gather(all, labels, ({ timestamp }) => [countBefore(timestamp, from), countBefore(timestamp, to)])
}

/**
 * @throws TradewrightError `BAD_DATA` for a feature that is never known, or is the same on every bar: a model cannot
 *   learn from it, and most likely something else was meant.
 */
export function checkFeatures({ symbol, features }: ModelSeries): void {
  const { names, data, rows, columns, firstRow } = features
  for (let j = 0; j < columns; j++) {
    let first = Number.NaN
    let varies = false
    for (let i = firstRow; i < rows && !varies; i++) {
      const value = data[i * columns + j]
      if (value !== value) continue
      if (first !== first) first = value
      else varies = value !== first
    }
    if (varies) continue
    const what = firstRow === rows ? 'are never known together' : `'${names[j]}' must vary, was ${first} on every bar`
    throw new TradewrightError('BAD_DATA', `features of '${symbol}' ${what}`, { symbol, feature: names[j] })
  }
}
