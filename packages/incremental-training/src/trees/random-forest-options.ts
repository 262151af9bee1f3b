import { checkTreeKeys, checkTreeName, checkTreeOption } from './gradient-boosting-options.ts'
import type { TreeEngineName } from './tree-memory.ts'
import { MAXIMUM_TREE_THREADS } from './tree-threads.ts'

/** Options of {@link randomForest}. */
export interface RandomForestOptions {
  /** What is learned. Classes are learned one against the rest, a tree a class. @default 'binary' */
  readonly objective?: 'binary' | 'multi-class' | 'regression' | undefined
  /** Bags, those of `initial` included: one tree each, or one a class. @default 100 */
  readonly trees?: number | undefined
  /** Depth of the trees, 1 to 24. @default 14 */
  readonly maxDepth?: number | undefined
  /** Rows, by weight, that a leaf must have, >= 0. @default 1 for classes, 5 for regression */
  readonly minLeafRows?: number | undefined
  /** Bins of a feature, 2 to 256. @default 256 */
  readonly maxBins?: number | undefined
  /** Rows that each bag draws, with replacement, as a share of all, in (0, 1]. @default 1 */
  readonly rowSample?: number | undefined
  /** Share of the features that each split draws, in (0, 1]. @default sqrt(features) of them for classes, a third for regression */
  readonly columnSample?: number | undefined
  /** Names of features that are category codes, integers from 0 to 254. @default none */
  readonly categorical?: readonly string[] | undefined
  /** A number that means missing, beside NaN. @default NaN alone */
  readonly missing?: number | undefined
  /** Number of classes of 'multi-class'. @default the largest target + 1 */
  readonly classes?: number | undefined
  /** @default 0 */
  readonly seed?: number | undefined
  /** Threads of the training, 1 to 16. The model is the same, bit for bit, with any number. @default 1 */
  readonly threads?: number | undefined
  /** Which kernels run; all give the same bits. @default 'auto' */
  readonly engine?: TreeEngineName | undefined
}

/** Options with every default filled in, but for those that depend on the number of features. */
export interface ResolvedForest {
  readonly objective: 'binary' | 'multi-class' | 'regression'
  readonly trees: number
  readonly maxDepth: number
  readonly minLeafRows: number
  readonly maxBins: number
  readonly rowSample: number
  readonly columnSample: number | undefined
  readonly categorical: readonly string[]
  readonly missing: number
  readonly classes: number | undefined
  readonly seed: number
  readonly threads: number
  readonly engine: TreeEngineName
}

/** Fills in the defaults. @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`. */
export function resolveForest(options: RandomForestOptions): ResolvedForest {
  const {
    objective = 'binary',
    trees = 100,
    maxDepth = 14,
    minLeafRows = objective === 'regression' ? 5 : 1,
    maxBins = 256,
    rowSample = 1,
    columnSample,
    categorical = [],
    missing = Number.NaN,
    classes,
    seed = 0,
    threads = 1,
    engine = 'auto',
  } = options
  const resolved: ResolvedForest = {
    objective,
    trees,
    maxDepth,
    minLeafRows,
    maxBins,
    rowSample,
    columnSample,
    categorical,
    missing,
    classes,
    seed,
    threads,
    engine,
  }
  checkTreeKeys(options, Object.keys(resolved))
  checkTreeName('objective', objective, ['binary', 'multi-class', 'regression'])
  checkTreeName('engine', engine, ['auto', 'wasm', 'plain'])
  checkTreeOption('trees', trees, { from: 0, to: 1_000_000, integer: true })
  checkTreeOption('maxDepth', maxDepth, { from: 1, to: 24, integer: true })
  checkTreeOption('minLeafRows', minLeafRows, { from: 0, to: Number.MAX_VALUE })
  checkTreeOption('maxBins', maxBins, { from: 2, to: 256, integer: true })
  checkTreeOption('rowSample', rowSample, { from: 0, to: 1, above: true })
  if (columnSample !== undefined) checkTreeOption('columnSample', columnSample, { from: 0, to: 1, above: true })
  if (classes !== undefined) checkTreeOption('classes', classes, { from: 2, to: 65_536, integer: true })
  checkTreeOption('seed', seed, { from: 0, to: 2 ** 32 - 1, integer: true })
  checkTreeOption('threads', threads, { from: 1, to: MAXIMUM_TREE_THREADS + 1, integer: true })
  return resolved
}
