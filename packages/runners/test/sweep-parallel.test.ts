import { bindList, sweep } from '@tradewright/backtest'
import { contentKey } from '@tradewright/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sweepParallel, type WorkerPool, workerPool } from '../src/index.ts'
import { fitsWorker, sharesMuch, sharingOrder } from '../src/sweep-order.ts'
import { bundledEntries } from './bundled-entries.ts'
import { type CrossParams, cross, points, walk } from './market.ts'

describe('sweepParallel', () => {
  const bars = walk(20_000, 2)
  const list = points(600)
  let pool: WorkerPool
  let entries: Awaited<ReturnType<typeof bundledEntries>>
  beforeAll(async () => {
    entries = await bundledEntries()
    pool = workerPool({ maxWorkers: 2, entries })
  })
  afterAll(() => pool[Symbol.asyncDispose]())

  it.each([1, 2, 7])('gives the columns of sweep to the last bit with %i workers', async (maxWorkers) => {
    const own = maxWorkers === 2 ? pool : workerPool({ maxWorkers, entries })
    const options = { feeBps: 3, start: 200 }
    const alone = sweep(cross, list, bars, options)
    const before = own.stats().done
    const together = await sweepParallel(cross, list, bars, { ...options, pool: own })
    expect(own.stats().done - before).toBeGreaterThan(0)
    expect(contentKey(together.metrics)).toBe(contentKey(alone.metrics))
    expect(together.plainTrials).toBe(alone.plainTrials)
    expect(together.topK(5)).toEqual(alone.topK(5))
    if (own !== pool) await own[Symbol.asyncDispose]()
  })

  it('takes a list whose indicators repeat as it stands, part by part, with the same columns', async () => {
    const grid: CrossParams[] = []
    for (let fast = 2; fast < 32; fast++)
      for (let slow = 41; slow < 71; slow++) grid.push({ fast, slow, stop: 0.01 + 0.001 * (fast % 3) })
    expect(sharesMuch(bindList(cross, grid))).toBe(true)
    expect(sharesMuch(bindList(cross, list))).toBe(false)
    const together = await sweepParallel(cross, grid, bars, { pool, feeBps: 3 })
    expect(contentKey(together.metrics)).toBe(contentKey(sweep(cross, grid, bars, { feeBps: 3 }).metrics))
    const bad = [...grid, { fast: 999, slow: 50, stop: 0.1 }]
    await expect(sweepParallel(cross, bad, bars, { maxWorkers: 2 })).rejects.toMatchObject({ code: 'BAD_OPTION' })
  })

  it('cuts the list so that workers share few indicators', () => {
    const order = sharingOrder(bindList(cross, list))
    expect([...order].sort((a, b) => a - b)).toEqual(list.map((_, i) => i))
    const columns = (part: ArrayLike<number>) =>
      new Set(Array.from(part).flatMap((i) => [`s${list[i].slow}`, `f${list[i].fast}`])).size
    const halves = (o: Uint32Array) => columns(o.slice(0, 300)) + columns(o.slice(300))
    const plain = halves(Uint32Array.from(list, (_, i) => i))
    expect(plain).toBeGreaterThan(220)
    expect(halves(order)).toBeLessThan(165)
  })

  it('is left to this thread where its columns fit no worker', () => {
    const bound = bindList(cross, list)
    // Averages, and one rsi and one atr that all share.
    const columns = new Set(list.flatMap(({ fast, slow }) => [`f${fast}`, `s${slow}`])).size + 2
    const most = Math.floor(2 ** 30 / (8 * columns))
    expect(fitsWorker(bound, most)).toBe(true)
    expect(fitsWorker(bound, most + 1)).toBe(false)
  })

  it('computes only the metrics asked for', async () => {
    const { metrics } = await sweepParallel(cross, list, bars, { pool, metrics: ['sharpe', 'trades'] })
    expect(Object.keys(metrics)).toEqual(['sharpe', 'trades'])
    expect(metrics.sharpe.length).toBe(600)
  })

  it('stays in this thread for little work, an empty list, and where workers cannot start', async () => {
    const { done } = pool.stats()
    expect((await sweepParallel(cross, [], bars, { pool })).length).toBe(0)
    expect((await sweepParallel(cross, points(10), bars, { pool })).length).toBe(10)
    expect(pool.stats().done).toBe(done)
    const dead = workerPool({ entries: { thread: '/nowhere.mjs' } })
    const some = points(520)
    expect(contentKey((await sweepParallel(cross, some, bars, { pool: dead })).metrics)).toBe(
      contentKey(sweep(cross, some, bars).metrics),
    )
    await dead[Symbol.asyncDispose]()
  })

  it('refuses what sweep refuses', async () => {
    await expect(sweepParallel(cross, list, bars, { pool, end: 1e9 })).rejects.toMatchObject({ code: 'BAD_OPTION' })
    await expect(
      sweepParallel(cross, [...list, { fast: 999, slow: 50, stop: 0.1 }], bars, { pool }),
    ).rejects.toMatchObject({ code: 'BAD_OPTION' })
    await expect(
      sweepParallel(cross, list, bars, { pool, signal: AbortSignal.abort(new Error('off')) }),
    ).rejects.toThrow('off')
  })
})
