import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { nearestName, TradewrightError } from '@tradewright/core'

const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined

/** Names in a folder; undefined where it cannot be read. */
export async function namesIn(folder: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(folder)).sort()
  } catch {
    return undefined
  }
}

/** The error for a path that is not there: says the nearest name in its folder, or that the folder is missing too. */
export async function notFound(path: string): Promise<TradewrightError> {
  const folder = dirname(path)
  const names = await namesIn(folder)
  if (names === undefined)
    return new TradewrightError('NOT_FOUND', `the folder must exist, was '${folder}' (for '${basename(path)}')`, {
      path,
      folder,
    })
  const nearest = nearestName(basename(path), names)
  const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`
  return new TradewrightError('NOT_FOUND', `the file must exist, was '${path}'${hint}`, {
    path,
    ...(nearest === undefined ? {} : { nearest }),
  })
}

/**
 * A file's bytes.
 *
 * @throws TradewrightError `NOT_FOUND` (with the nearest name), `IO` (the operating system refused).
 */
export async function readBytes(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted()
  try {
    return await readFile(path, signal === undefined ? {} : { signal })
  } catch (cause) {
    signal?.throwIfAborted()
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') throw await notFound(path)
    throw new TradewrightError('IO', `the file must be readable, was '${path}' (${codeOf(cause)})`, { path }, { cause })
  }
}
