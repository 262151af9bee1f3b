/** Timed calls to a judgement. */
const WINDOW = 24
/** Calls made alone after the first shared ones, and again after so many, to know how fast that is. */
const TRIAL = 128
const SHARED = 8192
/** Calls that are made alone after a judgement against sharing, at first and at most. */
const LEAST_REST = 128
const MOST_REST = 16_384
/** Sharing must be that much faster to be kept. */
const GAIN = 1.1

/**
 * Decides whether the next kernel call is shared out or made alone, from what both took on the clock. Where another
 * process wants the second core, the system takes turns with all threads, this one too, and two are slower than one:
 * then calls are made alone for a while, twice as long each time that sharing turns out slower again.
 */
export class CrewPace {
  readonly #now: () => number
  /** ms for each unit of work alone: a mean that forgets; 0 until it is known. Only what is alone for long counts. */
  #alone = 0
  #count = 0
  #resting = 0
  #rest: number = LEAST_REST
  #sharing = 0
  #start = -1
  #work = 0
  #ms = 0
  #samples = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether the call that begins is to be shared. One of eight is timed: spread, so that each of a step has its turn. */
  begin(): boolean {
    this.#count = (this.#count + 1) | 0
    this.#start = Math.imul(this.#count, 0x9e3779b1) >>> 29 === 0 ? this.#now() : -1
    if (this.#resting === 0) return true
    if (--this.#resting === 0) this.#judgeAlone()
    return false
  }

  /** The call is over. @param work of it, in any unit that is about as long for all calls. */
  end(work: number): void {
    if (this.#start < 0) return
    this.#ms += this.#now() - this.#start
    this.#work += work
    if (++this.#samples >= WINDOW && this.#resting === 0) this.#judge()
  }

  #judgeAlone(): void {
    if (this.#work > 0) this.#alone = this.#ms / this.#work
    this.#clear()
  }

  #clear(): void {
    this.#sharing = 0
    this.#samples = 0
    this.#ms = 0
    this.#work = 0
  }

  #judge(): void {
    const pace = this.#ms / this.#work
    const sharing = this.#sharing + WINDOW * 8
    this.#clear()
    this.#sharing = sharing
    if (this.#alone === 0) this.#pause(TRIAL)
    else if (pace * GAIN < this.#alone) {
      this.#rest = LEAST_REST
      if (sharing > SHARED) this.#pause(TRIAL)
    } else {
      this.#pause(this.#rest)
      this.#rest = Math.min(MOST_REST, this.#rest * 2)
    }
  }

  #pause(calls: number): void {
    this.#resting = calls
    this.#clear()
  }
}
