import { readFileSync } from 'node:fs'
import {
  choice,
  createRng,
  defineSpace,
  float,
  int,
  normalCdf,
  type Params,
  type Sampler,
  type Space,
} from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { CmaEs } from '../src/cma-es.ts'
import { GaussianProcess } from '../src/gaussian-process.ts'
import { child } from '../src/genetic-variation.ts'
import {
  adaptiveSamplers,
  autoSampler,
  differentialEvolutionSampler,
  haltonSampler,
  perturbationSampler,
  tpeSampler,
} from '../src/index.ts'
import { logH } from '../src/log-expected-improvement.ts'
import { axesOf } from '../src/observations.ts'
import { drive } from './sampler-loop.ts'

const erase = (space: unknown): Space => space as Space
const golden = JSON.parse(readFileSync(new URL('./golden/samplers.json', import.meta.url), 'utf8')) as {
  readonly cma: {
    readonly n: number
    readonly lambda: number
    readonly sigma: number
    readonly generations: readonly {
      readonly points: readonly number[]
      readonly mean: readonly number[]
      readonly sigma: number
      readonly deviations: readonly number[]
    }[]
  }
  readonly gp: Readonly<
    Record<'x' | 'y' | 'inverseSquares' | 'sumInverseSquares' | 'at' | 'mean' | 'variance', number[]>
  > &
    Readonly<Record<'scale' | 'sumScale' | 'noise' | 'skill', number>>
  readonly log_h: readonly (readonly [number, number])[]
}

/** The distance of Kolmogorov and Smirnov between draws and a distribution function. */
function distance(draws: readonly number[], cdf: (x: number) => number): number {
  const sorted = [...draws].sort((a, b) => a - b)
  return sorted.reduce(
    (most, x, i) => Math.max(most, Math.abs(cdf(x) - i / sorted.length), Math.abs(cdf(x) - (i + 1) / sorted.length)),
    0,
  )
}
/** The distance that one in a thousand samples of this size exceeds. */
const far = (n: number): number => 1.95 / Math.sqrt(n)

/** Pearson's statistic against equal cells. */
function chiSquare(counts: ArrayLike<number>): number {
  const values = Array.from(counts)
  const expected = values.reduce((a, b) => a + b, 0) / values.length
  return values.reduce((s, v) => s + (v - expected) ** 2 / expected, 0)
}

const make = (type: string): Sampler => (adaptiveSamplers.get(type) as unknown as (options: object) => Sampler)({})
const mixed = erase(
  defineSpace({
    x: float(-1, 3),
    rate: float(1e-4, 1, { log: true }),
    n: int(1, 6),
    kind: choice(['a', 'b', 'c', 'd']),
  }),
)

describe('random, sobol and halton are uniform on each parameter’s own scale', () => {
  it.each(['random', 'sobol', 'halton'])('%s', (type) => {
    const draws = drive(make(type), mixed, () => 0, { trials: 2048, generationSize: 2048 }).map((t) => t.params)
    const of = (name: string): number[] => draws.map((p) => p[name] as number)
    expect(distance(of('x'), (x) => (x + 1) / 4)).toBeLessThan(far(2048))
    expect(distance(of('rate'), (r) => 1 + Math.log10(r) / 4)).toBeLessThan(far(2048))
    const cells = new Int32Array(6)
    for (const n of of('n')) cells[n - 1]++
    const kinds = ['a', 'b', 'c', 'd'].map((kind) => draws.filter((p) => p.kind === kind).length)
    // One in a thousand at 5 and at 3 degrees of freedom.
    expect(chiSquare(cells)).toBeLessThan(20.5)
    expect(chiSquare(kinds)).toBeLessThan(16.3)
    // Pairs are independent: the correlation of 2,048 draws.
    const [x, rate] = [of('x').map((v) => (v - 1) / 4), of('rate').map((v) => (Math.log10(v) + 2) / 4)]
    const correlation = (12 * x.reduce((s, v, i) => s + v * rate[i], 0)) / 2048
    expect(Math.abs(correlation)).toBeLessThan(3.3 / Math.sqrt(2048))
  })

  it('the unscrambled Halton sequence fills b-adic cells exactly', () => {
    const space = erase(defineSpace({ a: float(0, 1), b: float(0, 1), c: float(0, 1) }))
    const points = drive(haltonSampler({ scramble: false }), space, () => 0, { trials: 124 }).map((t) => t.params)
    const counts = new Int32Array(25)
    for (const p of points) counts[Math.floor((p.c as number) * 25 + 1e-9)]++
    // 124 of 125 points: the origin, index 0, is left out.
    expect([...counts].sort((a, b) => a - b)).toEqual([4, ...new Array(24).fill(5)])
  })
})

