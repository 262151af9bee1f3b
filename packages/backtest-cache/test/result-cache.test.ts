import { composeOnion, type Evaluate, type EvaluationRequest, type Optimizer } from '@tradewright/core'
import { optimizerContract } from '@tradewright/core/testing'
import { describe, expect, it } from 'vitest'
import { diskCache, memoryCache, type ResultCacheOptions, resultCache, tieredCache } from '../src/index.ts'
import { countingEngine, programKey, request, slice } from './fake-engine.ts'
import { temporaryFolder } from './temporary-folder.ts'

const base = { programKey, engineVersion: '1', admission: 'all' } as const

function make(over: Partial<ResultCacheOptions> = {}): ReturnType<typeof resultCache> {
  return resultCache({ ...base, cache: memoryCache({ maxEntries: 10_000 }), ...over })
}

function through(optimizer: Optimizer, engine: Evaluate): Evaluate {
  return composeOnion([optimizer], { suggest: async () => [], schedule: async () => [], evaluate: engine }).evaluate
}

const content = (answer: Awaited<ReturnType<Evaluate>>): unknown => answer.map(({ cost: _, ...rest }) => rest)
const wants: EvaluationRequest['want'][] = [
  { state: false, returns: false, metrics: 'standard' },
  { state: true, returns: false, metrics: 'standard' },
  { state: false, returns: true, metrics: 'all' },
  { state: false, returns: false, metrics: ['sharpe', 'trades'] },
  { state: true, returns: true, metrics: 'standard' },
]

