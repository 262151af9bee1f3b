import { type CacheAction, cacheActions, maintainCache } from '@tradewright/backtest-cache'
import type { Command } from 'commander'
import { type CommandContext, toJson, writeLine } from './command-context.ts'
import { exitCodes, exitCodesHelp } from './exit-codes.ts'
import { numberFlag } from './market-flags.ts'

interface CacheFlags {
  readonly dir: string
  readonly maxBytes?: number | undefined
  readonly json?: boolean | undefined
}

const WHAT: Readonly<Record<CacheAction, string>> = {
  stats: 'entries and bytes held',
  clear: 'remove every entry',
  prune: 'remove the oldest entries down to --max-bytes',
  verify: 'read everything, and remove what is damaged',
}

async function look(action: CacheAction, flags: CacheFlags, { stdout, stderr }: CommandContext): Promise<number> {
  const report = await maintainCache(action, { directory: flags.dir, maxBytes: flags.maxBytes })
  for (const warning of report.warnings) writeLine(stderr, `warning: ${warning}`)
  writeLine(stdout, flags.json === true ? toJson(report) : report.text)
  return exitCodes.done
}

/** Adds `tradewright cache stats|clear|prune|verify`. */
export function addCacheCommand(
  program: Command,
  run: (work: (context: CommandContext) => Promise<number>) => Promise<void>,
): void {
  const cache = program.command('cache').description('look after the result cache on disk')
  cache.addHelpText('after', exitCodesHelp)
  for (const action of cacheActions) {
    const command = cache
      .command(action)
      .description(WHAT[action])
      .option('--dir <folder>', 'folder of the cache', '.tradewright/cache')
      .option('--json', 'print JSON')
      .addHelpText('after', exitCodesHelp)
      .action((flags: CacheFlags) => run((context) => look(action, flags, context)))
    if (action === 'prune') command.option('--max-bytes <number>', 'bytes to keep', numberFlag, 2 * 1024 ** 3)
  }
}
