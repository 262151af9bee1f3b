import { adaptiveSamplers, resolvePruner } from '@tradewright/adaptive-sampling'
import { type ProgressiveEvaluation, progressiveEvaluation, stageThreshold } from '@tradewright/backtest-cache'
import {
  type Bars,
  bestTrial,
  type Clock,
  composeOnion,
  contentKey,
  type DataSource,
  type Evaluate,
  type Events,
  type FinishedTrial,
  type IndicatorStore,
  memoryStudyStore,
  type Optimizer,
  type Params,
  paretoFront,
  resolveSampler,
  runStudyLoop,
  type Sampler,
  type SamplerSpec,
  type Space,
  type SpaceShape,
  StudyState,
  TradewrightError,
  toErrorData,
  wholeTrials,
} from '@tradewright/core'
import type { WorkerPool } from '@tradewright/runners'
import { checkSimulation } from './buy-and-hold.ts'
import { type ResolvedConfiguration, type ResolvedTraining, resolveTraining } from './configuration.ts'
import { seenEnough, stoppingRule } from './early-stopping.ts'
import { type RunningBest, trialEvaluator } from './evaluate-trials.ts'
import { fixParams } from './fixed-params.ts'
import { lookBack, type SplitBars, splitBars, trainingSlice } from './holdout.ts'
import { luckOf } from './luck.ts'
import { modelFit } from './model-fit.ts'
import type { ModelRequest } from './model-request.ts'
import { ModelTraining } from './model-training.ts'
import { type ResolvedObjective, resolveObjective } from './objective.ts'
import { saveStrategy } from './saved-strategy.ts'
import { checkRequest, loadBars, type TrainingProgress, type TrainingRequest } from './training-request.ts'
import type { TrainingResult } from './training-result.ts'
import { keptSlices, poolMoments } from './trial-data.ts'
import { meanMetrics, validateResult } from './validate-result.ts'

