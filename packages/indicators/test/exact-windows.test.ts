import { createRng } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createSmaStream,
  createWmaStream,
  findIndicator,
  rollingStd,
  rollingSum,
  sma,
  smaMany,
  wma,
} from '../src/index.ts'
import { varianceRun } from '../src/window-variance.ts'

/** Columns long enough for several blocks, each of a kind that stresses another part of the fast form. */
const makers: Readonly<Record<string, (length: number, seed: number) => Float64Array>> = {
  walk: (length, seed) => {
    const rng = createRng(seed, 1)
    let price = 100
    return Float64Array.from({ length }, () => {
      price *= 1 + 0.04 * (rng.uniform() - 0.5)
      return price
    })
  },
  cents: (length, seed) => makers.walk(length, seed).map((value) => Math.round(value * 100) / 100),
  volumes: (length, seed) => {
    const rng = createRng(seed, 2)
    return Float64Array.from({ length }, () => Math.floor(rng.uniform() ** 8 * 1e9))
  },
  signed: (length, seed) => {
    const rng = createRng(seed, 3)
    return Float64Array.from({ length }, () => rng.normal())
  },
  differences: (length, seed) => makers.cents(length, seed).map((value, i, all) => (i === 0 ? 0 : value - all[i - 1])),
  // More bits than two doubles hold, now and then.
  magnitudes: (length, seed) => {
    const rng = createRng(seed, 4)
    return Float64Array.from({ length }, (_, i) =>
      i % 997 < 20 ? rng.uniform() * 10 ** (rng.below(21) - 8) : 0.1 + (i % 3),
    )
  },
}

/** The value after each bar of a stream, whose exact accumulator knows no blocks. */
function streamed(src: Float64Array, stream: { next(value: number): number }): Float64Array {
  return src.map((value) => stream.next(value))
}

describe.each(Object.keys(makers))('fast forms over %s', (kind) => {
  const src = makers[kind](9500, 5)

  it.each([1, 2, 3, 10, 60, 333, 2500])('equal the exact accumulator, period %i', (period) => {
    expect(sma(src, period)).toEqual(streamed(src, createSmaStream(period)))
    expect(rollingSum(src, period)).toEqual(streamed(src, stream('rollingSum', period)))
  })

  it.each([1, 2, 3, 10, 60, 333])('wma: the same, period %i', (period) => {
    const part = src.subarray(0, 5000)
    expect(wma(part, period)).toEqual(streamed(part, createWmaStream(period)))
  })

  it.each([1, 2, 3, 20, 200])('rollingStd: the same, period %i', (period) => {
    const part = src.subarray(3000, 5500)
    expect(rollingStd(part, period)).toEqual(streamed(part, stream('rollingStd', period)))
  })

  it('smaMany gives what sma gives, at any set of periods', () => {
    const periods = [7, 2, 101, 7, 1, 4000, 9500, 20000]
    smaMany(src, periods).forEach((out, k) => {
      expect(out).toEqual(sma(src, periods[k]))
    })
  })
})

function stream(name: string, period: number): { next(value: number): number } {
  const inner = findIndicator(name).createStream([period])
  const out = [0]
  return {
    next: (value) => {
      inner.next([value], out)
      return out[0]
    },
  }
}

