import {
  contentKey,
  type Data,
  type ErrorData,
  inlineTaskPool,
  isTradewrightError,
  type Key,
  type TaskPool,
  TradewrightError,
  toErrorData,
} from '@tradewright/core'
import { type FileCheckpoints, type FileCheckpointsOptions, fileCheckpoints } from '../checkpoints/file-checkpoints.ts'
import { checkNames } from '../models/check-options.ts'

/** What trains one symbol. */
export interface SymbolTask {
  /** URL or path of a module. */
  readonly module: string
  /** Its function `({ symbol, options }, { signal }) => Data | Promise<Data>`; what it gives is kept as the state. */
  readonly export: string
  /** Goes along with each symbol. What decides which bars are read belongs here: states are known by it. @default {} */
  readonly options?: Data
  /** Of the code. @default '' */
  readonly version?: string | undefined
}

/** Options of {@link trainSymbols}. */
export interface TrainSymbolsOptions extends Pick<FileCheckpointsOptions, 'directory' | 'compression' | 'logger'> {
  /**
   * Where symbols are trained, in a process apart where the pool has them. A function makes a pool for each symbol, which
   * is closed after it: with a pool of child processes the memory of each is given back to the last byte.
   * @default core's pool, in line
   */
  readonly tasks?: TaskPool | (() => TaskPool & AsyncDisposable) | undefined
  /** Resident bytes that a child may have. @default none */
  readonly maxBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** After each symbol. */
  readonly onSymbol?: ((outcome: SymbolOutcome) => void) | undefined
}

/** What came of one symbol: trained now, kept from before, or failed. */
export type SymbolOutcome =
  | { readonly symbol: string; readonly status: 'trained'; readonly ms: number; readonly bytes: number }
  | { readonly symbol: string; readonly status: 'kept'; readonly ms: number; readonly bytes: number }
  | { readonly symbol: string; readonly status: 'failed'; readonly ms: number; readonly error: ErrorData }

interface SavedSymbol {
  readonly key: Key
  readonly state: Data
}

const NAMES = ['directory', 'compression', 'logger', 'tasks', 'maxBytes', 'signal', 'onSymbol']

/** A name for files: what is no letter, digit or `_` becomes its code between dashes. */
function fileName(symbol: string): string {
  return [...symbol].map((c) => (/^\w$/.test(c) ? c : `-${c.codePointAt(0)?.toString(16)}-`)).join('')
}

function open(
  symbol: string,
  options: Pick<FileCheckpointsOptions, 'directory' | 'compression' | 'logger'>,
): FileCheckpoints {
  const { directory, compression, logger } = options
  const name = `symbol-${fileName(symbol)}`
  return fileCheckpoints({ directory, compression, logger, name, newest: 1, best: 0, reserveBytes: 0 })
}

function checkSymbols(symbols: readonly string[]): void {
  for (const symbol of symbols)
    if (typeof symbol !== 'string' || symbol === '')
      throw new TradewrightError('BAD_OPTION', `a symbol must be a text, was '${String(symbol)}'`)
  const twice = symbols.find((symbol, i) => symbols.indexOf(symbol) !== i)
  if (twice !== undefined)
    throw new TradewrightError('DUPLICATE_NAME', `symbols must be trained once each, '${twice}' was there twice`, {
      symbol: twice,
    })
}

async function inPool<T>(tasks: TrainSymbolsOptions['tasks'], run: (pool: TaskPool) => Promise<T>): Promise<T> {
  if (typeof tasks !== 'function') return run(tasks ?? inlineTaskPool())
  const pool = tasks()
  try {
    return await run(pool)
  } finally {
    await pool[Symbol.asyncDispose]()
  }
}

