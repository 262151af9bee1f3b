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

  /** Sizes of batches that together hold `trials`; one where all of it is to run in line. */
  split(trials: number, bars: number, workers: number): readonly number[] {
    const { minMs, maxMs, maxTrials } = this.#bounds
    const total = this.estimate(trials, bars)
    if (total === undefined || total < minMs) return [trials]
    // Two batches a worker, so that one that ends early does not leave the others alone.
    const batchMs = Math.min(maxMs, Math.max(minMs, total / (workers * 2)))
    const count = Math.max(Math.ceil(total / batchMs), Math.ceil(trials / maxTrials))
    const sizes = Math.min(trials, count)
    return Array.from(
      { length: sizes },
      (_, i) => Math.floor(((i + 1) * trials) / sizes) - Math.floor((i * trials) / sizes),
    )
  }
}
