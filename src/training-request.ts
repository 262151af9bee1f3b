import type { PrunerSpec } from '@tradewright/adaptive-sampling'
import type { Strategy } from '@tradewright/backtest'
import {
  type Bars,
  type DataSource,
  type Objective,
  type Params,
  type ParamsOf,
  type SamplerSpec,
  type SimulationOptions,
  type SpaceShape,
  type StudyProgress,
  type StudyStore,
  TradewrightError,
  unknownName,
} from '@tradewright/core'
import { checkModelRequest, type ModelRequest, type NoShape } from './model-request.ts'
import type { TrainingOptions } from './system-options.ts'

/** Progress of one training. */
export interface TrainingProgress extends StudyProgress {
  readonly strategy: string
}

/** One search for the best parameters of a strategy. What is left out comes from the system's `training` section. */
export interface TrainingRequest<P = Params, Shape extends SpaceShape = NoShape> {
  readonly strategy: Strategy<P>
  /** A model that the strategy reads as `columns.prediction`, trained walk-forward within every trial. @default none */
  readonly model?: ModelRequest<P, Shape> | undefined
  /** The market to train on; may be left out where the data source has only one. */
  readonly symbol?: string | undefined
  /** Several markets: a trial is judged on the mean over them. Not together with `symbol`. */
  readonly symbols?: readonly string[] | undefined
  readonly exchange?: string | undefined
  readonly timeframe?: string | undefined
  /** Parameters that keep these values; only the others are searched. */
  readonly params?: Partial<P & ParamsOf<Shape>> | undefined
  readonly trials?: number | undefined
  readonly objective?: Objective | undefined
  readonly seed?: number | undefined
  readonly validation?: TrainingOptions['validation']
  readonly lookbackDays?: number | undefined
  /** Over the section's, option by option. */
  readonly simulation?: SimulationOptions | undefined
  readonly sampler?: SamplerSpec | undefined
  readonly pruner?: PrunerSpec | undefined
  readonly generationSize?: number | undefined
  readonly concurrency?: number | undefined
  /** Name of the study. @default strategy, symbols and timeframe */
  readonly study?: string | undefined
  /** Keeps the study across processes: a study of the same name there is continued. @default memory */
  readonly store?: StudyStore | undefined
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Ends in order: the result holds what is finished. */
  readonly stop?: AbortSignal | undefined
}

const REQUEST_KEYS: readonly (keyof TrainingRequest)[] = [
  'strategy',
  'model',
  'symbol',
  'symbols',
  'exchange',
  'timeframe',
  'params',
  'trials',
  'objective',
  'seed',
  'validation',
  'lookbackDays',
  'simulation',
  'sampler',
  'pruner',
  'generationSize',
  'concurrency',
  'study',
  'store',
  'onProgress',
  'signal',
  'stop',
]

/** @throws TradewrightError `UNKNOWN_NAME` (a key), `BAD_OPTION` (strategy, model, or both symbol and symbols). */
export function checkRequest<P, Shape extends SpaceShape>(request: TrainingRequest<P, Shape>): void {
  if (typeof request !== 'object' || request === null)
    throw new TradewrightError('BAD_OPTION', `a training needs a request object, was ${String(request)}`)
  for (const key of Object.keys(request))
    if (!(REQUEST_KEYS as readonly string[]).includes(key)) throw unknownName('training option', key, REQUEST_KEYS)
  const { strategy, symbol, symbols, onProgress } = request
  if (typeof strategy !== 'object' || strategy === null || typeof strategy.bind !== 'function')
    throw new TradewrightError(
      'BAD_OPTION',
      `strategy must be one made by defineStrategy, was ${strategy === null ? 'null' : typeof strategy}`,
    )
  if (request.model !== undefined) checkModelRequest(request.model)
  if (symbol !== undefined && symbols !== undefined)
    throw new TradewrightError('BAD_OPTION', 'a training takes symbol or symbols, not both', { symbol, symbols })
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TradewrightError('BAD_OPTION', `onProgress must be a function, was ${typeof onProgress}`)
}

type Markets = Pick<TrainingRequest, 'symbol' | 'symbols' | 'exchange' | 'timeframe'>

/** The symbols of a request: its own, or the only one there is. */
async function symbolsOf(request: Markets, source: DataSource): Promise<readonly string[]> {
  if (request.symbol !== undefined) return [request.symbol]
  if (request.symbols !== undefined) {
    if (request.symbols.length === 0 || new Set(request.symbols).size !== request.symbols.length)
      throw new TradewrightError(
        'BAD_OPTION',
        `symbols must be one or more different names, was ${JSON.stringify(request.symbols)}`,
        { symbols: request.symbols },
      )
    return request.symbols
  }
  const known = (await source.symbols?.()) ?? []
  if (known.length === 1) return known
  throw new TradewrightError(
    'BAD_OPTION',
    `symbol must be given${known.length === 0 ? '' : `, one of ${known.join(', ')}`}, was undefined`,
    { known },
  )
}

/** Loads the bars of every symbol of a request. */
export async function loadBars(
  request: Markets,
  source: DataSource,
  signal: AbortSignal,
): Promise<readonly { readonly symbol: string; readonly bars: Bars }[]> {
  const { exchange, timeframe } = request
  const symbols = await symbolsOf(request, source)
  const loaded: { symbol: string; bars: Bars }[] = []
  for (const symbol of symbols) {
    signal.throwIfAborted()
    loaded.push({ symbol, bars: await source.load({ symbol, exchange, timeframe, signal }) })
  }
  return loaded
}
