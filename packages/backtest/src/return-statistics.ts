import type { ReturnMoments } from '@tradewright/core'

/** Where {@link ReturnStatistics} stand: plain numbers by name. */
export interface ReturnStatisticsState {
  readonly zeros: number
  readonly others: number
  readonly barsHeld: number
  readonly equity: number
  readonly peak: number
  readonly low: number
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
  #zeros = 0
  #others = 0
  /** Bars at whose close a position was held. */
  barsHeld = 0
  equity: number
  #peak: number
  /** Lowest equity since the peak. */
  #low: number
  /** Lowest equity / peak - 1 of the peaks before this one. */
  #drawdown = 0
  #sum = 0
  #sumLow = 0
  #downside = 0
  #downsideLow = 0
  #smallest: number = Number.POSITIVE_INFINITY
  #largest: number = Number.NEGATIVE_INFINITY
  // Of the returns that are not zero.
  #mean = 0
  #m2 = 0
  #m3 = 0
  #m4 = 0

  constructor(initialCash: number) {
    this.equity = initialCash
    this.#peak = initialCash
    this.#low = initialCash
  }

  /** Number of returns. */
  get bars(): number {
    return this.#zeros + this.#others
  }

  /** The next bar's equity. @returns its return. */
  add(equity: number, held: boolean): number {
    const x = barReturn(this.equity, equity)
    this.equity = equity
    if (held) this.barsHeld++
    if (equity > this.#peak) {
      this.#closePeak()
      this.#peak = equity
      this.#low = equity
    } else if (equity < this.#low) this.#low = equity
    if (x === 0) this.#zeros++
    else this.#addReturn(x)
    return x
  }

  /** `bars` bars on which equity stays what it is and nothing is held. */
  addFlat(bars: number): void {
    this.#zeros += bars
  }

  /** As many calls of {@link add} for a position that is held unchanged. @returns the last price. */
  addHeld(bars: HeldBars): number {
    const { close, from, to, cash, position, equity: out, returns, at } = bars
    let { price } = bars
    let before = this.equity
    let peak = this.#peak
    let low = this.#low
    const shift = at - from
    for (let i = from; i < to; i++) {
      const c = close[i]
      if (c === c) price = c
      const equity = cash + position * price
      const x = before > 0 ? (equity - before) / before : barReturn(before, equity)
      before = equity
      if (equity > peak) {
        this.#low = low
        this.#peak = peak
        this.#closePeak()
        peak = equity
        low = equity
      } else if (equity < low) low = equity
      if (x === 0) this.#zeros++
      else this.#addReturn(x)
      if (out !== undefined) out[i + shift] = equity
      if (returns !== undefined) returns[i + shift] = x
    }
    this.equity = before
    this.#peak = peak
    this.#low = low
    this.barsHeld += to - from
    return price
  }

  #addReturn(x: number): void {
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
    const before = this.#others
    const n = before + 1
    this.#others = n
    const delta = x - this.#mean
    const step = delta / n
    const term = delta * step * before
    const m2 = this.#m2
    const m3 = this.#m3
    this.#mean += step
    this.#m4 += step * (step * (term * (n * n - 3 * n + 3) + 6 * m2) - 4 * m3)
    this.#m3 = m3 + step * (term * (n - 2) - 3 * m2)
    this.#m2 = m2 + term
  }

  /** The drawdown from the present peak, now that it is over. */
  #closePeak(): void {
    const drawdown = this.#low / this.#peak - 1
    if (drawdown < this.#drawdown) this.#drawdown = drawdown
  }

  /** Lowest equity / peak - 1; 0 or below. */
  get drawdown(): number {
    return Math.min(this.#drawdown, this.#low / this.#peak - 1)
  }

  get mean(): number {
    return (this.#sum + this.#sumLow) / this.bars
  }

  /** Whether all returns are equal: their deviation is exactly zero then. */
  get constant(): boolean {
    return this.#others === 0 ? this.#zeros > 0 : this.#zeros === 0 && this.#smallest === this.#largest
  }

  /** Variance with ddof 1; NaN with fewer than two returns. */
  get variance(): number {
    if (this.bars < 2) return NaN
    return this.constant ? 0 : this.#secondMoment() / (this.bars - 1)
  }

  /** sqrt(mean(min(r, 0)^2)). */
  get downsideDeviation(): number {
    return Math.sqrt((this.#downside + this.#downsideLow) / this.bars)
  }

  /** Sum of squared differences from the mean, zeros merged in. */
  #secondMoment(): number {
    return this.#m2 + this.#mean * this.#mean * ((this.#others * this.#zeros) / this.bars)
  }

  moments(): ReturnMoments {
    const { bars, variance } = this
    const n = this.#others
    const z = this.#zeros
    const spread = this.constant ? 0 : this.#secondMoment()
    const delta = -this.#mean // of the zeros' mean from the others'
    const m3 = this.#m3 + delta * (delta * delta * ((n * z * (n - z)) / (bars * bars)) - 3 * ((z * this.#m2) / bars))
    const square = delta * delta
    const m4 =
      this.#m4 +
      square * square * ((n * z * (n * n - n * z + z * z)) / (bars * bars * bars)) +
      6 * square * ((z * z * this.#m2) / (bars * bars)) -
      4 * delta * ((z * this.#m3) / bars)
    return {
      count: bars,
      mean: this.mean,
      variance,
      skew: spread > 0 ? (Math.sqrt(bars) * m3) / spread ** 1.5 : NaN,
      kurtosis: spread > 0 ? (bars * m4) / (spread * spread) : NaN,
    }
  }

  save(): ReturnStatisticsState {
    return {
      zeros: this.#zeros,
      others: this.#others,
      barsHeld: this.barsHeld,
      equity: this.equity,
      peak: this.#peak,
      low: this.#low,
      drawdown: this.#drawdown,
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
    this.#zeros = state.zeros
    this.#others = state.others
    this.barsHeld = state.barsHeld
    this.equity = state.equity
    this.#peak = state.peak
    this.#low = state.low
    this.#drawdown = state.drawdown
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
