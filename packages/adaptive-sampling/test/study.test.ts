import {
  choice,
  createManualClock,
  createRng,
  float,
  int,
  memoryStudyStore,
  type ReturnMoments,
} from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  createStudy,
  expectedImprovementBelow,
  luckOf,
  patienceOf,
  resolvePruner,
  targetOf,
  timeLimitOf,
} from '../src/index.ts'

const shape = { x: float(-5, 5), n: int(0, 20), mode: choice(['a', 'b']) }
const value = ({ x, n, mode }: { x: number; n: number; mode: string }): number =>
  (x - 1) ** 2 + (n - 7) ** 2 / 10 + (mode === 'a' ? 0 : 1)

describe('createStudy', () => {
  it.each([
    'auto',
    'tpe',
    'cma-es',
    'gp',
    'nsga2',
    'nsga3',
    'random',
    'sobol',
    'halton',
    'grid',
    'perturbation',
    'differential-evolution',
  ] as const)('with %s gives the same study at concurrency 1, 2 and 7, and after a resume', async (type) => {
    const run = async (concurrency: number, store = memoryStudyStore(), until = 52) => {
      const study = createStudy({ space: shape, sampler: { type }, seed: 5, store })
      const { trials: done } = await study.optimize(
        async ({ params, number }) => {
          // Arrival order differs from trial order.
          for (let i = 0; i < (number * 7) % 5; i++) await Promise.resolve()
          if (number % 9 === 4) throw new Error('now and then')
          return value(params)
        },
        { trials: 52, concurrency, stopWhen: (view) => (view.trials.length >= until ? 'enough' : undefined) },
      )
      return done.map(({ number, params, values, status }) => ({ number, params, values, status }))
    }
    const one = await run(1)
    expect(await run(2)).toEqual(one)
    expect(await run(7)).toEqual(one)
    const store = memoryStudyStore()
    await run(1, store, 24)
    expect(await run(3, store)).toEqual(one)
  })

  it('finds the optimum by default, and tells of every trial once', async () => {
    const study = createStudy({ space: shape, seed: 2 })
    const seen: number[] = []
    const { best, luck } = await study.optimize(({ params }) => value(params), {
      trials: 80,
      onTrial: (t) => seen.push(t.number),
    })
    expect(best.value).toBeLessThan(0.05)
    expect(best.params.mode).toBe('a')
    expect(seen).toEqual(Array.from({ length: 80 }, (_, i) => i))
    expect(luck).toBeUndefined()
  })

  it('tries what is enqueued first, refuses what is outside, and repeats nothing after a resume', async () => {
    const store = memoryStudyStore()
    const make = () => createStudy({ space: shape, seed: 3, sampler: { type: 'tpe' }, store })
    const points = [
      { x: 1, n: 7, mode: 'a' as const },
      { x: 0, n: 0, mode: 'b' as const },
    ]
    const study = make()
    expect(() => study.enqueue({ x: 9, n: 1, mode: 'a' })).toThrow('BAD_OPTION')
    study.enqueue(...points)
    const first = await study.optimize(({ params }) => value(params), { trials: 16 })
    expect(first.trials.slice(0, 2).map((t) => t.params)).toEqual(points)
    const again = make()
    again.enqueue(...points)
    const second = await again.optimize(({ params }) => value(params), { trials: 32 })
    expect(second.trials.slice(0, 16)).toEqual(first.trials)
    expect(second.trials.filter((t) => t.params.x === 1 && t.params.n === 7)).toHaveLength(1)
  })

  it('tries failed parameters again as often as it may', async () => {
    const study = createStudy({ space: shape, seed: 3, sampler: { type: 'random' }, generationSize: 4, retryFailed: 2 })
    const { trials } = await study.optimize(
      ({ params, number }) => {
        if (number === 1 || params.x === firstFailed) {
          firstFailed = params.x
          throw new Error('no')
        }
        return value(params)
      },
      { trials: 24 },
    )
    expect(trials.filter((t) => t.params.x === firstFailed).map((t) => t.status)).toEqual([
      'failed',
      'failed',
      'failed',
    ])
  })

  it('refuses options that are none, and those that could not work', async () => {
    const refused = (options: object): void =>
      expect(() => createStudy({ space: shape, ...options } as never)).toThrow(/UNKNOWN_NAME|BAD_OPTION/)
    refused({ smapler: { type: 'tpe' } })
    refused({ sampler: { type: 'tpe', candidats: 3 } })
    refused({ sampler: null })
    refused({ retryFailed: -1 })
    refused({ share: true })
    refused({ share: true, store: memoryStudyStore() })
    refused({ forbidden: [{ z: 1 }] })
    const study = createStudy({ space: shape })
    await expect(study.optimize(() => 1, { trials: 3, concurency: 2 } as never)).rejects.toThrow(
      "did you mean 'concurrency'",
    )
  })

  it('tries the one point of a space without parameters', async () => {
    const { trials, why } = await createStudy({ space: {} }).optimize(() => 1, { trials: 5 })
    expect([trials.length, why]).toEqual([1, 'exhausted'])
  })

  it('never tries forbidden combinations', async () => {
    const study = createStudy({ space: shape, seed: 3, sampler: { type: 'tpe' }, forbidden: [{ mode: 'a' }] })
    const { trials } = await study.optimize(({ params }) => value(params), { trials: 40 })
    expect(trials.every((t) => t.params.mode === 'b')).toBe(true)
  })

  it('keeps soft constraints by the measured violation', async () => {
    const study = createStudy({ space: { x: float(0, 10) }, seed: 3, sampler: { type: 'tpe' } })
    const { best } = await study.optimize(({ params }) => ({ value: params.x, violation: 4 - params.x }), {
      trials: 120,
    })
    expect(best.value).toBeGreaterThanOrEqual(4)
    expect(best.value).toBeLessThan(4.5)
  })

  it('gives a Pareto front', async () => {
    for (const type of ['nsga2', 'nsga3', 'tpe', 'auto'] as const) {
      const study = createStudy({
        space: { x: float(-4, 6) },
        directions: ['minimize', 'minimize'],
        seed: 1,
        sampler: { type },
      })
      const { front } = await study.optimize(({ params: { x } }) => [x ** 2, (x - 2) ** 2], { trials: 120 })
      const inside = front.filter(({ params }) => params.x >= -0.2 && params.x <= 2.2)
      expect(inside.length).toBe(front.length)
      expect(front.length).toBeGreaterThan(15)
    }
  })

  it('prunes by name', async () => {
    const study = createStudy({
      space: shape,
      seed: 3,
      sampler: { type: 'random' },
      generationSize: 8,
      pruner: { type: 'median' },
    })
    const { trials } = await study.optimize(
      (trial) => {
        for (let step = 0; step < 5; step++) {
          trial.report(step, value(trial.params) + 1 / (step + 1))
          if (trial.shouldPrune()) throw trial.prune()
        }
        return value(trial.params)
      },
      { trials: 64 },
    )
    const pruned = trials.filter((t) => t.status === 'pruned')
    expect(pruned.length).toBeGreaterThan(15)
    expect(pruned[0].why).toMatch(/^worse: /)
    expect(() => resolvePruner({ type: 'meddian' } as never)).toThrow("did you mean 'median'")
  })
})

