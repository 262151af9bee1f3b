/** What a fit works on: pairs (i, k < i) of `n` observations, row by row. One is open at a time. */
export interface FitWork {
  /** shape [pairs * width], squared distances axis by axis, zeros from axis d on; to be filled once. */
  readonly squares: Float64Array
  /** Numbers a pair in `squares`: d, made even. */
  readonly width: number
  /** shape [n * n] */
  readonly l: Float64Array
  /** shape [n * n], lower triangle */
  readonly inverse: Float64Array
  /** shape [pairs], what {@link FitWork.distances} finds */
  readonly roots: Float64Array
  readonly sums: Float64Array
  /** shape [pairs], what {@link FitWork.gradients} weights pairs by */
  readonly joint: Float64Array
  readonly share: Float64Array
  /**
   * Roots of the weighted squares, times the root of 5, and sums of the kernels of one axis.
   *
   * @param weights shape [3 * width]: 1 / length^2; of the sum, times {@link RATIONAL}; of the sum. Read only.
   */
  distances(weights: Float64Array, sumsToo: boolean): void
  /** Factors `l`; false where it is not positive. */
  factor(): boolean
  /** Fills `inverse` from the factor. */
  invert(): void
  /**
   * Subtracts from `gradient`, shape [2 * width], the pairs' parts: (joint s) w, and (share slope(s) s) v of the sum.
   */
  gradients(weights: Float64Array, sumsToo: boolean, gradient: Float64Array): void
}

/** A model's observations, for {@link BlockWork}. */
export interface BlockModel {
  readonly n: number
  readonly d: number
  /** Even, at least n. */
  readonly stride: number
  /** shape [d * stride], coordinates axis by axis. Read only. */
  readonly columns: Float64Array
  /** shape [n * stride], the factor. Read only. */
  readonly l: Float64Array
  /** shape [2 * d]: 1 / length^2, and of the sum, times {@link RATIONAL}. Read only. */
  readonly weights: Float64Array
}

/** What points are compared with a model in, `BLOCK` at a time. One is open at a time. */
export interface BlockWork {
  /** shape [BLOCK * d] */
  readonly points: Float64Array
  /** shape [BLOCK * stride], what {@link BlockWork.distances} finds; {@link BlockWork.solve} works on the first in place. */
  readonly roots: Float64Array
  readonly sums: Float64Array
  distances(count: number, sumsToo: boolean): void
  /** Solves L x = b for the rows of `roots`. */
  solve(count: number): void
}

/** What a model is looked at in along one axis through a point. One is open at a time. */
export interface LineWork {
  /** shape [values], to be filled, as the next three: coordinates of the axis to try */
  readonly values: Float64Array
  /** shape [n], the observations' coordinates on the axis */
  readonly column: Float64Array
  /** shape [n], weighted squares over the other axes */
  readonly rest: Float64Array
  /** shape [n], kernels of one axis summed over the others */
  readonly restSums: Float64Array
  /** shape [values * stride], what {@link LineWork.distances} finds */
  readonly roots: Float64Array
  readonly sums: Float64Array
  /** n, made even. */
  readonly stride: number
  /** @param sumWeight 1 / length^2 of the sum, times {@link RATIONAL}. */
  distances(weight: number, sumWeight: number): void
}

/** Points in a block. */
export const BLOCK = 32

/** The costly loops of a Gaussian process. Every form gives the same numbers, bit by bit. */
export interface GpKernels {
  readonly form: 'plain' | 'wasm'
  fitWork(n: number, d: number): FitWork
  blockWork(model: BlockModel): BlockWork
  lineWork(n: number, values: number): LineWork
}
