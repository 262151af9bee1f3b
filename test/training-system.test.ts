import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  backtest,
  createOptimizedTrainingSystem,
  defineOptimizer,
  defineStrategy,
  type EvaluationRequest,
  int,
  isTradewrightError,
  loadStrategy,
  type Metrics,
  memoryDataSource,
  type Objective,
  type SystemOptions,
  type TrainingProgress,
  type TrainingResult,
  type TrainingSystem,
  ta,
  viewRange,
} from 'tradewright'
import { afterEach, describe, expect, it } from 'vitest'
import { walk, withOtherEnd } from './market.ts'
import { brittle, smaCross, withoutStop } from './strategies.ts'

const bars = walk(900)
const split = 630
const open: TrainingSystem[] = []

afterEach(async () => {
  for (const system of open.splice(0)) await system.close()
})

type Options = Partial<SystemOptions> & { readonly caching?: boolean; readonly profiling?: boolean }

async function systemOf({ caching = false, profiling = true, ...rest }: Options = {}): Promise<TrainingSystem> {
  const system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource(bars),
    computationalOptimization: { caching: { enabled: caching, disk: false }, profiling: { enabled: profiling } },
    ...rest,
    // Independent of budget and history, so that parts of a search can be compared.
    training: { trials: 40, sampler: { type: 'random' }, ...rest.training },
  })
  open.push(system)
  return system
}

const plain = ({ trials, best, validation }: TrainingResult<unknown>) => ({
  trials,
  best: { number: best.number, params: best.params, values: best.values, metrics: best.metrics },
  validation,
})

/** The system runs batches, `backtest` the plain simulator: equal within 1e-12, trades exactly. */
function expectClose(actual: Metrics | undefined, expected: Metrics): void {
  expect(Object.keys(actual ?? {}).sort()).toEqual(Object.keys(expected).sort())
  expect(actual?.trades).toBe(expected.trades)
  for (const [name, value] of Object.entries(expected)) {
    const own = actual?.[name as keyof Metrics] ?? Number.NaN
    expect(Object.is(own, value) || Math.abs(own - value) <= 1e-11 * Math.max(1, Math.abs(value)), name).toBe(true)
  }
}

