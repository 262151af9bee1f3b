import { exponentOf, significandOf } from './double-bits.ts'

/*
 * An exact accumulator after Neal (2015), "Fast exact summation using small and large superaccumulators", with signed
 * 32-bit digits held in doubles and no carries until the sum is read. Adding a value and subtracting it again leaves no
 * trace, so a sliding sum depends on the window's content and on nothing before it.
 */

const DIGIT = 4294967296 // 2^32
/** Exponent of the lowest digit: below the square of the smallest double (2^-2148). */
const BASE = -2176
/** Digits up to 2^2176: above the square of the largest double times 2^19. */
const DIGITS = 136

/** 2^exponent, for any exponent of a double. */
const powers = Float64Array.from({ length: 2098 }, (_, i) => 2 ** (i - 1074))
function powerOfTwo(exponent: number): number {
  return powers[exponent + 1074]
}

/** A sum of doubles, or of their squares, without any rounding until it is read. Up to 2^19 finite terms. */
export class ExactSum {
  readonly #digits = new Float64Array(DIGITS)
  readonly #carried = new Float64Array(DIGITS)
  #low = DIGITS
  #high = -1

  /** Back to an empty sum. */
  clear(): void {
    if (this.#high >= 0) this.#digits.fill(0, this.#low, this.#high + 1)
    this.#low = DIGITS
    this.#high = -1
  }

  /** Adds a finite value. */
  add(value: number): void {
    this.#addScaled(significandOf(value), exponentOf(value))
  }

  /** Takes back a value that was added. */
  subtract(value: number): void {
    this.#addScaled(-significandOf(value), exponentOf(value))
  }

  /** Adds the square of a finite value, times `sign` (1 or -1). */
  addSquare(value: number, sign: number): void {
    const significand = Math.abs(significandOf(value))
    const exponent = 2 * exponentOf(value)
    const upper = Math.round(significand / 134217728) // so |lower| <= 2^26 and every product fits 53 bits
    const lower = significand - upper * 134217728
    this.#addScaled(sign * upper * upper, exponent + 54)
    this.#addScaled(sign * 2 * upper * lower, exponent + 27)
    this.#addScaled(sign * lower * lower, exponent)
  }

  /** Adds integer * 2^exponent, |integer| < 2^54. */
  #addScaled(integer: number, exponent: number): void {
    if (integer === 0) return
    const position = exponent - BASE
    const index = position >> 5
    let rest = integer * (1 << (position & 15)) * ((position & 16) === 0 ? 1 : 65536)
    const digits = this.#digits
    const top = Math.trunc(rest / (DIGIT * DIGIT))
    rest -= top * (DIGIT * DIGIT)
    const middle = Math.trunc(rest / DIGIT)
    digits[index + 2] += top
    digits[index + 1] += middle
    digits[index] += rest - middle * DIGIT
    if (index < this.#low) this.#low = index
    if (index + 2 > this.#high) this.#high = index + 2
  }

  /**
   * The exact sum divided by an integer, rounded once to the nearest double, ties to even.
   *
   * @param divisor integer from 1 to 2^19.
   * @returns 0 for an empty sum, never -0; infinite beyond the range of a double.
   */
  quotient(divisor: number): number {
    if (this.#high < 0) return 0
    const sign = this.#carry()
    // Schoolbook division from the top digit: remainder * 2^32 + digit < 2^52, so every step is exact.
    const digits = this.#carried
    const low = this.#low
    let index = this.#top() + 1
    let remainder = 0
    let first = 0
    let second = 0
    let third = 0
    let found = 0 // digits of the quotient from its first that is not 0
    while (found < 3 && (found > 0 || index > low || remainder !== 0)) {
      index--
      const value = remainder * DIGIT + (index < low ? 0 : digits[index])
      const digit = Math.floor(value / divisor)
      remainder = value - digit * divisor
      if (found > 0 || digit !== 0) {
        first = second
        second = third
        third = digit
        found++
      }
    }
    if (found === 0) return 0
    const exponent = (index + 2) * 32 + BASE // of `first`
    let sticky = remainder !== 0
    for (let i = index - 1; i >= low && !sticky; i--) sticky = digits[i] !== 0
    // One addition of two exact doubles rounds; what lies below them is folded into a bit under half their last place.
    if (first >= 2097152) {
      const rest = second + (third !== 0 || sticky ? 0.5 : 0)
      return sign * scale(first * DIGIT + rest, exponent - 32)
    }
    return sign * scale((first * DIGIT + second) * DIGIT + (third + (sticky ? 0.5 : 0)), exponent - 64)
  }

  /** Exponent of the unit that {@link integer} counts. */
  get unit(): number {
    return this.#high < 0 ? 0 : this.#low * 32 + BASE
  }

  /** The exact sum as an integer in units of 2^{@link unit}. */
  integer(): bigint {
    let value = 0n
    for (let i = this.#high; i >= this.#low; i--) value = (value << 32n) + BigInt(this.#digits[i])
    return value
  }

  /** Carries into `#carried`, all digits from 0 to 2^32 - 1, as a magnitude; gives the sign. */
  #carry(): number {
    const out = this.#carried
    const digits = this.#digits
    const end = Math.min(DIGITS - 1, this.#high + 2)
    for (let sign = 1; ; sign = -1) {
      let carry = 0
      for (let i = this.#low; i <= end; i++) {
        const value = sign * digits[i] + carry
        carry = Math.floor(value / DIGIT)
        out[i] = value - carry * DIGIT
      }
      if (carry >= 0 || sign < 0) return sign
    }
  }

  #top(): number {
    let index = Math.min(DIGITS - 1, this.#high + 2)
    while (index > this.#low && this.#carried[index] === 0) index--
    return index
  }
}

/** value * 2^exponent without a premature overflow or underflow. */
function scale(value: number, exponent: number): number {
  if (exponent > 1023) return value * powerOfTwo(1023) * (exponent > 2046 ? Infinity : powerOfTwo(exponent - 1023))
  if (exponent < -1074) return value * powerOfTwo(-960) * (exponent < -2034 ? 0 : powerOfTwo(exponent + 960))
  return value * powerOfTwo(exponent)
}
