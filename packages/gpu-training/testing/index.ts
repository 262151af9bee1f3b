export { gradientError, randomBatch } from './gradient-error.ts'
export type { TrainingBackendContractOptions } from './training-backend-contract.ts'
export { trainingBackendContract } from './training-backend-contract.ts'
