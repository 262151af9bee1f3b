import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import {
  type Bars,
  type BarsRequest,
  type Calendar,
  calendarNames,
  type DataSource,
  parseTimeframe,
  TradewrightError,
  unknownName,
} from '@tradewright/core'
import { missing } from './memory-data-source.ts'
import { type CsvOptions, checkCsvOptions } from './parse-csv.ts'
import { readCsv } from './read-csv.ts'
import { namesIn, notFound } from './read-file.ts'
import { checkRequest, selectRange } from './select-bars.ts'

/** Options of {@link csvDataSource}: how its files are read, and which market they come from. */
export interface CsvDataSourceOptions extends Omit<CsvOptions, 'source'> {
  /** Which hours the market trades. Must be stated: every annualized figure depends on it. */
  readonly calendar: Calendar
  /** Timeframe of the files. @default the one in the file's name, else told from the median spacing of its bars */
  readonly timeframe?: string | undefined
  /** Symbol of a single file. @default its name without endings and timeframe; not for a folder */
  readonly symbol?: string | undefined
}

/** One file, and what its path says of it. */
interface CsvFile {
  readonly path: string
  readonly symbol: string
  readonly exchange: string | undefined
  readonly timeframe: string | undefined
}

const ENDING = /\.csv(\.gz)?$/i
const FLAT = /^(.+)-([1-9][0-9]{0,5}[mhdwM])$/
const NESTED = /^[1-9][0-9]{0,5}[mhdwM]$/

function flatFile(path: string): CsvFile {
  const stem = basename(path).replace(ENDING, '')
  const match = FLAT.exec(stem)
  return match === null
    ? { path, symbol: stem, exchange: undefined, timeframe: undefined }
    : { path, symbol: match[1], exchange: undefined, timeframe: match[2] }
}

async function nestedFiles(folder: string, exchange: string): Promise<readonly CsvFile[]> {
  const files: CsvFile[] = []
  for (const symbol of (await namesIn(join(folder, exchange))) ?? [])
    for (const name of (await namesIn(join(folder, exchange, symbol))) ?? []) {
      const timeframe = name.replace(ENDING, '')
      if (ENDING.test(name) && NESTED.test(timeframe))
        files.push({ path: join(folder, exchange, symbol, name), symbol, exchange, timeframe })
    }
  return files
}

/** Every file of a folder by the two layouts, sorted by path. */
async function listFiles(path: string): Promise<readonly CsvFile[]> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw await notFound(path)
  if (!found.isDirectory()) return [flatFile(path)]
  const files: CsvFile[] = []
  for (const name of (await namesIn(path)) ?? []) {
    if (!ENDING.test(name)) files.push(...(await nestedFiles(path, name)))
    else if (FLAT.test(name.replace(ENDING, ''))) files.push(flatFile(join(path, name)))
  }
  if (files.length === 0)
    throw new TradewrightError(
      'NOT_FOUND',
      `the folder must hold <exchange>/<symbol>/<timeframe>.csv or <symbol>-<timeframe>.csv (or .csv.gz), was '${path}' without any`,
      { path },
    )
  return files
}

const distinct = (names: readonly (string | undefined)[]): readonly string[] => [
  ...new Set(names.filter((name) => name !== undefined)),
]

/** The one file a request means. */
function chooseFile(files: readonly CsvFile[], { symbol, exchange, timeframe }: BarsRequest): CsvFile {
  const ofSymbol = files.filter((file) => file.symbol === symbol)
  if (ofSymbol.length === 0) throw missing('symbol', symbol, distinct(files.map((file) => file.symbol)))
  const ofExchange = ofSymbol.filter((file) => exchange === undefined || (file.exchange ?? exchange) === exchange)
  const exchanges = distinct(ofSymbol.map((file) => file.exchange))
  if (ofExchange.length === 0) throw missing('exchange', exchange ?? '', exchanges)
  const found = ofExchange.filter((file) => timeframe === undefined || (file.timeframe ?? timeframe) === timeframe)
  const timeframes = distinct(ofExchange.map((file) => file.timeframe))
  if (found.length === 0) throw missing('timeframe', timeframe ?? '', timeframes, '; resample() makes larger ones')
  if (found.length === 1) return found[0]
  const what = new Set(found.map((file) => file.timeframe)).size > 1 ? 'timeframe' : 'exchange'
  const known = what === 'timeframe' ? timeframes : exchanges
  throw new TradewrightError(
    'BAD_OPTION',
    `${what} must be stated for '${symbol}', which has several files: ${found.map((file) => file.path).join(', ')}`,
    { symbol, known },
  )
}

function checkOptions(path: string, options: CsvDataSourceOptions): void {
  if (typeof path !== 'string' || path === '')
    throw new TradewrightError('BAD_OPTION', `path must be a file or a folder, was ${JSON.stringify(path)}`)
  const calendar: unknown = options.calendar
  if (calendar === undefined)
    throw new TradewrightError(
      'BAD_OPTION',
      `calendar must be stated (${calendarNames.join(', ')}): every annualized figure depends on it, was undefined`,
      { known: calendarNames },
    )
  if (!calendarNames.includes(options.calendar)) throw unknownName('calendar', String(calendar), calendarNames)
  if (options.timeframe !== undefined) parseTimeframe(options.timeframe)
  checkCsvOptions(options)
}

/**
 * A data source over CSV files: one file, or a folder of `<exchange>/<symbol>/<timeframe>.csv` or
 * `<symbol>-<timeframe>.csv`, each also as `.csv.gz`.
 *
 * A file is read when it is asked for, and read again each time. Symbols are matched against the names that are there,
 * so none can lead out of the folder.
 *
 * @param path    a file or a folder.
 * @param options `calendar` is required.
 * @throws TradewrightError `BAD_OPTION` (no calendar, bad options), `UNKNOWN_NAME`. `load` throws `NOT_FOUND` (folder,
 *   file, symbol, exchange or timeframe, each with the nearest; no bar in the range), `BAD_OPTION` (several files would
 *   do), and what {@link readCsv} throws.
 * @example
 * ```ts
 * import { csvDataSource } from '@tradewright/market-data'
 * const source = csvDataSource('node_modules/vega-datasets/data/sp500-2000.csv', { calendar: 'equity', symbol: 'SPX' })
 * const bars = await source.load({ symbol: 'SPX', timeframe: '1d', from: Date.UTC(2010, 0, 1) })
 * console.log(bars.length, bars.barsPerYear) // 2590 252
 * ```
 */
export function csvDataSource(path: string, options: CsvDataSourceOptions): DataSource {
  checkOptions(path, options)
  const files = async (): Promise<readonly CsvFile[]> => {
    const found = await listFiles(path)
    if (options.symbol === undefined) return found
    if (found.length === 1 && found[0].path === path) return [{ ...found[0], symbol: options.symbol }]
    throw new TradewrightError('BAD_OPTION', `symbol must be left out for a folder, was '${options.symbol}'`, { path })
  }
  return {
    name: 'csv',
    calendar: options.calendar,
    symbols: async () => distinct((await files()).map((file) => file.symbol)),
    async load(request): Promise<Bars> {
      checkRequest(request)
      const file = chooseFile(await files(), request)
      const bars = await readCsv(file.path, {
        ...options,
        symbol: file.symbol,
        timeframe: options.timeframe ?? file.timeframe,
        source: basename(file.path),
        signal: request.signal,
      })
      if (request.timeframe !== undefined && bars.timeframe !== request.timeframe)
        throw missing('timeframe', request.timeframe, [bars.timeframe ?? 'unknown'], '; resample() makes larger ones')
      return selectRange(bars, request)
    },
  }
}
