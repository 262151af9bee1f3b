import type { DataSource } from '@tradewright/core'
import {
  type ContractOptions,
  type ContractTest,
  ensure,
  ensureRejects,
  ensureSame,
  registerSuite,
} from './contract.ts'

/** Options of {@link dataSourceContract}. */
export interface DataSourceContractOptions extends ContractOptions<DataSource> {
  /** A symbol that the source has, with at least four bars. */
  readonly symbol: string
  readonly exchange?: string | undefined
  readonly timeframe?: string | undefined
}

/** Tests an implementation of core's `DataSource`. */
export function dataSourceContract(options: DataSourceContractOptions): void {
  const { symbol, exchange, timeframe } = options
  const request = { symbol, exchange, timeframe }
  const tests: readonly ContractTest<DataSource>[] = [
    {
      name: 'loads bars in ascending order, with symbol, timeframe and calendar',
      async run(source) {
        const bars = await source.load(request)
        ensure(bars.length >= 4, 'at least four bars')
        for (let i = 1; i < bars.length; i++)
          ensure(bars.timestamp[i] > bars.timestamp[i - 1], `bar ${i} is later than the one before`)
        ensureSame(bars.symbol, symbol, 'the symbol')
        ensure(bars.timeframe !== undefined && bars.calendar !== undefined, 'timeframe and calendar are stated')
      },
    },
    {
      name: 'gives the same bars twice',
      async run(source) {
        ensureSame(
          (await source.load(request)).fingerprint,
          (await source.load(request)).fingerprint,
          'one fingerprint',
        )
      },
    },
    {
      name: 'cuts to a range: from is included, to is not',
      async run(source) {
        const { timestamp, length } = await source.load(request)
        const part = await source.load({ ...request, from: timestamp[1], to: timestamp[length - 1] })
        ensureSame(
          [part.length, part.timestamp[0], part.timestamp.at(-1)],
          [length - 2, timestamp[1], timestamp[length - 2]],
          'the range',
        )
      },
    },
    {
      name: 'refuses a symbol it does not have',
      async run(source) {
        await ensureRejects(
          () => source.load({ ...request, symbol: 'NO-SUCH-SYMBOL' }),
          'NOT_FOUND',
          'an unknown symbol',
        )
      },
    },
    {
      name: 'lists what it has, where it can tell',
      async run(source) {
        const symbols = await source.symbols?.()
        ensure(symbols === undefined || symbols.includes(symbol), 'the symbol is listed')
      },
    },
    {
      name: 'heeds an aborted signal',
      async run(source) {
        const reason = Object.assign(new Error('off'), { code: 'MINE' })
        await ensureRejects(
          () => source.load({ ...request, signal: AbortSignal.abort(reason) }),
          'MINE',
          'the reason passes through',
        )
      },
    },
  ]
  registerSuite('data source contract', options, tests)
}
