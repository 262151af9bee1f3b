import { defineIndicator, defineStrategy } from '@tradewright/backtest'
import {
  composeOnion,
  contentKey,
  createEvents,
  createIndicatorStore,
  type Data,
  type Evaluate,
  type Evaluation,
  inlineTaskPool,
  int,
  type Optimizer,
  systemClock,
} from '@tradewright/core'
import { optimizerContract } from '@tradewright/core/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type WorkerPool, type WorkerRunnerOptions, workerPool, workerRunner } from '../src/index.ts'
import { BarsLender, SentBars } from '../src/lent-bars.ts'
import type { SharedColumn } from '../src/sharing-store.ts'
import { bundledEntries } from './bundled-entries.ts'
import { engineOf, requestOf, walk } from './market.ts'

const bars = walk(3000, 1)
const resolve: WorkerRunnerOptions['resolve'] = (fingerprint) => (fingerprint === bars.fingerprint ? bars : undefined)

const content = (answers: readonly Evaluation[]): string => contentKey(answers.map(({ cost: _, ...rest }) => rest))
const through = (optimizer: Optimizer, engine: Evaluate): Evaluate =>
  composeOnion([optimizer], { suggest: async () => [], schedule: async () => [], evaluate: engine }).evaluate

/** A store as the host has one: columns by the order in which they came. */
function sharedStore() {
  const columns: SharedColumn[] = []
  return {
    columns,
    since: (version: number) => ({ version: columns.length, columns: columns.slice(version) }),
    put: (node: string, data: string, column: Float64Array) => void columns.push({ node, data, column }),
  }
}

