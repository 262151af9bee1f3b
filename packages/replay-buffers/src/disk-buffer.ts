import { TradewrightError } from '@tradewright/core'
import { blockGeometry, type DurableBlocks } from './block-geometry.ts'
import { BlockPacker } from './block-packer.ts'
import { BlockStore } from './block-store.ts'
import type { Columns } from './columns.ts'
import { assembleBuffer } from './create-replay-buffer.ts'
import { type DiskHead, diskPaths, readWhole, realFileSystem, writeWhole } from './disk-head.ts'
import { DiskRecovery } from './disk-recovery.ts'
import { EpisodeRows } from './episode-rows.ts'
import { type DiskFileSystem, FileBlocks } from './file-blocks.ts'
import { lockFolder } from './folder-lock.ts'
import { PackedFileBlocks } from './packed-file-blocks.ts'
import type { ClosedState, Persistence, PriorityStore } from './persistence.ts'
import { PriorityJournal } from './priority-journal.ts'
import type { ReplayBuffer } from './replay-buffer.ts'
import { type ReplayBufferOptions, type ReplayHost, resolveOptions } from './replay-options.ts'
import type { EpisodeRowsState } from './row-index.ts'
import type { DiskStorage } from './storage.ts'

/** What a folder is opened with. */
interface DiskParts {
  readonly folder: string
  readonly fs: DiskFileSystem
  readonly store: BlockStore
  readonly files: DurableBlocks
  readonly rows: EpisodeRows
  readonly journal: PriorityJournal
  /** How blocks are packed. */
  readonly packing: string | undefined
  /** Gives the folder back. */
  readonly unlock: () => void
}

/** Head, priorities and closing state of one buffer's folder. */
class DiskPersistence implements Persistence {
  readonly #parts: DiskParts
  readonly #paths: ReturnType<typeof diskPaths>
  #priorities: PriorityStore | undefined
  #progress: () => ClosedState | undefined = () => undefined
  #flushing: Promise<void> = Promise.resolve()

  constructor(parts: DiskParts) {
    this.#parts = parts
    this.#paths = diskPaths(parts.folder)
  }

  /** One at a time. Full blocks first, then the rows of those that are open: what the head speaks of is there. */
  flush(_rows: EpisodeRowsState): Promise<void> {
    const next = this.#flushing.catch(() => {}).then(() => this.#flush())
    this.#flushing = next
    return next
  }

  async #flush(): Promise<void> {
    const { store, files, journal } = this.#parts
    await store.settle()
    await files.sync()
    // Rows may have come while that was awaited: the head must speak only of what is on the disk.
    await store.atRest(() => {
      files.syncNow()
      if (this.#priorities !== undefined) journal.write(this.#priorities)
      this.writeHead()
    })
  }

