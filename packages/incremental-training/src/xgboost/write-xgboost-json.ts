import { TradewrightError } from '@tradewright/core'
import { probabilityOfMargin } from '../trees/base-margin.ts'
import type { TreeEnsemble } from '../trees/tree-ensemble.ts'
import type { TreeState } from '../trees/tree-state.ts'

/** Options of {@link toXgboostJson}. */
export interface XgboostJsonOptions {
  /**
   * Objective written for a quantile model: 'reg:quantileerror' needs XGBoost 2.0 or newer; 'reg:squarederror' loads
   * everywhere and predicts the same, but would continue training towards the mean. @default 'reg:squarederror'
   */
  readonly quantileObjective?: 'reg:squarederror' | 'reg:quantileerror' | undefined
}

/** A model whose trees can be written. */
export interface TreeStateSource {
  readonly name: string
  viewState(): TreeState
}

/**
 * A float32 in the fewest digits that give it back: nine at most, which every reader of XGBoost's takes. Whole numbers
 * have an exponent: without one XGBoost takes them for integers and refuses them.
 */
export function float32Text(value: number): string {
  const wanted = Math.fround(value)
  if (Number.isInteger(wanted) && Math.abs(wanted) < 1e9) return `${wanted}E0`
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(wanted.toPrecision(digits))
    if (Math.fround(short) === wanted) return String(short)
  }
  return String(Number(wanted.toPrecision(9)))
}

const list = (values: Iterable<number>): string => `[${Array.from(values, float32Text).join(',')}]`
const whole = (values: Iterable<number>): string => `[${Array.from(values).join(',')}]`

/** Sets of categories of one tree, in the four arrays that XGBoost keeps them in. */
function categoriesOf(
  { category, setStart, setWords }: TreeEnsemble,
  first: number,
  last: number,
): Record<string, string> {
  const nodes: number[] = []
  const segments: number[] = []
  const sizes: number[] = []
  const all: number[] = []
  for (let n = first; n < last; n++) {
    if (category[n] < 0) continue
    nodes.push(n - first)
    segments.push(all.length)
    const from = setStart[category[n]]
    const bits = (setStart[category[n] + 1] - from) * 32
    for (let c = 0; c < bits; c++) if ((setWords[from + (c >> 5)] >>> (c & 31)) & 1) all.push(c)
    sizes.push(all.length - segments[segments.length - 1])
  }
  return {
    categories: whole(all),
    categories_nodes: whole(nodes),
    categories_segments: whole(segments),
    categories_sizes: whole(sizes),
  }
}

/** One tree's JSON: keys sorted, as XGBoost writes them. */
function treeText(ensemble: TreeEnsemble, t: number): string {
  const { roots, feature, threshold, left, right, defaultLeft, category, gain, cover, weight, features } = ensemble
  const first = roots[t]
  const last = roots[t + 1]
  const parents = new Int32Array(last - first).fill(2_147_483_647)
  for (let n = first; n < last; n++)
    if (feature[n] >= 0) for (const child of [left[n], right[n]]) parents[child - first] = n - first
  const inner = (array: Int32Array): number[] =>
    Array.from(array.subarray(first, last), (child) => (child < 0 ? -1 : child - first))
  const parts: Record<string, string> = {
    base_weights: list(weight.subarray(first, last)),
    ...categoriesOf(ensemble, first, last),
    default_left: whole(defaultLeft.subarray(first, last)),
    id: String(t),
    left_children: whole(inner(left)),
    loss_changes: list(gain.subarray(first, last)),
    parents: whole(parents),
    right_children: whole(inner(right)),
    split_conditions: list(threshold.subarray(first, last)),
    split_indices: whole(Array.from(feature.subarray(first, last), (f) => Math.max(0, f))),
    split_type: whole(Array.from(category.subarray(first, last), (set) => (set >= 0 ? 1 : 0))),
    sum_hessian: list(cover.subarray(first, last)),
    tree_param: `{"num_deleted":"0","num_feature":"${features}","num_nodes":"${last - first}","size_leaf_vector":"0"}`,
  }
  return `{${Object.entries(parts)
    .map(([key, text]) => `"${key}":${text}`)
    .join(',')}}`
}

