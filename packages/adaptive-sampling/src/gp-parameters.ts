export const SQRT5: number = Math.sqrt(5)
/** The rational quadratic kernel (1 + RATIONAL v s)^-2 curves at 0 as Matern 5/2 does, and needs no exponential. */
export const RATIONAL: number = 5 / 12

/** Hyperparameters: what a fit finds. */
export interface GpParameters {
  /** shape [d], 1 / length^2 of each axis in the part that joins all axes. */
  readonly inverseSquares: Float64Array
  /** Variance of that part. */
  readonly scale: number
  /** shape [d], 1 / length^2 of each axis in the sum of functions of one axis. */
  readonly sumInverseSquares: Float64Array
  /** Variance of the sum; 0 leaves it out. */
  readonly sumScale: number
  /** Variance of the noise. */
  readonly noise: number
  /** shape [2 d + 3], the logarithms a fit works on: a later fit may begin there. */
  readonly theta: Float64Array
}

/** Whether an axis has an order: distances on others are 0 or 1. */
export type AxisKinds = readonly ('number' | 'category')[]

/** Squared distance along one axis; an inactive coordinate (NaN) is as far from active ones as two categories are. */
export function axisSquare(kind: 'number' | 'category', a: number, b: number): number {
  const difference = a - b
  if (difference === 0) return 0
  if (Number.isNaN(difference)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : 1
  return kind === 'number' ? difference * difference : 1
}
