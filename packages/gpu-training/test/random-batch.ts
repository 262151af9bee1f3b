export { gradientError, randomBatch } from '../testing/gradient-error.ts'
