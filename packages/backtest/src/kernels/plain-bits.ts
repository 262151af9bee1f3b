import type { Kernels } from './kernel-set.ts'
import type { PlainMemory } from './plain-memory.ts'

type BitKernels = Pick<
  Kernels,
  | 'scanColumn'
  | 'valuesBetween'
  | 'compareColumns'
  | 'crossColumns'
  | 'compareNumber'
  | 'crossNumber'
  | 'bitsAnd'
  | 'bitsOr'
  | 'bitsXor'
  | 'bitsAndNot'
  | 'bitsLag'
>

/** Bit sets in plain TypeScript: 32 bars a word, in the same memory layout as the 64-bit words of WebAssembly. */
export function createPlainBits(memory: PlainMemory): BitKernels {
  const compare = (a: number, b: number, step: number, words: number, greater: number, less: number): void => {
    const { f64, u32 } = memory
    let i = a >>> 3
    let j = b >>> 3
    for (let w = 0; w < words * 2; w++) {
      let above = 0
      let below = 0
      for (let k = 0; k < 32; k++) {
        const x = f64[i++]
        const y = f64[j]
        j += step
        if (x > y) above |= 1 << k
        else if (x < y) below |= 1 << k
      }
      u32[(greater >>> 2) + w] = above
      u32[(less >>> 2) + w] = below
    }
  }
  /** Comparisons become crossings: true here, and on the bar before valid and not. */
  const cross = (bits: number, aValid: number, bValid: number, words: number): void => {
    const { u32 } = memory
    let carry = 0
    for (let w = 0; w < words * 2; w++) {
      const at = (bits >>> 2) + w
      const now = u32[at]
      const not = u32[(aValid >>> 2) + w] & u32[(bValid >>> 2) + w] & ~now
      u32[at] = now & ((not << 1) | carry)
      carry = not >>> 31
    }
  }
  /** The number where `compare` reads it with step 0. */
  const number = createScratch(memory)
  return {
    scanColumn(column, words, valid) {
      const { f64, u32 } = memory
      let i = column >>> 3
      for (let w = 0; w < words * 2; w++) {
        let bits = 0
        for (let k = 0; k < 32; k++) {
          const x = f64[i++]
          if (x === x) bits |= 1 << k
        }
        u32[(valid >>> 2) + w] = bits
      }
      return 0
    },
    valuesBetween(column, n, least, greatest) {
      const { f64 } = memory
      for (let i = column >>> 3; i < (column >>> 3) + n; i++) if (!(f64[i] > least && f64[i] < greatest)) return 0
      return 1
    },
    compareColumns(a, b, _aCodes, _bCodes, _aValid, _bValid, words, _solid, _solidEnd, greater, less) {
      compare(a, b, 1, words, greater, less)
      return 0
    },
    crossColumns(a, b, _aCodes, _bCodes, aValid, bValid, words, _solid, _solidEnd, above, below) {
      compare(a, b, 1, words, above, below)
      cross(above, aValid, bValid, words)
      cross(below, aValid, bValid, words)
      return 0
    },
    compareNumber(a, value, _aValid, words, _solid, _solidEnd, greater, less) {
      compare(a, number(value), 0, words, greater, less)
    },
    crossNumber(a, value, aValid, words, _solid, _solidEnd, above, below) {
      compare(a, number(value), 0, words, above, below)
      cross(above, aValid, aValid, words)
      cross(below, aValid, aValid, words)
    },
    bitsAnd(a, b, words, out) {
      const { u32 } = memory
      for (let w = 0; w < words * 2; w++) u32[(out >>> 2) + w] = u32[(a >>> 2) + w] & u32[(b >>> 2) + w]
    },
    bitsOr(a, b, words, out) {
      const { u32 } = memory
      for (let w = 0; w < words * 2; w++) u32[(out >>> 2) + w] = u32[(a >>> 2) + w] | u32[(b >>> 2) + w]
    },
    bitsXor(a, b, words, out) {
      const { u32 } = memory
      for (let w = 0; w < words * 2; w++) u32[(out >>> 2) + w] = u32[(a >>> 2) + w] ^ u32[(b >>> 2) + w]
    },
    bitsAndNot(a, b, words, out) {
      const { u32 } = memory
      for (let w = 0; w < words * 2; w++) u32[(out >>> 2) + w] = u32[(a >>> 2) + w] & ~u32[(b >>> 2) + w]
    },
    bitsLag(a, bars, words, out) {
      const { u32 } = memory
      const skip = bars >>> 5
      const shift = bars & 31
      for (let w = words * 2 - 1; w >= 0; w--) {
        let bits = 0
        if (w >= skip) {
          bits = u32[(a >>> 2) + w - skip] << shift
          if (shift > 0 && w > skip) bits |= u32[(a >>> 2) + w - skip - 1] >>> (32 - shift)
        }
        u32[(out >>> 2) + w] = bits
      }
    },
  }
}

/** Puts a number at the start of the memory, which no allocation uses; gives its pointer. */
function createScratch(memory: PlainMemory): (value: number) => number {
  return (value) => {
    memory.f64[1] = value
    return 8
  }
}
