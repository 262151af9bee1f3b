import { type Bars, createBars, createIndicatorStore, viewRange } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { backtest, createEvaluate, defineStrategy, ta } from '../src/index.ts'
import { NodeGraph } from '../src/node-graph.ts'
import { NodeStream } from '../src/node-stream.ts'
import { columnsKey, NodeValues, nodeBars } from '../src/node-values.ts'
import { programRoots, reachableNodes } from '../src/reachable.ts'
import { type RandomStrategy, randomBars, randomStrategies, strategyOf } from './arbitraries.ts'
import { barsOf } from './golden-cases.ts'
import { createEvaluateRequest } from './requests.ts'

const runs = Number(process.env.TRADEWRIGHT_PROPERTY_RUNS ?? 60)
vi.setConfig({ testTimeout: 60_000 + runs * 200 })

/** Bits of a column, so that -0 and NaN count too; a NaN is a NaN. */
const bits = (column: ArrayLike<number>): readonly string[] =>
  Array.from(column, (x) => (Number.isNaN(x) ? 'NaN' : Object.is(x, -0) ? '-0' : String(x)))

function columnOf(values: NodeValues, node: number): ArrayLike<number> {
  return values.graph.kind(node) === 'boolean' ? values.boolean(node) : values.value(node)
}

const evaluator = (graph: NodeGraph, bars: Bars): NodeValues =>
  new NodeValues(graph, nodeBars(bars, 0, bars.length), columnsKey(bars, 0), createIndicatorStore())

describe('nodes', () => {
  it('see no bar ahead: the columns of a prefix are a prefix of the columns', () => {
    fc.assert(
      fc.property(randomStrategies, fc.nat(10_000), fc.integer({ min: 1, max: 79 }), (random, seed, cut) => {
        const bars = randomBars(seed, 80)
        const [program] = strategyOf(random).bind([{}])
        const graph = NodeGraph.of(program.table)
        const whole = evaluator(graph, bars)
        const prefix = evaluator(graph, viewRange(bars, 0, cut))
        for (const node of reachableNodes(graph, programRoots(program), false))
          expect(bits(columnOf(prefix, node))).toEqual(bits(columnOf(whole, node)).slice(0, cut))
      }),
      { numRuns: runs },
    )
  })

  it('give the same bar by bar, to the last bit, also after save and restore', () => {
    fc.assert(
      fc.property(randomStrategies, fc.nat(10_000), fc.nat(79), (random, seed, cut) => {
        const bars = randomBars(seed, 80)
        const [program] = strategyOf(random).bind([{}])
        const graph = NodeGraph.of(program.table)
        const values = evaluator(graph, bars)
        const roots = programRoots(program)
        const nodes = reachableNodes(graph, roots, false)
        let stream = new NodeStream(graph, roots, bars.timeframe)
        const rows: number[][] = []
        for (let i = 0; i < bars.length; i++) {
          if (i === cut) {
            const saved = structuredClone(stream.save())
            stream = new NodeStream(graph, roots, bars.timeframe)
            stream.restore(saved)
          }
          const at = (column: Float64Array): number => column[i]
          stream.push({
            timestamp: at(bars.timestamp),
            open: at(bars.open),
            high: at(bars.high),
            low: at(bars.low),
            close: at(bars.close),
            volume: at(bars.volume),
          })
          rows.push(nodes.map((node) => stream.value(node)))
        }
        nodes.forEach((node, k) => {
          expect([graph.table.ops[node], bits(rows.map((row) => row[k]))]).toEqual([
            graph.table.ops[node],
            bits(columnOf(values, node)),
          ])
        })
      }),
      { numRuns: runs },
    )
  })
})

