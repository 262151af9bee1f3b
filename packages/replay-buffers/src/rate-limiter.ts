import { TradewrightError } from '@tradewright/core'
import { checkInteger, checkNumber } from './dtype.ts'

/** Options of {@link createRateLimiter}. */
export interface RateLimiterOptions {
  /** Elements sampled for each one inserted, above 0. */
  readonly samplesPerInsert: number
  /** Rows that must be there before anything is sampled. @default 1 */
  readonly minSize?: number
  /** How far samples may run ahead or lag behind, in samples. @default 2 * max(1, samplesPerInsert) */
  readonly errorBuffer?: number
}

/** Where a limiter stands: plain data. */
export interface RateLimiterState {
  readonly inserts: number
  readonly samples: number
}

/**
 * Keeps samples and inserts in proportion, as Reverb's SampleToInsertRatio: with d = inserts * samplesPerInsert -
 * samples, inserting may raise d to minSize * samplesPerInsert + errorBuffer, sampling lower it to minSize *
 * samplesPerInsert - errorBuffer. Below `minSize` inserting is always free.
 */
export class RateLimiter {
  readonly #samplesPerInsert: number
  readonly #minSize: number
  readonly #lowest: number
  readonly #highest: number
  #inserts = 0
  #samples = 0
  #waiting: { readonly ready: () => boolean; readonly go: () => void }[] = []

  /** Use {@link createRateLimiter}. */
  constructor(options: Required<RateLimiterOptions>) {
    const { samplesPerInsert, minSize, errorBuffer } = options
    this.#samplesPerInsert = samplesPerInsert
    this.#minSize = minSize
    this.#lowest = minSize * samplesPerInsert - errorBuffer
    this.#highest = minSize * samplesPerInsert + errorBuffer
  }

  /** Whether `rows` more may be inserted now. */
  canInsert(rows: number = 1): boolean {
    if (this.#inserts + rows <= this.#minSize) return true
    return (this.#inserts + rows) * this.#samplesPerInsert - this.#samples <= this.#highest
  }

  /** Whether `elements` more may be sampled now. */
  canSample(elements: number = 1): boolean {
    if (this.#inserts < this.#minSize) return false
    return this.#inserts * this.#samplesPerInsert - this.#samples - elements >= this.#lowest
  }

  /** Counts rows that were inserted, and lets those go on who wait for them. */
  inserted(rows: number = 1): void {
    this.#inserts += rows
    this.#wake()
  }

  /** Counts elements that were sampled, and lets those go on who wait for them. */
  sampled(elements: number = 1): void {
    this.#samples += elements
    this.#wake()
  }

  /**
   * Waits until `rows` may be inserted.
   *
   * @throws the signal's reason; TradewrightError `BAD_OPTION` where so many can never be.
   */
  insertReady(rows: number = 1, signal?: AbortSignal): Promise<void> {
    return this.#wait(() => this.canInsert(rows), rows * this.#samplesPerInsert, signal)
  }

  /**
   * Waits until `elements` may be sampled.
   *
   * @throws the signal's reason; TradewrightError `BAD_OPTION` where so many can never be.
   */
  sampleReady(elements: number = 1, signal?: AbortSignal): Promise<void> {
    return this.#wait(() => this.canSample(elements), elements, signal)
  }

  #wait(ready: () => boolean, step: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (ready()) return Promise.resolve()
    const room = this.#highest - this.#lowest
    if (step > room)
      return Promise.reject(
        new TradewrightError('BAD_OPTION', `a step must fit into the error buffer of ${room} samples, was ${step}`, {
          step,
          room,
        }),
      )
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== entry)
        signal?.removeEventListener('abort', abort)
      }
      const abort = (): void => {
        leave()
        reject(signal?.reason)
      }
      const go = (): void => {
        leave()
        resolve()
      }
      const entry = { ready, go }
      this.#waiting.push(entry)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  #wake(): void {
    for (const waiting of [...this.#waiting]) if (waiting.ready()) waiting.go()
  }

  save(): RateLimiterState {
    return { inserts: this.#inserts, samples: this.#samples }
  }

  restore(state: RateLimiterState): void {
    this.#inserts = state.inserts
    this.#samples = state.samples
    this.#wake()
  }
}

/**
 * A limiter of the samples per insert.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Cassirer et al. (2021), "Reverb: a framework for experience replay", section 3.4.
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const { samplesPerInsert, minSize = 1 } = options
  checkNumber('samplesPerInsert', samplesPerInsert, 1e-9, 1e9)
  checkInteger('minSize', minSize, 1)
  const { errorBuffer = 2 * Math.max(1, samplesPerInsert) } = options
  // Below this neither side could ever move.
  checkNumber('errorBuffer', errorBuffer, Math.max(1, samplesPerInsert), Number.MAX_SAFE_INTEGER)
  return new RateLimiter({ samplesPerInsert, minSize, errorBuffer })
}
