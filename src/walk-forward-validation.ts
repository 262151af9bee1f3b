import { walkForwardSlices } from '@tradewright/backtest'
import {
  type Evaluate,
  type FinishedTrial,
  fromErrorData,
  type Params,
  type Program,
  type Slice,
  type SliceResult,
  toErrorData,
} from '@tradewright/core'
import { bestOf, searchTrials, type TrainingPlan, type TrialSearch } from './search-trials.ts'
import type { FoldValidation, WalkForwardValidation } from './training-result.ts'
import { keptSlices } from './trial-data.ts'
import { meanMetrics } from './validate-result.ts'

/** What {@link walkForwardValidation} takes. */
export type WalkForwardRun<P> = Omit<TrialSearch<P>, 'slices' | 'name' | 'onProgress'> & {
  readonly evaluate: Evaluate
  /** Of {@link walkForwardFolds}. */
  readonly folds: readonly WalkForwardParts[]
}

/** One fold over every symbol. */
export interface WalkForwardParts {
  readonly train: readonly Slice[]
  readonly test: readonly Slice[]
}

/**
 * The folds that a plan asks for; none where it asks for none.
 *
 * @throws TradewrightError `BAD_OPTION` where not one fold fits.
 */
export function walkForwardFolds<P>({ symbols, training }: TrainingPlan<P>): readonly WalkForwardParts[] {
  const { walkForward } = training.validation
  if (walkForward === undefined) return []
  const { train, test, anchored = false, embargo = 0 } = walkForward
  const all = symbols.map(({ symbol, training: bars }) =>
    walkForwardSlices({
      symbol,
      data: bars.fingerprint,
      end: bars.length,
      train,
      test,
      purge: embargo,
      mode: anchored ? 'anchored' : 'rolling',
    }),
  )
  const count = Math.min(...all.map((folds) => folds.length))
  return Array.from({ length: count }, (_, k) => ({
    train: all.map((folds) => folds[k].train),
    test: all.map((folds) => folds[k].test),
  }))
}

/** Binds one set of parameters, with its models where there are any, for as long as `run` takes. */
async function withProgram<P, T>(
  { plan, models, signal }: WalkForwardRun<P>,
  { number, params }: FinishedTrial,
  slices: readonly Slice[],
  run: (program: Program) => Promise<T>,
): Promise<T> {
  const { strategy } = plan.request
  if (models === undefined) return run(strategy.bind([params as P])[0])
  const { bindings, release } = await models.bind([{ number, params, rung: undefined }], {
    slices,
    earlier: 0,
    run: plan.name,
    signal,
  })
  try {
    const [binding] = bindings
    if (binding.status === 'failed') throw fromErrorData(binding.error)
    return await run(binding.program)
  } finally {
    release()
  }
}

/** The first objective; NaN where it throws: a fold whose score cannot be told is no reason to lose the others. */
function scoreOf<P>({ objective }: TrainingPlan<P>, slices: readonly SliceResult[], params: Params): number {
  const weights = slices.map(() => 1)
  try {
    return objective.score(slices, weights, params)[0]
  } catch {
    return Number.NaN
  }
}

async function validateFold<P>(
  run: WalkForwardRun<P>,
  { train, test }: WalkForwardParts,
  fold: number,
): Promise<FoldValidation> {
  const { plan, signal, evaluate } = run
  const name = `${plan.name}, walk-forward ${fold + 1}`
  const { training: bars } = plan.symbols[0]
  const times = {
    fold,
    trainFrom: bars.timestamp[train[0].start],
    testFrom: bars.timestamp[test[0].start],
    testTo: bars.timestamp[test[0].end - 1],
  }
  const { trials } = await searchTrials({ ...run, slices: train, name })
  try {
    const best = bestOf(trials, plan, name)
    const slices = await withProgram(run, best, test, async (program): Promise<readonly SliceResult[]> => {
      const [evaluation] = await evaluate({
        trials: [{ id: 0, program }],
        slices: test,
        simulation: plan.training.simulation,
        want: { state: false, returns: false, metrics: 'standard' },
        signal,
      })
      if (evaluation.status === 'failed') throw fromErrorData(evaluation.error)
      return evaluation.slices
    })
    return {
      ...times,
      status: 'done',
      params: best.params,
      value: best.values[0],
      testValue: scoreOf(plan, slices, best.params),
      train: meanMetrics(keptSlices(best)),
      test: meanMetrics(slices),
    }
  } catch (error) {
    signal.throwIfAborted()
    return { ...times, status: 'failed', error: toErrorData(error) }
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * Searches anew on each fold's training and tries the best on the bars after it, within the bars that the search may
 * see: what choosing parameters like this would have brought. Undefined where it is not asked for.
 *
 * @see Pardo (2008), "The evaluation and optimization of trading strategies", chapter 11; the efficiency there is of
 *   annual profits, here of the objective.
 */
export async function walkForwardValidation<P>(run: WalkForwardRun<P>): Promise<WalkForwardValidation | undefined> {
  const { plan, signal } = run
  if (run.folds.length === 0) return undefined
  const folds: FoldValidation[] = []
  for (const [k, fold] of run.folds.entries()) {
    signal.throwIfAborted()
    if (plan.request.stop?.aborted === true) break
    folds.push(await validateFold(run, fold, k))
  }
  const done = folds.flatMap((fold) => (fold.status === 'done' ? [fold] : []))
  const trained = mean(done.map(({ value }) => value))
  const tested = mean(done.map(({ testValue }) => testValue))
  return { folds, value: trained, testValue: tested, efficiency: trained > 0 ? tested / trained : Number.NaN }
}
