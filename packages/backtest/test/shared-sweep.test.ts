// A sweep in shared memory: whoever runs which of its blocks, in whatever order, the columns are those of `sweep`.
import { contentKey, createRng, float, int } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bindList,
  defineIndicator,
  defineStrategy,
  freeBlocks,
  isPortable,
  isSwept,
  joinSweep,
  sharedColumns,
  shareSweep,
  sweep,
  ta,
} from '../src/index.ts'
import { randomBars } from './arbitraries.ts'

const bars = randomBars(3, 900)
const strategy = defineStrategy({
  name: 'cross',
  params: { fast: int(2, 30), slow: int(5, 60), stop: float(0.01, 0.2) },
  signals: ({ close }, { fast, slow }) => {
    const entry = ta.sma(close, fast).crossesAbove(ta.ema(close, slow))
    const exit = ta.sma(close, fast).crossesBelow(ta.ema(close, slow))
    return fast % 5 === 0
      ? { long: ta.sma(close, fast).gt(ta.ema(close, slow)) }
      : fast % 3 === 0
        ? { entry }
        : { entry, exit }
  },
  simulate: (_columns, { stop, fast }) =>
    fast % 2 === 0
      ? { stopLoss: stop, takeProfit: { distance: ta.atr(9).mul(4 + stop) }, metrics: ['sharpe', 'trades'] }
      : stop > 0.15
        ? { trailingStop: stop } // left to the plain form
        : {},
})
const rng = createRng(11)
const list = Array.from({ length: 150 }, () => strategy.space.sample(rng))
const bound = bindList(strategy, list)
const never = { stop: () => false }

describe('a sweep in shared memory', () => {
  const expected = (options: Parameters<typeof sweep>[3]) => {
    const { metrics, plainTrials } = sweep(strategy, list, bars, { barsPerYear: 365, ...options })
    return contentKey({ metrics, plainTrials })
  }

  it('gives the columns of sweep whoever runs which block, and after any stop', async () => {
    const whole = expected({ feeBps: 3 })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.tuple(fc.nat(6), fc.integer({ min: 1, max: 40 })), { maxLength: 12 }),
        fc.boolean(),
        async (threads, turns, shuffled) => {
          const order = shuffled ? Uint32Array.from(list, (_, k) => (k * 37) % list.length) : undefined
          const shared = shareSweep(bound, bars, { barsPerYear: 365, feeBps: 3 }, { threads, order })
          for (const [thread, blocks] of turns) {
            let left = blocks
            await joinSweep(structuredClone(shared), bars, { thread: thread % threads, stop: () => --left === 0 })
          }
          await joinSweep(shared, bars, { thread: 0, ...never })
          expect(contentKey(sharedColumns(shared))).toBe(whole)
        },
      ),
      { numRuns: 25, seed: 5 },
    )
  })

  it.each(['fast', 'kernels', 'plain'] as const)('in the %s form, of part of the bars', async (engine) => {
    const options = { engine, barsPerYear: 365, warmupStart: 10, start: 100, end: 800, final: false } as const
    const shared = shareSweep(bound, bars, options, { threads: 2 })
    await Promise.all([0, 1].map((thread) => joinSweep(shared, bars, { thread, ...never })))
    expect(contentKey(sharedColumns(shared))).toBe(expected(options))
  })

  it('runs again what a thread had taken and not done', async () => {
    const options = { barsPerYear: 365 }
    const shared = shareSweep(bound, bars, options, { threads: 2 })
    for (const block of [0, 3, 40]) shared.taken[block] = 2 // thread 1 took them and died
    await joinSweep(shared, bars, { thread: 0, ...never })
    expect(isSwept(shared)).toBe(false)
    expect(() => sharedColumns(shared)).toThrow('[TASK_FAILED]')
    await joinSweep(shared, bars, { thread: 1, ...never })
    expect(contentKey(sharedColumns(shared))).toBe(expected(options))
    const lost = shareSweep(bound, bars, options, { threads: 2 })
    lost.taken.fill(1, 5, 20)
    await joinSweep(lost, bars, { thread: 1, ...never })
    freeBlocks(lost)
    await joinSweep(lost, bars, { thread: 1, ...never })
    expect(contentKey(sharedColumns(lost))).toBe(expected(options))
    const refused = shareSweep(bound, bars, options, { threads: 2 })
    freeBlocks(refused, true)
    expect(await joinSweep(refused, bars, { thread: 0, ...never })).toBe(false)
    expect(refused.done.some((done) => done !== 0)).toBe(false)
  })

  it('sees prices that were written to since the last sweep, as sweep does', async () => {
    const own = randomBars(4, 900)
    const run = async () => {
      const shared = shareSweep(bound, own, { barsPerYear: 365 }, { threads: 1 })
      await joinSweep(shared, own, { thread: 0, ...never })
      return contentKey(sharedColumns(shared).metrics)
    }
    const plain = () => contentKey(sweep(strategy, list, own, { barsPerYear: 365 }).metrics)
    const first = await run()
    expect(await run()).toBe(first) // the tables of prices stay now
    for (const name of ['low', 'high', 'open', 'close'] as const) {
      own[name][500] *= name === 'high' ? 1.01 : name === 'low' ? 0.99 : 1
      if (name === 'close') own.close[501] = own.low[501]
      expect(await run()).toBe(plain())
    }
    expect(await run()).not.toBe(first)
  })

  it('refuses what sweep refuses, and knows what cannot leave the process', () => {
    expect(() => shareSweep(bound, bars, { end: 1e9, barsPerYear: 1 }, { threads: 2 })).toThrow('[BAD_OPTION]')
    expect(() => shareSweep(bound, bars, { feeBps: -1, barsPerYear: 1 }, { threads: 2 })).toThrow('[BAD_OPTION]')
    const range = defineIndicator({
      name: 'range-of-one-process',
      version: '1',
      kernel: { compute: ([high, low]) => high.map((h, i) => h - low[i]) },
    })
    const own = defineStrategy({
      name: 'own',
      params: {},
      signals: ({ high, low }) => ({ entry: range([high, low]).gt(1) }),
    })
    expect(isPortable(bindList(own, [{}]))).toBe(false)
    expect(isPortable(bound)).toBe(true)
  })
})