/** What a system lends to one training. */
export interface TrainingHost {
  readonly dataSource: DataSource
  readonly training: ResolvedTraining
  readonly computing: ResolvedConfiguration['computationalOptimization']
  /** Every optimizer, outermost first, with those of this run in their place between cache and runner. */
  optimizers(ofRun: readonly Optimizer[]): readonly Optimizer[]
  /** The engine's, innermost; finds bars by fingerprint among those that `lend` was given. */
  readonly evaluate: Evaluate
  readonly events: Events
  readonly clock: Clock
  /** Threads that evaluate. */
  readonly threads: number
  /** Where models are trained beside this thread; undefined without workers. */
  readonly pool: WorkerPool | undefined
  /** The engine's. */
  readonly indicators: IndicatorStore
  /** Makes bars known to the engine until the returned function is called. */
  lend(bars: readonly Bars[]): () => void
  stats(): Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** A request with everything that it left out. */
interface Plan<P> {
  readonly request: TrainingRequest<P>
  readonly training: ResolvedTraining
  readonly objective: ResolvedObjective
  readonly symbols: readonly SplitBars[]
  readonly name: string
}

async function planTraining<P>(request: TrainingRequest<P>, host: TrainingHost, signal: AbortSignal): Promise<Plan<P>> {
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

async function openStudy<P>(
  plan: Plan<P>,
  space: { readonly key: string },
  sampler: Sampler,
  models: ModelTraining<P> | undefined,
): Promise<StudyState> {
  const { request, training, objective, symbols, name } = plan
  return StudyState.open(request.store ?? memoryStudyStore(), {
    name,
    space: space.key,
    directions: objective.directions,
    seed: training.seed,
    generationSize: training.generationSize ?? sampler.flags?.generationSize ?? 8,
    sampler: sampler.name,
    content: contentKey({
      strategy: request.strategy.name,
      data: symbols.map(({ training: bars }) => bars.fingerprint),
      simulation: training.simulation,
      objective: objective.name,
      ...(models === undefined ? {} : { model: models.content }),
    }),
  })
}

function bestOf<P>(trials: readonly FinishedTrial[], { objective, name, request }: Plan<P>): FinishedTrial {
  const best = bestTrial(trials, objective.directions)
  if (best !== undefined) return best
  const first = trials.find((trial) => trial.status === 'failed')?.error
  throw new TradewrightError(
    'TRIAL_FAILED',
    trials.length === 0
      ? `study '${name}' was stopped before a trial of '${request.strategy.name}' was finished`
      : `no trial of '${request.strategy.name}' gave a result; ${trials.length} ended${first === undefined ? '' : `, the first failed with: ${first.message}`}`,
    { study: name, trials: trials.length, error: first },
  )
}

/** Where parameters come from unless a sampler is named. */
function defaultSampler(
  {
    enabled,
    initialSamples,
    perturbationFactor,
  }: ResolvedConfiguration['computationalOptimization']['adaptiveSampling'],
  objectives: number,
): SamplerSpec {
  if (!enabled) return { type: 'random' }
  if (objectives > 1) return { type: 'nsga2' }
  if (initialSamples === undefined && perturbationFactor === undefined) return { type: 'auto' }
  return { type: 'perturbation', initialSamples, perturbationFactor }
}

/** The optimizer of this run that evaluates in stages; undefined where trials are evaluated whole. */
function stagesOf(
  { pruner, objective }: ResolvedTraining,
  { enabled, stages, threshold }: ResolvedConfiguration['computationalOptimization']['progressiveEvaluation'],
): ProgressiveEvaluation | undefined {
  if (!(enabled ?? pruner !== undefined)) return undefined
  if (resolveObjective(objective).directions.length > 1)
    throw new TradewrightError('BAD_OPTION', 'progressive evaluation judges one objective, was asked for several')
  return progressiveEvaluation({
    stages,
    pruner: pruner === undefined ? stageThreshold(threshold) : resolvePruner(pruner),
  })
}

/** Progress reports and never steers: a callback that throws is told of as a listener that failed. */
function tell(onProgress: (progress: TrainingProgress) => void, progress: TrainingProgress, events: Events): void {
  try {
    onProgress(progress)
  } catch (error) {
    events.emit('listener:failed', { event: 'onProgress', error: toErrorData(error, 'INTERNAL') })
  }
}

/** Trains the models of this run's trials; undefined where the request has none. */
function openModels<P>({ request, symbols, name }: Plan<P>, host: TrainingHost): ModelTraining<P> | undefined {
  if (request.model === undefined) return undefined
  return new ModelTraining({
    strategy: request.strategy,
    // Whatever its parameters are, they come from the joint space, which is made of its own shape.
    model: request.model as unknown as ModelRequest<P, SpaceShape>,
    symbols,
    fit: modelFit({ optimizers: host.optimizers([]), pool: host.pool, clock: host.clock }),
    indicators: host.indicators,
    run: name,
    parallel: host.pool?.size ?? 1,
  })
}

/**
 * Models are trained in workers and asked here: a simulation costs a thousandth of its model's training, and a worker
 * would have to be sent the models for it.
 */
const withoutRunner = (optimizers: readonly Optimizer[]): readonly Optimizer[] =>
  optimizers.filter(({ name }) => name !== 'worker-runner')

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
    const models = openModels(plan, host)
    const space = fixParams(
      models?.space ?? (request.strategy.space as unknown as Space),
      request.params as Params | undefined,
    )
    const sampler = resolveSampler(
      training.sampler ?? defaultSampler(host.computing.adaptiveSampling, objective.directions.length),
      adaptiveSamplers,
    )
    if (objective.directions.length > 1 && sampler.flags?.multiObjective !== true)
      throw new TradewrightError(
        'BAD_OPTION',
        `sampler '${sampler.name}' handles one objective, was asked for ${objective.directions.length}`,
        { sampler: sampler.name },
      )
    const slices = symbols.map(trainingSlice)
    const progressive = stagesOf(training, host.computing.progressiveEvaluation)
    progressive?.plan(slices)
    const rule = stoppingRule(host.computing.earlyStopping, training.trials)
    const optimizers = host.optimizers(progressive === undefined ? [] : [progressive])
    const onion = composeOnion(models === undefined ? optimizers : withoutRunner(optimizers), {
      suggest: async (r) => sampler.sample(r),
      schedule: wholeTrials,
      evaluate: host.evaluate,
    })
    const state = await openStudy(plan, space, sampler, models)
    if (state.sampler !== undefined) sampler.restore?.(state.sampler)
    const best: RunningBest = { value: bestTrial(state.trials, objective.directions)?.values[0] }
    const { onProgress } = request
    const loop = await runStudyLoop({
      state,
      space,
      trials: training.trials,
      suggest: onion.suggest,
      schedule: onion.schedule,
      evaluate: trialEvaluator(
        {
          strategy: request.strategy,
          bind: models?.bind.bind(models),
          objective,
          slices,
          simulation: training.simulation,
          evaluate: onion.evaluate,
          concurrency: training.concurrency,
          threads: host.threads,
          clock: host.clock,
        },
        best,
      ),
      observe: onion.observe,
      stopWhen: rule && ((view) => seenEnough(rule, view)),
      saveSampler: sampler.save?.bind(sampler),
      signal,
      stop: request.stop,
      onProgress:
        onProgress &&
        ((progress) =>
          tell(
            onProgress,
            { ...progress, best: best.value ?? progress.best, strategy: request.strategy.name },
            host.events,
          )),
      events: host.events,
      clock: host.clock,
    })
    const winner = bestOf(loop.trials, plan)
    const params = winner.params as P
    const final = await models?.finish(winner.number, winner.params, signal)
    const validation = await validateResult(
      {
        strategy: final?.strategy ?? request.strategy,
        params,
        objective,
        symbols,
        simulation: training.simulation,
        evaluate: onion.evaluate,
        signal,
      },
      luckOf(loop.trials, winner),
    ).finally(() => final?.release())
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
      front: objective.directions.length > 1 ? paretoFront(loop.trials, objective.directions) : [],
      trials: loop.trials,
      why: loop.why,
      validation,
      ...(final === undefined ? {} : { model: final.summary }),
      stats: {
        durationMs: host.clock.elapsed() - begin,
        trials: loop.trials.length,
        done: count(loop.trials, 'done'),
        failed: count(loop.trials, 'failed'),
        pruned: count(loop.trials, 'pruned'),
        generations: loop.generations,
        optimizers: { ...host.stats(), ...(progressive && { [progressive.name]: progressive.stats() }) },
      },
    }
  } finally {
    takeBack()
  }
}
