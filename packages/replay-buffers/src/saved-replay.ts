import type { Columns } from './columns.ts'
import type { ReplayBuffer } from './replay-buffer.ts'

/**
 * Saves a buffer to a file, one megabyte of records at a time: temporary name, sync, rename. The file takes the rows in
 * use and about 10 bytes a row. Node only.
 *
 * @throws TradewrightError `IO`, `DISPOSED`; a file that was there before stays as it was then.
 */
export async function saveReplay<C extends Columns>(buffer: ReplayBuffer<C>, path: string): Promise<void> {
  const { writeSaved } = await import('./saved-file.ts')
  const parts = buffer.saveParts()
  try {
    writeSaved(path, parts)
  } finally {
    parts.done?.()
  }
}

/**
 * Restores a buffer from a file of {@link saveReplay}. The file is checked whole before anything is changed. Node only.
 *
 * @throws TradewrightError `NOT_FOUND`, `CORRUPT`, `IO`, and as `ReplayBuffer.restore`.
 */
export async function restoreReplay<C extends Columns>(buffer: ReplayBuffer<C>, path: string): Promise<void> {
  const { readSaved } = await import('./saved-file.ts')
  const saved = readSaved(path)
  try {
    buffer.restoreParts(saved)
  } finally {
    saved.close()
  }
}