describe('worker runner', () => {
  let pool: WorkerPool
  let entries: Awaited<ReturnType<typeof bundledEntries>>
  beforeAll(async () => {
    entries = await bundledEntries()
    pool = workerPool({ maxWorkers: 2, entries })
    await pool.start()
  })
  afterAll(() => pool[Symbol.asyncDispose]())

  optimizerContract({ make: () => workerRunner({ resolve, pool }) })

  const wants = [
    { state: false, returns: false, metrics: 'standard' },
    { state: false, returns: false, metrics: ['sharpe', 'trades'] },
    { state: true, returns: true, metrics: 'all' },
  ] as const

  it.each(['fast', 'plain'] as const)('gives the bits of the %s engine in line, whatever is asked', async (engine) => {
    const runner = workerRunner({ resolve, pool, engine, minBatchMs: 0.01, always: true, maxBatchMs: 1 })
    for (const want of wants) {
      const asked = requestOf(bars, 60, { want })
      expect(content(await through(runner, engineOf([bars], engine))(asked))).toBe(
        content(await engineOf([bars], engine)(asked)),
      )
    }
    expect(runner.stats().remoteTrials).toBeGreaterThanOrEqual(170)
    expect(runner.stats().batches).toBeGreaterThan(6)
  })

  it.each([1, 2, 7])('gives the same bits with %i workers', async (maxWorkers) => {
    const own = workerPool({ maxWorkers, entries })
    const runner = workerRunner({ resolve, pool: own, minBatchMs: 0.01, always: true, maxBatchMs: 2 })
    const asked = requestOf(bars, 120)
    expect(content(await through(runner, engineOf([bars], 'fast'))(asked))).toBe(
      content(await engineOf([bars], 'fast')(asked)),
    )
    expect(runner.stats().workers).toBe(maxWorkers)
    await own[Symbol.asyncDispose]()
  })

  it('gives the same bits in child processes', async () => {
    const runner = workerRunner({
      resolve,
      entries,
      maxWorkers: 2,
      isolation: 'process',
      minBatchMs: 0.01,
      always: true,
    })
    const asked = requestOf(bars, 60)
    expect(content(await through(runner, engineOf([bars], 'fast'))(asked))).toBe(
      content(await engineOf([bars], 'fast')(asked)),
    )
    expect(runner.stats().remoteTrials).toBe(56)
    await runner[Symbol.asyncDispose]?.()
  })

  it('sends bars to a child process once, then by name', () => {
    const sent = new SentBars()
    const lent = new BarsLender().lend(bars)
    const others = Array.from({ length: 64 }, (_, i) => ({ ...lent, fingerprint: `${i}` }))
    const columns = (data: unknown): number => (data as { bars: { columns: unknown[] }[] }).bars[0].columns.length
    expect(columns(sent.lean({ bars: [lent] } as unknown as Data))).toBe(6)
    expect(columns(sent.lean({ bars: [lent] } as unknown as Data))).toBe(0)
    expect(sent.bytes).toBe(3000 * 6 * 8)
    for (const other of others) sent.lean({ bars: other } as unknown as Data)
    expect(columns(sent.lean({ bars: [lent] } as unknown as Data))).toBe(6)
    expect(sent.lean(7)).toBe(7)
  })

  it('gives answers in trial order, in whatever order the workers finish', async () => {
    const order = [3, 0, 2, 1]
    const waiting: (() => void)[] = []
    let seen = 0
    const shuffled: WorkerPool = {
      ...pool,
      size: 2,
      start: () => pool.start(),
      stats: () => pool.stats(),
      async run(task, options) {
        const place = seen++ % 4
        const value = await pool.run(task, options)
        await new Promise<void>((go) => {
          waiting[place] = go
          if (waiting.filter(Boolean).length === 4) for (const i of order) waiting[i]()
        })
        return value
      },
    }
    const runner = workerRunner({ resolve, pool: shuffled, minBatchMs: 0.001, always: true, maxBatchMs: 100_000 })
    const asked = requestOf(bars, 64)
    const answers = await through(runner, engineOf([bars], 'fast'))(asked)
    expect(seen).toBe(4)
    expect(answers.map(({ id }) => id)).toEqual(asked.trials.map(({ id }) => id))
    expect(content(answers)).toBe(content(await engineOf([bars], 'fast')(asked)))
  })

  it('copies a series into shared memory once, and never when it lies there', async () => {
    const runner = workerRunner({ resolve, pool, minBatchMs: 0.01, always: true, maxBatchMs: 1 })
    for (let i = 0; i < 3; i++) await through(runner, engineOf([bars], 'fast'))(requestOf(bars, 40))
    expect(runner.stats().batches).toBeGreaterThan(6)
    expect(runner.stats().copiedBytes).toBe(3000 * 6 * 8)
  })

  it('continues from states in workers as in line', async () => {
    const runner = workerRunner({ resolve, pool, engine: 'plain', minBatchMs: 0.01, always: true })
    const evaluate = through(runner, engineOf([bars], 'plain'))
    const want = { state: true, returns: false, metrics: 'standard' } as const
    const asked = requestOf(bars, 20, { want })
    const short = asked.slices.map((s) => ({ ...s, end: s.end - 500, final: false }))
    const first = await evaluate({ ...asked, slices: short })
    const trials = asked.trials.map((trial, i) => {
      const { [i]: answer } = first
      return { ...trial, resume: answer.status === 'done' ? answer.slices.map(({ state }) => state) : [] }
    })
    const second = await evaluate({ ...asked, trials })
    expect(second.every(({ cost }) => cost.bars === 2 * 501)).toBe(true)
    expect(content(second)).toBe(content(await engineOf([bars], 'plain')(asked)))
  })

  it('runs small work in line, and measures its cost', async () => {
    const runner = workerRunner({ resolve, pool, minBatchMs: 60_000 })
    await through(runner, engineOf([bars], 'fast'))(requestOf(bars, 30))
    expect(runner.stats()).toMatchObject({ batches: 0, inlineTrials: 30 })
    expect(runner.stats().msPerMillionBars).toBeGreaterThan(0)
  })

  it('gives workers the columns that the host has in shared memory', async () => {
    const node = 'a'.repeat(32)
    const sent: number[] = []
    const column = new Float64Array(new SharedArrayBuffer(80))
    const indicators = {
      since(version: number) {
        sent.push(version)
        return { version: 7, columns: version < 7 ? [{ node, data: bars.fingerprint, column }] : [] }
      },
    }
    const single = workerPool({ maxWorkers: 1, entries })
    const runner = workerRunner({ resolve, pool: single, indicators, minBatchMs: 0.01, always: true })
    for (let i = 0; i < 3; i++) await through(runner, engineOf([bars], 'fast'))(requestOf(bars, 10 + i))
    expect(sent[0]).toBe(0)
    expect(sent.at(-1)).toBe(7)
    await single[Symbol.asyncDispose]()
  })

  it('computes a costly column in one worker for all', async () => {
    const slow = defineIndicator({
      name: 'slow-range',
      version: '1',
      module: new URL('tasks/slow-kernel.mjs', import.meta.url).href,
      export: 'slowRange',
      kernel: { compute: ([high, low]) => high.map((h, i) => h - low[i]) },
    })
    const strategy = defineStrategy({
      name: 'slow',
      params: { k: int(1, 400) },
      signals: ({ high, low, close }, { k }) => ({
        entry: slow([high, low]).gt(close.mul(0.00001 * k)),
        exit: slow([high, low]).lt(close.mul(0.000005 * k)),
      }),
    })
    const store = sharedStore()
    const single = workerPool({ maxWorkers: 1, entries })
    const programs = strategy.bind(Array.from({ length: 200 }, (_, k) => ({ k: k + 1 })))
    const trials = programs.map((program, id) => ({ id, program }))
    const asked = { ...requestOf(bars, 1), trials, slices: requestOf(bars, 1).slices.slice(0, 1) }
    const first = workerRunner({ resolve, pool: single, indicators: store, minBatchMs: 0.01, always: true })
    const answers = await through(first, engineOf([bars], 'fast'))(asked)
    expect(first.stats().sharedColumns).toBe(1)
    expect(store.columns.length).toBe(1)
    expect(store.columns[0].column.buffer).toBeInstanceOf(SharedArrayBuffer)
    // A worker that has just come takes it from there.
    const fresh = workerPool({ maxWorkers: 1, entries })
    const second = workerRunner({ resolve, pool: fresh, indicators: store, minBatchMs: 0.01, always: true })
    expect(content(await through(second, engineOf([bars], 'fast'))(asked))).toBe(content(answers))
    expect(second.stats().sharedColumns).toBe(0)
    await single[Symbol.asyncDispose]()
    await fresh[Symbol.asyncDispose]()
  })

  it('runs closures in line and says so once; kernels of modules go along', async () => {
    const closure = defineIndicator({
      name: 'range-closure',
      version: '1',
      kernel: { compute: ([high, low]) => high.map((h, i) => h - low[i]) },
    })
    const module = new URL('tasks/range-kernel.mjs', import.meta.url).href
    const shipped = defineIndicator({
      name: 'range',
      version: '1',
      module,
      export: 'range',
      kernel: { compute: ([high, low]) => high.map((h, i) => h - low[i]) },
    })
    const warnings: string[] = []
    const events = createEvents()
    events.on('warning:raised', ({ message }) => warnings.push(message))
    const answers: string[] = []
    for (const indicator of [closure, shipped]) {
      const strategy = defineStrategy({
        name: 'wide',
        params: {},
        signals: ({ high, low, close }) => ({
          entry: indicator([high, low]).gt(close.mul(0.003)),
          exit: indicator([high, low]).lt(close.mul(0.0015)),
        }),
      })
      const runner = workerRunner({ resolve, pool, minBatchMs: 0.001, always: true })
      await runner.setup?.({
        cache: undefined,
        tasks: inlineTaskPool(),
        indicators: createIndicatorStore(),
        profiler: undefined,
        events,
        config: {},
        logger: { debug() {}, info() {}, warn() {} },
        clock: systemClock,
      })
      const programs = strategy.bind(Array.from({ length: 12 }, () => ({})))
      const asked = { ...requestOf(bars, 1), trials: programs.map((program, id) => ({ id, program })) }
      for (let i = 0; i < 2; i++) answers.push(content(await through(runner, engineOf([bars], 'fast'))(asked)))
      expect(runner.stats().remoteTrials).toBe(indicator === closure ? 0 : 20)
    }
    expect(new Set(answers).size).toBe(1)
    expect(warnings.length).toBe(1)
    expect(warnings[0]).toContain('defineIndicator')
  })

  it('an abort answers at once; what runs is let finish, and the pool is as it was', async () => {
    const runner = workerRunner({ resolve, pool, minBatchMs: 0.01, always: true, maxBatchMs: 50 })
    const evaluate = through(runner, engineOf([bars], 'plain'))
    await evaluate(requestOf(bars, 8))
    // Of several, since a machine that others use may take a turn of its own: bench/abort.bench.ts gives the worst.
    const times: number[] = []
    for (const afterMs of [0, 10, 30, 60, 100]) {
      const controller = new AbortController()
      const running = evaluate(requestOf(bars, 3000, { signal: controller.signal }))
      let asked = 0
      setTimeout(() => {
        asked = performance.now()
        controller.abort(new Error('enough'))
      }, afterMs)
      await expect(running).rejects.toThrow('enough')
      times.push(performance.now() - asked)
    }
    expect(times.sort((a, b) => a - b)[2]).toBeLessThan(200)
    expect((await evaluate(requestOf(bars, 20))).length).toBe(20)
    expect(pool.stats().workers).toBe(2)
  })

  it('a batch that fails twice gives failed trials with the reason; nothing else is lost', async () => {
    let calls = 0
    const half: WorkerPool = {
      ...pool,
      size: 2,
      start: () => pool.start(),
      stats: () => pool.stats(),
      run: (task, options) =>
        calls++ === 0 ? pool.run({ ...task, data: 'garbage' as Data }, options) : pool.run(task, options),
    }
    const runner = workerRunner({ resolve, pool: half, minBatchMs: 0.001, always: true, maxBatchMs: 1000 })
    const asked = requestOf(bars, 40)
    const answers = await through(runner, engineOf([bars], 'fast'))(asked)
    const failed = answers.filter(({ status }) => status === 'failed')
    expect(failed.length).toBe(runner.stats().failedTrials)
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.length).toBeLessThan(40)
    const plain = await engineOf([bars], 'fast')(asked)
    const whole = answers.filter(({ status }) => status === 'done')
    expect(content(whole)).toBe(content(plain.filter(({ id }) => whole.some((w) => w.id === id))))
  })

  it('trials of bars that nobody has are refused as in line', async () => {
    const runner = workerRunner({ resolve: () => undefined, pool, minBatchMs: 0.001, always: true })
    await expect(through(runner, engineOf([], 'fast'))(requestOf(bars, 30))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  it('goes on in line where workers cannot start, and says so', async () => {
    const warnings: string[] = []
    const runner = workerRunner({
      resolve,
      entries: { thread: '/nowhere.mjs' },
      minBatchMs: 0.001,
      always: true,
      onWarning: ({ message }) => warnings.push(message),
    })
    const asked = requestOf(bars, 30)
    expect(content(await through(runner, engineOf([bars], 'fast'))(asked))).toBe(
      content(await engineOf([bars], 'fast')(asked)),
    )
    expect(warnings.length).toBe(1)
    await runner[Symbol.asyncDispose]?.()
  })
})