describe('the first trials of every model are the same scrambled Sobol net', () => {
  const space = erase(defineSpace({ a: float(0, 1), b: float(0, 1) }))
  it.each(['tpe', 'gp', 'auto', 'differential-evolution', 'nsga2', 'nsga3'])('%s', (type) => {
    const [first, net] = [type, 'tpe'].map((name) =>
      drive(make(name), space, () => 0, { trials: 8, generationSize: 8, seed: 5 }).map((t) => t.params),
    )
    expect(first).toEqual(net)
    for (const name of ['a', 'b']) expect(new Set(first.map((p) => Math.floor((p[name] as number) * 8))).size).toBe(8)
  })
})

describe('tpe', () => {
  it('draws candidates from the mixture of truncated normals that it is defined by', () => {
    const space = erase(defineSpace({ x: float(0, 1) }))
    // 24 trials: the best 3 of them (a tenth) are good, at 0.30, 0.38 and 0.50; all the others count as bad.
    const xs = [0.3, 0.38, 0.5, ...Array.from({ length: 21 }, (_, i) => 0.55 + i / 50)]
    const history = xs.map((x, number) => ({
      number,
      params: { x },
      status: 'done' as const,
      values: [number],
      reports: [],
    }))
    const draws = drive(tpeSampler({ candidates: 1 }), space, () => 0, { history, trials: 2024, generationSize: 2000 })
      .slice(24)
      .map((t) => t.params.x as number)
    const part = (mean: number, sigma: number, x: number): number =>
      (normalCdf((x - mean) / sigma) - normalCdf(-mean / sigma)) /
      (normalCdf((1 - mean) / sigma) - normalCdf(-mean / sigma))
    // Bandwidth: the larger distance to a neighbour, but at least (1 + kernels)^-1.5; the prior is as wide as the range.
    // Weights: values are 0, 1, 2, and 3 is the first bad one, so improvements are 3, 2, 1, in units of their mean 2.
    const cdfOf = (first: number, weights: readonly number[]) => (x: number) =>
      (weights[0] * part(0.3, first, x) +
        weights[1] * part(0.38, 0.12, x) +
        weights[2] * part(0.5, 0.12, x) +
        part(0.5, 1, x)) /
      4
    expect(distance(draws, cdfOf(5 ** -1.5, [1.5, 1, 0.5]))).toBeLessThan(far(2000))
    // The test can see a bandwidth that is wrong by a half, and equal weights.
    expect(distance(draws, cdfOf(0.5 * 5 ** -1.5, [1.5, 1, 0.5]))).toBeGreaterThan(far(2000))
    expect(distance(draws, cdfOf(5 ** -1.5, [1, 1, 1]))).toBeGreaterThan(far(2000))
  })
})

describe('cma-es', () => {
  // To 1e-8: the package adds that much to lengths it divides by.
  it('updates as the cmaes package does', () => {
    const { n, lambda, sigma, generations } = golden.cma
    const run = new CmaEs({ mean: new Float64Array(n).fill(0.5), sigma, lambda })
    for (const { points, mean, sigma: after, deviations } of generations) {
      run.update(Float64Array.from(points))
      mean.forEach((m, i) => {
        expect(Math.abs(run.mean[i] - m)).toBeLessThan(1e-8)
      })
      expect(Math.abs(run.sigma / after - 1)).toBeLessThan(1e-8)
      deviations.forEach((s, i) => {
        expect(Math.abs(run.deviation(i) / s - 1)).toBeLessThan(1e-8)
      })
    }
  })

  it('draws a normal distribution with the covariance it was given', () => {
    const covariance = Float64Array.of(1, 0.6, 0.6, 1)
    const run = new CmaEs({ mean: Float64Array.of(0.5, 0.5), sigma: 0.05, lambda: 8, covariance })
    const rng = createRng(3)
    const out = new Float64Array(2)
    const draws = Array.from({ length: 4000 }, () => {
      run.draw(rng, out)
      return [(out[0] - 0.5) / 0.05, (out[1] - 0.5) / 0.05]
    })
    for (const axis of [0, 1])
      expect(
        distance(
          draws.map((z) => z[axis]),
          normalCdf,
        ),
      ).toBeLessThan(far(4000))
    // What is left of one coordinate after the other is normal and independent of it.
    const rest = draws.map(([a, b]) => (b - 0.6 * a) / 0.8)
    expect(distance(rest, normalCdf)).toBeLessThan(far(4000))
    expect(Math.abs(draws.reduce((s, [a], i) => s + a * rest[i], 0) / 4000)).toBeLessThan(3.3 / Math.sqrt(4000))
  })
})

