// A data source of one's own: an object with `load`. This one reads the monthly prices of a public data set; a database
// or an exchange's API would look the same.
import { readFile } from 'node:fs/promises'
import {
  type BarsRequest,
  createBars,
  createOptimizedTrainingSystem,
  type DataSource,
  defineStrategy,
  int,
  TradewrightError,
  ta,
} from 'tradewright'

const file = new URL('../node_modules/vega-datasets/data/stocks.csv', import.meta.url)

const rows = (await readFile(file, 'utf8')).trim().split('\n').slice(1)
const table = rows
  .map((row) => row.split(','))
  .map(([symbol, date, price]) => ({ symbol, at: Date.parse(`${date} UTC`), price: Number(price) }))

/** Monthly prices of five stocks: symbol,date,price. */
const monthlyStocks: DataSource = {
  name: 'monthly-stocks',
  calendar: 'equity',
  symbols: async () => [...new Set(table.map(({ symbol }) => symbol))],
  async load({ symbol, from = -Infinity, to = Infinity, signal }: BarsRequest) {
    signal?.throwIfAborted()
    const found = table.filter((row) => row.symbol === symbol && row.at >= from && row.at < to)
    if (found.length === 0) throw new TradewrightError('NOT_FOUND', `no prices of '${symbol}'`, { symbol })
    const price = found.map((row) => row.price)
    const [timestamp, volume] = [found.map(({ at }) => at), price.map(() => 0)]
    const columns = { timestamp, open: price, high: price, low: price, close: price, volume }
    return createBars({ ...columns, symbol, timeframe: '1M', calendar: 'equity' })
  },
}

const momentum = defineStrategy({
  name: 'momentum',
  params: { months: int(2, 12) },
  signals: ({ close }, { months }) => ({ long: close.gt(ta.sma(close, months)) }),
})

const system = await createOptimizedTrainingSystem({
  dataSource: monthlyStocks,
  training: { sampler: { type: 'grid' } },
  computationalOptimization: { caching: { disk: false } },
})
const symbols = ['AAPL', 'IBM', 'MSFT']
const result = await system.trainingManager.executeOptimizedTraining({ strategy: momentum, symbols, trials: 11 })
console.log('bars a year', result.barsPerYear, 'best months', result.best.params.months)
for (const { symbol, strategy } of result.validation.bySymbol)
  console.log(symbol, strategy.inSample.returns.length, 'months, Sharpe', strategy.inSample.metrics.sharpe?.toFixed(2))
await system.close()
