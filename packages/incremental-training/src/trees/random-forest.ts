import {
  createRng,
  type Data,
  type FeatureMatrix,
  type FitOptions,
  type Model,
  type Rng,
  TradewrightError,
} from '@tradewright/core'
import { checkCategorical, matrixCuts } from './feature-rules.ts'
import { nextTurn } from './next-turn.ts'
import { type RandomForestOptions, type ResolvedForest, resolveForest } from './random-forest-options.ts'
import { importanceByName, importanceShares, predictionRoom, roundsOf, untrained } from './trained-trees.ts'
import {
  checkFeatures,
  checkSameFeatures,
  checkSplittable,
  checkTargets,
  checkWeights,
  matrixRows,
  partlyMissing,
  withMissing,
} from './tree-data.ts'
import {
  appendTrees,
  emptyEnsemble,
  ensembleBytes,
  firstTrees,
  type ImportanceKind,
  type PlacedTree,
  type TreeEnsemble,
} from './tree-ensemble.ts'
import { TreePredictor } from './tree-predictor.ts'
import { readTreeState, saveTreeState, type TreeState } from './tree-state.ts'
import { TreeTrainer } from './tree-trainer.ts'

/** How a forest does on rows that its trees have not seen: each row is judged by the trees whose bags left it out. */
export interface OutOfBag {
  /** Share of rows whose class is right; of regression the share of the variance that is explained (R2). */
  readonly score: number
  /** Root mean square error; of classes, of the probabilities (the root of Brier's score over the classes' number). */
  readonly loss: number
  /** Rows that some bag left out. */
  readonly rows: number
}

/** A random forest: a {@link Model} with what forests can tell beside predictions. */
export interface RandomForest extends Model {
  readonly continuation: 'exact'
  /** Values a row that `predict` gives. 0 before it is trained. */
  readonly outputs: number
  /** Bags that the model has. */
  readonly rounds: number
  /** Share of the total variance reduction that each feature's splits gave, by name. */
  readonly importances: Readonly<Record<string, number>>
  /** Of the last training; undefined before it, after `load`, and where every bag holds every row. */
  readonly outOfBag: OutOfBag | undefined
  /** By name: total variance reduction, total rows, or number of a feature's splits. */
  importance(kind: ImportanceKind): Readonly<Record<string, number>>
  /**
   * The trees with their votes scaled, so that their sum is the prediction: what `toXgboostJson` writes.
   *
   * @throws TradewrightError `NOT_AVAILABLE` before it is trained, and for several classes: their votes are scaled to
   *   sum to 1, which trees cannot say.
   */
  viewState(): TreeState
}

const KIND = 'random-forest'
const CELLS_PER_TURN = 2_000_000

/** How often a bag holds each row. */
function drawBag(counts: Uint16Array, rowSample: number, rng: Rng): void {
  counts.fill(0)
  const draws = Math.max(1, Math.round(rowSample * counts.length))
  for (let i = 0; i < draws; i++) counts[rng.below(counts.length)]++
}

/** What a group's trees learn: the target, or whether it is the class. */
function goal({ objective }: ResolvedForest, group: number, y: number): number {
  return objective === 'multi-class' ? Number(y === group) : y
}

/** Sums of the votes of trees that have not seen a row, and their number. */
interface Votes {
  readonly sums: Float64Array
  readonly counts: Uint32Array
}

class Forest implements RandomForest {
  readonly name = KIND
  readonly continuation = 'exact'
  readonly truncates = true
  readonly #options: ResolvedForest
  #state: TreeState | undefined
  #predictor: TreePredictor | undefined
  #outOfBag: OutOfBag | undefined

  constructor(options: RandomForestOptions) {
    this.#options = resolveForest(options)
  }

  get bytes(): number {
    return this.#state === undefined ? 0 : ensembleBytes(this.#state.ensemble) + (this.#predictor?.bytes ?? 0)
  }

  get outputs(): number {
    return this.#state?.ensemble.groups ?? 0
  }

  get rounds(): number {
    return this.#state === undefined ? 0 : roundsOf(this.#state.ensemble)
  }

  get outOfBag(): OutOfBag | undefined {
    return this.#outOfBag
  }

  get importances(): Readonly<Record<string, number>> {
    return this.#state === undefined ? {} : importanceShares(this.#state)
  }