describe('gp', () => {
  const { gp: g } = golden
  const model = (): GaussianProcess => {
    const parameters = {
      inverseSquares: Float64Array.from(g.inverseSquares),
      scale: g.scale,
      sumInverseSquares: Float64Array.from(g.sumInverseSquares),
      sumScale: g.sumScale,
      noise: g.noise,
      theta: new Float64Array(9),
    }
    const gp = new GaussianProcess(parameters, ['number', 'number', 'number'], 16)
    gp.add(Float64Array.from(g.x), Float64Array.from(g.y), 9)
    gp.add(Float64Array.from(g.x.slice(27)), Float64Array.from(g.y.slice(9)), 3)
    return gp
  }

  it('has the posterior of numpy, however its observations came, and the gradients of it', () => {
    const gp = model()
    const gradients = new Float64Array(6)
    const scratch = new Float64Array(6)
    g.mean.forEach((mean, i) => {
      const point = Float64Array.from(g.at.slice(3 * i, 3 * i + 3))
      const found = gp.predict(point, gradients)
      expect(Math.abs(found.mean - mean)).toBeLessThan(1e-9)
      expect(Math.abs(found.variance - g.variance[i])).toBeLessThan(1e-9)
      expect(Math.abs(gp.mean(point, 0) - mean)).toBeLessThan(1e-9)
      const along = new Float64Array(1)
      for (let j = 0; j < 3; j++) {
        gp.meansAlong(point, j, point.slice(j, j + 1), along)
        expect(Math.abs(along[0] - mean)).toBeLessThan(1e-9)
        const [up, down] = [1e-5, -1e-5].map((h) =>
          gp.predict(
            point.map((u, k) => (k === j ? u + h : u)),
            scratch,
          ),
        )
        expect(Math.abs((up.mean - down.mean) / 2e-5 - gradients[j])).toBeLessThan(1e-5)
        expect(Math.abs((up.variance - down.variance) / 2e-5 - gradients[3 + j])).toBeLessThan(1e-5)
      }
    })
    expect(Math.abs(gp.skill() - g.skill)).toBeLessThan(1e-9)
  })

  it('has the logarithm of the expected improvement to 60-digit arithmetic', () => {
    for (const [z, truth] of golden.log_h) expect(Math.abs(logH(z) - truth)).toBeLessThan(2e-7 * Math.max(1, -z))
  })
})

describe('differential evolution', () => {
  it('takes over a coordinate with the probability of its crossover', () => {
    const d = 12
    const space = erase(defineSpace(Object.fromEntries(Array.from({ length: d }, (_, i) => [`x${i}`, float(0, 1)]))))
    const history = drive(make('random'), space, (_, number) => number, { trials: 24, generationSize: 24 })
    const size = 24
    const count = 1200
    const children = drive(differentialEvolutionSampler(), space, () => 0, {
      history,
      trials: 24 + count,
      generationSize: count,
    }).slice(24)
    let kept = 0
    for (const { params, number } of children) {
      const target = history[number % size].params
      for (let i = 0; i < d; i++)
        if (Math.abs((params[`x${i}`] as number) - (target[`x${i}`] as number)) < 1e-15) kept++
    }
    // The rate is a normal of 0.7 and 0.2 within [0.2, 1]; one coordinate always crosses.
    const z = (1 - 0.7) / 0.2
    const low = (0.2 - 0.7) / 0.2
    const density = (v: number): number => Math.exp(-0.5 * v * v) / Math.sqrt(2 * Math.PI)
    const inside = normalCdf(z) - normalCdf(low)
    const mean = 0.2 * normalCdf(low) + 0.7 * inside - 0.2 * (density(z) - density(low)) + normalCdf(-z)
    const expected = (1 - mean) * (1 - 1 / d)
    // A leader is its own target's leader where f is 1 at most; the deviation of a mean over children is below 0.01.
    expect(Math.abs(kept / (count * d) - expected)).toBeLessThan(0.025)
  })
})

