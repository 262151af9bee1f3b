import { type Bars, type Data, int, viewRange } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  backtest,
  defineStrategy,
  type Intent,
  type LiveBar,
  type LiveStop,
  type LiveStrategy,
  type Order,
  parseStrategy,
  programKey,
  ta,
} from '../src/index.ts'
import type { Action } from '../src/orders.ts'
import { resolveSimulation, type SimulationSettings, type StopSetting } from '../src/simulation-settings.ts'
import { Simulator } from '../src/simulator.ts'
import { randomBars, randomStrategies, strategyOf } from './arbitraries.ts'

const runs = Number(process.env.TRADEWRIGHT_PROPERTY_RUNS ?? 60)
vi.setConfig({ testTimeout: 60_000 + runs * 200 })

const barAt = (bars: Bars, i: number): LiveBar => ({
  timestamp: bars.timestamp[i],
  open: bars.open[i],
  high: bars.high[i],
  low: bars.low[i],
  close: bars.close[i],
  volume: bars.volume[i],
})

/** What a broker with the simulator's rules makes of an intent: it sees no signal and no strategy. */
function actionOf(intent: Intent): Action {
  if (intent.sizing.type === 'close') return { type: 'close' }
  if (intent.sizing.type === 'target') return { type: 'target', target: intent.sizing.target }
  return { type: intent.side === 'buy' ? 'long' : 'short' }
}

/** An account that is told nothing but bars and intents. */
class PaperBroker {
  readonly orders: Order[] = []
  readonly #simulator: Simulator
  #waiting: Intent | undefined
  #index = 0

  constructor(settings: SimulationSettings) {
    this.#simulator = new Simulator(settings, { order: (order) => this.orders.push(order), trade: () => undefined })
  }

  /** Before the strategy sees the bar: stops, then what waited for the open. */
  bar({ open, high, low }: LiveBar): boolean {
    const stopped = this.#simulator.stops(this.#index, open, high, low)
    if (this.#waiting !== undefined && !stopped) {
      this.#fill(this.#waiting, open)
      this.#simulator.ruin(this.#index, high)
    }
    this.#waiting = undefined
    return stopped
  }

  /** After the strategy has seen it. */
  take(intents: readonly Intent[], { close }: LiveBar): void {
    for (const intent of intents) {
      if (intent.fill === 'nextOpen') this.#waiting = intent
      else this.#fill(intent, close)
    }
    this.#simulator.mark(close)
    this.#index++
  }

  #fill(intent: Intent, price: number): void {
    const { settings } = this.#simulator
    const distance = (stop: LiveStop | undefined, setting: StopSetting): number => {
      if (stop?.type === 'fraction') expect(stop.fraction).toBe(setting.fraction)
      else expect(setting.fraction).toBeNaN()
      return stop?.type === 'distance' ? stop.distance : NaN
    }
    const closing = intent.action === 'close'
    this.#simulator.act(actionOf(intent), this.#index, price, {
      stopLoss: closing ? NaN : distance(intent.stop, settings.stopLoss),
      takeProfit: closing ? NaN : distance(intent.takeProfit, settings.takeProfit),
      trailingStop: closing ? NaN : distance(intent.trailingStop, settings.trailingStop),
    })
  }
}

