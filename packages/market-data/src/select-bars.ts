import { type Bars, type BarsRequest, TradewrightError, viewRange } from '@tradewright/core'

/** First bar at or after `time`. */
function lowerBound(timestamp: Float64Array, time: number): number {
  let low = 0
  let high = timestamp.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (timestamp[middle] < time) low = middle + 1
    else high = middle
  }
  return low
}

/** Checks a request before any work is done for it. */
export function checkRequest({ symbol, from, to, signal }: BarsRequest): void {
  signal?.throwIfAborted()
  if (typeof symbol !== 'string' || symbol === '')
    throw new TradewrightError('BAD_OPTION', `symbol must be a name, was ${JSON.stringify(symbol)}`, { symbol })
  for (const [name, value] of [
    ['from', from],
    ['to', to],
  ] as const)
    if (value !== undefined && !Number.isFinite(value))
      throw new TradewrightError('BAD_OPTION', `${name} must be epoch ms, was ${value}`, { [name]: value })
  if (from !== undefined && to !== undefined && from >= to)
    throw new TradewrightError('BAD_OPTION', `from must lie before to, was ${from} and ${to}`, { from, to })
}

/**
 * The bars of a request's range, as views.
 *
 * @throws TradewrightError `NOT_FOUND` where there is none.
 */
export function selectRange(
  bars: Bars,
  { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }: BarsRequest,
): Bars {
  const start = lowerBound(bars.timestamp, from)
  const end = lowerBound(bars.timestamp, to)
  if (start < end) return start === 0 && end === bars.length ? bars : viewRange(bars, start, end)
  const { timestamp, length } = bars
  const held = length === 0 ? 'none' : `${timestamp[0]} to ${timestamp[length - 1]}`
  throw new TradewrightError('NOT_FOUND', `'${bars.symbol}' must have bars from ${from} to ${to}, has ${held}`, {
    symbol: bars.symbol,
    from,
    to,
  })
}
