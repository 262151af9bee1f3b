import { TradewrightError } from '@tradewright/core'
import type { Columns } from './columns.ts'
import { createReplayBuffer } from './create-replay-buffer.ts'
import type { ReplayBuffer } from './replay-buffer.ts'
import type { ReplayBufferOptions, ReplayHost } from './replay-options.ts'
import type { CompressedStorage, DiskStorage } from './storage.ts'

/** Options of {@link openReplayBuffer}: those of `createReplayBuffer`, with storages that are opened asynchronously. */
export interface OpenReplayBufferOptions<C extends Columns> extends Omit<ReplayBufferOptions<C>, 'storage'> {
  /** Where records are. @default memory() */
  readonly storage?: ReplayBufferOptions<C>['storage'] | DiskStorage | CompressedStorage
}

function checkedOptions<T>(options: T): T {
  if (typeof options === 'object' && options !== null) return options
  throw new TradewrightError('BAD_OPTION', `options must be an object, was ${String(options)}`, {})
}

/**
 * A replay buffer with any storage; those on disk and packed ones load Node's modules only here.
 *
 * A folder that holds a buffer already is reopened: every row that `flush()` had acknowledged is there, after a kill
 * too, with its priority, and whole blocks that were written since, whose elements count as new.
 * Call `cut()` unless the environment goes on exactly where it was.
 *
 * @throws TradewrightError as `createReplayBuffer`; `BAD_SHAPE` for a folder of another buffer, `CORRUPT`, `IO`.
 * @example
 * ```ts
 * import { disk, openReplayBuffer } from '@tradewright/replay-buffers'
 * const buffer = await openReplayBuffer({
 *   capacity: 10_000_000,
 *   columns: { obs: { dtype: 'float32', shape: [64] }, action: { dtype: 'int32' } },
 *   storage: disk({ path: './replay', maxBytes: 256 * 1024 * 1024 }),
 * })
 * await buffer.flush() // every row added so far survives a kill
 * await buffer.close()
 * ```
 */
export async function openReplayBuffer<const C extends Columns>(
  options: OpenReplayBufferOptions<C>,
  host: ReplayHost = {},
): Promise<ReplayBuffer<C>> {
  const { storage, ...rest } = checkedOptions(options)
  if (storage?.kind === 'disk') return (await import('./disk-buffer.ts')).openDiskBuffer<C>(rest, storage, host)
  if (storage?.kind === 'compressed')
    return (await import('./compressed-buffer.ts')).openCompressedBuffer<C>(rest, storage, host)
  return createReplayBuffer<C>(storage === undefined ? rest : { ...rest, storage }, host)
}
