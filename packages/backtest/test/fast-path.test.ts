import { readFileSync } from 'node:fs'
import {
  type Bars,
  copyToShared,
  createBars,
  createIndicatorStore,
  createRng,
  float,
  int,
  type StandardMetrics,
} from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runPlain } from '../src/evaluate.ts'
import { runFast } from '../src/fast-batch.ts'
import { withFastMemory } from '../src/fast-memory.ts'
import { createFastPath } from '../src/fast-path.ts'
import { planFast } from '../src/fast-plans.ts'
import { defineStrategy, ta } from '../src/index.ts'
import { NodeGraph } from '../src/node-graph.ts'
import { columnsKey, NodeValues, nodeBars } from '../src/node-values.ts'
import { listPrograms } from '../src/program-list.ts'
import type { SliceOutcome } from '../src/run-slice.ts'
import { resolveSimulation } from '../src/simulation-settings.ts'
import type { SliceBatch } from '../src/slice-batch.ts'
import { sweep, sweepPrograms } from '../src/sweep.ts'
import { type RandomStrategy, randomBars, randomStrategies, strategyOf } from './arbitraries.ts'

const runs = Number(process.env.TRADEWRIGHT_PROPERTY_RUNS ?? 60)
const TOLERANCE = 1e-12
/** Below this a deviation is rounding, and what is divided by it noise. */
const NO_DEVIATION = 1e-9

function expectNear(name: string, fast: number, plain: number, scale = 1): void {
  if (Object.is(fast, plain) || fast === plain) return
  const error = Math.abs(fast - plain)
  expect(error <= TOLERANCE * scale * Math.max(1, Math.abs(plain)), `${name}: ${fast}, plain ${plain}`).toBe(true)
}

/** Every metric and moment of two outcomes: exact where they count, 1e-12 absolute or relative where they measure. */
function expectEqual(fast: SliceOutcome, plain: SliceOutcome, cash: number, perYear: number, bars: number): void {
  const a = fast.metrics
  const b = plain.metrics
  for (const name of ['trades', 'exposure', 'winRate'] as const) expect([name, a[name]]).toEqual([name, b[name]])
  for (const name of ['totalReturn', 'maxDrawdown', 'annualizedVolatility'] as const) expectNear(name, a[name], b[name])
  for (const name of ['feesPaid', 'finalEquity', 'expectancy'] as const) expectNear(name, a[name], b[name], cash)
  expectNear('turnover', a.turnover, b.turnover, Math.max(1, b.trades))
  expectNear('profitFactor', a.profitFactor, b.profitFactor, 100)
  const power = Math.max(1, perYear / bars)
  expectNear('annualizedReturn', a.annualizedReturn, b.annualizedReturn, 10 * power)
  if (b.maxDrawdown < -NO_DEVIATION) expectNear('calmar', a.calmar, b.calmar, (100 * power) / -b.maxDrawdown)
  const deviation = b.annualizedVolatility / Math.sqrt(perYear)
  if (!(deviation > NO_DEVIATION)) return
  const root = Math.sqrt(perYear)
  expectNear('sharpe', a.sharpe, b.sharpe, 10 * root)
  const downside = (plain.moments.mean * root) / b.sortino
  if (Number.isNaN(b.sortino) || downside === 0 || downside > NO_DEVIATION)
    expectNear('sortino', a.sortino, b.sortino, (10 * root * deviation) / Math.max(downside, 1e-6))
  expect(fast.moments.count).toBe(plain.moments.count)
  expectNear('mean', fast.moments.mean, plain.moments.mean)
  expectNear('variance', fast.moments.variance, plain.moments.variance)
  expectNear('skew', fast.moments.skew, plain.moments.skew, 1000)
  expectNear('kurtosis', fast.moments.kurtosis, plain.moments.kurtosis, 1000)
}

