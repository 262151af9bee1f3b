import { isTradewrightError, TradewrightError } from '@tradewright/core'
import { marginOfProbability } from '../trees/base-margin.ts'
import { gradientBoosting, type TreeModel } from '../trees/gradient-boosting.ts'
import { checkEnsemble, type TreeEnsemble } from '../trees/tree-ensemble.ts'
import type { TreeObjective } from '../trees/tree-objective.ts'
import { saveTreeState, type TreeState } from '../trees/tree-state.ts'

/** What XGBoost's objectives are here. Those that only rank or weigh otherwise predict their sums. */
const OBJECTIVES: ReadonlyMap<string, TreeObjective> = new Map([
  ['binary:logistic', 'binary'],
  ['reg:logistic', 'binary'],
  ['multi:softprob', 'multi-class'],
  ['multi:softmax', 'multi-class'],
  ['reg:squarederror', 'regression'],
  ['reg:linear', 'regression'],
  ['reg:squaredlogerror', 'regression'],
  ['reg:pseudohubererror', 'regression'],
  ['reg:absoluteerror', 'regression'],
  ['binary:logitraw', 'regression'],
  ['binary:hinge', 'regression'],
  ['rank:pairwise', 'regression'],
  ['rank:ndcg', 'regression'],
  ['rank:map', 'regression'],
  ['reg:quantileerror', 'quantile'],
])

const foreign = (why: string, cause?: unknown): TradewrightError =>
  new TradewrightError(
    'BAD_DATA',
    `the text must be a model that XGBoost saved as JSON, ${why}`,
    { why },
    cause === undefined ? {} : { cause },
  )

/** A part of the JSON, with the path that names it. */
class Part {
  readonly #value: unknown
  readonly #path: string

  constructor(value: unknown, path: string) {
    this.#value = value
    this.#path = path
  }

