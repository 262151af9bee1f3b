/** A price of a hit before any was measured, in ms: a disk look-up with decoding. */
const ASSUMED_HIT_MS = 0.005
/** What costs less than this many hits is not kept. */
const WORTH = 5
/** Batches that must be refused whole before one passes without a look-up, and how many then pass between two looks. */
const PATIENCE = 4
const LONGEST_REST = 32

/** Decides by measured costs whether a result is worth keeping. */
export class Admission {
  readonly #all: boolean
  #hitMs: number = ASSUMED_HIT_MS
  #storeMs = 0
  #refused = 0
  #admitted = 0
  /** Batches in a row without a hit and without anything worth keeping. */
  #vain = 0
  #rest = 0
  #nextRest = 1

  constructor(mode: 'cost' | 'all') {
    this.#all = mode === 'all'
  }

  /** The price of a hit: look-up, copy and decoding, a moving mean over batches. */
  get hitMs(): number {
    return this.#hitMs
  }

  /** The price of storing a result, a moving mean over batches; 0 before any was stored. */
  get storeMs(): number {
    return this.#storeMs
  }

  /** Results that were not worth keeping. */
  get refused(): number {
    return this.#refused
  }

  /** Learns from a batch of look-ups. Misses say nothing of the price of a hit, so batches of mostly misses do not count. */
  measured(hits: number, lookUps: number, ms: number): void {
    if (hits * 2 > lookUps) this.#hitMs += 0.25 * (ms / lookUps - this.#hitMs)
    this.#vain = hits > 0 || this.#admitted > 0 ? 0 : this.#vain + 1
    if (this.#vain === 0) this.#nextRest = 1
    this.#admitted = 0
  }

  /** Learns what storing results took. */
  storing(results: number, ms: number): void {
    this.#storeMs += (this.#storeMs === 0 ? 1 : 0.25) * (ms / results - this.#storeMs)
  }

  #worth(costMs: number): boolean {
    return this.#all || costMs >= WORTH * Math.max(this.#hitMs, this.#storeMs)
  }

  admits(costMs: number): boolean {
    if (this.#worth(costMs)) {
      this.#admitted++
      return true
    }
    this.#refused++
    return false
  }

  /** Whether the next batch may pass without a look-up: nothing came of it for long, and it costs a part of the work. */
  passes(): boolean {
    if (this.#all || this.#vain < PATIENCE) return false
    if (this.#rest === 0) {
      this.#rest = this.#nextRest
      this.#nextRest = Math.min(LONGEST_REST, 2 * this.#nextRest)
      return false
    }
    this.#rest--
    return true
  }

  /** Learns what a result cost that passed: one that was worth keeping ends the rest. */
  passed(costMs: number): void {
    if (!this.#worth(costMs)) return
    this.#rest = 0
    this.#vain = 0
    this.#nextRest = 1
  }
}
