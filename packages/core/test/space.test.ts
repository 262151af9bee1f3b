import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bool, choice, createRng, defineSpace, float, int, oneOf, type Params } from '../src/index.ts'

const mixed = defineSpace({
  fast: int(5, 50),
  even: int(2, 11, { step: 2 }),
  rate: float(1e-5, 1, { log: true }),
  threshold: float(0, 1, { step: 0.1 }),
  layers: int(1, 128, { log: true }),
  kind: choice(['sma', 'ema']),
  on: bool(),
  exit: oneOf('kind', {
    atr: { mult: float(1, 5) },
    time: { bars: int(5, 100), inner: oneOf('t', { a: {}, b: { z: int(1, 2) } }) },
  }),
})

describe('defineSpace', () => {
  it('samples, checks, and goes through points and the unit cube without loss', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const params = mixed.sample(createRng(seed)) as unknown as Params
        expect(mixed.contains(params)).toBe(true)
        expect(mixed.fromPoint(mixed.toPoint(params))).toEqual(params)
        const back = mixed.toPoint(mixed.fromUnit(mixed.toUnit(params)) as unknown as Params)
        mixed.toPoint(params).forEach((value, d) => {
          if (Number.isNaN(value)) expect(back[d]).toBeNaN()
          else expect(Math.abs(back[d] - value)).toBeLessThanOrEqual(1e-12 * Math.abs(value))
        })
      }),
    )
  })

  it('keeps steps on their grid and bounds inside', () => {
    const seen = new Set<number>()
    for (let i = 0; i < 500; i++) {
      const { even, threshold, layers } = mixed.sample(createRng(i))
      expect([2, 4, 6, 8, 10]).toContain(even)
      seen.add(threshold)
      expect(Number.isInteger(layers) && layers >= 1 && layers <= 128).toBe(true)
    }
    expect([...seen].sort()).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
  })

  it('gives every value of a discrete dimension its share of the unit interval', () => {
    const space = defineSpace({ n: int(1, 4), pick: choice(['a', 'b', 'c']) })
    expect([0, 0.24, 0.26, 0.5, 0.76, 1].map((u) => space.fromUnit([u, 0]).n)).toEqual([1, 1, 2, 3, 4, 4])
    expect([0, 0.34, 0.67, 1].map((u) => space.fromUnit([0, u]).pick)).toEqual(['a', 'b', 'c', 'c'])
  })

  it('counts and enumerates, branches included', () => {
    const space = defineSpace({ a: int(1, 3), exit: oneOf('kind', { none: {}, time: { bars: int(1, 4) } }), b: bool() })
    expect(space.size).toBe(3 * (1 + 4) * 2)
    const all = [...space.enumerate()]
    expect(all).toHaveLength(30)
    expect(new Set(all.map((p) => JSON.stringify(p))).size).toBe(30)
    for (const params of all) expect(space.contains(params as unknown as Params)).toBe(true)
    expect(mixed.size).toBe(Number.POSITIVE_INFINITY)
    expect(() => mixed.enumerate().next()).toThrow(/\[BAD_SPACE\].*'rate'/)
  })

  it('keeps where in samples and enumeration', () => {
    const space = defineSpace({ fast: int(1, 20), slow: int(1, 20) }, { where: ({ fast, slow }) => fast < slow })
    expect([...space.enumerate()]).toHaveLength(190)
    for (let i = 0; i < 200; i++) {
      const { fast, slow } = space.sample(createRng(i))
      expect(fast).toBeLessThan(slow)
    }
  })

  it('proves a small space empty by enumeration, and says when only draws were tried', () => {
    const small = defineSpace({ a: int(1, 100), b: int(1, 100) }, { where: () => false })
    expect(() => small.sample(createRng(1))).toThrow(/\[BAD_SPACE\].*all 10000 points were tried/)
    const large = defineSpace({ a: float(0, 1) }, { where: () => false })
    expect(() => large.sample(createRng(1))).toThrow(/10000 random draws/)
    const rare = defineSpace({ a: int(1, 1000), b: int(1, 1000) }, { where: ({ a, b }) => a === 777 && b === 3 })
    expect(rare.sample(createRng(1))).toEqual({ a: 777, b: 3 })
  })

  it.each([
    [{ fats: 5 }, /\[UNKNOWN_NAME\] strategy parameter must be a known name, was 'fats'; did you mean 'fast'/],
    [{ fast: 5 }, /parameter 'slow' must be given/],
    [{ fast: 0, slow: 10 }, /parameter 'fast' must be a whole number from 1 to 20, was 0/],
    [{ fast: 1.5, slow: 10 }, /'fast' must be a whole number/],
    [{ fast: Number.NaN, slow: 10 }, /'fast'/],
    [{ fast: '5', slow: 10 }, /'fast'/],
    [{ fast: 5, slow: 4 }, /must keep the space's where/],
    [null, /must be an object/],
  ])('refuses %j', (params, message) => {
    const space = defineSpace({ fast: int(1, 20), slow: int(1, 20) }, { where: ({ fast, slow }) => fast < slow })
    expect(() => space.check(params as unknown as Params)).toThrow(message)
  })

  it('refuses wrong branches with their path', () => {
    const base = mixed.sample(createRng(1)) as unknown as Record<string, never>
    expect(() => mixed.check({ ...base, exit: { kind: 'art', mult: 2 } } as never)).toThrow(/'exit'.*one of atr, time/)
    expect(() => mixed.check({ ...base, exit: { kind: 'atr', mlt: 2 } } as never)).toThrow(
      /'exit\.mlt'; did you mean 'exit\.mult'/,
    )
    expect(() => mixed.check({ ...base, exit: { kind: 'atr', mult: 9 } } as never)).toThrow(
      /'exit\.mult' must be a number from 1 to 5/,
    )
  })

  it.each([
    [() => int(2, 1), /low <= high/],
    [() => int(0.5, 2), /whole bounds/],
    [() => int(0, 5, { log: true }), /low above 0/],
    [() => float(0, Number.POSITIVE_INFINITY), /finite bounds/],
    [() => float(1, 2, { step: 0 }), /step above 0/],
    [() => float(1, 2, { step: 0.1, log: true }), /not both/],
    [() => choice([]), /at least one value/],
    [() => choice([1, 1]), /distinct/],
    [() => oneOf('kind', {}), /at least one branch/],
    [() => oneOf('kind', { a: { kind: int(1, 2) } }), /named like the tag/],
    [() => defineSpace({ a: 5 as never }), /made by int, float/],
  ])('refuses a contradictory description: %s', (make, message) => {
    expect(make).toThrow(message)
    expect(make).toThrow(/\[BAD_SPACE\]/)
  })
})
