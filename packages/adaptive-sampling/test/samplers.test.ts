import { bool, choice, defineSpace, float, int, oneOf, type Params, type Sampler, type Space } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  cmaEsSampler,
  differentialEvolutionSampler,
  gpSampler,
  nsga2Sampler,
  nsga3Sampler,
  perturbationSampler,
  tpeSampler,
} from '../src/index.ts'
import { bestOf, drive, median } from './sampler-loop.ts'

const erase = (space: unknown): Space => space as Space
const sphere = erase(defineSpace({ a: float(-5, 5), b: float(-5, 5), c: float(-5, 5) }))
const conditional = erase(
  defineSpace({
    exit: oneOf('kind', {
      atr: { mult: float(1, 5), period: int(5, 50, { log: true }) },
      time: { bars: int(5, 100) },
    }),
    mode: choice(['a', 'b', 'c']),
    rate: float(1e-5, 1, { log: true }),
    on: bool(),
  }),
)
const ordered = erase(defineSpace({ fast: int(5, 50), slow: int(20, 200) }, { where: ({ fast, slow }) => fast < slow }))
const tiny = erase(defineSpace({ x: int(0, 4), y: choice(['p', 'q', 'r']) }))

const square = (p: Params): number => Object.values(p).reduce<number>((s, v) => s + ((v as number) - 1) ** 2, 0)
const conditionalValue = (p: Params): number => {
  const exit = p.exit as { kind: string; mult?: number; period?: number; bars?: number }
  const branch =
    exit.kind === 'atr'
      ? Math.abs((exit.mult ?? 0) - 3) + Math.log((exit.period ?? 1) / 14) ** 2
      : 1 + (exit.bars ?? 0) / 100
  return branch + (p.mode === 'b' ? 0 : 0.5) + (Math.log10(p.rate as number) + 3) ** 2 + (p.on === true ? 0 : 0.3)
}

const makers: readonly [string, () => Sampler][] = [
  ['cma-es', () => cmaEsSampler()],
  ['gp', () => gpSampler()],
  ['differential-evolution', () => differentialEvolutionSampler()],
  ['nsga2', () => nsga2Sampler()],
  ['nsga3', () => nsga3Sampler()],
  ['perturbation', () => perturbationSampler({ initialSamples: 20 })],
  ['tpe', () => tpeSampler()],
  ['tpe, univariate', () => tpeSampler({ multivariate: false })],
]

describe.each(makers)('%s', (_name, make) => {
  it('stays inside every kind of space and keeps where', () => {
    for (const [space, value] of [
      [sphere, square],
      [conditional, conditionalValue],
      [ordered, square],
    ] as const) {
      const history = drive(make(), space, value, { trials: 96 })
      expect(history).toHaveLength(96)
      for (const { params } of history) expect(() => space.check(params)).not.toThrow()
    }
  })

  it('is a function of the history: a fresh instance goes on as the old one', () => {
    for (const [space, value] of [
      [sphere, square],
      [conditional, conditionalValue],
    ] as const) {
      const whole = drive(make(), space, value, { trials: 104 })
      const half = drive(make(), space, value, { trials: 104, history: structuredClone(whole.slice(0, 56)) })
      expect(half).toEqual(whole)
    }
  })

  it('gives other trials for another seed', () => {
    const params = (seed: number): readonly Params[] =>
      drive(make(), sphere, square, { trials: 40, seed }).map((t) => t.params)
    expect(params(1)).toEqual(params(1))
    expect(params(1)).not.toEqual(params(2))
  })

  it('asks no point of a discrete space twice, and ends when it is exhausted', () => {
    const history = drive(make(), tiny, (p) => (p.x as number) + (p.y === 'q' ? 0 : 1), { trials: 40 })
    expect(new Set(history.map((t) => JSON.stringify(t.params))).size).toBe(15)
    expect(history).toHaveLength(15)
  })

  it('goes on after failed, infinite and huge trials', () => {
    const history = drive(
      make(),
      sphere,
      (p, n) =>
        n % 5 === 1
          ? 'failed'
          : n % 7 === 2
            ? Number.POSITIVE_INFINITY
            : n % 11 === 3
              ? 1e300
              : n % 13 === 4
                ? -0 + square(p)
                : square(p),
      { trials: 120 },
    )
    expect(history).toHaveLength(120)
    for (const { params } of history) expect(() => sphere.check(params)).not.toThrow()
    expect(bestOf(history)).toBeLessThan(6)
  })

  it('survives a study where everything fails or ties', () => {
    expect(drive(make(), sphere, () => 'failed', { trials: 64 })).toHaveLength(64)
    expect(drive(make(), conditional, () => 1, { trials: 64 })).toHaveLength(64)
  })

  it('maximizes as it minimizes', () => {
    const down = drive(make(), sphere, square, { trials: 64 })
    const up = drive(make(), sphere, (p) => -square(p), { trials: 64, directions: ['maximize'] })
    expect(up.map((t) => t.params)).toEqual(down.map((t) => t.params))
  })

  it('finds better points than it began with', () => {
    const gains = [1, 2, 3, 4, 5].map((seed) => {
      const history = drive(make(), conditional, conditionalValue, { trials: 120, seed })
      return bestOf(history) - bestOf(history.slice(0, 20))
    })
    expect(median(gains)).toBeLessThan(-0.1)
  })
})
