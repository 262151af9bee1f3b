import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { TradewrightError } from '@tradewright/core'
import type { Piscina } from 'piscina'
import type { WorkerEntry } from './worker-entry.ts'

/** Options of {@link openThreads}. */
export interface ThreadOptions {
  readonly entry: WorkerEntry
  readonly threads: number
  /** Old-generation heap of each thread, in MB; the thread ends above it. Node's own bound where absent. */
  readonly maxHeapMb: number | undefined
}

/**
 * A piscina pool over this package's worker file. The only place that knows piscina. It is found from the worker's
 * file, so that an application that was bundled into one file takes the installed one, workers and all.
 *
 * @throws TradewrightError `NOT_AVAILABLE` where it does not load.
 */
export async function openThreads({ entry, threads, maxHeapMb }: ThreadOptions): Promise<Piscina> {
  let library: { readonly Piscina: typeof Piscina }
  try {
    const path = createRequire(pathToFileURL(entry.file)).resolve('piscina')
    const module = (await import(pathToFileURL(path).href)) as {
      readonly Piscina?: typeof Piscina
      readonly default?: { readonly Piscina?: typeof Piscina }
    }
    const found = module.Piscina ?? module.default?.Piscina
    if (found === undefined) throw new Error('it has no export Piscina')
    library = { Piscina: found }
  } catch (cause) {
    throw new TradewrightError(
      'NOT_AVAILABLE',
      "worker threads need the package 'piscina': npm install piscina",
      { package: 'piscina', reason: String(cause) },
      { cause },
    )
  }
  return new library.Piscina({
    filename: pathToFileURL(entry.file).href,
    name: 'run',
    minThreads: threads,
    maxThreads: threads,
    execArgv: [...entry.execArgv],
    ...(maxHeapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: maxHeapMb } }),
  })
}
