import { type Bars, createBars, createIndicatorStore } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  type BooleanExpr,
  backtest,
  barsSince,
  type Columns,
  calendar,
  createEvaluate,
  defineIndicator,
  defineStrategy,
  type Expr,
  session,
  ta,
  tf,
  valueWhen,
  where,
} from '../src/index.ts'
import { NodeGraph } from '../src/node-graph.ts'
import { columnsKey, NodeValues, nodeBars } from '../src/node-values.ts'
import { createEvaluateRequest } from './requests.ts'

const HOUR = 3_600_000

/** Bars of these closes; high and low one beside them; from `first`, an hour each. */
function closes(values: readonly number[], first = Date.UTC(2024, 0, 1), timeframe = '1h'): Bars {
  return createBars({
    timestamp: values.map((_, i) => first + i * HOUR),
    open: values,
    high: values.map((x) => x + 1),
    low: values.map((x) => x - 1),
    close: values,
    volume: values.map((_, i) => i),
    ...(timeframe === '' ? {} : { timeframe }),
    calendar: 'crypto',
  })
}

/** A node's text and its column over bars. */
function column(build: (columns: Columns) => Expr | BooleanExpr, bars: Bars): readonly number[] {
  const [program] = defineStrategy({
    name: 'one',
    params: {},
    signals: (columns) => {
      const made = build(columns)
      return made.kind === 'boolean' ? { entry: made } : { target: made }
    },
  }).bind([{}])
  const graph = NodeGraph.of(program.table)
  const values = new NodeValues(graph, nodeBars(bars, 0, bars.length), columnsKey(bars, 0), createIndicatorStore())
  const { entry, target } = program.signals
  return entry === undefined ? [...values.value(target)] : [...values.boolean(entry)]
}

const five = closes([1, 2, 3, 2, 5])

