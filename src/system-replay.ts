import { type Cache, type Events, TradewrightError } from '@tradewright/core'
import {
  type Columns,
  type CompressedStorage,
  createReplayBuffer,
  type DiskStorage,
  type OpenReplayBufferOptions,
  openReplayBuffer,
  type ReplayBuffer,
  type ReplayBufferOptions,
} from '@tradewright/replay-buffers'

/** Storages that are opened asynchronously. */
type SlowStorage = DiskStorage | CompressedStorage

/** {@link TrainingSystem.createReplayBuffer}. */
export interface CreateReplayBuffer {
  /**
   * A replay buffer in memory or shared memory, with the system's cache and events, within its byte budget; closed with
   * the system, if not before.
   *
   * @throws TradewrightError as `createReplayBuffer` of `@tradewright/replay-buffers`; `OUT_OF_MEMORY` beyond the
   *   budget, `DISPOSED` once the system is closed.
   */
  <const C extends Columns>(options: ReplayBufferOptions<C>): ReplayBuffer<C>
  /** The same on disk, tiered or compressed: as a promise, because files are opened. `await` is right for both. */
  <const C extends Columns>(
    options: OpenReplayBufferOptions<C> & { readonly storage: SlowStorage },
  ): Promise<ReplayBuffer<C>>
}

/** The replay buffers of a system: one byte budget for all that are open. */
export class SystemReplay implements AsyncDisposable {
  readonly #host: { readonly cache: Cache | undefined; readonly events: Events }
  readonly #maxBytes: number | undefined
  readonly #open = new Set<ReplayBuffer<Columns>>()
  /** Buffers on disk are opened one after the other, so that each knows what the others take. */
  #opening: Promise<unknown> = Promise.resolve()
  #pending = 0
  #closed = false

  constructor(host: {
    readonly cache: Cache | undefined
    readonly events: Events
    readonly maxBytes: number | undefined
  }) {
    this.#host = host
    this.#maxBytes = host.maxBytes
  }

  readonly create: CreateReplayBuffer = ((options: OpenReplayBufferOptions<Columns>) => {
    this.#refuseClosed()
    const { storage } = options
    if (storage?.kind === 'disk' || storage?.kind === 'compressed') return this.#openLater({ ...options, storage })
    return this.#keep(
      createReplayBuffer(
        { ...options, ...(storage === undefined ? {} : { storage }) } as ReplayBufferOptions<Columns>,
        this.#given(this.#left()),
      ),
    )
  }) as CreateReplayBuffer

  #refuseClosed(): void {
    if (this.#closed)
      throw new TradewrightError('DISPOSED', 'a closed training system was asked for a replay buffer', {})
  }

  #given(maxBytes: number | undefined): { cache: Cache | undefined; events: Events; maxBytes: number | undefined } {
    return { ...this.#host, maxBytes }
  }

  /** What is left of the budget; undefined without one. */
  #left(): number | undefined {
    if (this.#maxBytes === undefined) return undefined
    let left = this.#maxBytes - this.#pending
    for (const buffer of this.#open)
      if (buffer.closed) this.#open.delete(buffer)
      else left -= buffer.maxBytes
    return Math.max(0, left)
  }

  #openLater(
    options: OpenReplayBufferOptions<Columns> & { readonly storage: SlowStorage },
  ): Promise<ReplayBuffer<Columns>> {
    const opened = this.#opening.then(async () => {
      this.#refuseClosed()
      const left = this.#left()
      const taken = left === undefined ? 0 : Math.min(options.storage.maxBytes, left)
      this.#pending += taken
      try {
        return this.#keep(await openReplayBuffer(options, this.#given(left)))
      } finally {
        this.#pending -= taken
      }
    })
    this.#opening = opened.catch(() => {})
    return opened
  }

  #keep<C extends Columns>(buffer: ReplayBuffer<C>): ReplayBuffer<C> {
    this.#open.add(buffer as unknown as ReplayBuffer<Columns>)
    return buffer
  }

  /** Closes every buffer that is open, those on disk after their rows are acknowledged. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#opening
    const closings = await Promise.allSettled(Array.from(this.#open, (buffer) => buffer.close()))
    this.#open.clear()
    const failures = closings.flatMap((closing) => (closing.status === 'rejected' ? [closing.reason as unknown] : []))
    if (failures.length === 1) throw failures[0]
    if (failures.length > 1) throw new AggregateError(failures, 'replay buffers could not be closed')
  }
}
