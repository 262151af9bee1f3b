// Tables that stay between batches change no bit, whatever batches come in between.
import { type Bars, contentKey, createRng, type Evaluation, float, int, type Slice } from '@tradewright/core'
import { expect, it } from 'vitest'
import { withFastMemory } from '../src/fast-memory.ts'
import { createEvaluate, defineStrategy, ta } from '../src/index.ts'
import { residentMarkets } from '../src/resident-markets.ts'
import { randomBars } from './arbitraries.ts'

const series: readonly Bars[] = [randomBars(1, 700), randomBars(2, 900)]
const strategy = defineStrategy({
  name: 'cross',
  params: { fast: int(2, 30), slow: int(5, 60), stop: float(0.01, 0.2) },
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
  simulate: (_columns, { stop }) => ({ stopLoss: stop > 0.1 ? undefined : stop }),
})

const evaluate = createEvaluate({ resolve: (data) => series.find((bars) => bars.fingerprint === data) })

const simulations = [
  { preset: 'reference', barsPerYear: 365 },
  { feeBps: 3, barsPerYear: 365 },
  { slippageBps: 7, direction: 'both', barsPerYear: 365 },
] as const

async function run(ask: { n: number; seed: number; series: number; end: number; simulation: number }): Promise<string> {
  const { [ask.series]: bars } = series
  const rng = createRng(ask.seed)
  const points = Array.from({ length: ask.n }, () => ({
    fast: 2 + rng.below(20),
    slow: 25 + rng.below(30),
    stop: 0.01 + 0.15 * rng.uniform(),
  }))
  const slice: Slice = {
    id: 's',
    symbol: '',
    data: bars.fingerprint,
    warmupStart: 0,
    start: 60,
    end: ask.end,
    weight: 1,
    final: true,
  }
  const answers = await evaluate({
    trials: strategy.bind(points).map((program, id) => ({ id, program })),
    slices: [slice],
    simulation: simulations[ask.simulation],
    want: { state: false, returns: false, metrics: 'all' },
    signal: new AbortController().signal,
  })
  return contentKey(answers.map((answer: Evaluation) => ({ ...answer, cost: 0 })))
}

/** Lets go of everything that stays. */
function forgetAll(): void {
  withFastMemory('wasm', (memory) => {
    const markets = residentMarkets(memory)
    for (let i = 0; i < 65; i++) markets.settle(markets.take(randomBars(100 + i, 130), 1))
  })
}

it('gives the same bits whatever batches came before', async () => {
  const rng = createRng(3)
  const asks = Array.from({ length: 60 }, () => ({
    n: [1, 3, 40][rng.below(3)],
    seed: rng.below(4),
    series: rng.below(2),
    end: 500 + 100 * rng.below(2),
    simulation: rng.below(3),
  }))
  const fresh = new Map<string, string>()
  for (const ask of asks) {
    forgetAll()
    fresh.set(JSON.stringify(ask), await run(ask))
  }
  forgetAll()
  for (const ask of [...asks, ...asks]) expect(await run(ask)).toBe(fresh.get(JSON.stringify(ask)))
  expect(new Set(fresh.values()).size).toBeGreaterThan(30)
})

it('the second batch makes the market that stays, the third its columns, the fourth nothing', async () => {
  forgetAll()
  const ask = { n: 40, seed: 1, series: 0, end: 600, simulation: 1 }
  const floors: number[] = []
  for (let i = 0; i < 5; i++) {
    await run(ask)
    floors.push(withFastMemory('wasm', (memory) => memory.floor))
  }
  expect(floors[1]).toBeGreaterThan(floors[0] + 600 * 100)
  const columns = Math.round((floors[2] - floors[1]) / (10 * 64 * 8))
  expect(columns).toBeGreaterThan(20) // 20 fast and 30 slow averages at most
  expect(columns).toBeLessThan(60)
  expect(floors.slice(3)).toEqual([floors[2], floors[2]])
})
