import { expect, it } from 'vitest'
import { bollinger, createSmaStream, ema, findIndicator, sma } from '../src/index.ts'

it('the examples of README and docs give what they say', () => {
  expect([...sma(Float64Array.of(1, 2, 3, 4), 2)]).toEqual([NaN, 1.5, 2.5, 3.5])
  expect([...ema(Float64Array.of(1, 2, 3, 5), 3)]).toEqual([NaN, NaN, 2, 3.5])
  const close = Float64Array.of(0.1, 0.1, 0.1, 0.4, 0.1)
  expect([...sma(close, 3)]).toEqual([NaN, NaN, 0.1, 0.2, 0.2])
  const bands = bollinger(close, { period: 3, deviations: 2 })
  expect([bands.upper[2], bands.middle[2], bands.lower[2]]).toEqual([0.1, 0.1, 0.1])
  const live = createSmaStream(3)
  expect([...close].map((price) => live.next(price))).toEqual([...sma(close, 3)])
  const again = createSmaStream(3)
  again.restore(live.save())
  expect(again.next(0.1)).toBe(live.next(0.1))
  const { inputs, parameters, outputs } = findIndicator('macd')
  expect(inputs).toEqual(['source'])
  expect(parameters.map(({ name }) => name)).toEqual(['fast', 'slow', 'signal'])
  expect(outputs).toEqual(['macd', 'signal', 'histogram'])
})
