// The three strategies of the main job.
import { defineStrategy, float, int, ta } from 'tradewright'

export const smaCross = defineStrategy({
  name: 'SMA cross',
  params: { fast: int(5, 60), slow: int(20, 250), stop: float(0.02, 0.2) },
  where: ({ fast, slow }) => fast < slow,
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
  simulate: (_columns, { stop }) => ({ stopLoss: stop }),
})

export const rsiReversion = defineStrategy({
  name: 'RSI reversion',
  params: { period: int(2, 30), low: int(10, 45), high: int(50, 90) },
  signals: ({ close }, { period, low, high }) => ({
    entry: ta.rsi(close, period).crossesBelow(low),
    exit: ta.rsi(close, period).crossesAbove(high),
  }),
})

export const bollingerBreakout = defineStrategy({
  name: 'Bollinger breakout',
  params: { period: int(5, 120), width: float(0.5, 3) },
  signals: ({ close }, { period, width }) => {
    const { upper, middle } = ta.bollinger(close, period, width)
    return { entry: close.crossesAbove(upper), exit: close.crossesBelow(middle) }
  },
})