async function codeOf(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await work
  } catch (error) {
    if (isTradewrightError(error)) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a training', () => {
  it('finds the best of its trials, and says what the engine says of it', async () => {
    const system = await systemOf()
    const result = await system.trainingManager.executeOptimizedTraining({ strategy: smaCross, symbol: 'WALK' })
    expect(result.trials.map((t) => t.number)).toEqual(Array.from({ length: 40 }, (_, i) => i))
    const values = result.trials.flatMap((t) => t.values)
    expect(result.best.value).toBe(Math.max(...values))
    const direct = backtest(smaCross, result.best.params, viewRange(bars, 0, split))
    expectClose(result.best.metrics, direct.metrics)
    expect(result.best.value).toBe(result.best.metrics.sharpe)
    const held = backtest(smaCross, result.best.params, bars, { start: split, warmupStart: 0 })
    expectClose(result.validation.heldOut, held.metrics)
    expect(result.validation.bySymbol[0].strategy.heldOut?.returns).toHaveLength(270)
    expect(result.barsPerYear).toBe(365)
    expect(result.stats).toMatchObject({ trials: 40, done: 40, failed: 0, pruned: 0 })
  })

  it('never sees the held-out bars: whatever they are, every trial and the best stay the same', async () => {
    const outcomes = []
    for (const factor of [() => 1, (i: number) => 1 + (i % 7), (i: number) => 1 / (1 + i)]) {
      const changed = withOtherEnd(bars, split, factor)
      const system = await systemOf({ dataSource: memoryDataSource(changed) })
      const { trials, best, validation } = await system.trainingManager.executeOptimizedTraining({ strategy: smaCross })
      outcomes.push({ trials, params: best.params, metrics: best.metrics, inSample: validation.inSample })
      expect(validation.heldOut?.totalReturn).not.toBeUndefined()
    }
    expect(outcomes[1]).toEqual(outcomes[0])
    expect(outcomes[2]).toEqual(outcomes[0])
  })

  it('sees them where the split says so: one bar earlier, the trials differ', async () => {
    const changed = withOtherEnd(bars, split - 1, () => 3)
    const [a, b] = await Promise.all([systemOf(), systemOf({ dataSource: memoryDataSource(changed) })])
    const first = await a.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    const second = await b.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    expect(second.trials.map((t) => t.values)).not.toEqual(first.trials.map((t) => t.values))
  })

  it('holds nothing out where asked to', async () => {
    const system = await systemOf({ training: { validation: { holdout: 0 } } })
    const { validation } = await system.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    expect(validation).toMatchObject({ holdout: 0, heldOut: undefined })
    expect(validation.bySymbol[0].strategy.inSample.returns).toHaveLength(900)
  })

  it('judges several symbols by the mean over them', async () => {
    const other = walk(700, 5, 'OTHER')
    const system = await systemOf({ dataSource: memoryDataSource([bars, other]) })
    const { best, validation } = await system.trainingManager.executeOptimizedTraining({
      strategy: smaCross,
      symbols: ['WALK', 'OTHER'],
    })
    const sharpes = [viewRange(bars, 0, split), viewRange(other, 0, 490)].map(
      (part) => backtest(smaCross, best.params, part, {}).metrics.sharpe,
    )
    expect(best.value).toBeCloseTo((sharpes[0] + sharpes[1]) / 2, 11)
    expect(validation.bySymbol.map((s) => s.symbol)).toEqual(['WALK', 'OTHER'])
  })

  it('keeps the parameters that the request gives', async () => {
    const system = await systemOf()
    const { trials } = await system.trainingManager.executeOptimizedTraining({
      strategy: smaCross,
      params: { fast: 7 },
    })
    expect(new Set(trials.map((t) => t.params.fast))).toEqual(new Set([7]))
    expect(new Set(trials.map((t) => t.params.slow)).size).toBeGreaterThan(20)
  })

  it('tells its progress, up to the last trial', async () => {
    const seen: TrainingProgress[] = []
    const system = await systemOf()
    const result = await system.trainingManager.executeOptimizedTraining({
      strategy: smaCross,
      onProgress: (progress) => seen.push(progress),
    })
    expect(seen.map((p) => p.done)).toEqual([...seen.map((p) => p.done)].sort((a, b) => a - b))
    expect(seen.at(-1)).toMatchObject({ strategy: 'sma-cross', done: 40, trials: 40, best: result.best.value })
  })

  it('saves the best strategy as a file, from which a bot runs it to the same orders', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tradewright-'))
    const system = await systemOf()
    const { best } = await system.trainingManager.executeOptimizedTraining({
      strategy: withoutStop,
      params: { fast: 3, slow: 12 },
      trials: 3,
    })
    const file = join(folder, 'deep/best.json')
    await best.save(file)
    const live = await loadStrategy(file)
    expect(live).toMatchObject({
      name: 'without-stop',
      params: best.params,
      evidence: { symbols: ['WALK'], trials: 1 },
    })
    live.warmUp(viewRange(bars, 0, split))
    const intents: string[] = []
    for (let i = split; i < bars.length - 1; i++) {
      const { timestamp, open: o, high, low, close, volume } = bars
      const bar = {
        timestamp: timestamp[i],
        open: o[i],
        high: high[i],
        low: low[i],
        close: close[i],
        volume: volume[i],
      }
      for (const { side } of live.push(bar).intents) intents.push(`${side} at ${i + 1}`)
    }
    const { orders } = backtest(withoutStop, best.params, bars, { start: split, warmupStart: 0 })
    expect(intents).toEqual(orders.map(({ side, index }) => `${side} at ${index}`))
    expect(intents.length).toBeGreaterThan(5)
    await expect(loadStrategy(join(folder, 'deep/bets.json'))).rejects.toThrow("did you mean 'best.json'?")
    await writeFile(join(folder, 'no.json'), 'no')
    await expect(loadStrategy(join(folder, 'no.json'))).rejects.toThrow('[BAD_DATA]')
    await rm(folder, { recursive: true })
  })

  it('uses only the days that are asked for', async () => {
    const system = await systemOf({ training: { lookbackDays: 199 } })
    const { validation } = await system.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    expect(validation.bySymbol[0].strategy.inSample.timestamp[0]).toBe(bars.timestamp[700])
  })
})