describe('perturbation', () => {
  it('draws normal noise around the top quartile, and other categories with the factor', () => {
    const space = erase(defineSpace({ x: float(0, 1), kind: choice(['a', 'b', 'c', 'd']) }))
    // Twelve trials: the best three are the top quartile, at 0.3, 0.4 and 0.7, all of kind b.
    const history = [0.3, 0.4, 0.7, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98].map((x, number) => ({
      number,
      params: { x, kind: number < 3 ? 'b' : 'a' },
      status: 'done' as const,
      values: [number],
      reports: [],
    }))
    const draws = drive(perturbationSampler({ initialSamples: 1, perturbationFactor: 0.06 }), space, () => 0, {
      history,
      trials: 3012,
      generationSize: 3000,
    }).slice(12)
    const cdf = (sigma: number) => (x: number) =>
      [0.3, 0.4, 0.7].reduce((s, mean) => s + normalCdf((x - mean) / sigma) / 3, 0)
    const xs = draws.map((t) => t.params.x as number)
    expect(distance(xs, cdf(0.06))).toBeLessThan(far(3000))
    expect(distance(xs, cdf(0.09))).toBeGreaterThan(far(3000))
    const others = ['a', 'c', 'd'].map((kind) => draws.filter((t) => t.params.kind === kind).length)
    const moved = others.reduce((a, b) => a + b, 0) / 3000
    expect(Math.abs(moved - 0.06)).toBeLessThan(3.3 * Math.sqrt((0.06 * 0.94) / 3000))
    // One in a thousand at 2 degrees of freedom.
    expect(chiSquare(others)).toBeLessThan(13.8)
  })
})

describe('auto, after its first trials', () => {
  const space = erase(defineSpace({ a: float(0, 1), b: float(0, 1) }))
  const value = (p: Params): number => ((p.a as number) - 0.3) ** 2 + Math.abs((p.b as number) - 0.6)
  const history = drive(make('random'), space, value, { trials: 60, generationSize: 60, seed: 9 })
  const begun = { run: 0, known: 0, mode: 'all', rugged: false, turn: 0 }
  /** Auto where the last arm took over at trial 60, or at 40 on its own. */
  const auto = (...segments: readonly object[]): Sampler => {
    const sampler = autoSampler()
    sampler.restore?.({ version: 2, segments: segments.map((segment) => ({ ...begun, ...segment })) } as never)
    return sampler
  }
  const asked = (sampler: Sampler, known: typeof history, count = 4): readonly Params[] =>
    sampler.sample({
      space,
      count,
      firstTrial: 60,
      history: known,
      directions: ['minimize'],
      seed: 3,
      rng: (trial) => createRng(3, trial * 2),
    })

  it.each(['tpe', 'differential-evolution', 'gp'])('asks what the arm in charge asks: %s', (arm) => {
    const own = asked(make(arm), history)
    expect(asked(auto({ from: 0, arm: 'gp' }, { from: 60, arm, run: 1, known: 60 }), history)).toEqual(own)
    expect(new Set(own.map((p) => p.a)).size).toBe(4)
  })

  it('asks a process that began anew by its own trials alone', () => {
    const fresh = { from: 40, arm: 'gp', mode: 'fresh', run: 1, known: 40 }
    const later = { from: 60, arm: 'gp', mode: 'fresh', run: 1, known: 40 }
    const own = asked(auto({ from: 0, arm: 'gp' }, fresh, later), history)
    expect(own).toEqual(asked(make('gp'), history.slice(40)))
    expect(own).not.toEqual(asked(make('gp'), history))
  })

  it.each([
    ['wide', 0.5, 0.5, 1 / 6],
    ['best-wide', undefined, undefined, 1 / 6],
  ] as const)('draws a normal distribution where CMA-ES begins: %s', (mode, a, b, sigma) => {
    const best = history.reduce((x, y) => (y.values[0] < x.values[0] ? y : x)).params as { a: number; b: number }
    const draws = asked(
      auto({ from: 0, arm: 'gp' }, { from: 60, arm: 'cma-es', mode, run: 1, known: 60 }),
      history,
      2000,
    )
    for (const [name, mean] of [
      ['a', a ?? best.a],
      ['b', b ?? best.b],
    ] as const) {
      // What leaves the box is drawn again or moved to its border: compared where both cannot be seen.
      const inside = draws.map((p) => p[name] as number).filter((u) => u > 0.001 && u < 0.999)
      const part = (x: number): number => normalCdf((x - mean) / sigma)
      const [low, high] = [part(0.001), part(0.999)]
      expect(distance(inside, (x) => (part(x) - low) / (high - low))).toBeLessThan(far(inside.length))
      expect(distance(inside, (x) => normalCdf((x - mean) / (1.5 * sigma)))).toBeGreaterThan(far(inside.length))
    }
  })
})

