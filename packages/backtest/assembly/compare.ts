// Comparisons of two columns, or of a column and a number, as bit sets: 64 bars a word.

/** Bits where a > b in one word, in double precision. */
function exactGreater(a: usize, b: usize): u64 {
  let bits: u64 = 0
  for (let k: u64 = 0; k < 64; k += 8) {
    const m =
      i64x2.bitmask(f64x2.gt(v128.load(a), v128.load(b))) |
      (i64x2.bitmask(f64x2.gt(v128.load(a, 16), v128.load(b, 16))) << 2) |
      (i64x2.bitmask(f64x2.gt(v128.load(a, 32), v128.load(b, 32))) << 4) |
      (i64x2.bitmask(f64x2.gt(v128.load(a, 48), v128.load(b, 48))) << 6)
    bits |= u64(m) << k
    a += 64
    b += 64
  }
  return bits
}

/**
 * Bits where a > b (`gt`) and where a < b (`lt`), or with `cross` those of them whose bar before was valid and not so.
 * In the words from `solid` to `solidEnd` - 1 every bar of both columns is a number and codes decide what they can.
 * Returns the number of words that they left undecided.
 *
 * The loop over decided words stands by itself: with anything else in it V8 keeps its state on the stack.
 */
// @ts-ignore: decorator
@inline
function compare(
  a: usize, b: usize, aCodes: usize, bCodes: usize, aValid: usize, bValid: usize, words: i32, solid: i32, solidEnd: i32,
  gt: usize, lt: usize, cross: bool,
): i32 {
  let carryUp: u64 = 0 // valid and not above, on the bar before
  let carryDown: u64 = 0
  let redone = 0
  let w = 0
  while (w < words) {
    if (w >= solid && w < solidEnd) {
      let x = aCodes + (<usize>w << 7)
      let y = bCodes + (<usize>w << 7)
      let g = gt + (<usize>w << 3)
      let l = lt + (<usize>w << 3)
      const end = gt + (<usize>solidEnd << 3)
      while (g < end) {
        const p0 = i8x16.narrow_i16x8_s(
          i16x8.sub_sat_s(v128.load(x), v128.load(y)),
          i16x8.sub_sat_s(v128.load(x, 16), v128.load(y, 16)),
        )
        const p1 = i8x16.narrow_i16x8_s(
          i16x8.sub_sat_s(v128.load(x, 32), v128.load(y, 32)),
          i16x8.sub_sat_s(v128.load(x, 48), v128.load(y, 48)),
        )
        const p2 = i8x16.narrow_i16x8_s(
          i16x8.sub_sat_s(v128.load(x, 64), v128.load(y, 64)),
          i16x8.sub_sat_s(v128.load(x, 80), v128.load(y, 80)),
        )
        const p3 = i8x16.narrow_i16x8_s(
          i16x8.sub_sat_s(v128.load(x, 96), v128.load(y, 96)),
          i16x8.sub_sat_s(v128.load(x, 112), v128.load(y, 112)),
        )
        // Equal codes decide nothing.
        if (!i8x16.all_true(i8x16.min_u(i8x16.min_u(p0, p1), i8x16.min_u(p2, p3)))) break
        const low = u32(i8x16.bitmask(p0)) | (u32(i8x16.bitmask(p1)) << 16)
        const high = u32(i8x16.bitmask(p2)) | (u32(i8x16.bitmask(p3)) << 16)
        const less = u64(low) | (u64(high) << 32)
        const greater = ~less
        if (cross) {
          store<u64>(g, greater & ((less << 1) | carryUp))
          store<u64>(l, less & ((greater << 1) | carryDown))
          carryUp = less >> 63
          carryDown = greater >> 63
        } else {
          store<u64>(g, greater)
          store<u64>(l, less)
        }
        x += 128
        y += 128
        g += 8
        l += 8
      }
      w = i32((g - gt) >> 3)
      if (w >= solidEnd) continue
      redone++
    }
    const o = <usize>w << 3
    const valid = load<u64>(aValid + o) & load<u64>(bValid + o)
    const less = exactGreater(b + (o << 6), a + (o << 6))
    const greater = exactGreater(a + (o << 6), b + (o << 6))
    if (cross) {
      const notAbove = valid & ~greater
      const notBelow = valid & ~less
      store<u64>(gt + o, greater & ((notAbove << 1) | carryUp))
      store<u64>(lt + o, less & ((notBelow << 1) | carryDown))
      carryUp = notAbove >> 63
      carryDown = notBelow >> 63
    } else {
      store<u64>(gt + o, greater)
      store<u64>(lt + o, less)
    }
    w++
  }
  return redone
}

