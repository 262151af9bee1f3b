// What goes wrong while a sweep runs in workers: it is run again, or fails with the reason, and the pool lives on.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineIndicator, defineStrategy, type Strategy, sweep, ta } from '@tradewright/backtest'
import { contentKey, copyToShared, int } from '@tradewright/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sweepParallel, type WorkerPool, workerPool } from '../src/index.ts'
import { bundledEntries, scratchFolder } from './bundled-entries.ts'
import { type CrossParams, cross, points, walk } from './market.ts'

const bars = walk(20_000, 2)
const list = points(600)
const key = ({ metrics, plainTrials }: { metrics: object; plainTrials: number }) =>
  contentKey({ metrics: metrics as never, plainTrials })
const whole = key(sweep(cross, list, bars))

let thread: string
beforeAll(async () => {
  thread = (await bundledEntries()).thread
})

/**
 * A worker file that misbehaves in the middle of its first `times` sweeps: after a block that it did, with another that it
 * took and did not do.
 */
function badWorker(how: string, times: number): { readonly thread: string; attempts(): number } {
  const folder = scratchFolder()
  const file = join(folder, 'worker.mjs')
  const counter = join(folder, 'attempts')
  writeFileSync(counter, '')
  writeFileSync(
    file,
    `import { appendFileSync, readFileSync } from 'node:fs'
import { run as good } from ${JSON.stringify(thread)}
export async function run(message) {
  if (message.export !== 'sweep') return good(message)
  appendFileSync(${JSON.stringify(counter)}, 'x')
  if (readFileSync(${JSON.stringify(counter)}, 'utf8').length > ${times}) return good(message)
  await good({ ...message, data: { ...message.data, turnMs: 0 } })
  const { taken } = message.data.sweep
  const block = taken.indexOf(0)
  if (block >= 0) Atomics.store(taken, block, message.data.thread + 1)
  const how = ${JSON.stringify(how)}
  if (how === 'throws') throw new TypeError('bad luck')
  if (how === 'exits') process.exit(3)
  if (how === 'loops') for (;;);
  if (how === 'memory') { const kept = []; for (;;) kept.push(new Array(100_000).fill(Math.sqrt(kept.length))) }
  if (how === 'garbage') return { nonsense: true }
  if (how === 'wrong') return { tradewright: 1, status: 'done', value: 7 }
  return { tradewright: 1, status: 'done', value: { more: false } } // lies: it did not do what it took
}`,
  )
  return { thread: file, attempts: () => readFileSync(counter, 'utf8').length }
}

async function withPool<T>(
  entry: { readonly thread: string },
  run: (pool: WorkerPool) => Promise<T>,
  maxWorkers = 2,
): Promise<T> {
  const pool = workerPool({ maxWorkers, entries: entry, timeoutMs: 1500, maxHeapMb: 64 })
  try {
    return await run(pool)
  } finally {
    await pool[Symbol.asyncDispose]()
  }
}

describe('a sweep whose worker', () => {
  it.each(['throws', 'exits', 'memory', 'garbage', 'wrong', 'lies', 'loops'])(
    '%s once has the bits of one without',
    async (how) => {
      const bad = badWorker(how, 1)
      await withPool(bad, async (pool) => {
        expect(key(await sweepParallel(cross, list, bars, { pool }))).toBe(whole)
        expect(bad.attempts()).toBeGreaterThan(1)
        if (how !== 'lies') expect(pool.stats().retried).toBe(1)
        expect(key(await sweepParallel(cross, list, bars, { pool }))).toBe(whole)
        expect(pool.stats().workers).toBe(2)
      })
    },
  )

  it.each([
    ['throws', 'TASK_FAILED'],
    ['exits', 'TASK_FAILED'],
    ['memory', 'OUT_OF_MEMORY'],
    ['garbage', 'TASK_FAILED'],
    ['lies', 'TASK_FAILED'],
  ])('%s always fails with the reason, and the pool lives on', async (how, code) => {
    await withPool(badWorker(how, 1e9), async (pool) => {
      await expect(sweepParallel(cross, list, bars, { pool })).rejects.toMatchObject({ code })
      expect(await pool.run({ module: 'tradewright:', export: 'ping', data: undefined })).toBeGreaterThan(0)
    })
  })
})

