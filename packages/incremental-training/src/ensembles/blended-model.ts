import { type Data, type FeatureMatrix, type FitOptions, type Model, TradewrightError } from '@tradewright/core'
import { checkInteger, checkNames, checkNumber } from '../models/check-options.ts'
import { checkFitData } from '../models/fit-data.ts'
import { type ModelState, modelState, untrained } from '../models/model-state.ts'
import { splitHoldout, viewRows } from '../models/view-rows.ts'
import { MemberModels } from './member-models.ts'

/** Options of {@link blendedModel}. */
export interface BlendedOptions {
  /** Learns from the predictions of the others: untrained, of the same task. */
  readonly blender: Model
  /** Share of the rows, the last ones, that the blender learns from. @default 0.3 */
  readonly holdout?: number | undefined
  /** Rows between the two parts that are in neither, for labels that reach ahead. @default 0 */
  readonly embargo?: number | undefined
  /** Whether the models are trained once more, on all rows, after the blender has learned from them. @default true */
  readonly refit?: boolean | undefined
}

interface SavedBlended extends ModelState {
  readonly models: Readonly<Record<string, Data>>
  readonly blender: Data
}

/** The predictions of the members as features of the blender. */
function blendFeatures(members: MemberModels, X: FeatureMatrix): FeatureMatrix {
  const { predictions, outputs } = members.predict(X)
  const names = members.names.flatMap((name) =>
    outputs <= 1 ? [name] : Array.from({ length: outputs }, (_, k) => `${name}/${k}`),
  )
  const columns = names.length
  const data = new Float32Array(X.rows * columns)
  members.names.forEach((name, m) => {
    const predicted = predictions.get(name) ?? data
    for (let i = 0; i < X.rows; i++)
      for (let k = 0; k < outputs; k++) data[i * columns + m * outputs + k] = predicted[i * outputs + k]
  })
  return { names, data, rows: X.rows, columns }
}

/**
 * Stacked models: they are trained on the earlier rows, a blender on what they predict of the later ones, which they have
 * not seen; then, with `refit`, they are trained on all rows.
 *
 * In time order where stacking usually takes random folds, so that no model predicts rows older than it was trained on.
 *
 * @param models by name; they and the blender belong to this one from now on.
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`; `fit` throws `BAD_DATA` where a part has no rows, and what the
 *   models throw.
 * @see Wolpert (1992), "Stacked generalization", Neural Networks 5; Toscher, Jahrer, Bell (2009) for blending on a
 *   hold-out.
 * @example
 * ```ts
 * import { blendedModel, linearRegression } from '@tradewright/incremental-training'
 * const X = { names: ['a', 'b'], data: Float32Array.from({ length: 80 }, (_, i) => (i * i) % 17), rows: 40, columns: 2 }
 * const y = Float32Array.from({ length: 40 }, (_, i) => X.data[2 * i] - X.data[2 * i + 1])
 * const model = blendedModel({ all: linearRegression(), shrunk: linearRegression({ l2: 5 }) }, { blender: linearRegression() })
 * await model.fit(X, y)
 * console.log(Math.abs(model.predict(X)[3] - y[3]) < 1e-3) // true
 * ```
 */
export function blendedModel(models: Readonly<Record<string, Model>>, options: BlendedOptions): Model {
  checkNames('blendedModel', options, ['blender', 'holdout', 'embargo', 'refit'])
  const { blender, holdout = 0.3, embargo = 0, refit = true } = options
  if (typeof blender?.fit !== 'function') throw new TradewrightError('BAD_OPTION', 'blender must be a model')
  checkNumber('holdout', holdout, Number.MIN_VALUE, 0.9)
  checkInteger('embargo', embargo, 0)
  const members = new MemberModels(models)
  if (Object.values(models).includes(blender))
    throw new TradewrightError('DUPLICATE_NAME', 'the blender must be none of the models it blends')
  const name = 'blended'
  let trained = false
  return {
    name,
    get bytes() {
      return members.bytes + blender.bytes
    },
    get importances() {
      return members.importances
    },
    async fit(X: FeatureMatrix, y: Float32Array, { initial, ...given }: FitOptions = {}) {
      const { sampleWeight } = given
      const rest = { validation: given.validation, signal: given.signal }
      checkFitData(X, y, sampleWeight)
      const before = initial === undefined ? undefined : modelState<SavedBlended>(initial, name, 1)
      const { trainEnd, holdStart } = splitHoldout(X.rows, holdout, embargo)
      trained = false
      const early = { ...rest, sampleWeight: sampleWeight?.subarray(0, trainEnd) }
      // A state of all rows would know the held out ones: with `refit` the first training is always cold.
      const known = refit ? {} : (before?.models ?? {})
      await members.fit(viewRows(X, 0, trainEnd), y.subarray(0, trainEnd), early, known)
      const features = blendFeatures(members, viewRows(X, holdStart, X.rows))
      await blender.fit(features, y.subarray(holdStart), {
        signal: given.signal,
        sampleWeight: sampleWeight?.subarray(holdStart),
      })
      if (refit) await members.fit(X, y, { ...rest, sampleWeight })
      trained = true
    },
    predict(X: FeatureMatrix, out?: Float32Array) {
      if (!trained) throw untrained(name)
      return blender.predict(blendFeatures(members, X), out)
    },
    save() {
      if (!trained) throw untrained(name)
      return { kind: name, version: 1, models: members.save(), blender: blender.save() }
    },
    load(data: Data) {
      const state = modelState<SavedBlended>(data, name, 1)
      members.load(state.models)
      blender.load(state.blender)
      trained = true
    },
  }
}
