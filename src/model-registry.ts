import { isTradewrightError, type Model, type ModelReference, TradewrightError, unknownName } from '@tradewright/core'
import { loadModule } from '@tradewright/runners'

/** Models that come along, by type. Others add a line by declaration merging and {@link ModelSource}'s other form. */
export type ModelType =
  | 'gradient-boosting'
  | 'random-forest'
  | 'linear-regression'
  | 'logistic-regression'
  | 'multi-layer-perceptron'

/** Where a model comes from. */
export type ModelSource =
  | { readonly type: ModelType }
  | {
      /** URL, absolute path or package name of the module: workers load it too. */
      readonly module: string
      /** Its exported function `(options) => Model | Promise<Model>`. */
      readonly export: string
      /** Version of the code: goes into every key. @default '' */
      readonly version?: string | undefined
      /** Name of the option that counts rounds, where it can go on from fewer. @default none */
      readonly rounds?: string | undefined
    }

/** A model's source with nothing left out. */
export type ResolvedSource = Required<Omit<ModelReference, 'options'>> & { readonly name: string }

const INCREMENTAL = '@tradewright/incremental-training'
const registered: ReadonlyMap<string, { readonly module: string; readonly export: string; readonly rounds: string }> =
  new Map([
    ['gradient-boosting', { module: INCREMENTAL, export: 'gradientBoosting', rounds: 'rounds' }],
    ['random-forest', { module: INCREMENTAL, export: 'randomForest', rounds: 'trees' }],
    ['linear-regression', { module: INCREMENTAL, export: 'linearRegression', rounds: '' }],
    ['logistic-regression', { module: INCREMENTAL, export: 'logisticRegression', rounds: '' }],
    ['multi-layer-perceptron', { module: '@tradewright/gpu-training', export: 'multiLayerPerceptron', rounds: '' }],
  ])

/** @throws TradewrightError `UNKNOWN_NAME` (a type), `BAD_OPTION`. */
export function resolveModelSource(source: ModelSource): ResolvedSource {
  if (typeof source !== 'object' || source === null)
    throw new TradewrightError(
      'BAD_OPTION',
      `model.create must be { type } or { module, export }, was ${String(source)}`,
    )
  if ('type' in source) {
    const known = registered.get(source.type)
    if (known === undefined) throw unknownName('model', String(source.type), [...registered.keys()])
    return { ...known, version: '', name: source.type }
  }
  const { module, export: exported, version = '', rounds = '' } = source
  if (typeof module !== 'string' || module === '' || typeof exported !== 'string' || exported === '')
    throw new TradewrightError(
      'BAD_OPTION',
      `model.create needs the names of a module and its export, was '${String(module)}' and '${String(exported)}'`,
    )
  return { module, export: exported, version, rounds, name: exported }
}

/**
 * The reference that a training is asked with. Packages are resolved here: a worker's own package may not see them.
 */
export function modelReference(source: ResolvedSource, options: ModelReference['options']): ModelReference {
  const { module, export: exported, version, rounds } = source
  return {
    module: moduleAddress(module),
    export: exported,
    options,
    // Without one the bytes of the module's file stand for it, where states are kept.
    ...(version === '' ? {} : { version }),
    ...(rounds === '' ? {} : { rounds }),
  }
}

/** Where a module of ours lies; another's name or address as it is. */
export function moduleAddress(module: string): string {
  if (!module.startsWith('@tradewright/')) return module
  try {
    return import.meta.resolve(module)
  } catch {
    return module // no resolver here (a bundle): import() finds it by its name
  }
}

type Factory = (options: ModelReference['options']) => Model | Promise<Model>

async function factoryOf({ module, export: exported }: Pick<ModelReference, 'module' | 'export'>): Promise<Factory> {
  const exports = (await loadModule(module)) as Readonly<Record<string, unknown>>
  const create = exports[exported]
  if (typeof create === 'function') return create as Factory
  throw new TradewrightError('NOT_FOUND', `module ${module} must export a function '${exported}'`, {
    module,
    export: exported,
  })
}

/**
 * Sees to it that a model can be made at all, before a search finds out trial by trial.
 *
 * @throws TradewrightError `NOT_AVAILABLE` where its module cannot be loaded, `NOT_FOUND` where it has no such export.
 */
export async function checkSource({ module, export: exported, name }: ResolvedSource): Promise<void> {
  try {
    await factoryOf({ module: moduleAddress(module), export: exported })
  } catch (cause) {
    if (isTradewrightError(cause)) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    const how = module.startsWith('@tradewright/') ? `: npm install ${module}` : ''
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `model '${name}' needs module ${module}, which cannot be loaded${how} (${why})`,
      { module },
      { cause },
    )
  }
}

/** A new, untrained model. @throws TradewrightError `NOT_FOUND`; what loading and the model's factory throw. */
export async function createModel(reference: ModelReference): Promise<Model> {
  return (await factoryOf(reference))(reference.options)
}
