import type { ReturnMoments } from '@tradewright/core'

/** Where {@link ReturnStatistics} stand: plain numbers by name. */
export interface ReturnStatisticsState {
  readonly bars: number
  readonly barsHeld: number
  readonly equity: number
  readonly peak: number
  readonly drawdown: number
  readonly sum: number
  readonly sumLow: number
  readonly downside: number
  readonly downsideLow: number
  readonly smallest: number
  readonly largest: number
  readonly mean: number
  readonly m2: number
  readonly m3: number
  readonly m4: number
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
 * Sums are compensated (Neumaier 1974); central moments are updated in place.
 *
 * @see Pébay (2008), "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
 *   moments", Sandia report SAND2008-6212, equations 1.1 to 1.4 for one new value.
 */
export class ReturnStatistics {
  bars = 0
  /** Bars at whose close a position was held. */
  barsHeld = 0
  equity: number
  #peak: number
  /** Lowest equity / peak - 1; 0 or below. */
  drawdown = 0
  #sum = 0
  #sumLow = 0
  #downside = 0
  #downsideLow = 0
  #smallest = Number.POSITIVE_INFINITY
  #largest = Number.NEGATIVE_INFINITY
  #mean = 0
  #m2 = 0
  #m3 = 0
  #m4 = 0

  constructor(initialCash: number) {
    this.equity = initialCash
    this.#peak = initialCash
  }

  /** The next bar's equity. @returns its return. */
  add(equity: number, held: boolean): number {
    const x = barReturn(this.equity, equity)
    this.equity = equity
    if (held) this.barsHeld++
    if (equity > this.#peak) this.#peak = equity
    const drawdown = equity / this.#peak - 1
    if (drawdown < this.drawdown) this.drawdown = drawdown
    if (x < this.#smallest) this.#smallest = x
    if (x > this.#largest) this.#largest = x
    const sum = this.#sum + x
    this.#sumLow += Math.abs(this.#sum) >= Math.abs(x) ? this.#sum - sum + x : x - sum + this.#sum
    this.#sum = sum
    if (x < 0) {
      const square = x * x
      const total = this.#downside + square
      this.#downsideLow += this.#downside >= square ? this.#downside - total + square : square - total + this.#downside
      this.#downside = total
    }
    const before = this.bars
    const n = before + 1
    this.bars = n
    const delta = x - this.#mean
    const step = delta / n
    const term = delta * step * before
    this.#mean += step
    this.#m4 += term * step * step * (n * n - 3 * n + 3) + 6 * step * step * this.#m2 - 4 * step * this.#m3
    this.#m3 += term * step * (n - 2) - 3 * step * this.#m2
    this.#m2 += term
    return x
  }

  /** The highest equity so far, the initial cash included. */
  get peak(): number {
    return this.#peak
  }

  get mean(): number {
    return (this.#sum + this.#sumLow) / this.bars
  }

  /** Whether all returns are equal: their deviation is exactly zero then. */
  get constant(): boolean {
    return this.#smallest === this.#largest
  }

  /** Variance with ddof 1; NaN with fewer than two returns. */
  get variance(): number {
    if (this.bars < 2) return NaN
    return this.constant ? 0 : this.#m2 / (this.bars - 1)
  }

  /** sqrt(mean(min(r, 0)^2)). */
  get downsideDeviation(): number {
    return Math.sqrt((this.#downside + this.#downsideLow) / this.bars)
  }

  moments(): ReturnMoments {
    const { bars, variance } = this
    const spread = this.constant ? 0 : this.#m2
    return {
      count: bars,
      mean: this.mean,
      variance,
      skew: spread > 0 ? (Math.sqrt(bars) * this.#m3) / spread ** 1.5 : NaN,
      kurtosis: spread > 0 ? (bars * this.#m4) / (spread * spread) : NaN,
    }
  }

  save(): ReturnStatisticsState {
    return {
      bars: this.bars,
      barsHeld: this.barsHeld,
      equity: this.equity,
      peak: this.#peak,
      drawdown: this.drawdown,
      sum: this.#sum,
      sumLow: this.#sumLow,
      downside: this.#downside,
      downsideLow: this.#downsideLow,
      smallest: this.#smallest,
      largest: this.#largest,
      mean: this.#mean,
      m2: this.#m2,
      m3: this.#m3,
      m4: this.#m4,
    }
  }

  restore(state: ReturnStatisticsState): void {
    this.bars = state.bars
    this.barsHeld = state.barsHeld
    this.equity = state.equity
    this.#peak = state.peak
    this.drawdown = state.drawdown
    this.#sum = state.sum
    this.#sumLow = state.sumLow
    this.#downside = state.downside
    this.#downsideLow = state.downsideLow
    this.#smallest = state.smallest
    this.#largest = state.largest
    this.#mean = state.mean
    this.#m2 = state.m2
    this.#m3 = state.m3
    this.#m4 = state.m4
  }
}
