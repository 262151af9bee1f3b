// Exports of the package: one named line per file.
export type { CheckpointCompression } from './checkpoints/checkpoint-file.ts'
export type { FileCheckpoints, FileCheckpointsOptions, FileCheckpointsStats } from './checkpoints/file-checkpoints.ts'
export { fileCheckpoints } from './checkpoints/file-checkpoints.ts'
export { weightsOf } from './checkpoints/weights-of.ts'
