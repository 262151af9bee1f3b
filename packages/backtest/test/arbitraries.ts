import { type Bars, createBars, createRng, type NodeRef, type SimulationOptions } from '@tradewright/core'
import fc from 'fast-check'
import {
  type BooleanExpr,
  barsSince,
  type Columns,
  calendar,
  defineIndicator,
  defineStrategy,
  type Expr,
  type Signals,
  type Strategy,
  session,
  ta,
  tf,
  valueWhen,
  where,
} from '../src/index.ts'

const HOUR = 3_600_000

/** A random walk with gaps, wide bars, equal prices and pauses in time; coarse ticks, so that ties happen. */
export function randomBars(seed: number, length: number): Bars {
  const rng = createRng(seed)
  const rows: number[][] = []
  let close = 100
  let time = Date.UTC(2024, 0, 1)
  for (let i = 0; i < length; i++) {
    const tick = (x: number): number => Math.max(0.5, Math.round(x * 4) / 4)
    const open = rng.uniform() < 0.2 ? tick(close * (1 + (rng.uniform() - 0.5) * 0.1)) : close
    const next = rng.uniform() < 0.2 ? open : tick(open * (1 + (rng.uniform() - 0.5) * 0.06))
    const high = tick(Math.max(open, next) * (1 + rng.uniform() * 0.02))
    const low = tick(Math.min(open, next) * (1 - rng.uniform() * 0.02))
    rows.push([time, open, Math.max(high, open, next), Math.min(low, open, next), next, rng.below(20)])
    close = next
    time += rng.uniform() < 0.1 ? HOUR * (1 + rng.below(30)) : HOUR
  }
  const column = (k: number): number[] => rows.map((row) => row[k])
  return createBars({
    timestamp: column(0),
    open: column(1),
    high: column(2),
    low: column(3),
    close: column(4),
    volume: column(5),
    timeframe: '1h',
    calendar: 'crypto',
  })
}

/** A user's indicator without a stream: the mean of high and low a number of bars before. */
const delayedMiddle = defineIndicator({
  name: 'delayed-middle',
  version: '1',
  kernel: {
    compute: ([high, low], [bars], length) =>
      Float64Array.from({ length }, (_, i) => (i < bars ? NaN : (high[i - bars] + low[i - bars]) / 2)),
  },
})

/** A user's indicator with a stream: sum since the first bar. */
const total = defineIndicator({
  name: 'total',
  version: '1',
  kernel: {
    compute: ([source]) => {
      let sum = 0
      return source.map((x) => {
        sum += x
        return sum
      })
    },
    createStream: () => {
      let sum = 0
      return {
        next: ([x]) => {
          sum += x
          return sum
        },
        save: () => sum,
        restore: (state) => {
          sum = state as number
        },
      }
    },
  },
})

/** A random tree: which builder, its numbers, and its parts. */
export interface Tree {
  readonly pick: number
  readonly a: number
  readonly b: number
  readonly parts: readonly Tree[]
}

const treeOf = (parts: fc.Arbitrary<Tree[]>): fc.Arbitrary<Tree> =>
  fc.record({ pick: fc.nat(1000), a: fc.nat(8), b: fc.nat(8), parts })

/** Trees of up to four levels. */
export const trees: fc.Arbitrary<Tree> = [1, 2, 3].reduce(
  (below) => treeOf(fc.array(below, { maxLength: 2 })),
  treeOf(fc.constant([])),
)

const TIMEFRAMES: readonly string[] = ['2h', '4h', '1d', '1w']

const LEAF: Tree = { pick: 3, a: 0, b: 0, parts: [] }

/** Builds numbers from a tree; every builder of values is reached. */
export function numberOf(tree: Tree, columns: Columns, least = 0): Expr {
  const { open, high, low, close, volume } = columns
  const { a, b, parts } = tree
  const larger = Math.max(least, b % 4) // a timeframe within a timeframe is at least as large
  if (parts.length === 0) return [open, high, low, close, close, volume][tree.pick % 6]
  const x = numberOf(parts[0], columns, least)
  const y = numberOf(parts[1] ?? LEAF, columns, least)
  const n = a + 1
  const makers: readonly (() => Expr)[] = [
    () => ta.sma(x, n),
    () => ta.ema(x, n),
    () => ta.rsi(x, n),
    () => ta.bollinger(x, n + 1, 1 + b / 4).upper,
    () => ta.bollinger(x, n + 1, 1 + b / 4).lower,
    () => x.add(y),
    () => x.sub(y),
    () => x.mul(b / 4),
    () => x.div(y),
    () => x.neg(),
    () => x.abs(),
    () => x.min(y),
    () => x.max(y),
    () => x.abs().sqrt(),
    () => x.abs().log(),
    () => x.sign(),
    () => x.div(7).floor(),
    () => x.lag(a),
    () => x.pow(2),
    () => where(conditionOf(parts[1] ?? LEAF, columns, least), x, b),
    () => barsSince(conditionOf(parts[0], columns, least)),
    () => valueWhen(conditionOf(parts[1] ?? LEAF, columns, least), x, a % 3),
    () => conditionOf(parts[0], columns, least).count(n),
    () => calendar((['hour', 'dayOfWeek', 'minuteOfDay', 'dayOfMonth'] as const)[b % 4], 'America/New_York').add(x),
    () => tf(TIMEFRAMES[larger], numberOf(parts[0], columns, larger)),
    () => delayedMiddle([x, y], a),
    () => total(x),
    () => x.div(10).exp(),
    () => ta.wma(x, n),
    () => ta.roc(x, n),
    () => ta.macd(x, n, n + 2, b + 1).signal,
    () => ta.macd(x, n, n + 2, b + 1).histogram,
    () => ta.rollingMin(x, n),
    () => ta.rollingMax(x, n),
    () => ta.rollingStd(x, n),
    () => ta.rollingSum(x, n),
    () => ta.trueRange().add(x),
    () => ta.atr(n).add(x),
    () => ta.donchian(n).upper.sub(x),
    () => ta.donchian(n).middle.sub(x),
    () => ta.stochastic(n, b + 1, 2).d.add(x),
    () => ta.obv().add(x),
    () => ta.vwap(n).sub(x),
    () => ta.indicator('bollinger', [n, 1.5], x).lower,
  ]
  return makers[tree.pick % makers.length]()
}

