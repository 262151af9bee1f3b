import { adaptiveSamplers } from '@tradewright/adaptive-sampling'
import { type MetricName, type Params, TradewrightError } from '@tradewright/core'
import { type Command, Option } from 'commander'
import { createOptimizedTrainingSystem, type TrainingSystem } from '../create-optimized-training-system.ts'
import { cacheNote } from '../report/report-of.ts'
import { writeReport } from '../report/write-report.ts'
import { progressBar } from '../terminal/progress-bar.ts'
import { resultTable } from '../terminal/result-table.ts'
import type { TrainingResult } from '../training-result.ts'
import { type CommandContext, toJson, writeLine } from './command-context.ts'
import { exitCodes, exitCodesHelp } from './exit-codes.ts'
import { loadStrategyModule } from './load-strategy-module.ts'
import { addMarketFlags, dataSourceOf, type MarketFlags, numberFlag, simulationOf } from './market-flags.ts'

interface OptimizeFlags extends MarketFlags {
  readonly trials: number
  readonly objective: string
  readonly seed: number
  readonly holdout: number
  readonly sampler?: 'random' | undefined
  readonly cache: string | boolean
  readonly out?: string | undefined
  readonly save?: string | undefined
  readonly json?: boolean | undefined
  readonly quiet?: boolean | undefined
}

function openSystem(flags: OptimizeFlags): Promise<TrainingSystem> {
  return createOptimizedTrainingSystem({
    dataSource: dataSourceOf(flags),
    training: {
      trials: flags.trials,
      objective: flags.objective as MetricName,
      seed: flags.seed,
      validation: { holdout: flags.holdout },
      sampler: flags.sampler === undefined ? undefined : { type: flags.sampler },
      simulation: simulationOf(flags),
    },
    computationalOptimization: {
      caching: {
        enabled: flags.cache !== false,
        ...(typeof flags.cache === 'string' ? { disk: { directory: flags.cache } } : {}),
      },
    },
  })
}

/** What `--json` prints: everything but the bars. */
function summary(result: TrainingResult<unknown>): Readonly<Record<string, unknown>> {
  const { best, validation, trials, front: _front, ...rest } = result
  const { bySymbol: _bySymbol, ...proof } = validation
  const { number, params, value, metrics } = best
  return { ...rest, best: { number, params, value, metrics }, validation: proof, trials: trials.length }
}

/** Results that were finished, also where a later strategy failed or was never begun. */
interface Finished {
  readonly results: readonly TrainingResult<unknown>[]
  readonly error: unknown
}

async function runAll(system: TrainingSystem, flags: OptimizeFlags, context: CommandContext): Promise<Finished> {
  const strategies = await loadStrategyModule(flags.strategy, flags.export)
  const results: TrainingResult<unknown>[] = []
  const bar = progressBar({ stream: context.stderr })
  const { symbol, exchange, timeframe, params } = flags
  for (const strategy of strategies) {
    if (context.stop.aborted) break
    try {
      results.push(
        await system.trainingManager.executeOptimizedTraining<Params>({
          strategy,
          symbols: symbol,
          exchange,
          timeframe,
          params,
          signal: context.signal,
          stop: context.stop,
          onProgress: flags.quiet === true ? undefined : bar.update,
        }),
      )
    } catch (error) {
      return { results, error }
    } finally {
      bar.done()
    }
  }
  return { results, error: undefined }
}

async function optimize(flags: OptimizeFlags, context: CommandContext): Promise<number> {
  const { stdout, stderr } = context
  if (flags.save !== undefined && (await loadStrategyModule(flags.strategy, flags.export)).length > 1)
    throw new TradewrightError('BAD_OPTION', '--save needs one strategy: name it with --export')
  const system = await openSystem(flags)
  try {
    system.events.on('warning:raised', ({ source, message }) => writeLine(stderr, `warning: ${source}: ${message}`))
    const { results, error } = await runAll(system, flags, context)
    const stats = system.trainingManager.getOptimizationStats()
    if (results.length > 0) {
      if (flags.json === true)
        writeLine(stdout, toJson({ interrupted: context.stop.aborted, results: results.map(summary) }))
      else writeLine(stdout, resultTable(results))
      const note = cacheNote(stats)
      if (note !== undefined) writeLine(flags.json === true ? stderr : stdout, note)
      if (flags.out !== undefined) writeLine(stderr, `report: ${await writeReport(flags.out, results, { stats })}`)
      if (flags.save !== undefined) {
        await results[0].best.save(flags.save)
        writeLine(stderr, `strategy: ${flags.save}`)
      }
    }
    if (context.stop.aborted) {
      writeLine(stderr, `interrupted: ${results.reduce((n, r) => n + r.trials.length, 0)} trials were finished`)
      return exitCodes.interrupted
    }
    if (error !== undefined) throw error
    return exitCodes.done
  } finally {
    await system.close()
  }
}

/** Adds `tradewright optimize`. */
export function addOptimizeCommand(
  program: Command,
  run: (work: (context: CommandContext) => Promise<number>) => Promise<void>,
): void {
  const command = program
    .command('optimize')
    .description("search a strategy's best parameters and validate them on held-out bars")
  addMarketFlags(command, 'parameters that keep these values, as \'{"fast":10}\'; only the others are searched')
    .option('-n, --trials <number>', 'trials of the search', numberFlag, 200)
    .option('-o, --objective <metric>', 'metric to strive for', 'sharpe')
    .option('--seed <number>', 'same seed, same result', numberFlag, 0)
    .option('--holdout <share>', 'share of the newest bars that the search never sees', numberFlag, 0.3)
    .addOption(
      new Option('--sampler <name>', 'where parameters come from (default: auto)').choices([
        ...adaptiveSamplers.keys(),
      ]),
    )
    .option('--cache <dir>', 'folder of the result cache (default: .tradewright/cache)')
    .option('--no-cache', 'compute everything')
    .option('--out <file>', 'write a report (one HTML file)')
    .option('--save <file>', 'write the best strategy, for a bot to load')
    .option('--json', 'print JSON instead of a table')
    .option('-q, --quiet', 'no progress')
    .addHelpText('after', exitCodesHelp)
    .addHelpText(
      'after',
      '\nExample:\n  $ tradewright optimize --strategy strategy.ts --data prices.csv --calendar equity --trials 200 --out report.html',
    )
    .action((flags: OptimizeFlags) => run((context) => optimize(flags, context)))
}