describe('a sweep in workers', () => {
  let pool: WorkerPool
  beforeAll(() => {
    pool = workerPool({ maxWorkers: 2, entries: { thread } })
  })
  afterAll(() => pool[Symbol.asyncDispose]())

  it('is aborted in the middle with the reason, and the next one is whole', async () => {
    const long = walk(200_000, 3)
    for (const afterMs of [0, 5, 40]) {
      const controller = new AbortController()
      const running = sweepParallel(cross, list, long, { pool, signal: controller.signal })
      const timer = setTimeout(() => controller.abort(new Error(`enough after ${afterMs}`)), afterMs)
      await expect(running).rejects.toThrow(`enough after ${afterMs}`)
      clearTimeout(timer)
    }
    expect(key(await sweepParallel(cross, list, bars, { pool }))).toBe(whole)
  })

  it('ends with the pool that is closed under it', async () => {
    const own = workerPool({ maxWorkers: 2, entries: { thread } })
    await own.start()
    const running = sweepParallel(cross, list, walk(200_000, 3), { pool: own })
    running.catch(() => undefined)
    await new Promise((next) => setTimeout(next, 60))
    await own[Symbol.asyncDispose]()
    await expect(running).rejects.toMatchObject({ code: 'DISPOSED' })
    await expect(sweepParallel(cross, list, bars, { pool: own })).rejects.toMatchObject({ code: 'DISPOSED' })
  })

  it('shares a pool with others, also while one of its workers is busy', async () => {
    const other = walk(20_000, 9)
    const busy = pool.run({
      module: new URL('tasks/tasks.mjs', import.meta.url).href,
      export: 'slow',
      data: { ms: 1500, n: 5 },
    })
    const [a, b, c] = await Promise.all([
      sweepParallel(cross, list, bars, { pool }),
      sweepParallel(cross, list, other, { pool }),
      sweepParallel(cross, list, bars, { pool, engine: 'plain', end: 17_000 }),
    ])
    expect([key(a), key(b), key(c)]).toEqual([
      whole,
      key(sweep(cross, list, other)),
      key(sweep(cross, list, bars, { engine: 'plain', end: 17_000 })),
    ])
    expect(await busy).toBe(5)
  })

  it('binds in this thread: what throws there is thrown as sweep throws it', async () => {
    const params = { fast: int(2, 40) }
    const odd: Strategy<{ fast: number }> = defineStrategy({
      name: 'odd',
      params,
      signals: ({ close }, { fast }) => {
        if (fast === 33) throw new Error('thirty-three')
        return { entry: ta.sma(close, fast).gt(close) }
      },
    })
    const all = Array.from({ length: 2000 }, (_, k) => ({ fast: 2 + (k % 39) }))
    const said = (error: unknown): unknown => (error as Error).message
    const here = (() => {
      try {
        return sweep(odd, all, bars)
      } catch (error) {
        return said(error)
      }
    })()
    expect(here).toContain('thirty-three')
    expect(await sweepParallel(odd, all, bars, { pool }).catch(said)).toBe(here)
  })

  it.each(['fast', 'kernels', 'plain'] as const)('gives the bits of the %s form', async (engine) => {
    const some = engine === 'plain' ? list.slice(0, 520) : list
    const options = { engine, direction: 'long', feeBps: 3, fixedFee: engine === 'fast' ? 1 : 0 } as const
    expect(key(await sweepParallel(cross, some, bars, { ...options, pool }))).toBe(
      key(sweep(cross, some, bars, options)),
    )
  })

  it('takes kernels of modules along, and stays here with closures, which it says', async () => {
    const make = (name: string, module: string | undefined) => {
      const range = defineIndicator({
        name,
        version: '1',
        module,
        export: 'range',
        kernel: { compute: ([high, low]) => high.map((h, i) => h - low[i]) },
      })
      return defineStrategy({
        name,
        params: { fast: int(2, 600) },
        signals: ({ close, high, low }, { fast }) => ({
          entry: ta
            .sma(close, fast)
            .add(range([high, low]))
            .gt(close),
        }),
      })
    }
    const module = new URL('tasks/range-kernel.mjs', import.meta.url).href
    const all = Array.from({ length: 550 }, (_, k) => ({ fast: 2 + k }))
    const warnings: string[] = []
    for (const strategy of [make('range', module), make('closure', undefined)]) {
      const { done } = pool.stats()
      const together = await sweepParallel(strategy, all, bars, {
        pool,
        onWarning: ({ message }) => warnings.push(message),
      })
      expect(key(together)).toBe(key(sweep(strategy, all, bars)))
      expect(pool.stats().done > done).toBe(strategy.name === 'range')
    }
    expect(warnings).toEqual([expect.stringContaining('give defineIndicator its module')])
  })

  it('reads bars where they lie, and sees what was written to them between two sweeps', async () => {
    for (const own of [walk(20_000, 4), copyToShared(walk(20_000, 5))]) {
      const first = key(await sweepParallel(cross, list, own, { pool }))
      expect(first).toBe(key(sweep(cross, list, own)))
      expect(key(await sweepParallel(cross, list, own, { pool }))).toBe(first)
      own.close.fill(own.close[9000], 9000, 9100)
      own.low.fill(own.low[9000] / 2, 9000, 9100)
      const second = key(await sweepParallel(cross, list, own, { pool }))
      expect(second).toBe(key(sweep(cross, list, own)))
      expect(second).not.toBe(first)
    }
  })

  it('refuses numbers of workers that cannot be, and lists that are none', async () => {
    for (const maxWorkers of [0, -1, 1.5, Number.NaN, 1e9])
      await expect(sweepParallel(cross, list.slice(0, 1), bars, { maxWorkers })).rejects.toMatchObject({
        code: 'BAD_OPTION',
      })
    await expect(sweepParallel(cross, undefined as unknown as CrossParams[], bars, { pool })).rejects.toMatchObject({
      code: 'BAD_OPTION',
    })
    expect((await sweepParallel(cross, list.slice(0, 1), bars, { pool })).length).toBe(1)
  })
})