/** Builds conditions from a tree; every builder of conditions is reached. */
export function conditionOf(tree: Tree, columns: Columns, least = 0): BooleanExpr {
  const { a, b, parts } = tree
  const larger = Math.max(least, b % 4) // a timeframe within a timeframe is at least as large
  const x = numberOf(parts[0] ?? { ...LEAF, pick: a }, columns, least)
  const y = numberOf(parts[1] ?? { ...LEAF, pick: b + 1 }, columns, least)
  const p = (): BooleanExpr => (parts.length > 0 ? conditionOf(parts[0], columns, least) : x.gt(y))
  const q = (): BooleanExpr => (parts.length > 1 ? conditionOf(parts[1], columns, least) : y.lt(x.lag(1)))
  const makers: readonly (() => BooleanExpr)[] = [
    () => x.crossesAbove(y),
    () => x.crossesBelow(y),
    () => x.crossesAbove(100),
    () => x.gt(y),
    () => x.lt(y),
    () => x.gte(y),
    () => x.lte(y),
    () => x.eq(y),
    () => x.ne(y),
    () => p().and(q()),
    () => p().or(q()),
    () => p().xor(q()),
    () => p().not(),
    () => p().lag(a),
    () => session({ from: `${10 + a}:30`, to: '16:00', timeZone: 'America/New_York', days: [1, 2, 3, 4, 5] }).or(p()),
    () => tf(TIMEFRAMES[larger], parts.length > 0 ? conditionOf(parts[0], columns, larger) : x.gt(y)),
    () => p().and(true),
    () => p().or(false),
  ]
  return makers[tree.pick % makers.length]()
}

/** A strategy from random trees. */
export interface RandomStrategy {
  readonly form: 'events2' | 'events4' | 'states' | 'target'
  readonly trees: readonly Tree[]
  readonly options: SimulationOptions<NodeRef>
  readonly distances: readonly boolean[]
}

const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })

/** Simulation options of every kind. */
export const simulations: fc.Arbitrary<SimulationOptions<NodeRef>> = fc.record({
  preset: fc.constantFrom('reference', 'realistic'),
  fill: some(fc.constantFrom('close', 'nextOpen')),
  direction: fc.constantFrom('long', 'short', 'both'),
  feeBps: some(fc.constantFrom(0, 5, 25)),
  slippageBps: some(fc.constantFrom(0, 3, 20)),
  fixedFee: some(fc.constantFrom(0, 1)),
  stopLoss: some(fc.constantFrom(0.01, 0.03)),
  takeProfit: some(fc.constantFrom(0.01, 0.04)),
  trailingStop: some(fc.constantFrom(0.02, 0.05)),
  stopExit: some(fc.constantFrom('stopMarket', 'stopLimit')),
  timeStopBars: some(fc.constantFrom(1, 5)),
  sizing: some(
    fc.constantFrom(
      { type: 'allIn' } as const,
      { type: 'quantity', quantity: 7 } as const,
      { type: 'quantity', quantity: 200 } as const,
      { type: 'fraction', fraction: 0.4 } as const,
    ),
  ),
  liquidation: some(fc.boolean()),
})

export const randomStrategies: fc.Arbitrary<RandomStrategy> = fc.record({
  form: fc.constantFrom('events2', 'events2', 'events4', 'states', 'target'),
  trees: fc.array(trees, { minLength: 5, maxLength: 5 }),
  options: simulations,
  distances: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
})

/** The strategy of a {@link RandomStrategy}. */
export function strategyOf(random: RandomStrategy): Strategy<Readonly<Record<never, never>>> {
  const { form, trees: list, distances } = random
  return defineStrategy({
    name: 'random',
    params: {},
    signals: (columns): Signals => {
      const [p, q, r, s] = list.map((tree) => conditionOf(tree, columns))
      if (form === 'events2') return { entry: p, exit: q }
      if (form === 'events4') return { entry: p, exit: q, shortEntry: r, shortExit: s }
      if (form === 'states') return { long: p, short: q }
      return { target: where(p, 1, where(q, -0.5, where(r, 0.25, 0))) }
    },
    simulate: (columns) => {
      const distance = numberOf(list[4], columns).abs().min(8)
      return {
        ...(distances[0] ? { stopLoss: { distance } } : {}),
        ...(distances[1] ? { takeProfit: { distance: distance.mul(1.5) } } : {}),
        ...(distances[2] ? { trailingStop: { distance: distance.add(0.5) } } : {}),
      }
    },
  })
}
