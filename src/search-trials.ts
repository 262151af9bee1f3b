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
  resolveSampler,
  runStudyLoop,
  type Sampler,
  type SamplerSpec,
  type Slice,
  type Space,
  StudyState,
  TradewrightError,
  toErrorData,
  wholeTrials,
} from '@tradewright/core'
import type { WorkerPool } from '@tradewright/runners'
import type { ResolvedConfiguration, ResolvedTraining } from './configuration.ts'
import { seenEnough, stoppingRule } from './early-stopping.ts'
import { type RunningBest, trialEvaluator } from './evaluate-trials.ts'
import type { SplitBars } from './holdout.ts'
import type { ModelTraining } from './model-training.ts'
import { type ResolvedObjective, resolveObjective } from './objective.ts'
import type { TrainingProgress, TrainingRequest } from './training-request.ts'

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
  /** What lets models continue; undefined where it is switched off. */
  incremental(): Promise<Optimizer | undefined>
  /** The engine's. */
  readonly indicators: IndicatorStore
  /** Makes bars known to the engine until the returned function is called. */
  lend(bars: readonly Bars[]): () => void
  stats(): Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** A request with everything that it left out. */
export interface TrainingPlan<P> {
  readonly request: TrainingRequest<P>
  readonly training: ResolvedTraining
  readonly objective: ResolvedObjective
  readonly symbols: readonly SplitBars[]
  readonly name: string
}

/** One search: what is searched, and on which bars. */
export interface TrialSearch<P> {
  readonly plan: TrainingPlan<P>
  readonly host: TrainingHost
  readonly space: Space
  readonly models: ModelTraining<P> | undefined
  readonly slices: readonly Slice[]
  /** Name of the study. */
  readonly name: string
  readonly signal: AbortSignal
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined
}

/** What a search gave. */
export interface SearchedTrials {
  readonly trials: readonly FinishedTrial[]
  readonly why: string
  readonly generations: number
  /** The onion's, to validate with. */
  readonly evaluate: Evaluate
  /** Of the optimizers that only this search had. */
  readonly stats: Readonly<Record<string, Readonly<Record<string, number>>>>
}

async function openStudy<P>(
  { plan, space, models, slices, name }: TrialSearch<P>,
  sampler: Sampler,
): Promise<StudyState> {
  const { request, training, objective, symbols } = plan
  const whole = slices.every(({ start, end }, k) => start === 0 && end === symbols[k].training.length)
  return StudyState.open(request.store ?? memoryStudyStore({ copies: false }), {
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
      ...(whole ? {} : { ranges: slices.map(({ start, end }) => [start, end]) }),
    }),
  })
}

/** @throws TradewrightError `TRIAL_FAILED` where no trial gave a result. */
export function bestOf<P>(
  trials: readonly FinishedTrial[],
  { objective, request }: TrainingPlan<P>,
  name: string,
): FinishedTrial {
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

/**
 * Models are trained in workers and asked here: a simulation costs a thousandth of its model's training, and a worker
 * would have to be sent the models for it.
 */
const withoutRunner = (optimizers: readonly Optimizer[]): readonly Optimizer[] =>
  optimizers.filter(({ name }) => name !== 'worker-runner')

/** Searches the best parameters on some bars. */
export async function searchTrials<P>(search: TrialSearch<P>): Promise<SearchedTrials> {
  const { plan, host, space, models, slices, signal, onProgress } = search
  const { request, training, objective } = plan
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
  const progressive = stagesOf(training, host.computing.progressiveEvaluation)
  progressive?.plan(slices)
  const rule = stoppingRule(host.computing.earlyStopping, training.trials)
  const optimizers = host.optimizers(progressive === undefined ? [] : [progressive])
  const onion = composeOnion(models === undefined ? optimizers : withoutRunner(optimizers), {
    suggest: async (r) => sampler.sample(r),
    schedule: wholeTrials,
    evaluate: host.evaluate,
  })
  const state = await openStudy(search, sampler)
  if (state.sampler !== undefined) sampler.restore?.(state.sampler)
  const best: RunningBest = { value: bestTrial(state.trials, objective.directions)?.values[0] }
  const { trials, why, generations } = await runStudyLoop({
    state,
    space,
    trials: training.trials,
    suggest: onion.suggest,
    schedule: onion.schedule,
    evaluate: trialEvaluator(
      {
        strategy: request.strategy,
        bind: models && ((batch, context) => models.bind(batch, { ...context, run: search.name })),
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
  const stats = progressive === undefined ? {} : { [progressive.name]: progressive.stats() }
  return { trials, why, generations, evaluate: onion.evaluate, stats }
}