describe('nsga2 and nsga3', () => {
  it('mutate by the polynomial distribution, one coordinate a child in the mean', () => {
    const axes = axesOf(erase(defineSpace({ a: float(0, 1), b: float(0, 1), c: float(0, 1), d: float(0, 1) })))
    const rng = createRng(11)
    const parent = new Float64Array(4).fill(0.5)
    const moves: number[] = []
    const n = 6000
    for (let i = 0; i < n; i++) for (const u of child(axes, parent, parent, rng)) if (u !== 0.5) moves.push(u - 0.5)
    expect(Math.abs(moves.length / n - 1)).toBeLessThan(0.04)
    // |delta| has the distribution 1 - (1 - x)^(eta + 1) with eta 20, the sign is even.
    expect(distance(moves.map(Math.abs), (x) => 1 - (1 - x) ** 21)).toBeLessThan(far(moves.length))
    expect(Math.abs(moves.filter((m) => m > 0).length / moves.length - 0.5)).toBeLessThan(0.03)
  })

  it('cross by simulated binary crossover', () => {
    const axes = axesOf(erase(defineSpace({ a: float(0, 1) })))
    const rng = createRng(12)
    const [a, b] = [Float64Array.of(0.4), Float64Array.of(0.6)]
    // Spread of children in units of their parents': beta <= 1 with probability a half, by beta^(eta + 1) / 2, eta 15.
    const betas: number[] = []
    for (let i = 0; i < 20_000; i++) {
      const [u] = child(axes, a, b, rng)
      // One axis is always mutated too: only the sign's evenness and the mean are left to see.
      betas.push(u - 0.5)
    }
    // 45 % cross (0.9 x 0.5), evenly to both sides; the others stay at 0.4: the mean is 0.45 x 0.5 + 0.55 x 0.4.
    const mean = betas.reduce((s, v) => s + v, 0) / betas.length
    expect(Math.abs(mean - (0.45 * 0 + 0.55 * -0.1))).toBeLessThan(0.004)
  })
})

describe('every sampler', () => {
  const all = [...adaptiveSamplers.keys()]
  const box = erase(defineSpace({ a: float(-5, 5), b: float(-5, 5), c: float(-5, 5) }))
  const discrete = erase(defineSpace({ a: int(0, 30), b: int(0, 30), c: int(0, 30) }))
  const value = (p: Params): number => Object.values(p).reduce<number>((s, v) => s + ((v as number) - 1) ** 2, 0)

  it.each(all)('%s goes on after 20,000 trials, some of them failed', (type) => {
    const space = type === 'brute-force' || type === 'grid' ? discrete : box
    const history = drive(make('halton'), space, (p, n) => (n % 10 === 3 ? 'failed' : value(p)), {
      trials: 20_000,
      generationSize: 20_000,
    })
    const more = drive(make(type), space, value, { trials: 20_008, history })
    // A grid of 10 values an axis has ended by then.
    expect(more).toHaveLength(type === 'grid' ? 20_000 : 20_008)
    for (const { params } of more.slice(20_000)) expect(() => space.check(params)).not.toThrow()
  })
})
