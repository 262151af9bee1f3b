import { type Clock, isTradewrightError, systemClock, TradewrightError } from '@tradewright/core'
import { checkInteger, checkNumber } from './dtype.ts'

/** Says how large the next batch shall be. */
export interface BatchSizer {
  /** The size for update `step`, from 0. */
  next(step: number): number
  /** Told what a batch took; sizers by resource use learn from it. */
  observe(batch: { readonly size: number; readonly ms: number; readonly bytes?: number }): void
}

/** Options of {@link scheduledBatchSize}. */
export interface ScheduledBatchSizeOptions {
  readonly from: number
  readonly to: number
  /** Updates over which the size goes from `from` to `to`. */
  readonly steps: number
  /** Equal differences or equal ratios. @default 'geometric' */
  readonly kind?: 'linear' | 'geometric'
  /** Sizes are multiples of this, at least one. @default 1 */
  readonly multipleOf?: number
}

/**
 * A size by schedule. Growing batches stand in for a falling learning rate.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Smith et al. (2018), "Don't decay the learning rate, increase the batch size".
 */
export function scheduledBatchSize(options: ScheduledBatchSizeOptions): BatchSizer {
  const { from, to, steps, kind = 'geometric', multipleOf = 1 } = options
  for (const [name, value] of Object.entries({ from, to, steps, multipleOf })) checkInteger(name, value, 1)
  if (kind !== 'linear' && kind !== 'geometric')
    throw new TradewrightError('BAD_OPTION', `kind must be 'linear' or 'geometric', was '${String(kind)}'`, { kind })
  return {
    next(step) {
      const part = Math.min(1, Math.max(0, step / steps))
      const size = kind === 'linear' ? from + (to - from) * part : from * (to / from) ** part
      return Math.max(1, Math.round(size / multipleOf)) * multipleOf
    },
    observe() {},
  }
}

/** Options of {@link resourceBatchSize}. */
export interface ResourceBatchSizeOptions {
  readonly min: number
  readonly max: number
  /** The longest that a batch may take, in ms. @default no limit */
  readonly targetMs?: number
  /** The most bytes that a batch may take, as told to `observe`. @default no limit */
  readonly maxBytes?: number
  /** Elements more after a batch within the limits. @default an eighth of min, at least 1 */
  readonly increase?: number
  /** Factor after a batch beyond a limit, below 1. @default 0.5 */
  readonly decrease?: number
}

/**
 * A size by resource use: grows by `increase` while batches stay within the limits, falls by the factor `decrease` when
 * one does not (additive increase, multiplicative decrease).
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Chiu and Jain (1989), Computer Networks 17.
 */
export function resourceBatchSize(options: ResourceBatchSizeOptions): BatchSizer {
  const { min, max, targetMs = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY, decrease = 0.5 } = options
  checkInteger('min', min, 1)
  checkInteger('max', max, min)
  const { increase = Math.max(1, Math.floor(min / 8)) } = options
  checkInteger('increase', increase, 1)
  checkNumber('decrease', decrease, 0.01, 0.99)
  if (!(targetMs > 0) || !(maxBytes > 0))
    throw new TradewrightError(
      'BAD_OPTION',
      `targetMs and maxBytes must be positive, were ${targetMs} and ${maxBytes}`,
      {},
    )
  let size = min
  return {
    next: () => size,
    observe(batch) {
      // A batch of another size (the last of an epoch) says nothing about this one.
      if (batch.size !== size) return
      const beyond = batch.ms > targetMs || (batch.bytes ?? 0) > maxBytes
      size = beyond ? Math.max(min, Math.floor(size * decrease)) : Math.min(max, size + increase)
    },
  }
}

/** Options of {@link findBatchSize}. */
export interface FindBatchSizeOptions {
  /** Runs one batch of this size. What it throws for want of memory ends the search upwards. */
  run(size: number): void | Promise<void>
  /** @default 1 */
  readonly min?: number
  /** @default 65,536 */
  readonly max?: number
  /** Timed runs of each size, after one that is not timed. @default 3 */
  readonly repeats?: number
  /** The smallest size with this part of the best throughput is chosen. @default 0.95 */
  readonly enough?: number
  /** @default the machine's clock */
  readonly clock?: Clock
  readonly signal?: AbortSignal
}

/** What {@link findBatchSize} found. */
export interface FoundBatchSize {
  /** The smallest size whose throughput is nearly the best. */
  readonly size: number
  /** The largest size that ran. */
  readonly largest: number
  readonly tried: readonly { readonly size: number; readonly ms: number; readonly perSecond: number }[]
}

/** Whether an error says that memory is short, on the host or a device. */
function outOfMemory(error: unknown): boolean {
  if (isTradewrightError(error)) return error.code === 'OUT_OF_MEMORY'
  return error instanceof RangeError || /out of memory|oom|alloc/i.test(String(error))
}

function median(values: number[]): number {
  values.sort((a, b) => a - b)
  return values[values.length >> 1]
}

/**
 * Finds the best batch size: doubles it while it runs, then halves the gap to the first that does not, and chooses the
 * smallest whose throughput is nearly the best.
 *
 * @throws TradewrightError `OUT_OF_MEMORY` when not even the smallest runs; other errors of `run` as they are; the
 *   signal's reason.
 */
export async function findBatchSize(options: FindBatchSizeOptions): Promise<FoundBatchSize> {
  const { run, min = 1, max = 65_536, repeats = 3, enough = 0.95, clock = systemClock, signal } = options
  checkInteger('min', min, 1)
  checkInteger('max', max, min)
  checkInteger('repeats', repeats, 1)
  checkNumber('enough', enough, 0.01, 1)
  const tried: { size: number; ms: number; perSecond: number }[] = []
  const attempt = async (size: number): Promise<boolean> => {
    signal?.throwIfAborted()
    try {
      await run(size)
      const times: number[] = []
      for (let r = 0; r < repeats; r++) {
        signal?.throwIfAborted()
        const start = clock.elapsed()
        await run(size)
        times.push(clock.elapsed() - start)
      }
      const ms = median(times)
      tried.push({ size, ms, perSecond: ms === 0 ? Number.POSITIVE_INFINITY : (size * 1000) / ms })
      return true
    } catch (error) {
      if (!outOfMemory(error)) throw error
      return false
    }
  }
  let works = 0
  let fails = max + 1
  for (let size = min; size <= max; size = size === max ? max + 1 : Math.min(max, size * 2)) {
    if (!(await attempt(size))) {
      fails = size
      break
    }
    works = size
  }
  if (works === 0)
    throw new TradewrightError('OUT_OF_MEMORY', `a batch of the smallest size must fit, ${min} did not`, { min })
  while (fails <= max && fails - works > Math.max(1, works >> 4)) {
    const size = (works + fails) >> 1
    if (await attempt(size)) works = size
    else fails = size
  }
  const best = Math.max(...tried.map((t) => t.perSecond))
  const good = tried.filter((t) => t.perSecond >= enough * best).map((t) => t.size)
  return { size: Math.min(...good), largest: works, tried }
}
