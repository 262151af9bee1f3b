/**
 * A running sum that keeps what rounding loses.
 *
 * @see Neumaier (1974), "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54, method IV.
 */
export class CompensatedSum {
  #sum = 0
  #low = 0

  add(x: number): void {
    const sum = this.#sum + x
    this.#low += Math.abs(this.#sum) >= Math.abs(x) ? this.#sum - sum + x : x - sum + this.#sum
    this.#sum = sum
  }

  get value(): number {
    return this.#sum + this.#low
  }

  save(): readonly [sum: number, low: number] {
    return [this.#sum, this.#low]
  }

  restore([sum, low]: readonly [sum: number, low: number]): void {
    this.#sum = sum
    this.#low = low
  }
}
