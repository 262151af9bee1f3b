// Logic on bit sets, 64 bars a word, two words a step; sets are padded to an even number of words.

/** out = a & b */
export function bitsAnd(a: usize, b: usize, words: i32, out: usize): void {
  for (let w = 0; w < words; w += 2) {
    const o = <usize>w << 3
    v128.store(out + o, v128.and(v128.load(a + o), v128.load(b + o)))
  }
}

/** out = a | b */
export function bitsOr(a: usize, b: usize, words: i32, out: usize): void {
  for (let w = 0; w < words; w += 2) {
    const o = <usize>w << 3
    v128.store(out + o, v128.or(v128.load(a + o), v128.load(b + o)))
  }
}

/** out = a ^ b */
export function bitsXor(a: usize, b: usize, words: i32, out: usize): void {
  for (let w = 0; w < words; w += 2) {
    const o = <usize>w << 3
    v128.store(out + o, v128.xor(v128.load(a + o), v128.load(b + o)))
  }
}

/** out = a & ~b */
export function bitsAndNot(a: usize, b: usize, words: i32, out: usize): void {
  for (let w = 0; w < words; w += 2) {
    const o = <usize>w << 3
    v128.store(out + o, v128.andnot(v128.load(a + o), v128.load(b + o)))
  }
}

/** out[i] = a[i - bars]; the first bars are 0. */
export function bitsLag(a: usize, bars: i32, words: i32, out: usize): void {
  const skip = bars >> 6
  const shift = u64(bars & 63)
  for (let w = words - 1; w >= 0; w--) {
    const from = w - skip
    let bits: u64 = 0
    if (from >= 0) {
      bits = load<u64>(a + (<usize>from << 3)) << shift
      if (shift != 0 && from > 0) bits |= load<u64>(a + (<usize>(from - 1) << 3)) >> (64 - shift)
    }
    store<u64>(out + (<usize>w << 3), bits)
  }
}
