import type { Bars, SimulationOptions } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  type BacktestOptions,
  backtest,
  type Columns,
  defineStrategy,
  type Expr,
  type Signals,
  ta,
} from '../src/index.ts'
import { randomBars } from './arbitraries.ts'
import { barsOf } from './golden-cases.ts'

const flat = (price: number, volume = 0): readonly number[] => [price, price, price, price, volume]

function run(
  rows: readonly (readonly number[])[],
  options: BacktestOptions,
  signals: (columns: Columns) => Signals = ({ volume }) => ({ entry: volume.eq(1), exit: volume.eq(2) }),
  simulate: (columns: Columns) => SimulationOptions<Expr> = () => ({}),
) {
  const bars: Bars = barsOf(rows)
  return backtest(defineStrategy({ name: 'x', params: {}, signals, simulate }), {}, bars, {
    preset: 'reference',
    barsPerYear: 252,
    ...options,
    metrics: 'standard',
  })
}

const brief = (result: ReturnType<typeof run>): readonly (readonly [number, string, number, number])[] =>
  result.orders.map(({ index, side, size, price }) => [index, side, size, price])

describe('presets', () => {
  const rows = [flat(100, 1), flat(110), flat(120, 2), flat(130)]
  it('reference fills at the close, without costs', () => {
    expect(brief(run(rows, {}))).toEqual([
      [0, 'buy', 100, 100],
      [2, 'sell', 100, 120],
    ])
  })
  it('realistic fills at the next open, 10 bps fee, 5 bps slippage', () => {
    const { orders } = run(rows, { preset: 'realistic' })
    expect(orders.map(({ index }) => index)).toEqual([1, 3])
    expect(orders[0].price).toBeCloseTo(110 * 1.0005, 12)
    expect(orders[0].fee).toBeCloseTo(orders[0].size * orders[0].price * 0.001, 12)
    expect(orders[0].size * orders[0].price + orders[0].fee).toBeCloseTo(10_000, 9)
    expect(orders[1].price).toBeCloseTo(130 * 0.9995, 12)
  })
  it('the strategy overrides the request, the request the preset', () => {
    const { orders } = run(rows, { preset: 'realistic', fill: 'close', feeBps: 20 }, undefined, () => ({ feeBps: 0 }))
    expect(orders[0]).toEqual({ index: 0, side: 'buy', size: 10_000 / 100.05, price: 100.05, fee: 0 })
  })
})

describe('liquidation', () => {
  const short: BacktestOptions = { direction: 'short', liquidation: true }
  it('closes a short where its equity is gone, at the price that leaves nothing', () => {
    // Sold 100 at 100: the 20,000 of cash buy them back at 200.
    const result = run([flat(100, 1), flat(150), [160, 230, 150, 170, 0], flat(120, 1), flat(100)], short)
    expect(brief(result)).toEqual([
      [0, 'sell', 100, 100],
      [2, 'buy', 100, 200],
    ])
    expect([...result.equity]).toEqual([10_000, 5_000, 0, 0, 0])
    expect(result.metrics.totalReturn).toBe(-1)
    expect(result.metrics.maxDrawdown).toBe(-1)
  })
  it('acts at the same price where the bar opens beyond it', () => {
    expect(brief(run([flat(100, 1), flat(250), flat(100)], short))).toEqual([
      [0, 'sell', 100, 100],
      [1, 'buy', 100, 200],
    ])
  })
  it('acts on the fill bar under nextOpen, after the open', () => {
    const result = run([flat(100, 1), [100, 205, 90, 150, 0], flat(100)], { ...short, fill: 'nextOpen' })
    expect(brief(result)).toEqual([
      [1, 'sell', 100, 100],
      [1, 'buy', 100, 200],
    ])
    expect(result.equity[1]).toBe(0)
  })
  it('comes after a stop that is nearer', () => {
    expect(brief(run([flat(100, 1), [100, 300, 100, 100, 0], flat(100)], { ...short, stopLoss: 0.5 }))).toEqual([
      [0, 'sell', 100, 100],
      [1, 'buy', 100, 150],
    ])
  })
  it('counts fee and slippage', () => {
    const { equity, orders } = run([flat(100, 1), [100, 400, 100, 100, 0]], {
      ...short,
      feeBps: 100,
      slippageBps: 50,
      fixedFee: 2,
    })
    expect(equity[1]).toBe(0)
    const [sold, bought] = orders
    const cash = 10_000 + sold.size * sold.price - sold.fee
    expect(bought.size * bought.price + bought.fee).toBeCloseTo(cash, 9)
  })
  it('is off in the reference preset: equity goes below zero', () => {
    expect([...run([flat(100, 1), flat(250)], { direction: 'short' }).equity]).toEqual([10_000, -5_000])
  })
})

