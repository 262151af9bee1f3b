import { type BlockGeometry, blockGeometry } from './block-geometry.ts'
import { BlockPacker } from './block-packer.ts'
import { BlockStore } from './block-store.ts'
import type { Columns } from './columns.ts'
import { CompressedBlocks } from './compressed-blocks.ts'
import { assembleBuffer } from './create-replay-buffer.ts'
import { EpisodeRows } from './episode-rows.ts'
import type { ReplayBuffer } from './replay-buffer.ts'
import { type ReplayBufferOptions, type ReplayHost, resolveOptions } from './replay-options.ts'
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
  const total = Math.min(storage.maxBytes, host.maxBytes ?? Number.POSITIVE_INFINITY)
  const { maxBytes, packedBytes } = budget(geometry, total)
  const blocks = new CompressedBlocks(new BlockPacker(geometry, layout.recordBytes, storage), packedBytes)
  const store = new BlockStore(layout, geometry, blocks, { maxBytes })
  const rows = new EpisodeRows(store, writers, streams)
  store.attach(rows)
  const held = total === Number.POSITIVE_INFINITY ? undefined : maxBytes + packedBytes
  return assembleBuffer(options, { store, rows, maxBytes: held })
}

/** Bytes of blocks that are not packed, at most. */
const PLAIN_BYTES = 16 * 1024 * 1024

/** The bytes for blocks that are not packed and those for packed ones: within a given budget, at most half is plain. */
function budget(geometry: BlockGeometry, total: number) {
  if (total === Number.POSITIVE_INFINITY) return { maxBytes: PLAIN_BYTES, packedBytes: total }
  const maxBytes = Math.min(PLAIN_BYTES, Math.floor(total / 2))
  // Packed blocks that are larger than plain ones are kept plain: so many bytes are never needed.
  return { maxBytes, packedBytes: Math.min(total - maxBytes, geometry.blocks * geometry.blockBytes) }
}
