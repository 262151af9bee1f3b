import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseNumber } from '../src/parse-number.ts'

const read = (text: string): number => {
  const bytes = new TextEncoder().encode(`x${text}y`)
  return parseNumber(bytes, 1, bytes.length - 1)
}

describe('parseNumber', () => {
  it.each([
    '0',
    '-0',
    '1',
    '+1',
    '.5',
    '5.',
    '-.5',
    '1469.250000',
    '0.1',
    '0.3',
    '1e3',
    '1E-3',
    '9007199254740991',
    '9007199254740993',
    '123456789012345678901234567890',
    '1.7976931348623157e308',
    '5e-324',
    '0.00000000000000000000001',
    '4.35',
    '2.2250738585072011e-308',
    '0.000000000000000000000000000001',
    '9007199254740993e-22',
  ])('reads %s like Number', (text) => {
    expect(Object.is(read(text), Number(text))).toBe(true)
  })

  it.each(['', '.', '-', '1.2.3', '1,5', '0x10', 'Infinity', 'NaN', '1e', '1e+', ' 1', '1_000', '--1', '1-', 'null'])(
    'refuses %j',
    (text) => {
      expect(read(text)).toBeNaN()
    },
  )

  it('equals Number on any decimal text, to the last bit', () => {
    const digits = fc.stringMatching(/^[0-9]{0,25}$/)
    const text = fc
      .tuple(fc.constantFrom('', '-', '+'), digits, fc.option(digits), fc.option(fc.integer({ min: -330, max: 330 })))
      .map(([sign, a, b, e]) => `${sign}${a}${b === null ? '' : `.${b}`}${e === null ? '' : `e${e}`}`)
      .filter((s) => /[0-9].*/.test(s.split('e')[0]))
    fc.assert(
      fc.property(text, (s) => Object.is(read(s), Number(s))),
      { numRuns: 5000 },
    )
  })

  it('gives back any double from its own text', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => read(String(x)) === x),
      { numRuns: 5000 },
    )
  })
})
