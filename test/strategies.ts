import { defineStrategy, float, int, ta } from 'tradewright'

/** The headline strategy. */
export const smaCross = defineStrategy({
  name: 'sma-cross',
  params: { fast: int(3, 30), slow: int(10, 90), stop: float(0.02, 0.2) },
  where: ({ fast, slow }) => fast < slow,
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
  simulate: (_columns, { stop }) => ({ stopLoss: stop }),
})

/** A strategy whose signals throw for one value of its parameter. */
export const brittle = defineStrategy({
  name: 'brittle',
  params: { period: int(2, 9) },
  signals: ({ close }, { period }) => {
    if (period === 5) throw new Error('five is right out')
    return { long: close.gt(ta.sma(close, period)) }
  },
})

/** The same without a stop, so that every order follows from a signal. */
export const withoutStop = defineStrategy({
  name: 'without-stop',
  params: { fast: int(3, 30), slow: int(10, 90) },
  where: ({ fast, slow }) => fast < slow,
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
})
