import { type FinishedTrial, type Params, paretoFront, type Space, type SpaceShape } from '@tradewright/core'
import { checkSimulation } from './buy-and-hold.ts'
import { resolveTraining } from './configuration.ts'
import { fixParams } from './fixed-params.ts'
import { lookBack, splitBars, trainingSlice } from './holdout.ts'
import { luckOf } from './luck.ts'
import { modelFit } from './model-fit.ts'
import { checkSource, resolveModelSource } from './model-registry.ts'
import type { ModelRequest } from './model-request.ts'
import { ModelTraining } from './model-training.ts'
import { resolveObjective } from './objective.ts'
import { saveStrategy } from './saved-strategy.ts'
import { bestOf, searchTrials, type TrainingHost, type TrainingPlan } from './search-trials.ts'
import { checkRequest, loadBars, type TrainingRequest } from './training-request.ts'
import type { TrainingResult } from './training-result.ts'
import { keptSlices, poolMoments } from './trial-data.ts'
import { meanMetrics, validateResult } from './validate-result.ts'
import { walkForwardFolds, walkForwardValidation } from './walk-forward-validation.ts'

async function planTraining<P>(
  request: TrainingRequest<P>,
  host: TrainingHost,
  signal: AbortSignal,
): Promise<TrainingPlan<P>> {
  checkRequest(request)
  const { trials, objective, seed, validation, lookbackDays, sampler, pruner, generationSize, concurrency } = request
  const training = resolveTraining(host.training, {
    trials,
    objective,
    seed,
    validation,
    lookbackDays,
    sampler,
    pruner,
    generationSize,
    concurrency,
    simulation: { ...host.training.simulation, ...request.simulation },
  })
  const resolved = resolveObjective(training.objective)
  const loaded = await loadBars(request, host.dataSource, signal)
  const symbols = loaded.map(({ symbol, bars }) =>
    splitBars(lookBack(bars, training.lookbackDays), symbol, training.validation.holdout),
  )
  checkSimulation(training.simulation, symbols[0].training)
  const timeframe = symbols[0].bars.timeframe ?? request.timeframe
  const name =
    request.study ??
    [request.strategy.name, symbols.map(({ symbol }) => symbol).join('+'), timeframe].filter(Boolean).join(' ')
  return { request, training, objective: resolved, symbols, name }
}

/** Trains the models of this run's trials; undefined where the request has none. */
async function openModels<P>(
  { request, symbols }: TrainingPlan<P>,
  host: TrainingHost,
): Promise<ModelTraining<P> | undefined> {
  if (request.model === undefined) return undefined
  await checkSource(resolveModelSource(request.model.create))
  const incremental = await host.incremental()
  const { pool, clock, indicators } = host
  const optimizers = host.optimizers(incremental === undefined ? [] : [incremental])
  const exact = optimizers.filter(({ fit, effect }) => fit === undefined || effect === 'exact')
  return new ModelTraining({
    strategy: request.strategy,
    // Whatever its parameters are, they come from the joint space, which is made of its own shape.
    model: request.model as unknown as ModelRequest<P, SpaceShape>,
    symbols,
    fit: modelFit({ optimizers, pool, clock }),
    fitExactly: modelFit({ optimizers: exact, pool, clock }),
    indicators,
    parallel: pool?.size ?? 1,
  })
}

const count = (trials: readonly FinishedTrial[], status: FinishedTrial['status']): number =>
  trials.filter((trial) => trial.status === status).length

/**
 * Searches the best parameters of a strategy, then validates them on bars that the search never saw.
 *
 * @param signal rejects with its reason.
 */
export async function runTraining<P>(
  request: TrainingRequest<P>,
  host: TrainingHost,
  signal: AbortSignal,
): Promise<TrainingResult<P>> {
  const begin = host.clock.elapsed()
  const plan = await planTraining(request, host, signal)
  const { training, objective, symbols, name } = plan
  const takeBack = host.lend(symbols.flatMap(({ bars, training: part }) => [bars, part]))
  try {
    const folds = walkForwardFolds(plan)
    const models = await openModels(plan, host)
    const space = fixParams(
      models?.space ?? (request.strategy.space as unknown as Space),
      request.params as Params | undefined,
    )
    const search = { plan, host, space, models, signal }
    const searched = await searchTrials({
      ...search,
      slices: symbols.map(trainingSlice),
      name,
      onProgress: request.onProgress,
    })
    const { trials, evaluate } = searched
    const winner = bestOf(trials, plan, name)
    const params = winner.params as P
    const final = await models?.finish(winner.number, winner.params, signal)
    const validation = await validateResult(
      {
        strategy: final?.strategy ?? request.strategy,
        params,
        objective,
        symbols,
        simulation: training.simulation,
        evaluate,
        signal,
      },
      luckOf(trials, winner),
    ).finally(() => final?.release())
    const walkForward = await walkForwardValidation({ ...search, evaluate, folds })
    const kept = keptSlices(winner)
    const { bars } = symbols[0]
    const metrics = meanMetrics(kept)
    return {
      study: name,
      strategy: request.strategy.name,
      symbols: symbols.map(({ symbol }) => symbol),
      timeframe: bars.timeframe ?? request.timeframe,
      calendar: bars.calendar,
      barsPerYear: training.simulation.barsPerYear ?? bars.barsPerYear,
      objective: { name: objective.name, metric: objective.metric, directions: objective.directions },
      seed: training.seed,
      space,
      best: {
        number: winner.number,
        params,
        metrics,
        moments: poolMoments(kept.flatMap(({ moments }) => (moments === undefined ? [] : [moments]))),
        value: winner.values[0],
        values: winner.values,
        save: (file) =>
          saveStrategy(file, {
            strategy: final?.live ?? request.strategy,
            params,
            model: final?.saved,
            simulation: training.simulation,
            symbols: symbols.map((s) => s.symbol),
            bars,
            metrics,
            validation,
          }),
      },
      front: objective.directions.length > 1 ? paretoFront(trials, objective.directions) : [],
      trials,
      why: searched.why,
      validation: walkForward === undefined ? validation : { ...validation, walkForward },
      ...(final === undefined ? {} : { model: final.summary }),
      stats: {
        durationMs: host.clock.elapsed() - begin,
        trials: trials.length,
        done: count(trials, 'done'),
        failed: count(trials, 'failed'),
        pruned: count(trials, 'pruned'),
        generations: searched.generations,
        optimizers: { ...host.stats(), ...searched.stats },
      },
    }
  } finally {
    takeBack()
  }
}
