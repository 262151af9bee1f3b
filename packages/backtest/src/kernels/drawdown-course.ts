/** Where a course stands. */
export interface CourseState {
  readonly peak: number
  /** Least equity since the peak. */
  readonly least: number
  /** Least equity / peak before that peak. */
  readonly ratio: number
}

/** The course of peak and drawdown of an equity curve. */
export class DrawdownCourse {
  peak: number
  #least: number
  #ratio: number

  constructor({ peak, least, ratio }: CourseState) {
    this.peak = peak
    this.#least = least
    this.#ratio = ratio
  }

  save(): CourseState {
    return { peak: this.peak, least: this.#least, ratio: this.#ratio }
  }

  /** The next equity, or the lowest of a stretch that has no new high. */
  add(equity: number): void {
    if (equity > this.peak) {
      if (this.#least < this.peak * this.#ratio) this.#ratio = this.#least / this.peak
      this.peak = equity
      this.#least = equity
    } else if (equity < this.#least) this.#least = equity
  }

  /** The lowest equity / peak so far. */
  get ratio(): number {
    return Math.min(this.#ratio, this.#least / this.peak)
  }
}