function batchOf(bars: Bars, randoms: readonly RandomStrategy[], range: Partial<SliceBatch['slice']> = {}): SliceBatch {
  const { warmupStart = 0, start = warmupStart, end = bars.length, final = true } = range
  const strategies = randoms.map(strategyOf)
  const programs = strategies.map((strategy) => strategy.bind([{}])[0])
  const slice = { id: 's', symbol: '', data: bars.fingerprint, warmupStart, start, end, weight: 1, final }
  return {
    bars,
    slice,
    values: new NodeValues(
      NodeGraph.of(programs[0].table),
      nodeBars(bars, warmupStart, end),
      columnsKey(bars, warmupStart),
      createIndicatorStore(),
    ),
    trials: programs.map((program, k) => ({
      program,
      settings: resolveSimulation({ ...randoms[k].options, barsPerYear: 365 }, program.simulation, bars),
      resume: undefined,
    })),
    wantState: false,
    wantReturns: false,
  }
}

const count = { fast: 0, plain: 0 }

function compareForms(bars: Bars, random: RandomStrategy, range: Partial<SliceBatch['slice']> = {}): void {
  const batch = batchOf(bars, [random], range)
  const plain = runPlain(batch, batch.trials[0])
  const length = batch.slice.end - batch.slice.start
  for (const form of ['wasm', 'plain'] as const) {
    const [fast] = createFastPath(form)(batch)
    count[fast === undefined ? 'plain' : 'fast']++
    if (fast !== undefined) expectEqual(fast, plain, batch.trials[0].settings.initialCash, 365, length)
  }
}

describe('the fast path equals the plain path', () => {
  it('on random graphs, options and bars', () => {
    fc.assert(
      fc.property(randomStrategies, fc.nat(10_000), fc.integer({ min: 128, max: 700 }), (random, seed, length) => {
        compareForms(randomBars(seed, length), random)
      }),
      { numRuns: runs * 3 },
    )
    expect(count.fast).toBeGreaterThan(0)
  })

  it('on the options that it takes, whatever the slice', () => {
    const taken = randomStrategies.map((random) => ({
      ...random,
      form: random.form === 'target' ? ('events4' as const) : random.form,
      options: { ...random.options, trailingStop: undefined },
      distances: [random.distances[0], random.distances[1], false],
    }))
    count.fast = 0
    count.plain = 0
    fc.assert(
      fc.property(taken, fc.nat(10_000), fc.nat(300), fc.nat(100), fc.boolean(), (random, seed, cut, skip, final) => {
        const bars = randomBars(seed, 600)
        compareForms(bars, random, { warmupStart: skip, start: skip + 3, end: 600 - cut, final })
      }),
      { numRuns: runs * 3 },
    )
    expect(count.fast).toBeGreaterThan(5 * count.plain)
  })

  it('on smooth prices, where codes decide, over ten thousand bars', () => {
    fc.assert(
      fc.property(randomStrategies, fc.nat(10_000), (random, seed) => {
        compareForms(walk(seed, 10_000), random)
      }),
      { numRuns: Math.ceil(runs / 10) },
    )
  })
})

const METRICS: readonly (keyof StandardMetrics)[] = [
  'totalReturn',
  'sharpe',
  'maxDrawdown',
  'trades',
  'winRate',
  'profitFactor',
  'exposure',
  'feesPaid',
  'finalEquity',
]

