import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { Strategy } from '@tradewright/backtest'
import { nearestName, type Params, TradewrightError, unknownName } from '@tradewright/core'

const isStrategy = (value: unknown): value is Strategy<Params> =>
  typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'strategy'

/** Every strategy that a module exports, by the name it is exported under. */
function strategiesOf(exports: Readonly<Record<string, unknown>>): ReadonlyMap<string, Strategy<Params>> {
  const found = new Map<string, Strategy<Params>>()
  const seen = new Set<unknown>()
  for (const [name, value] of Object.entries(exports)) {
    if (!isStrategy(value) || seen.has(value)) continue
    seen.add(value)
    found.set(name, value)
  }
  return found
}

async function missingFile(file: string, path: string): Promise<TradewrightError> {
  const names = await readdir(dirname(path)).catch(() => [])
  const nearest = nearestName(basename(path), names)
  return new TradewrightError(
    'NOT_FOUND',
    `the strategy's file must exist, was '${file}'${nearest === undefined ? '' : `; did you mean '${nearest}'?`}`,
    { file, ...(nearest === undefined ? {} : { nearest }) },
  )
}

/**
 * Our own packages as this process has them: a strategy's module must meet the same instances, or an indicator that it
 * defines would be registered in a copy that the engine never sees.
 */
async function ownModules(): Promise<Record<string, unknown>> {
  return {
    tradewright: await import('../index.ts'),
    '@tradewright/core': await import('@tradewright/core'),
    '@tradewright/backtest': await import('@tradewright/backtest'),
    '@tradewright/market-data': await import('@tradewright/market-data'),
  }
}

/**
 * Loads strategies from a user's module: TypeScript or JavaScript, by a loader that is imported only here.
 *
 * @param file       path of the module.
 * @param exportName which of its exports. @default all of them
 * @throws TradewrightError `NOT_FOUND` (the file, with the nearest), `BAD_STRATEGY` (it throws when loaded, or exports
 *   no strategy), `UNKNOWN_NAME` (the export).
 */
export async function loadStrategyModule(
  file: string,
  exportName?: string | undefined,
): Promise<readonly Strategy<Params>[]> {
  const path = resolve(file)
  if (!existsSync(path)) throw await missingFile(file, path)
  const { createJiti } = await import('jiti')
  let exports: Readonly<Record<string, unknown>>
  try {
    exports = await createJiti(path, { fsCache: false, virtualModules: await ownModules() }).import(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TradewrightError('BAD_STRATEGY', `'${file}' could not be loaded: ${reason}`, { file }, { cause })
  }
  const strategies = strategiesOf(exports)
  if (strategies.size === 0)
    throw new TradewrightError(
      'BAD_STRATEGY',
      `'${file}' must export a strategy made by defineStrategy, exports ${Object.keys(exports).join(', ') || 'nothing'}`,
      { file },
    )
  if (exportName === undefined) return [...strategies.values()]
  const chosen = strategies.get(exportName)
  if (chosen === undefined) throw unknownName(`strategy exported by '${file}'`, exportName, strategies.keys())
  return [chosen]
}
