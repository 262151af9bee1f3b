import { checkLength, checkPeriod } from './check.ts'
import { exponentOf, significandOf } from './double-bits.ts'
import { roundRatio } from './exact-ratio.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { openState, type Stream, saveState } from './stream.ts'
import { addUp, type Block, bitsFor, blocksOf, createTotalsBuffer, type Totals } from './window-totals.ts'

/** Above this the weights' sum no longer fits the fast form's bits. */
const LARGEST_FAST_PERIOD = 8192

/**
 * Linearly weighted moving average: the newest value counts `period` times, the oldest once. The exact weighted sum,
 * divided and rounded once, so a window of equal values gives exactly that value.
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period bars, integer from 1 to 2^20. Above 8192 it is slower, about 1 us a bar.
 * @param out    shape [n]; caller-owned, fully overwritten, must not overlap `src`.
 * @returns `out`: NaN while the window is not full or holds a NaN or infinite value.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see TA-Lib `WMA`, the same but for the exact sum.
 */
export function wma(src: Float64Array, period: number, out: Float64Array = new Float64Array(src.length)): Float64Array {
  checkPeriod('period', period)
  checkLength(src.length, 'out', out)
  overFiniteRuns([src], [out], ([values], [averages]) => weighRun(values, period, averages))
  return out
}

function weighRun(values: Float64Array, period: number, out: Float64Array): void {
  const length = values.length
  out.fill(NaN, 0, Math.min(length, period - 1))
  if (period > length) return
  const weights = (period * (period + 1)) / 2
  const width = period > LARGEST_FAST_PERIOD ? 0 : 77 - bitsFor(weights)
  const buffer = createTotalsBuffer()
  for (const { first, start, end } of blocksOf(length, period)) {
    const windows = { first, start: Math.max(start, period - 1), end }
    if (windows.start >= end) continue
    const totals = addUp(values.subarray(first, end), width, buffer, weights)
    if (totals === undefined) weighSlowly(values, windows, period, out)
    else weighWindows(values, windows, period, totals, out)
  }
}

/*
 * One bar on, the weighted sum gains `period` times the new value and loses the plain sum of the window before: on the
 * coarse and on the fine parts both are exact. The division is that of sma-many.ts, with the sum of the weights.
 */
function weighWindows(values: Float64Array, block: Block, period: number, totals: Totals, out: Float64Array): void {
  const { first, start, end } = block
  const weights = (period * (period + 1)) / 2
  const inverse = 1 / weights
  const rounder = 1.5 * 2 ** (totals.top + 27)
  const smallest = weights * 2 ** (totals.top - 24)
  const { coarse, fine } = totals
  let sum = 0
  let rest = 0
  const head = start - first + 1 - period
  for (let k = 1; k < period; k++) {
    sum += k * (coarse[head + k] - coarse[head + k - 1])
    rest += k * (fine[head + k] - fine[head + k - 1])
  }
  // The loop's own step takes the plain sum of the `period - 1` values before it off; put it on first.
  let coarseBefore = 0
  let fineBefore = 0
  let small = 0
  for (let i = start, k = head + period; i < end; i++, k++) {
    sum += period * (coarse[k] - coarse[k - 1]) - coarseBefore
    rest += period * (fine[k] - fine[k - 1]) - fineBefore
    coarseBefore = coarse[k] - coarse[k - period]
    fineBefore = fine[k] - fine[k - period]
    const quotient = sum * inverse + rounder - rounder
    const mean = quotient + (sum - quotient * weights + rest) / weights
    out[i] = mean
    if (mean < smallest && mean > -smallest && mean !== 0) small++
  }
  if (small > 0)
    for (let i = start; i < end; i++)
      if (out[i] !== 0 && Math.abs(out[i]) < smallest)
        weighSlowly(values, { first: i - period + 1, start: i, end: i + 1 }, period, out)
}

function weighSlowly(values: Float64Array, { start, end }: Block, period: number, out: Float64Array): void {
  const window = new WeightedWindow(period)
  for (let i = start - period + 1; i < end; i++) {
    const mean = window.push(values[i])
    if (i >= start) out[i] = mean
  }
}

/** The plain form: exact integers in units of 2^-1074. */
class WeightedWindow {
  readonly #ring: Float64Array
  readonly #weights: bigint
  #count = 0
  #next = 0
  #sum = 0n
  #weighted = 0n

  constructor(period: number) {
    this.#ring = new Float64Array(period)
    this.#weights = (BigInt(period) * BigInt(period + 1)) / 2n
  }

  push(value: number): number {
    const ring = this.#ring
    const period = ring.length
    if (value - value !== 0) {
      this.clear()
      return NaN
    }
    const full = this.#count === period
    if (full) this.#weighted -= this.#sum
    else this.#count++
    const integer = asInteger(value)
    if (full) this.#sum -= asInteger(ring[this.#next])
    this.#sum += integer
    this.#weighted += BigInt(this.#count) * integer
    ring[this.#next] = value
    this.#next = this.#next + 1 === period ? 0 : this.#next + 1
    return this.#count === period ? roundRatio(this.#weighted, this.#weights, -1074) : NaN
  }

  clear(): void {
    this.#count = 0
    this.#next = 0
    this.#sum = 0n
    this.#weighted = 0n
  }

  copyValues(): Float64Array {
    const size = this.#ring.length
    return Float64Array.from(
      { length: this.#count },
      (_, i) => this.#ring[(this.#next + size - this.#count + i) % size],
    )
  }
}

const asInteger = (value: number): bigint => BigInt(significandOf(value)) << BigInt(exponentOf(value) + 1074)

/** The streaming twin of {@link wma}. */
export function createWmaStream(period: number): Stream<[value: number]> {
  checkPeriod('period', period)
  const window = new WeightedWindow(period)
  return {
    next: (value) => window.push(value),
    save: () => saveState('wma', [period], { values: window.copyValues() }),
    restore: (state) => {
      const values = openState(state, 'wma', [period]).array('values', period)
      window.clear()
      for (const value of values) window.push(value)
    },
  }
}