  importance(kind: ImportanceKind): Readonly<Record<string, number>> {
    return importanceByName(this.#trained(), kind)
  }

  #trained(): TreeState {
    if (this.#state === undefined) throw untrained()
    return this.#state
  }

  viewState(): TreeState {
    const state = this.#trained()
    const { ensemble } = state
    if (ensemble.groups > 1)
      throw new TradewrightError(
        'NOT_AVAILABLE',
        'a forest of several classes must be scaled to sum to 1, which a sum of trees cannot say',
      )
    const share = 1 / Math.max(1, roundsOf(ensemble))
    const threshold = ensemble.threshold.map((value, n) => (ensemble.feature[n] < 0 ? value * share : value))
    const parallelTrees = Math.max(1, roundsOf(ensemble))
    return { ...state, objective: 'regression', ensemble: { ...ensemble, threshold, parallelTrees } }
  }

  save(): Data {
    return saveTreeState(KIND, this.#trained())
  }

  load(data: Data): void {
    this.#commit(readTreeState(KIND, data), undefined)
  }

  #commit(state: TreeState, outOfBag: OutOfBag | undefined): void {
    this.#state = state
    this.#predictor = undefined
    this.#outOfBag = outOfBag
  }

  predict(X: FeatureMatrix, out?: Float32Array): Float32Array {
    const { ensemble, names, missing } = this.#trained()
    const to = predictionRoom(X, ensemble, names, out)
    this.#predictor ??= new TreePredictor(ensemble)
    this.#predictor.margins(withMissing(X.data, missing), X.rows, to)
    const { groups } = ensemble
    const bags = Math.max(1, roundsOf(ensemble))
    for (let r = 0; r < X.rows; r++) {
      let total = bags
      if (groups > 1) {
        total = 0
        for (let k = 0; k < groups; k++) total += to[r * groups + k]
      }
      for (let k = 0; k < groups; k++) to[r * groups + k] = total > 0 ? to[r * groups + k] / total : 1 / groups
    }
    return to
  }

  async fit(X: FeatureMatrix, y: Float32Array, options: FitOptions = {}): Promise<void> {
    const { signal, sampleWeight, initial, rounds = this.#options.trees } = options
    signal?.throwIfAborted()
    const { objective, categorical, missing, classes } = this.#options
    checkFeatures(X)
    checkWeights(sampleWeight, X.rows)
    checkCategorical(categorical, X.names)
    const from = initial === undefined ? undefined : this.#initial(initial, X)
    const known = from === undefined ? classes : from.ensemble.groups
    const count = checkTargets(y, X.rows, { objective, classes: known, learning: true })
    if (X.rows === 0) throw new TradewrightError('BAD_SHAPE', 'there must be at least one row, was none')
    const data = withMissing(X.data, missing)
    const cuts = from?.cuts ?? matrixCuts(X, data, sampleWeight, this.#options)
    checkSplittable(cuts, () => partlyMissing(data, X.columns))
    const groups = objective === 'multi-class' ? count : 1
    const start =
      from === undefined
        ? emptyEnsemble(X.columns, new Float32Array(groups))
        : firstTrees(from.ensemble, rounds * groups)
    const trees: PlacedTree[] = []
    const votes = { sums: new Float64Array(X.rows * groups), counts: new Uint32Array(X.rows) }
    this.#earlierVotes(start, data, X.rows, votes)
    const margins = new Float32Array(X.rows * groups)
    const trainer = new TreeTrainer({
      rule: this.#rule(X.columns),
      cuts,
      groups,
      monotone: undefined,
      train: matrixRows(data, cuts, { y, weight: undefined, margins }),
      validation: undefined,
    })
    try {
      await this.#grow(
        trainer,
        { y, begun: roundsOf(start), rounds, groups, trees, votes, cells: X.rows * X.columns },
        options,
      )
    } finally {
      trainer.dispose()
    }
    const ensemble = appendTrees(start, trees, cuts)
    this.#commit(
      { objective, ensemble, names: X.names.slice(), cuts, missing, quantile: 0.5 },
      judge(this.#options, y, votes),
    )
    signal?.throwIfAborted()
  }

  #initial(initial: Data, X: FeatureMatrix): TreeState {
    const state = readTreeState(KIND, initial)
    const { objective } = this.#options
    if (state.objective !== objective)
      throw new TradewrightError(
        'BAD_DATA',
        `initial must be a forest of objective '${objective}', was '${state.objective}'`,
      )
    checkSameFeatures(state.names, state.ensemble.features, X)
    return state
  }

  #rule(features: number): ConstructorParameters<typeof TreeTrainer>[0]['rule'] {
    const { objective, columnSample, maxDepth, minLeafRows, seed, threads, engine } = this.#options
    const usual = objective === 'regression' ? Math.max(1, features / 3) : Math.sqrt(features)
    return {
      objective: 'regression',
      learningRate: 1,
      maxDepth,
      lambda: 0,
      alpha: 0,
      gamma: 0,
      minChildWeight: minLeafRows,
      columnSample: 1,
      // A hair more, so that rounding does not take one away.
      nodeColumnSample: columnSample ?? Math.min(1, (Math.round(usual) + 1e-6) / features),
      maxCategoriesToOneHot: 4,
      maxCategoryThreshold: 64,
      quantile: 0.5,
      seed,
      threads,
      engine,
    }
  }

