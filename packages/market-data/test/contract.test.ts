import { resolve } from 'node:path'
import { createBars } from '@tradewright/core'
import { dataSourceContract } from '@tradewright/core/testing'
import { describe } from 'vitest'
import { csvDataSource, memoryDataSource } from '../src/index.ts'

describe('csvDataSource on a file', () => {
  const path = resolve(import.meta.dirname, '../../../node_modules/vega-datasets/data/sp500-2000.csv')
  dataSourceContract({
    make: () => csvDataSource(path, { calendar: 'equity', symbol: 'SPX' }),
    symbol: 'SPX',
    timeframe: '1d',
  })
})

describe('memoryDataSource', () => {
  const column = [1, 2, 3, 4, 5]
  const timestamp = column.map((x) => x * 3_600_000)
  const make = (symbol: string) =>
    createBars({ timestamp, open: column, high: column, low: column, close: column, volume: column, symbol })
  dataSourceContract({ make: () => memoryDataSource([make('A'), make('B')], { calendar: 'crypto' }), symbol: 'B' })
})
