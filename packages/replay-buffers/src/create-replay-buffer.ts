import { TradewrightError } from '@tradewright/core'
import { nStep } from './accumulator.ts'
import type { Columns } from './columns.ts'
import { EpisodeRows } from './episode-rows.ts'
import { createLayout } from './layout.ts'
import { createMemoryStore } from './memory-store.ts'
import type { Persistence } from './persistence.ts'
import { ReplayBuffer } from './replay-buffer.ts'
import { type ReplayBufferOptions, type ReplayHost, resolveOptions } from './replay-options.ts'
import type { RowSource } from './row-index.ts'
import type { RowStore } from './row-store.ts'
import { uniform } from './samplers/uniform.ts'
import { allocateShared, type SharedReplayHandle, type SharedStorage } from './shared-memory.ts'
import { SharedRows } from './shared-rows.ts'
import { memory } from './storage.ts'

/** Bytes of flags and drawable marks by slot. */
const MARK_BYTES = 2

/** A buffer over rows that its storage has made. */
export function assembleBuffer<C extends Columns>(
  options: ReplayBufferOptions<C>,
  parts: {
    readonly store: RowStore
    readonly rows: RowSource
    readonly handle?: SharedReplayHandle
    readonly persistence?: Persistence
    readonly stream?: number
    readonly maxBytes?: number | undefined
  },
): ReplayBuffer<C> {
  const { sampler = uniform(), accumulator = nStep(), seed = 0, wasm = true, limiter } = options
  return new ReplayBuffer<C>({ ...parts, sampler, accumulator, seed, wasm, limiter })
}

/** Refuses what cannot fit before it is allocated, and what does not fit afterwards, tree and index included. */
function checkBudget(bytes: number, maxBytes: number | undefined): void {
  if (maxBytes !== undefined && bytes > maxBytes)
    throw new TradewrightError('OUT_OF_MEMORY', `a buffer must fit into ${maxBytes} bytes, this one takes ${bytes}`, {
      maxBytes,
      bytes,
    })
}

function createShared<C extends Columns>(
  options: ReplayBufferOptions<C>,
  storage: SharedStorage,
  host: ReplayHost,
): ReplayBuffer<C> {
  const { capacity, columns, streams = 1 } = options
  if (streams !== 1)
    throw new TradewrightError('BAD_OPTION', `a shared buffer has producers instead of streams, was ${streams}`, {
      streams,
    })
  checkBudget(capacity * createLayout(columns).recordBytes, host.maxBytes)
  const handle = allocateShared(columns, capacity, storage)
  const rows = new SharedRows(handle, options.codegen)
  const buffer = assembleBuffer(options, { store: rows.store, rows, handle })
  checkBudget(buffer.maxBytes, host.maxBytes)
  return buffer
}

/**
 * A replay buffer.
 *
 * A transition is `{ obs, action, reward, terminated, truncated, finalObs? }` plus any other column. The observation
 * after a step is the next transition's `obs`, which is stored once: so the newest step of an open episode can be
 * drawn when the next one has come.
 *
 * @param options see {@link ReplayBufferOptions}.
 * @param host    what a training system gives; nothing is needed.
 * @throws TradewrightError `BAD_OPTION`, `BAD_SHAPE`, `UNKNOWN_NAME`, `OUT_OF_MEMORY`.
 * @example
 * ```ts
 * import { createReplayBuffer, nStep, prioritized } from '@tradewright/replay-buffers'
 * const buffer = createReplayBuffer({
 *   capacity: 100_000,
 *   columns: { obs: { dtype: 'float32', shape: [2] }, action: { dtype: 'int32' } },
 *   sampler: prioritized({ alpha: 0.6 }),
 *   accumulator: nStep({ n: 3, gamma: 0.99 }),
 * })
 * for (let t = 0; t < 100; t++)
 *   buffer.add({ obs: [t, -t], action: t % 3, reward: 1, terminated: t % 10 === 9, truncated: false })
 * const batch = buffer.createBatch(32)
 * buffer.sample(32, { beta: 0.5, out: batch })
 * buffer.updatePriorities(batch.indices, batch.columns.reward)
 * console.log(batch.columns.obs.length, buffer.size) // 64 100
 * ```
 */
export function createReplayBuffer<const C extends Columns>(
  options: ReplayBufferOptions<C>,
  host: ReplayHost = {},
): ReplayBuffer<C> {
  const kind: string | undefined = (options as { readonly storage?: { readonly kind?: string } } | null)?.storage?.kind
  if (kind === 'disk' || kind === 'compressed')
    throw new TradewrightError(
      'BAD_OPTION',
      `storage must be in memory here, was '${kind}': await openReplayBuffer(options) instead`,
      { kind },
    )
  const { layout, writers } = resolveOptions(options)
  const { capacity, storage = memory(), streams = 1, wasm = true } = options
  if (storage.kind === 'memory') checkBudget(capacity * (layout.recordBytes + MARK_BYTES), host.maxBytes)
  if (storage.kind === 'shared') return createShared(options, storage, host)
  const store = storage.kind === 'custom' ? storage.open(layout, capacity) : createMemoryStore(layout, capacity, wasm)
  const rows = new EpisodeRows(store, writers, streams)
  if (options.codegen !== false && !writers.generated)
    host.events?.emit('warning:raised', {
      source: 'replay-buffers',
      message: 'code generation is forbidden here; adding runs in its plain form',
    })
  const buffer = assembleBuffer(options, { store, rows })
  if (storage.kind === 'memory') checkBudget(buffer.maxBytes, host.maxBytes)
  return buffer
}
