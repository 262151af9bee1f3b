import { type FeatureMatrix, TradewrightError } from '@tradewright/core'

/** What a linear model does with a missing value. */
export type MissingPolicy = 'mean' | 'error'

/** Centre and scale of each feature, by name: frozen when a training begins, so that it can be continued. */
export interface ColumnScale {
  readonly names: readonly string[]
  readonly mean: Float64Array
  /** Divisor of each column; 0 for one that says nothing: constant, or missing in every row. */
  readonly scale: Float64Array
}

/** Weighted mean and standard deviation of each column over the values that are there, in two passes. */
export function measureColumns(X: FeatureMatrix, weights: Float32Array, standardize: boolean): ColumnScale {
  const { rows, columns, data, names } = X
  const mean = new Float64Array(columns)
  const scale = new Float64Array(columns)
  const seen = new Float64Array(columns)
  for (let i = 0, k = 0; i < rows; i++)
    for (let j = 0; j < columns; j++, k++)
      if (data[k] === data[k]) {
        mean[j] += weights[i] * data[k]
        seen[j] += weights[i]
      }
  for (let j = 0; j < columns; j++) mean[j] = seen[j] > 0 ? mean[j] / seen[j] : 0
  for (let i = 0, k = 0; i < rows; i++)
    for (let j = 0; j < columns; j++, k++) if (data[k] === data[k]) scale[j] += weights[i] * (data[k] - mean[j]) ** 2
  for (let j = 0; j < columns; j++) {
    const deviation = seen[j] > 0 ? Math.sqrt(scale[j] / seen[j]) : 0
    // Below the rounding of the mean, what is left is noise of a constant column.
    const constant = deviation <= Math.abs(mean[j]) * 1e-12
    scale[j] = constant ? 0 : standardize ? deviation : 1
  }
  return { names: [...names], mean, scale }
}

/**
 * One row, centred and scaled; a missing value is the mean, 0.
 *
 * @param at where each of the scale's features lies in X.
 * @param out shape [features], overwritten.
 */
export function scaleRow(X: FeatureMatrix, row: number, at: Int32Array, scale: ColumnScale, out: Float64Array): void {
  const { data, columns } = X
  const { mean, scale: divisor } = scale
  const base = row * columns
  for (let j = 0; j < at.length; j++) {
    const value = data[base + at[j]]
    // NaN and the infinite have no finite difference from themselves.
    out[j] = divisor[j] === 0 || value - value !== 0 ? 0 : (value - mean[j]) / divisor[j]
  }
}

/** @throws TradewrightError `BAD_DATA` for a missing value where the policy has none. */
export function checkMissing(X: FeatureMatrix, policy: MissingPolicy): void {
  if (policy !== 'error') return
  const at = X.data.findIndex((value) => value !== value)
  if (at < 0) return
  const row = Math.floor(at / X.columns)
  const column = X.names[at % X.columns]
  throw new TradewrightError('BAD_DATA', `features must not be missing, was NaN in row ${row} of '${column}'`, {
    row,
    column,
  })
}
