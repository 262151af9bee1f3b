import { isTradewrightError, TradewrightError } from '@tradewright/core'
import type { BlockBackend } from './block-geometry.ts'
import type { Resident } from './resident-block.ts'

/** Blocks that are written at the same time, each from a copy, so that rows can go on changing. */
export const WRITERS = 2

/** Brings full blocks to the backend behind the caller's back, the oldest first. */
export class WriteBehind {
  readonly #backend: BlockBackend
  readonly #blockBytes: number
  #failure: unknown
  /** Full blocks that wait to be written, oldest first. */
  #queue: Resident[] = []
  readonly #copies: Uint8Array[] = []
  #inFlight = new Set<Promise<void>>()
  /** Newer images of blocks that are on their way, by block. */
  readonly #followUps = new Map<number, Uint8Array>()
  #paused = false

  constructor(backend: BlockBackend, blockBytes: number) {
    this.#backend = backend
    this.#blockBytes = blockBytes
  }

  /** Blocks' copies that it holds, or may hold. */
  get blocks(): number {
    return this.#followUps.size + WRITERS
  }

  #dequeue(entry: Resident): void {
    if (!entry.queued) return
    entry.queued = false
    this.#queue = this.#queue.filter((other) => other !== entry)
  }

  /**
   * The ring has come round to a block that still waits to be written: its rows must not change before that. Where an
   * older copy of it is on its way, the newer one follows that, or it would be overtaken.
   */
  keep(entry: Resident): void {
    if (!entry.writing) {
      this.now(entry)
      return
    }
    this.#dequeue(entry)
    this.#followUps.set(entry.block, entry.image.slice())
  }

  /** Writes a block at once. @throws TradewrightError `IO`: nothing is lost. */
  now(entry: Resident): void {
    try {
      this.#backend.writeSync(entry.block, entry.image)
    } catch (error) {
      this.#failure = error
      this.#throwFailure()
    }
    this.#dequeue(entry)
    entry.dirty = false
  }

  /** @throws TradewrightError `IO`, `OUT_OF_MEMORY` where a write failed that nobody was told of. */
  check(): void {
    if (this.#failure !== undefined) this.#throwFailure()
  }

  #throwFailure(): never {
    if (isTradewrightError(this.#failure) && this.#failure.code === 'OUT_OF_MEMORY') throw this.#failure
    throw new TradewrightError(
      'IO',
      `blocks could not be written (${String(this.#failure)}); nothing is lost: make room, then call flush()`,
      {},
      { cause: this.#failure },
    )
  }

  /** A block is full: it goes to the backend behind the caller's back. */
  enqueue(entry: Resident): void {
    entry.queued = true
    this.#queue.push(entry)
    this.#pump()
  }

  /** Starts as many writes as may run at once. */
  #pump(): void {
    while (!this.#paused && this.#inFlight.size < WRITERS) {
      const index = this.#queue.findIndex((entry) => !entry.writing)
      if (index < 0) return
      const [entry] = this.#queue.splice(index, 1)
      entry.queued = false
      const writing = this.#write(entry)
      this.#inFlight.add(writing)
      void writing.finally(() => {
        this.#inFlight.delete(writing)
        this.#pump()
      })
    }
  }

  async #write(entry: Resident): Promise<void> {
    const { block, version } = entry
    entry.writing = true
    const copy = this.#copies.pop() ?? new Uint8Array(this.#blockBytes)
    copy.set(entry.image)
    try {
      await this.#backend.write(block, copy)
      for (let next = this.#followUps.get(block); next !== undefined; next = this.#followUps.get(block)) {
        this.#followUps.delete(block)
        await this.#backend.write(block, next)
      }
      if (entry.version === version) entry.dirty = false
    } catch (error) {
      this.#failure = error
    } finally {
      this.#copies.push(copy)
      entry.writing = false
    }
  }

  /**
   * Waits until every block that is full now is with the backend, trying again what failed.
   *
   * @param full the blocks that are full and not with the backend yet
   * @throws TradewrightError `IO` when it still fails: nothing is lost.
   */
  async settle(full: () => readonly Resident[]): Promise<void> {
    // What is under way may still tell of a disk that has room again by now.
    await Promise.all(this.#inFlight)
    this.#failure = undefined
    const waiting = full().map((entry) => ({ entry, block: entry.block, version: entry.version }))
    for (const { entry } of waiting) if (!entry.queued && !entry.writing) this.enqueue(entry)
    // Only for those that were full at the call: rows that go on coming would keep it for ever.
    const left = (): boolean =>
      waiting.some(({ entry, block, version }) => entry.dirty && entry.block === block && entry.version === version)
    while (this.#failure === undefined && this.#inFlight.size > 0 && left()) await Promise.race(this.#inFlight)
    this.check()
  }

  /**
   * Runs `commit` at a moment at which every full block is with the backend and no write is under way: what became full
   * since {@link WriteBehind.settle} is written first.
   *
   * @throws TradewrightError `IO`: nothing is lost.
   */
  async atRest(full: () => readonly Resident[], commit: () => void): Promise<void> {
    this.#paused = true
    try {
      while (this.#inFlight.size > 0) await Promise.all(this.#inFlight)
      this.check()
      for (const entry of full()) this.now(entry)
      commit()
    } finally {
      this.#paused = false
      this.#pump()
    }
  }
}