  writeHead(): void {
    const { store, rows, packing, fs } = this.#parts
    const { added, open } = rows.save()
    const { geometry, layout } = store
    const heads = [...store.heads()].map(({ block, rows: used, records }) => {
      const { first } = store.range(block)
      return { block, rows: used, flags: rows.flags.slice(first, first + used), records }
    })
    const head: DiskHead = {
      signature: layout.signature,
      slots: geometry.slots,
      lanes: rows.lanes,
      blockBytes: geometry.blockBytes,
      packing,
      added,
      open,
      heads,
      progress: this.#progress(),
    }
    writeWhole(this.#paths.head, head, fs)
  }

  /** From now on a head says where the buffer's random numbers and counters stand. */
  keepProgress(progress: () => ClosedState): void {
    this.#progress = progress
  }

  /** Takes the buffer's priorities in charge; those of rows that are still there come back. @returns whether any did. */
  keepPriorities<C extends Columns>(buffer: ReplayBuffer<C>, reopened: boolean): boolean {
    const { journal, rows } = this.#parts
    const store = buffer.priorityStore((slot) => journal.mark(slot))
    this.#priorities = store
    if (store === undefined || !reopened) return store !== undefined && !reopened
    return journal.recover(
      {
        rest: (rest) => store.restoreRest(rest),
        entries: (added, slots, values) => {
          let count = 0
          for (let k = 0; k < slots.length; k++) {
            const slot = slots[k]
            if (!(slot < store.slots) || store.drawable[slot] === 0 || !rows.sameRow(slot, added)) continue
            journal.unmark(slot)
            slots[count] = slot
            values[count++] = values[k]
          }
          store.write(slots, values, count)
        },
      },
      (rest) => store.fits(rest),
    )
  }

  async close(rows: EpisodeRowsState, state: ClosedState | undefined): Promise<void> {
    const { fs, journal, files, unlock } = this.#parts
    try {
      await this.flush(rows)
      if (state !== undefined) writeWhole(this.#paths.closed, { added: rows.added, state }, fs)
    } finally {
      journal.close()
      files.close()
      unlock()
    }
  }
}

function checkHead(head: DiskHead, { store, rows, packing }: DiskParts): void {
  const { geometry, layout } = store
  const mine = {
    signature: layout.signature,
    slots: geometry.slots,
    lanes: rows.lanes,
    blockBytes: geometry.blockBytes,
    packing,
  }
  for (const key of Object.keys(mine) as (keyof typeof mine)[])
    if (head[key] !== mine[key])
      throw new TradewrightError(
        'BAD_SHAPE',
        `the folder's buffer must have the same ${key} ('${mine[key]}'), was '${head[key]}'`,
        { key },
      )
}

/** What a clean closing left, if nothing was added since. */
function closedState({ folder, rows, fs }: DiskParts): ClosedState | undefined {
  const { added } = rows.save()
  const closed = readWhole(diskPaths(folder).closed, fs) as { added: readonly number[]; state: ClosedState } | undefined
  const same = closed?.added.length === added.length && added.every((n, lane) => closed.added[lane] === n)
  return same ? closed?.state : undefined
}

/** Makes the storage's parts over a folder that is this buffer's alone. */
function openParts<C extends Columns>(
  options: ReplayBufferOptions<C>,
  storage: DiskStorage,
  maxBytes: number,
  unlock: () => void,
): DiskParts {
  const { capacity, streams = 1 } = options
  const { layout, writers } = resolveOptions(options)
  const fs = (storage.fs ?? realFileSystem) as DiskFileSystem
  const folder = storage.path
  const geometry = blockGeometry(layout, capacity, streams, storage.blockBytes)
  const packer = storage.packing && new BlockPacker(geometry, layout.recordBytes, storage.packing)
  const files = packer === undefined ? new FileBlocks(folder, geometry, fs) : new PackedFileBlocks(folder, packer, fs)
  try {
    const keepNewest = Math.floor(storage.hotBytes / geometry.blockBytes)
    const store = new BlockStore(layout, geometry, files, { maxBytes, keepNewest })
    const rows = new EpisodeRows(store, writers, streams)
    store.attach(rows)
    const journal = new PriorityJournal(folder, capacity, fs)
    return { folder, fs, store, files, rows, journal, packing: packer?.name, unlock }
  } catch (error) {
    files.close()
    throw error
  }
}

/** A buffer on disk, new or as its folder has it. */
export async function openDiskBuffer<C extends Columns>(
  options: ReplayBufferOptions<C>,
  storage: DiskStorage,
  host: ReplayHost,
): Promise<ReplayBuffer<C>> {
  resolveOptions(options)
  const fs = (storage.fs ?? realFileSystem) as DiskFileSystem
  makeFolder(storage.path, fs)
  const unlock = lockFolder(storage.path)
  try {
    const maxBytes = Math.min(storage.maxBytes, host.maxBytes ?? Number.POSITIVE_INFINITY)
    return reopen(options, openParts(options, storage, maxBytes, unlock), maxBytes, host)
  } catch (error) {
    unlock()
    throw error
  }
}

function makeFolder(folder: string, fs: DiskFileSystem): void {
  try {
    fs.mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw new TradewrightError('IO', `making the folder ${folder} failed: ${String(cause)}`, { folder }, { cause })
  }
}

/** The buffer of a folder's parts: what its head says is there, and the priorities. */
function reopen<C extends Columns>(
  options: ReplayBufferOptions<C>,
  parts: DiskParts,
  maxBytes: number,
  host: ReplayHost,
): ReplayBuffer<C> {
  const { folder, fs, store, rows, files, journal } = parts
  try {
    const head = readWhole(diskPaths(folder).head, fs) as DiskHead | undefined
    const persistence = new DiskPersistence(parts)
    if (head === undefined) persistence.writeHead()
    else {
      checkHead(head, parts)
      const { state, flags } = new DiskRecovery(store, files, head).run()
      rows.restore(state, flags, [])
    }
    const buffer = assembleBuffer(options, { store, rows, persistence, maxBytes })
    store.charge(() => buffer.besidesRecords() + journal.memoryBytes)
    const kept = persistence.keepPriorities(buffer, head !== undefined)
    if (!kept) buffer.resume(head === undefined ? undefined : (closedState(parts) ?? head.progress))
    persistence.keepProgress(() => buffer.saveProgress())
    if (!kept && head !== undefined && rows.transitions > 0 && buffer.hasPriorities)
      host.events?.emit('warning:raised', {
        source: 'replay-buffers',
        message: `${folder} has no priorities of this sampler; all elements count as new`,
      })
    return buffer
  } catch (error) {
    journal.close()
    files.close()
    throw error
  }
}
