import {
  type BooleanExpr,
  createEvaluate,
  createFastPath,
  defineStrategy,
  type Strategy,
  ta,
} from '@tradewright/backtest'
import {
  type Bars,
  createBars,
  createRng,
  type Evaluate,
  type EvaluationRequest,
  float,
  int,
  type Slice,
  type TrialRef,
} from '@tradewright/core'

/** A random walk with volume and ranges. */
export function walk(length: number, seed: number): Bars {
  const rng = createRng(seed, 0)
  let price = 100
  const close = Float64Array.from({ length }, () => {
    price *= Math.exp(0.004 * rng.normal())
    return price
  })
  const open = close.map((p, i) => (i === 0 ? p : close[i - 1]))
  return createBars({
    symbol: `S${seed}`,
    timestamp: close.map((_, i) => i * 3_600_000),
    open,
    high: close.map((p, i) => Math.max(p, open[i]) * (1 + 0.002 * rng.uniform())),
    low: close.map((p, i) => Math.min(p, open[i]) * (1 - 0.002 * rng.uniform())),
    close,
    volume: close.map(() => 1 + rng.uniform()),
    timeframe: '1h',
    calendar: 'crypto',
  })
}

export interface CrossParams {
  readonly fast: number
  readonly slow: number
  readonly stop: number
}

/** A crossing with a filter and stops, one of them an expression. */
export const cross: Strategy<CrossParams> = defineStrategy({
  name: 'cross',
  params: { fast: int(2, 40), slow: int(41, 120), stop: float(0.01, 0.1) },
  signals: ({ close }, { fast, slow }): { entry: BooleanExpr; exit: BooleanExpr } => ({
    entry: ta.sma(close, fast).crossesAbove(ta.ema(close, slow)).and(ta.rsi(close, 14).lt(80)),
    exit: ta.sma(close, fast).crossesBelow(ta.ema(close, slow)),
  }),
  simulate: (_columns, { stop, fast }) => ({
    stopLoss: stop,
    ...(fast % 2 === 0 ? { takeProfit: { distance: ta.atr(14).mul(6) } } : {}),
  }),
})

export function points(count: number, seed: number = 5): readonly CrossParams[] {
  const rng = createRng(seed, 1)
  return Array.from({ length: count }, () => cross.space.sample(rng))
}

export function slicesOf(bars: Bars): readonly Slice[] {
  const { length } = bars
  const base = { symbol: bars.symbol, data: bars.fingerprint, warmupStart: 0, weight: 1 }
  const half = Math.floor(length / 2)
  return [
    { ...base, id: 'a', start: 150, end: half, final: false },
    { ...base, id: 'b', warmupStart: 100, start: half, end: length, final: true },
  ]
}

export function requestOf(bars: Bars, count: number, over: Partial<EvaluationRequest> = {}): EvaluationRequest {
  const programs = cross.bind(points(count))
  return {
    trials: programs.map((program, i): TrialRef => ({ id: 1000 + i, program })),
    slices: slicesOf(bars),
    simulation: {},
    want: { state: false, returns: false, metrics: 'standard' },
    signal: new AbortController().signal,
    ...over,
  }
}

/** The engine in line. */
export function engineOf(bars: readonly Bars[], engine: 'fast' | 'plain'): Evaluate {
  return createEvaluate({
    resolve: (fingerprint) => bars.find((b) => b.fingerprint === fingerprint),
    engine,
    ...(engine === 'fast' ? { fast: createFastPath() } : {}),
  })
}