describe('whole strategies', () => {
  it('see no bar ahead: a run to bar k is the beginning of a longer one', () => {
    fc.assert(
      fc.property(randomStrategies, fc.nat(10_000), fc.integer({ min: 1, max: 79 }), (random, seed, end) => {
        const bars = randomBars(seed, 80)
        const strategy = strategyOf(random)
        const whole = backtest(strategy, {}, bars, { ...random.options, final: false })
        const part = backtest(strategy, {}, viewRange(bars, 0, end), { ...random.options, final: false })
        expect(part.orders).toEqual(whole.orders.filter(({ index }) => index < end))
        expect(bits(part.equity)).toEqual(bits(whole.equity.subarray(0, end)))
      }),
      { numRuns: runs },
    )
  })

  it('continue from a saved state at every bar to the same results, to the last bit', async () => {
    await fc.assert(
      fc.asyncProperty(randomStrategies, fc.nat(10_000), fc.boolean(), async (random, seed, final) => {
        const bars = randomBars(seed, 40)
        const [program] = strategyOf(random).bind([{}])
        const evaluate = createEvaluate({ resolve: () => bars, engine: 'plain' })
        const request = createEvaluateRequest(bars, program, random.options)
        const start = 5
        const [whole] = await evaluate(request({ start, end: 40, final, state: true, returns: true }))
        for (let split = start + 1; split < 40; split++) {
          const [first] = await evaluate(
            request({ start, end: split, final: split % 2 === 0, state: true, returns: true }),
          )
          if (first.status !== 'done' || whole.status !== 'done') return expect.fail('a trial failed')
          const state = structuredClone(first.slices[0].state)
          const [second] = await evaluate(request({ start, end: 40, final, state: true, returns: true, resume: state }))
          if (second.status !== 'done') return expect.fail('a resumed trial failed')
          expect(second.slices).toEqual(whole.slices)
          expect(second.cost.bars).toBe(40 - split + 1)
        }
      }),
      { numRuns: Math.ceil(runs / 4) },
    )
  })

  it('have cash + position value = equity, and trades that sum up to it', () => {
    fc.assert(
      fc.property(randomStrategies, fc.nat(10_000), (random, seed) => {
        const bars = randomBars(seed, 80)
        const { orders, trades, equity, positions, metrics } = backtest(strategyOf(random), {}, bars, random.options)
        let cash = 10_000
        let held = 0
        let next = 0
        for (let i = 0; i < bars.length; i++) {
          for (; next < orders.length && orders[next].index === i; next++) {
            const { side, size, price, fee } = orders[next]
            cash += (side === 'buy' ? -1 : 1) * size * price - fee
            held += side === 'buy' ? size : -size
          }
          expect(Math.abs(held - positions[i])).toBeLessThan(1e-7)
          expect(Math.abs(cash + held * bars.close[i] - equity[i])).toBeLessThan(1e-6)
        }
        const pnl = trades.reduce((sum, trade) => sum + trade.pnl, 0)
        expect(Math.abs(pnl - (equity[equity.length - 1] - 10_000))).toBeLessThan(1e-6)
        expect(metrics.feesPaid).toBeCloseTo(
          orders.reduce((sum, { fee }) => sum + fee, 0),
          8,
        )
      }),
      { numRuns: runs },
    )
  })

  it('obey the scaling laws: prices times two halve sizes, cash times two doubles money', () => {
    fc.assert(
      fc.property(randomStrategies, fc.nat(10_000), (random, seed) => {
        const bars = randomBars(seed, 80)
        const options = { ...random.options, fixedFee: 0, sizing: { type: 'allIn' as const } }
        const [program] = crossOf(random).bind([{}])
        const base = backtest(program, {}, bars, options)
        const dear = backtest(program, {}, scaled(bars, 2), options)
        const rich = backtest(program, {}, bars, { ...options, initialCash: 20_000 })
        expect(dear.orders).toEqual(base.orders.map((o) => ({ ...o, size: o.size / 2, price: o.price * 2 })))
        expect(bits(dear.equity)).toEqual(bits(base.equity))
        expect(dear.metrics).toEqual(base.metrics)
        expect(rich.orders).toEqual(base.orders.map((o) => ({ ...o, size: o.size * 2, fee: o.fee * 2 })))
        expect(bits(rich.equity)).toEqual(bits(base.equity.map((x) => x * 2)))
        expect(rich.metrics.sharpe).toBe(base.metrics.sharpe)
      }),
      { numRuns: runs },
    )
  })

  it('never cross on flat prices, whatever came before', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 5000, noNaN: true }),
        fc.array(fc.double({ min: 0.001, max: 5000, noNaN: true }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (price, before, fast, slow) => {
          const rows = [...before, ...Array.from({ length: 60 }, () => price)].map((p) => [p, p, p, p, 1])
          const bars = barsOf(rows)
          const strategy = defineStrategy({
            name: 'flat',
            params: {},
            signals: ({ close }) => ({
              entry: ta
                .sma(close, fast)
                .crossesAbove(ta.sma(close, slow))
                .or(close.crossesAbove(ta.bollinger(close, slow, 2).upper)),
              exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
            }),
          })
          const { orders } = backtest(strategy, {}, bars, { preset: 'reference', barsPerYear: 252 })
          // A window is flat from its own length on: nothing may happen after that.
          expect(orders.filter(({ index }) => index > before.length + 20)).toEqual([])
        },
      ),
      { numRuns: runs },
    )
  })
})

/** A strategy of crossings, which do not change where all prices are scaled. */
function crossOf(random: RandomStrategy): ReturnType<typeof strategyOf> {
  const { a, b } = random.trees[0]
  return defineStrategy({
    name: 'cross',
    params: {},
    signals: ({ close, open }) => ({
      entry: ta.sma(close, a + 1).crossesAbove(ta.sma(open, b + 2)),
      exit: ta.sma(close, a + 1).crossesBelow(ta.ema(close, b + 2)),
    }),
  })
}

function scaled(bars: Bars, factor: number): Bars {
  const { timestamp, volume, timeframe, calendar } = bars
  const times = (column: Float64Array): Float64Array => column.map((x) => x * factor)
  return createBars({
    timestamp,
    open: times(bars.open),
    high: times(bars.high),
    low: times(bars.low),
    close: times(bars.close),
    volume,
    ...(timeframe === undefined ? {} : { timeframe }),
    ...(calendar === undefined ? {} : { calendar }),
  })
}
