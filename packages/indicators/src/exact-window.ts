import { ExactSum } from './exact-sum.ts'
import { exactVariance } from './exact-variance.ts'

/**
 * The last `period` values of a stream with their exact sum. A NaN or infinite value empties it.
 */
export class ExactWindow {
  readonly sum: ExactSum = new ExactSum()
  readonly squares: ExactSum | undefined
  /** Values in the window, up to `period`. */
  count = 0
  readonly #ring: Float64Array
  #next = 0

  /**
   * @param period  values in a full window.
   * @param squares whether to keep the sum of the squares too.
   */
  constructor(period: number, squares = false) {
    this.#ring = new Float64Array(period)
    this.squares = squares ? new ExactSum() : undefined
  }

  /** Takes a value; gives whether the window is full. */
  push(value: number): boolean {
    const ring = this.#ring
    if (value - value !== 0) {
      this.clear()
      return false
    }
    if (this.count === ring.length) {
      this.sum.subtract(ring[this.#next])
      this.squares?.addSquare(ring[this.#next], -1)
    } else this.count++
    ring[this.#next] = value
    this.#next = this.#next + 1 === ring.length ? 0 : this.#next + 1
    this.sum.add(value)
    this.squares?.addSquare(value, 1)
    return this.count === ring.length
  }

  /** The mean of a full window, rounded once. */
  mean(): number {
    return this.sum.quotient(this.#ring.length)
  }

  /** The population variance of a full window, rounded once; NaN for a window without squares. */
  variance(): number {
    return this.squares === undefined ? NaN : exactVariance(this.sum, this.squares, this.#ring.length)
  }

  /** Back to an empty window. */
  clear(): void {
    this.sum.clear()
    this.squares?.clear()
    this.count = 0
    this.#next = 0
  }

  /** The values in the window, oldest first. A copy. */
  copyValues(): Float64Array {
    const values = new Float64Array(this.count)
    const size = this.#ring.length
    for (let i = 0; i < this.count; i++) values[i] = this.#ring[(this.#next + size - this.count + i) % size]
    return values
  }

  /** Empties the window and fills it with `values`, oldest first. */
  fill(values: Float64Array): void {
    this.clear()
    for (const value of values) this.push(value)
  }
}
