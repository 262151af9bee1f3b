export type { BarColumn, Bars, BarsInput } from './bars.ts'
export { barColumns, copyToShared, createBars, viewBars, viewRange } from './bars.ts'
export type { Cache, CacheStats, Entry } from './cache.ts'
export type { CheckpointInfo, Checkpoints } from './checkpoints.ts'
export type { Clock, ManualClock } from './clock.ts'
export { createManualClock, systemClock } from './clock.ts'
export { createFit } from './create-fit.ts'
export type { Data } from './data.ts'
export type { BarsRequest, DataSource } from './data-source.ts'
export type { Condition, Dimension } from './dimension.ts'
export type { Closable } from './dispose.ts'
export { DisposeStack } from './dispose.ts'
export type { ErrorCode, ErrorData } from './error.ts'
export { fromErrorData, isTradewrightError, nearestName, TradewrightError, toErrorData, unknownName } from './error.ts'
export type {
  EngineState,
  Evaluate,
  Evaluation,
  EvaluationRequest,
  Objective,
  Slice,
  SliceResult,
  TrialRef,
} from './evaluation.ts'
export type { EventMap, Events } from './events.ts'
export { createEvents } from './events.ts'
export type { IndicatorStore, IndicatorStoreStats } from './indicator-store.ts'
export { createIndicatorStore } from './indicator-store.ts'
export type { Fingerprint, Key } from './key.ts'
export { contentKey, Hasher } from './key.ts'
export { memoryStudyStore } from './memory-study-store.ts'
export type { Direction, MetricName, Metrics, ReturnMoments, StandardMetric, StandardMetrics } from './metrics.ts'
export { metricDirections, standardMetrics } from './metrics.ts'
export type {
  Continued,
  FeatureMatrix,
  Fit,
  FitOptions,
  FitProgress,
  FitRequest,
  FittedModel,
  Model,
  ModelReference,
} from './model.ts'
export { dominates, paretoFront } from './multi-objective.ts'
export { erf, normalCdf, normalPdf, normalQuantile, truncatedNormal } from './normal.ts'
export type {
  Logger,
  Onion,
  OnionCore,
  OnionOrder,
  Optimizer,
  OptimizerHost,
  RunStep,
  StepRequest,
  StepResult,
  Suggest,
  SuggestRequest,
} from './optimizer.ts'
export { composeOnion, defineOptimizer, orderOptimizers } from './optimizer.ts'
export type {
  ChoiceSpec,
  FloatSpec,
  IntSpec,
  NumberOptions,
  OneOfSpec,
  ParamSpec,
  Params,
  ParamsOf,
  ParamValue,
  SpaceShape,
} from './param-spec.ts'
export { bool, choice, float, int, oneOf } from './param-spec.ts'
export type { ProfileReport, Profiler, ProfileSpan, Snapshot } from './profiler.ts'
export type { GraphProgram, ModuleProgram, NodeRef, NodeTable, Program } from './program.ts'
export type { PruneDecision, Pruner } from './pruner.ts'
export { randomSampler } from './random-sampler.ts'
export type { Rng, RngState } from './rng.ts'
export { createRng, philox4x32 } from './rng.ts'
export type { SampleRequest, Sampler, SamplerOptionsByName, SamplerSpec } from './sampler.ts'
export type { SamplerRegistry } from './sampler-registry.ts'
export { coreSamplers, resolveSampler } from './sampler-registry.ts'
export type { SimulationOptions, Sizing, StopDistance } from './simulation.ts'
export type { SobolOptions } from './sobol-sampler.ts'
export { sobol, sobolSampler } from './sobol-sampler.ts'
export type { Space, SpaceOptions } from './space.ts'
export { defineSpace } from './space.ts'
export type { OptimizeOptions, Study, StudyOptions } from './study.ts'
export { createStudy } from './study.ts'
export type { PendingTrial, StudyLoopOptions, StudyLoopResult, StudyProgress, TrialOutcome } from './study-loop.ts'
export { bestTrial, isBetter, runStudyLoop, samplerRng, trialRng, wholeTrials } from './study-loop.ts'
export type { BestTrial, StudyResult } from './study-result.ts'
export { StudyState } from './study-state.ts'
export type { StoredGeneration, StoredStudy, StudyHeader, StudyStore } from './study-store.ts'
export type { Trial, TrialAnswer } from './study-trial.ts'
export type { Task, TaskContext, TaskPool } from './task-pool.ts'
export { inlineTaskPool } from './task-pool.ts'
export type { Calendar, Timeframe, TimeframeParts } from './timeframe.ts'
export { barsPerYear, calendarNames, parseTimeframe, periodStart, timeframeMs } from './timeframe.ts'
export type { FinishedTrial, PausedTrial, Report, Rung, Schedule, StudyView, Work } from './trial.ts'
