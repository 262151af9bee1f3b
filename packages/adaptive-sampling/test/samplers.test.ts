import { bool, choice, defineSpace, float, int, oneOf, type Params, type Sampler, type Space } from '@tradewright/core'
import { samplerContract } from '@tradewright/core/testing'
import { describe, expect, it } from 'vitest'
import {
  adaptiveSamplers,
  autoSampler,
  bruteForceSampler,
  cmaEsSampler,
  differentialEvolutionSampler,
  gpSampler,
  gridSampler,
  haltonSampler,
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

const contracts: readonly [string, () => Sampler][] = [
  ...makers,
  ['auto', () => autoSampler()],
  ['halton', () => haltonSampler()],
  ['grid', () => gridSampler({ points: 4 })],
]
for (const [name, make] of contracts)
  describe(name, () =>
    samplerContract({
      make,
      ...(name === 'grid'
        ? { skip: [{ test: 'another seed gives other parameters', reason: 'a grid has no chance in it' }] }
        : {}),
    }),
  )

describe('auto', () => {
  it('goes on from its saved state as if it had not stopped', () => {
    const whole = drive(autoSampler(), conditional, conditionalValue, { trials: 160, generationSize: 4 })
    const first = autoSampler()
    const part = drive(first, conditional, conditionalValue, { trials: 120, generationSize: 4, budget: 160 })
    const second = autoSampler()
    second.restore?.(structuredClone(first.save?.() ?? null))
    expect(drive(second, conditional, conditionalValue, { trials: 160, generationSize: 4, history: part })).toEqual(
      whole,
    )
  })

  it('keeps working on 20,000 trials', () => {
    const sampler = autoSampler()
    const known = drive(haltonSampler(), sphere, square, { trials: 20_000, generationSize: 256 })
    const more = drive(sampler, sphere, square, { trials: 20_024, history: known })
    expect(more).toHaveLength(20_024)
  })
})

describe('a discrete space', () => {
  it.each([...adaptiveSamplers.keys()])('is asked point by point, then ends: %s', (type) => {
    const make = adaptiveSamplers.get(type) as unknown as (options: object) => Sampler
    const asked = (sampler: Sampler): string[] =>
      drive(sampler, tiny, (p) => p.x as number, { trials: 40 }).map((t) => JSON.stringify(t.params))
    expect(new Set(asked(make({}))).size).toBe(15)
    expect(asked(make({}))).toHaveLength(15)
    if (!['grid', 'brute-force', 'gp', 'auto'].includes(type))
      expect(asked(make({ duplicates: true }))).toHaveLength(40)
  })
})

describe('options', () => {
  it.each([...adaptiveSamplers.keys()].filter((type) => !['random', 'sobol', 'brute-force'].includes(type)))(
    'that are none are refused: %s',
    (type) => {
      const make = adaptiveSamplers.get(type) as unknown as (options: object) => Sampler
      expect(() => make({ type, nosuch: 1 })).toThrow('UNKNOWN_NAME')
    },
  )
})

describe('sequences and grids', () => {
  it('grid covers a grid once, on each scale', () => {
    const space = erase(defineSpace({ x: float(0, 1), lr: float(0.01, 1, { log: true }), k: choice(['a', 'b']) }))
    const params = drive(gridSampler({ points: 3 }), space, () => 0, { trials: 100 }).map((t) => t.params)
    expect(params).toHaveLength(18)
    expect(new Set(params.map((p) => p.x))).toEqual(new Set([0, 0.5, 1]))
    const rates = [...new Set(params.map((p) => p.lr as number))]
    expect(rates.map((r) => Number(r.toPrecision(6)))).toEqual([0.01, 0.1, 1])
  })

  it('brute force enumerates a conditional space and stops', () => {
    const space = erase(defineSpace({ e: oneOf('kind', { a: { n: int(1, 3) }, b: {} }), on: bool() }))
    const history = drive(bruteForceSampler(), space, () => 0, { trials: 100 })
    expect(history).toHaveLength(8)
    expect(new Set(history.map((t) => JSON.stringify(t.params))).size).toBe(8)
  })

  it('halton is the sequence of the paper, and even where scrambled', () => {
    const plain = drive(
      haltonSampler({ scramble: false }),
      erase(defineSpace({ a: float(0, 1), b: float(0, 1) })),
      () => 0,
      {
        trials: 4,
      },
    ).map((t) => [t.params.a, t.params.b])
    const expected = [
      [1 / 2, 1 / 3],
      [1 / 4, 2 / 3],
      [3 / 4, 1 / 9],
      [1 / 8, 4 / 9],
    ]
    for (const [i, row] of expected.entries())
      for (const [j, v] of row.entries()) expect(Math.abs((plain[i][j] as number) - v)).toBeLessThan(1e-15)
    const counts = new Int32Array(9)
    for (const { params } of drive(haltonSampler(), sphere, () => 0, { trials: 243 }))
      counts[Math.min(8, Math.floor((((params.b as number) + 5) / 10) * 9))]++
    expect([...counts]).toEqual(new Array(9).fill(27))
  })
})

describe('distributions', () => {
  it('the first trials of a model are even: a Sobol net', () => {
    const first = drive(tpeSampler({ startup: 64 }), sphere, square, { trials: 64, generationSize: 64 })
    for (const name of ['a', 'b', 'c']) {
      const cells = first.map((t) => Math.floor((((t.params[name] as number) + 5) / 10) * 64))
      expect(new Set(cells).size).toBe(64)
    }
  })

  it('perturbation moves by the factor of the range', () => {
    const space = erase(defineSpace({ x: float(0, 1) }))
    const seen = drive(perturbationSampler({ initialSamples: 1 }), space, (p) => Math.abs((p.x as number) - 0.5), {
      trials: 4,
    })
    const spread = drive(
      perturbationSampler({ initialSamples: 4, perturbationFactor: 0.01 }),
      space,
      (p) => Math.abs((p.x as number) - 0.5),
      {
        trials: 2000,
        generationSize: 1000,
        history: seen,
      },
    ).slice(4, 1004)
    const best = Math.min(...seen.map((t) => Math.abs((t.params.x as number) - 0.5)))
    const center = seen.find((t) => Math.abs((t.params.x as number) - 0.5) === best)?.params.x as number
    const deviation = Math.sqrt(spread.reduce((s, t) => s + ((t.params.x as number) - center) ** 2, 0) / spread.length)
    expect(deviation).toBeGreaterThan(0.0092)
    expect(deviation).toBeLessThan(0.0108)
  })

  it('cma-es begins as a normal distribution in the middle', () => {
    const first = drive(cmaEsSampler({ sigma: 0.1 }), sphere, square, { trials: 2000, generationSize: 2000 })
    const mean = first.reduce((s, t) => s + (t.params.a as number), 0) / first.length
    const deviation = Math.sqrt(first.reduce((s, t) => s + (t.params.a as number) ** 2, 0) / first.length)
    expect(Math.abs(mean)).toBeLessThan(0.1)
    expect(Math.abs(deviation - 1)).toBeLessThan(0.06)
  })
})
