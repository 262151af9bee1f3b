import { type Data, type FeatureMatrix, type FitOptions, type Model, TradewrightError } from '@tradewright/core'
import {
  type GradientBoostingOptions,
  type ResolvedBoosting,
  resolveBoosting,
} from '../trees/gradient-boosting-options.ts'
import { checkFeatures, checkSameFeatures, checkTargets, checkWeights, withMissing } from '../trees/tree-data.ts'

/** The part of koffi that is used. */
export interface KoffiLike {
  load(path: string): { func(definition: string): (...args: never[]) => unknown }
  decode(pointer: unknown, type: string, length: number): unknown
  address(value: unknown): bigint
}

/** Options of {@link xgboostLibrary}. */
export interface XgboostLibraryOptions extends Omit<GradientBoostingOptions, 'engine'> {
  /** The koffi module. @default imported */
  readonly lib?: KoffiLike | undefined
  /** Names of the library tried in order. @default libxgboost.so.0, libxgboost.so, libxgboost.dylib, xgboost.dll */
  readonly libraries?: readonly string[] | undefined
  /** Parameters of XGBoost's own by its names, over those that the options give. @default none */
  readonly parameters?: Readonly<Record<string, string | number>> | undefined
}

/** A model that the real library trains. */
export interface XgboostLibraryModel extends Model {
  /** Version of the library. */
  readonly library: string
  /** The model as the library saves it: `fromXgboostJson` reads it. */
  toJson(): string
  /** Frees the library's memory; later calls throw `DISPOSED`. */
  [Symbol.dispose](): void
}

const LIBRARIES = ['libxgboost.so.0', 'libxgboost.so', 'libxgboost.dylib', 'xgboost.dll']
const HELP = "install it with 'npm install koffi' and XGBoost ('apt-get install libxgboost0', 'brew install xgboost')"
const KIND = 'xgboost-library'

type Native = (...args: readonly unknown[]) => number

/** The library's C functions. */
interface Library {
  readonly version: string
  readonly koffi: KoffiLike
  readonly error: () => string
  readonly matrixCreate: Native
  readonly matrixSetFloats: Native
  readonly matrixSetStrings: Native
  readonly matrixFree: Native
  readonly boosterCreate: Native
  readonly boosterFree: Native
  readonly boosterSet: Native
  readonly boosterUpdate: Native
  readonly boosterEvaluate: Native
  readonly boosterPredict: Native
  readonly boosterSlice: Native
  readonly boosterSave: Native
  readonly boosterLoad: Native
  readonly boosterRounds: Native
}

async function importKoffi(): Promise<KoffiLike> {
  try {
    const found = (await import('koffi')) as unknown as { readonly default?: KoffiLike } & KoffiLike
    return found.default ?? found
  } catch (cause) {
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `XGBoost must have the package koffi, which does not load; ${HELP}`,
      {},
      { cause },
    )
  }
}

function open(koffi: KoffiLike, names: readonly string[]): ReturnType<KoffiLike['load']> {
  const reasons: string[] = []
  for (const name of names)
    try {
      return koffi.load(name)
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  throw new TradewrightError(
    'NOT_AVAILABLE',
    `XGBoost must be installed, none of its libraries loads (${reasons.join('; ')}); ${HELP}`,
    {
      reasons,
    },
  )
}

function bind(koffi: KoffiLike, names: readonly string[]): Library {
  const library = open(koffi, names)
  const func = (definition: string): Native => library.func(definition) as unknown as Native
  try {
    const version = [0, 0, 0].map(() => Int32Array.of(0))
    func('void XGBoostVersion(int *, int *, int *)')(...version)
    return {
      version: version.map(([part]) => part).join('.'),
      koffi,
      error: library.func('const char *XGBGetLastError()') as unknown as () => string,
      matrixCreate: func('int XGDMatrixCreateFromMat(const float *, uint64_t, uint64_t, float, _Out_ void **)'),
      matrixSetFloats: func('int XGDMatrixSetFloatInfo(void *, const char *, const float *, uint64_t)'),
      matrixSetStrings: func('int XGDMatrixSetStrFeatureInfo(void *, const char *, const char **, uint64_t)'),
      matrixFree: func('int XGDMatrixFree(void *)'),
      boosterCreate: func('int XGBoosterCreate(void **, uint64_t, _Out_ void **)'),
      boosterFree: func('int XGBoosterFree(void *)'),
      boosterSet: func('int XGBoosterSetParam(void *, const char *, const char *)'),
      boosterUpdate: func('int XGBoosterUpdateOneIter(void *, int, void *)'),
      boosterEvaluate: func(
        'int XGBoosterEvalOneIter(void *, int, void **, const char **, uint64_t, _Out_ const char **)',
      ),
      boosterPredict: func(
        'int XGBoosterPredictFromDense(void *, const char *, const char *, void *, _Out_ void **, _Out_ uint64_t *, _Out_ void **)',
      ),
      boosterSlice: func('int XGBoosterSlice(void *, int, int, int, _Out_ void **)'),
      boosterSave: func('int XGBoosterSaveModelToBuffer(void *, const char *, _Out_ uint64_t *, _Out_ void **)'),
      boosterLoad: func('int XGBoosterLoadModelFromBuffer(void *, const void *, uint64_t)'),
      boosterRounds: func('int XGBoosterBoostedRounds(void *, _Out_ int *)'),
    }
  } catch (cause) {
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `XGBoost must be of version 1.4 or newer, this one lacks a function; ${HELP}`,
      {},
      { cause },
    )
  }
}