describe('sweep', () => {
  const smaCross = defineStrategy({
    name: 'sma-cross',
    params: { fast: int(2, 101), slow: int(2, 101) },
    signals: ({ close }, { fast, slow }) => ({
      entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
      exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
    }),
  })
  const stopped = defineStrategy({
    name: 'rsi-stops',
    params: { period: int(2, 20), level: int(20, 45) },
    signals: ({ close }, { period, level }) => ({
      entry: ta.rsi(close, period).crossesBelow(level),
      exit: ta
        .rsi(close, period)
        .gt(100 - level)
        .and(ta.ema(close, period).gte(ta.sma(close, period + 3))),
    }),
    simulate: (_, { period, level }) => ({ stopLoss: level / 2000, takeProfit: period / 300, feeBps: period % 4 }),
  })
  const pairs = (least: number, most: number): { fast: number; slow: number }[] => {
    const list: { fast: number; slow: number }[] = []
    for (let fast = least; fast < most; fast++)
      for (let slow = fast + 1; slow <= most; slow++) list.push({ fast, slow })
    return list
  }

  it('gives the checksums of the reference sweep', () => {
    const bytes = readFileSync(new URL('golden/sweep-close-10000.f64', import.meta.url))
    const bars = barsOfCloses(new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)))
    const list = pairs(2, 101)
    for (const engine of ['fast', 'kernels'] as const) {
      const result = sweep(smaCross, list, bars, { preset: 'reference', feeBps: 10, initialCash: 100, engine })
      expect(result.plainTrials).toBe(0)
      const sum = (column: Float64Array): number => column.reduce((a, b) => a + b)
      expect(Math.abs(sum(result.metrics.totalReturn) / -2212.9607815263 - 1)).toBeLessThan(1e-10)
      expect(Math.abs(sum(result.metrics.sharpe) / -2905.283703212 - 1)).toBeLessThan(1e-10)
    }
  })

  it('gives the same with codes, with plain kernels and bar by bar', () => {
    for (const [seed, direction] of [
      [1, 'long'],
      [2, 'both'],
      [3, 'short'],
    ] as const) {
      const bars = walk(seed, 1500)
      const list = pairs(2, 14)
      const options = { preset: 'realistic', direction } as const
      const plain = sweep(smaCross, list, bars, { ...options, engine: 'plain' })
      expect(plain.plainTrials).toBe(list.length)
      for (const engine of ['fast', 'kernels'] as const) {
        const fast = sweep(smaCross, list, bars, { ...options, engine })
        expect(fast.plainTrials).toBe(0)
        expectColumns(fast.metrics, plain.metrics)
      }
    }
  })

  it('gives the same where stops and costs differ in every trial', () => {
    const bars = randomBars(5, 1200)
    const list = Array.from({ length: 80 }, (_, k) => ({ period: 2 + (k % 19), level: 20 + (k % 26) }))
    const plain = sweep(stopped, list, bars, { engine: 'plain' })
    expect(plain.metrics.trades.reduce((a, b) => a + b)).toBeGreaterThan(500)
    for (const engine of ['fast', 'kernels'] as const) {
      const fast = sweep(stopped, list, bars, { engine })
      expect(fast.plainTrials).toBe(0)
      expectColumns(fast.metrics, plain.metrics)
    }
  })

  it('gives the same for stops over crossings, which no second entry falls into', () => {
    const bars = randomBars(6, 1500)
    const list = pairs(2, 11).map((pair, k) => ({
      ...pair,
      stop: 0.01 + 0.001 * k,
      target: k % 2 === 0 ? 0.012 : 0.08 - 0.001 * k,
    }))
    const crossing = defineStrategy({
      name: 'sma-stops',
      params: { fast: int(2, 101), slow: int(2, 101), stop: float(0, 1), target: float(0, 1) },
      signals: ({ close }, { fast, slow }) => ({
        entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
        exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
      }),
      simulate: (_, { stop, target, fast }) => ({
        ...(fast % 3 === 0 ? {} : { stopLoss: stop }),
        ...(fast % 3 === 1 ? {} : { takeProfit: target }),
      }),
    })
    for (const direction of ['long', 'short'] as const)
      for (const fill of ['close', 'nextOpen'] as const) {
        const options = { direction, fill, stopExit: fill === 'close' ? 'stopMarket' : 'stopLimit' } as const
        const plain = sweep(crossing, list, bars, { ...options, engine: 'plain' })
        for (const engine of ['fast', 'kernels'] as const) {
          const fast = sweep(crossing, list, bars, { ...options, engine })
          expect(fast.plainTrials).toBe(0)
          expectColumns(fast.metrics, plain.metrics)
        }
      }
  })

  it('gives a trial the same to the last bit, whatever else is in the batch', () => {
    const bars = walk(9, 3000)
    const list = pairs(2, 20)
    const whole = sweep(smaCross, list, bars, { feeBps: 7 })
    const reversed = sweep(smaCross, [...list].reverse(), bars, { feeBps: 7 })
    list.forEach((params, k) => {
      const alone = k % 17 === 0 ? sweep(smaCross, [params], bars, { feeBps: 7 }) : undefined
      for (const name of METRICS) {
        expect(reversed.metrics[name][list.length - 1 - k]).toBe(whole.metrics[name][k])
        if (alone !== undefined) expect(alone.metrics[name][0]).toBe(whole.metrics[name][k])
      }
    })
  })

  it('splits a batch whose columns are too large, with the same rows', () => {
    const bars = walk(13, 1000)
    const list = listPrograms(smaCross.bind(pairs(2, 12)))
    const own = resolveSimulation({ feeBps: 3 }, {}, bars)
    const settings = () => own
    const values = new NodeValues(
      list.graph,
      nodeBars(bars, 0, bars.length),
      columnsKey(bars, 0),
      createIndicatorStore(),
    )
    const batch = {
      plans: planFast(list, settings),
      settings,
      values,
      keep: false,
      start: 0,
      final: true,
      moments: true,
    }
    const whole = withFastMemory('wasm', (memory) => runFast(memory, batch))
    const split = withFastMemory('wasm', (memory) => runFast(memory, { ...batch, maxBytes: 40_000 }))
    expect(whole.some((x) => x > 0)).toBe(true)
    expect(split).toEqual(whole)
  })

  it('reads bars in shared memory', () => {
    const bars = walk(14, 600)
    const list = pairs(2, 7)
    expect(sweep(smaCross, list, copyToShared(bars)).metrics).toEqual(sweep(smaCross, list, bars).metrics)
  })

  it('crosses nothing on flat prices, and counts ties as they are', () => {
    const flat = barsOfCloses(new Float64Array(500).fill(0.1))
    const { metrics } = sweep(smaCross, pairs(2, 20), flat, { preset: 'reference' })
    expect(metrics.trades.every((trades) => trades === 0)).toBe(true)
    expect(metrics.sharpe.every(Number.isNaN)).toBe(true)
  })

  it('ranks, skips NaN, and knows its metrics', async () => {
    const bars = walk(4, 800)
    const list = pairs(2, 9)
    const result = sweep(smaCross, list, bars, { metrics: ['sharpe', 'maxDrawdown'] })
    expect(Object.keys(result.metrics)).toEqual(['sharpe', 'maxDrawdown'])
    const best = result.topK(3)
    expect(best[0].value).toBe(Math.max(...result.metrics.sharpe))
    expect(best[0].params).toBe(list[best[0].index])
    expect(best[1].value).toBeGreaterThanOrEqual(best[2].value)
    expect(result.topK(1, 'maxDrawdown')[0].value).toBe(Math.max(...result.metrics.maxDrawdown))
    expect(() => result.topK(-1)).toThrow('BAD_OPTION')
    const table = await result.toArrow()
    expect(table.numRows).toBe(list.length)
    expect(table.schema.fields.map((field) => field.name)).toEqual(['fast', 'slow', 'sharpe', 'maxDrawdown'])
    expect(table.getChild('sharpe')?.get(5)).toBe(result.metrics.sharpe[5])
    expect(table.getChild('slow')?.get(5)).toBe(list[5].slow)
  })

  it('takes programs as plain data', () => {
    const bars = walk(11, 900)
    const list = pairs(2, 9)
    const cloned = structuredClone(smaCross.bind(list))
    expect(sweepPrograms(cloned, bars).metrics).toEqual(sweep(smaCross, list, bars).metrics)
  })

  it('refuses ranges that are none', () => {
    expect(() => sweep(smaCross, pairs(2, 4), walk(1, 200), { start: 200 })).toThrow('BAD_OPTION')
  })
})

function expectColumns(
  fast: Readonly<Record<keyof StandardMetrics, Float64Array>>,
  plain: Readonly<Record<keyof StandardMetrics, Float64Array>>,
): void {
  for (const name of METRICS)
    fast[name].forEach((value, k) => {
      const exact = name === 'trades' || name === 'exposure'
      const scale = name === 'feesPaid' || name === 'finalEquity' ? 10_000 : name === 'sharpe' ? 1000 : 10
      if (exact) expect(value).toBe(plain[name][k])
      else expectNear(`${name} ${k}`, value, plain[name][k], scale)
    })
}

/** A geometric random walk. */
function walk(seed: number, length: number): Bars {
  const rng = createRng(seed)
  let price = 100
  const close = Float64Array.from({ length }, () => {
    price *= Math.exp(0.01 * rng.normal())
    return price
  })
  return barsOfCloses(close)
}

function barsOfCloses(close: Float64Array): Bars {
  return createBars({
    timestamp: Float64Array.from(close, (_, i) => i * 3_600_000),
    open: close,
    high: close,
    low: close,
    close,
    volume: close,
    timeframe: '1h',
    calendar: 'crypto',
  })
}
