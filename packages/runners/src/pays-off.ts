/** Requests that stay here after workers lost for the first time, and at most. */
const FIRST_REST = 4
const LONGEST_REST = 64
/** Requests in workers after which one stays here, to see what this thread takes by now; doubled each time. */
const FIRST_LOOK = 2
const RAREST_LOOK = 64

/**
 * Whether workers are faster than this thread, by what both took: small requests, or a machine whose other cores are
 * busy, can make them slower. They are tried again after a while, since workers get faster as they warm up, and so is
 * this thread: its first requests computed columns that later ones find.
 */
export class PaysOff {
  #here: number | undefined
  #there: number | undefined
  #rest = 0
  #warm = false
  #nextRest: number = FIRST_REST
  #sinceHere = 0
  #nextLook: number = FIRST_LOOK
  #looking = false

  /** Whether it is known what this thread takes. */
  get measured(): boolean {
    return this.#here !== undefined
  }

  /** Whether the next request is to go to workers. */
  get remote(): boolean {
    if (this.#rest > 0) {
      this.#rest--
      return false
    }
    if (this.#sinceHere < this.#nextLook) return true
    this.#nextLook = Math.min(RAREST_LOOK, 2 * this.#nextLook)
    this.#looking = true
    return false
  }

  /** Learns what a request took in this thread. */
  here(bars: number, ms: number): void {
    if (bars <= 0) return
    this.#here = this.#looking ? ms / bars : mean(this.#here, ms / bars)
    this.#looking = false
    this.#sinceHere = 0
  }

  /** Learns what a request took in workers, from when it came to when all of it was back. */
  there(bars: number, ms: number): void {
    const cold = !this.#warm
    this.#warm = true
    this.#sinceHere++
    if (bars <= 0 || cold) return // the first request finds workers that have compiled nothing yet
    const seen = ms / bars
    this.#there = mean(this.#there, seen)
    if (this.#here === undefined) return
    if (Math.min(seen, this.#there) <= this.#here) {
      this.#nextRest = FIRST_REST
      return
    }
    this.#rest = this.#nextRest
    this.#nextRest = Math.min(LONGEST_REST, 2 * this.#nextRest)
  }
}

/** The newest counts as much as all before: costs differ by program. */
const mean = (before: number | undefined, seen: number): number =>
  before === undefined ? seen : 0.5 * before + 0.5 * seen
