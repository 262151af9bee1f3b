import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createBars, isTradewrightError, type TradewrightError } from '@tradewright/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CsvDataSourceOptions, csvDataSource, memoryDataSource, readCsv } from '../src/index.ts'

const HOUR = 3_600_000
const csv = (price: number, step = HOUR): string =>
  `time,open,high,low,close,volume\n${[0, 1, 2].map((i) => `${1704067200000 + i * step},${price},${price},${price},${price},1`).join('\n')}\n`

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tradewright-csv-'))
  for (const path of ['BINANCE/ETHUSDT', 'BINANCE/BTCUSDT', 'KRAKEN/ETHUSDT'])
    mkdirSync(join(folder, path), { recursive: true })
  writeFileSync(join(folder, 'BINANCE/ETHUSDT/1h.csv'), csv(1))
  writeFileSync(join(folder, 'BINANCE/ETHUSDT/1d.csv.gz'), gzipSync(csv(2, 24 * HOUR)))
  writeFileSync(join(folder, 'BINANCE/BTCUSDT/1h.csv'), csv(3))
  writeFileSync(join(folder, 'KRAKEN/ETHUSDT/1h.csv'), csv(4))
  writeFileSync(join(folder, 'BTC-USD-1h.csv'), csv(5))
  writeFileSync(join(folder, 'notes.csv'), 'not bars')
  writeFileSync(join(folder, 'BINANCE/ETHUSDT/readme.txt'), 'not bars')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function refusal(run: () => unknown): Promise<TradewrightError> {
  try {
    await run()
  } catch (error) {
    if (isTradewrightError(error)) return error
    throw error
  }
  throw new Error('was accepted')
}

