export type {
  Batch,
  CompiledModel,
  CompileOptions,
  GradientOptions,
  ModelMemory,
  PrecisionPolicy,
  StepTimes,
  StorageType,
  Tensors,
  TrainingBackend,
} from './backend.ts'
export type { DataLoader, DataLoaderOptions, Sampling } from './data-loader.ts'
export { createDataLoader } from './data-loader.ts'
export type { ArrayDatasetInput, ArrowColumns, ArrowTableLike, Dataset, WindowOptions } from './dataset.ts'
export { arrayDataset, arrowDataset, featureDataset, windowDataset } from './dataset.ts'
export type {
  BatchFinderOptions,
  BatchFinderResult,
  BatchFinding,
  RateFinderOptions,
  RateFinderResult,
} from './finders.ts'
export { findBatchSize, findLearningRate } from './finders.ts'
export { fusedBackend } from './fused-backend.ts'
export type { FusedBackendOptions } from './fused-options.ts'
export type { ActivationName, Kernels, MatmulShape } from './kernels.ts'
export { activationKinds, matmulFlag } from './kernels.ts'
export type {
  BackwardAt,
  ForwardAt,
  FusedLayer,
  LayerDefinition,
  LayerShape,
  LayerSpec,
  ParameterInit,
  ParameterSpec,
  RunState,
  Step,
  TfContext,
  TfOps,
  TfTensor,
} from './layer.ts'
export type { LayerRegistry } from './layer-registry.ts'
export { builtInLayers, layerRegistry } from './layer-registry.ts'
export { activation } from './layers/activation.ts'
export { residual } from './layers/add.ts'
export type { DenseOptions } from './layers/dense.ts'
export { dense } from './layers/dense.ts'
export { dropout } from './layers/dropout.ts'
export type { EmbeddingOptions } from './layers/embedding.ts'
export { embedding } from './layers/embedding.ts'
export { layerNorm } from './layers/layer-norm.ts'
export type { BackendName, LoadBackendOptions, LoadedBackend } from './load-backend.ts'
export { backendNames, loadBackend } from './load-backend.ts'
export type { Loss, LossBatch, LossSum, LossTotal } from './loss.ts'
export type { CrossEntropyOptions, FocalOptions } from './losses/classification.ts'
export { binaryCrossEntropy, crossEntropy, focal } from './losses/classification.ts'
export { huber, meanSquaredError, quantile } from './losses/regression.ts'
export type { SharpeOptions } from './losses/sharpe.ts'
export { sharpe } from './losses/sharpe.ts'
export type { ModelPool, ModelPoolOptions, ModelPoolStats } from './model-pool.ts'
export { createModelPool } from './model-pool.ts'
export type { ModelParameter, ModelSpec } from './model-spec.ts'
export { sequential } from './model-spec.ts'
export type { Bottleneck, ModelPerformance, PerformanceOptions, TraceEvent, TraceTrick } from './monitoring.ts'
export { benchmarkModelPerformance, chromeTrace, findBottlenecks } from './monitoring.ts'
export type { PerceptronEngine, PerceptronOptions } from './multi-layer-perceptron.ts'
export { multiLayerPerceptron } from './multi-layer-perceptron.ts'
export type { KoffiLike, OpenBlasOptions } from './open-blas.ts'
export { openBlas } from './open-blas.ts'
export type { ParameterGroup } from './parameter-updates.ts'
export type { SharedData, SharedLoaderOptions } from './shared-loader.ts'
export { createSharedLoader } from './shared-loader.ts'
export { tfjs } from './tfjs-backend.ts'
export type { TfCustomGradient } from './tfjs-matmul.ts'
export type { TfjsOptions, TfLike } from './tfjs-model.ts'
export { createTrainer } from './trainer.ts'
export type {
  FitOptions,
  FitResult,
  Trainer,
  TrainerOptions,
  TrainerTimes,
  TrainingProgress,
} from './trainer-options.ts'
export type { StateStore, TrainingRun, Trick } from './trick.ts'
export type { ExponentialAverageOptions, WeightAveragingOptions } from './tricks/averages.ts'
export { exponentialAverage, stochasticWeightAveraging } from './tricks/averages.ts'
export type { DynamicBatchingOptions } from './tricks/dynamic-batching.ts'
export { dynamicBatching } from './tricks/dynamic-batching.ts'
export type { EarlyStoppingOptions, StoppingCriterion, StoppingMetric } from './tricks/early-stopping.ts'
export { earlyStopping, financialMetrics } from './tricks/early-stopping.ts'
export type { LossScalingOptions } from './tricks/gradients.ts'
export {
  anomalyDetection,
  clipNorm,
  clipValue,
  dynamicLossScaling,
  gradientAccumulation,
  gradientCheckpointing,
} from './tricks/gradients.ts'
export type {
  AdaptiveRateOptions,
  CosineRestartsOptions,
  OneCycleOptions,
  PlateauOptions,
  PolynomialDecayOptions,
} from './tricks/schedules.ts'
export {
  adaptiveRate,
  cosineRestarts,
  linearWarmup,
  oneCycle,
  polynomialDecay,
  reduceOnPlateau,
} from './tricks/schedules.ts'
export type { OffloadingOptions } from './tricks/state-offloading.ts'
export { stateOffloading } from './tricks/state-offloading.ts'
export { labelSmoothing, mixup } from './tricks/targets.ts'
export type { ParameterStep, UpdateRule } from './update-rule.ts'
export type { AdamOptions, AdamVariantOptions, AdamWOptions } from './update-rules/adam.ts'
export { adam, adamW, nadam, radam } from './update-rules/adam.ts'
export type { AdagradOptions, LionOptions, RmsPropOptions } from './update-rules/adaptive.ts'
export { adagrad, lion, rmsProp } from './update-rules/adaptive.ts'
export type { MomentumOptions, SgdOptions } from './update-rules/momentum.ts'
export { momentum, nesterov, sgd } from './update-rules/momentum.ts'
export type { LookaheadOptions, SamOptions } from './update-rules/wrappers.ts'
export { lookahead, sam } from './update-rules/wrappers.ts'
export type { AdamNumbers, MomentumNumbers, VectorOps } from './vector-ops.ts'
export { hasWasmSimd } from './wasm-kernels.ts'
