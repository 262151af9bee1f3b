import { createEvaluate, defineStrategy, ta } from '@tradewright/backtest'
import {
  type Bars,
  composeOnion,
  contentKey,
  createBars,
  createRng,
  type Evaluate,
  type FinishedTrial,
  int,
  memoryStudyStore,
  type Optimizer,
  type Pruner,
  type Report,
  randomSampler,
  runStudyLoop,
  type Slice,
  type Space,
  StudyState,
  systemClock,
  wholeTrials,
} from '@tradewright/core'
import { optimizerContract } from '@tradewright/core/testing'
import { describe, expect, it } from 'vitest'
import {
  memoryCache,
  type ProgressiveEvaluation,
  planStages,
  progressiveEvaluation,
  resultCache,
  type Stage,
  stageThreshold,
} from '../src/index.ts'

const strategy = defineStrategy({
  name: 'cross',
  params: { fast: int(2, 20), slow: int(21, 60) },
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
  simulate: () => ({ stopLoss: 0.04, trailingStop: 0.05 }),
})

function walk(symbol: string, length: number, seed: number): Bars {
  const rng = createRng(seed, 0)
  let price = 100
  const close = Array.from({ length }, () => {
    price *= Math.exp(0.01 * rng.normal())
    return price
  })
  return createBars({
    symbol,
    timestamp: close.map((_, i) => i * 3_600_000),
    open: close,
    high: close.map((p) => p * 1.004),
    low: close.map((p) => p * 0.996),
    close,
    volume: close.map(() => 1),
    timeframe: '1h',
    calendar: 'crypto',
  })
}

const series = [walk('A', 600, 1), walk('B', 600, 2), walk('C', 600, 3)]
const whole: readonly Slice[] = series.map((bars, i) => ({
  id: bars.symbol,
  symbol: bars.symbol,
  fold: `f${i}`,
  data: bars.fingerprint,
  warmupStart: 0,
  start: 100,
  end: 600,
  weight: 1,
  final: true,
}))

/** A host as the training manager is one: evaluates each pending trial on its rung, lets it wait or end. */
async function study(
  optimizers: readonly Optimizer[],
  slices: readonly Slice[],
  trials: number,
): Promise<{ readonly trials: readonly FinishedTrial[]; readonly bars: number }> {
  let bars = 0
  const engine = createEvaluate({ resolve: (data) => series.find((b) => b.fingerprint === data) })
  const counted: Evaluate = async (request) => {
    const answers = await engine(request)
    for (const { cost } of answers) bars += cost.bars
    return answers
  }
  const sampler = randomSampler()
  const onion = composeOnion(optimizers, {
    suggest: async (request) => sampler.sample(request),
    schedule: wholeTrials,
    evaluate: counted,
  })
  for (const optimizer of optimizers) if ('plan' in optimizer) (optimizer as ProgressiveEvaluation).plan(slices)
  const space = strategy.space as unknown as Space
  const state = await StudyState.open(memoryStudyStore(), {
    name: 's',
    space: space.key,
    directions: ['maximize'],
    seed: 4,
    generationSize: 8,
    sampler: sampler.name,
  })
  const result = await runStudyLoop({
    state,
    space,
    trials,
    suggest: onion.suggest,
    schedule: onion.schedule,
    observe: onion.observe,
    clock: systemClock,
    async evaluate(batch, { signal }) {
      const rungs = new Map(batch.map(({ rung }) => [rung, batch.filter((t) => t.rung === rung)]))
      const outcomes = await Promise.all(
        [...rungs].map(async ([rung, pending]) => {
          const programs = strategy.bind(pending.map((t) => t.params as { fast: number; slow: number }))
          const answers = await onion.evaluate({
            trials: pending.map(({ number }, i) => ({ id: number, program: programs[i] })),
            slices: rung?.slices ?? slices,
            simulation: {},
            want: { state: false, returns: false, metrics: 'standard' },
            signal,
          })
          return answers.map((answer) => {
            if (answer.status === 'failed') throw new Error(answer.error.message)
            const weights = (rung?.slices ?? slices).map((s) => s.weight)
            const value =
              answer.slices.reduce((sum, { metrics }, i) => sum + weights[i] * (metrics.sharpe ?? Number.NaN), 0) /
              weights.reduce((a, b) => a + b, 0)
            const data = contentKey(answer.slices)
            const reports = rung === undefined ? [] : [{ id: answer.id, step: rung.step, value }]
            if (rung !== undefined && !rung.last) return { number: answer.id, status: 'paused' as const, reports }
            return { number: answer.id, status: 'done' as const, values: [value], reports, data }
          })
        }),
      )
      return outcomes.flat()
    },
  })
  return { trials: result.trials, bars }
}

