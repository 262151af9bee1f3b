/** A price of a hit before any was measured, in ms: a disk look-up with decoding. */
const ASSUMED_HIT_MS = 0.005
/** What costs less than this many hits is not kept. */
const WORTH = 5

/** Decides by measured costs whether a result is worth keeping. */
export class Admission {
  readonly #all: boolean
  #hitMs: number = ASSUMED_HIT_MS
  #refused = 0

  constructor(mode: 'cost' | 'all') {
    this.#all = mode === 'all'
  }

  /** The price of a hit: look-up, copy and decoding, a moving mean over batches. */
  get hitMs(): number {
    return this.#hitMs
  }

  /** Results that were not worth keeping. */
  get refused(): number {
    return this.#refused
  }

  /** Learns from a batch of look-ups. Misses say nothing of the price of a hit, so batches of mostly misses do not count. */
  measured(hits: number, lookUps: number, ms: number): void {
    if (hits * 2 > lookUps) this.#hitMs += 0.25 * (ms / lookUps - this.#hitMs)
  }

  admits(costMs: number): boolean {
    if (this.#all || costMs >= WORTH * this.#hitMs) return true
    this.#refused++
    return false
  }
}