let firstFailed = Number.NaN

describe('stop criteria', () => {
  const run = async (stopWhen: Parameters<ReturnType<typeof createStudy>['optimize']>[1]['stopWhen']) =>
    createStudy({ space: shape, seed: 1, sampler: { type: 'tpe' } }).optimize(({ params }) => value(params), {
      trials: 400,
      ...(stopWhen === undefined ? {} : { stopWhen }),
    })

  it('end a study with their reason', async () => {
    const target = await run(targetOf(0.5))
    expect(target.why).toMatch(/reached the target 0.5/)
    expect(target.best.value).toBeLessThanOrEqual(0.5)
    const patience = await run([targetOf(-1), patienceOf({ trials: 30, after: 10 })])
    expect(patience.why).toMatch(/^no improvement in \d+ trials$/)
    const little = await run(expectedImprovementBelow(0.05))
    expect(little.why).toMatch(/improvement of .* is expected, less than 0.05/)
    expect(little.trials.length).toBeLessThan(400)
  })

  it('by time, on the clock they are given', async () => {
    const clock = createManualClock()
    const { why, trials } = await createStudy({
      space: shape,
      sampler: { type: 'random' },
      generationSize: 4,
    }).optimize(
      () => {
        clock.advance(10)
        return 1
      },
      { trials: 400, stopWhen: timeLimitOf(200, clock) },
    )
    expect(why).toMatch(/time limit of 200 ms/)
    expect(trials).toHaveLength(20)
  })
})

describe('luck', () => {
  const moments = (seed: number, trial: number, edge: number): ReturnMoments => {
    const rng = createRng(seed, trial)
    const count = 200
    const r = Float64Array.from({ length: count }, () => edge + rng.normal())
    const mean = r.reduce((a, b) => a + b, 0) / count
    const central = (k: number): number => r.reduce((a, b) => a + (b - mean) ** k, 0) / count
    const variance = central(2)
    return {
      count,
      mean,
      variance: (variance * count) / (count - 1),
      skew: central(3) / variance ** 1.5,
      kurtosis: central(4) / variance ** 2,
    }
  }
  const study = (seed: number, edge: (trial: number) => number) =>
    Array.from({ length: 40 }, (_, number) => {
      const own = moments(seed, number, edge(number))
      return {
        number,
        params: {},
        status: 'done' as const,
        values: [own.mean / Math.sqrt(own.variance)],
        reports: [],
        data: { moments: { ...own } },
      }
    })

  it('calls a search over a random walk luck in at least 95 of 100 seeds, and a planted edge not', () => {
    let called = 0
    let found = 0
    for (let seed = 0; seed < 100; seed++) {
      if (
        luckOf(
          study(seed, () => 0),
          ['maximize'],
        )?.luck
      )
        called++
      if (
        luckOf(
          study(seed, (t) => (t === 7 ? 0.5 : 0)),
          ['maximize'],
        )?.luck === false
      )
        found++
    }
    expect(called).toBeGreaterThanOrEqual(95)
    expect(found).toBeGreaterThanOrEqual(95)
  })
})
