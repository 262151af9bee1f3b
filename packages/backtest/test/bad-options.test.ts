import { type Bars, choice, createBars, int, isTradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { backtest, defineStrategy, sweep, sweepPrograms, ta } from '../src/index.ts'

const close = Array.from({ length: 300 }, (_, i) => 100 + 10 * Math.sin(i / 9) + (i % 7))
const bars: Bars = createBars({
  timestamp: close.map((_, i) => i * 3_600_000),
  open: close,
  high: close.map((x) => x + 1),
  low: close.map((x) => x - 1),
  close,
  volume: close,
  timeframe: '1h',
  calendar: 'crypto',
})
const cross = defineStrategy({
  name: 'cross',
  params: { fast: int(2, 50), slow: int(3, 200) },
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
})
const params = { fast: 3, slow: 9 }

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return isTradewrightError(error) ? error.message : `not ours: ${error}`
  }
  return 'accepted'
}

describe('an option that cannot be gets one clear error', () => {
  const rows: readonly [string, unknown, RegExp][] = [
    ['feeBps', NaN, /BAD_OPTION.*feeBps must be from 0 to below 10000, was NaN/],
    ['feeBps', 10n, /BAD_OPTION.*feeBps.*was 10/],
    ['slippageBps', Symbol('x'), /BAD_OPTION.*slippageBps.*was Symbol\(x\)/],
    ['stopLoss', -Infinity, /BAD_OPTION.*stopLoss.*was -Infinity/],
    ['stopLoss', { distance: 3 }, /BAD_OPTION.*stopLoss must be a fraction or.*simulate/],
    ['liquidation', 'no', /BAD_OPTION.*liquidation must be true or false, was "no"/],
    ['metrics', 3, /BAD_OPTION.*metrics must be 'standard' or a list of names, was 3/],
    ['metrics', '', /BAD_OPTION.*metrics must be 'standard' or a list of names, was ""/],
    ['metrics', 'sharpe', /BAD_OPTION.*metrics must be 'standard' or a list of names, was "sharpe"/],
    ['metrics', [undefined], /UNKNOWN_NAME.*'undefined'/],
    ['nope', 3, /UNKNOWN_NAME.*'nope'/],
  ]
  it.each(rows)('%s: %o', (name, value, message) => {
    const options = { [name]: value } as never
    expect(messageOf(() => backtest(cross, params, bars, options))).toMatch(message)
    expect(messageOf(() => sweep(cross, [params], bars, options))).toMatch(message)
    expect(messageOf(() => sweep(cross, [], bars, options))).toMatch(message)
  })

  it.each(['stopLoss', 'takeProfit', 'trailingStop'])('%s at a node that is not there, or is no number', (name) => {
    const [program] = cross.bind([params])
    for (const node of [program.table.ops.length, 1e6, program.signals.entry as number]) {
      const option = { [name]: { distance: { node } } }
      const message = new RegExp(`BAD_OPTION.*${name} must name a node of numbers.*was ${node}`)
      expect(messageOf(() => backtest(program, params, bars, option))).toMatch(message)
      expect(messageOf(() => sweepPrograms([program], bars, option))).toMatch(message)
    }
  })

  it('metrics that simulate names for a trial are the only ones that a sweep gives for it', () => {
    const some = defineStrategy({
      name: 'some',
      params: { fast: int(2, 50) },
      signals: ({ close }, { fast }) => ({ entry: close.gt(ta.sma(close, fast)), exit: close.lt(ta.sma(close, fast)) }),
      simulate: (_columns, { fast }) => (fast === 3 ? { metrics: ['sharpe'] } : {}),
    })
    const { metrics } = sweep(some, [{ fast: 3 }, { fast: 5 }], bars)
    expect([...metrics.trades].map(Number.isNaN)).toEqual([true, false])
    expect(metrics.sharpe.some(Number.isNaN)).toBe(false)
    expect(Object.keys(backtest(some, { fast: 3 }, bars).metrics)).toEqual(['sharpe'])
  })

  const ofRun: readonly [string, unknown, RegExp][] = [
    ['final', 'no', /BAD_OPTION.*final must be true or false, was "no"/],
    ['start', '3', /BAD_OPTION.*0 <= warmupStart <= start < end <= 300/],
    ['indicators', {}, /BAD_OPTION.*indicators must be an indicator store/],
  ]
  it.each(ofRun)('%s: %o', (name, value, message) => {
    const options = { [name]: value } as never
    expect(messageOf(() => backtest(cross, params, bars, options))).toMatch(message)
    expect(messageOf(() => sweep(cross, [params], bars, options))).toMatch(message)
    expect(messageOf(() => sweep(cross, [], bars, options))).toMatch(message)
  })

  it('an engine that is none', () => {
    expect(messageOf(() => sweep(cross, [params], bars, { engine: 'fats' as never }))).toMatch(
      /UNKNOWN_NAME.*'fats'; did you mean 'fast'/,
    )
  })

  it('arguments that are none', () => {
    expect(messageOf(() => backtest(null as never, params, bars))).toMatch(/BAD_OPTION.*strategy.*was null/)
    expect(messageOf(() => backtest({} as never, params, bars))).toMatch(/BAD_OPTION.*strategy/)
    expect(messageOf(() => backtest(cross, params, null as never))).toMatch(/BAD_OPTION.*bars.*was null/)
    expect(messageOf(() => backtest(cross, params, [] as never))).toMatch(/BAD_OPTION.*bars/)
    expect(messageOf(() => backtest(cross, params, bars, null as never))).toMatch(/BAD_OPTION.*options.*was null/)
    expect(messageOf(() => sweep(null as never, [params], bars))).toMatch(/BAD_OPTION.*strategy.*was null/)
    expect(messageOf(() => sweep(cross, params as never, bars))).toMatch(/BAD_OPTION.*list of parameters/)
    expect(messageOf(() => sweep(cross, [params], {} as never))).toMatch(/BAD_OPTION.*bars/)
    expect(messageOf(() => sweep(cross, [params], bars, 3 as never))).toMatch(/BAD_OPTION.*options.*was 3/)
  })
})

it('a time stop of more bars than there are is none, in every form', () => {
  const whole = sweep(cross, [params], bars).metrics.totalReturn[0]
  for (const timeStopBars of [2 ** 31 - 1, 2 ** 32 + 5, 1e300])
    for (const engine of ['fast', 'kernels', 'plain'] as const)
      expect(sweep(cross, [params], bars, { timeStopBars, engine }).metrics.totalReturn[0]).toBeCloseTo(whole, 12)
})

describe('toArrow', () => {
  const mixed = defineStrategy({
    name: 'mixed',
    params: { trades: int(1, 3), kind: choice(['a', 1, true, null]) },
    signals: ({ close }) => ({ entry: close.gt(0) }),
  })

  it('keeps a parameter that is named like a metric, and values of several types as text', async () => {
    const table = await sweep(
      mixed,
      [
        { trades: 2, kind: 'a' },
        { trades: 3, kind: 1 },
        { trades: 3, kind: null },
      ],
      bars,
    ).toArrow()
    expect([...(table.getChild('params.trades') ?? [])]).toEqual([2, 3, 3])
    expect([...(table.getChild('trades') ?? [])]).toEqual([1, 1, 1])
    expect([...(table.getChild('kind') ?? [])]).toEqual(['a', '1', null])
  })
})
