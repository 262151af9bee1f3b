import { backtest } from '@tradewright/backtest'
import { type Metrics, type Params, standardMetrics, TradewrightError } from '@tradewright/core'
import type { Command } from 'commander'
import { formatCount, formatNumber, formatParam, formatPercent, formatTime } from '../report/number-format.ts'
import { textTable } from '../terminal/text-table.ts'
import { type CommandContext, toJson, writeLine } from './command-context.ts'
import { exitCodes, exitCodesHelp } from './exit-codes.ts'
import { loadStrategyModule } from './load-strategy-module.ts'
import { addMarketFlags, dataSourceOf, type MarketFlags, simulationOf } from './market-flags.ts'

interface BacktestFlags extends MarketFlags {
  readonly orders?: boolean | undefined
  readonly json?: boolean | undefined
}

const PERCENT: ReadonlySet<string> = new Set([
  'totalReturn',
  'maxDrawdown',
  'winRate',
  'exposure',
  'annualizedReturn',
  'annualizedVolatility',
])

function metricLine(name: keyof Metrics, metrics: Metrics): readonly string[] {
  const value = metrics[name]
  if (PERCENT.has(name)) return [name, formatPercent(value, 2)]
  return [name, name === 'trades' ? formatCount(value) : formatNumber(value, 3)]
}

async function runBacktest(flags: BacktestFlags, { stdout, signal }: CommandContext): Promise<number> {
  const strategies = await loadStrategyModule(flags.strategy, flags.export)
  if (strategies.length > 1)
    throw new TradewrightError(
      'BAD_OPTION',
      `one strategy is run at a time: name it with --export, the module has ${strategies.map((s) => s.name).join(', ')}`,
    )
  const [strategy] = strategies
  const source = dataSourceOf(flags)
  const known = flags.symbol ?? (await source.symbols?.()) ?? []
  if (known.length !== 1)
    throw new TradewrightError('BAD_OPTION', `--symbol must name one of ${known.join(', ')}, was left out`, { known })
  const { exchange, timeframe } = flags
  const bars = await source.load({ symbol: known[0], exchange, timeframe, signal })
  const params: Params = flags.params ?? {}
  const result = backtest(strategy, params, bars, simulationOf(flags))
  const { metrics, orders, trades, barsPerYear } = result
  if (flags.json === true) {
    writeLine(
      stdout,
      toJson({ strategy: strategy.name, params, symbol: known[0], barsPerYear, metrics, orders, trades }),
    )
    return exitCodes.done
  }
  const span = `${formatCount(bars.length)} bars ${formatTime(bars.timestamp[0])} to ${formatTime(bars.timestamp[bars.length - 1])}`
  writeLine(
    stdout,
    `${strategy.name} (${formatParam(params)}) on ${known[0]}, ${span}, ${formatNumber(barsPerYear, 0)} bars a year`,
  )
  writeLine(stdout)
  const names = standardMetrics.filter((name) => metrics[name] !== undefined)
  writeLine(
    stdout,
    textTable(
      [
        { head: 'metric', align: 'left' },
        { head: 'value', align: 'right' },
      ],
      names.map((name) => metricLine(name, metrics)),
    ),
  )
  if (flags.orders === true) {
    writeLine(stdout)
    const heads = ['time', 'side', 'size', 'price', 'fee']
    const rows = orders.map(({ index, side, size, price, fee }) => [
      formatTime(bars.timestamp[index], true),
      side,
      formatNumber(size, 4),
      formatNumber(price, 4),
      formatNumber(fee, 2),
    ])
    writeLine(
      stdout,
      textTable(
        heads.map((head, i) => ({ head, align: i < 2 ? 'left' : 'right' })),
        rows,
      ),
    )
  }
  return exitCodes.done
}

/** Adds `tradewright backtest`. */
export function addBacktestCommand(
  program: Command,
  run: (work: (context: CommandContext) => Promise<number>) => Promise<void>,
): void {
  const command = program.command('backtest').description('run a strategy once with given parameters')
  addMarketFlags(command, 'the strategy\'s parameters, as \'{"fast":10,"slow":30}\'')
    .option('--orders', 'list every order')
    .option('--json', 'print JSON: metrics, orders, trades')
    .addHelpText('after', exitCodesHelp)
    .addHelpText(
      'after',
      '\nExample:\n  $ tradewright backtest --strategy strategy.ts --data prices.csv --calendar equity --params \'{"fast":10,"slow":30}\'',
    )
    .action((flags: BacktestFlags) => run((context) => runBacktest(flags, context)))
}