async function trainOne(symbol: string, task: SymbolTask, options: TrainSymbolsOptions): Promise<SymbolOutcome> {
  const { tasks, maxBytes, signal } = options
  const begun = performance.now()
  const { module, export: name, options: given = {}, version = '' } = task
  const key = contentKey(['symbol', symbol, module, name, given, version])
  const checkpoints = open(symbol, options)
  try {
    const found = await checkpoints.load()
    if ((found?.data as Partial<SavedSymbol> | undefined)?.key === key)
      return { symbol, status: 'kept', ms: performance.now() - begun, bytes: found?.info.bytes ?? 0 }
    const { bytes } = await inPool(tasks, async (pool) => {
      const data = { symbol, options: given }
      const state = await pool.run({ module, export: name, data, isolation: 'process', maxBytes, signal })
      const saved: SavedSymbol = { key, state }
      return checkpoints.save({ step: 0, data: saved as unknown as Data })
    })
    return { symbol, status: 'trained', ms: performance.now() - begun, bytes }
  } catch (error) {
    signal?.throwIfAborted()
    if (isTradewrightError(error) && error.code === 'IO') throw error // no other symbol would fare better
    return { symbol, status: 'failed', ms: performance.now() - begun, error: toErrorData(error, 'TASK_FAILED') }
  } finally {
    await checkpoints[Symbol.asyncDispose]()
  }
}

/**
 * Trains symbol after symbol, each in a task of its own: its state goes to a file, and its memory is let go before the
 * next one begins. Called again, it skips the symbols whose state of the same task is there, whole.
 *
 * @param symbols in this order.
 * @returns an outcome a symbol: one that fails does not stop the others.
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`, `DUPLICATE_NAME`; `IO` where states cannot be written: what was
 *   trained before is kept. The signal's reason when aborted.
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { inlineTaskPool } from '@tradewright/core'
 * import { loadSymbols, trainSymbols } from '@tradewright/incremental-training'
 * const directory = mkdtempSync('/tmp/symbols-')
 * const tasks = inlineTaskPool(async () => ({ train: ({ symbol }) => ({ learned: symbol.length }) })) // or of @tradewright/runners
 * await trainSymbols(['ETHUSDT', 'BTCUSDT'], { module: './train.mjs', export: 'train' }, { directory, tasks })
 * for await (const { symbol, state } of loadSymbols(['ETHUSDT'], { directory })) console.log(symbol, state) // ETHUSDT { learned: 7 }
 * ```
 */
export async function trainSymbols(
  symbols: readonly string[],
  task: SymbolTask,
  options: TrainSymbolsOptions,
): Promise<readonly SymbolOutcome[]> {
  checkNames('trainSymbols', options, NAMES)
  checkNames('the task of trainSymbols', task, ['module', 'export', 'options', 'version'])
  checkSymbols(symbols)
  const outcomes: SymbolOutcome[] = []
  for (const symbol of symbols) {
    options.signal?.throwIfAborted()
    const outcome = await trainOne(symbol, task, options)
    outcomes.push(outcome)
    options.onSymbol?.(outcome)
  }
  return outcomes
}

/** A symbol's state as {@link trainSymbols} kept it. */
export interface LoadedSymbol {
  readonly symbol: string
  /** Undefined where there is none that is whole. */
  readonly state: Data
}

/**
 * The states of symbols one at a time: the next is read when it is asked for, and none is held here.
 *
 * @param options `directory` of {@link trainSymbols}.
 * @throws TradewrightError `BAD_OPTION`, `DUPLICATE_NAME`, `IO`.
 */
export async function* loadSymbols(
  symbols: readonly string[],
  options: Pick<FileCheckpointsOptions, 'directory' | 'logger'>,
): AsyncGenerator<LoadedSymbol, void> {
  checkSymbols(symbols)
  for (const symbol of symbols) {
    const checkpoints = open(symbol, options)
    try {
      const found = await checkpoints.load()
      yield { symbol, state: (found?.data as unknown as SavedSymbol | undefined)?.state }
    } finally {
      await checkpoints[Symbol.asyncDispose]()
    }
  }
}
