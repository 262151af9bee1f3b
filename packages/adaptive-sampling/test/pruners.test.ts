import { readFileSync } from 'node:fs'
import type { FinishedTrial, Pruner, Report, StudyView } from '@tradewright/core'
import { prunerContract } from '@tradewright/core/testing'
import { describe, expect, it } from 'vitest'
import {
  asymptote,
  curveConfig,
  curveObserved,
  foldObserved,
  foldOrder,
  runPruning,
} from '../bench/pruning-objectives.ts'
import { mannWhitneyGreater } from '../bench/rank-tests.ts'
import {
  ashaSchedule,
  extrapolate,
  extrapolationPruner,
  hyperbandPruner,
  medianPruner,
  nonePruner,
  patientPruner,
  percentilePruner,
  resolvePruner,
  successiveHalvingPruner,
  thresholdPruner,
  wilcoxonGreater,
  wilcoxonPruner,
} from '../src/index.ts'
import { median } from './sampler-loop.ts'

const load = (name: string): unknown => JSON.parse(readFileSync(new URL(`./golden/${name}`, import.meta.url), 'utf8'))

interface Golden {
  readonly [kind: string]: { readonly [name: string]: { readonly rows: readonly (readonly number[])[] } }
}
const golden = load('pruners-optuna-4.9.json') as Golden
const functions = load('search-functions.json') as {
  readonly learning_curve: {
    readonly samples: readonly { s: number; i: number; asymptote: number; obs: Record<string, number> }[]
  }
  readonly wilcoxon: {
    readonly samples: readonly { s: number; i: number; order: number[]; obs: Record<string, number> }[]
  }
}

it('the seeded objectives equal the reference to 1e-12', () => {
  for (const { s, i, asymptote: a, obs } of functions.learning_curve.samples) {
    const config = curveConfig(s, i)
    expect(Math.abs(asymptote(config) - a)).toBeLessThan(1e-12)
    for (const [t, value] of Object.entries(obs))
      expect(Math.abs(curveObserved(s, i, config, Number(t)) - value)).toBeLessThan(1e-12)
  }
  for (const { s, i, order, obs } of functions.wilcoxon.samples) {
    expect(foldOrder(s, i).slice(0, order.length)).toEqual(order)
    for (const [k, value] of Object.entries(obs))
      expect(Math.abs(foldObserved(s, i, curveConfig(s, i), Number(k)) - value)).toBeLessThan(1e-12)
  }
})

const cases: readonly ['curve' | 'folds', string, () => Pruner][] = [
  ['curve', 'none', () => nonePruner()],
  ['curve', 'median_default', () => medianPruner()],
  ['curve', 'median_warm10', () => medianPruner({ warmupSteps: 10 })],
  ['curve', 'percentile25', () => percentilePruner({ percentile: 25 })],
  ['curve', 'asha_rf4_min1', () => successiveHalvingPruner()],
  ['curve', 'asha_default_auto', () => successiveHalvingPruner({ minResource: 'auto' })],
  ['curve', 'asha_rf3_min1', () => successiveHalvingPruner({ reductionFactor: 3 })],
  ['curve', 'asha_rf3_min3', () => successiveHalvingPruner({ reductionFactor: 3, minResource: 3 })],
  ['curve', 'asha_rf2_min1', () => successiveHalvingPruner({ reductionFactor: 2 })],
  ['curve', 'patient5_median', () => patientPruner(medianPruner(), { patience: 5 })],
  ['folds', 'none', () => nonePruner()],
  ['folds', 'wilcoxon_p0.05', () => wilcoxonPruner({ pThreshold: 0.05 })],
  ['folds', 'wilcoxon_p0.1', () => wilcoxonPruner({ pThreshold: 0.1 })],
  ['folds', 'wilcoxon_p0.2', () => wilcoxonPruner()],
]

describe('decides as Optuna 4.9 on the seeded objectives', () => {
  it.each(cases)('%s, %s', (kind, name, make) => {
    const { rows } = golden[kind === 'curve' ? 'learning_curve' : 'wilcoxon_instances'][name]
    for (const s of [0, 1, 2, 7, 11, 19]) {
      const row = runPruning(make(), s, kind)
      const [budget, regret, rank, completed] = rows[s]
      expect(Math.abs(row.budget - budget)).toBeLessThan(1e-6)
      expect(Math.abs(row.regret - regret)).toBeLessThan(1e-6)
      expect([row.rank, row.completed]).toEqual([rank, completed])
    }
  })
})

describe('hyperband', () => {
  const rows = load('hyperband.json') as Readonly<Record<'rf3' | 'auto', readonly (readonly number[])[]>>
  it.each([
    ['rf3', { maxResource: 81 }],
    ['auto', {}],
  ] as const)('decides as Optuna in a study of the same name: %s', (name, options) => {
    rows[name].forEach((golden, s) => {
      const row = runPruning(hyperbandPruner({ ...options, studyName: `curves-${s}` }), s, 'curve')
      expect(Math.abs(row.budget - golden[0])).toBeLessThan(1e-6)
      expect(Math.abs(row.regret - golden[1])).toBeLessThan(1e-6)
      expect([row.rank, row.completed]).toEqual(golden.slice(2))
    })
  })

  it('and those are of the distribution of the recorded ones, whose names are not known', () => {
    const recorded = golden.learning_curve.hyperband_rf3.rows
    for (const column of [0, 1, 3]) {
      const [a, b] = [rows.rf3, recorded].map((list) => list.map((row) => row[column]))
      expect(mannWhitneyGreater(a, b)).toBeGreaterThan(0.01)
      expect(mannWhitneyGreater(b, a)).toBeGreaterThan(0.01)
    }
  })
})

