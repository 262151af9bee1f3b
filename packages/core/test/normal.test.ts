import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createRng, erf, normalCdf, normalPdf, normalQuantile, truncatedNormal } from '../src/index.ts'

const golden = JSON.parse(readFileSync(new URL('./golden/normal.json', import.meta.url), 'utf8')) as Readonly<
  Record<'erf' | 'cdf' | 'pdf' | 'quantile', readonly (readonly [number, number])[]>
>
const off = (value: number, truth: number): number => (truth === 0 ? Math.abs(value) : Math.abs(value / truth - 1))

describe('the normal distribution equals 60-digit arithmetic', () => {
  it.each([
    ['erf', erf, 1e-15],
    // exp(-z^2 / 2) multiplies the rounding of its argument: 37^2 / 2 of them in the far tail.
    ['cdf', normalCdf, 3e-13],
    ['pdf', normalPdf, 3e-13],
    ['quantile', normalQuantile, 2e-15],
  ] as const)('%s', (name, f, tolerance) => {
    for (const [x, truth] of golden[name]) expect(off(f(x), truth)).toBeLessThan(tolerance)
  })

  it('has its ends and its NaN', () => {
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
    for (const f of [erf, normalCdf, normalPdf, normalQuantile]) expect(f(Number.NaN)).toBeNaN()
  })
})

describe('truncatedNormal', () => {
  it.each([
    [0.3, 0.2, 0, 1],
    [-2, 0.5, 0, 1],
    [30, 1, 0, 1],
  ])('inverts its distribution function: mean %d, deviation %d', (mean, sigma, low, high) => {
    const rng = createRng(7)
    const n = 4000
    const draws = Float64Array.from({ length: n }, () => truncatedNormal(mean, sigma, low, high, rng.uniform())).sort()
    // In the lower tail, where nothing cancels.
    const side = mean < low ? -1 : 1
    const part = (x: number): number => normalCdf(side * ((x - mean) / sigma))
    const [a, b] = [part(low), part(high)]
    let distance = 0
    draws.forEach((x, i) => {
      const at = (part(x) - a) / (b - a)
      distance = Math.max(distance, Math.abs(at - i / n), Math.abs(at - (i + 1) / n))
    })
    // Kolmogorov and Smirnov, at 0.001.
    expect(distance).toBeLessThan(1.95 / Math.sqrt(n))
    expect(draws[0]).toBeGreaterThanOrEqual(low)
    expect(draws[n - 1]).toBeLessThanOrEqual(high)
  })
})
