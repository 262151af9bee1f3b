export type { ErrorCode, ErrorData } from './error.ts'
export { fromErrorData, isTradewrightError, nearestName, TradewrightError, toErrorData, unknownName } from './error.ts'
export type { Rng, RngState } from './rng.ts'
export { createRng, philox4x32 } from './rng.ts'
