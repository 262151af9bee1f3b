import { describe, expect, it } from 'vitest'
import { backtest, sweep } from '../src/index.ts'
import { barsOf, type GoldenCase, goldenCases, goldenStrategies, rowsOf, sp500 } from './golden-cases.ts'

const index = sp500()

/** 1e-9 relative, or absolute in units of `scale`. NaN equals NaN, infinities themselves. */
function near(actual: number, expected: number | string, scale: number, what: string): void {
  const wanted = Number(expected)
  if (Object.is(actual, wanted) || (actual === 0 && wanted === 0)) return
  const error = Math.abs(actual - wanted)
  if (!(error <= 1e-9 * Math.max(scale, Math.abs(wanted)))) expect.fail(`${what}: ${actual} instead of ${wanted}`)
}

function check(test: GoldenCase): void {
  const { expected, options } = test
  const bars = test.bars === undefined ? rowsOf(index, ...(test.slice ?? [0, 0])) : barsOf(test.bars)
  const strategy = goldenStrategies.get(test.strategy)
  if (strategy === undefined) return expect.fail(`unknown strategy ${test.strategy}`)
  const result = backtest(strategy, test.params, bars, options)
  const cash = options.initialCash ?? 10_000
  expect(result.orders.map(({ index, side }) => [index, side])).toEqual(expected.orders.map(([i, side]) => [i, side]))
  result.orders.forEach(({ size, price, fee }, k) => {
    const [, , wantedSize, wantedPrice, wantedFee] = expected.orders[k]
    near(size, wantedSize, 1, `size of order ${k}`)
    near(price, wantedPrice, 1, `price of order ${k}`)
    near(fee, wantedFee, cash, `fee of order ${k}`)
  })
  expect(
    result.trades.map(({ entryIndex, exitIndex, direction, status }) => [entryIndex, exitIndex, direction, status]),
  ).toEqual(expected.trades.map((t) => [t[0], t[1], t[2], t[8]]))
  result.trades.forEach((trade, k) => {
    const wanted = expected.trades[k]
    near(trade.entryPrice, wanted[3], 1, `entry price of trade ${k}`)
    near(trade.exitPrice, wanted[4], 1, `exit price of trade ${k}`)
    near(trade.size, wanted[5], 1, `size of trade ${k}`)
    near(trade.pnl, wanted[6], cash, `pnl of trade ${k}`)
    near(trade.return, wanted[7], 1, `return of trade ${k}`)
    near(trade.fees, wanted[9], cash, `fees of trade ${k}`)
  })
  for (const [name, wanted] of Object.entries(expected.metrics))
    near(
      result.metrics[name as keyof typeof result.metrics] ?? NaN,
      wanted,
      ['finalEquity', 'feesPaid', 'expectancy'].includes(name) ? cash : 1,
      name,
    )
  for (const [i, wanted] of expected.equity.samples) near(result.equity[i], wanted, cash, `equity of bar ${i}`)
  for (const [i, wanted] of expected.positions.samples) near(result.positions[i], wanted, 1, `position of bar ${i}`)
  near(
    result.equity.reduce((a, b) => a + b, 0),
    expected.equity.sum,
    cash * result.equity.length,
    'sum of equity',
  )
}

describe('the reference preset gives the orders, trades and metrics of an independent script', () => {
  it('has its cases', () => {
    expect(goldenCases.length).toBeGreaterThanOrEqual(60)
  })
  it.each(goldenCases.map((test) => [test.name, test] as const))('%s', (_, test) => check(test))
})

describe('the fast engine gives the same metrics', () => {
  let fast = 0
  it.each(goldenCases.map((test) => [test.name, test] as const))('%s', (_, { expected, options, ...test }) => {
    const bars = test.bars === undefined ? rowsOf(index, ...(test.slice ?? [0, 0])) : barsOf(test.bars)
    const strategy = goldenStrategies.get(test.strategy)
    if (strategy === undefined) return expect.fail(`unknown strategy ${test.strategy}`)
    const { metrics, plainTrials } = sweep(strategy, [test.params], bars, options)
    const cash = options.initialCash ?? 10_000
    if (plainTrials === 0) fast++
    for (const [name, wanted] of Object.entries(expected.metrics))
      near(
        metrics[name as keyof typeof metrics][0],
        wanted,
        ['finalEquity', 'feesPaid', 'expectancy'].includes(name) ? cash : 1,
        name,
      )
  })
  it('and takes most of the cases on real bars', () => {
    expect(fast).toBeGreaterThan(60)
  })
})
