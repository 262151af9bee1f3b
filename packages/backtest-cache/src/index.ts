export type { CacheAction, CacheReport, MaintainCacheOptions } from './cache-maintenance.ts'
export { cacheActions, maintainCache } from './cache-maintenance.ts'
export type { CacheWarning, WarningCache } from './cache-warnings.ts'
export { isWarningCache } from './cache-warnings.ts'
export type { DiskCache, DiskCacheOptions, DiskCacheStats, VerifyReport } from './disk-cache.ts'
export { diskCache } from './disk-cache.ts'
export type { MemoryCache, MemoryCacheOptions, MemoryCacheStats } from './memory-cache.ts'
export { memoryCache } from './memory-cache.ts'
export type { PrecomputeOptions, PrecomputeReport } from './precompute.ts'
export { precompute } from './precompute.ts'
export type {
  ProgressiveEvaluation,
  ProgressiveEvaluationOptions,
  ProgressiveStats,
} from './progressive-evaluation.ts'
export { progressiveEvaluation, stageThreshold } from './progressive-evaluation.ts'
export type { RedisCache, RedisCacheOptions } from './redis-cache.ts'
export { redisCache } from './redis-cache.ts'
export type { ResultCacheOptions, ResultCacheStats } from './result-cache.ts'
export { resultCache } from './result-cache.ts'
export type {
  SharedColumn,
  SharedIndicatorStats,
  SharedIndicatorStore,
  SharedIndicatorStoreOptions,
} from './shared-indicator-store.ts'
export { sharedIndicatorStore, sharedOnDemand } from './shared-indicator-store.ts'
export type { StoredSlice } from './slice-codec.ts'
export { decodeSlice, encodeSlice } from './slice-codec.ts'
export type { RegimeSegment, Stage, StageOrder } from './stage-plan.ts'
export { planStages } from './stage-plan.ts'
export type { TierCache } from './tier-cache.ts'
export type { TieredCache, TieredCacheOptions } from './tiered-cache.ts'
export { tieredCache } from './tiered-cache.ts'
