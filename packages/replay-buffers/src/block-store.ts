import { TradewrightError } from '@tradewright/core'
import type { BlockBackend, BlockGeometry } from './block-geometry.ts'
import { BLOCK_HEADER_BYTES } from './block-geometry.ts'
import { type Field, type Layout, Views } from './layout.ts'
import type { Resident } from './resident-block.ts'
import type { RowIndex } from './row-index.ts'
import { copyField, type OutColumn, type RowStore, zeroField } from './row-store.ts'
import { RunReader } from './run-reader.ts'
import { type Run, Staging } from './staging.ts'
import { WRITERS, WriteBehind } from './write-behind.ts'

/** Reads a block after which the counts of all are halved. */
const AGING = 8

const align = (value: number, to: number): number => Math.ceil(value / to) * to

/**
 * Records in blocks of which a budget's worth is in memory, the least recently used leaving first. A batch reads each
 * of its blocks once, in order, and copies the records that it needs. Full blocks are written behind.
 */
export class BlockStore implements RowStore {
  readonly linear = false
  readonly layout: Layout
  readonly slots: number
  readonly geometry: BlockGeometry
  views: Views
  base = 0
  readonly #backend: BlockBackend
  readonly #maxBytes: number
  readonly #least: number
  /** Bytes held elsewhere that count towards the budget: index, marks, priorities. */
  #charged: () => number = () => 0
  /** Newest blocks that stay as long as anything else can leave. */
  readonly #keepNewest: number
  /** By block, least recently used first. */
  readonly #resident = new Map<number, Resident>()
  readonly #spare: Resident[] = []
  #staging: Staging
  #nextStaging: Staging
  #rows: RowIndex | undefined
  readonly #writer: WriteBehind
  readonly #sealed: number[] = []
  /** How often each block was wanted lately: a block takes another's place only when it is wanted more. */
  readonly #touches: Uint8Array
  #untilAging: number
  readonly #reader: RunReader
  /** The budget is used up: from then on a block comes only for another. */
  #spent = false
  /** Places of blocks that are being read without blocking. */
  #loading = 0
  #hits = 0
  #misses = 0
  #peakBytes = 0

  constructor(
    layout: Layout,
    geometry: BlockGeometry,
    backend: BlockBackend,
    options: { readonly maxBytes: number; readonly keepNewest?: number },
  ) {
    this.layout = layout
    this.geometry = geometry
    this.slots = geometry.slots
    this.#backend = backend
    this.#writer = new WriteBehind(backend, geometry.blockBytes)
    this.#maxBytes = options.maxBytes
    this.#reader = new RunReader(backend, layout.recordBytes, options.maxBytes)
    this.#touches = new Uint8Array(geometry.blocks)
    this.#keepNewest = options.keepNewest ?? 0
    const lanes = geometry.blocks / geometry.blocksPerLane
    this.#least = (lanes + 3 + WRITERS) * geometry.blockBytes
    this.#staging = new Staging(layout.recordBytes)
    this.#nextStaging = new Staging(layout.recordBytes)
    this.views = this.#staging.views
    this.#untilAging = AGING * geometry.blocks
    this.charge(() => 0)
  }

  /** Counts what others hold towards the budget. @throws TradewrightError `BAD_OPTION` where too little is left. */
  charge(bytes: () => number): void {
    this.#charged = bytes
    const least = this.#least + this.#heldElse() + bytes()
    if (this.#maxBytes < least)
      throw new TradewrightError(
        'BAD_OPTION',
        `maxBytes must be at least ${least} (index, marks and priorities, a block a stream and five more), was ${this.#maxBytes}`,
        { maxBytes: this.#maxBytes, least },
      )
  }

  /** Bytes of everything that is neither a block nor a batch. */
  #heldElse(): number {
    const tables = this.#staging.rows.bytes + this.#nextStaging.rows.bytes
    return this.#touches.byteLength + this.#reader.bytes + tables + this.#backend.memoryBytes
  }

  /** Everything that counts towards the budget. */
  #used(): number {
    return this.memoryBytes + this.#charged()
  }

  /** Tells the store whose flags belong into its blocks. */
  attach(rows: RowIndex): void {
    this.#rows = rows
  }

  get memoryBytes(): number {
    const blocks = this.#resident.size + this.#spare.length + this.#loading + this.#writer.blocks
    return blocks * this.geometry.blockBytes + this.#staging.bytes + this.#nextStaging.bytes + this.#heldElse()
  }

