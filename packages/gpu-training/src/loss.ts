/** What a loss sees of a batch. */
export interface LossBatch {
  readonly rows: number
  /** Columns of the prediction. */
  readonly outputs: number
  /** Columns of the target. */
  readonly targets: number
  /** shape [rows * outputs]. Read only. */
  readonly prediction: Float32Array
  /** shape [rows * targets]. Read only. */
  readonly target: Float32Array
  /** shape [rows], not negative; undefined: every row counts 1. Read only. */
  readonly weight: Float32Array | undefined
}

/** What a batch's loss is made of. */
export interface LossSum {
  /** Sum over the rows of weight times loss (for a loss that is no mean of rows: its value times `weight`). */
  readonly sum: number
  /** Sum of the weights. */
  readonly weight: number
}

/**
 * A {@link LossSum} that is the caller's, to be written to: training asks for one in every step. Written to in the loss itself:
 * handed to a function, its numbers would be boxed, 16 bytes each.
 */
export interface LossTotal {
  sum: number
  weight: number
}

/** A loss: of sums over rows, so that batches can be put together exactly. */
export interface Loss {
  readonly name: string
  /** Whether the loss of a batch is the weighted mean of its rows' losses: what gradient accumulation needs. */
  readonly additive: boolean
  /** Targets a row that it takes for so many outputs. @throws TradewrightError `BAD_SHAPE`. */
  check(outputs: number, targets: number): void
  /**
   * The loss and, where `gradient` is given, its derivative by each prediction times `factor`: of `sum`, not of the mean.
   *
   * @param batch    valid for the call only.
   * @param gradient shape [rows * outputs], caller-owned, fully overwritten; may not be `prediction`.
   * @param out      may be written to and returned, so that a step allocates nothing.
   */
  evaluate(batch: LossBatch, gradient: Float32Array | undefined, factor: number, out?: LossTotal): LossSum
}
