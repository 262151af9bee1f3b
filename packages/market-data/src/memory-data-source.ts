import {
  type Bars,
  type BarsRequest,
  type Calendar,
  type DataSource,
  nearestName,
  TradewrightError,
  viewBars,
} from '@tradewright/core'
import { inferTimeframe } from './infer-timeframe.ts'
import { checkRequest, selectRange } from './select-bars.ts'

/** Options of {@link memoryDataSource}. */
export interface MemoryDataSourceOptions {
  /** For bars that state none. */
  readonly calendar?: Calendar | undefined
  /** @default 'memory' */
  readonly name?: string | undefined
}

/** `bars` with the timeframe told by its spacing and the source's calendar, where it states none. */
function complete(bars: Bars, calendar: Calendar | undefined): Bars {
  if (!ArrayBuffer.isView((bars as Bars | null | undefined)?.timestamp))
    throw new TradewrightError('BAD_OPTION', 'bars must be one Bars or a list of them; createBars makes them')
  const timeframe = bars.timeframe ?? inferTimeframe(bars.timestamp)
  if (timeframe === bars.timeframe && (bars.calendar !== undefined || calendar === undefined)) return bars
  return viewBars({ ...columnsOf(bars), symbol: bars.symbol, timeframe, calendar: bars.calendar ?? calendar })
}

const columnsOf = ({ timestamp, open, high, low, close, volume }: Bars) => ({
  timestamp,
  open,
  high,
  low,
  close,
  volume,
})

/** The error for a symbol or timeframe that is not held. */
export function missing(what: string, name: string, known: readonly string[], hint: string = ''): TradewrightError {
  const nearest = nearestName(name, known)
  const near = nearest === undefined ? '' : `; did you mean '${nearest}'?`
  return new TradewrightError('NOT_FOUND', `${what} must be one of ${known.join(', ')}, was '${name}'${near}${hint}`, {
    [what]: name,
    known: [...known],
    ...(nearest === undefined ? {} : { nearest }),
  })
}

/**
 * A data source over bars that are already in memory. Nothing is copied.
 *
 * Exchanges are not told apart. Bars are found by symbol and timeframe; one single `Bars` with an empty symbol answers
 * to every symbol, under the name that was asked for.
 *
 * @param bars one, or one per symbol and timeframe.
 * @throws TradewrightError `BAD_OPTION` (none; what is no Bars; an unnamed one among several), `DUPLICATE_NAME` (same symbol and
 *   timeframe twice). `load` throws `NOT_FOUND` (symbol, timeframe, or no bar in the range).
 * @example
 * ```ts
 * import { createBars } from '@tradewright/core'
 * import { memoryDataSource } from '@tradewright/market-data'
 * const day = 86400000
 * const column = [1, 2, 3]
 * const bars = createBars({
 *   timestamp: [0, day, 2 * day], open: column, high: column, low: column, close: column, volume: column, symbol: 'X',
 * })
 * const source = memoryDataSource(bars, { calendar: 'crypto' })
 * console.log((await source.load({ symbol: 'X', from: day })).length) // 2
 * ```
 */
export function memoryDataSource(bars: Bars | readonly Bars[], options: MemoryDataSourceOptions = {}): DataSource {
  const { calendar, name = 'memory' } = options
  const all = (Array.isArray(bars) ? (bars as readonly Bars[]) : [bars as Bars]).map((each) => complete(each, calendar))
  if (all.length === 0) throw new TradewrightError('BAD_OPTION', 'bars must hold at least one Bars, was an empty list')
  const keys = new Set<string>()
  for (const each of all) {
    if (each.symbol === '' && all.length > 1)
      throw new TradewrightError('BAD_OPTION', 'bars must each have a symbol where there are several, was an empty one')
    const key = `${each.symbol} ${each.timeframe}`
    if (keys.has(key))
      throw new TradewrightError('DUPLICATE_NAME', `symbol and timeframe must be unique, was '${key}' twice`, { key })
    keys.add(key)
  }
  const symbols = [...new Set(all.map((each) => each.symbol))]

  return {
    name,
    calendar: calendar ?? all[0].calendar,
    symbols: async () => (symbols[0] === '' ? [] : symbols),
    async load(request) {
      checkRequest(request)
      return selectRange(pick(all, symbols, request), request)
    },
  }
}

function pick(all: readonly Bars[], symbols: readonly string[], { symbol, timeframe }: BarsRequest): Bars {
  const unnamed = symbols[0] === ''
  const candidates = unnamed ? all : all.filter((each) => each.symbol === symbol)
  if (candidates.length === 0) throw missing('symbol', symbol, symbols)
  const held = candidates.map((each) => each.timeframe ?? 'unknown')
  const found =
    timeframe === undefined
      ? candidates
      : candidates.filter((each) => each.timeframe === timeframe || each.timeframe === undefined)
  if (found.length === 0) throw missing('timeframe', timeframe ?? '', held, '; resample() makes larger ones')
  if (found.length > 1)
    throw new TradewrightError('BAD_OPTION', `timeframe must be stated for '${symbol}', one of ${held.join(', ')}`, {
      symbol,
      known: held,
    })
  const bars = found[0]
  if (!unnamed && bars.timeframe !== undefined) return bars
  return viewBars({ ...columnsOf(bars), symbol, timeframe: bars.timeframe ?? timeframe, calendar: bars.calendar })
}
