import type { ReturnMoments } from '@tradewright/core'

/** Where {@link ReturnStatistics} stand, in the order of the constants below. */
export type ReturnStatisticsState = Float64Array

// Places of the numbers: an array, because every write to a double field of an object may allocate.
const ZEROS = 0 // returns that are zero
const OTHERS = 1
const HELD = 2 // bars at whose close a position was held
const EQUITY = 3
const PEAK = 4
const LOW = 5 // lowest equity since the peak
const DRAWDOWN = 6 // lowest equity / peak - 1 of the peaks before
const SUM = 7
const SUM_LOW = 8 // what the rounding of SUM lost
const DOWNSIDE = 9 // of min(r, 0)^2
const DOWNSIDE_LOW = 10
const SMALLEST = 11
const LARGEST = 12
// Of the returns that are not zero: mean, and sums of powers of the differences from it.
const MEAN = 13
const M2 = 14
const M3 = 15
const M4 = 16
const SIZE = 17

/** Bars over which a position is held unchanged: see {@link ReturnStatistics.addHeld}. */
export interface HeldBars {
  readonly close: Float64Array
  /** Row of the first bar, and one past the last. */
  readonly from: number
  readonly to: number
  readonly cash: number
  readonly position: number
  /** The last price before `from`: stands in for a close that is no number. */
  readonly price: number
  /** Filled from `at` on, where given. */
  readonly equity: Float64Array | undefined
  readonly returns: Float64Array | undefined
  readonly at: number
}

/**
 * Return per bar from equity to equity: after / before - 1; measured against |before|, so that a rise from below zero
 * is positive; infinite from zero.
 */
export function barReturn(before: number, after: number): number {
  if (before === 0) return after === 0 ? 0 : after > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  return (after - before) / Math.abs(before)
}

/**
 * Statistics of an equity curve, one bar at a time, so that a resumed run equals a whole one to the last bit.
 *
 * Sums are compensated (Neumaier 1974). Central moments are updated in place over the returns that are not zero; zeros
 * are only counted, and merged in at the end: bars without a position cost nothing.
 *
 * @see Pébay (2008), "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
 *   moments", Sandia report SAND2008-6212: equations 1.1 to 1.4 for one new value, 2.1 to 2.4 for merging.
 */
export class ReturnStatistics {
  readonly #s: Float64Array = new Float64Array(SIZE)

  constructor(initialCash: number) {
    const s = this.#s
    s[EQUITY] = initialCash
    s[PEAK] = initialCash
    s[LOW] = initialCash
    s[SMALLEST] = Number.POSITIVE_INFINITY
    s[LARGEST] = Number.NEGATIVE_INFINITY
  }

  /** Number of returns. */
  get bars(): number {
    return this.#s[ZEROS] + this.#s[OTHERS]
  }

  /** Bars at whose close a position was held. */
  get barsHeld(): number {
    return this.#s[HELD]
  }

  /** Equity at the last bar. */
  get equity(): number {
    return this.#s[EQUITY]
  }

  /** The next bar's equity. @returns its return. */
  add(equity: number, held: boolean): number {
    const s = this.#s
    const x = barReturn(s[EQUITY], equity)
    s[EQUITY] = equity
    if (held) s[HELD]++
    if (equity > s[PEAK]) {
      s[DRAWDOWN] = Math.min(s[DRAWDOWN], s[LOW] / s[PEAK] - 1)
      s[PEAK] = equity
      s[LOW] = equity
    } else if (equity < s[LOW]) s[LOW] = equity
    if (x === 0) s[ZEROS]++
    else addReturn(s, x)
    return x
  }

  /** `bars` bars on which equity stays what it is and nothing is held. */
  addFlat(bars: number): void {
    this.#s[ZEROS] += bars
  }

