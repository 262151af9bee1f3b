/**
 * Largest and smallest magnitude other than 0, largest and smallest value of a column, into out[0..4).
 * A column of zeros has the smallest magnitude Infinity.
 */
export function extent(values: usize, count: i32, out: usize): void {
  let largest = f64x2.splat(0)
  let smallest = f64x2.splat(Infinity)
  let highest = f64x2.splat(-Infinity)
  let lowest = f64x2.splat(Infinity)
  const infinite = f64x2.splat(Infinity)
  const zero = f64x2.splat(0)
  const end = values + (usize(count & ~1) << 3)
  let at = values
  for (; at < end; at += 16) {
    const value = v128.load(at)
    const size = f64x2.abs(value)
    largest = f64x2.pmax(largest, size)
    smallest = f64x2.pmin(smallest, v128.bitselect(infinite, size, f64x2.eq(size, zero)))
    highest = f64x2.pmax(highest, value)
    lowest = f64x2.pmin(lowest, value)
  }
  if ((count & 1) != 0) {
    const value = v128.load64_splat(at)
    const size = f64x2.abs(value)
    largest = f64x2.pmax(largest, size)
    smallest = f64x2.pmin(smallest, v128.bitselect(infinite, size, f64x2.eq(size, zero)))
    highest = f64x2.pmax(highest, value)
    lowest = f64x2.pmin(lowest, value)
  }
  store<f64>(out, max(f64x2.extract_lane(largest, 0), f64x2.extract_lane(largest, 1)))
  store<f64>(out, min(f64x2.extract_lane(smallest, 0), f64x2.extract_lane(smallest, 1)), 8)
  store<f64>(out, max(f64x2.extract_lane(highest, 0), f64x2.extract_lane(highest, 1)), 16)
  store<f64>(out, min(f64x2.extract_lane(lowest, 0), f64x2.extract_lane(lowest, 1)), 24)
}

/** Whether every value is a multiple of limit / 2^52. */
export function liesOnGrid(values: usize, count: i32, limit: f64): i32 {
  const end = values + (usize(count) << 3)
  for (let at = values; at < end; at += 8) {
    const size = abs(load<f64>(at))
    if (size < limit && size + limit - limit != size) return 0
  }
  return 1
}
