import { type FeatureMatrix, unknownName } from '@tradewright/core'
import type { ResolvedBoosting } from './gradient-boosting-options.ts'
import { type BinCuts, matrixColumnCuts, QuantileSketch } from './quantile-sketch.ts'

/** By feature's name, as an array by feature's number. */
export function monotoneOf(
  options: Pick<ResolvedBoosting, 'monotone'>,
  names: readonly string[],
): Int32Array | undefined {
  const given = Object.entries(options.monotone).filter(([, direction]) => direction !== 0)
  if (given.length === 0) return undefined
  const found = new Int32Array(names.length)
  for (const [name, direction] of given) found[featureAt(names, name)] = direction
  return found
}

function featureAt(names: readonly string[], name: string): number {
  const at = names.indexOf(name)
  if (at < 0) throw unknownName('feature', name, names)
  return at
}

/** Refuses category features that there are not. */
export function checkCategorical(categorical: readonly string[], names: readonly string[]): void {
  for (const name of categorical) featureAt(names, name)
}

/** Cuts of a matrix. */
export function matrixCuts(
  X: FeatureMatrix,
  data: Float32Array,
  weight: Float32Array | undefined,
  { categorical, maxBins }: Pick<ResolvedBoosting, 'categorical' | 'maxBins'>,
): BinCuts {
  const quick =
    weight === undefined && categorical.length === 0 ? matrixColumnCuts(data, X.columns, maxBins) : undefined
  if (quick !== undefined) return quick
  const sketch = new QuantileSketch(
    X.names.map((name) => categorical.includes(name)),
    Number.POSITIVE_INFINITY,
  )
  sketch.add(data, X.rows, weight)
  return sketch.cuts(maxBins)
}
