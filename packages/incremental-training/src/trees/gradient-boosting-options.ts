import { TradewrightError, unknownName } from '@tradewright/core'
import type { TreeEngineName } from './tree-memory.ts'
import type { TreeObjective } from './tree-objective.ts'
import { MAXIMUM_TREE_THREADS } from './tree-threads.ts'

/** What a feature may do to the prediction: only lower it, anything, only raise it. */
export type Monotone = -1 | 0 | 1

/** Options of {@link gradientBoosting}. In brackets the name that XGBoost gives them. */
export interface GradientBoostingOptions {
  /** What is learned: the probability of class 1, of each class, the mean, or a quantile. @default 'binary' */
  readonly objective?: TreeObjective | undefined
  /** Rounds in all, those of `initial` included; one tree a round, or one a class (num_boost_round). @default 100 */
  readonly rounds?: number | undefined
  /** Share of each tree that is added, in (0, 1] (eta). @default 0.3 */
  readonly learningRate?: number | undefined
  /** Depth of the trees, 1 to 24 (max_depth). @default 6 */
  readonly maxDepth?: number | undefined
  /** Bins of a feature, 2 to 256; of 256, one is for missing values where there are any (max_bin). @default 256 */
  readonly maxBins?: number | undefined
  /** L2 penalty on leaves, >= 0 (lambda). @default 1 */
  readonly lambda?: number | undefined
  /** L1 penalty on leaves, >= 0 (alpha). @default 0 */
  readonly alpha?: number | undefined
  /** Loss reduction that a split must bring, >= 0 (gamma). @default 0 */
  readonly gamma?: number | undefined
  /** Sum of hessians that a child must have, >= 0 (min_child_weight). @default 1 */
  readonly minChildWeight?: number | undefined
  /** Share of the rows that each round draws, in (0, 1] (subsample). @default 1 */
  readonly rowSample?: number | undefined
  /** Share of the features that each tree draws, in (0, 1] (colsample_bytree). @default 1 */
  readonly columnSample?: number | undefined
  /** Share of these that each node draws, in (0, 1] (colsample_bynode). @default 1 */
  readonly nodeColumnSample?: number | undefined
  /** By feature name: whether predictions may only rise or only fall with it (monotone_constraints). @default none */
  readonly monotone?: Readonly<Record<string, Monotone>> | undefined
  /** Names of features that are category codes, integers from 0 to 254 (feature_types 'c'). @default none */
  readonly categorical?: readonly string[] | undefined
  /** Fewer categories than this are split one against the rest (max_cat_to_onehot). @default 4 */
  readonly maxCategoriesToOneHot?: number | undefined
  /** Categories that may go to one side of a split (max_cat_threshold). @default 64 */
  readonly maxCategoryThreshold?: number | undefined
  /** A number that means missing, beside NaN. @default NaN alone */
  readonly missing?: number | undefined
  /** Rounds without a better validation loss after which it stops and keeps the best ones. Needs `validation`. @default never */
  readonly earlyStopping?: number | undefined
  /** Number of classes of 'multi-class'. @default the largest target + 1 */
  readonly classes?: number | undefined
  /** The quantile of 'quantile', in (0, 1). @default 0.5 */
  readonly quantile?: number | undefined
  /**
   * What predictions begin with: a probability for 'binary', a target for the others (base_score). 'estimate' is the
   * mean, or the quantile; 0.5 for several classes. XGBoost before 2.0 begins with 0.5. @default 'estimate'
   */
  readonly baseScore?: number | 'estimate' | undefined
  /** @default 0 */
  readonly seed?: number | undefined
  /** Threads of the training, 1 to 16. The model is the same, bit for bit, with any number. @default 1 */
  readonly threads?: number | undefined
  /** Which kernels run; all give the same bits. 'auto' and 'wasm' fall back to plain TypeScript. @default 'auto' */
  readonly engine?: TreeEngineName | undefined
}

/** Options with every default filled in. */
export interface ResolvedBoosting {
  readonly objective: TreeObjective
  readonly rounds: number
  readonly learningRate: number
  readonly maxDepth: number
  readonly maxBins: number
  readonly lambda: number
  readonly alpha: number
  readonly gamma: number
  readonly minChildWeight: number
  readonly rowSample: number
  readonly columnSample: number
  readonly nodeColumnSample: number
  readonly monotone: Readonly<Record<string, Monotone>>
  readonly categorical: readonly string[]
  readonly maxCategoriesToOneHot: number
  readonly maxCategoryThreshold: number
  readonly missing: number
  readonly earlyStopping: number | undefined
  readonly classes: number | undefined
  readonly quantile: number
  readonly baseScore: number | 'estimate'
  readonly seed: number
  readonly threads: number
  readonly engine: TreeEngineName
}

/** A rule for a number. */
interface Range {
  readonly from: number
  readonly to: number
  readonly integer?: boolean
  /** Whether `from` itself is refused. */
  readonly above?: boolean
}

