import { type Bars, createBars, float, standardMetrics } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { backtest, defineStrategy, sharpePerBar, sweep } from '../src/index.ts'

const barsAt = (close: readonly number[]): Bars =>
  createBars({
    timestamp: close.map((_, i) => i * 3_600_000),
    open: close,
    high: close,
    low: close,
    close,
    volume: close,
    timeframe: '1h',
    calendar: 'crypto',
  })

const hold = defineStrategy({
  name: 'hold',
  params: { above: float(0, 1) },
  signals: ({ close }, { above }) => ({ entry: close.gt(above) }),
})

const OPTIONS = { preset: 'reference', initialCash: 100 } as const

/** Both forms, which must agree. */
function measured(close: readonly number[]) {
  const bars = barsAt(close)
  const { metrics, moments } = backtest(hold, { above: 0 }, bars, OPTIONS)
  const { metrics: columns } = sweep(hold, [{ above: 0 }], bars, OPTIONS)
  for (const name of standardMetrics) {
    const [x, y] = [columns[name][0], metrics[name]]
    if (!Object.is(x, y)) expect([name, Math.abs(x - y) <= 1e-12 * Math.max(1, Math.abs(y))]).toEqual([name, true])
  }
  return { metrics, moments }
}

describe('degenerate samples, where buying and valuing at one price leaves a rounding error', () => {
  // At 11.47 and 22.57, 100 / price * price is not 100: a return of 1e-16 that nobody made or lost.
  it.each([11.47, 22.57, 22.94])(
    'a held price that stays at %d has no deviation: Sharpe, Sortino, Calmar are NaN',
    (price) => {
      const { metrics, moments } = measured(Array(200).fill(price))
      expect(metrics.trades).toBe(1)
      expect([metrics.sharpe, metrics.sortino, metrics.calmar]).toEqual([NaN, NaN, NaN])
      expect(sharpePerBar(moments)).toBeNaN()
    },
  )

  it.each([22.57, 38.11, 41.81])(
    'a price that only rises from %d has no losing bar: Sortino and Calmar are Infinity',
    (price) => {
      const { metrics } = measured(Array.from({ length: 200 }, (_, i) => price * (1 + i / 100)))
      expect(metrics.sharpe).toBeGreaterThan(10)
      expect([metrics.sortino, metrics.calmar]).toEqual([Infinity, Infinity])
    },
  )

  it('a small loss is still a loss', () => {
    const close = Array.from({ length: 200 }, (_, i) => (i === 100 ? 1 + 0.98e-9 : 1 + i * 1e-11))
    const { metrics } = backtest(hold, { above: 0 }, barsAt(close), OPTIONS)
    expect(metrics.sortino).toBeGreaterThan(0)
    expect(Number.isFinite(metrics.sortino)).toBe(true)
    expect(Number.isFinite(metrics.sharpe)).toBe(true)
  })
})