describe('flat prices', () => {
  const magnitude = fc
    .tuple(fc.double({ min: 1, max: 10, noNaN: true }), fc.integer({ min: -8, max: 12 }), fc.boolean())
    .map(([digits, power, negative]) => (negative ? -1 : 1) * digits * 10 ** power)

  it('give exactly the price, at every period, whatever came before', () => {
    fc.assert(
      fc.property(
        fc.array(magnitude, { maxLength: 60 }),
        fc.oneof(fc.constant(0.1), magnitude),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (history, price, fast, slow) => {
          const longest = Math.max(fast, slow)
          const src = Float64Array.of(...history, ...new Float64Array(longest + 5).fill(price))
          const flat = (column: Float64Array): Set<number> => new Set(column.subarray(history.length + longest - 1))
          for (const period of [fast, slow]) {
            expect(flat(sma(src, period))).toEqual(new Set([price]))
            expect(flat(streamed(src, createSmaStream(period)))).toEqual(new Set([price]))
            expect(flat(wma(src, period))).toEqual(new Set([price]))
            expect(flat(rollingStd(src, period))).toEqual(new Set([0]))
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('of any double give that double over long windows', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e280, max: 1e280 }).filter((v) => !Object.is(v, -0)),
        fc.integer({ min: 1, max: 3000 }),
        (price, period) => {
          const src = new Float64Array(period + 2).fill(price)
          for (const column of [sma(src, period), streamed(src, createSmaStream(period))])
            expect(new Set(column.subarray(period - 1))).toEqual(new Set([price]))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('keep ema, atr and bollinger where they are', () => {
    const src = new Float64Array(100).fill(0.1)
    for (const period of [1, 3, 5, 20]) {
      const out = new Float64Array(100)
      findIndicator('ema').compute([src], [period], [out])
      expect(new Set(out.subarray(period - 1))).toEqual(new Set([0.1]))
      findIndicator('vwap').compute([src, src, src, src.map((_, i) => 1 + (i % 7))], [period], [out])
      expect(new Set(out.subarray(period - 1))).toEqual(new Set([0.1]))
      findIndicator('atr').compute([src, src, src], [period], [out])
      expect(new Set(out.subarray(period))).toEqual(new Set([0]))
      const bands = [0, 1, 2].map(() => new Float64Array(100))
      findIndicator('bollinger').compute([src], [period, 2], bands)
      for (const band of bands) expect(new Set(band.subarray(period - 1))).toEqual(new Set([0.1]))
    }
  })
})

describe('values that decide the last bit by a hair', () => {
  it('a mean just above the middle of two doubles goes up, the hair being far below the double that divides', () => {
    // The mean is 1 + 2^-28 + 2^-53 + 2^-82: the last term alone says which way to round.
    const hair = Float64Array.of(2 + 2 ** -51, 1 + 2 ** -26, 1, 2 ** -80)
    const tie = hair.map((value, i) => (i === 3 ? 0 : value))
    const below = hair.map((value, i) => (i === 3 ? -value : value))
    for (const average of [
      (src: Float64Array) => sma(src, 4),
      (src: Float64Array) => streamed(src, createSmaStream(4)),
    ]) {
      expect(average(hair)[3]).toBe(1 + 2 ** -28 + 2 ** -52)
      expect(average(tie)[3]).toBe(1 + 2 ** -28)
      expect(average(below)[3]).toBe(1 + 2 ** -28)
    }
  })

  /**
   * Pairs whose variance, (k / 2^11)^2 with an odd k of 27 bits, lies in the very middle of two doubles, amid far larger
   * values about the same centre: there the running totals' own error is what tips the scale.
   */
  function pairs(other: (i: number) => number): { readonly src: Float64Array; readonly variance: Map<number, number> } {
    const rng = createRng(9, 1)
    const src = Float64Array.from({ length: 6000 }, (_, i) => (i % 100 < 2 ? (-1) ** i * 2 ** 33 : other(i)))
    const variance = new Map<number, number>()
    for (let i = 9; i < src.length; i += 5) {
      const k = 94_906_267 + 2 * rng.below(19_000_000) // from 2^26.5 to 2^27, odd
      src[i - 1] = -(k - 1) / 2 ** 11 + rng.below(2 ** 30) / 2 ** 30
      src[i] = src[i - 1] + k / 2 ** 10
      variance.set(i, Number(BigInt(k) * BigInt(k)) * 2 ** -22) // rounds to even
    }
    return { src, variance }
  }

  const rng = createRng(9, 2)
  it.each([
    ['one large value', () => 5e9 / 3],
    ['large values', () => (rng.uniform() - 0.5) * 2 ** 33],
    [
      'large values and crumbs',
      (i: number) => (i % 3 === 0 ? rng.below(1000) * 2 ** -70 : (rng.uniform() - 0.5) * 2 ** 33),
    ],
  ])('variances in the middle of two doubles go to even, among %s', (_name, other) => {
    const { src, variance } = pairs(other)
    const out = new Float64Array(src.length)
    varianceRun(src, 2, out) // not its root, which is k / 2^11 either way
    for (const [i, value] of variance) expect(out[i], `bar ${i}`).toBe(value)
  })
})
