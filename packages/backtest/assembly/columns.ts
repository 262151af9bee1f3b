// Columns: where they are valid, and 16-bit codes that decide most comparisons.

/**
 * Fills `valid`: one bit a bar, 1 where the value is a number. `words` words of 64 bars; the column is padded with NaN.
 * Returns 1 when codes may stand for it: no value is beyond 1e300.
 */
export function scanColumn(column: usize, words: i32, valid: usize): i32 {
  let wide = i64x2.splat(0)
  const limit = f64x2.splat(1e300)
  for (let w = 0; w < words; w++) {
    let bits: u64 = 0
    for (let k: u64 = 0; k < 64; k += 8) {
      const a = v128.load(column)
      const b = v128.load(column, 16)
      const c = v128.load(column, 32)
      const d = v128.load(column, 48)
      const e = v128.shuffle<i32>(f64x2.eq(a, a), f64x2.eq(b, b), 0, 2, 4, 6)
      const f = v128.shuffle<i32>(f64x2.eq(c, c), f64x2.eq(d, d), 0, 2, 4, 6)
      bits |= u64(i16x8.bitmask(i16x8.narrow_i32x4_s(e, f))) << k
      const high = f64x2.pmax(f64x2.pmax(f64x2.abs(a), f64x2.abs(b)), f64x2.pmax(f64x2.abs(c), f64x2.abs(d)))
      wide = v128.or(wide, f64x2.gt(high, limit))
      wide = v128.or(wide, f64x2.gt(f64x2.abs(d), limit))
      wide = v128.or(wide, f64x2.gt(f64x2.abs(b), limit))
      wide = v128.or(wide, f64x2.gt(f64x2.abs(c), limit))
      column += 64
    }
    store<u64>(valid, bits)
    valid += 8
  }
  return v128.any_true(wide) ? 0 : 1
}

/** Widens low[i] to high[i] to hold column[i]; NaN is skipped. An even number of bars. */
export function widenRange(column: usize, bars: i32, low: usize, high: usize): void {
  const end = column + (<usize>bars << 3)
  while (column < end) {
    const a = v128.load(column)
    const b = v128.load(column, 16)
    v128.store(low, f64x2.pmin(v128.load(low), a))
    v128.store(low, f64x2.pmin(v128.load(low, 16), b), 16)
    v128.store(high, f64x2.pmax(v128.load(high), a))
    v128.store(high, f64x2.pmax(v128.load(high, 16), b), 16)
    column += 32
    low += 32
    high += 32
  }
}

/** Codes a unit: scale[i] = 65535 / (high[i] - low[i]), 0 where that is nothing (no column is valid, or all are equal). */
export function scaleRange(low: usize, high: usize, bars: i32, scale: usize): void {
  for (let i = 0; i < bars; i++) {
    const o = <usize>i << 3
    const width = load<f64>(high + o) - load<f64>(low + o)
    store<f64>(scale + o, width > 1e-290 ? 65535 / width : 0)
    if (!(width > 1e-290)) store<f64>(low + o, 0)
  }
}

// @ts-ignore: decorator
@inline
function code4(column: usize, low: usize, scale: usize): v128 {
  // The sum has the whole number in its low 32 bits. Every step keeps the order, so a larger code is a larger value.
  const magic = f64x2.splat(6755399441055744 - 32768)
  const a = f64x2.mul(f64x2.sub(v128.load(column), v128.load(low)), v128.load(scale))
  const b = f64x2.mul(f64x2.sub(v128.load(column, 16), v128.load(low, 16)), v128.load(scale, 16))
  return v128.shuffle<i32>(f64x2.add(a, magic), f64x2.add(b, magic), 0, 2, 4, 6)
}

/** int16 codes of a column in its range. A multiple of 8 bars. */
export function encodeColumn(column: usize, bars: i32, low: usize, scale: usize, codes: usize): void {
  const end = column + (<usize>bars << 3)
  while (column < end) {
    v128.store(codes, i16x8.narrow_i32x4_s(code4(column, low, scale), code4(column + 32, low + 32, scale + 32)))
    column += 64
    low += 64
    scale += 64
    codes += 16
  }
}

/** 1 when every one of n values lies between the bounds. */
export function valuesBetween(column: usize, n: i32, least: f64, greatest: f64): i32 {
  const low = f64x2.splat(least)
  const high = f64x2.splat(greatest)
  let fit = i64x2.splat(-1)
  const end = column + (<usize>(n & ~1) << 3)
  for (let p = column; p < end; p += 16) {
    const x = v128.load(p)
    fit = v128.and(fit, v128.and(f64x2.gt(x, low), f64x2.lt(x, high)))
  }
  if (n & 1) {
    const x = load<f64>(end)
    if (!(x > least && x < greatest)) return 0
  }
  return i64x2.bitmask(fit) == 3 ? 1 : 0
}