describe('stops at a distance', () => {
  const at = (distance: (columns: Columns) => Expr) => (columns: Columns) => ({
    stopLoss: { distance: distance(columns) },
  })
  it('are read at the signal bar', () => {
    // Volume of the signal bar (1) times 3; the fill bar's volume is 9.
    const rows = [flat(100, 1), flat(100, 9), [100, 100, 96, 98, 0], flat(98)]
    const signals = ({ volume }: Columns): Signals => ({ entry: volume.eq(1), exit: volume.eq(2) })
    expect(
      brief(
        run(
          rows,
          { fill: 'nextOpen' },
          signals,
          at(({ volume }) => volume.mul(3)),
        ),
      ),
    ).toEqual([
      [1, 'buy', 100, 100],
      [2, 'sell', 100, 97],
    ])
  })
  it('are off for a trade whose distance is not above zero', () => {
    const rows = [flat(100, 1), [100, 100, 1, 98, 0], flat(98)]
    for (const distance of [0, -1, NaN])
      expect(
        brief(
          run(
            rows,
            {},
            undefined,
            at(({ close }) => close.mul(0).add(distance)),
          ),
        ),
      ).toHaveLength(1)
  })
  it('trail the peak, and take profits', () => {
    const rows = [flat(100, 1), [100, 110, 100, 110, 0], [110, 110, 104, 106, 0], flat(106)]
    const trail = run(rows, {}, undefined, ({ close }) => ({ trailingStop: { distance: close.mul(0.05) } }))
    expect(brief(trail)[1]).toEqual([2, 'sell', 100, 105])
    const profit = run(rows, {}, undefined, ({ close }) => ({ takeProfit: { distance: close.mul(0.05) } }))
    expect(brief(profit)[1]).toEqual([1, 'sell', 100, 105])
  })
})

describe('signals', () => {
  it('states hold a position while they are true', () => {
    const rows = [flat(100), flat(100, 1), flat(110, 1), flat(120), flat(120, 2), flat(110, 3), flat(100)]
    const states = ({ volume }: Columns): Signals => ({
      long: volume.eq(1).or(volume.eq(3)),
      short: volume.eq(2).or(volume.eq(3)),
    })
    const both = run(rows, { direction: 'both' }, states)
    expect(both.orders.map(({ index, side }) => [index, side])).toEqual([
      [1, 'buy'],
      [3, 'sell'],
      [4, 'sell'], // both states on bar 5 say nothing: the short stays
    ])
    expect(run(rows, {}, states).orders.map(({ index, side }) => [index, side])).toEqual([
      [1, 'buy'],
      [3, 'sell'],
      [5, 'buy'],
    ])
  })

  it('a target is a share of what the account is worth', () => {
    const target = ({ volume }: Columns): Signals => ({ target: volume.div(4) })
    const result = run(
      [flat(100, 2), flat(100, 2), flat(200, 4), flat(100, 1), flat(100, -4), flat(50, 0)],
      { direction: 'both' },
      target,
    )
    expect(brief(result)).toEqual([
      [0, 'buy', 50, 100], // half of 10,000
      [2, 'buy', 25, 200], // worth 15,000, all of it: 75 units
      [3, 'sell', 56.25, 100], // worth 7,500, a quarter
      [4, 'sell', 93.75, 100], // short with everything: 75 units
    ])
    expect(result.orders).toHaveLength(4) // the last bar's signal is ignored
    expect([...result.positions]).toEqual([50, 50, 75, 18.75, -75, -75])
    expect(result.trades.map(({ direction, size, entryPrice }) => [direction, size, entryPrice])).toEqual([
      ['long', 56.25, 10_000 / 75],
      ['long', 18.75, 10_000 / 75],
      ['short', 75, 100],
    ])
    expect(run([flat(100, -4), flat(100, 4)], {}, target).orders).toEqual([])
  })
})

describe('prices that are no prices', () => {
  it('fill no order and leave the last price standing', () => {
    const result = run([flat(100, 1), [NaN, NaN, NaN, NaN, 2], flat(110, 2), flat(110)], {})
    expect(brief(result)).toEqual([
      [0, 'buy', 100, 100],
      [2, 'sell', 100, 110],
    ])
    expect([...result.equity]).toEqual([10_000, 10_000, 11_000, 11_000])
  })

  it('stop no position out: it leaves at the next price that is one', () => {
    for (const open of [0, -1, Number.NEGATIVE_INFINITY]) {
      const { orders } = run([flat(10, 1), [open, 10, 10, 10, 0], flat(8)], { stopLoss: 0.1 })
      expect(orders.map(({ side, price }) => [side, price])).toEqual([
        ['buy', 10],
        ['sell', 8],
      ])
    }
  })
})

