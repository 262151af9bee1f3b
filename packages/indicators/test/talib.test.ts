import { createRng } from '@tradewright/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { findIndicator } from '../src/index.ts'
import { loadTalib, type Talib } from './talib.ts'

let talib: Talib
beforeAll(async () => {
  talib = await loadTalib()
})

const bars = walk(5000)

function walk(length: number): Record<'source' | 'high' | 'low' | 'close' | 'volume', Float64Array> {
  const rng = createRng(11, 1)
  const [high, low, close, volume] = Array.from({ length: 4 }, () => new Float64Array(length))
  let price = 100
  for (let i = 0; i < length; i++) {
    price *= 1 + 0.02 * (rng.uniform() - 0.5)
    high[i] = price * (1 + 0.01 * rng.uniform())
    low[i] = price * (1 - 0.01 * rng.uniform())
    close[i] = low[i] + (high[i] - low[i]) * rng.uniform()
    // Every tenth close stays where it was, as far as the bar reaches.
    if (i % 10 === 9) close[i] = Math.min(Math.max(close[i - 1], low[i]), high[i])
    volume[i] = Math.floor(1000 * rng.uniform())
  }
  return { source: close, high, low, close, volume }
}

interface Comparison {
  readonly params: readonly number[]
  readonly function: string
  /** TA-Lib's options, where they are not our parameters. */
  readonly options?: readonly number[]
  /** Largest difference relative to the larger of the value and the price. */
  readonly tolerance?: number
}

const SMA = 0 // TA-Lib's code for a simple average
const comparisons: readonly (readonly [string, Comparison])[] = [
  ...[2, 3, 14, 50, 200].flatMap((period): (readonly [string, Comparison])[] => [
    ['sma', { params: [period], function: 'SMA' }],
    ['ema', { params: [period], function: 'EMA' }],
    ['wma', { params: [period], function: 'WMA', tolerance: 1e-10 }],
    ['rsi', { params: [period], function: 'RSI' }],
    ['atr', { params: [period], function: 'ATR' }],
    ['roc', { params: [period], function: 'ROC' }],
    ['rollingSum', { params: [period], function: 'SUM' }],
    ['rollingMin', { params: [period], function: 'MIN', tolerance: 0 }],
    ['rollingMax', { params: [period], function: 'MAX', tolerance: 0 }],
    // TA-Lib's variance is a difference of two rounded means: half the digits of a small deviation are lost.
    ['rollingStd', { params: [period], function: 'STDDEV', options: [period, 1], tolerance: 5e-7 }],
    ['bollinger', { params: [period, 2.5], function: 'BBANDS', options: [period, 2.5, 2.5, SMA], tolerance: 5e-7 }],
  ]),
  ['trueRange', { params: [], function: 'TRANGE', tolerance: 0 }],
  ['obv', { params: [], function: 'OBV', tolerance: 0 }],
  ['macd', { params: [12, 26, 9], function: 'MACD' }],
  ['macd', { params: [3, 10, 4], function: 'MACD' }],
  ['macd', { params: [5, 6, 2], function: 'MACD' }],
  ['stochastic', { params: [14, 3, 3], function: 'STOCH', options: [14, 3, SMA, 3, SMA] }],
  ['stochastic', { params: [5, 1, 2], function: 'STOCH', options: [5, 1, SMA, 2, SMA] }],
  ['stochastic', { params: [20, 7, 1], function: 'STOCH', options: [20, 7, SMA, 1, SMA] }],
]

describe('TA-Lib agrees', () => {
  it.each(comparisons.map((entry) => [`${entry[0]}(${entry[1].params.join(', ')})`, ...entry] as const))(
    '%s',
    (_title, name, { params, function: peer, options = params, tolerance = 1e-11 }) => {
      const definition = findIndicator(name)
      const inputs = definition.inputs.map((input) => bars[input])
      const outs = definition.outputs.map(() => new Float64Array(inputs[0].length))
      definition.compute(inputs, params, outs)
      const expected = talib.call(peer, inputs, options, outs.length)
      outs.forEach((out, k) => {
        const values = out.subarray(definition.warmupBars(params))
        expect(expected[k].length).toBe(values.length)
        let worst = 0
        values.forEach((value, i) => {
          const level = Math.max(Math.abs(expected[k][i]), bars.close[i])
          worst = Math.max(worst, Math.abs(value - expected[k][i]) / level)
        })
        expect(worst).toBeLessThanOrEqual(tolerance)
      })
    },
  )
})

describe('where we differ from TA-Lib on purpose', () => {
  const flat = new Float64Array(60).fill(0.1)
  const ours = (name: string, column: Float64Array, period: number): Float64Array => {
    const out = new Float64Array(column.length)
    findIndicator(name).compute([column], [period], [out])
    return out.subarray(findIndicator(name).warmupBars([period]))
  }

  it('RSI of flat prices: 100 here, 0 there', () => {
    expect(ours('rsi', flat, 14)).toEqual(new Float64Array(46).fill(100))
    expect(talib.call('RSI', [flat], [14])).toEqual([new Float64Array(46)])
  })

  it('SMA of flat prices: the price here, off by rounding there', () => {
    for (const period of [5, 20]) expect(new Set(ours('sma', flat, period))).toEqual(new Set([0.1]))
    expect(new Set(talib.call('SMA', [flat], [20])[0])).not.toEqual(new Set([0.1]))
  })

  it('deviation of a millionth of a millionth: exact here, lost there', () => {
    const step = 2 ** -20
    const prices = Float64Array.from(flat, (_, i) => 1000 + (i % 2) * step)
    expect(new Set(ours('rollingStd', prices, 10))).toEqual(new Set([step / 2]))
    for (const value of talib.call('STDDEV', [prices], [10, 1])[0])
      expect(Math.abs(value / (step / 2) - 1)).toBeGreaterThan(0.1)
  })
})
