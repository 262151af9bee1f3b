import {
  type Calendar,
  calendarNames,
  type DataSource,
  type SimulationOptions,
  TradewrightError,
} from '@tradewright/core'
import { csvDataSource } from '@tradewright/market-data'
import { type Command, InvalidArgumentError, Option } from 'commander'

/** Flags that say which bars, and how orders are filled on them. */
export interface MarketFlags {
  readonly strategy: string
  readonly export?: string | undefined
  readonly data: string
  readonly calendar?: Calendar | undefined
  readonly symbol?: readonly string[] | undefined
  readonly exchange?: string | undefined
  readonly timeframe?: string | undefined
  readonly preset?: 'realistic' | 'reference' | undefined
  readonly direction?: 'long' | 'short' | 'both' | undefined
  readonly feeBps?: number | undefined
  readonly slippageBps?: number | undefined
  readonly params?: Readonly<Record<string, never>> | undefined
}

/** A number from a flag. */
export function numberFlag(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('must be a number')
  return value
}

function paramsFlag(text: string): Readonly<Record<string, never>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, never>
  } catch {
    // said below
  }
  throw new InvalidArgumentError('must be a JSON object, as \'{"fast":10}\'')
}

/** Adds the flags that `optimize` and `backtest` share. */
export function addMarketFlags(command: Command, params: string): Command {
  return command
    .requiredOption('-s, --strategy <file>', 'TypeScript or JavaScript module that exports strategies')
    .option('-e, --export <name>', "which of the module's exports (default: every strategy)")
    .requiredOption('-d, --data <path>', 'CSV file, or folder of <exchange>/<symbol>/<timeframe>.csv')
    .addOption(
      new Option('-c, --calendar <name>', 'which hours the market trades: every yearly figure depends on it').choices([
        ...calendarNames,
      ]),
    )
    .option('--symbol <names...>', 'symbols to load (default: the only one there is)')
    .option('--exchange <name>', 'exchange folder')
    .option('-t, --timeframe <name>', "bar length, as 15m, 1h, 1d (default: the file's)")
    .addOption(
      new Option('--preset <name>', 'costs and fills (default: realistic)').choices(['realistic', 'reference']),
    )
    .addOption(
      new Option('--direction <name>', 'which positions may be opened (default: long)').choices([
        'long',
        'short',
        'both',
      ]),
    )
    .option('--fee-bps <number>', 'fee in basis points (default: 10)', numberFlag)
    .option('--slippage-bps <number>', 'slippage in basis points (default: 5)', numberFlag)
    .option('-p, --params <json>', params, paramsFlag)
}

/** The data source that the flags name. */
export function dataSourceOf({ data, calendar, timeframe }: MarketFlags): DataSource {
  if (calendar === undefined)
    throw new TradewrightError(
      'BAD_OPTION',
      `--calendar must be stated (${calendarNames.join(', ')}): every yearly figure depends on it, was left out`,
      { known: calendarNames },
    )
  return csvDataSource(data, { calendar, timeframe })
}

/** The simulation options among the flags. */
export function simulationOf({ preset, direction, feeBps, slippageBps }: MarketFlags): SimulationOptions {
  return { preset, direction, feeBps, slippageBps }
}