describe('nodes give', () => {
  it.each<[string, (columns: Columns) => Expr | BooleanExpr, readonly number[]]>([
    ['add', ({ close }) => close.add(10), [11, 12, 13, 12, 15]],
    ['sub', ({ close, high }) => high.sub(close), [1, 1, 1, 1, 1]],
    ['mul', ({ close }) => close.mul(close), [1, 4, 9, 4, 25]],
    ['div', ({ close }) => close.div(2), [0.5, 1, 1.5, 1, 2.5]],
    ['pow', ({ close }) => close.pow(2), [1, 4, 9, 4, 25]],
    ['neg', ({ close }) => close.neg(), [-1, -2, -3, -2, -5]],
    ['abs', ({ close }) => close.sub(3).abs(), [2, 1, 0, 1, 2]],
    ['min', ({ close }) => close.min(2), [1, 2, 2, 2, 2]],
    ['max', ({ close }) => close.max(2), [2, 2, 3, 2, 5]],
    ['sqrt', ({ close }) => close.mul(close).sqrt(), [1, 2, 3, 2, 5]],
    ['log', ({ close }) => close.log(), [0, Math.log(2), Math.log(3), Math.log(2), Math.log(5)]],
    ['exp', ({ close }) => close.exp(), [1, 2, 3, 2, 5].map(Math.exp)],
    ['sign', ({ close }) => close.sub(2).sign(), [-1, 0, 1, 0, 1]],
    ['floor', ({ close }) => close.div(2).floor(), [0, 1, 1, 1, 2]],
    ['lag', ({ close }) => close.lag(2), [NaN, NaN, 1, 2, 3]],
    ['lag of a condition', ({ close }) => close.gt(1).lag(2), [0, 0, 0, 1, 1]],
    ['gt', ({ close }) => close.gt(2), [0, 0, 1, 0, 1]],
    ['lt', ({ close }) => close.lt(2), [1, 0, 0, 0, 0]],
    ['gte', ({ close }) => close.gte(2), [0, 1, 1, 1, 1]],
    ['lte', ({ close }) => close.lte(2), [1, 1, 0, 1, 0]],
    ['eq', ({ close }) => close.eq(2), [0, 1, 0, 1, 0]],
    ['ne', ({ close }) => close.ne(2), [1, 0, 1, 0, 1]],
    ['ne is false with NaN', ({ close }) => close.lag(1).ne(2), [0, 1, 0, 1, 0]],
    ['and', ({ close }) => close.gt(1).and(close.lt(3)), [0, 1, 0, 1, 0]],
    ['or', ({ close }) => close.lt(2).or(close.gt(3)), [1, 0, 0, 0, 1]],
    ['xor', ({ close }) => close.gt(1).xor(close.gt(2)), [0, 1, 0, 1, 0]],
    ['not', ({ close }) => close.gt(2).not(), [1, 1, 0, 1, 0]],
    ['crossesAbove', ({ close }) => close.crossesAbove(2), [0, 0, 1, 0, 1]],
    ['crossesBelow', ({ close }) => close.crossesBelow(2.5), [0, 0, 0, 1, 0]],
    ['crossesAbove needs both bars', ({ close }) => close.crossesAbove(close.lag(1)), [0, 0, 0, 0, 1]],
    ['count', ({ close }) => close.gte(2).count(2), [0, 1, 2, 2, 2]],
    ['barsSince', ({ close }) => barsSince(close.eq(2)), [NaN, 0, 1, 0, 1]],
    ['valueWhen', ({ close, volume }) => valueWhen(close.eq(2), volume), [NaN, 1, 1, 3, 3]],
    ['valueWhen, the one before', ({ close, volume }) => valueWhen(close.eq(2), volume, 1), [NaN, NaN, NaN, 1, 1]],
    ['where', ({ close }) => where(close.gt(2), close, -1), [-1, -1, 3, -1, 5]],
    ['sma', ({ close }) => ta.sma(close, 2), [NaN, 1.5, 2.5, 2.5, 3.5]],
    ['an indicator of an expression', ({ close }) => ta.sma(close.mul(2), 2), [NaN, 3, 5, 5, 7]],
  ])('%s', (_, build, expected) => {
    expect(column(build, five)).toEqual(expected)
  })

  it('calendar fields in a time zone, through a change of summer time', () => {
    // 2024-03-10: New York goes from 02:00 to 03:00 at 07:00 UTC.
    const bars = closes([1, 2, 3, 4], Date.UTC(2024, 2, 10, 5))
    expect(column(() => calendar('hour', 'America/New_York'), bars)).toEqual([0, 1, 3, 4])
    expect(column(() => calendar('hour'), bars)).toEqual([5, 6, 7, 8])
    expect(column(() => calendar('dayOfWeek'), bars)).toEqual([0, 0, 0, 0])
    expect(column(() => calendar('month').mul(100).add(calendar('dayOfMonth')), bars)).toEqual([310, 310, 310, 310])
    expect(column(() => calendar('dayOfYear').add(calendar('year')), bars)).toEqual([2094, 2094, 2094, 2094])
    expect(column(() => calendar('minuteOfDay').add(calendar('minute')), bars)).toEqual([300, 360, 420, 480])
  })

  it('sessions, past midnight too', () => {
    const friday = closes(
      Array.from({ length: 30 }, () => 1),
      Date.UTC(2024, 0, 5, 12),
    )
    const hours = (build: () => BooleanExpr): readonly number[] =>
      column(build, friday).flatMap((inside, i) => (inside === 1 ? [(12 + i) % 24] : []))
    expect(hours(() => session({ from: '14:00', to: '16:30', days: [5] }))).toEqual([14, 15, 16])
    expect(hours(() => session({ from: '22:00', to: '02:00', days: [5] }))).toEqual([22, 23, 0, 1])
    expect(hours(() => session({ from: '22:00', to: '02:00', days: [6] }))).toEqual([])
  })

  it('larger timeframes as of their last closed bar', () => {
    const bars = closes([1, 2, 3, 4, 5, 6, 7, 8, 9])
    const four = ({ close }: Columns): Expr => tf('4h', close)
    // The fourth hour reaches the end of the period: its bar is closed with it.
    expect(column(four, bars)).toEqual([NaN, NaN, NaN, 4, 4, 4, 4, 8, 8])
    // Without a timeframe of the bars only the next period tells that the last one is over.
    expect(column(four, closes([1, 2, 3, 4, 5, 6, 7, 8, 9], 0, ''))).toEqual([NaN, NaN, NaN, NaN, 4, 4, 4, 4, 8])
    // First bar: open 1, high 5, low 0, volume 6; second: open 5, high 9, low 4, volume 22.
    const sums = [NaN, NaN, NaN, 12, 12, 12, 12, 40, 40]
    expect(column(({ high, low, open, volume }) => tf('4h', high.add(low).add(open).add(volume)), bars)).toEqual(sums)
    expect(column(({ close }) => tf('2h', ta.sma(close, 2)), bars)).toEqual([NaN, NaN, NaN, 3, 3, 5, 5, 7, 7])
    expect(column(({ close }) => tf('2h', close.gt(3)), bars)).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 1])
  })
})

describe('binding', () => {
  const operations = (build: (columns: Columns) => BooleanExpr): string => {
    const [program] = defineStrategy({ name: 'x', params: {}, signals: (c) => ({ entry: build(c) }) }).bind([{}])
    return program.table.ops[program.signals.entry]
  }
  it('folds what does not change from bar to bar', () => {
    const any = ({ close }: Columns): BooleanExpr => close.gt(1)
    expect(operations((c) => any(c).and(true))).toBe('gt')
    expect(operations((c) => any(c).and(false))).toBe('always')
    expect(operations((c) => any(c).or(true))).toBe('always')
    expect(operations((c) => any(c).or(false))).toBe('gt')
    expect(operations((c) => any(c).xor(true))).toBe('not')
    expect(operations((c) => any(c).xor(any(c)))).toBe('always')
    expect(operations((c) => any(c).not().not())).toBe('gt')
    expect(operations((c) => any(c).and(any(c)))).toBe('gt')
    expect(column((c) => any(c).and(false), five)).toEqual([0, 0, 0, 0, 0])
    expect(column((c) => any(c).or(true), five)).toEqual([1, 1, 1, 1, 1])
    expect(column((c) => any(c).xor(true), five)).toEqual([1, 0, 0, 0, 0])
    expect(column(({ close }) => where(close.gt(1).and(true), close.mul(0).add(2).mul(3), 0), five)).toEqual([
      0, 6, 6, 6, 6,
    ])
  })

  it('makes every expression once over the whole list', () => {
    const strategy = defineStrategy({
      name: 'x',
      params: {},
      signals: ({ close, open }) => ({
        entry: close.gt(open).and(ta.sma(close, 3).lt(close)),
        exit: close.gt(ta.sma(close, 3)).and(open.lt(close)),
      }),
    })
    const [{ signals }] = strategy.bind([{}])
    expect(signals.entry).toBe(signals.exit)
  })
})