/** XGBoost's names of the options. */
function parametersOf(
  options: ResolvedBoosting,
  names: readonly string[],
  groups: number,
): Record<string, string | number> {
  const { objective, baseScore, monotone } = options
  const constraints = names.map((name) => monotone[name] ?? 0)
  const objectives = {
    binary: 'binary:logistic',
    'multi-class': 'multi:softprob',
    regression: 'reg:squarederror',
    quantile: 'reg:quantileerror',
  }
  return {
    objective: objectives[objective],
    tree_method: 'hist',
    eta: options.learningRate,
    max_depth: options.maxDepth,
    max_bin: options.maxBins,
    lambda: options.lambda,
    alpha: options.alpha,
    gamma: options.gamma,
    min_child_weight: options.minChildWeight,
    subsample: options.rowSample,
    colsample_bytree: options.columnSample,
    colsample_bynode: options.nodeColumnSample,
    max_cat_to_onehot: options.maxCategoriesToOneHot,
    max_cat_threshold: options.maxCategoryThreshold,
    seed: options.seed,
    nthread: options.threads,
    verbosity: 0,
    ...(constraints.some((c) => c !== 0) ? { monotone_constraints: `(${constraints.join(',')})` } : {}),
    ...(objective === 'multi-class' ? { num_class: groups } : {}),
    ...(objective === 'quantile' ? { quantile_alpha: options.quantile } : {}),
    ...(baseScore === 'estimate' ? {} : { base_score: baseScore }),
  }
}

/** A booster that is freed with its model. */
class XgboostLibraryBooster implements XgboostLibraryModel {
  readonly name = KIND
  readonly continuation = 'approximate'
  readonly #library: Library
  readonly #options: ResolvedBoosting
  readonly #parameters: Readonly<Record<string, string | number>>
  #booster: unknown
  #groups = 0
  #names: readonly string[] | undefined
  #bytes = 0
  #disposed = false

  constructor(library: Library, options: ResolvedBoosting, parameters: Readonly<Record<string, string | number>>) {
    this.#library = library
    this.#options = options
    this.#parameters = parameters
  }

  get library(): string {
    return this.#library.version
  }

  /** Of the saved model; the library does not tell its own. */
  get bytes(): number {
    return this.#bytes
  }

