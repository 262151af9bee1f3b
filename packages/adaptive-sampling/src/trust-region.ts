/** Where a trust region stands. */
export interface TrustRegion {
  /** Side of the box in the unit cube, before the axes' weights. */
  readonly length: number
  /** Observations before this one belong to earlier regions. */
  readonly since: number
}

const FIRST = 0.8
const LARGEST = 1.6
const SMALLEST = 0.5 ** 7
const SUCCESSES = 3
/** Observations are judged in blocks of this many, so that the region does not depend on the generation size. */
const BLOCK = 8

/**
 * The trust region after a history: it doubles after 3 blocks of 8 in a row that found something better, halves after
 * `failures` in a row that did not, and begins anew when it is narrower than 2^-7.
 *
 * @param losses shape [n]. Read only.
 * @param first  observations of the initial design.
 * @see Eriksson, Pearce, Gardner, Turner, Poloczek (2019), "Scalable global optimization via local Bayesian
 *   optimization", NeurIPS 32 (TuRBO-1). Where it differs: blocks instead of batches.
 */
export function trustRegion(losses: Float64Array, first: number, dimensions: number): TrustRegion {
  const failures = Math.max(2, Math.ceil(dimensions / BLOCK))
  let length = FIRST
  let since = 0
  let succeeded = 0
  let failed = 0
  let best = Number.POSITIVE_INFINITY
  for (let at = 0; at + BLOCK <= losses.length; at += BLOCK) {
    let low = Number.POSITIVE_INFINITY
    for (let i = at; i < at + BLOCK; i++) low = Math.min(low, losses[i])
    if (at < since + first) {
      best = Math.min(best, low)
      continue
    }
    if (best === Number.POSITIVE_INFINITY ? low < best : low < best - 1e-3 * Math.abs(best)) {
      succeeded++
      failed = 0
    } else {
      succeeded = 0
      failed++
    }
    best = Math.min(best, low)
    if (succeeded === SUCCESSES) {
      length = Math.min(LARGEST, 2 * length)
      succeeded = 0
    } else if (failed === failures) {
      length /= 2
      failed = 0
    }
    if (length < SMALLEST) {
      length = FIRST
      since = at + BLOCK
      succeeded = 0
      failed = 0
      best = Number.POSITIVE_INFINITY
    }
  }
  return { length, since }
}
