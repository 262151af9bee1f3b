import { type Bars, TradewrightError } from '@tradewright/core'
import { checkHorizon, labelClasses } from './label-fixed-horizon.ts'
import { createLabels, type Labels } from './labels.ts'

/** What {@link tripleBarrier} takes. */
export interface TripleBarrierOptions {
  readonly bars: Bars
  /** Upper barrier: a return, or with `volatility` a multiple of it; above 0, Infinity for none. */
  readonly up: number
  /** Lower barrier, as a positive number; Infinity for none. */
  readonly down: number
  /** Bars after which neither has been touched: the vertical barrier. */
  readonly horizon: number
  /** shape [bars]: a return each bar, by which the barriers are scaled; NaN or 0 for no label. @default 1 everywhere */
  readonly volatility?: Float64Array | undefined
  /**
   * `close`: a barrier is touched by a close beyond it, as in the book. `range`: by a high or low at it; where one bar
   * touches both, the lower one counts, as the simulator's stop comes before its take profit. @default 'close'
   */
  readonly touch?: 'close' | 'range' | undefined
  /** At the vertical barrier `side` gives 0, or the sign of the return there. @default 'zero' */
  readonly vertical?: 'zero' | 'sign' | undefined
  /** `side`: which barrier, as -1, 0, 1. `up`: whether it was the upper one, as 0, 1. @default 'side' */
  readonly classes?: 'side' | 'up' | undefined
}

function check({ bars, up, down, horizon, volatility, touch, vertical }: TripleBarrierOptions): void {
  checkHorizon(horizon)
  for (const [name, value] of Object.entries({ up, down }))
    if (!(typeof value === 'number' && value > 0))
      throw new TradewrightError('BAD_OPTION', `${name} must be above 0, was ${value}`, { [name]: value })
  if (volatility !== undefined && volatility.length !== bars.length)
    throw new TradewrightError(
      'BAD_SHAPE',
      `volatility must have one value a bar (${bars.length}), had ${volatility.length}`,
    )
  if (touch !== undefined && touch !== 'close' && touch !== 'range')
    throw new TradewrightError('BAD_OPTION', `touch must be 'close' or 'range', was '${String(touch)}'`, { touch })
  if (vertical !== undefined && vertical !== 'zero' && vertical !== 'sign')
    throw new TradewrightError('BAD_OPTION', `vertical must be 'zero' or 'sign', was '${String(vertical)}'`, {
      vertical,
    })
}

/**
 * Which of three barriers the price touches first after each bar's close: one above, one below, one in time.
 *
 * Known at the close of the bar that touches, at the latest `horizon` bars later: near the newest bar a label may be
 * known before its horizon has passed. A bar whose close is not above 0, or that has no volatility, never gets one; a
 * bar without a price on the way touches nothing.
 *
 * @throws TradewrightError `BAD_OPTION`, `BAD_SHAPE`.
 * @see López de Prado (2018), "Advances in Financial Machine Learning", sections 3.3 to 3.5. There the vertical barrier
 *   gives the sign of the return (here by `vertical: 'sign'`), and events may be a subset of the bars.
 */
export function tripleBarrier(options: TripleBarrierOptions): Labels {
  check(options)
  const { bars, up, down, horizon, volatility, touch = 'close', vertical = 'zero', classes = 'side' } = options
  const values = labelClasses(classes)
  const { close, length } = bars
  const range = touch === 'range'
  const high = range ? bars.high : close
  const low = range ? bars.low : close
  const y = new Float64Array(length).fill(Number.NaN)
  const knownAt = new Int32Array(length).fill(-1)
  for (let i = 0; i < length; i++) {
    const from = close[i]
    const scale = volatility === undefined ? 1 : volatility[i]
    if (!(from > 0 && scale > 0)) continue
    let side = Number.NaN
    let at = i
    for (const end = Math.min(length - 1, i + horizon); at < end && side !== side; ) {
      at++
      // As the book has it, a close must lie beyond; an order at the level would fill at a high or low on it.
      const rise = high[at] / from - 1
      const fall = low[at] / from - 1
      if (range ? fall <= -down * scale : fall < -down * scale) side = -1
      else if (range ? rise >= up * scale : rise > up * scale) side = 1
    }
    if (side !== side) {
      if (at < i + horizon) continue
      side = vertical === 'zero' ? 0 : Math.sign(close[at] / from - 1)
      if (side !== side) continue
    }
    knownAt[i] = at
    y[i] = values.indexOf(classes === 'up' ? Math.max(0, side) : side)
  }
  return createLabels({ y, knownAt, classes: values })
}

/**
 * Exponentially weighted deviation of the bars' returns, for barriers that widen with the market's moves.
 *
 * @param span in bars, above 1; the newest return weighs 2 / (span + 1).
 * @returns shape [bars]; NaN on the first two bars and after a bar without a price.
 * @see López de Prado (2018), snippet 3.1; weights and bias as pandas' `ewm(span).std()`, on returns from bar to bar.
 */
export function ewmVolatility(bars: Bars, span: number): Float64Array {
  if (!(span > 1 && Number.isFinite(span)))
    throw new TradewrightError('BAD_OPTION', `span must be a number of bars above 1, was ${span}`, { span })
  const keep = 1 - 2 / (span + 1)
  const { close, length } = bars
  const out = new Float64Array(length).fill(Number.NaN)
  // West (1979): weighted mean and sum of squares, updated without cancellation.
  let weights = 0
  let squares = 0
  let mean = 0
  let spread = 0
  for (let i = 1; i < length; i++) {
    const value = close[i] / close[i - 1] - 1
    weights = weights * keep + 1
    squares = squares * keep * keep + 1
    const step = value - mean
    mean += step / weights
    spread = spread * keep + step * (value - mean)
    const divisor = weights - squares / weights
    if (divisor > 0) out[i] = Math.sqrt(Math.max(0, spread) / divisor)
  }
  return out
}
