import {
  createRng,
  type Data,
  type FeatureMatrix,
  type FitOptions,
  type FitProgress,
  type Model,
  TradewrightError,
} from '@tradewright/core'
import { baseMargin, repeated } from './base-margin.ts'
import { type FeatureBlocks, isBlocks, readBlocks } from './feature-blocks.ts'
import { checkCategorical, matrixCuts, monotoneOf } from './feature-rules.ts'
import { type GradientBoostingOptions, type ResolvedBoosting, resolveBoosting } from './gradient-boosting-options.ts'
import { nextTurn } from './next-turn.ts'
import type { BinCuts } from './quantile-sketch.ts'
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
import { applyLink } from './tree-objective.ts'
import { TreePredictor } from './tree-predictor.ts'
import { readTreeState, saveTreeState, type TreeState } from './tree-state.ts'
import { type BinnedRows, TreeTrainer } from './tree-trainer.ts'

/** Options of {@link TreeModel.fitBlocks}. */
export interface FitBlocksOptions extends Omit<FitOptions, 'sampleWeight'> {
  /** Rows from which cuts are made where blocks can be read only once and no state has cuts. @default 262144 */
  readonly sketchRows?: number | undefined
}

/** A model of trees: a {@link Model} with what trees can tell beside predictions. */
export interface TreeModel extends Model {
  readonly continuation: 'exact'
  /** Values a row that `predict` gives. 0 before it is trained. */
  readonly outputs: number
  /** Rounds that the model has: trees, or sets of one tree a class. */
  readonly rounds: number
  /** Share of the total loss reduction that each feature's splits gave, by name. Empty before it is trained. */
  readonly importances: Readonly<Record<string, number>>
  /** By name: total loss reduction, total hessian, or number of a feature's splits. */
  importance(kind: ImportanceKind): Readonly<Record<string, number>>
  fit(X: FeatureMatrix, y: Float32Array, options?: FitOptions): Promise<void>
  /** {@link fitBlocks} by the name of every other training. */
  fit(blocks: FeatureBlocks, options?: FitBlocksOptions): Promise<void>
  /**
   * As `fit`, from blocks that need not fit in memory together: a row takes one byte a feature. With the same cuts the
   * model is that of `fit`, bit for bit.
   *
   * @throws TradewrightError as `fit`; the signal's reason.
   */
  fitBlocks(blocks: FeatureBlocks, options?: FitBlocksOptions): Promise<void>
  /** The trained state: trees, cuts, names. Read only. @throws TradewrightError `NOT_AVAILABLE` before it is trained. */
  viewState(): TreeState
}

const KIND = 'gradient-boosting'

/** Rows times features between two looks at the event loop, about. */
const CELLS_PER_TURN = 2_000_000

/** What a training is made from, wherever its rows come from. */
interface Prepared {
  readonly names: readonly string[]
  readonly cuts: BinCuts
  readonly groups: number
  readonly start: TreeEnsemble
  readonly train: BinnedRows
  readonly validation: BinnedRows | undefined
}

class GradientBoosting implements TreeModel {
  readonly name = KIND
  readonly continuation = 'exact'
  readonly truncates: boolean
  readonly #options: ResolvedBoosting
  #state: TreeState | undefined
  #predictor: TreePredictor | undefined
  /** Makes the rounds so far the model's: in `onProgress`, where somebody may save. */
  #roundsSoFar: (() => void) | undefined

