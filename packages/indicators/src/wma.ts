import { checkLength, checkPeriod } from './check.ts'
import { exponentOf, significandOf } from './double-bits.ts'
import { roundRatio } from './exact-ratio.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { currentKernels } from './kernels/kernels.ts'
import { openState, type Stream, saveState } from './stream.ts'
import { divideTotals } from './window-division.ts'
import { addUp, type Block, bitsFor, blocksOf } from './window-totals.ts'

/** Above this the weights' sum no longer fits the fast form's bits. */
const LARGEST_FAST_PERIOD = 8192

/**
 * Linearly weighted moving average: the newest value counts `period` times, the oldest once. The exact weighted sum,
 * divided and rounded once, so a window of equal values gives exactly that value.
 *
 * @param src    shape [n], oldest first. Read only.
 * @param period bars, integer from 1 to 2^19. Above 8192 it takes the slow exact form.
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
  const kernels = currentKernels()
  const length = values.length
  out.fill(NaN, 0, Math.min(length, period - 1))
  if (period > length) return
  const weights = (period * (period + 1)) / 2
  const width = period > LARGEST_FAST_PERIOD ? 0 : 77 - bitsFor(weights)
  for (const { first, start, end } of blocksOf(length, period)) {
    const windows = { first, start: Math.max(start, period - 1), end }
    if (windows.start >= end) continue
    const totals = addUp(kernels, values.subarray(first, end), width, weights)
    if (totals === undefined) weighSlowly(values, windows, period, out)
    else
      divideTotals(kernels.weigh, totals, windows, { kernels, period, divisor: weights, out }, (window) =>
        weighSlowly(values, window, period, out),
      )
  }
}

/** The plain form: exact integers slide along. */
function weighSlowly(values: Float64Array, { start, end }: Block, period: number, out: Float64Array): void {
  const window = new WeightedWindow(period)
  for (let i = start - period + 1; i < end; i++) {
    const mean = window.push(values[i])
    if (i >= start) out[i] = mean
  }
}

/** Coarser than any double's last place. */
const COARSEST = 1024

/** The last `period` values with their exact weighted sum, as integers in units of the finest last place seen. */
class WeightedWindow {
  readonly #ring: Float64Array
  readonly #weights: bigint
  #count = 0
  #next = 0
  /** Exponent of the unit. */
  #unit = COARSEST
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
    const integer = this.#asInteger(value)
    if (full) this.#sum -= this.#asInteger(ring[this.#next])
    this.#sum += integer
    this.#weighted += BigInt(this.#count) * integer
    ring[this.#next] = value
    this.#next = this.#next + 1 === period ? 0 : this.#next + 1
    return this.#count === period ? roundRatio(this.#weighted, this.#weights, this.#unit) : NaN
  }

  /** A value in units, which become finer where its last place is. */
  #asInteger(value: number): bigint {
    if (value === 0) return 0n
    const exponent = exponentOf(value)
    if (exponent < this.#unit) {
      const finer = BigInt(this.#unit - exponent)
      this.#sum <<= finer
      this.#weighted <<= finer
      this.#unit = exponent
    }
    return BigInt(significandOf(value)) << BigInt(exponent - this.#unit)
  }

  clear(): void {
    this.#count = 0
    this.#next = 0
    this.#unit = COARSEST
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
