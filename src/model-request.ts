import type { AnyExpr, Columns, Labels } from '@tradewright/backtest'
import { type Bars, type Data, type Params, type ParamsOf, type SpaceShape, TradewrightError } from '@tradewright/core'
import { type ModelSource, resolveModelSource } from './model-registry.ts'
import { refuseUnknownKeys } from './unknown-keys.ts'

/** Which bars train a model, and which it then predicts. Lengths in bars. */
export interface ModelWalkForward {
  /** Bars that each model is trained on (the first one, where `anchored`). */
  readonly train: number
  /** Bars that each model predicts, until the next one is trained. */
  readonly test: number
  /** Train on every bar since the first, not only on the last `train`. @default false */
  readonly anchored?: boolean | undefined
  /** Bars left out between the last that is trained on and the first that is predicted. @default 0 */
  readonly embargo?: number | undefined
}

/** No parameters beside the strategy's. */
export type NoShape = Record<never, never>

/**
 * A model whose predictions a strategy reads as `columns.prediction`.
 *
 * It is trained walk-forward: no bar is predicted by a model that saw it, its label or any later bar. Labels are made
 * from the bars before the test only, whatever `labels` does. Bars before the first test have no prediction (NaN).
 */
export interface ModelRequest<P = Params, Shape extends SpaceShape = NoShape> {
  /** What trains and predicts: one that comes along, by its type, or a function of a module. */
  readonly create: ModelSource
  /** More parameters to search, beside the strategy's own, under names of their own. @default none */
  readonly params?: Shape | undefined
  /** Options that the model is made with, from the parameters. Pure. @default the parameters of `params` */
  readonly options?: Data | ((params: P & ParamsOf<Shape>) => Data) | undefined
  /** What the model sees of a bar: columns by name. Pure, as a strategy's `signals`. */
  features(columns: Columns, params: P & ParamsOf<Shape>): Readonly<Record<string, AnyExpr>>
  /** What it is to predict, as `tripleBarrier` and `fixedHorizon` make it. Called with the bars up to a test's first. */
  labels(bars: Bars, params: P & ParamsOf<Shape>): Labels
  readonly walkForward: ModelWalkForward
  /** Changes with what `labels` and `features` do, where a study is kept across processes. @default '' */
  readonly version?: string | undefined
}

const KEYS = ['create', 'params', 'options', 'features', 'labels', 'walkForward', 'version'] as const
const WALK_FORWARD_KEYS = ['train', 'test', 'anchored', 'embargo'] as const

function checkWalkForward(walkForward: ModelWalkForward): void {
  if (typeof walkForward !== 'object' || walkForward === null)
    throw new TradewrightError('BAD_OPTION', `model.walkForward must be { train, test }, was ${typeof walkForward}`)
  refuseUnknownKeys('option of model.walkForward', walkForward, WALK_FORWARD_KEYS)
  const { train, test, embargo = 0, anchored = false } = walkForward
  for (const [name, value, least] of [
    ['train', train, 2],
    ['test', test, 1],
    ['embargo', embargo, 0],
  ] as const)
    if (!Number.isSafeInteger(value) || value < least)
      throw new TradewrightError(
        'BAD_OPTION',
        `model.walkForward.${name} must be a whole number of bars >= ${least}, was ${value}`,
        { name, value },
      )
  if (typeof anchored !== 'boolean')
    throw new TradewrightError(
      'BAD_OPTION',
      `model.walkForward.anchored must be true or false, was ${String(anchored)}`,
    )
}

/** @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME` (a key, a type). */
export function checkModelRequest<P, Shape extends SpaceShape>(model: ModelRequest<P, Shape>): void {
  if (typeof model !== 'object' || model === null)
    throw new TradewrightError('BAD_OPTION', `model must be an object, was ${String(model)}`)
  refuseUnknownKeys('option of model', model, KEYS)
  resolveModelSource(model.create)
  for (const name of ['features', 'labels'] as const)
    if (typeof model[name] !== 'function')
      throw new TradewrightError('BAD_OPTION', `model.${name} must be a function, was ${typeof model[name]}`, { name })
  checkWalkForward(model.walkForward)
}