  /**
   * As many calls of {@link add} for a position that is held unchanged: the same arithmetic with everything in local
   * variables, which halves its time. Tests of resumed runs hold the two together.
   *
   * @returns the last price.
   */
  addHeld(bars: HeldBars): number {
    const { close, from, to, cash, position, equity: out, returns, at } = bars
    const s = this.#s
    const shift = at - from
    let { price } = bars
    let before = s[EQUITY]
    let peak = s[PEAK]
    let low = s[LOW]
    let zeros = s[ZEROS]
    let n = s[OTHERS]
    let sum = s[SUM]
    let sumLow = s[SUM_LOW]
    let downside = s[DOWNSIDE]
    let downsideLow = s[DOWNSIDE_LOW]
    let smallest = s[SMALLEST]
    let largest = s[LARGEST]
    let mean = s[MEAN]
    let m2 = s[M2]
    let m3 = s[M3]
    let m4 = s[M4]
    for (let i = from; i < to; i++) {
      const c = close[i]
      if (c === c) price = c
      const equity = cash + position * price
      const x = before > 0 ? (equity - before) / before : barReturn(before, equity)
      before = equity
      if (equity > peak) {
        s[DRAWDOWN] = Math.min(s[DRAWDOWN], low / peak - 1)
        peak = equity
        low = equity
      } else if (equity < low) low = equity
      if (out !== undefined) out[i + shift] = equity
      if (returns !== undefined) returns[i + shift] = x
      if (x === 0) {
        zeros++
        continue
      }
      if (x < smallest) smallest = x
      if (x > largest) largest = x
      const total = sum + x
      sumLow += Math.abs(sum) >= Math.abs(x) ? sum - total + x : x - total + sum
      sum = total
      if (x < 0) {
        const square = x * x
        const losses = downside + square
        downsideLow += downside >= square ? downside - losses + square : square - losses + downside
        downside = losses
      }
      const earlier = n
      n++
      const delta = x - mean
      const step = delta / n
      const term = delta * step * earlier
      mean += step
      m4 += step * (step * (term * (n * n - 3 * n + 3) + 6 * m2) - 4 * m3)
      m3 += step * (term * (n - 2) - 3 * m2)
      m2 += term
    }
    s[EQUITY] = before
    s[PEAK] = peak
    s[LOW] = low
    s[HELD] += to - from
    s[ZEROS] = zeros
    s[OTHERS] = n
    s[SUM] = sum
    s[SUM_LOW] = sumLow
    s[DOWNSIDE] = downside
    s[DOWNSIDE_LOW] = downsideLow
    s[SMALLEST] = smallest
    s[LARGEST] = largest
    s[MEAN] = mean
    s[M2] = m2
    s[M3] = m3
    s[M4] = m4
    return price
  }

  /** Lowest equity / peak - 1; 0 or below. */
  get drawdown(): number {
    const s = this.#s
    return Math.min(s[DRAWDOWN], s[LOW] / s[PEAK] - 1)
  }

  get mean(): number {
    return (this.#s[SUM] + this.#s[SUM_LOW]) / this.bars
  }

  /** Whether all returns are equal: their deviation is exactly zero then. */
  get constant(): boolean {
    const s = this.#s
    return s[OTHERS] === 0 ? s[ZEROS] > 0 : s[ZEROS] === 0 && s[SMALLEST] === s[LARGEST]
  }

  /** Variance with ddof 1; NaN with fewer than two returns. */
  get variance(): number {
    if (this.bars < 2) return NaN
    return this.constant ? 0 : this.#secondMoment() / (this.bars - 1)
  }

  /** sqrt(mean(min(r, 0)^2)). */
  get downsideDeviation(): number {
    return Math.sqrt((this.#s[DOWNSIDE] + this.#s[DOWNSIDE_LOW]) / this.bars)
  }

  /** Sum of squared differences from the mean, zeros merged in. */
  #secondMoment(): number {
    const s = this.#s
    return s[M2] + s[MEAN] * s[MEAN] * ((s[OTHERS] * s[ZEROS]) / this.bars)
  }

  moments(): ReturnMoments {
    const { bars, variance } = this
    const s = this.#s
    const n = s[OTHERS]
    const z = s[ZEROS]
    const spread = this.constant ? 0 : this.#secondMoment()
    const delta = -s[MEAN] // of the zeros' mean from the others'
    const square = delta * delta
    const m3 = s[M3] + delta * (square * ((n * z * (n - z)) / (bars * bars)) - 3 * ((z * s[M2]) / bars))
    const m4 =
      s[M4] +
      square * square * ((n * z * (n * n - n * z + z * z)) / (bars * bars * bars)) +
      6 * square * ((z * z * s[M2]) / (bars * bars)) -
      4 * delta * ((z * s[M3]) / bars)
    return {
      count: bars,
      mean: this.mean,
      variance,
      skew: spread > 0 ? (Math.sqrt(bars) * m3) / spread ** 1.5 : NaN,
      kurtosis: spread > 0 ? (bars * m4) / (spread * spread) : NaN,
    }
  }

  save(): ReturnStatisticsState {
    return this.#s.slice()
  }

  restore(state: ReturnStatisticsState): void {
    this.#s.set(state)
  }
}

/** A return that is not zero, into sums and moments. */
function addReturn(s: Float64Array, x: number): void {
  if (x < s[SMALLEST]) s[SMALLEST] = x
  if (x > s[LARGEST]) s[LARGEST] = x
  const old = s[SUM]
  const sum = old + x
  s[SUM_LOW] += Math.abs(old) >= Math.abs(x) ? old - sum + x : x - sum + old
  s[SUM] = sum
  if (x < 0) {
    const square = x * x
    const losses = s[DOWNSIDE]
    const total = losses + square
    s[DOWNSIDE_LOW] += losses >= square ? losses - total + square : square - total + losses
    s[DOWNSIDE] = total
  }
  const before = s[OTHERS]
  const n = before + 1
  s[OTHERS] = n
  const delta = x - s[MEAN]
  const step = delta / n
  const term = delta * step * before
  const m2 = s[M2]
  const m3 = s[M3]
  s[MEAN] += step
  s[M4] += step * (step * (term * (n * n - 3 * n + 3) + 6 * m2) - 4 * m3)
  s[M3] = m3 + step * (term * (n - 2) - 3 * m2)
  s[M2] = m2 + term
}
