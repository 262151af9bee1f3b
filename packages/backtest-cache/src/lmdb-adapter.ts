import { TradewrightError } from '@tradewright/core'
import type { Database, RootDatabase } from 'lmdb'

/** The tables of a disk cache. Every write stands in one transaction, so a killed process leaves all of it or nothing. */
export interface LmdbTables {
  readonly root: RootDatabase<Uint8Array, string>
  /** Sealed records by key. */
  readonly records: Database<Uint8Array, string>
  /** Keys of each batch by the stamp of its writing: what is oldest goes first. */
  readonly ages: Database<Uint8Array, number>
  /** Users of each content-addressed file by its name. */
  readonly files: Database<Uint8Array, string>
  /** Totals. */
  readonly totals: Database<Uint8Array, string>
}

/**
 * Opens the tables in one file. The only place that knows lmdb: it is loaded when first needed.
 *
 * @throws TradewrightError `NOT_AVAILABLE` where the library does not load, `IO` where the file cannot be opened.
 */
export async function openLmdb(file: string): Promise<LmdbTables> {
  let lmdb: typeof import('lmdb')
  try {
    lmdb = await import('lmdb')
  } catch (cause) {
    throw new TradewrightError(
      'NOT_AVAILABLE',
      "a disk cache needs the package 'lmdb' with its binary for this machine: npm install lmdb",
      { package: 'lmdb', reason: String(cause) },
      { cause },
    )
  }
  try {
    const root = lmdb.open<Uint8Array, string>({
      path: file,
      noSubdir: true,
      encoding: 'binary',
      maxDbs: 4,
      overlappingSync: true,
    })
    const table = <K extends string | number>(name: string): Database<Uint8Array, K> =>
      root.openDB<Uint8Array, K>({ name, encoding: 'binary' })
    return {
      root,
      records: table('records'),
      ages: table('ages'),
      files: table('files'),
      totals: table('totals'),
    }
  } catch (cause) {
    throw new TradewrightError(
      'IO',
      `the cache file ${file} could not be opened: ${cause instanceof Error ? cause.message : String(cause)}`,
      { file },
      { cause },
    )
  }
}