  async #grow(
    trainer: TreeTrainer,
    work: {
      readonly y: Float32Array
      readonly begun: number
      readonly rounds: number
      readonly groups: number
      readonly trees: PlacedTree[]
      readonly votes: Votes
      readonly cells: number
    },
    { signal, sampleWeight, onProgress }: FitOptions,
  ): Promise<void> {
    const { y, begun, rounds, groups, trees, votes, cells } = work
    const bag = new Uint16Array(y.length)
    let sinceTurn = 0
    for (let round = begun; round < rounds; round++) {
      if (signal?.aborted) return
      const rng = createRng(this.#options.seed, round)
      drawBag(bag, this.#options.rowSample, rng)
      const rows = trainer.sample((r) => bag[r] > 0)
      for (let group = 0; group < groups; group++) {
        const gradients = trainer.gradients(group)
        for (let r = 0; r < y.length; r++) {
          const w = bag[r] * (sampleWeight === undefined ? 1 : sampleWeight[r])
          gradients[2 * r] = -goal(this.#options, group, y[r]) * w
          gradients[2 * r + 1] = w
        }
        trainer.gridGradients(group)
        const margins = trainer.margins(group)
        margins.fill(0)
        trees.push({ ...trainer.grow(group, rows, rng, 'others'), group })
        for (let r = 0; r < y.length; r++) if (bag[r] === 0) votes.sums[r * groups + group] += margins[r]
      }
      for (let r = 0; r < y.length; r++) if (bag[r] === 0) votes.counts[r]++
      onProgress?.({ round: round + 1, rounds, loss: undefined, validationLoss: undefined })
      sinceTurn += cells * groups
      if (sinceTurn >= CELLS_PER_TURN) {
        sinceTurn = 0
        await nextTurn()
      }
    }
  }

  /** What the trees of a state vote on rows that their bags, drawn again, left out. */
  #earlierVotes(start: TreeEnsemble, data: Float32Array, rows: number, votes: Votes): void {
    const { groups, features } = start
    const predictor = new TreePredictor(start)
    const bag = new Uint16Array(rows)
    const out = new Float32Array(groups)
    for (let round = 0; round < roundsOf(start); round++) {
      drawBag(bag, this.#options.rowSample, createRng(this.#options.seed, round))
      for (let r = 0; r < rows; r++) {
        if (bag[r] > 0) continue
        out.fill(0)
        predictor.addTrees(
          data.subarray(r * features, (r + 1) * features),
          1,
          out,
          round * groups,
          (round + 1) * groups,
        )
        for (let k = 0; k < groups; k++) votes.sums[r * groups + k] += out[k]
        votes.counts[r]++
      }
    }
  }
}

function judge(options: ResolvedForest, y: Float32Array, { sums, counts }: Votes): OutOfBag | undefined {
  const groups = sums.length / y.length
  let rows = 0
  let squares = 0
  let right = 0
  let sum = 0
  let sumSquares = 0
  for (let r = 0; r < y.length; r++) {
    if (counts[r] === 0) continue
    rows++
    sum += y[r]
    sumSquares += y[r] * y[r]
    let best = 0
    for (let k = 0; k < groups; k++) {
      const vote = sums[r * groups + k] / counts[r]
      squares += (vote - goal(options, k, y[r])) ** 2
      if (sums[r * groups + k] > sums[r * groups + best]) best = k
    }
    const chosen = groups > 1 ? best : Number(sums[r] / counts[r] > 0.5)
    if (chosen === y[r]) right++
  }
  if (rows === 0) return undefined
  const variance = sumSquares - (sum * sum) / rows
  const score = options.objective === 'regression' ? 1 - squares / variance : right / rows
  return { score, loss: Math.sqrt(squares / (rows * groups)), rows }
}

/**
 * A random forest on the boosters' histogram kernels: each tree grows from rows drawn with replacement, each split from
 * features drawn anew, and leaves vote with their means. For classes the means of 0 and 1 are shares, and the variance
 * that a split takes away is half of Gini's impurity; several classes are learned one against the rest on the same bags.
 *
 * `fit` with `initial` goes on exactly: 100 bags and then 50 are 150, bit for bit, on the same rows. An abort rejects
 * with the signal's reason and keeps the bags that were finished.
 *
 * @throws TradewrightError as `gradientBoosting`.
 * @see Breiman (2001), "Random forests", Machine Learning 45. We differ: thresholds lie on at most 255 quantiles, depth is
 *   bounded, and several classes have a tree each.
 * @example
 * ```ts
 * import { randomForest } from '@tradewright/incremental-training'
 * const X = { names: ['a'], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), rows: 8, columns: 1 }
 * const model = randomForest({ trees: 50 })
 * await model.fit(X, Float32Array.of(0, 0, 0, 0, 1, 1, 1, 1))
 * console.log(model.predict(X)[0] < 0.3, model.predict(X)[7] > 0.7) // true true
 * ```
 */
export function randomForest(options: RandomForestOptions = {}): RandomForest {
  return new Forest(options)
}