function objectiveText(state: TreeState, { quantileObjective = 'reg:squarederror' }: XgboostJsonOptions): string {
  const { objective, ensemble, quantile } = state
  if (objective === 'binary') return '{"name":"binary:logistic","reg_loss_param":{"scale_pos_weight":"1"}}'
  if (objective === 'multi-class')
    return `{"name":"multi:softprob","softmax_multiclass_param":{"num_class":"${ensemble.groups}"}}`
  if (objective === 'quantile' && quantileObjective === 'reg:quantileerror')
    return `{"name":"reg:quantileerror","quantile_loss_param":{"quantile_alpha":"[${float32Text(quantile)}]"}}`
  return '{"name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}}'
}

/** `base_score` is in the predictions' space: a probability for binary models. */
function baseScoreText({ objective, ensemble }: TreeState): string {
  const [base] = ensemble.base
  if (ensemble.base.some((value) => value !== base))
    throw new TradewrightError(
      'NOT_AVAILABLE',
      'XGBoost JSON must have one base score for all classes, the model has several',
    )
  return float32Text(objective === 'binary' ? probabilityOfMargin(base) : base)
}

/**
 * A tree model as XGBoost's JSON (that of version 1.7, which newer ones read): `xgboost.Booster(model_file=...)` loads
 * it and predicts the same to float32's rounding. Linear in the number of nodes.
 *
 * @throws TradewrightError `NOT_AVAILABLE` for a model that is not trained.
 * @see XGBoost, doc/model.schema. `split_conditions` of category nodes are 0, not NaN, so that the text is JSON.
 * @example
 * ```ts
 * import { fromXgboostJson, gradientBoosting, toXgboostJson } from '@tradewright/incremental-training'
 * const X = { names: ['a'], data: Float32Array.of(1, 2, 3, 4), rows: 4, columns: 1 }
 * const model = gradientBoosting({ rounds: 2, minChildWeight: 0 })
 * await model.fit(X, Float32Array.of(0, 0, 1, 1))
 * const back = fromXgboostJson(toXgboostJson(model))
 * console.log(Math.abs(back.predict(X)[3] - model.predict(X)[3]) < 1e-6) // true
 * ```
 */
export function toXgboostJson(model: TreeStateSource, options: XgboostJsonOptions = {}): string {
  const state = model.viewState()
  const { ensemble, names, objective, cuts } = state
  const { group, groups, parallelTrees, features } = ensemble
  const trees = Array.from(group, (_, t) => treeText(ensemble, t))
  const categorical = new Set<number>()
  for (let n = 0; n < ensemble.feature.length; n++) if (ensemble.category[n] >= 0) categorical.add(ensemble.feature[n])
  const types = Array.from({ length: features }, (_, f) =>
    (cuts?.categories[f] ?? 0) > 0 || categorical.has(f) ? 'c' : 'float',
  )
  const learner = [
    '"attributes":{}',
    `"feature_names":${JSON.stringify(names ?? [])}`,
    `"feature_types":${JSON.stringify(names === undefined && categorical.size === 0 ? [] : types)}`,
    `"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"${parallelTrees}","num_trees":"${trees.length}","size_leaf_vector":"0"},"tree_info":${whole(group)},"trees":[${trees.join(',')}]},"name":"gbtree"}`,
    `"learner_model_param":{"base_score":"${baseScoreText(state)}","boost_from_average":"1","num_class":"${objective === 'multi-class' ? groups : 0}","num_feature":"${features}","num_target":"1"}`,
    `"objective":${objectiveText(state, options)}`,
  ]
  return `{"learner":{${learner.join(',')}},"version":[1,7,4]}`
}
