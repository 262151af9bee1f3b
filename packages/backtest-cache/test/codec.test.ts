import { createHash } from 'node:crypto'
import { contentKey, type MetricName, type SliceResult, standardMetrics } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeSlice, encodeSlice } from '../src/index.ts'
import { openRecord, sealRecord } from '../src/record.ts'

const number = fc.oneof(
  fc.double(),
  fc.constantFrom(Number.NaN, -0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324),
)
const metrics = fc.dictionary(fc.constantFrom(...standardMetrics, 'ulcer' as MetricName, 'äußerst'), number, {
  noNullPrototype: true,
})
const result: fc.Arbitrary<SliceResult> = fc
  .record({
    metrics,
    moments: fc.option(fc.record({ count: number, mean: number, variance: number, skew: number, kurtosis: number }), {
      nil: undefined,
    }),
    returns: fc.option(
      fc.array(number).map((a) => Float64Array.from(a)),
      { nil: undefined },
    ),
    state: fc.option(
      fc.record({
        version: fc.string(),
        bar: fc.integer(),
        data: fc.oneof(
          number,
          fc.constant(new Map([['a', Float64Array.of(1, Number.NaN)]])),
          fc.constant([1n, undefined, null]),
        ),
      }),
      { nil: undefined },
    ),
  })
  .map((r) => Object.fromEntries(Object.entries(r).filter(([, v]) => v !== undefined)) as unknown as SliceResult)
const asked = fc.constantFrom('standard' as const, 'all' as const)

describe('slice codec', () => {
  it('gives every bit back', () => {
    fc.assert(
      fc.property(result, asked, number, (r, a, costMs) => {
        const back = decodeSlice(encodeSlice({ result: r, asked: a, costMs }))
        expect(contentKey(back)).toBe(contentKey({ result: r, asked: a, costMs }))
      }),
    )
  })

  it('reads from a Buffer inside its pool, at any offset, and gives memory of its own', () => {
    const result = { metrics: { sharpe: 1 }, returns: Float64Array.of(1, -0, Number.NaN) }
    const bytes = encodeSlice({ result, asked: 'standard', costMs: 1 })
    for (let offset = 0; offset < 8; offset++) {
      const pooled = Buffer.from(Buffer.concat([Buffer.alloc(offset), bytes])).subarray(offset)
      const back = decodeSlice(pooled)
      expect(back?.result).toEqual(result)
      expect(back?.result.returns?.buffer.byteLength).toBe(24)
    }
  })

  it('takes a flipped bit, a cut or an added byte anywhere for damage', () => {
    const bytes = encodeSlice({
      result: {
        metrics: { sharpe: 1.5, trades: 3 },
        moments: { count: 4, mean: 0.1, variance: 1, skew: 0, kurtosis: 3 },
        returns: Float64Array.of(1, -0),
        state: { version: '1', bar: 3, data: { cash: 1 } },
      },
      asked: 'standard',
      costMs: 2,
    })
    expect(decodeSlice(bytes)).toBeDefined()
    for (let i = 0; i < bytes.length; i++)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = bytes.slice()
        flipped[i] ^= 1 << bit
        expect(decodeSlice(flipped), `byte ${i} bit ${bit}`).toBeUndefined()
      }
    for (let i = 0; i < bytes.length; i++) expect(decodeSlice(bytes.subarray(0, i))).toBeUndefined()
    expect(decodeSlice(Uint8Array.of(...bytes, 0))).toBeUndefined()
  })

  it('keeps its layout: a change needs a new version', () => {
    const bytes = encodeSlice({
      result: { metrics: { sharpe: 1.5, trades: 3 }, returns: Float64Array.of(1, -0) },
      asked: 'standard',
      costMs: 2,
    })
    expect(createHash('sha256').update(bytes).digest('hex').slice(0, 16)).toBe('7b8102624be5b059')
  })
})

describe('record', () => {
  const seal = { costMs: 1.5, stamp: 1234.5, kind: 0 }

  it('gives back what was sealed, only under its key', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        const record = Buffer.from(sealRecord('k', { ...seal, value }))
        expect(openRecord('k', record)).toMatchObject(seal)
        expect(openRecord('k', record)?.value).toEqual(value)
        expect(openRecord('l', record)).toBeUndefined()
      }),
    )
  })

  it('takes any flipped bit, cut or added byte for damage', () => {
    const record = Buffer.from(sealRecord('k', { ...seal, value: Uint8Array.of(1, 2, 3) }))
    for (let i = 0; i < record.length; i++)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(record)
        flipped[i] ^= 1 << bit
        expect(openRecord('k', flipped)).toBeUndefined()
      }
    for (let i = 0; i < record.length; i++) expect(openRecord('k', record.subarray(0, i))).toBeUndefined()
    expect(openRecord('k', Buffer.from([...record, 0]))).toBeUndefined()
  })
})
