import { lendPredictor } from '@tradewright/backtest'
import { type Data, type Key, TradewrightError } from '@tradewright/core'
import { createModel, modelReference, type ResolvedSource } from './model-registry.ts'
import { walkForwardPredictor } from './walk-forward-predictor.ts'

/** The newest model of a training, as it goes into a saved strategy. */
export interface SavedModel {
  readonly source: ResolvedSource
  readonly options: Data
  /** Features, in order. */
  readonly names: readonly string[]
  readonly classes: readonly number[] | undefined
  /** Epoch ms: bars from here on are predicted, those before may have trained it. */
  readonly from: number
  /** Content key of all of it: the strategy's graph asks for its predictions by this. */
  readonly key: Key
  /** What `Model.save` gave. */
  readonly state: Data
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isList = (value: unknown, is: (item: unknown) => boolean): boolean => Array.isArray(value) && value.every(is)

function checked(data: Data, file: string): SavedModel {
  const saved = data as unknown as Partial<SavedModel> | null
  const { source, names, classes, from, key } = saved ?? {}
  const whole =
    isText(source?.module) &&
    isText(source.export) &&
    isText(source.version) &&
    isList(names, isText) &&
    (classes === undefined || isList(classes, Number.isFinite)) &&
    typeof from === 'number' &&
    isText(key)
  if (!whole)
    throw new TradewrightError('BAD_DATA', `a saved strategy's model must be one that was saved, '${file}' has another`)
  return saved as SavedModel
}

/**
 * Makes a saved strategy's model ready to predict in this process.
 *
 * @throws TradewrightError `BAD_DATA`, `CORRUPT` where it is not the model it was saved as, `NOT_FOUND` (its module).
 */
export async function loadSavedModel(data: Data, file: string): Promise<void> {
  const { source, options, names, classes, from, key, state } = checked(data, file)
  const predictor = walkForwardPredictor({
    model: await createModel(modelReference(source, options)),
    source,
    options,
    names,
    classes,
    folds: [{ from, to: Number.POSITIVE_INFINITY, model: state }],
  })
  if (predictor.key !== key)
    throw new TradewrightError('CORRUPT', `the model in '${file}' must be the one it was saved with, was changed`, {
      file,
      key,
      found: predictor.key,
    })
  lendPredictor(predictor)
}
