import { createBars, float, Hasher, int, oneOf } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { type BooleanExpr, backtest, type Columns, defineStrategy, programKey, type Signals, ta } from '../src/index.ts'
import { barsOf } from './golden-cases.ts'

const cross = defineStrategy({
  name: 'sma-cross',
  params: { fast: int(2, 50), slow: int(3, 200) },
  where: ({ fast, slow }) => fast < slow,
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
})

const strategy = (signals: (columns: Columns) => unknown) =>
  defineStrategy({ name: 'bad', params: {}, signals: signals as (columns: Columns) => Signals })
const bound = (signals: (columns: Columns) => unknown) => () => strategy(signals).bind([{}])

describe('bad input gets an error that says what to do', () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'unknown parameter',
      () => cross.bind([{ fast: 3, slwo: 9 } as never]),
      /UNKNOWN_NAME.*'slwo'; did you mean 'slow'/,
    ],
    ['missing parameter', () => cross.bind([{ fast: 3 } as never]), /BAD_OPTION.*'slow' must be given/],
    [
      'parameter out of range',
      () => cross.bind([{ fast: 51, slow: 60 }]),
      /BAD_OPTION.*'fast' must be a whole number from 2 to 50, was 51/,
    ],
    ['fractional int', () => cross.bind([{ fast: 2.5, slow: 60 }]), /BAD_OPTION.*'fast' must be a whole number/],
    ['against where', () => cross.bind([{ fast: 20, slow: 10 }]), /BAD_OPTION.*must keep the space's where/],
    ['impure signals', bound(({ close }) => ({ entry: close.gt(Math.random()) })), /BAD_STRATEGY.*must be pure/],
    ['arithmetic on columns', bound(({ close }) => ({ entry: ta.sma(close, +close) })), /BAD_STRATEGY.*symbolic/],
    ['columns in text', bound(({ close }) => ({ entry: `${close}` })), /BAD_STRATEGY.*symbolic/],
    [
      'columns compared',
      bound(({ close, open }) => ({ entry: (close as never) > (open as never) })),
      /BAD_STRATEGY.*symbolic/,
    ],
    ['no signals', bound(() => ({})), /BAD_STRATEGY.*at least one signal/],
    ['nothing returned', bound(() => undefined), /BAD_STRATEGY.*must return an object/],
    ['a column returned', bound(({ close }) => close), /BAD_STRATEGY.*must return an object/],
    ['unknown signal', bound(({ close }) => ({ entrry: close.gt(1) })), /UNKNOWN_NAME.*'entrry'; did you mean 'entry'/],
    [
      'a number as a condition',
      bound(({ close }) => ({ entry: close })),
      /BAD_STRATEGY.*entry takes a condition.*was a column of numbers/,
    ],
    [
      'a condition as a number',
      bound(({ close }) => ({ entry: close.gt(close.gt(1) as never) })),
      /BAD_STRATEGY.*gt takes a column of numbers or a number, was a condition/,
    ],
    ['mixed signals', bound(({ close }) => ({ entry: close.gt(1), long: close.gt(1) })), /BAD_STRATEGY.*not a mixture/],
    [
      'a simulate without options',
      () =>
        defineStrategy({
          name: 'x',
          params: {},
          signals: ({ close }) => ({ entry: close.gt(1) }),
          simulate: () => 3 as never,
        }).bind([{}]),
      /BAD_STRATEGY.*simulate must return an object of simulation options, was 3/,
    ],
    [
      'bad period',
      bound(({ close }) => ({ entry: ta.sma(close, 0).gt(1) })),
      /BAD_STRATEGY.*period of sma must be an integer/,
    ],
    [
      'bad lag',
      bound(({ close }) => ({ entry: close.lag(-1).gt(1) })),
      /lag takes a whole number of bars >= 0, was -1/,
    ],
    [
      'a throw',
      bound(() => {
        throw new Error('oh')
      }),
      /BAD_STRATEGY.*strategy 'bad': signals threw for \{\}: oh/,
    ],
    ['ta outside of signals', () => ta.sma({} as never, 3), /BAD_STRATEGY.*ta\.sma may only be called while signals/],
    ['no name', () => defineStrategy({ name: '', params: {}, signals: () => ({}) }), /BAD_STRATEGY.*needs a name/],
    [
      'no signals function',
      () => defineStrategy({ name: 'x', params: {} } as never),
      /BAD_STRATEGY.*must be a function/,
    ],
  ])('%s', (_, run, message) => {
    expect(run).toThrow(message)
  })

  it('columns kept from another binding', () => {
    let kept: BooleanExpr | undefined
    const keeper = strategy(({ close }) => {
      kept ??= close.gt(1)
      return { entry: close.gt(2).and(kept) }
    })
    keeper.bind([{}])
    expect(() => keeper.bind([{}])).toThrow(/BAD_STRATEGY.*mixes columns of two bindings/)
  })

  it('no bars per year: says to state the calendar', () => {
    const bars = barsOf([[1, 1, 1, 1, 1]])
    expect(() => backtest(cross, { fast: 2, slow: 3 }, bars)).toThrow(/BAD_OPTION.*calendar.*barsPerYear/)
  })

  it.each<[string, object, RegExp]>([
    ['unknown option', { feesBps: 3 }, /UNKNOWN_NAME.*did you mean 'feeBps'/],
    ['unknown fill', { fill: 'nextopen' }, /UNKNOWN_NAME.*'nextopen'; did you mean 'nextOpen'/],
    ['negative fee', { feeBps: -1 }, /BAD_OPTION.*feeBps must be from 0/],
    ['stop of 1', { stopLoss: 1 }, /BAD_OPTION.*stopLoss must be a fraction above 0 and below 1, was 1/],
    ['stop without a node', { stopLoss: { distance: 3 } }, /BAD_OPTION.*stopLoss must be a fraction or/],
    ['fraction above 1', { sizing: { type: 'fraction', fraction: 2 } }, /BAD_OPTION.*sizing.fraction/],
    ['unknown sizing', { sizing: { type: 'all' } }, /UNKNOWN_NAME.*sizing.type/],
    ['no cash', { initialCash: 0 }, /BAD_OPTION.*initialCash/],
    ['half a bar', { timeStopBars: 1.5 }, /BAD_OPTION.*timeStopBars/],
    ['unknown metric', { metrics: ['sharp'] }, /UNKNOWN_NAME.*did you mean 'sharpe'/],
    ['empty range', { start: 1, end: 1 }, /BAD_OPTION.*0 <= warmupStart <= start < end <= 1/],
  ])('%s', (_, options, message) => {
    const bars = barsOf([[1, 1, 1, 1, 1]])
    expect(() => backtest(cross, { fast: 2, slow: 3 }, bars, { barsPerYear: 252, ...options } as never)).toThrow(
      message,
    )
  })

  it('a direction that its signals cannot trade', () => {
    const bars = barsOf([[1, 1, 1, 1, 1]])
    const only = strategy(({ close }) => ({ short: close.gt(1) }))
    expect(() => backtest(only, {}, bars, { barsPerYear: 252 })).toThrow(
      /BAD_STRATEGY.*direction 'long' needs a signal 'long'/,
    )
  })
})

