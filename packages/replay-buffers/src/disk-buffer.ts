import { TradewrightError } from '@tradewright/core'
import { type BlockGeometry, BlockStore, blockGeometry } from './block-store.ts'
import type { Columns } from './columns.ts'
import { type DiskHead, diskPaths, readWhole, realFileSystem, writeWhole } from './disk-head.ts'
import { DiskRecovery } from './disk-recovery.ts'
import { EpisodeRows, type EpisodeRowsState } from './episode-rows.ts'
import { type DiskFileSystem, FileBlocks } from './file-blocks.ts'
import type { Layout } from './layout.ts'
import {
  assembleBuffer,
  type ClosedState,
  type Persistence,
  type ReplayBuffer,
  type ReplayBufferOptions,
  type ReplayHost,
  resolveOptions,
} from './replay-buffer.ts'
import type { DiskStorage } from './storage.ts'

/** Head and closing state of one buffer's folder. */
class DiskPersistence implements Persistence {
  readonly #store: BlockStore
  readonly #files: FileBlocks
  readonly #rows: EpisodeRows
  readonly #fs: DiskFileSystem
  readonly #paths: ReturnType<typeof diskPaths>
  #flushing: Promise<void> = Promise.resolve()

  constructor(parts: { store: BlockStore; files: FileBlocks; rows: EpisodeRows; fs: DiskFileSystem; folder: string }) {
    this.#store = parts.store
    this.#files = parts.files
    this.#rows = parts.rows
    this.#fs = parts.fs
    this.#paths = diskPaths(parts.folder)
  }

  /** One at a time. Full blocks first, then the rows of those that are open: what the head speaks of is there. */
  flush(_rows: EpisodeRowsState): Promise<void> {
    const next = this.#flushing.catch(() => {}).then(() => this.#flush())
    this.#flushing = next
    return next
  }

  async #flush(): Promise<void> {
    await this.#store.settle()
    await this.#files.sync()
    // Rows may have come while that was awaited: the head must speak only of what is on the disk.
    await this.#store.atRest(() => {
      this.#files.syncNow()
      this.writeHead()
    })
  }

  writeHead(): void {
    const { added, open } = this.#rows.save()
    const { geometry, layout } = this.#store
    const heads = [...this.#store.heads()].map(({ block, rows, records }) => {
      const { first } = this.#store.range(block)
      return { block, rows, flags: this.#rows.flags.slice(first, first + rows), records: records.slice() }
    })
    const head: DiskHead = {
      signature: layout.signature,
      slots: geometry.slots,
      lanes: this.#rows.lanes,
      blockBytes: geometry.blockBytes,
      added,
      open,
      heads,
    }
    writeWhole(this.#paths.head, head, this.#fs)
  }

  async close(rows: EpisodeRowsState, state: ClosedState): Promise<void> {
    try {
      await this.flush(rows)
      writeWhole(this.#paths.closed, { added: rows.added, state }, this.#fs)
    } finally {
      this.#files.close()
    }
  }
}

function checkHead(head: DiskHead, layout: Layout, geometry: BlockGeometry, lanes: number): void {
  const mine = { signature: layout.signature, slots: geometry.slots, lanes, blockBytes: geometry.blockBytes }
  for (const key of Object.keys(mine) as (keyof typeof mine)[])
    if (head[key] !== mine[key])
      throw new TradewrightError(
        'BAD_SHAPE',
        `the folder's buffer must have the same ${key} ('${mine[key]}'), was '${head[key]}'`,
        { key },
      )
}

/** What a clean closing left, if nothing was added since. */
function closedState(folder: string, added: readonly number[], fs: DiskFileSystem): ClosedState | undefined {
  const closed = readWhole(diskPaths(folder).closed, fs) as { added: readonly number[]; state: ClosedState } | undefined
  const same = closed?.added.length === added.length && added.every((n, lane) => closed.added[lane] === n)
  return same ? closed?.state : undefined
}

/** A buffer on disk, new or as its folder has it. */
export async function openDiskBuffer<C extends Columns>(
  options: ReplayBufferOptions<C>,
  storage: DiskStorage,
  host: ReplayHost,
): Promise<ReplayBuffer<C>> {
  const { capacity, streams = 1 } = options
  const { layout, writers } = resolveOptions(options)
  const fs = (storage.fs ?? realFileSystem) as DiskFileSystem
  const folder = storage.path
  const maxBytes = Math.min(storage.maxBytes, host.maxBytes ?? Number.POSITIVE_INFINITY)
  const geometry = blockGeometry(layout, capacity, streams, storage.blockBytes)
  fs.mkdirSync(folder, { recursive: true })
  const files = new FileBlocks(folder, geometry, fs)
  try {
    const keepNewest = Math.floor(storage.hotBytes / geometry.blockBytes)
    const store = new BlockStore(layout, geometry, files, { maxBytes, keepNewest })
    const rows = new EpisodeRows(store, writers, streams)
    store.attach(rows)
    const head = readWhole(diskPaths(folder).head, fs) as DiskHead | undefined
    const persistence = new DiskPersistence({ store, files, rows, fs, folder })
    if (head === undefined) persistence.writeHead()
    else {
      checkHead(head, layout, geometry, streams)
      const { state, flags } = new DiskRecovery(store, files, head).run()
      rows.restore(state, flags, [])
    }
    const buffer = assembleBuffer(options, { store, rows, persistence, maxBytes })
    buffer.resume(head === undefined ? undefined : closedState(folder, rows.save().added, fs))
    return buffer
  } catch (error) {
    files.close()
    throw error
  }
}
