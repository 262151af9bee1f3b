export type {
  Accumulator,
  EpisodesOptions,
  FrameStackOptions,
  LambdaReturnsOptions,
  NStepOptions,
  SequencesOptions,
} from './accumulator.ts'
export { episodes, frameStack, lambdaReturns, nStep, sequences } from './accumulator.ts'
export type {
  BatchSizer,
  FindBatchSizeOptions,
  FoundBatchSize,
  ResourceBatchSizeOptions,
  ScheduledBatchSizeOptions,
} from './batch-size.ts'
export { findBatchSize, resourceBatchSize, scheduledBatchSize } from './batch-size.ts'
export type { AnnealedBeta } from './beta.ts'
export { annealedBeta } from './beta.ts'
export type {
  ColumnBatchInput,
  ColumnInput,
  ColumnSpec,
  Columns,
  Pack,
  ReferenceSpec,
  ReferenceValue,
  SampledColumns,
  Transition,
  TransitionBatch,
} from './columns.ts'
export { createReplayBuffer } from './create-replay-buffer.ts'
export type { ColumnArray, Dtype, StoredDtype, TypedArrayByDtype } from './dtype.ts'
export type { ElementIndexState } from './element-index.ts'
export type { Column, Field, Layout } from './layout.ts'
export { Views } from './layout.ts'
export type { Lz4Library } from './lz4-codec.ts'
export { lz4Codec } from './lz4-codec.ts'
export type { OpenReplayBufferOptions } from './open-replay-buffer.ts'
export { openReplayBuffer } from './open-replay-buffer.ts'
export type { ClosedState } from './persistence.ts'
export { RandomStream } from './random-stream.ts'
export type { RateLimiterOptions, RateLimiterState } from './rate-limiter.ts'
export { createRateLimiter, RateLimiter } from './rate-limiter.ts'
export type { ReplayBatch } from './replay-batch.ts'
export { ReplayBuffer } from './replay-buffer.ts'
export type {
  ReplayBufferOptions,
  ReplayHost,
  ReplayStats,
  SampleOptions,
  SampleWithinOptions,
} from './replay-options.ts'
export type { ReplayTable, ReplayTableOptions, ReplayTablesOptions, SavedReplayTables } from './replay-tables.ts'
export { createReplayTables, ReplayTables } from './replay-tables.ts'
export type { EpisodeRowsState, RowIndex } from './row-index.ts'
export type { OutColumn, RowStore } from './row-store.ts'
export { copyField } from './row-store.ts'
export type { BoundSampler, DrawRequest, ReplaySampler, SamplerHost } from './sampler.ts'
export type { EmphasizeRecentOptions } from './samplers/emphasize-recent.ts'
export { emphasizeRecent } from './samplers/emphasize-recent.ts'
export type { EpisodeBalancedOptions } from './samplers/episode-balanced.ts'
export { episodeBalanced } from './samplers/episode-balanced.ts'
export type { PrioritizedOptions } from './samplers/prioritized.ts'
export { prioritized } from './samplers/prioritized.ts'
export type { RankBasedOptions } from './samplers/rank-based.ts'
export { rankBased } from './samplers/rank-based.ts'
export type { RecencyOptions } from './samplers/recency.ts'
export { recency } from './samplers/recency.ts'
export type { StratifiedOptions } from './samplers/stratified.ts'
export { stratified } from './samplers/stratified.ts'
export type { UniformOptions } from './samplers/uniform.ts'
export { uniform } from './samplers/uniform.ts'
export { restoreReplay, saveReplay } from './saved-replay.ts'
export type { SavedParts, SavedReplay } from './saved-state.ts'
export type { SharedReplayHandle, SharedStorage, SharedStorageOptions } from './shared-memory.ts'
export { shared } from './shared-memory.ts'
export { attachReplayProducer, ReplayProducer } from './shared-producer.ts'
export type { CachedStep, StateCacheOptions, StateCacheStats } from './state-cache.ts'
export { createStateCache, StateCache } from './state-cache.ts'
export type {
  BlockCodec,
  BlockPacking,
  CompressedStorage,
  CompressedStorageOptions,
  CustomStorage,
  DiskStorage,
  DiskStorageOptions,
  MemoryStorage,
} from './storage.ts'
export { compressed, disk, memory, tiered } from './storage.ts'
export type { SumTreeOptions } from './sum-tree.ts'
export { SumTree } from './sum-tree.ts'