describe('the same seed gives the same result', () => {
  const run = async (options: Options & { concurrency?: number; seed?: number } = {}) => {
    const { concurrency, seed, ...rest } = options
    const system = await systemOf(rest)
    return plain(await system.trainingManager.executeOptimizedTraining({ strategy: smaCross, concurrency, seed }))
  }

  it('twice, and another seed another', async () => {
    const first = await run()
    expect(await run()).toEqual(first)
    const other = await run({ seed: 1 })
    expect(other.trials.map((t) => t.params)).not.toEqual(first.trials.map((t) => t.params))
  })

  it.each([2, 7, 40, 100])('with %i batches in flight', async (concurrency) => {
    expect(await run({ concurrency })).toEqual(await run())
  })

  it('without the cache and the profiler: every trial is bit-identical', async () => {
    const bare = await run({ caching: false, profiling: false })
    expect(await run({ caching: true, profiling: true })).toEqual(bare)
    expect(await run({ caching: true, profiling: false })).toEqual(bare)
    expect(await run({ caching: false, profiling: true })).toEqual(bare)
  })
})

describe('optimizers of the user', () => {
  const spy = (seen: EvaluationRequest[]) =>
    defineOptimizer({
      name: 'spy',
      effect: 'exact',
      evaluate: (request, next) => {
        seen.push(request)
        return next(request)
      },
      stats: () => ({ batches: seen.length }),
    })

  it('see every batch: the trials of the search, then the validation', async () => {
    const seen: EvaluationRequest[] = []
    const system = (await systemOf()).use(spy(seen))
    await system.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    const searched = seen.filter((r) => !r.want.returns).flatMap((r) => r.trials.map((t) => t.id))
    expect(searched).toEqual(Array.from({ length: 40 }, (_, i) => i))
    expect(seen.filter((r) => !r.want.returns).every((r) => r.slices[0].end === split)).toBe(true)
    expect(seen.filter((r) => r.want.returns).map((r) => r.slices[0].id)).toEqual([
      'WALK:in-sample',
      'WALK:in-sample',
      'WALK:held-out',
      'WALK:held-out',
    ])
    expect(system.trainingManager.getOptimizationStats().optimizers.spy).toEqual({ batches: seen.length })
  })

  it('may be given with the configuration, wrap suggestions and observe trials', async () => {
    const observed: number[] = []
    const system = await systemOf({
      optimizers: [
        defineOptimizer({
          name: 'all-tens',
          effect: 'search',
          suggest: async (request, next) => (await next(request)).map((params) => ({ ...params, fast: 3 })),
          observe: (finished) => observed.push(...finished.map((t) => t.number)),
        }),
      ],
    })
    const { trials } = await system.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    expect(new Set(trials.map((t) => t.params.fast))).toEqual(new Set([3]))
    expect(observed).toHaveLength(40)
  })

  it('are measured, each without the layers inside it', async () => {
    const system = (await systemOf()).use(spy([]))
    await system.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    const spans = system.trainingManager.getOptimizationStats().profile?.spans ?? []
    const names = spans.map((s) => s.name)
    expect(names).toContain('optimizer:spy')
    expect(names).toContain('engine')
    const layer = spans.find((s) => s.name === 'optimizer:spy')
    const engine = spans.find((s) => s.name === 'engine')
    expect(layer?.totalMs).toBeGreaterThanOrEqual(engine?.totalMs ?? Number.POSITIVE_INFINITY)
    expect(layer?.selfMs).toBeLessThan(layer?.totalMs ?? 0)
  })

  it('are refused after the start, twice the same name, and without a hook', async () => {
    const system = (await systemOf()).use(spy([]))
    expect(() => system.use(spy([]))).toThrow('[DUPLICATE_NAME]')
    expect(() => system.use({ name: 'empty', effect: 'exact' })).toThrow('[BAD_OPTIMIZER]')
    await system.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    expect(() => system.use({ ...spy([]), name: 'late' })).toThrow('[SYSTEM_RUNNING]')
  })

  it('that lose a trial are named', async () => {
    const system = (await systemOf()).use(
      defineOptimizer({
        name: 'loser',
        effect: 'exact',
        evaluate: async (r, next) => (await next(r)).slice(1),
      }),
    )
    const { code, message } = await codeOf(system.trainingManager.executeOptimizedTraining({ strategy: smaCross }))
    expect(code).toBe('BAD_OPTIMIZER')
    expect(message).toContain("'loser'")
  })
})

