import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Bars, createBars, isTradewrightError, viewRange } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  concurrency,
  createLabels,
  ewmVolatility,
  fixedHorizon,
  type Labels,
  purgedSplits,
  tripleBarrier,
  uniqueness,
} from '../src/index.ts'
import { randomBars } from './arbitraries.ts'
import { rowsOf, sp500 } from './golden-cases.ts'

interface Case {
  readonly kind: 'fixedHorizon' | 'tripleBarrier'
  readonly scaled?: boolean
  readonly options: Readonly<Record<string, number | string | null>>
  readonly y: readonly (number | null)[]
  readonly knownAt: readonly number[]
  readonly concurrency: readonly number[]
  readonly weight: readonly number[]
}

const text = readFileSync(new URL('./golden/labels-cases.json', import.meta.url), 'utf8')
const golden = JSON.parse(text) as {
  readonly rows: readonly [number, number]
  readonly span: number
  readonly volatility: readonly (number | null)[]
  readonly cases: readonly Case[]
}
const bars = rowsOf(sp500(), ...golden.rows)

const given = (options: Case['options']): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      value === null ? (name === 'up' ? Infinity : undefined) : value,
    ]),
  )

function labelsOf(of: Bars, { kind, options, scaled }: Case): Labels {
  if (kind === 'fixedHorizon') return fixedHorizon({ bars: of, ...given(options) } as never)
  const volatility = scaled === true ? ewmVolatility(of, golden.span) : undefined
  return tripleBarrier({ bars: of, volatility, ...given(options) } as never)
}

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    return isTradewrightError(error) ? error.code : String(error)
  }
}

describe('labels against numpy', () => {
  it('are compared with what the script wrote', () => {
    expect(createHash('sha256').update(text).digest('hex')).toBe(
      'e9b8a50ff38783f758a76d2d50422092a57ffea8d085b4ad3c761f666f138fc8',
    )
  })

  it.each(golden.cases)('$kind $options', (wanted) => {
    const labels = labelsOf(bars, wanted)
    expect([...labels.knownAt]).toEqual(wanted.knownAt)
    const values = [...labels.y].map((y) => (Number.isNaN(y) ? null : (labels.classes?.[y] ?? y)))
    const expected = wanted.y.map((y) => (y === null || labels.classes !== undefined ? y : Math.fround(y)))
    expect(values).toEqual(expected)
    expect([...concurrency(labels.knownAt)]).toEqual(wanted.concurrency)
    labels.weight.forEach((weight, i) => {
      expect(Math.abs(weight - wanted.weight[i])).toBeLessThanOrEqual(1e-7)
    })
  })

  it('volatility', () => {
    ewmVolatility(bars, golden.span).forEach((value, i) => {
      const wanted = golden.volatility[i]
      if (wanted === null) expect(value).toBeNaN()
      else expect(Math.abs(value / wanted - 1)).toBeLessThan(1e-10)
    })
  })

  it('of two classes are the upper side of three', () => {
    const options = { bars, up: 0.02, down: 0.01, horizon: 8 }
    const side = tripleBarrier(options)
    const up = tripleBarrier({ ...options, classes: 'up' })
    expect(up.classes).toEqual([0, 1])
    expect([...up.y]).toEqual([...side.y].map((y) => (Number.isNaN(y) ? y : Number(y === 2))))
    expect(up.knownAt).toEqual(side.knownAt)
  })
})

describe('the time at which a label is known', () => {
  const kinds: readonly ((of: Bars) => Labels)[] = [
    (of) => fixedHorizon({ bars: of, horizon: 7 }),
    (of) => fixedHorizon({ bars: of, horizon: 3, threshold: 0.01, classes: 'up' }),
    (of) => tripleBarrier({ bars: of, up: 0.03, down: 0.02, horizon: 9, touch: 'range' }),
    (of) => tripleBarrier({ bars: of, up: 2, down: 1, horizon: 12, volatility: ewmVolatility(of, 10) }),
  ]

  it('is exact: with the bars up to there it is the same, with one less it is not known', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 5, max: 120 }), fc.nat(), fc.nat(3), (seed, length, cut, kind) => {
        const whole = randomBars(seed, length)
        const all = kinds[kind](whole)
        const end = 1 + (cut % length)
        const part = kinds[kind](viewRange(whole, 0, end))
        for (let i = 0; i < end; i++) {
          const known = all.knownAt[i] >= 0 && all.knownAt[i] < end
          expect(part.knownAt[i]).toBe(known ? all.knownAt[i] : -1)
          expect(part.y[i]).toBe(known ? all.y[i] : NaN)
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('uniqueness', () => {
  it('is the mean of 1 / concurrency over the interval, for any intervals', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 12 }), { minLength: 1, maxLength: 60 }), (lengths) => {
        const knownAt = Int32Array.from(lengths, (n, i) => (n < 0 ? -1 : Math.min(lengths.length - 1, i + n)))
        const count = lengths.map((_, t) => knownAt.filter((at, i) => at >= 0 && i <= t && t <= at).length)
        const weights = uniqueness(knownAt)
        knownAt.forEach((at, i) => {
          let sum = 0
          for (let t = i; t <= at; t++) sum += 1 / count[t]
          expect(weights[i]).toBeCloseTo(at < 0 ? 0 : sum / (at - i + 1), 6)
        })
      }),
    )
  })
})

