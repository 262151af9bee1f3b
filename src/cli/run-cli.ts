import { isTradewrightError } from '@tradewright/core'
import { Command, CommanderError } from 'commander'
import { addBacktestCommand } from './backtest-command.ts'
import { addCacheCommand } from './cache-command.ts'
import { type CommandContext, writeLine } from './command-context.ts'
import { addDoctorCommand } from './doctor-command.ts'
import { exitCodeOf, exitCodes, exitCodesHelp } from './exit-codes.ts'
import { addInitCommand } from './init-command.ts'
import { addOptimizeCommand } from './optimize-command.ts'
import { packageVersion } from './package-version.ts'

/**
 * Runs the command line.
 *
 * @param args what follows the command's name.
 * @returns the exit code.
 */
export async function runCli(args: readonly string[], context: CommandContext): Promise<number> {
  let code: number = exitCodes.done
  const run = async (work: (context: CommandContext) => Promise<number>): Promise<void> => {
    code = await work(context)
  }
  const program = new Command('tradewright')
    .description('Trains, tunes and validates trading strategies.')
    .version(packageVersion())
    .addHelpText('after', exitCodesHelp)
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    })
    .exitOverride()
    .showHelpAfterError('(add --help for the flags)')
  addInitCommand(program, run)
  addOptimizeCommand(program, run)
  addBacktestCommand(program, run)
  addCacheCommand(program, run)
  addDoctorCommand(program, run)
  for (const command of program.commands) {
    command.copyInheritedSettings(program)
    for (const inner of command.commands) inner.copyInheritedSettings(command)
  }
  try {
    if (args.length === 0) program.outputHelp()
    else await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    if (context.signal.aborted && error === context.signal.reason) return exitCodes.interrupted
    writeLine(context.stderr, isTradewrightError(error) ? error.message : explain(error))
    return exitCodeOf(error)
  }
}

/** What is no error of ours is a bug of somebody's: with its stack. */
const explain = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))