describe('bad input', () => {
  it.each<[Readonly<Record<string, unknown>>, string, string]>([
    [{ strategy: smaCross, trails: 3 }, 'UNKNOWN_NAME', "did you mean 'trials'?"],
    [
      { strategy: smaCross, params: { fats: 3 } },
      'UNKNOWN_NAME',
      "strategy parameter must be a known name, was 'fats'; did you mean 'fast'?",
    ],
    [
      { strategy: smaCross, params: { fast: 300 } },
      'BAD_OPTION',
      "parameter 'fast' must be a whole number from 3 to 30, was 300",
    ],
    [{ strategy: smaCross, objective: 'sharp' }, 'UNKNOWN_NAME', "did you mean 'sharpe'?"],
    [{ strategy: smaCross, simulation: { feeBp: 3 } }, 'UNKNOWN_NAME', "did you mean 'feeBps'?"],
    [{ strategy: smaCross, symbol: 'WALL' }, 'NOT_FOUND', "did you mean 'WALK'?"],
    [{ strategy: smaCross, symbol: 'WALK', symbols: ['WALK'] }, 'BAD_OPTION', 'symbol or symbols, not both'],
    [{ strategy: smaCross, trials: 0 }, 'BAD_OPTION', 'training.trials must be a whole number of at least 1, was 0'],
    [{ strategy: smaCross, sampler: { type: 'sobel' } }, 'UNKNOWN_NAME', "did you mean 'sobol'?"],
    [{ strategy: {} }, 'BAD_OPTION', 'strategy must be one made by defineStrategy'],
  ])('is refused (%#): $1', async (request, code, text) => {
    const system = await systemOf()
    const error = await codeOf(system.trainingManager.executeOptimizedTraining(request as never))
    expect(error.code).toBe(code)
    expect(error.message).toContain(text)
  })

  it('a strategy that throws in some trials fails only those', async () => {
    const system = await systemOf()
    const { trials, stats } = await system.trainingManager.executeOptimizedTraining({ strategy: brittle })
    const failed = trials.filter((t) => t.status === 'failed')
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.every((t) => t.params.period === 5 && t.error?.code === 'BAD_STRATEGY')).toBe(true)
    expect(failed[0].error?.message).toContain('five is right out')
    expect(trials.filter((t) => t.status === 'done')).toHaveLength(trials.length - failed.length)
    expect(stats.failed).toBe(failed.length)
  })

  it('a strategy that always throws says why, once', async () => {
    const always = defineStrategy({
      name: 'always',
      params: { n: int(1, 9) },
      signals: () => {
        throw new Error('no luck')
      },
    })
    const system = await systemOf()
    const { code, message } = await codeOf(system.trainingManager.executeOptimizedTraining({ strategy: always }))
    expect(code).toBe('TRIAL_FAILED')
    expect(message).toContain('no luck')
  })

  it('impure signals are refused', async () => {
    let calls = 0
    const impure = defineStrategy({
      name: 'impure',
      params: { n: int(2, 9) },
      signals: ({ close }, { n }) => ({ long: close.gt(ta.sma(close, n + (calls++ % 2))) }),
    })
    const system = await systemOf()
    const { code, message } = await codeOf(system.trainingManager.executeOptimizedTraining({ strategy: impure }))
    expect(code).toBe('BAD_STRATEGY')
    expect(message).toContain('pure')
  })

  it('a space that where leaves empty is refused by enumeration', async () => {
    const empty = defineStrategy({
      name: 'empty',
      params: { a: int(1, 30), b: int(40, 60) },
      where: ({ a, b }) => a > b,
      signals: ({ close }) => ({ long: close.gt(0) }),
    })
    const system = await systemOf()
    const { code, message } = await codeOf(system.trainingManager.executeOptimizedTraining({ strategy: empty }))
    expect(code).toBe('BAD_SPACE')
    expect(message).toMatch(/630/)
  })

  it('an objective that is NaN or throws makes its trial fail, and never wins', async () => {
    const system = await systemOf()
    const objective: Objective = {
      direction: 'maximize',
      score: ([{ metrics }], params) => {
        if (Number(params.fast) > 20) return Number.NaN
        if (Number(params.fast) > 15) throw new Error('too fast')
        return metrics.totalReturn ?? 0
      },
    }
    const { trials, best } = await system.trainingManager.executeOptimizedTraining({ strategy: smaCross, objective })
    for (const { params, status, error } of trials) {
      expect(status).toBe(Number(params.fast) > 15 ? 'failed' : 'done')
      if (status === 'failed') expect(error?.code).toBe('BAD_OBJECTIVE')
    }
    expect(best.params.fast).toBeLessThanOrEqual(15)
    expect(best.value).toBe(best.metrics.totalReturn)
  })

  it('a listener that throws harms nobody', async () => {
    const system = await systemOf()
    const failures: string[] = []
    system.events.on('trial:finished', () => {
      throw new Error('listener')
    })
    system.events.on('listener:failed', ({ event }) => failures.push(event))
    const { trials } = await system.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    expect(trials).toHaveLength(40)
    expect(failures).toHaveLength(40)
  })

  it('an onProgress that throws harms nobody', async () => {
    const system = await systemOf()
    const failures: string[] = []
    system.events.on('listener:failed', ({ event }) => failures.push(event))
    const { trials } = await system.trainingManager.executeOptimizedTraining({
      strategy: smaCross,
      onProgress: () => {
        throw new Error('progress')
      },
    })
    expect(trials).toHaveLength(40)
    expect(failures.length).toBeGreaterThan(0)
  })
})

