import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEvaluate, defineStrategy, ta } from '@tradewright/backtest'
import { type Bars, contentKey, createBars, createManualClock, createRng, int } from '@tradewright/core'
import { tableFromIPC } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { precompute, sharedIndicatorStore, sharedOnDemand } from '../src/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

const key = (i: number): string => contentKey(['node', i])
const data = contentKey('data')
const column = (i: number, length = 100): Float64Array =>
  Float64Array.from({ length }, (_, k) => (k < 3 ? Number.NaN : i + k / 7))

function walk(length: number): Bars {
  const rng = createRng(3, 0)
  let price = 100
  const close = Array.from({ length }, () => {
    price *= Math.exp(0.01 * rng.normal())
    return price
  })
  return createBars({
    timestamp: close.map((_, i) => i * 3_600_000),
    open: close,
    high: close,
    low: close,
    close,
    volume: close.map(() => 1),
    timeframe: '1h',
    calendar: 'crypto',
  })
}

const cross = defineStrategy({
  name: 'cross',
  params: { fast: int(2, 20), slow: int(21, 40) },
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
})

describe('shared indicator store', () => {
  it('keeps columns in shared memory, the most recently used within its bytes', async () => {
    const store = await sharedIndicatorStore({ maxBytes: 800 * 3 })
    for (let i = 0; i < 3; i++) store.put(key(i), data, column(i))
    expect(store.get(key(0), data)?.buffer).toBeInstanceOf(SharedArrayBuffer)
    store.put(key(3), data, column(3))
    expect([0, 1, 2, 3].map((i) => store.get(key(i), data) !== undefined)).toEqual([true, false, true, true])
    expect(store.stats()).toMatchObject({ columns: 3, bytes: 2400, evicted: 1, hits: 4, misses: 1 })
    expect(store.get(key(0), contentKey('other'))).toBeUndefined()
  })

  it('on demand: columns go into shared memory when workers ask, and their cost is measured', () => {
    const clock = createManualClock()
    const store = sharedOnDemand({ clock })
    const own = column(1)
    expect(store.get(key(1), data)).toBeUndefined()
    clock.advance(4)
    store.put(key(1), data, own)
    clock.advance(2)
    store.put(key(2), data, column(2)) // of the same batch
    expect(store.get(key(1), data)).toBe(own)
    const { columns } = store.since(0)
    expect(columns.map((c) => c.column.buffer instanceof SharedArrayBuffer)).toEqual([true, true])
    const mine = columns.find(({ node }) => node === key(1))?.column
    expect(store.get(key(1), data)).toBe(mine)
    expect(store.get(key(1), data)).toEqual(own)
    expect(store.since(2).columns).toEqual([])
    expect(store.stats()).toMatchObject({ columnMs: 3, hits: 3, savedMs: 9 })
    store.put(key(3), data, columns[0].column) // a worker computed it: that cost nothing here
    expect(store.stats().columnMs).toBe(3)
  })

  it('hands on what came since', async () => {
    const store = await sharedIndicatorStore()
    store.put(key(1), data, column(1))
    const first = store.since(0)
    store.put(key(2), data, column(2))
    const second = store.since(first.version)
    expect(first.columns.map((c) => c.node)).toEqual([key(1)])
    expect(second.columns.map((c) => c.node)).toEqual([key(2)])
    expect(second.columns[0].column).toEqual(column(2))
    expect(store.since(second.version).columns).toEqual([])
  })

  it('spills what has no room to Arrow files that anybody can read, and takes it back to the last bit', async () => {
    const directory = temporaryFolder()
    const store = await sharedIndicatorStore({ maxBytes: 1600, spill: { directory } })
    for (let i = 0; i < 5; i++) store.put(key(i), data, column(i))
    expect(store.stats()).toMatchObject({ columns: 2, spilled: 3, restored: 0 })
    const folder = join(directory, readdirSync(directory)[0])
    const table = tableFromIPC(readFileSync(join(folder, `${key(0)}${data}.arrow`)))
    expect(table.getChild('value')?.toArray()).toEqual(column(0))
    for (let i = 0; i < 5; i++) expect(contentKey(store.get(key(i), data)?.slice())).toBe(contentKey(column(i)))
    expect(store.stats()).toMatchObject({ hits: 5, misses: 0, restored: 5 })
    const again = await sharedIndicatorStore({ maxBytes: 1600, spill: { directory } })
    expect(again.get(key(0), data)).toEqual(column(0))
    const other = await sharedIndicatorStore({ spill: { directory }, engineVersion: 'another' })
    expect(other.get(key(0), data)).toBeUndefined()
  })

  it('takes a damaged file for a miss', async () => {
    const directory = temporaryFolder()
    const store = await sharedIndicatorStore({ maxBytes: 800, spill: { directory } })
    for (let i = 0; i < 3; i++) store.put(key(i), data, column(i))
    const folder = join(directory, readdirSync(directory)[0])
    const file = join(folder, `${key(0)}${data}.arrow`)
    const bytes = readFileSync(file)
    bytes[bytes.indexOf(Buffer.from(column(0).slice(3, 5).buffer))] ^= 1
    writeFileSync(file, bytes)
    expect(store.get(key(0), data)).toBeUndefined()
    writeFileSync(join(folder, `${key(1)}${data}.arrow`), 'nothing')
    expect(store.get(key(1), data)).toBeUndefined()
    expect(store.stats().spillFailures).toBe(2)
  })

  it('keeps the disk within its bytes', async () => {
    const directory = temporaryFolder()
    const store = await sharedIndicatorStore({ maxBytes: 800, spill: { directory, maxBytes: 6000 } })
    for (let i = 0; i < 20; i++) store.put(key(i), data, column(i))
    expect(store.stats().spilledBytes).toBeLessThanOrEqual(6000)
    expect(store.get(key(18), data)).toEqual(column(18))
    expect(store.get(key(0), data)).toBeUndefined()
  })

  it('refuses options that break their rule', async () => {
    await expect(sharedIndicatorStore({ maxBytes: 0 })).rejects.toMatchObject({ code: 'BAD_OPTION' })
  })
})