describe('purged splits', () => {
  const labels = fc.array(fc.integer({ min: -1, max: 9 }), { minLength: 12, maxLength: 90 }).map((lengths) =>
    createLabels({
      y: lengths.map((n) => (n < 0 ? NaN : n)),
      knownAt: lengths.map((n, i) => (n < 0 ? -1 : Math.min(lengths.length - 1, i + n))),
    }),
  )

  it('leave no interval in the training that reaches into the test, and nothing else out', () => {
    fc.assert(
      fc.property(labels, fc.integer({ min: 2, max: 6 }), fc.nat(5), (all, folds, embargo) => {
        const splits = purgedSplits(all, { folds, embargo })
        expect(splits).toHaveLength(folds)
        expect(splits.flatMap(({ test }) => [...test])).toEqual(
          [...all.knownAt.keys()].filter((i) => all.knownAt[i] >= 0),
        )
        for (const { train, test, start, end, purged } of splits) {
          const last = Math.max(end - 1, ...[...test].map((i) => all.knownAt[i]))
          const apart = (i: number): boolean => all.knownAt[i] < start || i > last + embargo
          const candidates = [...all.knownAt.keys()].filter((i) => all.knownAt[i] >= 0 && (i < start || i >= end))
          expect([...train]).toEqual(candidates.filter(apart))
          expect(purged).toBe(candidates.length - train.length)
          for (const i of train) for (const j of test) expect(all.knownAt[i] < j || all.knownAt[j] < i).toBe(true)
        }
      }),
    )
  })

  it('walk forward: every training ends before its test, labels and embargo included', () => {
    fc.assert(
      fc.property(labels, fc.boolean(), fc.nat(3), (all, anchored, embargo) => {
        const mode = anchored ? 'anchored' : 'rolling'
        const splits = purgedSplits(all, { walkForward: { train: 5, test: 3, mode }, embargo })
        splits.forEach(({ train, test, start }, k) => {
          expect(start).toBe(5 + embargo + 3 * k)
          for (const i of train) {
            expect(all.knownAt[i]).toBeLessThan(start)
            expect(i).toBeLessThan(start - embargo)
            expect(i).toBeGreaterThanOrEqual(anchored ? 0 : 3 * k)
          }
          for (const i of test) expect(i >= start && i < start + 3).toBe(true)
        })
      }),
    )
  })

  it('refuse what is no split', () => {
    const some = fixedHorizon({ bars, horizon: 2 })
    expect(codeOf(() => purgedSplits(some, {}))).toBe('BAD_OPTION')
    expect(codeOf(() => purgedSplits(some, { folds: 3, walkForward: { train: 5, test: 5 } }))).toBe('BAD_OPTION')
    expect(codeOf(() => purgedSplits(some, { folds: 1 }))).toBe('BAD_OPTION')
    expect(codeOf(() => purgedSplits(some, { folds: 3, embargo: -1 }))).toBe('BAD_OPTION')
    expect(codeOf(() => purgedSplits(some, { walkForward: { train: 500, test: 5 } }))).toBe('BAD_OPTION')
  })
})

describe('bad labels', () => {
  it('are refused with one error', () => {
    expect(codeOf(() => createLabels({ y: [1, 2], knownAt: [1] }))).toBe('BAD_SHAPE')
    expect(codeOf(() => createLabels({ y: [1, 2], knownAt: [1, 1], weight: [1] }))).toBe('BAD_SHAPE')
    expect(codeOf(() => createLabels({ y: [1, Infinity], knownAt: [1, 1] }))).toBe('BAD_DATA')
    expect(codeOf(() => createLabels({ y: [1, 1e39], knownAt: [1, 1] }))).toBe('BAD_DATA')
    expect(codeOf(() => createLabels({ y: [1, 2], knownAt: [1, 0] }))).toBe('BAD_DATA')
    expect(codeOf(() => createLabels({ y: [1, 2], knownAt: [1, 2] }))).toBe('BAD_DATA')
    expect(codeOf(() => createLabels({ y: [1, 2], knownAt: [1, 1], classes: [0, 1] }))).toBe('BAD_DATA')
    expect(codeOf(() => createLabels({ y: [0.5, 0], knownAt: [1, 1], classes: [0, 1] }))).toBe('BAD_DATA')
    expect(codeOf(() => createLabels({ y: [0, 0], knownAt: [1, 1], classes: [0] }))).toBe('BAD_OPTION')
    expect(codeOf(() => createLabels({ y: [0, 0], knownAt: [1, 1], weight: [1, -1] }))).toBe('BAD_DATA')
    expect(codeOf(() => fixedHorizon({ bars, horizon: 0 }))).toBe('BAD_OPTION')
    expect(codeOf(() => fixedHorizon({ bars, horizon: 1, threshold: -1 }))).toBe('BAD_OPTION')
    expect(codeOf(() => tripleBarrier({ bars, up: 0, down: 1, horizon: 1 }))).toBe('BAD_OPTION')
    expect(codeOf(() => tripleBarrier({ bars, up: 1, down: 1, horizon: 1, volatility: new Float64Array(3) }))).toBe(
      'BAD_SHAPE',
    )
    expect(codeOf(() => ewmVolatility(bars, 1))).toBe('BAD_OPTION')
  })

  it('come from bars without a price: there is none, and none across them', () => {
    const close = [1, 2, NaN, 4, 0, 6, 7]
    const gaps = createBars({
      timestamp: close.map((_, i) => i),
      open: close,
      high: close,
      low: close,
      close,
      volume: close,
    })
    expect([...fixedHorizon({ bars: gaps, horizon: 2 }).knownAt]).toEqual([-1, 3, -1, 5, -1, -1, -1])
    expect([...tripleBarrier({ bars: gaps, up: 0.9, down: 0.9, horizon: 3 }).knownAt]).toEqual([
      1, 3, -1, 4, -1, -1, -1,
    ])
  })
})
