import { BlockStore, blockGeometry } from './block-store.ts'
import type { Columns } from './columns.ts'
import { CompressedBlocks, deflateCodec } from './compressed-blocks.ts'
import { EpisodeRows } from './episode-rows.ts'
import {
  assembleBuffer,
  type ReplayBuffer,
  type ReplayBufferOptions,
  type ReplayHost,
  resolveOptions,
} from './replay-buffer.ts'
import type { CompressedStorage } from './storage.ts'

/** A buffer whose blocks are packed in memory. */
export function openCompressedBuffer<C extends Columns>(
  options: ReplayBufferOptions<C>,
  storage: CompressedStorage,
  host: ReplayHost,
): ReplayBuffer<C> {
  const { capacity, streams = 1 } = options
  const { layout, writers } = resolveOptions(options)
  const geometry = blockGeometry(layout, capacity, streams, storage.blockBytes)
  const { codec = deflateCodec, delta, shuffle = layout.recordBytes < 512 } = storage
  const blocks = new CompressedBlocks(geometry, layout.recordBytes, { codec, delta, shuffle })
  const maxBytes = Math.min(storage.maxBytes, host.maxBytes ?? Number.POSITIVE_INFINITY)
  const store = new BlockStore(layout, geometry, blocks, { maxBytes })
  const rows = new EpisodeRows(store, writers, streams)
  store.attach(rows)
  return assembleBuffer(options, { store, rows })
}