const keepAll: Pruner = {
  name: 'keep-all',
  decide: (reports) => [...new Set(reports.map((r) => r.id))].map((id) => ({ id, action: 'continue', why: '' })),
}
const stages: readonly Stage[] = [
  [0.1, 0.3],
  [0.3, 0.5],
  [1, 1],
]

describe('stages', () => {
  const [slice] = whole
  it('cut slices from the front, from the end, by symbol, by fold, by regime', () => {
    const ranges = (order: Parameters<typeof planStages>[2]) =>
      planStages(whole, stages, order).map(({ slices }) => slices.map((s) => [s.symbol, s.start, s.end, s.final]))
    expect(ranges('prefix')[0][0]).toEqual(['A', 100, 150, false])
    expect(ranges('prefix')[1][2]).toEqual(['C', 100, 250, false])
    expect(ranges('prefix')[2]).toEqual(whole.map((s) => [s.symbol, 100, 600, true]))
    expect(ranges('recent')[0][0]).toEqual(['A', 550, 600, true])
    expect(ranges('symbol').map((stage) => stage.length)).toEqual([1, 1, 3])
    expect(ranges('fold').map((stage) => stage.length)).toEqual([1, 1, 3])
    const regime = () => [
      { regime: 'bull', start: 100, end: 300 },
      { regime: 'bear', start: 300, end: 500 },
      { regime: 'bull', start: 500, end: 600 },
    ]
    const [first, second, last] = planStages([slice], stages, { regime })
    expect(first.slices.map((s) => [s.start, s.end])).toEqual([
      [100, 130],
      [300, 320],
    ])
    expect(second.slices.map((s) => [s.start, s.end])).toEqual([
      [100, 190],
      [300, 360],
    ])
    expect(last.slices).toEqual([slice])
    expect(new Set(first.slices.map((s) => s.id)).size).toBe(2)
  })

  it('are refused where they break their rule', () => {
    for (const bad of [
      [[0.5, 1]],
      [
        [0.5, 1],
        [0.4, 1],
        [1, 1],
      ],
      [
        [0, 1],
        [1, 1],
      ],
      [
        [0.5, 0],
        [1, 1],
      ],
      [[1.2, 1]],
    ])
      expect(() => progressiveEvaluation({ stages: bad as unknown as Stage[] })).toThrow('[BAD_OPTION]')
    expect(() => planStages([slice], stages, { regime: () => [{ regime: 'x', start: 0, end: 200 }] })).toThrow(
      '[BAD_OPTION]',
    )
    expect(() => stageThreshold(Number.NaN)).toThrow('[BAD_OPTION]')
  })
})