/** Bits where a > b, and where a < b. */
export function compareColumns(
  a: usize, b: usize, aCodes: usize, bCodes: usize, aValid: usize, bValid: usize, words: i32, solid: i32, solidEnd: i32,
  gt: usize, lt: usize,
): i32 {
  return compare(a, b, aCodes, bCodes, aValid, bValid, words, solid, solidEnd, gt, lt, false)
}

/** Bits where a crosses above b, and where it crosses below. */
export function crossColumns(
  a: usize, b: usize, aCodes: usize, bCodes: usize, aValid: usize, bValid: usize, words: i32, solid: i32, solidEnd: i32,
  gt: usize, lt: usize,
): i32 {
  return compare(a, b, aCodes, bCodes, aValid, bValid, words, solid, solidEnd, gt, lt, true)
}

// @ts-ignore: decorator
@inline
function difference4(a: usize, number: v128): v128 {
  const x = f64x2.sub(v128.load(a), number)
  const y = f64x2.sub(v128.load(a, 16), number)
  return v128.shuffle<i32>(x, y, 1, 3, 5, 7)
}

// @ts-ignore: decorator
@inline
function difference16(a: usize, offset: usize, number: v128): v128 {
  return i8x16.narrow_i16x8_s(
    i16x8.narrow_i32x4_s(difference4(a + offset, number), difference4(a + offset + 32, number)),
    i16x8.narrow_i32x4_s(difference4(a + offset + 64, number), difference4(a + offset + 96, number)),
  )
}

/** As compare, for a column and a number: by the signs of the differences, exactly where one may be nothing. */
// @ts-ignore: decorator
@inline
function compareTo(
  a: usize, number: f64, aValid: usize, words: i32, solid: i32, solidEnd: i32, gt: usize, lt: usize, cross: bool,
): void {
  const c = f64x2.splat(number)
  let carryUp: u64 = 0
  let carryDown: u64 = 0
  let w = 0
  while (w < words) {
    if (w >= solid && w < solidEnd) {
      let x = a + (<usize>w << 9)
      let g = gt + (<usize>w << 3)
      let l = lt + (<usize>w << 3)
      const end = gt + (<usize>solidEnd << 3)
      while (g < end) {
        const p0 = difference16(x, 0, c)
        const p1 = difference16(x, 128, c)
        const p2 = difference16(x, 256, c)
        const p3 = difference16(x, 384, c)
        if (!i8x16.all_true(i8x16.min_u(i8x16.min_u(p0, p1), i8x16.min_u(p2, p3)))) break
        const low = u32(i8x16.bitmask(p0)) | (u32(i8x16.bitmask(p1)) << 16)
        const high = u32(i8x16.bitmask(p2)) | (u32(i8x16.bitmask(p3)) << 16)
        const less = u64(low) | (u64(high) << 32)
        const greater = ~less
        if (cross) {
          store<u64>(g, greater & ((less << 1) | carryUp))
          store<u64>(l, less & ((greater << 1) | carryDown))
          carryUp = less >> 63
          carryDown = greater >> 63
        } else {
          store<u64>(g, greater)
          store<u64>(l, less)
        }
        x += 512
        g += 8
        l += 8
      }
      w = i32((g - gt) >> 3)
      if (w >= solidEnd) continue
    }
    const o = <usize>w << 3
    const valid = load<u64>(aValid + o)
    let less: u64 = 0
    let greater: u64 = 0
    for (let k: u64 = 0; k < 64; k += 2) {
      const x = v128.load(a + (o << 6) + (<usize>k << 3))
      less |= u64(i64x2.bitmask(f64x2.lt(x, c))) << k
      greater |= u64(i64x2.bitmask(f64x2.gt(x, c))) << k
    }
    if (cross) {
      const notAbove = valid & ~greater
      const notBelow = valid & ~less
      store<u64>(gt + o, greater & ((notAbove << 1) | carryUp))
      store<u64>(lt + o, less & ((notBelow << 1) | carryDown))
      carryUp = notAbove >> 63
      carryDown = notBelow >> 63
    } else {
      store<u64>(gt + o, greater)
      store<u64>(lt + o, less)
    }
    w++
  }
}

/** Bits where a > number, and where a < number. The number is finite, and so is a from word solid to solidEnd - 1. */
export function compareNumber(
  a: usize, number: f64, aValid: usize, words: i32, solid: i32, solidEnd: i32, gt: usize, lt: usize,
): void {
  compareTo(a, number, aValid, words, solid, solidEnd, gt, lt, false)
}

/** Bits where a crosses above the number, and where below. */
export function crossNumber(
  a: usize, number: f64, aValid: usize, words: i32, solid: i32, solidEnd: i32, gt: usize, lt: usize,
): void {
  compareTo(a, number, aValid, words, solid, solidEnd, gt, lt, true)
}
