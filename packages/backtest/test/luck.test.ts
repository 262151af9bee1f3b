import { createRng, normalCdf, normalQuantile, type ReturnMoments } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { deflatedSharpe, expectedMaxSharpe } from '../src/luck-deflated-sharpe.ts'
import { minTrackRecordLength, probabilisticSharpe, sharpePerBar } from '../src/luck-probabilistic-sharpe.ts'

/** Moments with a given Sharpe ratio per bar. */
const moments = (sharpe: number, count: number, skew = 0, kurtosis = 3): ReturnMoments => ({
  count,
  mean: sharpe * 0.01,
  variance: 0.0001,
  skew,
  kurtosis,
})

describe("the papers' worked examples", () => {
  // Bailey and López de Prado (2014), section "A numerical example": 5 years of 250 days, annual Sharpe ratio 2.5,
  // skew -3, kurtosis 10, 100 trials whose annual Sharpe ratios have variance 1/2.
  const variance = 0.5 / 250
  const best = moments(2.5 / Math.sqrt(250), 1250, -3, 10)

  it('deflated Sharpe ratio: the benchmark is 0.1132 a day, the probability 0.9004', () => {
    expect(expectedMaxSharpe(100, variance)).toBeCloseTo(0.1132, 4)
    expect(deflatedSharpe(best, 100, variance)).toBeCloseTo(0.9004, 4)
  })

  it('with 46 trials it is 0.9505; with 88 and normal returns too', () => {
    expect(deflatedSharpe(best, 46, variance)).toBeCloseTo(0.9505, 4)
    expect(deflatedSharpe(moments(2.5 / Math.sqrt(250), 1250), 88, variance)).toBeCloseTo(0.9505, 4)
  })

  // Bailey and López de Prado (2012): an annual Sharpe ratio of 2 against one of 1, normal returns, 95 %: 2.73 years
  // of days, 2.83 of weeks, 3.24 of months.
  it.each([
    [252, 2.73],
    [52, 2.83],
    [12, 3.24],
  ])('minimum track record of %i bars a year: %d years', (year, years) => {
    const length = minTrackRecordLength(moments(2 / Math.sqrt(year), 100), 1 / Math.sqrt(year), 0.95)
    expect(length / year).toBeCloseTo(years, 2)
  })
})

describe('properties', () => {
  it('a track record of the minimum length has exactly the confidence', () => {
    for (const [skew, kurtosis] of [
      [0, 3],
      [-1, 6],
      [0.5, 4],
    ]) {
      const length = minTrackRecordLength(moments(0.11, 2, skew, kurtosis), 0.03, 0.9)
      expect(probabilisticSharpe(moments(0.11, length, skew, kurtosis), 0.03)).toBeCloseTo(0.9, 10)
    }
  })

  it('more trials, longer odds; one trial deflates nothing', () => {
    const best = moments(0.1, 1000)
    const odds = [1, 2, 10, 100, 1000].map((trials) => deflatedSharpe(best, trials, 0.001))
    expect(odds).toEqual([...odds].sort((a, b) => b - a))
    expect(odds[0]).toBe(probabilisticSharpe(best, 0))
  })

  it('the expected maximum is that of normal draws', () => {
    const rng = createRng(3)
    for (const trials of [10, 100]) {
      let sum = 0
      for (let round = 0; round < 4000; round++) {
        let top = Number.NEGATIVE_INFINITY
        for (let i = 0; i < trials; i++) top = Math.max(top, rng.normal())
        sum += top
      }
      // The paper's approximation is good to a few hundredths.
      expect(Math.abs(sum / 4000 - expectedMaxSharpe(trials, 1))).toBeLessThan(0.06)
    }
  })

  it('nothing is said of samples that allow nothing', () => {
    expect(probabilisticSharpe({ ...moments(0.1, 100), variance: 0 })).toBeNaN()
    expect(probabilisticSharpe(moments(0.1, 1))).toBeNaN()
    expect(minTrackRecordLength(moments(0.02, 100), 0.03)).toBe(Number.POSITIVE_INFINITY)
    expect(sharpePerBar({ mean: 0, variance: 0 })).toBeNaN()
    expect(() => minTrackRecordLength(moments(0.1, 9), 0, 1)).toThrow('[BAD_OPTION] confidence')
  })

  it('the normal distribution has its known values', () => {
    expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 15)
    expect(normalCdf(-8) / 6.220960574271785e-16).toBeCloseTo(1, 12)
    for (const p of [1e-12, 0.01, 0.3, 0.5, 0.9, 0.999]) expect(normalCdf(normalQuantile(p)) / p).toBeCloseTo(1, 12)
  })
})
