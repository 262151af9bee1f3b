import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { type LiveStrategy, parseStrategy, type Strategy, type StreamOptions } from '@tradewright/backtest'
import {
  type Bars,
  type Data,
  type GraphProgram,
  type Metrics,
  nearestName,
  type Params,
  type SimulationOptions,
  TradewrightError,
} from '@tradewright/core'
import { writeFileAtomically } from './atomic-file.ts'
import { dataFromJson, dataToJson } from './data-json.ts'
import { loadSavedModel, type SavedModel } from './saved-model.ts'
import type { Validation } from './training-result.ts'

/** What {@link saveStrategy} writes down. */
export interface StrategyToSave<P> {
  readonly strategy: Strategy<P>
  readonly params: P
  readonly simulation: SimulationOptions
  readonly symbols: readonly string[]
  readonly bars: Bars
  readonly metrics: Metrics
  readonly validation: Validation
  /** The model behind the strategy's predictions; undefined without one. */
  readonly model?: SavedModel | undefined
}

/** What a search and its validation said of a saved strategy, for whoever opens the file. */
export interface StrategyEvidence {
  readonly symbols: readonly string[]
  readonly calendar: string | null
  readonly inSample: Metrics
  readonly heldOut: Metrics | null
  readonly deflatedSharpe: number | null
  readonly trials: number
}

/** Writes a strategy with its parameters: its graph, options and model's state as JSON, no code. @throws TradewrightError `IO`. */
export async function saveStrategy<P>(file: string, what: StrategyToSave<P>): Promise<void> {
  const { strategy, params, simulation, symbols, bars, metrics, validation, model } = what
  const saved = strategy.save(params, {
    ...simulation,
    timeframe: bars.timeframe,
    barsPerYear: simulation.barsPerYear ?? bars.barsPerYear,
  })
  const { deflatedSharpe } = validation
  const evidence: StrategyEvidence = {
    symbols,
    calendar: bars.calendar ?? null,
    inSample: metrics,
    heldOut: validation.heldOut ?? null,
    deflatedSharpe: Number.isNaN(deflatedSharpe) ? null : deflatedSharpe,
    trials: validation.trialsCounted,
  }
  const whole = {
    ...(saved as object),
    evidence,
    ...(model === undefined ? {} : { model: dataToJson(model as never) }),
  }
  await writeFileAtomically(file, `${JSON.stringify(whole, undefined, 2)}\n`)
}

/** A saved strategy, ready for a bot: see {@link LiveStrategy} for `warmUp`, `push`, `save` and `restore`. */
export interface LoadedStrategy extends LiveStrategy {
  readonly name: string
  readonly params: Params
  /** Runs in `backtest` too. */
  readonly program: GraphProgram
  /** The options that it runs with. */
  readonly options: StreamOptions
  /** What was known of it when it was saved. */
  readonly evidence: StrategyEvidence | undefined
}

async function readSaved(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new TradewrightError('IO', `a saved strategy must be readable, was '${file}'`, { file }, { cause })
    const names = await readdir(dirname(resolve(file))).catch(() => [])
    const nearest = nearestName(basename(file), names)
    throw new TradewrightError(
      'NOT_FOUND',
      `a saved strategy must exist, was '${file}'${nearest === undefined ? '' : `; did you mean '${nearest}'?`}`,
      { file, ...(nearest === undefined ? {} : { nearest }) },
      { cause },
    )
  }
}

/**
 * Loads a strategy that `result.best.save(file)` wrote, for a live bot.
 *
 * @param file    path of the file.
 * @param options override the saved simulation options.
 * @throws TradewrightError `NOT_FOUND` (with the nearest name; the module of its model), `IO`, `BAD_DATA` for a file that
 *   is no saved strategy, `CORRUPT` for a model that is not the one it was saved with.
 * @example
 * ```ts
 * const live = await loadStrategy('eth.strategy.json')
 * live.warmUp(bars)
 * const { signals, intents, ready } = live.push(bar)
 * ```
 */
export async function loadStrategy(file: string, options: StreamOptions = {}): Promise<LoadedStrategy> {
  const text = await readSaved(file)
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (cause) {
    throw new TradewrightError('BAD_DATA', `a saved strategy must be JSON, '${file}' is not`, { file }, { cause })
  }
  const saved = parseStrategy(data as Data)
  const { model } = data as { readonly model?: unknown }
  if (model !== undefined) await loadSavedModel(dataFromJson(model), file)
  await saved.load()
  const { name, params, program } = saved
  const live = saved.stream(options)
  const { evidence } = data as { readonly evidence?: StrategyEvidence }
  return {
    name,
    params,
    program,
    options: { ...saved.options, ...options },
    evidence,
    warmUp: (bars) => live.warmUp(bars),
    push: (bar) => live.push(bar),
    save: () => live.save(),
    restore: (state) => live.restore(state),
  }
}
