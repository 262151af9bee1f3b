export type { PrunerSpec, Study, StudyOptions, StudyResult } from '@tradewright/adaptive-sampling'
export { createStudy, fileStudyStore } from '@tradewright/adaptive-sampling'
export type {
  BacktestOptions,
  BacktestResult,
  BarFeatures,
  Columns,
  Expr,
  FeatureSpecs,
  FixedHorizonOptions,
  IndicatorOptions,
  Intent,
  Kernel,
  KernelStream,
  Labels,
  LabelsInput,
  LiveStrategy,
  Order,
  PurgedSplit,
  PurgedSplitsOptions,
  SavedStrategy,
  Signals,
  Strategy,
  StrategyDefinition,
  TechnicalAnalysis,
  Trade,
  TripleBarrierOptions,
} from '@tradewright/backtest'
export {
  backtest,
  createLabels,
  defineIndicator,
  defineStrategy,
  deflatedSharpe,
  engineVersion,
  ewmVolatility,
  featureMatrix,
  featureStream,
  fixedHorizon,
  minTrackRecordLength,
  parseStrategy,
  probabilisticSharpe,
  purgedSplits,
  sweep,
  ta,
  tripleBarrier,
} from '@tradewright/backtest'
export type {
  PrecomputeOptions,
  PrecomputeReport,
  SharedIndicatorStats,
  SharedIndicatorStore,
} from '@tradewright/backtest-cache'
export { precompute, sharedIndicatorStore } from '@tradewright/backtest-cache'
export type {
  Bars,
  BarsInput,
  BarsRequest,
  BestTrial,
  Cache,
  CacheStats,
  Calendar,
  Clock,
  DataSource,
  Direction,
  ErrorCode,
  ErrorData,
  Evaluate,
  Evaluation,
  EvaluationRequest,
  EventMap,
  Events,
  FeatureMatrix,
  FinishedTrial,
  Logger,
  MetricName,
  Metrics,
  Model,
  Objective,
  Optimizer,
  OptimizerHost,
  Params,
  ParamsOf,
  ProfileReport,
  Profiler,
  Pruner,
  Rng,
  Sampler,
  SamplerSpec,
  SimulationOptions,
  Slice,
  SliceResult,
  Snapshot,
  StudyStore,
  Trial,
} from '@tradewright/core'
export {
  bool,
  choice,
  createBars,
  createRng,
  defineOptimizer,
  defineSpace,
  float,
  int,
  isTradewrightError,
  memoryStudyStore,
  oneOf,
  standardMetrics,
  TradewrightError,
  viewRange,
} from '@tradewright/core'
export type { CsvDataSourceOptions, MemoryDataSourceOptions } from '@tradewright/market-data'
export { csvDataSource, memoryDataSource, resample } from '@tradewright/market-data'
export type { SweepParallelOptions } from '@tradewright/runners'
export { sweepParallel } from '@tradewright/runners'
export type { ResolvedConfiguration } from './configuration.ts'
export type { TrainingSystem } from './create-optimized-training-system.ts'
export { createOptimizedTrainingSystem } from './create-optimized-training-system.ts'
export type { Duration } from './duration.ts'
export type { ModelSource, ModelType } from './model-registry.ts'
export type { ModelRequest, ModelWalkForward } from './model-request.ts'
export type { FoldReport, ModelSearchSummary, ModelSummary } from './model-summary.ts'
export { renderReport } from './report/render-report.ts'
export type { ReportData } from './report/report-data.ts'
export type { ReportOptions } from './report/report-of.ts'
export { cacheNote, reportOf } from './report/report-of.ts'
export { writeReport } from './report/write-report.ts'
export type { LoadedStrategy, StrategyEvidence } from './saved-strategy.ts'
export { loadStrategy } from './saved-strategy.ts'
export type {
  AdaptiveSamplingOptions,
  CachingOptions,
  ComputationalOptimizationOptions,
  EarlyStoppingOptions,
  IncrementalTrainingSection,
  ParallelizationOptions,
  ProgressiveEvaluationSection,
  SystemOptions,
  TrainingOptions,
  WalkForwardSection,
} from './system-options.ts'
export type { ProgressBar, ProgressBarOptions, TextStream } from './terminal/progress-bar.ts'
export { progressBar } from './terminal/progress-bar.ts'
export { resultTable } from './terminal/result-table.ts'
export { createTimingProfiler } from './timing-profiler.ts'
export type { MemoryProfile, OptimizationStats, TrainingManager } from './training-manager.ts'
export type { TrainingProgress, TrainingRequest } from './training-request.ts'
export type {
  BestResult,
  FoldValidation,
  PartResult,
  Parts,
  SymbolValidation,
  TrainingResult,
  TrainingStats,
  Validation,
  WalkForwardValidation,
} from './training-result.ts'
export type { KeptSlice } from './trial-data.ts'
export { keptSlices } from './trial-data.ts'
