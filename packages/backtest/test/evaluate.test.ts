import { createIndicatorStore, type EvaluationRequest, int, type Slice, viewRange } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backtest, createEvaluate, defineIndicator, defineStrategy, ta } from '../src/index.ts'
import { conditionOf, randomBars, trees } from './arbitraries.ts'
import { sp500 } from './golden-cases.ts'
import { createEvaluateRequest, type OneSlice } from './requests.ts'

const bars = randomBars(3, 300)
const fails = defineIndicator({
  name: 'fails',
  version: '1',
  kernel: {
    compute: ([x], [n]) => {
      if (n === 13) throw new Error('thirteen')
      return x.slice()
    },
  },
})
const cross = defineStrategy({
  name: 'cross',
  params: { fast: int(2, 20), slow: int(3, 60) },
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(fails(close, fast), slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
})

const slice = (id: string, start: number, end: number, warmupStart = 0): Slice => ({
  id,
  symbol: '',
  data: bars.fingerprint,
  warmupStart,
  start,
  end,
  weight: 1,
  final: true,
})

function requestOf(
  list: readonly { fast: number; slow: number }[],
  slices: readonly Slice[],
  over: Partial<EvaluationRequest> = {},
): EvaluationRequest {
  return {
    trials: cross.bind(list).map((program, k) => ({ id: 100 + k, program })),
    slices,
    simulation: { preset: 'reference', feeBps: 10 },
    want: { state: false, returns: true, metrics: 'all' },
    signal: new AbortController().signal,
    ...over,
  }
}

const list = [
  { fast: 2, slow: 5 },
  { fast: 13, slow: 20 },
  { fast: 3, slow: 20 },
]

describe('createEvaluate', () => {
  it('gives every trial what backtest gives it, slice by slice; a trial that throws fails alone', async () => {
    const slices = [slice('a', 0, 150), slice('b', 150, 300, 100)]
    const evaluations = await createEvaluate({ resolve: () => bars, engine: 'plain' })(requestOf(list, slices))
    expect(evaluations.map(({ id, status }) => [id, status])).toEqual([
      [100, 'done'],
      [101, 'failed'],
      [102, 'done'],
    ])
    expect(evaluations[1]).toMatchObject({
      error: { code: 'BAD_STRATEGY', message: expect.stringContaining('thirteen') },
    })
    for (const k of [0, 2]) {
      const one = evaluations[k]
      if (one.status !== 'done') return expect.fail()
      expect(one.cost.bars).toBe(300)
      slices.forEach(({ start, end, warmupStart }, s) => {
        const { metrics, moments, equity } = backtest(cross, list[k], bars, {
          preset: 'reference',
          feeBps: 10,
          start,
          end,
          warmupStart,
        })
        expect(one.slices[s].metrics).toEqual(metrics)
        expect(one.slices[s].moments).toEqual(moments)
        const returns = [...equity].map(
          (x, i) => (x - (i === 0 ? 10_000 : equity[i - 1])) / Math.abs(i === 0 ? 10_000 : equity[i - 1]),
        )
        expect([...(one.slices[s].returns ?? [])]).toEqual(returns)
      })
    }
  })

  it('sees only the bars from warmupStart on', async () => {
    const [late] = await createEvaluate({ resolve: () => bars, engine: 'plain' })(
      requestOf([list[0]], [slice('b', 150, 300, 100)]),
    )
    const alone = viewRange(bars, 100, 300)
    const other = backtest(cross, list[0], alone, { preset: 'reference', feeBps: 10, start: 50 })
    expect(late.status === 'done' && late.slices[0].metrics).toEqual(other.metrics)
  })

  it('computes each indicator once over all trials, slices of one warm-up, and requests', async () => {
    const indicators = createIndicatorStore()
    const evaluate = createEvaluate({ resolve: () => bars, indicators, engine: 'plain' })
    const many = [2, 3, 4].flatMap((fast) => [20, 30].map((slow) => ({ fast, slow })))
    await evaluate(requestOf(many, [slice('a', 0, 300), slice('b', 0, 150)]))
    // 3 kernels, sma of close for 3 fast and 2 slow windows, sma of 3 kernels for 2 slow windows.
    expect(indicators.stats().columns).toBe(3 + 5 + 6)
    await evaluate(requestOf(many, [slice('a', 0, 300)]))
    expect(indicators.stats().columns).toBe(3 + 5 + 6)
  })

  it('takes programs of several tables in one request', async () => {
    const trials = list.flatMap((params, k) => cross.bind([params]).map((program) => ({ id: k, program })))
    const request = { ...requestOf([], [slice('a', 0, 300)]), trials }
    const evaluations = await createEvaluate({ resolve: () => bars })(request)
    expect(evaluations.map(({ id, status }) => [id, status])).toEqual([
      [0, 'done'],
      [1, 'failed'],
      [2, 'done'],
    ])
  })

  it('fails trials whose options or modules cannot be, and goes on', async () => {
    const [program] = cross.bind([list[0]])
    const trials = [
      { id: 0, program: { ...program, simulation: { stopLoss: 7 } } },
      {
        id: 1,
        program: { kind: 'module' as const, strategy: 'm', module: 'm.js', export: 'm', version: '1', params: {} },
      },
      { id: 2, program: { ...program, table: { ops: ['close'], inputs: [], constants: [] } } },
      { id: 3, program },
    ]
    const evaluations = await createEvaluate({ resolve: () => bars })({
      ...requestOf([], [slice('a', 0, 300)]),
      trials,
    })
    expect(evaluations.map((one) => (one.status === 'failed' ? one.error.code : one.status))).toEqual([
      'BAD_OPTION',
      'NOT_AVAILABLE',
      'BAD_STRATEGY',
      'done',
    ])
  })

  it('refuses slices of bars that are not here, or outside of them, and unknown metrics', async () => {
    const nothing = createEvaluate({ resolve: () => undefined })
    await expect(nothing(requestOf(list, [slice('a', 0, 300)]))).rejects.toThrow(/NOT_FOUND.*slice 'a'/)
    const evaluate = createEvaluate({ resolve: () => bars })
    await expect(evaluate(requestOf(list, [slice('a', 0, 301)]))).rejects.toThrow(/BAD_OPTION.*<= 300/)
    const want = { state: false, returns: false, metrics: ['sharp' as never] }
    await expect(evaluate(requestOf(list, [slice('a', 0, 300)], { want }))).rejects.toThrow(/did you mean 'sharpe'/)
  })

  it('stops between chunks when aborted, with the reason', async () => {
    const controller = new AbortController()
    let seen = 0
    const clock = {
      now: () => 0,
      elapsed: () => {
        if (++seen === 3) controller.abort(new Error('enough'))
        return seen * 100
      },
      after: () => () => undefined,
    }
    const many = Array.from({ length: 1000 }, (_, k) => ({ fast: 2 + (k % 9), slow: 20 + (k % 30) }))
    const evaluate = createEvaluate({ resolve: () => bars, clock })
    const request = requestOf(many, [slice('a', 0, 300)], { signal: controller.signal })
    await expect(evaluate(request)).rejects.toThrow('enough')
    expect(seen).toBeLessThan(10)
  })
})

describe('one result a trial, whatever is asked for', () => {
  const index = sp500()
  const random = randomBars(11, 400)
  const [plainOnly] = defineStrategy({
    name: 'target',
    params: {},
    signals: ({ close }) => ({ target: close.gt(ta.sma(close, 20)).where(1, 0) }),
  }).bind([{}])
  const [quick] = cross.bind([{ fast: 5, slow: 20 }])
  const options = { barsPerYear: 252, direction: 'both' as const, stopLoss: 0.03, feeBps: 7 }

  it.each([
    ['fast, real bars', index, quick, 5105],
    ['fast, hours', random, quick, 400],
    ['plain', index, plainOnly, 5105],
  ] as const)('%s: resumed, with state, with returns', async (_, series, program, end) => {
    const evaluate = createEvaluate({ resolve: () => series })
    const request = createEvaluateRequest(series, program, options)
    const one = async (slice: OneSlice) => {
      const [evaluation] = await evaluate(request(slice))
      return evaluation.status === 'done' ? { ...evaluation.slices[0], bars: evaluation.cost.bars } : expect.fail()
    }
    const whole = await one({ start: 50, end })
    expect(whole.metrics.trades).toBeGreaterThan(5)
    const rich = await one({ start: 50, end, state: true, returns: true })
    expect([rich.metrics, rich.moments]).toEqual([whole.metrics, whole.moments])
    expect(rich.returns).toHaveLength(end - 50)
    for (const split of [51, 60, 200, 399, end - 1]) {
      const first = await one({ start: 50, end: split, final: false, state: true })
      const second = await one({ start: 50, end, resume: structuredClone(first.state) })
      expect([second.metrics, second.moments]).toEqual([whole.metrics, whole.moments])
      if (program === plainOnly) expect(second.bars).toBe(end - split + 1)
      if (program === plainOnly || split < 178) continue // fewer than 128 bars are not the fast path's: it begins anew
      expect(second.bars).toBeGreaterThanOrEqual(end - split)
      expect(second.bars).toBeLessThan(end - split + 60) // the trade that was open, and no more
    }
    const other = await one({ start: 60, end, resume: (await one({ start: 50, end: 100, state: true })).state })
    expect(other.bars).toBe(end - 60)
    expect(other.metrics).toEqual((await one({ start: 60, end })).metrics)
  })
})

describe('a batch', () => {
  it('gives every trial what it would get alone, to the last bit, in both engines', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(trees, trees), { minLength: 2, maxLength: 6 }),
        fc.nat(1000),
        fc.constantFrom('fast', 'plain'),
        async (pairs, seed, engine) => {
          const series = randomBars(seed, 140)
          const strategy = defineStrategy({
            name: 'any',
            params: { pick: int(0, 5) },
            signals: (columns, { pick }) => {
              const [entry, exit] = pairs[pick % pairs.length]
              return { entry: conditionOf(entry, columns).lag(pick * 3), exit: conditionOf(exit, columns).lag(1) }
            },
          })
          const programs = strategy.bind(pairs.map((_, pick) => ({ pick })))
          const request = createEvaluateRequest(series, programs[0], { direction: 'both' })({ start: 0, end: 140 })
          const evaluate = createEvaluate({ resolve: () => series, engine })
          const together = await evaluate({ ...request, trials: programs.map((program, id) => ({ id, program })) })
          for (const [id, program] of programs.entries()) {
            const [alone] = await createEvaluate({ resolve: () => series, engine })({
              ...request,
              trials: [{ id, program }],
            })
            expect({ ...together[id], cost: 0 }).toEqual({ ...alone, cost: 0 })
          }
        },
      ),
      { numRuns: Number(process.env.TRADEWRIGHT_PROPERTY_RUNS ?? 40) },
    )
  })
})
