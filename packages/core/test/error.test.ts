import { describe, expect, it } from 'vitest'
import {
  fromErrorData,
  isTradewrightError,
  nearestName,
  TradewrightError,
  toErrorData,
  unknownName,
} from '../src/index.ts'

describe('TradewrightError', () => {
  it('carries code, frozen details and cause', () => {
    const cause = new Error('below')
    const details = { period: 0 }
    const error = new TradewrightError('BAD_OPTION', 'period must be an integer >= 1, was 0', details, { cause })
    details.period = 5
    expect(error.message).toBe('[BAD_OPTION] period must be an integer >= 1, was 0')
    expect(error.details).toEqual({ period: 0 })
    expect(Object.isFrozen(error.details)).toBe(true)
    expect(error.cause).toBe(cause)
    expect(error.name).toBe('TradewrightError')
  })

  it('is recognised by its brand, across copies of the class', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('tradewright.error')]: true })
    expect(isTradewrightError(foreign)).toBe(true)
    expect(isTradewrightError(new TradewrightError('IO', 'x'))).toBe(true)
    for (const value of [new Error('x'), null, undefined, 'x', {}]) expect(isTradewrightError(value)).toBe(false)
  })

  it('survives the way through plain data', () => {
    const error = new TradewrightError('CORRUPT', 'bytes must match, was 3', { at: 3 })
    const back = fromErrorData(structuredClone(toErrorData(error)))
    expect(back.message).toBe(error.message)
    expect(back.code).toBe('CORRUPT')
    expect(back.details).toEqual({ at: 3 })
    expect(toErrorData(new RangeError('far')).message).toBe('[TRIAL_FAILED] RangeError: far')
    expect(toErrorData('text', 'TASK_FAILED')).toMatchObject({ code: 'TASK_FAILED', message: '[TASK_FAILED] text' })
  })

  it('names the nearest valid name', () => {
    expect(nearestName('sharp', ['sharpe', 'sortino'])).toBe('sharpe')
    expect(nearestName('zzzzzz', ['sharpe', 'sortino'])).toBeUndefined()
    expect(unknownName('config key', 'cachng', ['caching', 'training']).message).toBe(
      "[UNKNOWN_NAME] config key must be a known name, was 'cachng'; did you mean 'caching'? known: caching, training",
    )
  })
})