describe('csvDataSource on a folder', () => {
  const source = () => csvDataSource(folder, { calendar: 'crypto' })

  it('lists its symbols', async () => {
    expect([...((await source().symbols?.()) ?? [])].sort()).toEqual(['BTC-USD', 'BTCUSDT', 'ETHUSDT'])
  })

  it.each([
    ['BINANCE', 'ETHUSDT', '1h', 1],
    ['BINANCE', 'ETHUSDT', '1d', 2],
    ['BINANCE', 'BTCUSDT', undefined, 3],
    [undefined, 'BTCUSDT', '1h', 3],
    ['KRAKEN', 'ETHUSDT', undefined, 4],
    ['ANY', 'BTC-USD', '1h', 5],
  ])('%s %s %s', async (exchange, symbol, timeframe, price) => {
    const bars = await source().load({ exchange, symbol, timeframe })
    expect([bars.close[0], bars.symbol, bars.calendar]).toEqual([price, symbol, 'crypto'])
  })

  it('gives the bars of a range', async () => {
    const bars = await source().load({ symbol: 'BTCUSDT', from: 1704067200001, to: 1704067200000 + 2 * HOUR })
    expect([...bars.timestamp]).toEqual([1704067200000 + HOUR])
  })

  it.each([
    [{ symbol: 'ETHUSD', exchange: 'BINANCE' }, 'NOT_FOUND', "did you mean 'ETHUSDT'?"],
    [{ symbol: 'ETHUSDT', exchange: 'BINANC' }, 'NOT_FOUND', "did you mean 'BINANCE'?"],
    [{ symbol: 'ETHUSDT', exchange: 'KRAKEN', timeframe: '4h' }, 'NOT_FOUND', 'timeframe must be one of 1h'],
    [{ symbol: 'ETHUSDT', timeframe: '1h' }, 'BAD_OPTION', 'exchange must be stated'],
    [{ symbol: 'ETHUSDT', exchange: 'BINANCE' }, 'BAD_OPTION', 'timeframe must be stated'],
    [{ symbol: '../BINANCE/ETHUSDT', exchange: 'BINANCE' }, 'NOT_FOUND', 'symbol must be one of'],
    [{ symbol: 'BTCUSDT', from: 1e15 }, 'NOT_FOUND', 'must have bars from'],
    [{ symbol: 'BTCUSDT', from: 2, to: 1 }, 'BAD_OPTION', 'from must lie before to'],
    [{ symbol: '' }, 'BAD_OPTION', 'symbol must be a name'],
  ])('refuses %j', async (request, code, message) => {
    const error = await refusal(() => source().load(request))
    expect(error.code).toBe(code)
    expect(error.message).toContain(message)
  })

  it('stops at an aborted signal', async () => {
    const reason = new Error('enough')
    await expect(source().load({ symbol: 'BTCUSDT', signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('csvDataSource on a file', () => {
  it('takes symbol and timeframe from its name, or as stated', async () => {
    const path = join(folder, 'BTC-USD-1h.csv')
    expect((await csvDataSource(path, { calendar: 'crypto' }).load({ symbol: 'BTC-USD' })).timeframe).toBe('1h')
    const renamed = csvDataSource(path, { calendar: 'crypto', symbol: 'XBT' })
    expect(await renamed.symbols?.()).toEqual(['XBT'])
    expect((await renamed.load({ symbol: 'XBT' })).symbol).toBe('XBT')
    expect((await refusal(() => renamed.load({ symbol: 'BTC-USD' }))).code).toBe('NOT_FOUND')
  })

  it('refuses a timeframe that it is not', async () => {
    const path = join(folder, 'BINANCE/ETHUSDT/1h.csv')
    const error = await refusal(() =>
      csvDataSource(path, { calendar: 'crypto', symbol: 'E' }).load({ symbol: 'E', timeframe: '1d' }),
    )
    expect(error.message).toContain("timeframe must be one of 1h, was '1d'")
  })

  it('says what a malformed file has', async () => {
    const error = await refusal(() =>
      csvDataSource(join(folder, 'notes.csv'), { calendar: 'fx' }).load({ symbol: 'notes' }),
    )
    expect(error).toMatchObject({ code: 'BAD_DATA', message: expect.stringContaining('notes.csv') })
  })
})

describe('bad input', () => {
  it('no calendar', async () => {
    const error = await refusal(() => csvDataSource(folder, {} as CsvDataSourceOptions))
    expect(error.code).toBe('BAD_OPTION')
    expect(error.message).toContain('calendar must be stated (crypto, equity, fx)')
  })

  it('an unknown calendar or option, with the nearest', async () => {
    const cast = (options: object) => options as CsvDataSourceOptions
    expect((await refusal(() => csvDataSource(folder, cast({ calendar: 'crpto' })))).details.nearest).toBe('crypto')
    const error = await refusal(() => csvDataSource(folder, cast({ calendar: 'fx', timefram: '1h' })))
    expect(error.details.nearest).toBe('timeframe')
  })

  it('a folder or a file that is not there, with the nearest name', async () => {
    const error = await refusal(() => readCsv(join(folder, 'BTC-USD-1hour.csv')))
    expect(error).toMatchObject({ code: 'NOT_FOUND', details: { nearest: 'BTC-USD-1h.csv' } })
    const source = csvDataSource(join(folder, 'BINANC'), { calendar: 'fx' })
    expect((await refusal(() => source.load({ symbol: 'X' }))).details.nearest).toBe('BINANCE')
    expect((await refusal(() => readCsv(join(folder, 'a/b.csv')))).message).toContain('the folder must exist')
  })

  it('a folder where a file must be, and one without files', async () => {
    expect((await refusal(() => readCsv(folder))).code).toBe('IO')
    const source = csvDataSource(join(folder, 'BINANCE/ETHUSDT'), { calendar: 'fx' })
    expect((await refusal(() => source.load({ symbol: 'X' }))).message).toContain('<symbol>-<timeframe>.csv')
  })
})

describe('memoryDataSource', () => {
  const make = (symbol: string, timeframe?: string, step = HOUR) => {
    const ones = [1, 1, 1]
    const timestamp = [0, step, 2 * step]
    return createBars({ timestamp, open: ones, high: ones, low: ones, close: ones, volume: ones, symbol, timeframe })
  }

  it('finds bars by symbol and timeframe', async () => {
    const bars = [make('A', '1h'), make('A', '1d', 24 * HOUR), make('B', '1h')]
    const source = memoryDataSource(bars, { calendar: 'crypto' })
    expect(await source.symbols?.()).toEqual(['A', 'B'])
    expect((await source.load({ symbol: 'A', timeframe: '1d' })).timestamp).toEqual(bars[1].timestamp)
    expect((await source.load({ symbol: 'B' })).calendar).toBe('crypto')
    expect((await refusal(() => source.load({ symbol: 'A' }))).message).toContain('timeframe must be stated')
    expect((await refusal(() => source.load({ symbol: 'A', timeframe: '4h' }))).code).toBe('NOT_FOUND')
    expect((await refusal(() => source.load({ symbol: 'C' }))).code).toBe('NOT_FOUND')
  })

  it('gives unnamed bars under any name, with the timeframe of their spacing', async () => {
    const bars = await memoryDataSource(make('')).load({ symbol: 'Z', from: HOUR })
    expect([bars.symbol, bars.timeframe, bars.length]).toEqual(['Z', '1h', 2])
  })

  it('refuses none, several unnamed and duplicates', async () => {
    expect((await refusal(() => memoryDataSource([]))).code).toBe('BAD_OPTION')
    expect((await refusal(() => memoryDataSource([make(''), make('A')]))).code).toBe('BAD_OPTION')
    for (const wrong of [{ A: make('A') }, null, [undefined], [1, 2]])
      expect((await refusal(() => memoryDataSource(wrong as never))).code).toBe('BAD_OPTION')
    expect((await refusal(() => memoryDataSource([make('A'), make('A')]))).code).toBe('DUPLICATE_NAME')
  })
})
