import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ErrorData, isTradewrightError, type Optimizer, toErrorData } from '@tradewright/core'
import type { ResolvedCaching, ResolvedIncremental } from './configuration.ts'
import { moduleAddress } from './model-registry.ts'

/** What trainings go on without. */
export interface IncrementalWarning {
  readonly source: string
  readonly message: string
  readonly error: ErrorData
}

const PACKAGE = '@tradewright/incremental-training'

/**
 * The optimizer that lets a training's models continue, opened with the first training that has one: states in a folder
 * that workers share. A folder that cannot be made costs speed, never a run.
 *
 * @returns undefined where it is switched off. Closed by the caller.
 */
export async function openIncremental(
  { enabled, approximate, directory }: ResolvedIncremental,
  { enabled: cached, disk }: ResolvedCaching,
  warn: (warning: IncrementalWarning) => void,
): Promise<Optimizer | undefined> {
  if (!enabled) return undefined
  const { incrementalTraining } = await import('@tradewright/incremental-training')
  const kept = directory ?? (cached && disk !== false ? '.tradewright/models' : false)
  const folder = kept === false ? await mkdtemp(join(tmpdir(), 'tradewright-models-')) : kept
  try {
    const optimizer = incrementalTraining({ approximate, directory: folder })
    return {
      ...optimizer,
      // Workers may not see this package by its name.
      remote: optimizer.remote && { ...optimizer.remote, module: moduleAddress(PACKAGE) },
      async [Symbol.asyncDispose]() {
        await optimizer[Symbol.asyncDispose]?.()
        if (kept === false) await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    if (!isTradewrightError(error) || error.code !== 'IO') throw error
    const message = `models' states are kept in memory, and models are trained in this thread: ${error.message}`
    warn({ source: 'incremental-training', message, error: toErrorData(error, 'IO') })
    return incrementalTraining({ approximate })
  }
}
