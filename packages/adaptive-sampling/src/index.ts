export type { AdaptiveSamplingOptions } from './adaptive-sampling.ts'
export { adaptiveSampling } from './adaptive-sampling.ts'
export type { AshaScheduleOptions } from './asha-schedule.ts'
export { ashaSchedule } from './asha-schedule.ts'
export type { AutoOptions } from './auto-sampler.ts'
export { autoSampler } from './auto-sampler.ts'
export type { CmaEsOptions, WarmStartTrial } from './cma-es-sampler.ts'
export { cmaEsSampler } from './cma-es-sampler.ts'
export type { DifferentialEvolutionOptions } from './differential-evolution-sampler.ts'
export { differentialEvolutionSampler } from './differential-evolution-sampler.ts'
export type { DuplicatesOption } from './distinct.ts'
export { distinct } from './distinct.ts'
export type { CurvePrediction, ExtrapolationOptions } from './extrapolation-pruner.ts'
export { extrapolate, extrapolationPruner } from './extrapolation-pruner.ts'
export type { Claim, FileStudyStoreOptions, SharedStudyStore } from './file-study-store.ts'
export { fileStudyStore } from './file-study-store.ts'
export type { GpOptions } from './gp-sampler.ts'
export { gpSampler } from './gp-sampler.ts'
export type { GridOptions } from './grid-sampler.ts'
export { bruteForceSampler, gridSampler } from './grid-sampler.ts'
export type { HaltonOptions } from './halton-sampler.ts'
export { haltonSampler } from './halton-sampler.ts'
export type { HyperbandOptions } from './hyperband-pruner.ts'
export { hyperbandPruner } from './hyperband-pruner.ts'
export type { Contour, Importance, InsightInput, InsightOptions, PartialDependence } from './insight.ts'
export {
  contour,
  fanovaImportance,
  optimizationHistory,
  parallelCoordinates,
  partialDependence,
  pedAnovaImportance,
  sliceOf,
} from './insight.ts'
export {
  plotContour,
  plotHistory,
  plotImportance,
  plotParallelCoordinates,
  plotPartialDependence,
  plotSlice,
} from './insight-plots.ts'
export type { Luck } from './luck.ts'
export { luckOf } from './luck.ts'
export { nonePruner } from './none-pruner.ts'
export type { Nsga2Options, Nsga3Options } from './nsga-sampler.ts'
export { nsga2Sampler, nsga3Sampler } from './nsga-sampler.ts'
export type { PatientOptions } from './patient-pruner.ts'
export { patientPruner } from './patient-pruner.ts'
export type { MedianOptions, PercentileOptions } from './percentile-pruner.ts'
export { medianPruner, percentilePruner } from './percentile-pruner.ts'
export type { PerturbationOptions } from './perturbation-sampler.ts'
export { perturbationSampler } from './perturbation-sampler.ts'
export type { QueuedSampler } from './queued-sampler.ts'
export { queuedSampler } from './queued-sampler.ts'
export type { PrunerOptionsByName, PrunerSpec } from './sampler-registry.ts'
export { adaptiveSamplers, resolvePruner } from './sampler-registry.ts'
export type { ShareOptions } from './shared-objective.ts'
export type { StopCriterion } from './stop-criteria.ts'
export { anyOf, expectedImprovementBelow, patienceOf, targetOf, timeLimitOf } from './stop-criteria.ts'
export type { OptimizeOptions, Study, StudyOptions, StudyResult } from './study.ts'
export { createStudy } from './study.ts'
export type { SuccessiveHalvingOptions } from './successive-halving-pruner.ts'
export { successiveHalvingPruner } from './successive-halving-pruner.ts'
export type { ThresholdOptions } from './threshold-pruner.ts'
export { thresholdPruner } from './threshold-pruner.ts'
export type { TpeOptions } from './tpe-sampler.ts'
export { tpeSampler } from './tpe-sampler.ts'
export type { WilcoxonOptions } from './wilcoxon-pruner.ts'
export { wilcoxonGreater, wilcoxonPruner } from './wilcoxon-pruner.ts'
