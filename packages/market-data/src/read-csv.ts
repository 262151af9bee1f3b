import { basename } from 'node:path'
import type { Bars } from '@tradewright/core'
import { type CsvOptions, checkCsvOptions, parseCsv } from './parse-csv.ts'
import { readBytes } from './read-file.ts'

/** Options of {@link readCsv}. */
export interface ReadCsvOptions extends CsvOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads bars from a CSV file, gzipped or not (told by its first bytes, not its name). See {@link parseCsv} for what is
 * accepted and what is refused.
 *
 * @param file    path, or the bytes themselves (read only).
 * @param options `source` is the file's name unless stated.
 * @throws TradewrightError `NOT_FOUND` (with the nearest name in the folder), `IO`, and what {@link parseCsv} throws;
 *   the signal's reason when aborted.
 * @example
 * ```ts
 * import { readCsv } from '@tradewright/market-data'
 * const bars = await readCsv('node_modules/vega-datasets/data/sp500-2000.csv', { calendar: 'equity' })
 * console.log(bars.length, bars.timeframe) // 5105 1d
 * ```
 */
export async function readCsv(file: string | Uint8Array, options: ReadCsvOptions = {}): Promise<Bars> {
  const { signal, ...csv } = options
  checkCsvOptions(csv)
  signal?.throwIfAborted()
  if (typeof file !== 'string') return parseCsv(file, csv)
  const bytes = await readBytes(file, signal)
  return parseCsv(bytes, { ...csv, source: csv.source ?? basename(file) })
}