describe('a chosen list of metrics', () => {
  it('gives these and no others', () => {
    const strategy = defineStrategy({
      name: 'x',
      params: {},
      signals: ({ volume }) => ({ entry: volume.eq(1), exit: volume.eq(2) }),
    })
    const bars = barsOf([flat(100, 1), flat(110)])
    const { metrics } = backtest(strategy, {}, bars, {
      preset: 'reference',
      barsPerYear: 252,
      metrics: ['sharpe', 'trades'],
    })
    expect(Object.keys(metrics)).toEqual(['sharpe', 'trades'])
  })
})

describe('moments of the returns', () => {
  it('are those of all bars, held or not', () => {
    const bars = randomBars(9, 400)
    const strategy = defineStrategy({
      name: 'x',
      params: {},
      signals: ({ close }) => ({
        entry: ta.sma(close, 3).crossesAbove(ta.sma(close, 12)),
        exit: ta.sma(close, 3).crossesBelow(ta.sma(close, 12)),
      }),
    })
    for (const options of [{}, { stopLoss: 0.02 }]) {
      const { equity, moments, metrics } = backtest(strategy, {}, bars, { preset: 'reference', feeBps: 5, ...options })
      const returns = [...equity].map((x, i) => x / (i === 0 ? 10_000 : equity[i - 1]) - 1)
      const n = returns.length
      const mean = returns.reduce((a, b) => a + b, 0) / n
      const power = (k: number): number => returns.reduce((a, r) => a + (r - mean) ** k, 0) / n
      expect(returns.filter((r) => r === 0).length).toBeGreaterThan(20)
      expect(moments.count).toBe(n)
      expect(Math.abs(moments.mean - mean)).toBeLessThan(1e-15)
      expect(Math.abs(moments.variance / ((power(2) * n) / (n - 1)) - 1)).toBeLessThan(1e-11)
      expect(Math.abs(moments.skew - power(3) / power(2) ** 1.5)).toBeLessThan(1e-10)
      expect(Math.abs(moments.kurtosis - power(4) / power(2) ** 2)).toBeLessThan(1e-10)
      expect(Math.abs(metrics.exposure - returns.filter((r) => r !== 0).length / n)).toBeLessThan(0.1)
    }
  })
  it('of equal returns have no shape', () => {
    const { moments, metrics } = run([flat(100), flat(100), flat(100)], {})
    expect(moments).toEqual({ count: 3, mean: 0, variance: 0, skew: NaN, kurtosis: NaN })
    expect(metrics).toMatchObject({ sharpe: NaN, annualizedVolatility: 0, sortino: NaN, winRate: NaN, trades: 0 })
    expect(run([flat(100)], {}).moments).toEqual({ count: 1, mean: 0, variance: NaN, skew: NaN, kurtosis: NaN })
  })
})

describe('adding to a position', () => {
  it('keeps the fees of all its entries', () => {
    const target = ({ volume }: Columns): Signals => ({ target: volume.div(4) })
    const { trades, metrics } = run([flat(100, 1), flat(110, 4), flat(120, 0), flat(120, 0)], { feeBps: 50 }, target)
    expect(trades).toHaveLength(1)
    expect(trades[0].fees).toBeCloseTo(metrics.feesPaid, 9)
    expect(trades[0].pnl).toBeCloseTo(metrics.finalEquity - 10_000, 9)
  })
})

describe('a run of many bars', () => {
  it('gives the metrics of the fast path and the orders of the plain form, which agree', () => {
    const n = 140_000
    const close = Array.from({ length: n }, (_, i) => 100 + 10 * Math.sin(i / 300) + ((i * 7919) % 31) / 10)
    const rows = close.map((price, i) => flat(price, (i * 31) % 400))
    for (const direction of ['long', 'both'] as const) {
      const result = run(rows, { direction, feeBps: 2 })
      const { equity, orders, trades, metrics, drawdown, positions, moments } = result
      expect(orders.length).toBeGreaterThan(500)
      expect(metrics.trades).toBe(trades.length)
      const close = (a: number, b: number): void =>
        expect(Math.abs(a - b)).toBeLessThan(1e-9 * Math.max(1, Math.abs(b)))
      close(metrics.finalEquity, equity[n - 1])
      close(
        metrics.feesPaid,
        orders.reduce((sum, { fee }) => sum + fee, 0),
      )
      close(
        metrics.maxDrawdown,
        drawdown.reduce((a, b) => Math.min(a, b), 0),
      )
      close(metrics.exposure, positions.filter((p) => p !== 0).length / n)
      expect(moments.count).toBe(n)
      expect(result.orders).toBe(orders)
      expect(structuredClone(result).orders).toEqual(orders)
    }
  })
})