describe('precompute', () => {
  it('fills the store for a whole grid: a sweep afterwards computes no indicator', async () => {
    const bars = walk(500)
    const store = await sharedIndicatorStore()
    const report = await precompute(cross, { bars, store })
    expect(report).toMatchObject({ points: 19 * 20, columns: 39, bytes: 39 * 500 * 8 })
    expect(report.run).toBeLessThanOrEqual(39)
    const points = [...cross.space.enumerate()]
    const run = (indicators?: typeof store) =>
      createEvaluate({ resolve: () => bars, ...(indicators === undefined ? {} : { indicators }) })({
        trials: cross.bind(points).map((program, id) => ({ id, program })),
        slices: [
          { id: 'a', symbol: '', data: bars.fingerprint, warmupStart: 0, start: 0, end: 500, weight: 1, final: true },
        ],
        simulation: {},
        want: { state: false, returns: false, metrics: 'standard' },
        signal: new AbortController().signal,
      })
    const before = store.stats()
    const answers = await run(store)
    const after = store.stats()
    expect(after.misses - before.misses).toBe(0)
    expect(after.columns).toBe(39)
    expect(after.savedMs).toBeGreaterThan(0)
    const slices = (all: typeof answers) => all.map((e) => e.status === 'done' && e.slices)
    expect(contentKey(slices(answers))).toBe(contentKey(slices(await run())))
  })

  it('takes points for spaces that are no grid', async () => {
    const bars = walk(300)
    const store = await sharedIndicatorStore()
    expect(await precompute(cross, { bars, store, points: [{ fast: 3, slow: 30 }] })).toMatchObject({
      points: 1,
      run: 1,
      columns: 2,
    })
  })
})
