import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createRng, createStudy, defineSpace, float, int, sobol, sobolSampler } from '../src/index.ts'

interface Golden {
  readonly points: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>
}
const golden = JSON.parse(readFileSync(new URL('./golden/sobol.json', import.meta.url), 'utf8')) as Golden

describe('sobol', () => {
  it('equals SciPy, unscrambled, to the last bit', () => {
    for (const [dimensions, points] of Object.entries(golden.points))
      for (const [index, point] of Object.entries(points))
        for (let d = 0; d < Number(dimensions); d++) expect(sobol(Number(index), d)).toBe(point[d])
  })

  it('keeps the net property under scrambling: every one of 64 cells of 6 bits holds one of 64 points', () => {
    for (const seed of [1, 99, 12345])
      for (let d = 0; d < 128; d++) {
        const cells = new Set(Array.from({ length: 64 }, (_, i) => Math.floor(sobol(i, d, seed) * 64)))
        expect(cells.size).toBe(64)
      }
  })

  it('scrambles to a uniform distribution over seeds', () => {
    const rng = createRng(3)
    let sum = 0
    for (let i = 0; i < 4000; i++) sum += sobol(5, 3, rng.uint32())
    expect(Math.abs(sum / 4000 - 0.5)).toBeLessThan(0.02)
  })

  it('integrates better than random draws', async () => {
    const space = defineSpace({ a: float(0, 1), b: float(0, 1), c: float(0, 1), d: float(0, 1) })
    const worst = { random: 0, sobol: 0 }
    for (let seed = 0; seed < 10; seed++)
      for (const type of ['random', 'sobol'] as const) {
        const study = createStudy({ space, sampler: { type }, seed })
        const { trials } = await study.optimize(({ params: { a, b, c, d } }) => a * b + c * d, { trials: 512 })
        const error = Math.abs(trials.reduce((sum, t) => sum + t.values[0], 0) / 512 - 0.5)
        worst[type] = Math.max(worst[type], error)
      }
    expect(worst.sobol).toBeLessThan(worst.random / 4)
  })

  it('keeps where by drawing again, deterministically', () => {
    const space = defineSpace({ fast: int(1, 30), slow: int(1, 30) }, { where: ({ fast, slow }) => fast < slow })
    const request = {
      space,
      count: 100,
      firstTrial: 0,
      history: [],
      directions: ['minimize'],
      seed: 1,
      rng: (t: number) => createRng(1, t),
    } as const
    const points = sobolSampler().sample(request as never)
    for (const p of points) expect(space.contains(p)).toBe(true)
    expect(sobolSampler().sample({ ...request, count: 40, firstTrial: 60 } as never)).toEqual(points.slice(60))
  })

  it('refuses a dimension beyond its table, and serves spaces beyond it with uniform draws', () => {
    expect(() => sobol(1, 128)).toThrow(/\[BAD_OPTION\].*128 dimensions/)
    const shape = Object.fromEntries(Array.from({ length: 130 }, (_, i) => [`p${i}`, float(0, 1)]))
    const space = defineSpace(shape)
    const [params] = sobolSampler().sample({
      space,
      count: 1,
      firstTrial: 3,
      history: [],
      directions: ['minimize'],
      seed: 1,
      rng: (t: number) => createRng(1, t),
    } as never)
    expect(space.contains(params)).toBe(true)
  })
})
