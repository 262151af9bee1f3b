import { type Bars, createIndicatorStore, isTradewrightError, viewRange } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  backtest,
  bindFeatures,
  createEvaluate,
  defineStrategy,
  type FeatureSpecs,
  featureMatrix,
  featureStream,
  type LiveBar,
  lendPredictor,
  type Predictor,
  parseStrategy,
  programKey,
  ta,
  tf,
  withPrediction,
} from '../src/index.ts'
import { randomBars } from './arbitraries.ts'

const specs: FeatureSpecs = ({ close, high, low, volume }) => ({
  rsi: ta.rsi(close, 5),
  move: close.div(close.lag(2)).sub(1),
  range: high.sub(low).div(ta.atr(4)),
  slow: tf('4h', ta.sma(close, 3)),
  busy: volume.gt(ta.sma(volume, 6)),
  odd: close.div(volume),
})

const barAt = (bars: Bars, i: number): LiveBar => ({
  timestamp: bars.timestamp[i],
  open: bars.open[i],
  high: bars.high[i],
  low: bars.low[i],
  close: bars.close[i],
  volume: bars.volume[i],
})

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    return isTradewrightError(error) ? error.code : String(error)
  }
}

describe('a feature matrix', () => {
  it('holds the columns of its expressions, from the first row in which all are known', () => {
    const bars = randomBars(3, 60)
    const X = featureMatrix(bars, ({ close }) => ({ slow: ta.sma(close, 10), close, up: close.gt(close.lag(1)) }))
    expect([X.names, X.rows, X.columns, X.firstRow]).toEqual([['slow', 'close', 'up'], 60, 3, 9])
    for (let i = 0; i < 60; i++) {
      const mean = Math.fround([...bars.close.subarray(i - 9, i + 1)].reduce((a, b) => a + b, 0) / 10)
      const row = i < 9 ? [NaN, NaN, NaN] : [mean, bars.close[i], Number(bars.close[i] > bars.close[i - 1])]
      expect([...X.data.subarray(3 * i, 3 * i + 3)]).toEqual(row)
    }
    expect(X.timestamp).toBe(bars.timestamp)
  })

  it('is the same bar by bar, and over a prefix, to the last bit', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 90 }), fc.nat(), (seed, length, cut) => {
        const bars = randomBars(seed, length)
        const X = featureMatrix(bars, specs)
        const at = cut % (length + 1)
        const part = featureMatrix(viewRange(bars, 0, at), specs)
        expect(part.data).toEqual(X.data.slice(0, at * X.columns))
        expect(part.firstRow).toBe(Math.min(at, X.firstRow))
        let stream = featureStream(specs, { timeframe: '1h' })
        for (let i = 0; i < length; i++) {
          if (i === at) {
            const next = featureStream(specs, { timeframe: '1h' })
            next.restore(structuredClone(stream.save()))
            stream = next
          }
          expect(stream.push(barAt(bars, i))).toEqual(X.data.slice(i * X.columns, (i + 1) * X.columns))
          expect(stream.ready).toBe(i >= X.firstRow)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('is computed once: indicators and the matrix come from the store, by content', () => {
    const bars = randomBars(5, 200)
    const store = createIndicatorStore()
    const first = featureMatrix(bars, specs, { store })
    const { misses } = store.stats()
    const again = featureMatrix(randomBars(5, 200), specs, { store })
    expect(store.stats().misses).toBe(misses)
    expect(again.data.buffer).toBe(first.data.buffer)
    expect(again.fingerprint).toBe(first.fingerprint)
    expect(featureMatrix(randomBars(6, 200), specs, { store }).fingerprint).not.toBe(first.fingerprint)
    expect(bindFeatures(({ close }) => ({ a: close.add(1) })).key).not.toBe(
      bindFeatures(({ close }) => ({ b: close.add(1) })).key,
    )
  })

  it('gives what is not finite in 32 bits as missing', () => {
    const bars = randomBars(7, 30)
    const X = featureMatrix(bars, ({ close }) => ({ close, gone: close.div(close.sub(close.lag(1)).abs()) }))
    const moved = [...bars.close].map((value, i) => i > 0 && value !== bars.close[i - 1])
    for (let i = X.firstRow; i < 30; i++) expect(Number.isNaN(X.data[2 * i + 1])).toBe(!moved[i])
    expect(moved.slice(X.firstRow).includes(false)).toBe(true)
  })

  it('refuses what are no features', () => {
    const bars = randomBars(1, 10)
    expect(codeOf(() => featureMatrix(bars, () => ({})))).toBe('BAD_STRATEGY')
    expect(codeOf(() => featureMatrix(bars, (({ close }: { close: never }) => close) as never))).toBe('BAD_STRATEGY')
    let calls = 0
    expect(codeOf(() => featureMatrix(bars, ({ close }) => ({ lag: close.lag(++calls) })))).toBe('BAD_STRATEGY')
    expect(codeOf(() => featureMatrix(bars, undefined as never))).toBe('BAD_STRATEGY')
    const other = featureStream(({ close }) => ({ close }))
    expect(codeOf(() => other.restore(featureStream(specs, { timeframe: '1h' }).save()))).toBe('BAD_DATA')
  })
})

describe('a prediction', () => {
  /** Expects what the features say, from a time on; what it was asked is written down. */
  const predictor = (key: string, from: number, factor = 1): Predictor & { readonly rows: () => number } => {
    let rows = 0
    return {
      key,
      names: ['move', 'rsi'],
      rows: () => rows,
      predict(timestamp, X) {
        rows += X.rows
        return Float64Array.from(timestamp, (t, i) => (t < from ? NaN : factor * X.data[2 * i] + X.data[2 * i + 1]))
      },
    }
  }
  const strategy = defineStrategy({
    name: 'trusting',
    params: {},
    signals: ({ prediction, close }) => ({
      entry: prediction.gt(55),
      exit: prediction.crossesBelow(50).or(close.gt(120)),
    }),
  })
  const features: FeatureSpecs = ({ close }) => ({ move: ta.roc(close, 3), rsi: ta.rsi(close, 7) })
  const bars = randomBars(11, 300)
  const simulation = { preset: 'reference', barsPerYear: 8760 } as const

  it('is a column of the strategy: batch and bar by bar give the same signals, before its first time none', () => {
    const from = bars.timestamp[100]
    const giveBack = lendPredictor(predictor('a', from))
    const [program] = withPrediction({ key: 'a', features }, () => strategy.bind([{}]))
    const saved = parseStrategy(
      JSON.parse(JSON.stringify(withPrediction({ key: 'a', features }, () => strategy.save({})))) as never,
    )
    const result = backtest(saved, saved.params, bars, simulation)
    expect(result.orders.length).toBeGreaterThanOrEqual(4)
    expect(result.orders[0].index).toBeGreaterThanOrEqual(100)
    const X = featureMatrix(bars, features)
    const live = saved.stream({ ...simulation, timeframe: '1h' })
    const entries: number[] = []
    for (let i = 0; i < bars.length; i++) {
      const { signals } = live.push(barAt(bars, i))
      if (signals.entry === true) entries.push(i)
    }
    const wanted = [...bars.timestamp.keys()].filter(
      (i) => bars.timestamp[i] >= from && X.data[2 * i] + X.data[2 * i + 1] > 55,
    )
    expect(entries).toEqual(wanted)
    expect(programKey(saved.program)).toBe(programKey(program))
    giveBack()
    giveBack()
    expect(codeOf(() => backtest(saved, saved.params, bars, simulation))).toBe('NOT_AVAILABLE')
  })

  it('has a key of its models: another one is another program, the same one is asked once', async () => {
    const first = predictor('one', 0)
    const back = [lendPredictor(first), lendPredictor(predictor('two', 0, -1))]
    const of = (key: string) => withPrediction({ key, features }, () => strategy.bind([{}])[0])
    expect(programKey(of('one'))).not.toBe(programKey(of('two')))
    expect(programKey(of('one'))).toBe(programKey(of('one')))
    const evaluate = createEvaluate({ resolve: () => bars })
    const slice = { symbol: '', data: bars.fingerprint, warmupStart: 0, weight: 1, final: true }
    const evaluations = await evaluate({
      trials: [of('one'), of('two'), of('one')].map((program, id) => ({ id, program })),
      slices: [
        { ...slice, id: 'all', start: 0, end: 300 },
        { ...slice, id: 'half', start: 0, end: 150 },
      ],
      simulation,
      want: { state: false, returns: false, metrics: 'standard' },
      signal: new AbortController().signal,
    })
    const [one, two, again] = evaluations.map((e) => (e.status === 'done' ? e.slices[0].metrics.totalReturn : e.error))
    expect(one).toBe(again)
    expect(one).not.toBe(two)
    expect(first.rows()).toBe(293)
    for (const giveBack of back) giveBack()
  })

  it('says what is missing', () => {
    expect(codeOf(() => strategy.bind([{}]))).toBe('BAD_STRATEGY')
    expect(() => strategy.bind([{}])).toThrow(/needs a model/)
    const self: FeatureSpecs = ({ prediction }) => ({ again: prediction })
    expect(() => withPrediction({ key: 'a', features: self }, () => strategy.bind([{}]))).toThrow(/needs a model/)
    const giveBack = lendPredictor(predictor('b', 0))
    const [program] = withPrediction({ key: 'b', features: specs }, () => strategy.bind([{}]))
    expect(codeOf(() => backtest(program, {}, bars, simulation))).toBe('BAD_SHAPE')
    giveBack()
    // A copy of the columns reads nothing.
    const copying = defineStrategy({
      name: 'copying',
      params: {},
      signals: (columns) => ({ entry: { ...columns }.close.gt(1) }),
    })
    expect(copying.bind([{}])).toHaveLength(1)
  })
})