describe('progressive evaluation', () => {
  optimizerContract({ make: () => progressiveEvaluation() })

  it.each(['prefix', 'symbol', 'fold'] as const)(
    'by %s with a judge that keeps all gives every trial as without stages, and no bar is evaluated twice',
    async (order) => {
      const plain = await study([], whole, 24)
      const optimizer = progressiveEvaluation({ stages, order, pruner: keepAll })
      const staged = await study([optimizer], whole, 24)
      expect(staged.trials.map(({ reports: _, ...t }) => t)).toEqual(plain.trials.map(({ reports: _, ...t }) => t))
      expect(plain.bars).toBe(24 * 3 * 500)
      // A state stands before the orders of its last bar, so that bar is entered once more at each continuation.
      const { resumed, reused, bars, fullBars } = optimizer.stats()
      expect(staged.bars).toBe(plain.bars + resumed)
      expect([bars, fullBars]).toEqual([staged.bars, plain.bars])
      expect(resumed).toBe(order === 'prefix' ? 24 * 3 * 2 : 0)
      expect(reused).toBe(order === 'prefix' ? 0 : 24 * 2)
    },
  )

  it('recent first pays again for those who pass, and only for those', async () => {
    const plain = await study([], whole, 16)
    const staged = await study([progressiveEvaluation({ stages, order: 'recent', pruner: keepAll })], whole, 16)
    expect(staged.trials.map((t) => t.values)).toEqual(plain.trials.map((t) => t.values))
    expect(staged.bars).toBe(16 * 3 * (50 + 150 + 500))
  })

  it('by regime sees some of each at first, and pays again for those who pass, and only for those', async () => {
    const plain = await study([], whole, 16)
    const order = {
      regime: ({ start, end }: { readonly start: number; readonly end: number }) => [
        { regime: 'calm', start, end: start + 300 },
        { regime: 'wild', start: start + 300, end },
      ],
    }
    const keeps = await study([progressiveEvaluation({ stages, order, pruner: keepAll })], whole, 16)
    expect(keeps.trials.map((t) => t.values)).toEqual(plain.trials.map((t) => t.values))
    // Of 300 calm bars and 200 wild ones a tenth, then three tenths. What begins where an earlier stage began goes on
    // from there (one bar is entered again), so that of the whole slice the first 90 bars are not paid for again.
    expect(keeps.bars).toBe(16 * 3 * (30 + 20 + (60 + 1) + (40 + 1) + (410 + 1)))
    const none = {
      name: 'none',
      decide: (reports: readonly Report[]) => reports.map(({ id }) => ({ id, action: 'stop' as const, why: '' })),
    }
    const stops = await study([progressiveEvaluation({ stages, order, pruner: none })], whole, 16)
    expect(stops.bars).toBe(16 * 3 * (30 + 20))
  })

  it('stops the bad ones early: the bars are the union of the slices visited', async () => {
    const optimizer = progressiveEvaluation({ stages, pruner: stageThreshold(-5) })
    const staged = await study([optimizer], whole, 40)
    const plain = await study([], whole, 40)
    const pruned = staged.trials.filter((t) => t.status === 'pruned')
    expect(pruned.length).toBeGreaterThan(5)
    expect(pruned.length).toBeLessThan(40)
    expect(optimizer.stats().stopped).toBe(pruned.length)
    expect(pruned[0].why).toContain('the threshold is -5')
    const visited = staged.trials.map((t) => (t.status === 'done' ? 500 : [50, 150][t.reports.length - 1]) * 3)
    const { resumed } = optimizer.stats()
    expect(staged.bars).toBe(visited.reduce((a, b) => a + b, 0) + resumed)
    for (const trial of staged.trials)
      if (trial.status === 'done') expect(trial.values).toEqual(plain.trials[trial.number].values)
  })

  it('shows the pruner the weighted mean of the stages done', async () => {
    const seen: number[][] = []
    const spy: Pruner = {
      name: 'spy',
      decide(reports) {
        for (const id of new Set(reports.map((r) => r.id))) {
          const own = reports.filter((r) => r.id === id)
          if (id === 0) seen.push(own.map((r) => r.value))
        }
        return keepAll.decide(reports, undefined as never)
      },
    }
    const { trials } = await study([progressiveEvaluation({ stages, pruner: spy })], whole, 8)
    const raw = trials[0].reports.map((r) => r.value)
    expect(seen[0]).toEqual([raw[0]])
    expect(seen[1][1]).toBeCloseTo((0.3 * raw[0] + 0.5 * raw[1]) / 0.8, 12)
    expect(trials[0].values).toEqual([raw[2]])
  })

  it('goes on with waiting trials when no others come', async () => {
    const waits: Pruner = {
      name: 'waits',
      decide: (reports) => [...new Set(reports.map((r) => r.id))].map((id) => ({ id, action: 'pause', why: '' })),
    }
    const { trials } = await study([progressiveEvaluation({ stages, pruner: waits })], whole, 16)
    expect(trials.map((t) => t.status)).toEqual(new Array(16).fill('done'))
  })

  it('goes with the result cache: the second study evaluates nothing, with the same trials', async () => {
    const cache = memoryCache({ maxEntries: 10_000 })
    const both = () => [
      resultCache({ cache, admission: 'all' }),
      progressiveEvaluation({ stages, pruner: stageThreshold(-5) }),
    ]
    const first = await study(both(), whole, 24)
    const second = await study(both(), whole, 24)
    expect(second.trials).toEqual(first.trials)
    expect(second.bars).toBe(0)
  })

  it('evaluates whole trials where no host has told it the slices', async () => {
    const optimizer = progressiveEvaluation()
    const { plan: _, ...deaf } = optimizer
    const { trials, bars } = await study([deaf], whole, 8)
    expect(bars).toBe(8 * 1500)
    expect(trials[0].reports).toEqual([])
  })
})
