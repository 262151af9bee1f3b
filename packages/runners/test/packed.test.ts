import { programKey } from '@tradewright/backtest'
import { contentKey, type Evaluation, type GraphProgram } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchSizer } from '../src/batch-sizer.ts'
import { packEvaluations, unpackEvaluations } from '../src/packed-evaluations.ts'
import { packPrograms, unpackPrograms } from '../src/packed-programs.ts'
import { PaysOff } from '../src/pays-off.ts'
import { cross, points } from './market.ts'

describe('packed programs', () => {
  it('are the same programs after a clone, whichever part of a batch they are', () => {
    const programs = cross.bind(points(200))
    for (const [from, to] of [
      [0, 200],
      [0, 1],
      [50, 120],
      [199, 200],
    ]) {
      const part = programs.slice(from, to)
      const back = unpackPrograms(structuredClone(packPrograms(part)))
      expect(back.map((p) => programKey(p))).toEqual(part.map((p) => programKey(p)))
      expect(new Set(back.map((p) => p.table)).size).toBe(1)
    }
  })

  it('hold only the nodes they reach', () => {
    const programs = cross.bind(points(200))
    const one = unpackPrograms(packPrograms([programs[7]]))[0]
    expect(one.table.ops.length).toBeLessThan(30)
    expect(programs[7].table.ops.length).toBeGreaterThan(200)
  })

  it('keep constants of every kind', () => {
    const constants = [Number.NaN, -0, 0, Number.POSITIVE_INFINITY, 'text', true, [1, 'a'], undefined]
    const program: GraphProgram = {
      kind: 'graph',
      strategy: 's',
      table: { ops: ['x', 'unused', 'y'], inputs: [[], [], [0]], constants: [constants, [9], []] },
      signals: { entry: 2 },
      simulation: { stopLoss: { distance: { node: 0 } }, takeProfit: 0.1 },
    }
    const back = unpackPrograms(structuredClone(packPrograms([program])))[0]
    expect(contentKey(back.table)).toBe(contentKey({ ops: ['x', 'y'], inputs: [[], [0]], constants: [constants, []] }))
    expect(back.signals).toEqual({ entry: 1 })
    expect(back.simulation).toEqual({ stopLoss: { distance: { node: 0 } }, takeProfit: 0.1 })
  })

  it('of two tables are refused', () => {
    const [a] = cross.bind(points(1))
    const [b] = cross.bind(points(1))
    expect(() => packPrograms([a, b])).toThrow('[BAD_STRATEGY]')
  })
})

const number = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, -0, Number.POSITIVE_INFINITY))
const moments = fc.record({ count: number, mean: number, variance: number, skew: number, kurtosis: number })
const slice = fc.record(
  {
    metrics: fc.dictionary(fc.constantFrom('sharpe', 'trades', 'calmar'), number, { noNullPrototype: true }),
    moments,
    returns: fc.array(number).map((a) => Float64Array.from(a)),
    state: fc.record({ version: fc.string(), bar: fc.integer(), data: number }),
  },
  { requiredKeys: ['metrics'] },
)
const evaluations = fc.array(
  fc.oneof(
    fc.record({ slices: fc.tuple(slice, slice) }).map((e) => ({ ...e, status: 'done' as const })),
    fc.constant({
      status: 'failed' as const,
      error: { code: 'TRIAL_FAILED' as const, message: '[TRIAL_FAILED] x', details: { a: 1 } },
    }),
  ),
)

describe('packed evaluations', () => {
  it('come back to the last bit', () => {
    fc.assert(
      fc.property(evaluations, (list) => {
        const all = list.map((e, i) => ({ id: i * 3, cost: { bars: i, ms: i / 7 }, ...e })) as unknown as Evaluation[]
        const back = unpackEvaluations(
          structuredClone(packEvaluations(all)),
          all.map((e) => e.id),
          2,
        )
        expect(contentKey(back)).toBe(contentKey(all))
      }),
    )
  })

  it('that do not fit the question are garbage', () => {
    const one: Evaluation = { id: 1, cost: { bars: 1, ms: 1 }, status: 'done', slices: [{ metrics: { sharpe: 1 } }] }
    const packed = packEvaluations([one])
    expect(unpackEvaluations(packed, [1], 1)).toEqual([one])
    expect(unpackEvaluations(packed, [2], 1)).toBeUndefined()
    expect(unpackEvaluations(packed, [1, 2], 1)).toBeUndefined()
    expect(unpackEvaluations(packed, [1], 2)).toBeUndefined()
    expect(unpackEvaluations(packed, [1], 0)).toBeUndefined()
  })
})

describe('batch sizes', () => {
  const sizer = new BatchSizer({ minMs: 5, maxMs: 50, maxTrials: 1000 })
  sizer.measured(1000, 0.2) // 0.2 ms a trial of 1000 bars

  it('follow the measured cost, between their bounds', () => {
    expect(sizer.estimate(10, 1000)).toBeCloseTo(2)
    expect(sizer.size(100, 1000, 2)).toBe(25) // 20 ms: two batches a worker, of 5 ms
    expect(sizer.size(400, 1000, 2)).toBe(100) // 80 ms: two batches a worker
    expect(sizer.size(10_000, 1000, 2)).toBe(250) // 50 ms each
    expect(sizer.size(1_000_000, 10, 2)).toBe(1000)
    expect(sizer.size(3, 10_000_000, 7)).toBe(1)
  })

  it('are one before anything was measured', () => {
    expect(new BatchSizer({ minMs: 5, maxMs: 50, maxTrials: 1000 }).size(500, 1000, 2)).toBe(500)
  })
})

describe('whether workers pay off', () => {
  it('is asked again after a while where they lost, and at once where they won', () => {
    const pays = new PaysOff()
    pays.here(1000, 10)
    const asked = (): number => {
      let rests = 0
      while (!pays.remote) {
        rests++
        pays.here(1000, 10)
      }
      return rests
    }
    expect(asked()).toBe(0)
    pays.there(1000, 90) // workers that have compiled nothing yet
    expect(asked()).toBe(0)
    const rests: number[] = []
    for (let i = 0; i < 7; i++) {
      pays.there(1000, 20)
      rests.push(asked())
    }
    expect(rests).toEqual([4, 8, 16, 32, 64, 64, 64])
    pays.there(1000, 5)
    expect(asked()).toBe(0)
    pays.there(1000, 30)
    expect(asked()).toBe(4)
  })

  it('is not judged for good by what this thread took when it was cold', () => {
    const pays = new PaysOff()
    pays.here(1000, 100)
    let here = 0
    for (let i = 0; i < 200; i++) {
      if (pays.remote) pays.there(1000, 50)
      else {
        here++
        pays.here(1000, 30) // warm: faster than the workers
      }
    }
    expect(here).toBeGreaterThan(170)
    const wins = new PaysOff()
    wins.here(1000, 100)
    let looks = 0
    for (let i = 0; i < 400; i++) {
      if (wins.remote) wins.there(1000, 20)
      else {
        looks++
        wins.here(1000, 30)
      }
    }
    expect(looks).toBeLessThan(12) // after 2, 4, 8, ... 64, 64 requests
  })
})
