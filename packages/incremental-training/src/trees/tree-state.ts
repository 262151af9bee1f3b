import { type Data, TradewrightError } from '@tradewright/core'
import type { BinCuts } from './quantile-sketch.ts'
import { checkEnsemble, type TreeEnsemble } from './tree-ensemble.ts'
import type { TreeObjective } from './tree-objective.ts'

/** A trained tree model: all that prediction and continuation need. */
export interface TreeState {
  readonly objective: TreeObjective
  readonly ensemble: TreeEnsemble
  /** Absent where a model came from elsewhere without names. */
  readonly names: readonly string[] | undefined
  /** Absent where a model came from elsewhere: more rounds then make cuts of their own. */
  readonly cuts: BinCuts | undefined
  /** Number that means missing, beside NaN. */
  readonly missing: number
  readonly quantile: number
}

const VERSION = 1

/** The state as plain data. */
export function saveTreeState(kind: string, state: TreeState, more: Readonly<Record<string, Data>> = {}): Data {
  const { objective, ensemble, names, cuts, missing, quantile } = state
  const copied = Object.fromEntries(
    Object.entries(ensemble).map(([name, part]) => [name, typeof part === 'number' ? part : part.slice()]),
  )
  return {
    kind,
    version: VERSION,
    objective,
    names: names?.slice(),
    missing,
    quantile,
    cuts: cuts && { offsets: cuts.offsets.slice(), values: cuts.values.slice(), categories: cuts.categories.slice() },
    ensemble: copied,
    ...more,
  }
}

const corrupt = (why: string): TradewrightError =>
  new TradewrightError('CORRUPT', `a stored model must be whole, ${why}`, { why })

function checkCuts(value: unknown, features: number): BinCuts | undefined {
  if (value === undefined || value === null) return undefined
  const { offsets, values, categories } = value as Record<string, unknown>
  if (!(offsets instanceof Int32Array && values instanceof Float32Array && categories instanceof Int32Array))
    throw corrupt('its cuts are no arrays')
  if (offsets.length !== features + 1 || categories.length !== features || offsets[0] !== 0)
    throw corrupt('its cuts are of other features')
  for (let f = 0; f < features; f++) {
    const size = offsets[f + 1] - offsets[f]
    if (!(size >= 0 && size <= 255 && categories[f] >= 0 && categories[f] <= 255))
      throw corrupt('its cuts are too many')
    for (let i = offsets[f] + 1; i < offsets[f + 1]; i++)
      if (!(values[i] > values[i - 1])) throw corrupt('its cuts do not ascend')
  }
  if (values.length !== offsets[features]) throw corrupt('its cuts do not fit')
  return { offsets, values, categories }
}

/**
 * Reads what {@link saveTreeState} gave.
 *
 * @throws TradewrightError `BAD_DATA` for another kind of model or a newer version, `CORRUPT` for a damaged one.
 */
export function readTreeState(kind: string, data: unknown): TreeState {
  const found = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>
  if (found.kind !== kind)
    throw new TradewrightError(
      'BAD_DATA',
      `a stored model must be of kind '${kind}', was ${JSON.stringify(found.kind)}`,
      {
        kind,
      },
    )
  if (found.version !== VERSION)
    throw new TradewrightError(
      'BAD_DATA',
      `a stored model must be of version ${VERSION}, was ${String(found.version)}`,
      {
        version: VERSION,
      },
    )
  const ensemble = checkEnsemble(found.ensemble)
  const { objective, names, missing, quantile } = found
  if (!['binary', 'multi-class', 'regression', 'quantile'].includes(objective as string))
    throw corrupt('its objective is none')
  if ((objective !== 'multi-class') !== (ensemble.groups === 1))
    throw corrupt('its sums are not those of its objective')
  if (
    names !== undefined &&
    !(Array.isArray(names) && names.length === ensemble.features && names.every((n) => typeof n === 'string'))
  )
    throw corrupt('its names are not those of its features')
  if (typeof missing !== 'number' || typeof quantile !== 'number') throw corrupt('its numbers are none')
  return {
    objective: objective as TreeObjective,
    ensemble,
    names: names as readonly string[] | undefined,
    cuts: checkCuts(found.cuts, ensemble.features),
    missing,
    quantile,
  }
}