describe('result cache', () => {
  optimizerContract({ make: () => make() })
  optimizerContract({
    make: async () =>
      make({
        cache: tieredCache([memoryCache({ maxEntries: 2 }), await diskCache({ directory: temporaryFolder() })]),
        own: true,
      }),
  })

  it('computes each slice of a trial once, and costs no bars then', async () => {
    const engine = countingEngine()
    const cache = make()
    const evaluate = through(cache, engine)
    const first = await evaluate(request([1, 2, 3]))
    const again = await evaluate(request([3, 2, 4]))
    expect(engine.calls.map((c) => c.trials.length)).toEqual([3, 1])
    expect(first.map((e) => e.cost.bars)).toEqual([100, 100, 100])
    expect(again.map((e) => e.cost.bars)).toEqual([0, 0, 100])
    expect(cache.stats()).toMatchObject({ hits: 4, misses: 8, stored: 8, savedMs: 20 })
  })

  it('passes batches that are never worth keeping, looks now and then, and looks again once they are', async () => {
    const cheap = countingEngine(0.001)
    const dear = countingEngine(50)
    let engine = cheap
    const cache = make({ admission: 'cost' })
    const evaluate = through(cache, (asked) => engine(asked))
    for (let k = 0; k < 100; k++) await evaluate(request([k]))
    const { passed, misses, stored } = cache.stats()
    expect(stored).toBe(0)
    expect(passed + misses).toBe(200)
    expect(misses).toBeGreaterThanOrEqual(2 * 9) // the first four, then after 1, 2, 4, 8, 16 and 32 that passed
    expect(misses).toBeLessThan(2 * 20)
    engine = dear
    for (let k = 100; k < 110; k++) await evaluate(request([k]))
    expect(cache.stats().stored).toBeGreaterThanOrEqual(2 * 8) // all but those until the first look
    engine.calls.length = 0
    for (let k = 105; k < 110; k++) await evaluate(request([k]))
    expect(engine.calls).toEqual([])
    const keeps = make()
    const all = through(keeps, cheap)
    for (let k = 0; k < 20; k++) await all(request([k]))
    expect(keeps.stats()).toMatchObject({ passed: 0, stored: 40 })
  })

  it('asks only for the slices it lacks', async () => {
    const engine = countingEngine()
    const evaluate = through(make(), engine)
    await evaluate(request([1, 2], { slices: [slice('a', { end: 50, final: false })] }))
    const answer = await evaluate(request([1, 2]))
    expect(engine.calls[1].slices.map((s) => s.id)).toEqual(['b'])
    expect(content(answer)).toEqual(content(await countingEngine()(request([1, 2]))))
  })

  it('keys by range and data, never by the name, fold or weight of a slice', async () => {
    const engine = countingEngine()
    const evaluate = through(make(), engine)
    const one = (over: Parameters<typeof slice>[1]) => evaluate(request([1], { slices: [slice('a', over)] }))
    await one({})
    await one({ fold: 'f', weight: 3 })
    expect(engine.trials).toBe(1)
    await one({ end: 99 })
    await one({ start: 1 })
    await one({ final: false })
    await one({ start: 2, warmupStart: 1 })
    await one({ data: 'f'.repeat(32) })
    expect(engine.trials).toBe(6)
    await evaluate(request([1], { slices: [slice('a')], simulation: { preset: 'reference', feeBps: 1 } }))
    expect(engine.trials).toBe(7)
    const state = { version: '1', bar: 3, data: { sum: 2 } }
    const resumed = { ...request([1], { slices: [slice('a')] }) }
    await evaluate({ ...resumed, trials: [{ ...resumed.trials[0], resume: [state] }] })
    await evaluate({ ...resumed, trials: [{ ...resumed.trials[0], resume: [{ ...state }] }] })
    expect(engine.trials).toBe(8)
  })

  it('never reads what another engine version wrote', async () => {
    const cache = memoryCache()
    const engine = countingEngine()
    await through(make({ cache }), engine)(request([1]))
    await through(make({ cache, engineVersion: '2' }), engine)(request([1]))
    expect(engine.trials).toBe(2)
  })

  it('gives exactly what the engine gives, whatever was asked before', async () => {
    for (const first of wants)
      for (const second of wants) {
        const evaluate = through(make(), countingEngine())
        await evaluate(request([1, 2], { want: first }))
        for (let round = 0; round < 2; round++)
          expect(content(await evaluate(request([1, 2], { want: second })))).toEqual(
            content(await countingEngine()(request([1, 2], { want: second }))),
          )
      }
  })

  it('an entry that lacks what is asked for is a miss, and both together are kept', async () => {
    const engine = countingEngine()
    const evaluate = through(make(), engine)
    for (const round of [0, 1])
      for (const want of wants.slice(0, 3))
        await evaluate(request([1], { want: { ...want, metrics: 'all' } })).then(() => round)
    expect(engine.trials).toBe(3)
  })

  it('keeps apart what an engine computes in another form when it is to give states or returns', async () => {
    const engine = countingEngine()
    const evaluate = through(make(), engine)
    await evaluate(request([1], { want: wants[0] }))
    await evaluate(request([1], { want: wants[4] }))
    await evaluate(request([1], { want: wants[0] }))
    await evaluate(request([1], { want: wants[1] }))
    expect(engine.trials).toBe(2)
  })

  it('computes what 100 callers miss at once only once', async () => {
    const engine = countingEngine()
    const cache = make()
    const evaluate = through(cache, engine)
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        evaluate(request([5], { want: { state: false, returns: true, metrics: 'standard' } })),
      ),
    )
    expect(engine.trials).toBe(1)
    expect(cache.stats().shared).toBe(198)
    const plain = content(
      await countingEngine()(request([5], { want: { state: false, returns: true, metrics: 'standard' } })),
    )
    for (const answer of answers) expect(content(answer)).toEqual(plain)
    const returns = answers.map((a) => a[0].status === 'done' && a[0].slices[0].returns)
    expect(new Set(returns).size).toBe(100) // nobody shares an array with anybody
  })

  it('computes itself what another caller was aborted in', async () => {
    const controller = new AbortController()
    let release: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const engine = countingEngine()
    const slow: Evaluate = async (asked) => {
      if (asked.signal === controller.signal) await gate
      return engine(asked)
    }
    const evaluate = through(make(), slow)
    const aborted = evaluate(request([1], { signal: controller.signal }))
    const waiting = evaluate(request([1]))
    controller.abort(new Error('off'))
    release()
    await expect(aborted).rejects.toThrow('off')
    expect((await waiting)[0].status).toBe('done')
  })

  it('stops waiting for another caller when it is aborted itself', async () => {
    const never: Evaluate = () => new Promise(() => undefined)
    const evaluate = through(make(), never)
    void evaluate(request([1]))
    const controller = new AbortController()
    const second = evaluate(request([1], { signal: controller.signal }))
    controller.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
  })

  it('keeps no failures', async () => {
    const engine = countingEngine()
    const evaluate = through(make(), engine)
    for (let i = 0; i < 2; i++) expect((await evaluate(request([-1, 1])))[0].status).toBe('failed')
    expect(engine.calls.map((c) => c.trials.length)).toEqual([2, 1])
  })

  it('does not keep what costs less than reading it, and says so', async () => {
    const cheap = make({ admission: 'cost' })
    await through(cheap, countingEngine(0.001))(request([1, 2]))
    expect(cheap.stats()).toMatchObject({ stored: 0, refused: 4 })
    const dear = make({ admission: 'cost' })
    await through(dear, countingEngine(10))(request([1, 2]))
    expect(dear.stats()).toMatchObject({ stored: 4, refused: 0 })
  })

  it('goes on without a cache that throws, and says so once', async () => {
    const cache = memoryCache()
    await cache[Symbol.asyncDispose]()
    const engine = countingEngine()
    const optimizer = make({ cache })
    const evaluate = through(optimizer, engine)
    for (let i = 0; i < 3; i++) expect((await evaluate(request([1])))[0].status).toBe('done')
    expect(engine.trials).toBe(3)
  })
})