  /** undefined where it is absent. */
  optional(name: string): Part | undefined {
    const value =
      typeof this.#value === 'object' && this.#value !== null
        ? (this.#value as Record<string, unknown>)[name]
        : undefined
    return value === undefined ? undefined : new Part(value, this.#path === '' ? name : `${this.#path}.${name}`)
  }

  at(name: string): Part {
    const found = this.optional(name)
    if (found === undefined) throw foreign(`'${this.#path === '' ? name : `${this.#path}.${name}`}' is missing`)
    return found
  }

  text(): string {
    if (typeof this.#value !== 'string') throw foreign(`'${this.#path}' is no string`)
    return this.#value
  }

  /** An integer, which XGBoost writes as a string. */
  integer(): number {
    const value = Number(this.#value)
    if (!Number.isInteger(value)) throw foreign(`'${this.#path}' is no integer`)
    return value
  }

  list(): readonly unknown[] {
    if (!Array.isArray(this.#value)) throw foreign(`'${this.#path}' is no list`)
    return this.#value
  }

  numbers(length?: number): readonly number[] {
    const values = this.list()
    if (length !== undefined && values.length !== length)
      throw foreign(`'${this.#path}' has ${values.length} values for ${length} nodes`)
    return values.map((value) => {
      if (typeof value === 'boolean') return Number(value)
      if (value === null) return Number.NaN
      if (typeof value !== 'number') throw foreign(`'${this.#path}' holds what is no number`)
      return value
    })
  }

  parts(): readonly Part[] {
    return this.list().map((value, i) => new Part(value, `${this.#path}[${i}]`))
  }

  strings(): readonly string[] {
    const values = this.list()
    if (!values.every((value) => typeof value === 'string')) throw foreign(`'${this.#path}' holds what is no string`)
    return values as readonly string[]
  }
}

/** XGBoost writes NaN and Infinity, which JSON does not have: they become null and the largest number. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const strict = text.replace(/"(?:[^"\\]|\\.)*"|-?\bNaN\b|-?\bInfinity\b/g, (found) =>
      found.startsWith('"')
        ? found
        : found.includes('NaN')
          ? 'null'
          : found.startsWith('-')
            ? '-3.4028234663852886e38'
            : '3.4028234663852886e38',
    )
    try {
      return JSON.parse(strict)
    } catch (cause) {
      throw foreign('it is no JSON', cause)
    }
  }
}

/** A tree's nodes as they are read. */
interface ReadTree {
  readonly nodes: number
  readonly left: readonly number[]
  readonly right: readonly number[]
  readonly feature: readonly number[]
  readonly threshold: readonly number[]
  readonly defaultLeft: readonly number[]
  readonly gain: readonly number[]
  readonly cover: readonly number[]
  readonly weight: readonly number[]
  /** Categories that go right, by node. */
  readonly sets: ReadonlyMap<number, readonly number[]>
}

function readTree(part: Part): ReadTree {
  const left = part.at('left_children').numbers()
  const nodes = left.length
  if (nodes === 0) throw foreign('a tree has no node')
  const sets = new Map<number, readonly number[]>()
  const categoryNodes = part.optional('categories_nodes')?.numbers() ?? []
  if (categoryNodes.length > 0) {
    const all = part.at('categories').numbers()
    const segments = part.at('categories_segments').numbers(categoryNodes.length)
    const sizes = part.at('categories_sizes').numbers(categoryNodes.length)
    categoryNodes.forEach((node, i) => {
      sets.set(node, all.slice(segments[i], segments[i] + sizes[i]))
    })
  }
  const zeros = (name: string): readonly number[] =>
    part.optional(name)?.numbers(nodes) ?? Array.from({ length: nodes }, () => 0)
  return {
    nodes,
    left,
    right: part.at('right_children').numbers(nodes),
    feature: part.at('split_indices').numbers(nodes),
    threshold: part.at('split_conditions').numbers(nodes),
    defaultLeft: part.at('default_left').numbers(nodes),
    gain: zeros('loss_changes'),
    cover: zeros('sum_hessian'),
    weight: zeros('base_weights'),
    sets,
  }
}

/** Nodes of a tree from its root on, level by level: XGBoost leaves deleted nodes between them. */
function order(tree: ReadTree, t: number): number[] {
  const found = [0]
  for (let i = 0; i < found.length; i++) {
    const node = found[i]
    if (tree.left[node] < 0) continue
    for (const child of [tree.left[node], tree.right[node]]) {
      if (!(Number.isInteger(child) && child > 0 && child < tree.nodes))
        throw foreign(`tree ${t} has a child that is no node`)
      found.push(child)
    }
    if (found.length > tree.nodes) throw foreign(`tree ${t} goes in a circle`)
  }
  return found
}

/** Trees of the file as one ensemble. `scale` is what each tree counts: 1 but for `dart`. */
function toEnsemble(
  trees: readonly ReadTree[],
  {
    features,
    base,
    group,
    parallelTrees,
    scale,
  }: {
    readonly features: number
    readonly base: Float32Array
    readonly group: readonly number[]
    readonly parallelTrees: number
    readonly scale: readonly number[] | undefined
  },
): TreeEnsemble {
  const orders = trees.map(order)
  const nodes = orders.reduce((sum, found) => sum + found.length, 0)
  const made = {
    features,
    groups: base.length,
    parallelTrees,
    base,
    roots: new Int32Array(trees.length + 1),
    group: Int32Array.from(group),
    feature: new Int32Array(nodes).fill(-1),
    threshold: new Float32Array(nodes),
    left: new Int32Array(nodes).fill(-1),
    right: new Int32Array(nodes).fill(-1),
    defaultLeft: new Uint8Array(nodes),
    category: new Int32Array(nodes).fill(-1),
    gain: new Float32Array(nodes),
    cover: new Float32Array(nodes),
    weight: new Float32Array(nodes),
  }
  const starts = [0]
  const words: number[] = []
  let at = 0
  trees.forEach((tree, t) => {
    const first = at
    const places = new Map(orders[t].map((node, i) => [node, first + i]))
    for (const node of orders[t]) {
      const leaf = tree.left[node] < 0
      const set = tree.sets.get(node)
      made.threshold[at] = leaf
        ? Math.fround(tree.threshold[node]) * Math.fround(scale?.[t] ?? 1)
        : set
          ? 0
          : tree.threshold[node]
      made.gain[at] = tree.gain[node]
      made.cover[at] = tree.cover[node]
      made.weight[at] = tree.weight[node]
      if (!leaf) {
        made.feature[at] = tree.feature[node]
        made.left[at] = places.get(tree.left[node]) ?? -1
        made.right[at] = places.get(tree.right[node]) ?? -1
        made.defaultLeft[at] = tree.defaultLeft[node] ? 1 : 0
        if (set !== undefined) {
          made.category[at] = starts.length - 1
          const size = Math.floor(Math.max(0, ...set) / 32) + 1
          const bits = new Uint32Array(size)
          for (const c of set) bits[c >> 5] |= 1 << (c & 31)
          words.push(...bits)
          starts.push(words.length)
        }
      }
      at++
    }
    made.roots[t + 1] = at
  })
  if (made.threshold.some((value) => value !== value)) throw foreign('a split or leaf is NaN')
  return { ...made, setStart: Int32Array.from(starts), setWords: Uint32Array.from(words) }
}

/** `base_score` of the file: a string of a number, or of a list with one from version 3.1 on. */
function readBase(part: Part, objective: TreeObjective, name: string, groups: number): Float32Array {
  const text = part.text().replace(/^\[|\]$/g, '')
  const scores = text.split(',').map(Number)
  if (scores.some((score) => !Number.isFinite(score)) || (scores.length > 1 && scores.length !== groups))
    throw foreign(`'learner.learner_model_param.base_score' is no number, was ${JSON.stringify(text)}`)
  return Float32Array.from({ length: groups }, (_, k) => {
    const score = scores.length === 1 ? scores[0] : scores[k]
    if (name === 'binary:logitraw') return marginOfProbability(score)
    return objective === 'binary' ? marginOfProbability(score) : score
  })
}

function readState(text: string): TreeState {
  const learner = new Part(parse(text), '').at('learner')
  const booster = learner.at('gradient_booster')
  const boosterName = booster.at('name').text()
  if (boosterName !== 'gbtree' && boosterName !== 'dart')
    throw new TradewrightError('NOT_AVAILABLE', `the booster must be gbtree or dart, was '${boosterName}'`, {
      booster: boosterName,
    })
  const model = boosterName === 'dart' ? booster.at('gbtree').at('model') : booster.at('model')
  const scale = boosterName === 'dart' ? booster.at('weight_drop').numbers() : undefined
  const name = learner.at('objective').at('name').text()
  const objective = OBJECTIVES.get(name)
  if (objective === undefined)
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `the objective must be one of ${[...OBJECTIVES.keys()].join(', ')}, was '${name}'`,
      {
        objective: name,
      },
    )
  const shape = learner.at('learner_model_param')
  const groups = Math.max(1, shape.at('num_class').integer())
  if ((shape.optional('num_target')?.integer() ?? 1) > 1)
    throw new TradewrightError('NOT_AVAILABLE', 'a model must have one target, has several')
  const features = shape.at('num_feature').integer()
  const trees = model.at('trees').parts().map(readTree)
  const group = model.at('tree_info').numbers(trees.length)
  const ensemble = toEnsemble(trees, {
    features,
    base: readBase(shape.at('base_score'), objective, name, groups),
    group,
    parallelTrees: Math.max(1, model.at('gbtree_model_param').optional('num_parallel_tree')?.integer() ?? 1),
    scale,
  })
  const names = learner.optional('feature_names')?.strings() ?? []
  const alpha = learner.at('objective').optional('quantile_loss_param')?.optional('quantile_alpha')?.text()
  return {
    objective,
    ensemble,
    names: names.length === features ? names : undefined,
    cuts: undefined,
    missing: Number.NaN,
    quantile: alpha === undefined ? 0.5 : Number(alpha.replace(/[[\]]/g, '')),
  }
}

/**
 * A model that XGBoost saved as JSON (versions 1.0 to 3.x), as a gradient booster of ours: it predicts the same to
 * float32's rounding, and `fit` with its state as `initial` goes on from it, with cuts of its own. `dart` is read with
 * its trees scaled. Objectives that only rank, or weigh errors otherwise, predict their sums.
 *
 * @throws TradewrightError `BAD_DATA` for what is no such file, `NOT_AVAILABLE` for a linear booster, several targets or
 *   an objective with another link.
 */
export function fromXgboostJson(text: string): TreeModel {
  const state = readState(text)
  try {
    checkEnsemble(state.ensemble)
  } catch (error) {
    throw foreign(isTradewrightError(error) ? error.message : 'its trees are not whole', error)
  }
  const { objective, ensemble, quantile } = state
  const model = gradientBoosting({
    objective,
    quantile,
    rounds: Math.round(ensemble.group.length / ensemble.groups / ensemble.parallelTrees),
    ...(objective === 'multi-class' ? { classes: ensemble.groups } : {}),
  })
  model.load(saveTreeState(model.name, state))
  return model
}