  /** Counters of blocks and of the backend. */
  stats(): Readonly<Record<string, number>> {
    return {
      blockBytes: this.geometry.blockBytes,
      rowsPerBlock: this.geometry.rowsPerBlock,
      residentBlocks: this.#resident.size,
      blockHits: this.#hits,
      blockMisses: this.#misses,
      partialReads: this.#reader.count,
      storageBytes: this.#used(),
      storagePeakBytes: this.#peakBytes,
      ...this.#backend.stats(),
    }
  }

  /** The block of a slot. */
  blockOf(slot: number): number {
    const { ringLength, rowsPerBlock, blocksPerLane } = this.geometry
    const lane = Math.floor(slot / ringLength)
    return lane * blocksPerLane + Math.floor((slot - lane * ringLength) / rowsPerBlock)
  }

  /** The first slot of a block and the slots that it has. */
  range(block: number): { readonly first: number; readonly count: number } {
    const { ringLength, rowsPerBlock, blocksPerLane } = this.geometry
    const lane = Math.floor(block / blocksPerLane)
    const within = (block - lane * blocksPerLane) * rowsPerBlock
    return { first: lane * ringLength + within, count: Math.min(rowsPerBlock, ringLength - within) }
  }

  /** A place for a block: a spare one, a new one within the budget, or that of the block that is least in use. */
  #place(): Resident {
    const spare = this.#spare.pop()
    if (spare !== undefined) return spare
    const { blockBytes, recordsAt } = this.geometry
    if (this.#used() + blockBytes > this.#maxBytes) return this.#evict()
    const buffer = new ArrayBuffer(blockBytes)
    const views = new Views(buffer, recordsAt, Math.floor((blockBytes - recordsAt) / 8) * 8)
    this.#peakBytes = Math.max(this.#peakBytes, this.#used() + blockBytes)
    const image = new Uint8Array(buffer)
    return { block: -1, image, views, dirty: false, queued: false, writing: false, version: 0 }
  }

