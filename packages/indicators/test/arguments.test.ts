import { isTradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import * as indicators from '../src/index.ts'

const five = new Float64Array(5)
const four = new Float64Array(4)
const bars = { high: five, low: five, close: five, volume: five }

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isTradewrightError(error)) return error.code
    throw error
  }
  return 'no error'
}

const ofPeriod = {
  sma: [indicators.sma, indicators.createSmaStream],
  ema: [indicators.ema, indicators.createEmaStream],
  wma: [indicators.wma, indicators.createWmaStream],
  rsi: [indicators.rsi, indicators.createRsiStream],
  roc: [indicators.roc, indicators.createRocStream],
  rollingMin: [indicators.rollingMin, indicators.createRollingMinStream],
  rollingMax: [indicators.rollingMax, indicators.createRollingMaxStream],
  rollingStd: [indicators.rollingStd, indicators.createRollingStdStream],
  rollingSum: [indicators.rollingSum, indicators.createRollingSumStream],
} as const

describe('kernels called by themselves refuse', () => {
  it.each(Object.entries(ofPeriod))(
    '%s: periods out of range and columns of other lengths',
    (_name, [kernel, stream]) => {
      for (const period of [0, -1, 2.5, NaN, Infinity, indicators.maxPeriod + 1]) {
        expect(codeOf(() => kernel(five, period))).toBe('BAD_OPTION')
        expect(codeOf(() => stream(period))).toBe('BAD_OPTION')
      }
      expect(codeOf(() => kernel(five, 2, four))).toBe('BAD_SHAPE')
      expect(() => kernel(five, 0)).toThrow('[BAD_OPTION] period must be an integer from 1 to 524288, was 0')
    },
  )

  it.each([
    ['smaMany', indicators.smaMany],
    ['emaMany', indicators.emaMany],
    ['rsiMany', indicators.rsiMany],
  ] as const)('%s: also too few columns', (_name, many) => {
    expect(codeOf(() => many(five, [2, 0]))).toBe('BAD_OPTION')
    expect(codeOf(() => many(five, [2, 3], [five]))).toBe('BAD_SHAPE')
    expect(codeOf(() => many(five, [2, 3], [new Float64Array(5), four]))).toBe('BAD_SHAPE')
    expect(many(five, [])).toEqual([])
  })

  it('those of several columns or options', () => {
    const { atr, bollinger, donchian, macd, obv, stochastic, trueRange, vwap } = indicators
    const macdOf = (fast: number, slow: number, signal: number) => codeOf(() => macd(five, { fast, slow, signal }))
    expect([macdOf(0, 5, 2), macdOf(2, 0, 2), macdOf(2, 5, 0), macdOf(5, 5, 2), macdOf(6, 5, 2)]).toEqual(
      new Array(5).fill('BAD_OPTION'),
    )
    for (const deviations of [-1, NaN, Infinity])
      expect(codeOf(() => bollinger(five, { period: 2, deviations }))).toBe('BAD_OPTION')
    for (const options of [
      { period: 0, smooth: 1, signal: 1 },
      { period: 1, smooth: 0, signal: 1 },
      { period: 1, smooth: 1, signal: 0.5 },
    ])
      expect(codeOf(() => stochastic(bars, options))).toBe('BAD_OPTION')
    for (const kernel of [atr, donchian, vwap]) expect(codeOf(() => kernel(bars, 0))).toBe('BAD_OPTION')
    for (const run of [
      () => atr({ ...bars, high: four }, 2),
      () => trueRange({ ...bars, low: four }),
      () => trueRange(bars, four),
      () => donchian({ ...bars, low: four }, 2),
      () => donchian(bars, 2, { upper: five, middle: four, lower: five }),
      () => obv({ ...bars, volume: four }),
      () => vwap({ ...bars, volume: four }, 2),
      () => stochastic({ ...bars, low: four }, { period: 2, smooth: 1, signal: 1 }),
      () => stochastic(bars, { period: 2, smooth: 1, signal: 1 }, { k: five, d: four }),
      () => macd(five, { fast: 2, slow: 3, signal: 2 }, { macd: five, signal: four, histogram: five }),
      () => bollinger(five, { period: 2, deviations: 1 }, { upper: four, middle: five, lower: five }),
    ])
      expect(codeOf(run)).toBe('BAD_SHAPE')
  })

  it('nothing: empty columns, periods beyond the columns, columns of NaN', () => {
    const nothing = new Float64Array(0)
    const holes = new Float64Array(3).fill(NaN)
    for (const [kernel] of Object.values(ofPeriod)) {
      expect(kernel(nothing, 3)).toEqual(nothing)
      expect(kernel(five, 100).every(Number.isNaN)).toBe(true)
      expect(kernel(holes, 1)).toEqual(holes)
    }
  })
})

describe('in place', () => {
  it.each([
    ['ema', indicators.ema],
    ['rsi', indicators.rsi],
  ] as const)('%s may write over its source', (_name, kernel) => {
    const src = Float64Array.of(1, 2, NaN, 4, 3, 5, 7, 6)
    const expected = kernel(src, 2)
    expect(kernel(src, 2, src)).toEqual(expected)
  })
})