/** @throws TradewrightError `BAD_OPTION` for a number out of its range. */
export function checkTreeOption(
  name: string,
  value: unknown,
  { from, to, integer = false, above = false }: Range,
): void {
  const fits =
    typeof value === 'number' &&
    (above ? value > from : value >= from) &&
    value <= to &&
    (!integer || Number.isInteger(value))
  if (!fits)
    throw new TradewrightError(
      'BAD_OPTION',
      `${name} must be ${integer ? 'an integer' : 'a number'} ${above ? 'above' : 'from'} ${from} to ${to}, was ${String(value)}`,
      { [name]: value },
    )
}

/** @throws TradewrightError `UNKNOWN_NAME` for a value that is none of the known ones. */
export function checkTreeName(what: string, value: unknown, known: readonly string[]): void {
  if (!known.includes(value as string)) throw unknownName(what, String(value), known)
}

/** @throws TradewrightError `UNKNOWN_NAME` for an option that there is not. */
export function checkTreeKeys(options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) if (!known.includes(key)) throw unknownName('option', key, known)
}

const RANGES: Readonly<Record<string, Range>> = {
  rounds: { from: 0, to: 1_000_000, integer: true },
  learningRate: { from: 0, to: 1, above: true },
  maxDepth: { from: 1, to: 24, integer: true },
  maxBins: { from: 2, to: 256, integer: true },
  lambda: { from: 0, to: Number.MAX_VALUE },
  alpha: { from: 0, to: Number.MAX_VALUE },
  gamma: { from: 0, to: Number.MAX_VALUE },
  minChildWeight: { from: 0, to: Number.MAX_VALUE },
  rowSample: { from: 0, to: 1, above: true },
  columnSample: { from: 0, to: 1, above: true },
  nodeColumnSample: { from: 0, to: 1, above: true },
  maxCategoriesToOneHot: { from: 1, to: 256, integer: true },
  maxCategoryThreshold: { from: 1, to: 255, integer: true },
  seed: { from: 0, to: 2 ** 32 - 1, integer: true },
  threads: { from: 1, to: MAXIMUM_TREE_THREADS + 1, integer: true },
}

/** Refuses what breaks a rule. */
function check(options: ResolvedBoosting): ResolvedBoosting {
  for (const [name, range] of Object.entries(RANGES))
    checkTreeOption(name, options[name as keyof ResolvedBoosting], range)
  const { earlyStopping, classes, quantile, baseScore, monotone, categorical, objective } = options
  checkTreeName('objective', objective, ['binary', 'multi-class', 'regression', 'quantile'])
  checkTreeName('engine', options.engine, ['auto', 'wasm', 'plain'])
  if (!(quantile > 0 && quantile < 1))
    throw new TradewrightError('BAD_OPTION', `quantile must lie between 0 and 1, was ${quantile}`, { quantile })
  if (earlyStopping !== undefined) checkTreeOption('earlyStopping', earlyStopping, { from: 1, to: 1e9, integer: true })
  if (classes !== undefined) checkTreeOption('classes', classes, { from: 2, to: 65_536, integer: true })
  if (baseScore !== 'estimate') {
    if (objective === 'binary' && !(baseScore > 0 && baseScore < 1))
      throw new TradewrightError('BAD_OPTION', `baseScore must lie between 0 and 1, was ${baseScore}`, { baseScore })
    if (!Number.isFinite(baseScore))
      throw new TradewrightError('BAD_OPTION', `baseScore must be finite, was ${baseScore}`, { baseScore })
  }
  for (const [feature, direction] of Object.entries(monotone)) {
    if (direction !== -1 && direction !== 0 && direction !== 1)
      throw new TradewrightError('BAD_OPTION', `monotone must be -1, 0 or 1, was ${direction} for '${feature}'`, {
        feature,
      })
    if (direction !== 0 && categorical.includes(feature))
      throw new TradewrightError(
        'BAD_OPTION',
        `a category feature must have no monotone constraint, '${feature}' has one`,
        {
          feature,
        },
      )
  }
  return options
}

/** Fills in the defaults. @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`. */
export function resolveBoosting(options: GradientBoostingOptions): ResolvedBoosting {
  const {
    objective = 'binary',
    rounds = 100,
    learningRate = 0.3,
    maxDepth = 6,
    maxBins = 256,
    lambda = 1,
    alpha = 0,
    gamma = 0,
    minChildWeight = 1,
    rowSample = 1,
    columnSample = 1,
    nodeColumnSample = 1,
    monotone = {},
    categorical = [],
    maxCategoriesToOneHot = 4,
    maxCategoryThreshold = 64,
    missing = Number.NaN,
    earlyStopping,
    classes,
    quantile = 0.5,
    baseScore = 'estimate',
    seed = 0,
    threads = 1,
    engine = 'auto',
  } = options
  const resolved = {
    objective,
    rounds,
    learningRate,
    maxDepth,
    maxBins,
    lambda,
    alpha,
    gamma,
    minChildWeight,
    rowSample,
    columnSample,
    nodeColumnSample,
    monotone,
    categorical,
    maxCategoriesToOneHot,
    maxCategoryThreshold,
    missing,
    earlyStopping,
    classes,
    quantile,
    baseScore,
    seed,
    threads,
    engine,
  }
  checkTreeKeys(options, Object.keys(resolved))
  return check(resolved)
}