describe("users' indicators", () => {
  const late = defineIndicator({
    name: 'wrong-length',
    version: '1',
    kernel: { compute: () => new Float64Array(2) },
  })
  const thrower = defineIndicator({
    name: 'thrower',
    version: '1',
    kernel: {
      compute: () => {
        throw new RangeError('no luck')
      },
    },
  })
  const run = (build: (columns: Columns) => Expr): void =>
    void backtest(
      defineStrategy({ name: 'x', params: {}, signals: (c) => ({ entry: build(c).gt(1), exit: c.close.lt(0) }) }),
      {},
      five,
    )
  it('are named in errors, with the expression that holds them', () => {
    expect(() => run(({ close }) => late(close, 3))).toThrow(
      /BAD_STRATEGY.*in entry > gt > kernel\(close, "wrong-length".*must return a Float64Array of 5 rows, returned 2 rows/,
    )
    expect(() => run(({ high }) => thrower([high]))).toThrow(
      /BAD_STRATEGY.*in entry > gt > kernel\(high, "thrower".*no luck/,
    )
    expect(() => run(({ close }) => late(close, 'a' as never))).toThrow(/BAD_OPTION.*takes numbers/)
  })

  it('are loaded from their module where this process does not know them', async () => {
    const [program] = defineStrategy({
      name: 'x',
      params: {},
      signals: ({ close }) => ({
        entry: defineIndicator({
          name: 'double',
          version: '1',
          kernel: { compute: ([x]) => x.map((v) => 2 * v) },
          module: 'kernels.js',
        })(close).gt(5),
        exit: close.gt(1000),
      }),
    }).bind([{}])
    // As another process would see it: the same nodes, of a version that nobody defined here.
    const table = structuredClone(program.table)
    const constants = table.constants.map((list) => list.map((value) => (value === '1' ? '2' : value)))
    const foreign = { ...program, table: { ...table, constants } }
    const request = createEvaluateRequest(five, foreign, {})({ start: 0, end: 5 })
    const evaluate = (load: (module: string) => Promise<unknown>) =>
      createEvaluate({ resolve: () => five, load })(request)
    const asked: string[] = []
    const [without] = await evaluate(async (module) => {
      asked.push(module)
      return {}
    })
    expect(asked).toEqual(['kernels.js'])
    expect(without).toMatchObject({ status: 'failed', error: { code: 'NOT_FOUND' } })
    const [done] = await evaluate(async () => ({
      double: { compute: ([x]: readonly Float64Array[]) => x.map((v) => 2 * v) },
    }))
    expect(done).toMatchObject({ status: 'done' })
  })
})

describe('ta', () => {
  const noisy = closes(Array.from({ length: 60 }, (_, i) => 100 + ((i * 7919) % 13) / 8))
  it.each<[string, (columns: Columns) => Expr, (columns: Columns) => Expr]>([
    [
      'bollinger.upper',
      ({ close }) => ta.bollinger(close, 7, 1.3).upper,
      ({ close }) => ta.indicator('bollinger', [7, 1.3], close).upper,
    ],
    [
      'bollinger.lower',
      ({ close }) => ta.bollinger(close, 7, 1.3).lower,
      ({ close }) => ta.indicator('bollinger', [7, 1.3], close).lower,
    ],
    ['macd', ({ close }) => ta.macd(close).histogram, ({ close }) => ta.macd(close).macd.sub(ta.macd(close).signal)],
    ['donchian.upper', () => ta.donchian(5).upper, ({ high }) => ta.rollingMax(high, 5)],
    ['rollingSum', ({ close }) => ta.rollingSum(close, 4), ({ close }) => ta.sma(close, 4).mul(4)],
  ])('%s is what its parts say', (_, one, other) => {
    const [a, b] = [column(one, noisy), column(other, noisy)]
    expect(a.filter(Number.isNaN).length).toBeLessThan(60)
    a.forEach((value, i) => {
      if (!Number.isNaN(value)) expect(Math.abs(value - b[i])).toBeLessThan(1e-12)
    })
  })

  it('refuses names and parameters it does not know', () => {
    expect(() => column(({ close }) => ta.indicator('smma', [3], close).value, noisy)).toThrow(/did you mean 'sma'/)
    expect(() => column(() => ta.atr(0.5), noisy)).toThrow(/period of atr must be an integer/)
    expect(() => column(() => ta.sma(undefined as never, 3), noisy)).toThrow(/ta.sma takes a column of numbers/)
  })
})