  #evict(): Resident {
    const newest = this.#keepNewest === 0 ? undefined : new Set(this.#sealed.slice(-this.#keepNewest))
    let second: Resident | undefined
    for (const entry of this.#resident.values()) {
      if (entry.dirty || entry.writing) continue
      if (newest?.has(entry.block)) {
        second ??= entry
        continue
      }
      this.#resident.delete(entry.block)
      return entry
    }
    if (second !== undefined) {
      this.#resident.delete(second.block)
      return second
    }
    return this.#forceOut()
  }

  /** Everything waits to be written: one block is, now. The blocks that are being filled stay. */
  #forceOut(): Resident {
    const heads = this.#headBlocks()
    for (const entry of this.#resident.values()) {
      if (heads.has(entry.block) || entry.writing) continue
      this.#writer.now(entry)
      this.#resident.delete(entry.block)
      return entry
    }
    throw new TradewrightError('OUT_OF_MEMORY', `the memory budget of ${this.#maxBytes} bytes is too small`, {})
  }

  /** Blocks that are being filled, one a lane. */
  #headBlocks(): Set<number> {
    const heads = new Set<number>()
    const rows = this.#rows
    if (rows === undefined) return heads
    for (let lane = 0; lane < rows.lanes; lane++) heads.add(this.blockOf(rows.slotAt(lane, rows.added(lane))))
    return heads
  }

  /** The block in memory, read if need be; it becomes the most recently used. */
  #load(block: number): Resident {
    const known = this.#resident.get(block)
    if (known !== undefined) {
      this.#hits++
      this.#resident.delete(block)
      this.#resident.set(block, known)
      return known
    }
    this.#misses++
    const entry = this.#place()
    try {
      if (this.#backend.has(block)) this.#backend.readSync(block, entry.image)
      else entry.image.fill(0)
    } catch (error) {
      this.#spare.push(entry)
      throw error
    }
    entry.block = block
    entry.dirty = false
    this.#resident.set(block, entry)
    return entry
  }

  seek(slot: number): number {
    const block = this.blockOf(slot)
    const { first, count } = this.range(block)
    let entry = this.#resident.get(block)
    if (entry === undefined) {
      this.#writer.check()
      entry = this.#load(block)
    } else if (entry.queued) this.#writer.keep(entry)
    this.views = entry.views
    this.base = (slot - first) * this.layout.recordBytes
    return first + count - slot
  }

  wrote(slot: number, count: number): void {
    const block = this.blockOf(slot)
    const entry = this.#resident.get(block)
    if (entry === undefined) return
    entry.dirty = true
    entry.version++
    const { first, count: rows } = this.range(block)
    if (slot + count === first + rows) this.#seal(entry)
  }

  /** Puts the flags of a block's rows into its image. */
  #sign(entry: Resident): void {
    const { first, count } = this.range(entry.block)
    if (this.#rows !== undefined) entry.image.set(this.#rows.flags.subarray(first, first + count), BLOCK_HEADER_BYTES)
    const head = new DataView(entry.image.buffer)
    const rows = this.#rows
    if (rows === undefined) return
    const lane = rows.laneOf(first)
    // The round of the ring: the serial number of the block's first row follows from it.
    head.setFloat64(8, this.#roundOf(lane, entry.block), true)
    head.setUint32(16, lane, true)
    head.setUint32(20, count, true)
  }

  /** How many times a lane's ring had been filled before this block's rows. */
  #roundOf(lane: number, block: number): number {
    const rows = this.#rows
    if (rows === undefined) return 0
    const { first, count } = this.range(block)
    const last = first + count - 1 - lane * this.geometry.ringLength
    return Math.floor((rows.added(lane) - 1 - last) / this.geometry.ringLength)
  }

  /** A full block goes to the backend behind the caller's back. */
  #seal(entry: Resident): void {
    this.#sealed.push(entry.block)
    if (this.#sealed.length > 2 * this.#keepNewest + 8) this.#sealed.splice(0, this.#sealed.length - this.#keepNewest)
    this.#sign(entry)
    this.#writer.enqueue(entry)
  }

  /** Blocks that are full and not with the backend yet. */
  readonly #full = (): readonly Resident[] => {
    const heads = this.#headBlocks()
    return [...this.#resident.values()].filter((entry) => entry.dirty && !heads.has(entry.block))
  }

  /** Waits until every block that is full now is with the backend. @throws TradewrightError `IO`: nothing is lost. */
  settle(): Promise<void> {
    return this.#writer.settle(this.#full)
  }

  /** Runs `commit` when every full block is with the backend and no write is under way. @throws TradewrightError `IO`. */
  atRest(commit: () => void): Promise<void> {
    return this.#writer.atRest(this.#full, commit)
  }

  /** The rows of each lane's open block that were written in this round, for a journal. */
  *heads(): Generator<{
    readonly block: number
    readonly lane: number
    readonly rows: number
    readonly records: Uint8Array
  }> {
    const rows = this.#rows
    if (rows === undefined) return
    const { recordBytes } = this.layout
    for (let lane = 0; lane < rows.lanes; lane++) {
      const slot = rows.slotAt(lane, rows.added(lane))
      const block = this.blockOf(slot)
      const entry = this.#resident.get(block)
      const used = slot - this.range(block).first
      const empty = { block, lane, rows: 0, records: new Uint8Array(0) }
      if (entry === undefined || used === 0) yield empty
      else yield { block, lane, rows: used, records: entry.views.uint8.subarray(0, used * recordBytes) }
    }
  }

  /** Puts journalled rows back into their block. */
  restoreHead(block: number, records: Uint8Array): void {
    const entry = this.#load(block)
    entry.views.uint8.set(records)
    entry.dirty = true
  }

  #stagingFor(staging: Staging, rows: number): void {
    const bytes = align(rows * this.layout.recordBytes, 8)
    staging.rows.reset(rows)
    if (bytes <= staging.bytes) {
      // What is charged (the plans of a batch) may have grown since.
      while (this.#used() > this.#maxBytes && this.#resident.size > 1) this.#evict()
      return
    }
    staging.drop()
    // Blocks leave for the batch's records: together they stay within the budget.
    while (this.#used() + bytes > this.#maxBytes && this.#resident.size > 1) this.#evict()
    if (this.#used() + bytes > this.#maxBytes)
      throw new TradewrightError(
        'OUT_OF_MEMORY',
        `a batch's records take ${bytes} bytes: the memory budget of ${this.#maxBytes} is too small`,
        { bytes, maxBytes: this.#maxBytes },
      )
    staging.grow(bytes)
    this.#peakBytes = Math.max(this.#peakBytes, this.#used())
  }

  #copyRun(staging: Staging, run: Run, entry: Resident): void {
    const { recordBytes } = this.layout
    const from = (run.first - this.range(run.block).first) * recordBytes
    staging.target(run).set(entry.views.uint8.subarray(from, from + run.count * recordBytes))
  }

  #runs(staging: Staging, slots: Int32Array): Run[] {
    const endOf = (block: number): number => {
      const { first, count } = this.range(block)
      return first + count
    }
    return staging.runs(slots, (slot) => this.blockOf(slot), endOf)
  }

  /** The byte of a block's image at which a run's records begin. */
  #runAt(run: Run): number {
    return this.geometry.recordsAt + (run.first - this.range(run.block).first) * this.layout.recordBytes
  }

  /** Whether a block that is not in memory had better be read in part: others are wanted as much. */
  #readInPart(block: number): boolean {
    const touches = this.#touches
    if (touches[block] < 255) touches[block]++
    if (--this.#untilAging === 0) {
      this.#untilAging = AGING * touches.length
      for (let b = 0; b < touches.length; b++) touches[b] >>= 1
    }
    if (this.#backend.divisible === undefined || !this.#backend.divisible(block)) return false
    if (!this.#spent && this.#used() + this.geometry.blockBytes <= this.#maxBytes) return false
    this.#spent = true
    const oldest: number | undefined = this.#resident.keys().next().value
    return oldest === undefined || touches[block] <= 2 * touches[oldest] + 4
  }

  /**
   * Copies the records of these slots (ascending, none twice) out of their blocks. A block that is wanted more than those
   * in memory is read whole and stays; of others the runs of rows that the batch needs are read.
   */
  stage(slots: Int32Array): void {
    const staging = this.#staging
    this.#stagingFor(staging, slots.length)
    let last = -1
    let part = false
    for (const run of this.#runs(staging, slots)) {
      if (run.block !== last) {
        last = run.block
        part = !this.#resident.has(last) && this.#readInPart(last)
      }
      if (part) this.#reader.read(staging, run, this.#runAt(run))
      else this.#copyRun(staging, run, this.#load(last))
    }
  }

  /** The same for the batch after: what is not in memory is read side by side, without blocking. */
  async stageNext(slots: Int32Array): Promise<void> {
    const staging = this.#nextStaging
    this.#stagingFor(staging, slots.length)
    const inPart: Run[] = []
    const whole: Run[] = []
    for (const run of this.#runs(staging, slots)) {
      if (this.#resident.has(run.block)) this.#copyRun(staging, run, this.#load(run.block))
      else (this.#readInPart(run.block) ? inPart : whole).push(run)
    }
    const partReader = async (_: unknown, place: number): Promise<void> => {
      for (let run = inPart.pop(); run !== undefined; run = inPart.pop())
        await this.#reader.fetch(staging, run, this.#runAt(run), place)
    }
    const blockReader = async (): Promise<void> => {
      for (let run = whole.pop(); run !== undefined; run = whole.pop())
        this.#copyRun(staging, run, this.#resident.get(run.block) ?? (await this.#fetch(run.block)))
    }
    const readers = Math.min(this.#reader.readers, inPart.length)
    const whole8 = Math.min(8, Math.max(1, this.#freePlaces()))
    await Promise.all([...Array.from({ length: readers }, partReader), ...Array.from({ length: whole8 }, blockReader)])
  }

  #freePlaces(): number {
    const busy = [...this.#resident.values()].filter((entry) => entry.dirty || entry.writing).length
    const besides = this.#charged() + this.#heldElse() + this.#staging.bytes + this.#nextStaging.bytes
    return Math.floor((this.#maxBytes - besides) / this.geometry.blockBytes) - busy - WRITERS - 1
  }

  async #fetch(block: number): Promise<Resident> {
    this.#misses++
    const entry = this.#place()
    this.#loading++
    try {
      if (this.#backend.has(block)) await this.#backend.read(block, entry.image)
      else entry.image.fill(0)
    } catch (error) {
      this.#spare.push(entry)
      throw error
    } finally {
      this.#loading--
    }
    // Somebody else may have loaded it meanwhile: theirs may be newer.
    const known = this.#resident.get(block)
    if (known !== undefined) {
      this.#spare.push(entry)
      return known
    }
    entry.block = block
    entry.dirty = false
    this.#resident.set(block, entry)
    return entry
  }

  /** What was staged for the next batch is that of this one. */
  takeStaged(): void {
    const done = this.#staging
    this.#staging = this.#nextStaging
    this.#nextStaging = done
  }

  /** The batch is filled: its records may be overwritten now. */
  release(): void {
    this.#staging.rows.reset(0)
  }

  gather(field: Field, plan: Int32Array, count: number, out: OutColumn, from: number): void {
    const { rows, views } = this.#staging
    const { recordBytes } = this.layout
    for (let k = 0; k < count; k++) {
      const slot = plan[k]
      if (slot < 0) {
        zeroField(field, out, from + k)
        continue
      }
      const row = rows.get(slot)
      if (row >= 0) {
        copyField(field, views, row * recordBytes, out, from + k)
        continue
      }
      const block = this.blockOf(slot)
      const entry = this.#load(block)
      copyField(field, entry.views, (slot - this.range(block).first) * recordBytes, out, from + k)
    }
  }
}