describe('tryBind', () => {
  it('fails one set of parameters and binds the others', () => {
    const picky = defineStrategy({
      name: 'picky',
      params: { n: int(1, 9) },
      signals: ({ close }, { n }) => {
        if (n === 5) throw new Error('five')
        return { entry: close.gt(n), exit: close.lt(n) }
      },
    })
    const bindings = picky.tryBind([{ n: 1 }, { n: 5 }, { n: 7 }])
    expect(bindings.map(({ status }) => status)).toEqual(['bound', 'failed', 'bound'])
    expect(bindings[1]).toMatchObject({ error: { code: 'BAD_STRATEGY', details: { params: { n: 5 } } } })
  })

  it('does not let impurity pass', () => {
    const impure = strategy(({ close }) => ({ entry: close.gt(Math.random()) }))
    expect(() => impure.tryBind([{}])).toThrow(/must be pure/)
  })
})

describe('programKey', () => {
  const keyOf = (fast: number, slow: number, others: readonly { fast: number; slow: number }[] = []): string =>
    programKey(cross.bind([...others, { fast, slow }])[others.length])

  it('is the same in every batch and after a structured clone', () => {
    const alone = keyOf(5, 20)
    expect(
      keyOf(5, 20, [
        { fast: 20, slow: 40 },
        { fast: 3, slow: 5 },
      ]),
    ).toBe(alone)
    expect(programKey(structuredClone(cross.bind([{ fast: 5, slow: 20 }])[0]))).toBe(alone)
    expect(alone).toMatch(/^[0-9a-f]{32}$/)
  })

  it('differs with every parameter, option and prefix', () => {
    const make = (params: { n: number; stop: number; distance: number }) => {
      const made = defineStrategy({
        name: 'x',
        params: { n: float(0, 9), stop: float(0, 1), distance: float(0, 9) },
        signals: ({ close }, { n }) => ({ entry: close.gt(n), exit: close.lt(n) }),
        simulate: ({ close }, { stop, distance }) =>
          distance > 0 ? { stopLoss: { distance: close.mul(distance) } } : stop > 0 ? { stopLoss: stop } : {},
      })
      return made.bind([params])[0]
    }
    const programs = [
      make({ n: 1, stop: 0, distance: 0 }),
      make({ n: 2, stop: 0, distance: 0 }),
      make({ n: 1, stop: 0.1, distance: 0 }),
      make({ n: 1, stop: 0.2, distance: 0 }),
      make({ n: 1, stop: 0, distance: 1 }),
      make({ n: 1, stop: 0, distance: 2 }),
    ]
    const keys = programs.flatMap((program) => [
      programKey(program),
      programKey(program, new Hasher().value('a')),
      programKey(program, new Hasher().value('b')),
    ])
    expect(new Set(keys).size).toBe(18)
  })

  it('does not depend on inactive parameters, names or the order of commuting operands', () => {
    const made = (swap: boolean, name: string) =>
      defineStrategy({
        name,
        params: { exit: oneOf('kind', { none: { unused: int(1, 9) }, time: { bars: int(1, 9) } }) },
        signals: ({ close, open }) => {
          const a = swap ? open.gt(3) : close.gt(1)
          const b = swap ? close.gt(1) : open.gt(3)
          return { entry: a.and(b), exit: a.or(b) }
        },
        simulate: (_, { exit }) => (exit.kind === 'time' ? { timeStopBars: exit.bars } : {}),
      })
    const key = (swap: boolean, name: string, exit: never): string => programKey(made(swap, name).bind([{ exit }])[0])
    const base = key(false, 'one', { kind: 'none', unused: 1 } as never)
    expect(key(true, 'two', { kind: 'none', unused: 2 } as never)).toBe(base)
    expect(key(true, 'two', { kind: 'time', bars: 2 } as never)).not.toBe(base)
  })

  it('tells one signal from another', () => {
    const made = (name: string) => strategy(({ close }) => ({ [name]: close.gt(1) })).bind([{}])[0]
    const keys = ['entry', 'exit', 'shortEntry', 'shortExit', 'long', 'short'].map((name) => programKey(made(name)))
    expect(new Set(keys).size).toBe(6)
  })

  it('tells entry from exit', () => {
    const one = strategy(({ close }) => ({ entry: close.gt(1), exit: close.gt(2) })).bind([{}])[0]
    const other = strategy(({ close }) => ({ entry: close.gt(2), exit: close.gt(1) })).bind([{}])[0]
    expect(programKey(one)).not.toBe(programKey(other))
  })
})

describe('bars', () => {
  it('state the calendar once and every figure is scaled by it', () => {
    const n = 40
    const bars = createBars({
      timestamp: Array.from({ length: n }, (_, i) => i * 86_400_000),
      ...(Object.fromEntries(
        ['open', 'high', 'low', 'close', 'volume'].map((name) => [
          name,
          Array.from({ length: n }, (_, i) => 100 + (i % 7)),
        ]),
      ) as Record<'open' | 'high' | 'low' | 'close' | 'volume', number[]>),
      timeframe: '1d',
      calendar: 'equity',
    })
    expect(backtest(cross, { fast: 2, slow: 5 }, bars).barsPerYear).toBe(252)
    expect(backtest(cross, { fast: 2, slow: 5 }, bars, { barsPerYear: 260 }).barsPerYear).toBe(260)
  })
})
