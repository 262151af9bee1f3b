import { type BarColumn, barColumns, nearestName, TradewrightError, unknownName } from '@tradewright/core'

/** Where each column of the bars lies in a file: a name of the header, or an index from 0. */
export interface CsvColumns {
  /** @default the first there is of timestamp, open time, unix, epoch, datetime, date, time */
  readonly timestamp?: string | number | undefined
  /** @default open, o */
  readonly open?: string | number | undefined
  /** @default high, h */
  readonly high?: string | number | undefined
  /** @default low, l */
  readonly low?: string | number | undefined
  /** @default close, last, c (never adjclose) */
  readonly close?: string | number | undefined
  /** null: the file has none, and the volume of every bar is 0. @default volume, vol, v */
  readonly volume?: string | number | null | undefined
}

/** Names by which a column is known, best first, in the form of {@link plainName}. */
const ALIASES: Readonly<Record<BarColumn, readonly string[]>> = {
  timestamp: ['timestamp', 'opentime', 'unix', 'epoch', 'datetime', 'date', 'time', 'ts', 't'],
  open: ['open', 'openprice', 'o'],
  high: ['high', 'highprice', 'h'],
  low: ['low', 'lowprice', 'l'],
  close: ['close', 'closeprice', 'last', 'c'],
  volume: ['volume', 'vol', 'volumebase', 'tickvol', 'v'],
}

/** Lower case letters and digits only: 'Open Time', 'open_time' and '<OPENTIME>' are one name. */
const plainName = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** Shown where a file's own names are listed in a message. */
const listNames = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ')

function byName(column: BarColumn, name: string, header: readonly string[], source: string): number {
  const exact = header.flatMap((known, i) => (known === name ? [i] : []))
  const found =
    exact.length > 0 ? exact : header.flatMap((known, i) => (plainName(known) === plainName(name) ? [i] : []))
  if (found.length === 0) throw unknownName(`columns.${column} in the header of ${source}`, name, header)
  if (found.length > 1) throw duplicateColumn(column, found, header, source)
  return found[0]
}

function duplicateColumn(
  column: BarColumn,
  found: readonly number[],
  header: readonly string[],
  source: string,
): TradewrightError {
  return new TradewrightError(
    'BAD_DATA',
    `${source}: line 1: ${column} must be one column, was ${listNames(found.map((i) => header[i]))} (indexes ${found.join(', ')}); say which with columns.${column}`,
    { source, line: 1, column, indexes: found },
  )
}

function byAlias(column: BarColumn, header: readonly string[], source: string): number {
  const plain = header.map(plainName)
  for (const alias of ALIASES[column]) {
    const found = plain.flatMap((name, i) => (name === alias ? [i] : []))
    if (found.length > 1) throw duplicateColumn(column, found, header, source)
    if (found.length === 1) return checkDateAndTime(alias, plain, found[0], source)
  }
  const nearest = nearestName(
    column,
    header.filter((name) => !/adj/i.test(name)),
  )
  const hint = nearest === undefined ? '' : `; did you mean '${nearest}'? columns.${column} names it`
  throw new TradewrightError(
    'BAD_DATA',
    `${source}: line 1: the header must have a column '${column}', was ${listNames(header)}${hint}`,
    { source, line: 1, column, header: [...header], ...(nearest === undefined ? {} : { nearest }) },
  )
}

/** A date and a time in two columns are no timestamp: either alone would repeat. */
function checkDateAndTime(alias: string, plain: readonly string[], index: number, source: string): number {
  if (alias === 'date' && plain.includes('time'))
    throw new TradewrightError(
      'BAD_DATA',
      `${source}: line 1: the timestamp must be one column, was 'date' and 'time'; join them, or name one with columns.timestamp`,
      { source, line: 1, column: 'timestamp' },
    )
  return index
}

function byIndex(column: BarColumn, index: number, fields: number, source: string): number {
  if (Number.isInteger(index) && index >= 0 && index < fields) return index
  throw new TradewrightError(
    'BAD_OPTION',
    `columns.${column} must be an index from 0 to ${fields - 1} in ${source}, was ${index}`,
    { column, index, fields },
  )
}

/**
 * The index of each bar column in a file, in the order of `barColumns`; -1 for a volume that is not there.
 *
 * @param header names of the header; undefined where the file has none: then the columns are timestamp, open, high,
 *   low, close, volume in this order, unless indexes say otherwise.
 * @param fields fields a row has.
 * @throws TradewrightError `BAD_OPTION` (index), `UNKNOWN_NAME` (a stated name that is not there, with the nearest),
 *   `BAD_DATA` (a column that is missing, with the nearest name, or there twice).
 */
export function mapColumns(
  columns: CsvColumns,
  header: readonly string[] | undefined,
  fields: number,
  source: string,
): readonly number[] {
  for (const name of Object.keys(columns))
    if (!barColumns.includes(name as BarColumn)) throw unknownName('key of columns', name, barColumns)
  const indexes = barColumns.map((column, position) => {
    const stated = columns[column]
    if (stated === null && column === 'volume') return -1
    if (typeof stated === 'number') return byIndex(column, stated, fields, source)
    if (header !== undefined)
      return typeof stated === 'string' ? byName(column, stated, header, source) : byAlias(column, header, source)
    if (stated === undefined && position < fields) return position
    throw new TradewrightError(
      stated === undefined ? 'BAD_DATA' : 'BAD_OPTION',
      `${source}: a file without a header must have '${column}' at an index from 0 to ${fields - 1}, was ${stated ?? `nothing at ${position}`}`,
      { source, column },
    )
  })
  for (let i = 0; i < indexes.length; i++)
    for (let j = 0; j < i; j++)
      if (indexes[i] >= 0 && indexes[i] === indexes[j])
        throw new TradewrightError(
          'BAD_OPTION',
          `columns must be different fields of ${source}, was ${barColumns[j]} and ${barColumns[i]} both at index ${indexes[i]}`,
          { first: barColumns[j], second: barColumns[i], index: indexes[i] },
        )
  return indexes
}
