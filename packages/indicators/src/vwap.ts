import { checkLength, checkPeriod } from './check.ts'
import { ExactWindow } from './exact-window.ts'
import { MaximumWindow } from './extreme-window.ts'
import { overFiniteRuns } from './finite-runs.ts'
import { maximumRun, minimumRun } from './rolling-extremes.ts'
import { rollingSum } from './rolling-sum.ts'
import { openState, type Stream, saveState } from './stream.ts'

/** The columns of {@link vwap}, of one length, oldest first. Read only. */
export interface PricesVolume {
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
}

/** (high + low + close) / 3, kept between low and high, so that a flat bar gives its price exactly. */
function typicalPrice(high: number, low: number, close: number): number {
  return Math.min(Math.max((high + low + close) / 3, low), high)
}

/** money / volume, kept within the window's prices, so that flat prices give exactly that price. */
function averagePrice(money: number, volume: number, lowest: number, highest: number): number {
  return volume === 0 ? NaN : Math.min(Math.max(money / volume, lowest), highest)
}

/**
 * Volume-weighted average price of the last `period` bars: sum(typical * volume) / sum(volume), typical being
 * (high + low + close) / 3. Both sums are exact and rounded once.
 *
 * A rolling window, so values do not depend on where the data starts. For the average since the session's start give
 * the session's columns and its length.
 *
 * @param bars   columns of shape [n]; volumes >= 0. Read only.
 * @param period bars, integer from 1 to 2^19.
 * @param out    shape [n], price units; caller-owned, fully overwritten, must not overlap `bars`.
 * @returns `out`: NaN while the window is not full, holds a NaN or infinite value, or has no volume.
 * @throws TradewrightError `BAD_OPTION` (period), `BAD_SHAPE` (lengths differ).
 * @see Berkowitz, Logue and Noser (1988), J. Finance 43. Not in TA-Lib.
 */
export function vwap(
  bars: PricesVolume,
  period: number,
  out: Float64Array = new Float64Array(bars.close.length),
): Float64Array {
  checkPeriod('period', period)
  for (const name of ['high', 'low', 'volume'] as const) checkLength(bars.close.length, name, bars[name])
  checkLength(bars.close.length, 'out', out)
  overFiniteRuns([bars.high, bars.low, bars.close, bars.volume], [out], ([high, low, close, volume], [averages]) =>
    averageRun({ high, low, close, volume }, period, averages),
  )
  return out
}

function averageRun({ high, low, close, volume }: PricesVolume, period: number, out: Float64Array): void {
  const length = close.length
  const typical = new Float64Array(length)
  const money = new Float64Array(length)
  for (let i = 0; i < length; i++) {
    typical[i] = typicalPrice(high[i], low[i], close[i])
    money[i] = typical[i] * volume[i]
  }
  const volumes = rollingSum(volume, period)
  rollingSum(money, period, out)
  const highest = money // done with
  const lowest = new Float64Array(length)
  maximumRun(typical, period, highest)
  minimumRun(typical, period, lowest)
  for (let i = 0; i < length; i++) out[i] = averagePrice(out[i], volumes[i], lowest[i], highest[i])
}

/** The streaming twin of {@link vwap}. */
export function createVwapStream(period: number): Stream<[high: number, low: number, close: number, volume: number]> {
  checkPeriod('period', period)
  const money = new ExactWindow(period)
  const volumes = new ExactWindow(period)
  const typicals = new ExactWindow(period)
  const highs = new MaximumWindow(period)
  const lows = new MaximumWindow(period) // of negated prices
  const clear = (): void => {
    for (const window of [money, volumes, typicals, highs, lows]) window.clear()
  }
  const push = (typical: number, volume: number): number => {
    money.push(typical * volume)
    volumes.push(volume)
    typicals.push(typical)
    highs.push(typical)
    if (!lows.push(-typical)) return NaN
    return averagePrice(money.sum.quotient(1), volumes.sum.quotient(1), -lows.maximum, highs.maximum)
  }
  return {
    next: (high, low, close, volume) => {
      const finite = high - high === 0 && low - low === 0 && close - close === 0 && volume - volume === 0
      if (finite) return push(typicalPrice(high, low, close), volume)
      clear()
      return NaN
    },
    save: () => saveState('vwap', [period], { typical: typicals.copyValues(), volume: volumes.copyValues() }),
    restore: (state) => {
      const saved = openState(state, 'vwap', [period])
      const [typical, volume] = [saved.array('typical', period), saved.array('volume', period)]
      clear()
      for (let i = 0; i < typical.length; i++) push(typical[i], volume[i])
    },
  }
}
