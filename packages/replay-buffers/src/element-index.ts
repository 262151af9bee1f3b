import { type Accumulator, rowsAhead, rowsBehind } from './accumulator.ts'
import { ROW, type RowIndex } from './row-index.ts'

const ENDED = ROW.TERMINATED | ROW.TRUNCATED

/** Told when elements come and go. */
export interface ElementListener {
  enable(slot: number): void
  disable(slot: number): void
  /** The same of `count` slots from `slot` at once, where the order in which they come does not matter. */
  enableRange?(slot: number, count: number): void
  disableRange?(slot: number, count: number): void
}

/** From so many new rows on they are taken in by runs. */
const MANY_ROWS = 64

/** One lane's progress. */
interface LaneProgress {
  /** Serial number of the next row to look at. */
  next: number
  /** Serial number of the next element's first row, among rows of the current episode. */
  start: number
  /** Whether the row before `next` was seen as a bare one. */
  bare: boolean
}

/** Where an index stands: plain data for checkpoints. */
export interface ElementIndexState {
  readonly lanes: readonly Readonly<LaneProgress>[]
}

/**
 * Which rows begin an element that can be drawn, kept up to date in one pass over the rows that came since the last
 * sample: an element is drawable when its window is complete, and gone when a row that it needs is overwritten.
 */
export class ElementIndex {
  /** 1 where a drawable element begins, by slot. */
  readonly drawable: Uint8Array
  readonly #rows: RowIndex
  readonly #accumulator: Accumulator
  readonly #listener: ElementListener
  readonly #lanes: LaneProgress[]
  #count = 0

  constructor(rows: RowIndex, accumulator: Accumulator, listener: ElementListener) {
    this.#rows = rows
    this.#accumulator = accumulator
    this.#listener = listener
    this.drawable = new Uint8Array(rows.slots)
    this.#lanes = Array.from({ length: rows.lanes }, () => ({ next: 0, start: 0, bare: false }))
  }

  /** Drawable elements, as of the last {@link ElementIndex.sync}. */
  get count(): number {
    return this.#count
  }

  enable(slot: number): void {
    if (this.drawable[slot] === 1) return
    this.drawable[slot] = 1
    this.#count++
    this.#listener.enable(slot)
  }

  disable(slot: number): void {
    if (this.drawable[slot] === 0) return
    this.drawable[slot] = 0
    this.#count--
    this.#listener.disable(slot)
  }

  /** Takes in every row that has been appended. Must be called once a lap at least: see `RowIndex.onLap`. */
  sync(): void {
    this.#rows.refresh()
    for (let lane = 0; lane < this.#lanes.length; lane++) this.#syncLane(lane, this.#lanes[lane])
  }

  #syncLane(lane: number, progress: LaneProgress): void {
    const rows = this.#rows
    const added = rows.added(lane)
    // The newest row that was seen has been cut since: it ends its episode after all.
    if (progress.next > 0 && !progress.bare && progress.next > rows.oldest(lane)) {
      const slot = rows.slotAt(lane, progress.next - 1)
      if ((rows.flags[slot] & ROW.BARE) !== 0) this.#bareRow(lane, progress, progress.next - 1)
    }
    const oldest = rows.oldest(lane)
    // Only in shared memory: more rows came from another thread than there is room for. A ring tells before.
    if (progress.next < oldest) {
      progress.next = oldest
      progress.start = oldest
      progress.bare = false
    }
    if (added - progress.next >= MANY_ROWS && this.#inRuns(lane, progress.next, added)) {
      this.#syncRuns(lane, progress, added)
      if (oldest > 0) this.#dropUnreachable(lane, oldest)
      return
    }
    let slot = rows.slotAt(lane, progress.next)
    for (let serial = progress.next; serial < added; serial++) {
      this.disable(slot)
      this.#row(lane, progress, serial, rows.flags[slot])
      slot = rows.successor(slot)
    }
    progress.next = added
    if (oldest > 0) this.#dropUnreachable(lane, oldest)
  }