  #call(native: Native, ...args: readonly unknown[]): void {
    if (native(...args) !== 0)
      throw new TradewrightError(
        'BAD_DATA',
        `XGBoost must accept what it is given, said: ${this.#library.error().split('\n')[0]}`,
      )
  }

  #open(): void {
    if (this.#disposed) throw new TradewrightError('DISPOSED', 'a model must not be used after it was disposed')
  }

  #trained(): { readonly booster: unknown; readonly names: readonly string[] } {
    this.#open()
    if (this.#booster === undefined || this.#names === undefined)
      throw new TradewrightError(
        'NOT_AVAILABLE',
        'a model must be trained or loaded before it predicts or is saved; call fit() or load()',
      )
    return { booster: this.#booster, names: this.#names }
  }

  #matrix(X: FeatureMatrix, y: Float32Array, weight: Float32Array | undefined): unknown {
    const { matrixCreate, matrixSetFloats, matrixSetStrings, matrixFree } = this.#library
    const made: [unknown] = [null]
    this.#call(matrixCreate, withMissing(X.data, this.#options.missing), X.rows, X.columns, Number.NaN, made)
    try {
      this.#call(matrixSetFloats, made[0], 'label', y, X.rows)
      if (weight !== undefined) this.#call(matrixSetFloats, made[0], 'weight', weight, X.rows)
      const types = X.names.map((name) => (this.#options.categorical.includes(name) ? 'c' : 'float'))
      this.#call(matrixSetStrings, made[0], 'feature_type', types, X.columns)
    } catch (error) {
      matrixFree(made[0])
      throw error
    }
    return made[0]
  }

  #create(cached: readonly unknown[]): unknown {
    const made: [unknown] = [null]
    this.#call(this.#library.boosterCreate, cached.length === 0 ? null : cached, cached.length, made)
    return made[0]
  }

  #set(booster: unknown, parameters: Readonly<Record<string, string | number>>): void {
    for (const [name, value] of Object.entries(parameters))
      this.#call(this.#library.boosterSet, booster, name, String(value))
  }

  async fit(X: FeatureMatrix, y: Float32Array, options: FitOptions = {}): Promise<void> {
    this.#open()
    const { signal, sampleWeight, validation, initial, rounds = this.#options.rounds, onProgress } = options
    signal?.throwIfAborted()
    checkFeatures(X)
    checkWeights(sampleWeight, X.rows)
    const { objective, classes } = this.#options
    const saved = initial === undefined ? undefined : readSaved(initial)
    const count = checkTargets(y, X.rows, { objective, classes: saved?.groups ?? classes, learning: true })
    if (saved !== undefined) checkSameFeatures(saved.names, saved.names.length, X)
    if (validation !== undefined) {
      checkFeatures(validation.X)
      checkSameFeatures(X.names, X.columns, validation.X)
      checkTargets(validation.y, validation.X.rows, { objective, classes: count, learning: false })
    }
    const groups = objective === 'multi-class' ? count : 1
    const { boosterFree, matrixFree } = this.#library
    const matrices: unknown[] = []
    let booster: unknown
    try {
      matrices.push(this.#matrix(X, y, sampleWeight))
      if (validation !== undefined) matrices.push(this.#matrix(validation.X, validation.y, undefined))
      booster = this.#create(matrices)
      if (saved !== undefined) this.#call(this.#library.boosterLoad, booster, saved.model, saved.model.length)
      this.#set(booster, { ...parametersOf(this.#options, X.names, groups), ...this.#parameters })
      const begun = this.#rounds(booster)
      if (begun > rounds) booster = this.#slice(booster, rounds)
      for (let round = begun; round < rounds; round++) {
        if (signal?.aborted) break
        this.#call(this.#library.boosterUpdate, booster, round, matrices[0])
        if (onProgress !== undefined) {
          const [loss, validationLoss] = this.#losses(booster, round, matrices)
          onProgress({ round: round + 1, rounds, loss, validationLoss })
        }
        await new Promise((resolve) => {
          setImmediate(resolve)
        })
      }
      this.#replace(booster, groups, X.names.slice())
      booster = undefined
    } finally {
      if (booster !== undefined) boosterFree(booster)
      for (const matrix of matrices) matrixFree(matrix)
    }
    signal?.throwIfAborted()
  }

  #rounds(booster: unknown): number {
    const found: [number] = [0]
    this.#call(this.#library.boosterRounds, booster, found)
    return found[0]
  }

  #slice(booster: unknown, rounds: number): unknown {
    const made: [unknown] = [null]
    this.#call(this.#library.boosterSlice, booster, 0, rounds, 1, made)
    this.#library.boosterFree(booster)
    return made[0]
  }

  #losses(booster: unknown, round: number, matrices: readonly unknown[]): (number | undefined)[] {
    const text: [string] = ['']
    const names = ['train', 'validation'].slice(0, matrices.length)
    this.#call(this.#library.boosterEvaluate, booster, round, matrices, names, matrices.length, text)
    return names.map((name) => {
      const found = new RegExp(`${name}-[^:]*:([^\\t\\s]+)`).exec(text[0])
      return found === null ? undefined : Number(found[1])
    })
  }

  #replace(booster: unknown, groups: number, names: readonly string[]): void {
    if (this.#booster !== undefined) this.#library.boosterFree(this.#booster)
    this.#booster = booster
    this.#groups = groups
    this.#names = names
    this.#bytes = this.#buffer(booster, 'ubj').length
  }

  predict(X: FeatureMatrix, out?: Float32Array): Float32Array {
    const { booster, names } = this.#trained()
    checkFeatures(X)
    checkSameFeatures(names, names.length, X)
    const to = out ?? new Float32Array(X.rows * this.#groups)
    if (to.length !== X.rows * this.#groups)
      throw new TradewrightError('BAD_SHAPE', `out must have ${X.rows * this.#groups} places, has ${to.length}`, {
        length: to.length,
      })
    const data = withMissing(X.data, this.#options.missing)
    // The array interface names the address of the numbers.
    const { koffi } = this.#library
    const address = koffi.address(data)
    const face = `{"data":[${address},true],"shape":[${X.rows},${X.columns}],"typestr":"<f4","version":3}`
    const shape: [unknown] = [null]
    const dimensions: [number] = [0]
    const result: [unknown] = [null]
    const config =
      '{"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,"missing":NaN,"cache_id":0}'
    this.#call(this.#library.boosterPredict, booster, face, config, null, shape, dimensions, result)
    to.set(koffi.decode(result[0], 'float', to.length) as Float32Array)
    return to
  }

  #buffer(booster: unknown, format: 'json' | 'ubj'): Uint8Array {
    const length: [number | bigint] = [0]
    const bytes: [unknown] = [null]
    this.#call(this.#library.boosterSave, booster, `{"format":"${format}"}`, length, bytes)
    return Uint8Array.from(this.#library.koffi.decode(bytes[0], 'uint8_t', Number(length[0])) as Uint8Array)
  }

  toJson(): string {
    return new TextDecoder().decode(this.#buffer(this.#trained().booster, 'json'))
  }

  save(): Data {
    const { booster, names } = this.#trained()
    return { kind: KIND, version: 1, names: names.slice(), groups: this.#groups, model: this.#buffer(booster, 'ubj') }
  }

  load(data: Data): void {
    this.#open()
    const { model, names, groups } = readSaved(data)
    const booster = this.#create([])
    try {
      this.#call(this.#library.boosterLoad, booster, model, model.length)
    } catch (error) {
      this.#library.boosterFree(booster)
      throw error
    }
    this.#replace(booster, groups, names)
  }

  [Symbol.dispose](): void {
    if (this.#booster !== undefined) this.#library.boosterFree(this.#booster)
    this.#booster = undefined
    this.#disposed = true
  }
}

/** What `save` gave. @throws TradewrightError `BAD_DATA`. */
function readSaved(data: unknown): {
  readonly model: Uint8Array
  readonly names: readonly string[]
  readonly groups: number
} {
  const { kind, version, model, names, groups } = (typeof data === 'object' && data !== null ? data : {}) as Record<
    string,
    unknown
  >
  if (
    kind !== KIND ||
    version !== 1 ||
    !(model instanceof Uint8Array) ||
    !Array.isArray(names) ||
    typeof groups !== 'number'
  )
    throw new TradewrightError(
      'BAD_DATA',
      `a stored model must be one of '${KIND}' version 1, was ${JSON.stringify(kind)}`,
      { kind },
    )
  return { model, names: names as readonly string[], groups }
}

/**
 * A model that the real XGBoost trains, through koffi (an optional peer): the same contract and options as
 * `gradientBoosting`, for comparison and where its speed on many cores is wanted. `save` gives XGBoost's binary JSON
 * (UBJ) as plain data; `toJson` its JSON, which `fromXgboostJson` reads. Continuing is what the library makes of it:
 * with column or row sampling it is not that of one long training. `earlyStopping` is refused.
 *
 * @throws TradewrightError `NOT_AVAILABLE` with how to get it where koffi or the library is missing; `fit` throws
 *   `BAD_DATA` with the library's own words, 'quantile' before version 2.0 among them.
 * @example
 * ```ts no-run
 * import { xgboostLibrary } from '@tradewright/incremental-training'
 * const model = await xgboostLibrary({ objective: 'binary', rounds: 100, threads: 2 })
 * ```
 */
export async function xgboostLibrary(options: XgboostLibraryOptions = {}): Promise<XgboostLibraryModel> {
  const { lib, libraries = LIBRARIES, parameters = {}, ...rest } = options
  const resolved = resolveBoosting(rest)
  if (resolved.earlyStopping !== undefined)
    throw new TradewrightError('NOT_AVAILABLE', 'earlyStopping must not be given here: gradientBoosting() does it')
  return new XgboostLibraryBooster(bind(lib ?? (await importKoffi()), libraries), resolved, parameters)
}
