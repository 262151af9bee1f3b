// A child process: from the start of the import to the first result of one backtest and of one sweep.
const begun = performance.now()
const { createBars, int } = await import('@tradewright/core')
const { backtest, defineStrategy, sweep, ta } = await import('@tradewright/backtest')
const imported = performance.now()
const close = Float64Array.from({ length: 10_000 }, (_, i) => 100 + 10 * Math.sin(i / 30) + 5 * Math.sin(i / 7))
const timestamp = Float64Array.from(close, (_, i) => i * 3_600_000)
const bars = createBars({
  timestamp,
  open: close,
  high: close,
  low: close,
  close,
  volume: close,
  timeframe: '1h',
  calendar: 'crypto',
})
const strategy = defineStrategy({
  name: 'sma-cross',
  params: { fast: int(2, 50), slow: int(3, 200) },
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
})
const one = backtest(strategy, { fast: 10, slow: 30 }, bars)
const first = performance.now()
const many = sweep(
  strategy,
  Array.from({ length: 100 }, (_, k) => ({ fast: 2 + (k % 10), slow: 20 + k })),
  bars,
)
const swept = performance.now()
console.log(
  JSON.stringify({
    import: imported - begun,
    backtest: first - begun,
    sweep: swept - begun,
    check: one.metrics.trades + many.metrics.trades[0],
  }),
)

// A module: its awaits stand at the top.
export {}
