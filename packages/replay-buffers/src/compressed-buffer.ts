import { type BlockGeometry, blockGeometry } from './block-geometry.ts'
import { BlockPacker } from './block-packer.ts'
import { BlockStore } from './block-store.ts'
import type { Columns } from './columns.ts'
import { CompressedBlocks } from './compressed-blocks.ts'
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
  const { maxBytes, packedBytes } = budget(storage.maxBytes, geometry, host.maxBytes)
  const blocks = new CompressedBlocks(new BlockPacker(geometry, layout.recordBytes, storage), packedBytes)
  const store = new BlockStore(layout, geometry, blocks, { maxBytes })
  const rows = new EpisodeRows(store, writers, streams)
  store.attach(rows)
  const total = host.maxBytes === undefined ? undefined : maxBytes + packedBytes
  return assembleBuffer(options, { store, rows, maxBytes: total })
}

/** The bytes for blocks that are not packed and those for packed ones: within a given budget, at most half is plain. */
function budget(plain: number, geometry: BlockGeometry, total: number | undefined) {
  if (total === undefined) return { maxBytes: plain, packedBytes: Number.POSITIVE_INFINITY }
  const maxBytes = Math.min(plain, Math.floor(total / 2))
  // Packed blocks that are larger than plain ones are kept plain: so many bytes are never needed.
  return { maxBytes, packedBytes: Math.min(total - maxBytes, geometry.blocks * geometry.blockBytes) }
}
