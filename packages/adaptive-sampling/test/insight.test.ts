import { choice, defineSpace, type FinishedTrial, float, oneOf, type Params, type Space } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  contour,
  fanovaImportance,
  haltonSampler,
  optimizationHistory,
  parallelCoordinates,
  partialDependence,
  pedAnovaImportance,
  plotContour,
  plotHistory,
  plotImportance,
  plotParallelCoordinates,
  plotPartialDependence,
  plotSlice,
  sliceOf,
} from '../src/index.ts'
import { drive } from './sampler-loop.ts'

const space = defineSpace({ a: float(0, 1), b: float(0, 1), c: float(0, 1), k: choice(['x', 'y']) }) as unknown as Space
const value = (p: Params): number => 3 * (p.a as number) + (p.b as number) + (p.k === 'x' ? 0 : 0.5)
const input = (f: (p: Params) => number, n = 400) => ({
  space,
  directions: ['minimize'] as const,
  trials: drive(haltonSampler(), space, f, { trials: n, generationSize: n }) as FinishedTrial[],
})

describe('fANOVA', () => {
  it('finds the parts of a linear function: variances 9/12, 1/12, 0, 0.25/4', () => {
    const parts = Object.fromEntries(fanovaImportance(input(value, 800)).map((r) => [r.name, r.importance]))
    const total = 9 / 12 + 1 / 12 + 1 / 16
    expect(Math.abs(parts.a - 9 / 12 / total)).toBeLessThan(0.03)
    expect(Math.abs(parts.b - 1 / 12 / total)).toBeLessThan(0.02)
    expect(Math.abs(parts.k - 1 / 16 / total)).toBeLessThan(0.02)
    expect(parts.c).toBeLessThan(0.01)
  })

  it('gives no importance where nothing changes', () => {
    expect(fanovaImportance(input(() => 2)).map((r) => r.importance)).toEqual([0, 0, 0, 0])
  })
})

it('PED-ANOVA ranks what decides about the best', () => {
  const [first] = pedAnovaImportance(input((p) => Math.abs((p.b as number) - 0.3) + 0.01 * (p.a as number)))
  expect(first.name).toBe('b')
  expect(first.importance).toBeGreaterThan(0.8)
})

it('partial dependence follows the function', () => {
  const { values, means } = partialDependence(input(value), 'a', { points: 10 })
  expect(values[0]).toBeCloseTo(0.05, 12)
  const slope = (means[9] - means[0]) / 0.9
  expect(Math.abs(slope - 3)).toBeLessThan(0.3)
  const category = partialDependence(input(value), 'k')
  expect(category.values).toEqual(['x', 'y'])
  expect(Math.abs(category.means[1] - category.means[0] - 0.5)).toBeLessThan(0.1)
})

it('contour, slices, parallel coordinates and history are the data of the trials', () => {
  const data = input(value, 40)
  const { means, x, y } = contour(data, ['a', 'b'], { points: 5 })
  expect([x.length, y.length, means.length, means[0].length]).toEqual([5, 5, 5, 5])
  expect(means[0][4] - means[0][0]).toBeGreaterThan(1)
  expect(sliceOf(data, 'k')[3]).toEqual({ number: 3, param: data.trials[3].params.k, value: data.trials[3].values[0] })
  expect(parallelCoordinates(data).rows[7].places[0]).toBeCloseTo(data.trials[7].params.a as number, 12)
  const history = optimizationHistory(data)
  expect(history.at(-1)?.best).toBe(Math.min(...data.trials.map((t) => t.values[0])))
  expect(() => partialDependence(data, 'aa')).toThrow("did you mean 'a'")
})

it('plots are whole SVG documents without holes, also for conditional parameters', () => {
  const conditional = defineSpace({
    e: oneOf('kind', { p: { u: float(1, 9, { log: true }) }, q: {} }),
    'w<1': float(0, 1),
  }) as unknown as Space
  const data = {
    space: conditional,
    directions: ['maximize'] as const,
    trials: drive(haltonSampler(), conditional, (p) => p['w<1'] as number, { trials: 30, generationSize: 30 }),
  }
  const name = conditional.dimensions[1].name
  const plots = [
    plotHistory(data),
    plotImportance(data),
    plotSlice(data, name),
    plotPartialDependence(data, name),
    plotContour(data, [name, 'w<1']),
    plotParallelCoordinates(data),
  ]
  for (const plot of plots) {
    expect(plot.startsWith('<svg ')).toBe(true)
    expect(plot.endsWith('</svg>')).toBe(true)
    expect(plot).not.toMatch(/NaN|Infinity|undefined|w<1/)
  }
  expect(plots[0].match(/<circle/g)).toHaveLength(30)
})