describe('a stream', () => {
  it('gives the signals of the batch and intents that make its orders, to the last bit', () => {
    fc.assert(
      fc.property(randomStrategies, fc.nat(10_000), fc.nat(30), fc.nat(79), (random, seed, start, cut) => {
        const bars = randomBars(seed, 80)
        const strategy = strategyOf(random)
        const batch = backtest(strategy, {}, bars, { ...random.options, start, final: false })
        let live = strategy.stream({}, { ...random.options, timeframe: '1h' })
        live.warmUp(viewRange(bars, 0, start))
        const [program] = strategy.bind([{}])
        const unit = { barsPerYear: 1, timeframe: undefined, calendar: undefined }
        const broker = new PaperBroker(resolveSimulation(random.options, program.simulation, unit))
        for (let i = start; i < bars.length; i++) {
          if (i === cut) {
            const state = structuredClone(live.save())
            live = strategy.stream({}, { ...random.options, timeframe: '1h' })
            live.restore(state)
          }
          const bar = barAt(bars, i)
          const stopped = broker.bar(bar)
          const step = live.push(bar)
          if (stopped && step.intents.some(({ fill }) => fill === 'close')) expect.fail('a stop swallows its bar')
          broker.take(step.intents, bar)
          expect(step.position).toBe(batch.positions[i - start])
        }
        expect(broker.orders.map((order) => ({ ...order, index: order.index + start }))).toEqual(batch.orders)
      }),
      { numRuns: runs * 2 },
    )
  })

  it('is read back from JSON and gives the same', () => {
    fc.assert(
      fc.property(randomStrategies, fc.nat(10_000), (random, seed) => {
        const bars = randomBars(seed, 60)
        const strategy = strategyOf(random)
        const options = { ...random.options, timeframe: '1h' }
        const saved = parseStrategy(JSON.parse(JSON.stringify(strategy.save({}, options))) as Data)
        const one = strategy.stream({}, options)
        const other = saved.stream()
        for (let i = 0; i < bars.length; i++) expect(other.push(barAt(bars, i))).toEqual(one.push(barAt(bars, i)))
        expect(backtest(saved, {}, bars, random.options).orders).toEqual(
          backtest(strategy, {}, bars, random.options).orders,
        )
        expect(programKey(saved.program)).toBe(programKey(strategy.bind([{}])[0]))
      }),
      { numRuns: Math.ceil(runs / 2) },
    )
  })

  const cross = defineStrategy({
    name: 'cross',
    params: { fast: int(2, 20), slow: int(3, 60) },
    signals: ({ close }, { fast, slow }) => ({
      entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
      exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
    }),
    simulate: () => ({ stopLoss: 0.02, takeProfit: 0.05 }),
  })

  it('is ready when every indicator has its bars', () => {
    const bars = randomBars(1, 40)
    const live = cross.stream({ fast: 5, slow: 30 })
    const ready = Array.from({ length: 40 }, (_, i) => live.push(barAt(bars, i)).ready)
    expect(ready.indexOf(true)).toBe(29)
    expect(ready.slice(29).every(Boolean)).toBe(true)
  })

  it('says what to buy and where its stops are', () => {
    const bars = randomBars(4, 80)
    const live = cross.stream({ fast: 2, slow: 5 }, { preset: 'reference' })
    const intents = Array.from({ length: 80 }, (_, i) => live.push(barAt(bars, i))).flatMap((step) => step.intents)
    expect(intents[0]).toEqual({
      action: 'open',
      side: 'buy',
      sizing: { type: 'allIn' },
      fill: 'close',
      stop: { type: 'fraction', fraction: 0.02 },
      takeProfit: { type: 'fraction', fraction: 0.05 },
    })
  })

  it('is liquidated on the bar it was filled on, as in a backtest', () => {
    const short = defineStrategy({
      name: 's',
      params: {},
      signals: ({ volume }) => ({ entry: volume.eq(1), exit: volume.eq(2) }),
    })
    const options = { preset: 'reference', fill: 'nextOpen', direction: 'short', liquidation: true } as const
    const live = short.stream({}, options)
    const bar = (timestamp: number, high: number, volume: number): LiveBar => ({
      timestamp,
      open: 100,
      high,
      low: 90,
      close: 95,
      volume,
    })
    expect(live.push(bar(1, 100, 1)).intents).toHaveLength(1)
    expect(live.push(bar(2, 250, 0)).position).toBe(0)
    expect(live.push(bar(3, 100, 1)).position).toBe(0)
  })

  it('keeps numbers that JSON does not have', () => {
    const odd = defineStrategy({
      name: 'odd',
      params: {},
      signals: ({ close }) => ({
        entry: close.max(Number.POSITIVE_INFINITY).gt(1).and(close.mul(-0).add(NaN).gt(1).not()),
        exit: close.min(Number.NEGATIVE_INFINITY).gt(1),
      }),
    })
    const saved = parseStrategy(JSON.parse(JSON.stringify(odd.save({}))) as Data)
    const numbers = saved.program.table.constants.flat()
    for (const number of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, NaN, -0])
      expect(numbers).toContainEqual(number)
    expect(programKey(saved.program)).toBe(programKey(odd.bind([{}])[0]))
  })

  it('refuses a bar that lacks a number, before it changes anything', () => {
    const bars = randomBars(1, 10)
    const live = cross.stream({ fast: 2, slow: 5 })
    const { close, ...rest } = barAt(bars, 3)
    expect(() => live.push(rest as never)).toThrow(/BAD_DATA.*close.*undefined/)
    expect(() => live.push({ ...barAt(bars, 3), close: String(close) as never })).toThrow(/BAD_DATA.*close.*string/)
    expect(() => live.push(undefined as never)).toThrow(/BAD_DATA/)
    expect(live.push(barAt(bars, 3)).position).toBe(0)
    expect(() => cross.stream({ fast: 2, slow: 5 }).warmUp(null as never)).toThrow(/BAD_OPTION.*bars/)
    expect(() => cross.stream({ fast: 2, slow: 5 }, { timeframe: 'x' })).toThrow(/BAD_OPTION.*timeframe/)
    expect(() => cross.stream({ fast: 2, slow: 5 }, null as never)).toThrow(/BAD_OPTION.*options/)
  })

  it('refuses states of other options and damaged ones, and stays what it was', () => {
    const bars = randomBars(1, 200)
    const options = { preset: 'realistic', direction: 'both', timeframe: '1h' } as const
    const run = (live: LiveStrategy, from: number, to: number): unknown[] =>
      Array.from({ length: to - from }, (_, k) => live.push(barAt(bars, from + k)))
    const live = cross.stream({ fast: 2, slow: 5 }, options)
    run(live, 0, 100)
    const state = live.save() as Record<string, never>
    const other = (own: object): LiveStrategy => cross.stream({ fast: 2, slow: 5 }, { ...options, ...own })
    for (const own of [{ feeBps: 50 }, { direction: 'short' }, { preset: 'reference' }, { timeStopBars: 3 }])
      expect(() => other(own).restore(state)).toThrow(/BAD_DATA.*other options/)
    for (const [key, values] of Object.entries({
      nodes: [null, 'x'],
      simulator: [
        null,
        'x',
        {},
        { ...(state.simulator as object), cash: 'x' },
        { ...(state.simulator as object), pnl: 3 },
      ],
      pending: [null, 'x', {}, { action: { type: 'x' } }],
      timestamp: [null, 'x'],
      bars: [null, -1, 0.5],
      target: [null, 'x'],
    }))
      for (const value of values) expect(() => live.restore({ ...state, [key]: value } as never)).toThrow(/BAD_DATA/)
    // Annual figures are no part of it, and a strategy that was saved and read is the same.
    const twin = parseStrategy(cross.save({ fast: 2, slow: 5 }, { ...options, barsPerYear: 252 })).stream()
    twin.restore(structuredClone(state))
    expect(run(twin, 100, 200)).toEqual(run(live, 100, 200))
  })

  it('refuses bars out of order and states of others', () => {
    const bars = randomBars(1, 10)
    const live = cross.stream({ fast: 2, slow: 5 })
    live.push(barAt(bars, 3))
    expect(() => live.push(barAt(bars, 2))).toThrow(/BAD_DATA.*in time/)
    expect(() => live.warmUp(bars)).toThrow(/BAD_OPTION.*before the first push/)
    expect(() => live.restore(cross.stream({ fast: 2, slow: 6 }).save())).toThrow(/BAD_DATA.*other parameters/)
    expect(() => live.restore({ format: 'x' })).toThrow(/BAD_DATA/)
  })

  it('refuses what is no saved strategy', () => {
    const good = cross.save({ fast: 2, slow: 5 }) as Record<string, Data>
    const table = good.table as Record<string, Data>
    const ops = table.ops as readonly string[]
    expect(parseStrategy(good).params).toEqual({ fast: 2, slow: 5 })
    for (const [broken, message] of [
      [null, /needs the whole as an object/],
      [{}, /needs format/],
      [{ ...good, version: 2 }, /must have version 1/],
      [{ ...good, signals: { entry: 99 } }, /no node of its kind/],
      [{ ...good, signals: { enter: 1 } }, /did you mean 'entry'/],
      [{ ...good, table: { ...table, ops: ops.map((op) => (op === 'sma' ? 'zma' : op)) } }, /does not have, 'zma'/],
      [{ ...good, table: { ...table, inputs: ops.map(() => [7]) } }, /only nodes before/],
      [{ ...good, simulation: { stopLos: 1 } }, /did you mean 'stopLoss'/],
    ] as const)
      expect(() => parseStrategy(broken as Data)).toThrow(message)
  })
})
