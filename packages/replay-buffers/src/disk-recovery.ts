import { TradewrightError } from '@tradewright/core'
import type { DurableBlocks } from './block-geometry.ts'
import type { BlockStore } from './block-store.ts'
import type { DiskHead } from './disk-head.ts'
import { type EpisodeRowsState, ROW } from './row-index.ts'

const ENDED = ROW.TERMINATED | ROW.TRUNCATED | ROW.BARE

/** Blocks that may have been under way when the process died: those of a lane's oldest rows. */
const UNDER_WAY = 6

interface LaneFound {
  added: number
  open: boolean
  floor: number
}

/** Finds the rows that a folder holds: those acknowledged, and whole blocks that were written after that. */
export class DiskRecovery {
  readonly #store: BlockStore
  readonly #files: DurableBlocks
  readonly #head: DiskHead
  readonly #flags: Uint8Array
  readonly #image: Uint8Array

  constructor(store: BlockStore, files: DurableBlocks, head: DiskHead) {
    this.#store = store
    this.#files = files
    this.#head = head
    this.#flags = new Uint8Array(store.slots).fill(ROW.BARE)
    this.#image = new Uint8Array(store.geometry.blockBytes)
  }

  /** @throws TradewrightError `CORRUPT` for a damaged block that was not under way. */
  run(): { readonly state: EpisodeRowsState; readonly flags: Uint8Array } {
    const lanes = this.#head.added.map((_, lane) => this.#lane(lane))
    const transitions = this.#flags.reduce((sum, flags) => sum + ((flags & ROW.BARE) === 0 ? 1 : 0), 0)
    const state = {
      added: lanes.map((lane) => lane.added),
      open: lanes.map((lane) => lane.open),
      floor: lanes.map((lane) => lane.floor),
      transitions,
    }
    return { state, flags: this.#flags }
  }

  #lane(lane: number): LaneFound {
    const found: LaneFound = { added: this.#head.added[lane], open: this.#head.open[lane], floor: 0 }
    const extended = this.#extend(lane, found)
    this.#takeBlocks(lane, found)
    if (!extended) this.#takeHead(lane)
    return found
  }

  /** Blocks that were filled after the last flush and written whole. @returns whether there were any. */
  #extend(lane: number, found: LaneFound): boolean {
    const { ringLength, rowsPerBlock, blocksPerLane } = this.#store.geometry
    let extended = false
    for (let n = 0; n < blocksPerLane; n++) {
      const position = found.added % ringLength
      const round = Math.floor(found.added / ringLength)
      const block = lane * blocksPerLane + Math.floor(position / rowsPerBlock)
      const head = this.#files.readHead(block)
      if (head === undefined || head.round !== round || !this.#files.intact(block, this.#image)) break
      const { first, count } = this.#store.range(block)
      found.added = round * ringLength + (first - lane * ringLength) + count
      found.open = (head.flags[count - 1] & ENDED) === 0
      extended = true
      if ((head.flags[count - 1] & ROW.FINAL) === 0) continue
      // The observation after the episode is not there: its last step cannot be kept either.
      this.#store.restoreHead(block, this.#image.subarray(this.#store.geometry.recordsAt))
      this.#flags.set(head.flags.subarray(0, count - 1), first)
      found.added--
      found.open = (head.flags[count - 1] & ROW.START) === 0
      break
    }
    return extended
  }

  /** Flags of every block of the rows in range, from the newest back to the first that is not there any more. */
  #takeBlocks(lane: number, found: LaneFound): void {
    const { ringLength, rowsPerBlock, blocksPerLane } = this.#store.geometry
    const oldest = Math.max(0, found.added - ringLength)
    let gone = false
    for (let n = 0; n < blocksPerLane; n++) {
      // The block n places before the one that is being filled, that one last.
      const current = Math.floor((found.added % ringLength) / rowsPerBlock)
      const place = (((current - 1 - n) % blocksPerLane) + blocksPerLane) % blocksPerLane
      const block = lane * blocksPerLane + place
      const { first, count } = this.#store.range(block)
      const last = first + count - 1 - lane * ringLength
      const round = Math.floor((found.added - 1 - last) / ringLength)
      if (round < 0) continue
      const start = round * ringLength + last - count + 1
      if (start + count <= oldest) continue
      if (!gone && this.#takeBlock(block, round, n >= blocksPerLane - UNDER_WAY)) continue
      // Everything older is gone with it: rows are kept without gaps.
      if (!gone) found.floor = start + count
      gone = true
      this.#files.setWritten(block, false)
    }
  }

  /** @returns whether the block is there, of this round. */
  #takeBlock(block: number, round: number, mayBeTorn: boolean): boolean {
    const head = this.#files.readHead(block)
    if (head === undefined || (mayBeTorn && !this.#files.intact(block, this.#image))) {
      if (mayBeTorn) return false
      throw new TradewrightError('CORRUPT', `block ${block} must have an intact head, had not`, { block })
    }
    if (head.round !== round) return false
    this.#files.setWritten(block, true)
    this.#flags.set(head.flags, this.#store.range(block).first)
    return true
  }

  /** The rows of the open block that were journalled. */
  #takeHead(lane: number): void {
    const head = this.#head.heads[lane]
    if (head === undefined || head.rows === 0) return
    this.#flags.set(head.flags, this.#store.range(head.block).first)
    this.#store.restoreHead(head.block, head.records)
  }
}
