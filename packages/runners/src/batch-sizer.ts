/** How much work a batch is to hold. */
export interface BatchBounds {
  /** Below this much estimated work everything runs in line. */
  readonly minMs: number
  /** A batch's upper bound: so an abort answers in time. */
  readonly maxMs: number
  /** Trials a batch at most. */
  readonly maxTrials: number
}

/** Sizes batches by the measured cost of a trial's bar. */
export class BatchSizer {
  readonly #bounds: BatchBounds
  #msPerBar: number | undefined

  constructor(bounds: BatchBounds) {
    this.#bounds = bounds
  }

  /** Measured cost of one bar of one trial, in ms; undefined before anything was measured. */
  get msPerBar(): number | undefined {
    return this.#msPerBar
  }

  /** Learns from a batch. Costs differ by program, so that the newest count most. */
  measured(bars: number, ms: number): void {
    if (bars <= 0 || !(ms >= 0)) return
    const seen = ms / bars
    this.#msPerBar = this.#msPerBar === undefined ? seen : 0.5 * this.#msPerBar + 0.5 * seen
  }

  /** Estimated work, in ms; undefined before anything was measured. */
  estimate(trials: number, bars: number): number | undefined {
    return this.#msPerBar === undefined ? undefined : this.#msPerBar * trials * bars
  }

  /**
   * Trials of a batch.
   *
   * @param total trials of the whole request.
   */
  size(total: number, bars: number, workers: number): number {
    const { minMs, maxMs, maxTrials } = this.#bounds
    const ms = this.estimate(total, bars)
    if (ms === undefined || ms === 0) return Math.min(total, maxTrials)
    // Two batches a worker, so that one that ends early does not leave the others alone.
    const count = ms / Math.min(maxMs, Math.max(minMs, ms / (workers * 2)))
    return Math.max(1, Math.min(maxTrials, Math.ceil(total / count)))
  }
}
