import { type Cache, type Events, TradewrightError, unknownName } from '@tradewright/core'
import { type Accumulator, nStep, rowsAhead, rowsBehind } from './accumulator.ts'
import { type Columns, checkColumns } from './columns.ts'
import { checkInteger } from './dtype.ts'
import { createLayout, type Layout } from './layout.ts'
import type { RateLimiter } from './rate-limiter.ts'
import type { ReplayBatch } from './replay-batch.ts'
import { createRowWriters, type RowWriters } from './row-writer.ts'
import type { ReplaySampler } from './sampler.ts'
import type { SharedStorage } from './shared-memory.ts'
import type { CustomStorage, MemoryStorage } from './storage.ts'

/** Options of {@link createReplayBuffer}. */
export interface ReplayBufferOptions<C extends Columns> {
  /** Transitions kept, at most; an episode's last observation takes a place too. An integer from 2 to 2^30. */
  readonly capacity: number
  /** What a transition has, besides its flags. */
  readonly columns: C
  /** The distribution of samples. @default uniform() */
  readonly sampler?: ReplaySampler
  /** Where records are. @default memory() */
  readonly storage?: MemoryStorage | SharedStorage | CustomStorage
  /** How steps become elements. @default nStep() */
  readonly accumulator?: Accumulator
  /** Independent environments, each with its own part of the capacity. Must divide it. @default 1 */
  readonly streams?: number
  /** An integer from 0 to 2^53 - 1. @default 0 */
  readonly seed?: number
  /** Counts inserts and samples. @default none */
  readonly limiter?: RateLimiter
  /** `false` forces the plain TypeScript forms: the same results, slower. @default true where WebAssembly SIMD loads */
  readonly wasm?: boolean
  /** `false` forbids code generated at run time. @default true where the platform allows it */
  readonly codegen?: boolean
  /**
   * `false` trusts typed arrays given to `add` to hold no NaN and no infinity: adding 16 floats then takes a quarter
   * less time. Numbers, plain arrays and batches are always checked. @default true
   */
  readonly checkFinite?: boolean
}

/** What a training system hands to a buffer or a state cache. */
export interface ReplayHost {
  /** Where state caches put the steps that leave their memory; buffers do not use it. */
  readonly cache?: Cache | undefined
  /** Told of fallbacks. */
  readonly events?: Pick<Events, 'emit'> | undefined
  /** The most memory that a buffer may take, in bytes: records or blocks, index, marks and priorities. */
  readonly maxBytes?: number | undefined
}

/** Options of a sample. */
export interface SampleOptions<C extends Columns> {
  /** Exponent of the importance weights, from 0 to 1. @default the sampler's */
  readonly beta?: number
  /** Filled and returned. @default a new batch */
  readonly out?: ReplayBatch<C>
  /** Which update of how many this sample is for: see `emphasizeRecent`. */
  readonly update?: { readonly index: number; readonly of: number }
}

/** Options of {@link ReplayBuffer.sampleWithin}. */
export interface SampleWithinOptions<C extends Columns> {
  /** Most elements. */
  readonly max: number
  /** What the elements may cost together. */
  readonly budget: number
  /** The column of one number that is an element's cost, or `'mass'`: the probability with which it is drawn. */
  readonly by: 'mass' | (string & keyof C)
  readonly beta?: number
  /** Filled and returned; has room for `max`. @default a new batch */
  readonly out?: ReplayBatch<C>
}

/** Counters of a buffer. */
export interface ReplayStats {
  readonly capacity: number
  readonly size: number
  /** Elements that can be drawn now. */
  readonly drawable: number
  /** Transitions ever added. */
  readonly added: number
  /** Elements ever sampled. */
  readonly sampled: number
  /** Priorities that came too late: their rows were overwritten after they had been drawn. */
  readonly stalePriorities: number
  readonly memoryBytes: number
  readonly recordBytes: number
  /** The sampler's own counters. */
  readonly sampler: Readonly<Record<string, number>>
  /** The storage's own counters. */
  readonly storage: Readonly<Record<string, number>>
}

/** Refuses what is nothing or no object. @throws TradewrightError `BAD_SHAPE`. */
export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null)
    throw new TradewrightError('BAD_SHAPE', `${name} must be an object, was ${String(value)}`, { name })
}

const OPTIONS = [
  'capacity',
  'columns',
  'sampler',
  'storage',
  'accumulator',
  'streams',
  'seed',
  'limiter',
  'wasm',
  'codegen',
  'checkFinite',
]

/** Refuses keys that are none, parts that are no parts, and switches that are no switches. */
function checkParts(options: ReplayBufferOptions<Columns>): void {
  if (typeof options !== 'object' || options === null)
    throw new TradewrightError('BAD_OPTION', `options must be an object, was ${String(options)}`, {})
  for (const key of Object.keys(options))
    if (!OPTIONS.includes(key)) throw unknownName('replay buffer option', key, OPTIONS)
  const { sampler, accumulator, limiter, seed = 0, storage } = options
  const part = (name: string, fits: boolean, rule: string, value: unknown): void => {
    if (!fits) throw new TradewrightError('BAD_OPTION', `${name} must be ${rule}, was ${String(value)}`, { name })
  }
  part('sampler', sampler === undefined || typeof sampler?.bind === 'function', 'a sampler as prioritized()', sampler)
  part('accumulator', accumulator === undefined || accumulator?.n >= 1, 'an accumulator as nStep()', accumulator)
  part(
    'limiter',
    limiter === undefined || typeof limiter?.inserted === 'function',
    'made by createRateLimiter()',
    limiter,
  )
  part('storage', storage === undefined || KINDS.includes(storage?.kind), 'a storage as memory()', storage)
  checkInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  for (const name of ['wasm', 'codegen', 'checkFinite'] as const)
    part(name, options[name] === undefined || typeof options[name] === 'boolean', 'true or false', options[name])
}

const KINDS: readonly string[] = ['memory', 'shared', 'custom']

/** Checks what every kind of buffer has in common. */
export function resolveOptions<C extends Columns>(
  options: ReplayBufferOptions<C>,
): { readonly layout: Layout; readonly writers: RowWriters } {
  checkParts(options)
  const { capacity, columns, streams = 1, accumulator = nStep(), codegen = true, checkFinite = true } = options
  checkInteger('capacity', capacity, 2, 2 ** 30)
  checkInteger('streams', streams, 1, capacity)
  if (capacity % streams !== 0 || capacity / streams < 2)
    throw new TradewrightError('BAD_OPTION', `capacity must be a multiple of streams, was ${capacity} for ${streams}`, {
      capacity,
      streams,
    })
  checkColumns(columns)
  checkWindow(accumulator, capacity / streams)
  const layout = createLayout(columns)
  return { layout, writers: createRowWriters(layout, codegen, checkFinite) }
}

/** Refuses an accumulator whose elements do not fit into a stream's rows. @throws TradewrightError `BAD_OPTION`. */
export function checkWindow(accumulator: Accumulator, rows: number): void {
  const needed = accumulator.length + rowsAhead(accumulator) + rowsBehind(accumulator)
  if (rows < needed)
    throw new TradewrightError(
      'BAD_OPTION',
      `capacity a stream must be at least the ${needed} rows of an element, was ${rows}`,
      {
        rows,
        needed,
      },
    )
}