describe('pruning pays', () => {
  const rows = (make: () => Pruner, kind: 'curve' | 'folds') =>
    Array.from({ length: 20 }, (_, s) => runPruning(make(), s, kind))

  it('extrapolation is ahead of the line between the median pruners', () => {
    const result = rows(() => extrapolationPruner(), 'curve')
    const budget = median(result.map((r) => r.budget))
    const line = 0.0046 + ((budget - 0.112) / (0.231 - 0.112)) * (0.0004 - 0.0046)
    expect(budget).toBeGreaterThan(0.112)
    expect(budget).toBeLessThan(0.231)
    expect(median(result.map((r) => r.regret))).toBeLessThan(line)
  })

  it('wilcoxon by default is ahead of the namesake', () => {
    const result = rows(() => wilcoxonPruner(), 'folds')
    expect(median(result.map((r) => r.budget))).toBeLessThan(0.191)
    expect(median(result.map((r) => r.regret))).toBeLessThan(0.0033)
  })
})

const makers: readonly [string, () => Pruner][] = [
  ['none', () => nonePruner()],
  ['threshold', () => thresholdPruner({ upper: 10 })],
  ['median', () => medianPruner()],
  ['percentile', () => percentilePruner({ percentile: 25 })],
  ['patient', () => patientPruner(medianPruner(), { patience: 1 })],
  ['successive halving', () => successiveHalvingPruner()],
  ['successive halving, pausing', () => successiveHalvingPruner({ demoted: 'pause' })],
  ['hyperband', () => hyperbandPruner()],
  ['wilcoxon', () => wilcoxonPruner()],
  ['extrapolation', () => extrapolationPruner({ minReports: 4 })],
]
for (const [name, make] of makers) describe(name, () => prunerContract({ make }))

describe('single decisions', () => {
  const view = (trials: readonly FinishedTrial[]): StudyView =>
    ({
      directions: ['minimize'],
      seed: 3,
      generation: 1,
      generationSize: 1,
      remaining: 1,
      trials,
      paused: [],
    }) as unknown as StudyView
  const reports = (id: number, values: readonly number[]): Report[] =>
    values.map((value, step) => ({ id, step, value }))

  it('threshold names the bound', () => {
    const [low, high, nan] = thresholdPruner({ lower: 0, upper: 1 }).decide(
      [...reports(1, [-1]), ...reports(2, [2]), ...reports(3, [Number.NaN])],
      view([]),
    )
    expect([low.action, high.action, nan.action]).toEqual(['stop', 'stop', 'stop'])
    expect(low.why).toBe('-1 at step 0 is below the lower bound 0')
    expect(high.why).toBe('2 at step 0 is above the upper bound 1')
  })

  it('refuses options that break their rule', () => {
    expect(() => thresholdPruner({})).toThrow('BAD_OPTION')
    expect(() => percentilePruner({ percentile: 101 })).toThrow('BAD_OPTION')
    expect(() => successiveHalvingPruner({ reductionFactor: 1 })).toThrow('BAD_OPTION')
    expect(() => wilcoxonPruner({ pThreshold: 2 })).toThrow('BAD_OPTION')
    expect(() => resolvePruner({ type: 'median', warmup: 3 } as never)).toThrow('UNKNOWN_NAME')
    expect(() => resolvePruner(null as never)).toThrow('BAD_OPTION')
  })

  it('extrapolates a curve of its own family to its value', () => {
    const steps = Array.from({ length: 20 }, (_, i) => i)
    const at = (s: number): number => 0.3 + 0.7 * (1 + s / (0.2 * 100)) ** -1
    const { mean, deviation } = extrapolate(steps, steps.map(at), 100, 1e-4)
    expect(Math.abs(mean - at(100))).toBeLessThan(0.01)
    expect(deviation).toBeLessThan(0.05)
  })

  it('wilcoxonGreater counts the sign patterns of small samples', () => {
    // 1 of 8 patterns has a rank sum of 6; 2 of 32 have 14 or more.
    expect(wilcoxonGreater([1, 2, 3])).toBeCloseTo(0.125, 12)
    expect(wilcoxonGreater([-1, 2, 3, 4, 5])).toBeCloseTo(0.0625, 12)
    expect(wilcoxonGreater([])).toBe(1)
  })
})

describe('ashaSchedule', () => {
  const rungs = [1, 4, 16].map((step, r) => ({ step, slices: [], weight: 1, last: r === 2 }))
  const paused = (number: number, values: readonly number[]) => ({
    number,
    params: {},
    reports: values.map((value, r) => ({ id: number, step: rungs[r].step, value })),
  })
  const view = (waiting: ReturnType<typeof paused>[], remaining: number): StudyView =>
    ({
      directions: ['minimize'],
      seed: 1,
      generation: 0,
      generationSize: 4,
      remaining,
      trials: [],
      paused: waiting,
    }) as unknown as StudyView

  it('takes on the best quarter, starts new ones with the rest, and stops what waits at the end', async () => {
    const schedule = ashaSchedule({ rungs, reductionFactor: 4 })
    const waiting = [0.5, 0.1, 0.9, 0.7].map((v, i) => paused(i, [v]))
    expect(await schedule(view(waiting, 9))).toEqual([
      { advance: 1, to: rungs[1] },
      { start: 3, at: rungs[0] },
    ])
    const rest = [0.5, 0.9, 0.7].map((v, i) => paused(i, [v]))
    const end = await schedule(view(rest, 0))
    expect(end.map((w) => ('stop' in w ? w.stop : undefined))).toEqual([0, 1, 2])
  })
})
