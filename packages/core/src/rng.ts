import { TradewrightError } from './error.ts'

/** Where an {@link Rng} stands: plain data, enough to continue exactly. */
export interface RngState {
  readonly seed: number
  readonly stream: number
  /** Numbers of 32 bits drawn so far. */
  readonly drawn: number
}

/** A stream of random numbers with savable state. */
export interface Rng {
  /** Uniform in [0, 1), 53 bits. Two draws. */
  uniform(): number
  /** Uniform over all 32-bit unsigned integers. One draw. */
  uint32(): number
  /** Uniform integer in [0, bound), without bias. `bound` is an integer from 1 to 2^32. */
  below(bound: number): number
  /** Standard normal (Box and Muller 1958, the cosine half, so that draws do not depend on history). Four draws. */
  normal(): number
  /** A new stream of the same seed; equal numbers give equal streams, whatever was drawn here. */
  stream(stream: number): Rng
  save(): RngState
  restore(state: RngState): void
}

const MUL0 = 0xd2511f53
const MUL1 = 0xcd9e8d57
const WEYL0 = 0x9e3779b9
const WEYL1 = 0xbb67ae85

/** High 32 bits of the product of two 32-bit unsigned integers. */
function mulHigh(a: number, b: number): number {
  const aHigh = a >>> 16
  const aLow = a & 0xffff
  const bHigh = b >>> 16
  const bLow = b & 0xffff
  const low = aLow * bLow
  const middle = aHigh * bLow + (low >>> 16)
  const middle2 = aLow * bHigh + (middle & 0xffff)
  // `middle` may pass 2^32 - 1 by nothing: (2^16-1)^2 + 2^16 - 1 < 2^32.
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + (middle2 >>> 16)) >>> 0
}

/**
 * One block of Philox 4x32-10: four 32-bit numbers from a counter of four and a key of two.
 *
 * @param counter shape [4], 32-bit unsigned. Read only.
 * @param key     shape [2], 32-bit unsigned. Read only.
 * @param out     shape [4], fully overwritten; may be `counter`.
 * @see Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", SC11, section 3.3.
 */
export function philox4x32(counter: Uint32Array, key: Uint32Array, out: Uint32Array): Uint32Array {
  let c0 = counter[0]
  let c1 = counter[1]
  let c2 = counter[2]
  let c3 = counter[3]
  let k0 = key[0]
  let k1 = key[1]
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(MUL0, c0)
    const low0 = Math.imul(MUL0, c0) >>> 0
    const high1 = mulHigh(MUL1, c2)
    const low1 = Math.imul(MUL1, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + WEYL0) >>> 0
    k1 = (k1 + WEYL1) >>> 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
  return out
}

function checkInteger(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new TradewrightError('BAD_OPTION', `${name} must be an integer from 0 to 2^53 - 1, was ${value}`, {
      [name]: value,
    })
}

/** Counter-based generator: the k-th number is a pure function of (seed, stream, k). */
class PhiloxRng implements Rng {
  #seed: number
  #stream: number
  #drawn = 0
  readonly #key = new Uint32Array(2)
  readonly #counter = new Uint32Array(4)
  readonly #block = new Uint32Array(4)
  #blockIndex = -1

  constructor(seed: number, stream: number) {
    this.#seed = seed
    this.#stream = stream
    this.#seek()
  }

  #seek(): void {
    this.#key[0] = this.#seed >>> 0
    this.#key[1] = Math.floor(this.#seed / 0x100000000)
    this.#counter[2] = this.#stream >>> 0
    this.#counter[3] = Math.floor(this.#stream / 0x100000000)
    this.#blockIndex = -1
  }

  uint32(): number {
    const index = Math.floor(this.#drawn / 4)
    if (index !== this.#blockIndex) {
      this.#counter[0] = index >>> 0
      this.#counter[1] = Math.floor(index / 0x100000000)
      philox4x32(this.#counter, this.#key, this.#block)
      this.#blockIndex = index
    }
    return this.#block[this.#drawn++ % 4]
  }

  uniform(): number {
    const high = this.uint32() >>> 5
    const low = this.uint32() >>> 6
    return (high * 0x4000000 + low) / 0x20000000000000
  }

  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x100000000)
      throw new TradewrightError('BAD_OPTION', `bound must be an integer from 1 to 2^32, was ${bound}`, { bound })
    // Rejection: the largest multiple of `bound` below 2^32 (Lemire 2019 counts the draws: fewer than 2).
    const limit = 0x100000000 - (0x100000000 % bound)
    for (;;) {
      const value = this.uint32()
      if (value < limit) return value % bound
    }
  }

  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    return radius * Math.cos(2 * Math.PI * this.uniform())
  }

  stream(stream: number): Rng {
    return createRng(this.#seed, stream)
  }

  save(): RngState {
    return { seed: this.#seed, stream: this.#stream, drawn: this.#drawn }
  }

  restore(state: RngState): void {
    this.#seed = state.seed
    this.#stream = state.stream
    this.#drawn = state.drawn
    this.#seek()
  }
}

/**
 * A seeded stream of random numbers (Philox 4x32-10, period 2^66 a stream).
 *
 * @param seed   integer from 0 to 2^53 - 1.
 * @param stream which of the seed's independent streams; a study uses the trial's number. @default 0
 * @throws TradewrightError `BAD_OPTION` for a seed or stream that is no such integer.
 * @example
 * ```ts
 * import { createRng } from '@tradewright/core'
 * const trial7 = createRng(42).stream(7)
 * console.log(trial7.uniform() === createRng(42, 7).uniform()) // true
 * ```
 */
export function createRng(seed: number, stream: number = 0): Rng {
  checkInteger('seed', seed)
  checkInteger('stream', stream)
  return new PhiloxRng(seed, stream)
}