describe('several objectives', () => {
  it('give a front that no trial dominates', async () => {
    const system = await systemOf()
    const { front, trials } = await system.trainingManager.executeOptimizedTraining({
      strategy: smaCross,
      objective: {
        direction: ['maximize', 'maximize'],
        score: ([{ metrics }]) => [metrics.totalReturn ?? 0, metrics.maxDrawdown ?? 0],
      },
    })
    expect(front.length).toBeGreaterThan(0)
    for (const {
      values: [r, d],
    } of front)
      expect(trials.some(({ values }) => values[0] > r && values[1] > d)).toBe(false)
  })
})

describe('ending early', () => {
  it('stop keeps what is finished, a prefix of the same sequence', async () => {
    const system = await systemOf({ training: { trials: 100_000 } })
    const stop = new AbortController()
    const result = await system.trainingManager.executeOptimizedTraining({
      strategy: smaCross,
      stop: stop.signal,
      onProgress: ({ done }) => {
        if (done >= 30) stop.abort()
      },
    })
    expect(result.why).toBe('stopped')
    expect(result.trials.length).toBeGreaterThanOrEqual(30)
    expect(result.trials.length).toBeLessThan(100_000)
    const whole = await (
      await systemOf({ training: { trials: result.trials.length } })
    ).trainingManager.executeOptimizedTraining({
      strategy: smaCross,
    })
    expect(result.trials).toEqual(whole.trials)
  })

  it('an aborted training rejects with the reason of its signal', async () => {
    const system = await systemOf({ training: { trials: 100_000 } })
    const abort = new AbortController()
    const reason = new Error('enough')
    const work = system.trainingManager.executeOptimizedTraining({
      strategy: smaCross,
      signal: abort.signal,
      onProgress: () => abort.abort(reason),
    })
    await expect(work).rejects.toBe(reason)
  })

  it('close aborts what runs, waits for it, closes the source, and is idempotent', async () => {
    let closed = 0
    const source = { ...memoryDataSource(bars), [Symbol.asyncDispose]: async () => void closed++ }
    const system = await systemOf({ dataSource: source, training: { trials: 100_000 } })
    const begun = new Promise<void>((resolve) => system.events.on('study:started', () => resolve()))
    const work = codeOf(system.trainingManager.executeOptimizedTraining({ strategy: smaCross }))
    await begun
    await Promise.all([system.close(), system.close()])
    expect((await work).code).toBe('DISPOSED')
    expect(closed).toBe(1)
    const after = await codeOf(system.trainingManager.executeOptimizedTraining({ strategy: smaCross }))
    expect(after.code).toBe('DISPOSED')
  })
})
