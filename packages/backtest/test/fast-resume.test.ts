// The fast path goes on from states: over stages of one slice it gives, to the last bit, what the whole slice gives.
import { type Bars, createIndicatorStore, type EngineState } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFastPath } from '../src/fast-path.ts'
import { NodeGraph } from '../src/node-graph.ts'
import { columnsKey, NodeValues, nodeBars } from '../src/node-values.ts'
import type { SliceOutcome } from '../src/run-slice.ts'
import { resolveSimulation } from '../src/simulation-settings.ts'
import type { SliceBatch } from '../src/slice-batch.ts'
import { type RandomStrategy, randomBars, randomStrategies, strategyOf } from './arbitraries.ts'

const runs = Number(process.env.PROPERTY_RUNS ?? 60)

interface Part {
  readonly end: number
  readonly final: boolean
  readonly state: boolean
}

/** The trials of one table over a part of the series. */
function partOf(bars: Bars, randoms: readonly RandomStrategy[]) {
  const programs = randoms.map((random) => strategyOf(random).bind([{}])[0])
  const store = createIndicatorStore()
  return (
    form: 'wasm' | 'plain',
    warmupStart: number,
    { end, final, state }: Part,
    resume: readonly (EngineState | undefined)[],
  ) =>
    programs.map((program, k): SliceOutcome | undefined => {
      const start = warmupStart + 3
      const batch: SliceBatch = {
        bars,
        slice: { id: 's', symbol: '', data: bars.fingerprint, warmupStart, start, end, weight: 1, final },
        values: new NodeValues(
          NodeGraph.of(program.table),
          nodeBars(bars, warmupStart, end),
          columnsKey(bars, warmupStart),
          store,
        ),
        trials: [
          {
            program,
            settings: resolveSimulation({ ...randoms[k].options, barsPerYear: 365 }, program.simulation, bars),
            resume: resume[k],
          },
        ],
        wantState: state,
        wantReturns: false,
      }
      return createFastPath(form)(batch)[0]
    })
}

const taken = randomStrategies.map((random) => ({
  ...random,
  form: random.form === 'target' ? ('events4' as const) : random.form,
  options: { ...random.options, trailingStop: undefined },
  distances: [random.distances[0], random.distances[1], false],
}))

describe('a state of the fast path', () => {
  it('gives the rest of the run to the last bit, on random graphs and options', () => {
    const seen = { continued: 0, saved: 0, whole: 0 }
    fc.assert(
      fc.property(
        taken,
        fc.nat(10_000),
        fc.integer({ min: 140, max: 500 }),
        fc.integer({ min: 1, max: 200 }),
        fc.nat(90),
        fc.boolean(),
        (random, seed, first, more, warmup, final) => {
          const bars = randomBars(seed, 1000)
          const run = partOf(bars, [random])
          const ends = [warmup + first, warmup + first + more]
          for (const form of ['wasm', 'plain'] as const) {
            const last = { end: 1000, final, state: true }
            const [whole] = run(form, warmup, last, [])
            let state: EngineState | undefined
            for (const end of ends) {
              const [part] = run(form, warmup, { end, final: false, state: true }, [state])
              const [alone] = run(form, warmup, { end, final: false, state: false }, [])
              expect([part?.metrics, part?.moments]).toEqual([alone?.metrics, alone?.moments])
              state = structuredClone(part?.state)
            }
            const [rest] = run(form, warmup, last, [state])
            expect([rest?.metrics, rest?.moments]).toEqual([whole?.metrics, whole?.moments])
            if (rest === undefined || whole === undefined) continue
            expect(rest.state?.bar).toBe(999)
            expect(rest.barsRun).toBeGreaterThanOrEqual(1000 - ends[1])
            expect(rest.barsRun).toBeLessThanOrEqual(whole.barsRun)
            seen.whole += whole.barsRun
            seen.saved += whole.barsRun - rest.barsRun
            if (rest.barsRun < whole.barsRun) seen.continued++
          }
        },
      ),
      { numRuns: runs * 3 },
    )
    expect(seen.continued).toBeGreaterThan(runs)
    expect(seen.saved / seen.whole).toBeGreaterThan(0.2)
  })

  it('belongs to its start and engine, and is left alone where no bar has come', () => {
    const bars = randomBars(1, 700)
    const random = fc.sample(taken, { numRuns: 40, seed: 5 })
    const run = partOf(bars, random)
    const part = run('wasm', 0, { end: 400, final: false, state: true }, [])
    const states = part.map((outcome) => outcome?.state)
    const whole = run('wasm', 0, { end: 700, final: true, state: false }, [])
    const shifted = run('wasm', 10, { end: 700, final: true, state: false }, states)
    const shiftedWhole = run('wasm', 10, { end: 700, final: true, state: false }, [])
    expect(shifted).toEqual(shiftedWhole)
    const foreign = states.map((state) => state && { ...state, version: `${state.version}x` })
    expect(run('wasm', 0, { end: 700, final: true, state: false }, foreign)).toEqual(whole)
    const same = { end: 400, final: true, state: false }
    expect(run('wasm', 0, same, states)).toEqual(run('wasm', 0, same, []))
    expect(whole.filter((outcome) => outcome !== undefined).length).toBeGreaterThan(10)
  })
})
