import { engineVersion, type Strategy } from '@tradewright/backtest'
import type { Bars, GraphProgram, Metrics, Params, SimulationOptions } from '@tradewright/core'
import { writeFileAtomically } from './atomic-file.ts'
import type { Validation } from './training-result.ts'

/** A strategy with its parameters, as a file keeps it: plain JSON. */
export interface SavedStrategy {
  readonly format: 'tradewright-strategy'
  readonly version: 1
  readonly engineVersion: string
  readonly strategy: string
  readonly params: Params
  readonly program: GraphProgram
  readonly simulation: SimulationOptions
  readonly market: {
    readonly symbols: readonly string[]
    readonly timeframe: string | undefined
    readonly calendar: string | undefined
    readonly barsPerYear: number | undefined
  }
  /** What the search and the validation said, for whoever opens the file. */
  readonly evidence: {
    readonly inSample: Metrics
    readonly heldOut: Metrics | undefined
    readonly deflatedSharpe: number | null
    readonly trials: number
  }
}

/** What {@link saveStrategy} writes down. */
export interface StrategyToSave<P> {
  readonly strategy: Strategy<P>
  readonly params: P
  readonly simulation: SimulationOptions
  readonly symbols: readonly string[]
  readonly bars: Bars
  readonly metrics: Metrics
  readonly validation: Validation
}

/** Writes a strategy with its parameters. @throws TradewrightError `IO`. */
export async function saveStrategy<P>(file: string, what: StrategyToSave<P>): Promise<void> {
  const { strategy, params, simulation, symbols, bars, metrics, validation } = what
  // Bound alone, so that its table holds its own nodes and no other trial's.
  const [program] = strategy.bind([params])
  const { deflatedSharpe } = validation
  const saved: SavedStrategy = {
    format: 'tradewright-strategy',
    version: 1,
    engineVersion,
    strategy: strategy.name,
    params: params as Params,
    program,
    simulation,
    market: {
      symbols,
      timeframe: bars.timeframe,
      calendar: bars.calendar,
      barsPerYear: simulation.barsPerYear ?? bars.barsPerYear,
    },
    evidence: {
      inSample: metrics,
      heldOut: validation.heldOut,
      deflatedSharpe: Number.isNaN(deflatedSharpe) ? null : deflatedSharpe,
      trials: validation.trialsCounted,
    },
  }
  await writeFileAtomically(file, `${JSON.stringify(saved, undefined, 2)}\n`)
}