  constructor(options: GradientBoostingOptions) {
    this.#options = resolveBoosting(options)
    this.truncates = this.#options.earlyStopping === undefined
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

  get importances(): Readonly<Record<string, number>> {
    return this.#state === undefined ? {} : importanceShares(this.#state)
  }

  importance(kind: ImportanceKind): Readonly<Record<string, number>> {
    return importanceByName(this.viewState(), kind)
  }

  viewState(): TreeState {
    this.#roundsSoFar?.()
    if (this.#state === undefined) throw untrained()
    return this.#state
  }

  save(): Data {
    return saveTreeState(KIND, this.viewState())
  }

  load(data: Data): void {
    this.#commit(readTreeState(KIND, data))
  }

  #commit(state: TreeState): void {
    this.#state = state
    this.#predictor = undefined
  }

  predict(X: FeatureMatrix, out?: Float32Array): Float32Array {
    const { ensemble, names, objective, missing } = this.viewState()
    const to = predictionRoom(X, ensemble, names, out)
    this.#predictor ??= new TreePredictor(ensemble)
    this.#predictor.margins(withMissing(X.data, missing), X.rows, to)
    return applyLink(objective, ensemble.groups, to, X.rows)
  }

  fit(X: FeatureMatrix, y: Float32Array, options?: FitOptions): Promise<void>
  fit(blocks: FeatureBlocks, options?: FitBlocksOptions): Promise<void>
  async fit(
    X: FeatureMatrix | FeatureBlocks,
    y: Float32Array | FitBlocksOptions = {},
    options: FitOptions = {},
  ): Promise<void> {
    if (isBlocks(X)) return this.fitBlocks(X, y as FitBlocksOptions)
    return this.#fitMatrix(X, y as Float32Array, options)
  }

  async #fitMatrix(X: FeatureMatrix, y: Float32Array, options: FitOptions): Promise<void> {
    options.signal?.throwIfAborted()
    const { sampleWeight } = options
    checkFeatures(X)
    checkWeights(sampleWeight, X.rows)
    checkCategorical(this.#options.categorical, X.names)
    const initial = this.#initial(options, X)
    const classes = checkTargets(y, X.rows, this.#targetRule(initial))
    const data = withMissing(X.data, this.#options.missing)
    if (X.rows === 0) throw new TradewrightError('BAD_SHAPE', 'there must be at least one row, was none')
    const cuts = initial?.cuts ?? matrixCuts(X, data, sampleWeight, this.#options)
    checkSplittable(cuts, () => partlyMissing(data, X.columns))
    const start = this.#start(initial, X.columns, classes, y, sampleWeight, options)
    const margins = new TreePredictor(start).margins(data, X.rows, new Float32Array(X.rows * start.groups))
    const train = matrixRows(data, cuts, { y, weight: sampleWeight, margins })
    const validation = this.#validation(options, start, cuts, X.names)
    await this.#boost({ names: X.names.slice(), cuts, groups: start.groups, start, train, validation }, options)
  }

  async fitBlocks(blocks: FeatureBlocks, options: FitBlocksOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    const { sketchRows = 262_144 } = options
    const initial = this.#initial(options, undefined)
    const { categorical, missing, maxBins } = this.#options
    const kept = initial === undefined ? undefined : new TreePredictor(this.#cut(initial.ensemble, options))
    const read = await readBlocks(blocks, {
      cuts: initial?.cuts,
      names: initial?.names,
      categorical,
      missing,
      maxBins,
      sketchRows,
      signal: options.signal,
      margins:
        kept && ((data, rows) => kept.margins(data, rows, new Float32Array(rows * (initial?.ensemble.groups ?? 1)))),
    })
    const { names, cuts, y, weight } = read
    checkCategorical(categorical, names)
    const classes = checkTargets(y, y.length, this.#targetRule(initial))
    checkSplittable(cuts, () => true)
    const start = this.#start(initial, names.length, classes, y, weight, options)
    const train = {
      rows: y.length,
      y,
      weight,
      fill: read.fill,
      margins: read.margins ?? repeated(start.base, y.length),
    }
    const validation = this.#validation(options, start, cuts, names)
    await this.#boost({ names, cuts, groups: start.groups, start, train, validation }, options)
  }

  #targetRule(initial: TreeState | undefined): Parameters<typeof checkTargets>[2] {
    const { objective, classes } = this.#options
    return { objective, classes: initial === undefined ? classes : initial.ensemble.groups, learning: true }
  }

  /** The state to continue from, where there is one that fits. */
  #initial({ initial }: Pick<FitOptions, 'initial'>, X: FeatureMatrix | undefined): TreeState | undefined {
    if (initial === undefined) return undefined
    const state = readTreeState(KIND, initial)
    const { objective, classes } = this.#options
    if (state.objective !== objective)
      throw new TradewrightError(
        'BAD_DATA',
        `initial must be a model of objective '${objective}', was '${state.objective}'`,
      )
    if (objective === 'multi-class' && classes !== undefined && classes !== state.ensemble.groups)
      throw new TradewrightError(
        'BAD_DATA',
        `initial must be a model of ${classes} classes, was of ${state.ensemble.groups}`,
      )
    if (X !== undefined) checkSameFeatures(state.names, state.ensemble.features, X)
    return state
  }

  #wanted({ rounds }: Pick<FitOptions, 'rounds'>): number {
    return rounds ?? this.#options.rounds
  }

  #cut(ensemble: TreeEnsemble, options: Pick<FitOptions, 'rounds'>): TreeEnsemble {
    return firstTrees(ensemble, this.#wanted(options) * ensemble.groups * ensemble.parallelTrees)
  }

  #start(
    initial: TreeState | undefined,
    features: number,
    classes: number,
    y: Float32Array,
    weight: Float32Array | undefined,
    options: Pick<FitOptions, 'rounds'>,
  ): TreeEnsemble {
    if (initial !== undefined) return this.#cut(initial.ensemble, options)
    const groups = this.#options.objective === 'multi-class' ? classes : 1
    return emptyEnsemble(features, new Float32Array(groups).fill(baseMargin(this.#options, y, weight)))
  }

  #validation(
    { validation }: FitOptions,
    start: TreeEnsemble,
    cuts: BinCuts,
    names: readonly string[],
  ): BinnedRows | undefined {
    const { earlyStopping, objective, missing } = this.#options
    if (validation === undefined || validation.X.rows === 0) {
      if (earlyStopping === undefined) return undefined
      throw new TradewrightError('BAD_OPTION', 'earlyStopping must have validation rows, had none')
    }
    const { X, y } = validation
    checkFeatures(X)
    checkSameFeatures(names, names.length, X)
    checkTargets(y, X.rows, {
      objective,
      classes: objective === 'multi-class' ? start.groups : undefined,
      learning: false,
    })
    const data = withMissing(X.data, missing)
    const margins = new TreePredictor(start).margins(data, X.rows, new Float32Array(X.rows * start.groups))
    return matrixRows(data, cuts, { y, weight: undefined, margins })
  }

  async #boost(prepared: Prepared, options: FitOptions): Promise<void> {
    const { names, cuts, groups, start, train, validation } = prepared
    const { objective, missing, quantile } = this.#options
    const rounds = this.#wanted(options)
    const monotone = monotoneOf(this.#options, names)
    const trees: PlacedTree[] = []
    const keep = (count: number): void => {
      const ensemble = appendTrees(start, trees.slice(0, count), cuts)
      this.#commit({ objective, ensemble, names, cuts, missing, quantile })
    }
    const begun = roundsOf(start)
    if (begun >= rounds) return keep(0)
    const trainer = new TreeTrainer({ rule: this.#options, cuts, groups, monotone, train, validation })
    try {
      const best = await this.#rounds(
        trainer,
        { begun, rounds, trees, groups, cells: train.rows * names.length * groups, keep },
        options,
      )
      keep(best * groups)
      options.signal?.throwIfAborted()
    } finally {
      trainer.dispose()
    }
  }

  /** Makes rounds until there are enough, nothing gets better or it is aborted. @returns how many to keep. */
  async #rounds(
    trainer: TreeTrainer,
    {
      begun,
      rounds,
      trees,
      groups,
      cells,
      keep,
    }: {
      readonly begun: number
      readonly rounds: number
      readonly trees: PlacedTree[]
      readonly groups: number
      readonly cells: number
      readonly keep: (count: number) => void
    },
    { signal, onProgress }: FitOptions,
  ): Promise<number> {
    const { earlyStopping, rowSample, seed } = this.#options
    let best = { round: 0, loss: trainer.validationLoss() ?? Number.POSITIVE_INFINITY }
    let sinceTurn = 0
    for (let round = begun; round < rounds; round++) {
      if (signal?.aborted) return round - begun
      const rng = createRng(seed, round)
      const limit = rowSample * 2 ** 32
      const rows = rowSample < 1 ? trainer.sample(() => rng.uint32() < limit) : trainer.allRows
      trainer.computeGradients()
      for (let group = 0; group < groups; group++) trees.push({ ...trainer.grow(group, rows, rng), group })
      const validationLoss =
        onProgress !== undefined || earlyStopping !== undefined ? trainer.validationLoss() : undefined
      const progress: FitProgress = { round: round + 1, rounds, loss: onProgress && trainer.loss(), validationLoss }
      this.#roundsSoFar = () => keep(trees.length)
      try {
        onProgress?.(progress)
      } finally {
        this.#roundsSoFar = undefined
      }
      if (earlyStopping !== undefined && validationLoss !== undefined) {
        if (validationLoss < best.loss) best = { round: round + 1 - begun, loss: validationLoss }
        else if (round + 1 - begun - best.round >= earlyStopping) return best.round
      }
      sinceTurn += cells
      if (sinceTurn >= CELLS_PER_TURN) {
        sinceTurn = 0
        await nextTurn()
      }
    }
    return earlyStopping === undefined ? rounds - begun : best.round
  }
}

/**
 * Gradient-boosted trees over histograms (XGBoost's `hist`): float32 features in at most 255 bins, all nodes down to a
 * depth, second-order gain, missing values sent where they serve best, categories split as sets. Sums of gradients are
 * exact (they lie on a grid), so the model is the same bit for bit with any number of threads and kernels.
 *
 * `fit` with `initial` goes on from its rounds with its frozen cuts: 100 rounds and then 50 are 150, bit for bit, on the
 * same rows. An abort rejects with the signal's reason and keeps the rounds that were finished: `save()` gives them.
 * Any other error leaves the model as it was. NaN features are missing values; infinite ones are refused in training.
 *
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`. `fit` throws `BAD_SHAPE`, `BAD_DATA`, `CORRUPT`, `OUT_OF_MEMORY`.
 * @see Chen, Guestrin (2016), "XGBoost", KDD, equations 6 and 7. We differ: a split must gain more than rounding, not 1e-6.
 * @example
 * ```ts
 * import { gradientBoosting } from '@tradewright/incremental-training'
 * const X = { names: ['a'], data: Float32Array.of(1, 2, 3, 4, 5, 6), rows: 6, columns: 1 }
 * const model = gradientBoosting({ objective: 'regression', rounds: 50, minChildWeight: 0, lambda: 0 })
 * await model.fit(X, Float32Array.of(1, 1, 1, 5, 5, 5))
 * console.log(model.predict(X)[0].toFixed(3), model.predict(X)[5].toFixed(3)) // 1.000 5.000
 * ```
 */
export function gradientBoosting(options: GradientBoostingOptions = {}): TreeModel {
  return new GradientBoosting(options)
}
