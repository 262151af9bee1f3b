import { defineSpace, float, int, type Params, type Sampler, type Space } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { adaptiveSamplers } from '../src/index.ts'
import { bestOf, drive, median } from './sampler-loop.ts'

const erase = (space: unknown): Space => space as Space
const box = (d: number): Space =>
  erase(defineSpace(Object.fromEntries(Array.from({ length: d }, (_, i) => [`x${i}`, float(0, 1)]))))
const square = (x: readonly number[], at: number): number => x.reduce((s, v) => s + (v - at) ** 2, 0)

interface Case {
  readonly name: string
  readonly space: Space
  /** NaN where a trial fails. */
  readonly value: (x: readonly number[]) => number
}
const cases: readonly Case[] = [
  { name: 'half of the space', space: box(4), value: (x) => (x[0] + x[1] < 1 ? Number.NaN : square(x, 0.6)) },
  {
    name: 'four fifths of it',
    space: box(3),
    value: (x) => (x[0] > 0.4 || x[1] > 0.5 ? Number.NaN : square(x, 0.3)),
  },
  {
    name: 'the middle, where searches begin',
    space: box(2),
    value: (x) => (Math.hypot(x[0] - 0.5, x[1] - 0.5) < 0.35 ? Number.NaN : (x[0] - 0.1) ** 2 + (x[1] - 0.2) ** 2),
  },
  {
    name: 'two thirds of integers, beside the best ones',
    space: erase(defineSpace({ period: int(2, 30), low: int(10, 45), high: int(50, 90) })),
    value: ([period, low, high]) =>
      (period > 14 && low < 25) || high > 70 || period > 25
        ? Number.NaN
        : (period - 13) ** 2 / 400 + (low - 24) ** 2 / 900 + (high - 69) ** 2 / 900,
  },
]
const samplers = ['auto', 'gp', 'tpe', 'cma-es', 'differential-evolution', 'nsga2', 'nsga3', 'perturbation']
const make = (type: string): Sampler =>
  (adaptiveSamplers.get(type) as unknown as (options: object) => Sampler)({
    ...(type === 'perturbation' ? { initialSamples: 24 } : {}),
  })

describe.each(cases)('where $name fails', ({ space, value }) => {
  const objective = (p: Params): number | 'failed' => {
    const v = value(Object.values(p) as number[])
    return Number.isNaN(v) ? 'failed' : v
  }
  const modelled = (type: string): boolean => type === 'auto' || type === 'gp'
  const runs = (type: string, trials: number) =>
    (modelled(type) ? [1, 2] : [1, 2, 3, 4, 5]).map((seed) =>
      drive(make(type), space, objective, { trials, seed, generationSize: modelled(type) ? 4 : 8 }),
    )
  const judge = (type: string, trials: number): { readonly lost: number; readonly best: number } => {
    const histories = runs(type, trials)
    const late = histories.flatMap((history) => history.slice(40))
    return {
      lost: late.filter((t) => t.status === 'failed').length / late.length,
      best: median(histories.map(bestOf)),
    }
  }
  const random = judge('random', 160)

  it.each(samplers)('%s leaves it, and finds more than chance does', (type) => {
    const { lost, best } = judge(type, modelled(type) ? 96 : 160)
    expect(lost).toBeLessThan(0.8 * random.lost)
    // NSGA is made for several objectives; with one it is only to keep away.
    if (!type.startsWith('nsga')) expect(best).toBeLessThan(random.best)
  })
})

describe('where nothing but one corner works', () => {
  it.each(samplers)('%s goes on until it has found it', (type) => {
    const history = drive(
      make(type),
      box(2),
      (p) => ((p.x0 as number) > 0.8 && (p.x1 as number) < 0.2 ? (p.x0 as number) : 'failed'),
      { trials: 160, seed: 3 },
    )
    expect(history.filter((t) => t.status === 'done').length).toBeGreaterThan(4)
  })
})