  /**
   * Whether rows can be taken in by runs: single steps in a ring, and no episode that begins where the one before has
   * not ended (its last steps are never complete).
   */
  #inRuns(lane: number, from: number, to: number): boolean {
    const rows = this.#rows
    if (rows.concurrent || this.#accumulator.kind !== 'step' || this.#listener.enableRange === undefined) return false
    const { flags } = rows
    let before = from > rows.oldest(lane) ? flags[rows.slotAt(lane, from - 1)] : ROW.BARE
    let found = 0
    this.#eachPiece(lane, from, to, (first, end) => {
      found += unendedBefore(flags, first, end, before)
      before = flags[end - 1]
    })
    return found === 0
  }

  /** What {@link ElementIndex.#row} does for each row, for all at once: a lap of a ring in a few fills. */
  #syncRuns(lane: number, progress: LaneProgress, added: number): void {
    const { drawable } = this
    const listener = this.#listener
    this.#eachPiece(lane, progress.next, added, (from, to) => {
      this.#count -= countMarks(drawable, from, to)
      drawable.fill(0, from, to)
      listener.disableRange?.(from, to - from)
    })
    const complete = this.#completeAt(lane, added)
    const { flags } = this.#rows
    this.#eachPiece(lane, Math.max(progress.start, this.#rows.oldest(lane)), complete, (from, to) => {
      for (let slot = from; slot < to; ) {
        const first = slot
        while (slot < to && (flags[slot] & ROW.BARE) === 0) slot++
        drawable.fill(1, first, slot)
        this.#count += slot - first
        if (slot > first) listener.enableRange?.(first, slot - first)
        slot++
      }
    })
    progress.next = added
    progress.start = complete
    progress.bare = (flags[this.#rows.slotAt(lane, added - 1)] & ROW.BARE) !== 0
  }

  /** The first row whose window is not complete when `added` rows have come; bare ones before it begin no element. */
  #completeAt(lane: number, added: number): number {
    const rows = this.#rows
    const last = rows.flags[rows.slotAt(lane, added - 1)]
    if ((last & ROW.BARE) !== 0 || ((last & ENDED) !== 0 && (last & ROW.FINAL) === 0)) return added
    const ahead = rowsAhead(this.#accumulator)
    for (let serial = added - 1; serial > added - ahead && serial > rows.oldest(lane); serial--)
      if ((rows.flags[rows.slotAt(lane, serial)] & ROW.START) !== 0) return serial
    return Math.max(rows.oldest(lane), added - ahead)
  }

  /** Slots of the rows from `from` to `to - 1` of a ring: one piece, or two around its end. */
  #eachPiece(lane: number, from: number, to: number, piece: (from: number, to: number) => void): void {
    if (from >= to) return
    const end = ((lane + 1) * this.#rows.slots) / this.#rows.lanes
    const first = this.#rows.slotAt(lane, from)
    const count = to - from
    piece(first, Math.min(end, first + count))
    const left = first + count - end
    if (left > 0) piece(end - this.#rows.slots / this.#rows.lanes, end - this.#rows.slots / this.#rows.lanes + left)
  }

  #row(lane: number, progress: LaneProgress, serial: number, flags: number): void {
    if ((flags & ROW.BARE) !== 0) {
      this.#bareRow(lane, progress, serial)
      return
    }
    const { length, stride, kind } = this.#accumulator
    if ((flags & ROW.START) !== 0) progress.start = serial
    progress.bare = false
    // Elements whose last row is `ahead` rows back have everything they need now.
    if (kind !== 'episode') {
      const complete = serial - length - rowsAhead(this.#accumulator) + 1
      while (progress.start <= complete) this.#open(lane, progress, stride)
    }
    if ((flags & ENDED) !== 0 && (flags & ROW.FINAL) === 0) {
      while (progress.start <= serial) this.#open(lane, progress, stride)
      progress.start = serial + 1
    }
  }

  /** The row after an episode's last step: every element of the episode is complete. */
  #bareRow(lane: number, progress: LaneProgress, serial: number): void {
    while (progress.start < serial) this.#open(lane, progress, this.#accumulator.stride)
    progress.start = serial + 1
    progress.bare = true
  }

  /** The element at `progress.start` is drawable, if its first row is still there. */
  #open(lane: number, progress: LaneProgress, stride: number): void {
    if (progress.start >= this.#rows.oldest(lane)) this.enable(this.#rows.slotAt(lane, progress.start))
    progress.start += stride
  }

  /** Elements that would reach back to rows that are overwritten, within their episode. */
  #dropUnreachable(lane: number, oldest: number): void {
    const behind = rowsBehind(this.#accumulator)
    if (behind === 0) return
    const rows = this.#rows
    const end = Math.min(oldest + behind, rows.added(lane))
    for (let serial = oldest; serial < end; serial++) {
      const slot = rows.slotAt(lane, serial)
      if ((rows.flags[slot] & ROW.START) !== 0) return
      this.disable(slot)
    }
  }

  save(): ElementIndexState {
    this.sync()
    return { lanes: this.#lanes.map((lane) => ({ ...lane })) }
  }

  /** Takes the state of {@link ElementIndex.save} and the drawable slots; the listener is not told. */
  restore(state: ElementIndexState, drawable: Uint8Array): void {
    state.lanes.forEach((lane, i) => {
      this.#lanes[i] = { ...lane }
    })
    this.drawable.set(drawable)
    this.#count = 0
    for (let slot = 0; slot < drawable.length; slot++) this.#count += drawable[slot]
  }
}

/** Ones among the marks from `from` to `to - 1`. */
function countMarks(marks: Uint8Array, from: number, to: number): number {
  let count = 0
  for (let i = from; i < to; i++) count += marks[i]
  return count
}

/** Rows from `from` to `to - 1` that begin an episode although the one before has not ended; `before` is before them. */
function unendedBefore(flags: Uint8Array, from: number, to: number, before: number): number {
  let found = 0
  let last = before
  for (let i = from; i < to; i++) {
    // START is 16, BARE 4: 1 where the row begins an episode and the one before it is none of 1, 2 and 4.
    found += (flags[i] >> 4) & ((last & (ENDED | ROW.BARE)) === 0 ? 1 : 0)
    last = flags[i]
  }
  return found
}
