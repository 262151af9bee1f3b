import type { Strategy } from '@tradewright/backtest'
import {
  type Evaluate,
  type Evaluation,
  fromErrorData,
  type Metrics,
  type Params,
  type Program,
  type SimulationOptions,
  type Slice,
  type SliceResult,
  standardMetrics,
  TradewrightError,
} from '@tradewright/core'
import { buyAndHold, holdSimulation } from './buy-and-hold.ts'
import { holdoutSlice, type SplitBars, trainingSlice } from './holdout.ts'
import { type ResolvedObjective, weightedMetric } from './objective.ts'
import type { PartResult, Parts, SymbolValidation, Validation } from './training-result.ts'

/** What the best parameters are validated with. */
export interface ValidationRun<P> {
  readonly strategy: Strategy<P>
  readonly params: P
  readonly objective: ResolvedObjective
  readonly symbols: readonly SplitBars[]
  readonly simulation: SimulationOptions
  readonly evaluate: Evaluate
  readonly signal: AbortSignal
}

/** The mean of every standard metric over the slices. */
export function meanMetrics(slices: readonly SliceResult[]): Metrics {
  const weights = slices.map(() => 1)
  return Object.fromEntries(standardMetrics.map((name) => [name, weightedMetric(name, slices, weights)]))
}

function doneSlices(evaluation: Evaluation): readonly SliceResult[] {
  if (evaluation.status === 'failed') throw fromErrorData(evaluation.error)
  return evaluation.slices
}

async function evaluateOne(
  evaluate: Evaluate,
  program: Program,
  slices: readonly Slice[],
  simulation: SimulationOptions,
  signal: AbortSignal,
): Promise<readonly SliceResult[]> {
  const want = { state: false, returns: true, metrics: 'standard' } as const
  const [evaluation] = await evaluate({ trials: [{ id: 0, program }], slices, simulation, want, signal })
  return doneSlices(evaluation)
}

const partOf = ({ metrics, returns }: SliceResult, timestamp: Float64Array): PartResult => {
  if (returns === undefined || returns.length !== timestamp.length)
    throw new TradewrightError(
      'BAD_OPTIMIZER',
      `an evaluation that is asked for returns must give one a bar (${timestamp.length}), was ${returns?.length}`,
    )
  return { metrics, returns, timestamp }
}

/** What the study itself knows beside the evaluations. */
export type KnownLuck = Pick<Validation, 'deflatedSharpe' | 'probabilisticSharpe' | 'trialsCounted'>

/**
 * Runs the best parameters, and buying and holding, on both parts of the bars.
 *
 * The held-out part is evaluated here for the first time, once, after the search has ended.
 */
export async function validateResult<P>(run: ValidationRun<P>, luck: KnownLuck): Promise<Validation> {
  const { strategy, params, objective, symbols, simulation, evaluate, signal } = run
  const [program] = strategy.bind([params])
  const [hold] = buyAndHold.bind([{}])
  const holdOptions = holdSimulation(simulation)
  const both = async (
    slices: readonly Slice[],
  ): Promise<{ best: readonly SliceResult[]; hold: readonly SliceResult[] }> => ({
    best: await evaluateOne(evaluate, program, slices, simulation, signal),
    hold: await evaluateOne(evaluate, hold, slices, holdOptions, signal),
  })
  const held = symbols.every(({ bars, split }) => split < bars.length)
  const inSample = await both(symbols.map(trainingSlice))
  const heldOut = held ? await both(symbols.map(holdoutSlice)) : undefined
  const bySymbol = symbols.map(({ symbol, bars, split }, i): SymbolValidation => {
    const before = bars.timestamp.subarray(0, split)
    const after = bars.timestamp.subarray(split)
    return {
      symbol,
      strategy: {
        inSample: partOf(inSample.best[i], before),
        heldOut: heldOut && partOf(heldOut.best[i], after),
      },
      buyAndHold: {
        inSample: partOf(inSample.hold[i], before),
        heldOut: heldOut && partOf(heldOut.hold[i], after),
      },
    }
  })
  return {
    holdout: held ? 1 - symbols[0].split / symbols[0].bars.length : 0,
    inSample: meanMetrics(inSample.best),
    heldOut: heldOut && meanMetrics(heldOut.best),
    heldOutValue: heldOut && scoreOf(objective, heldOut.best, params as Params),
    buyAndHold: {
      inSample: meanMetrics(inSample.hold),
      heldOut: heldOut && meanMetrics(heldOut.hold),
    } satisfies Parts<Metrics>,
    ...luck,
    bySymbol,
  }
}

/** The first objective; NaN where it throws: a validation never loses a finished search. */
function scoreOf(objective: ResolvedObjective, slices: readonly SliceResult[], params: Params): number {
  try {
    return objective.score(
      slices,
      slices.map(() => 1),
      params,
    )[0]
  } catch {
    return Number.NaN
  }
}
