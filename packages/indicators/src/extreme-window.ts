/**
 * The largest of the last `period` values, in amortized O(1): a queue of the values that no later value exceeds
 * (Lemire 2006, "Streaming maximum-minimum filter using no more than three comparisons per element").
 * For the smallest, push negated values. Of equal values the newest counts, which tells -0 from 0.
 */
export class MaximumWindow {
  readonly #values: Float64Array
  readonly #ages: Float64Array
  #head = 0
  #size = 0
  #count = 0

  constructor(period: number) {
    this.#values = new Float64Array(period)
    this.#ages = new Float64Array(period)
  }

  /** Takes a finite value; gives whether the window is full. */
  push(value: number): boolean {
    const values = this.#values
    const period = values.length
    if (this.#size > 0 && this.#ages[this.#head] + period <= this.#count) {
      this.#head = this.#head + 1 === period ? 0 : this.#head + 1
      this.#size--
    }
    let tail = this.#head + this.#size - 1
    if (tail >= period) tail -= period
    while (this.#size > 0 && values[tail] <= value) {
      this.#size--
      tail = tail === 0 ? period - 1 : tail - 1
    }
    let slot = this.#head + this.#size
    if (slot >= period) slot -= period
    values[slot] = value
    this.#ages[slot] = this.#count
    this.#size++
    this.#count++
    return this.#count >= period
  }

  /** The largest value in the window. */
  get maximum(): number {
    return this.#values[this.#head]
  }

  /** Back to an empty window. */
  clear(): void {
    this.#head = 0
    this.#size = 0
    this.#count = 0
  }

  /** The queue, oldest first, as pairs of value and bars since, and how many bars were pushed (up to the period). */
  copyState(): { readonly values: Float64Array; readonly ages: Float64Array; readonly count: number } {
    const period = this.#values.length
    const at = (i: number): number => (this.#head + i) % period
    return {
      values: Float64Array.from({ length: this.#size }, (_, i) => this.#values[at(i)]),
      ages: Float64Array.from({ length: this.#size }, (_, i) => this.#count - this.#ages[at(i)]),
      count: Math.min(this.#count, period),
    }
  }

  /** Puts back what {@link copyState} gave. */
  fill(state: { readonly values: Float64Array; readonly ages: Float64Array; readonly count: number }): void {
    this.#head = 0
    this.#size = state.values.length
    this.#count = state.count
    this.#values.set(state.values)
    for (let i = 0; i < this.#size; i++) this.#ages[i] = state.count - state.ages[i]
  }
}
