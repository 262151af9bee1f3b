import { type FeatureMatrix, TradewrightError } from '@tradewright/core'
import { checkFeatures, checkSameFeatures } from './tree-data.ts'
import { ensembleImportance, type ImportanceKind, type TreeEnsemble } from './tree-ensemble.ts'
import type { TreeState } from './tree-state.ts'

/** The error for a model that is used before it is trained. */
export function untrained(): TradewrightError {
  return new TradewrightError(
    'NOT_AVAILABLE',
    'a model must be trained or loaded before it predicts or is saved; call fit() or load()',
  )
}

/** Rounds of an ensemble. */
export function roundsOf({ group, groups, parallelTrees }: TreeEnsemble): number {
  return group.length / groups / parallelTrees
}

/** Names of features; f0, f1, ... where a model has none. */
export function featureNames({ names, ensemble }: TreeState): readonly string[] {
  return names ?? Array.from({ length: ensemble.features }, (_, f) => `f${f}`)
}

/** A kind of importance by feature name. */
export function importanceByName(state: TreeState, kind: ImportanceKind): Readonly<Record<string, number>> {
  const sums = ensembleImportance(state.ensemble, kind)
  return Object.fromEntries(featureNames(state).map((name, f) => [name, sums[f]]))
}

/** Shares of the total gain by feature name. */
export function importanceShares(state: TreeState): Readonly<Record<string, number>> {
  const sums = ensembleImportance(state.ensemble, 'gain')
  const total = sums.reduce((sum, gain) => sum + gain, 0)
  return Object.fromEntries(featureNames(state).map((name, f) => [name, total === 0 ? 0 : sums[f] / total]))
}

/** Where predictions go. @throws TradewrightError `BAD_SHAPE`. */
export function predictionRoom(
  X: FeatureMatrix,
  { features, groups }: TreeEnsemble,
  names: readonly string[] | undefined,
  out: Float32Array | undefined,
): Float32Array {
  checkFeatures(X)
  checkSameFeatures(names, features, X)
  if (out === undefined) return new Float32Array(X.rows * groups)
  if (out.length !== X.rows * groups)
    throw new TradewrightError('BAD_SHAPE', `out must have ${X.rows * groups} places, has ${out.length}`, {
      length: out.length,
    })
  return out
}
