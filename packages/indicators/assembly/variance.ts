/** out = values - middle; gives the sum of the rounding errors' magnitudes. May write one slot more. */
export function centre(values: usize, count: i32, middle: f64, out: usize): f64 {
  const middles = f64x2.splat(middle)
  let error = f64x2.splat(0)
  const end = out + (usize(count & ~1) << 3)
  for (; out < end; out += 16) {
    const value = v128.load(values)
    const difference = f64x2.sub(value, middles)
    const back = f64x2.sub(value, difference)
    error = f64x2.add(error, f64x2.abs(f64x2.sub(value, f64x2.add(difference, back))))
    error = f64x2.add(error, f64x2.abs(f64x2.sub(back, middles)))
    v128.store(out, difference)
    values += 16
  }
  let total = f64x2.extract_lane(error, 0) + f64x2.extract_lane(error, 1)
  if ((count & 1) != 0) {
    const value = load<f64>(values)
    const difference = value - middle
    const back = value - difference
    total += abs(value - (difference + back)) + abs(back - middle)
    store<f64>(out, difference)
  }
  return total
}

/** Adds up both parts of every value and of its exact square; gives the largest total of the squares' rest. */
export function splitSquares(
  values: usize, count: i32, splitter: f64, squareSplitter: f64,
  coarse: usize, rest: usize, coarseSquares: usize, restSquares: usize,
): f64 {
  const splitters = f64x2.replace_lane(f64x2.splat(splitter), 1, squareSplitter)
  // Lane 0 carries the values, lane 1 their squares.
  let coarseTotal = f64x2.splat(0)
  let restTotal = f64x2.splat(0)
  let largest = f64x2.splat(0)
  store<f64>(coarse, 0)
  store<f64>(rest, 0)
  store<f64>(coarseSquares, 0)
  store<f64>(restSquares, 0)
  const end = values + (usize(count) << 3)
  for (; values < end; values += 8) {
    const value = load<f64>(values)
    const scaled = 134217729 * value
    const high = scaled - (scaled - value)
    const low = value - high
    const square = value * value
    const error = high * high - square + 2 * high * low + low * low
    const both = f64x2.replace_lane(f64x2.splat(value), 1, square)
    const part = f64x2.sub(f64x2.add(both, splitters), splitters)
    coarseTotal = f64x2.add(coarseTotal, part)
    const left = f64x2.add(f64x2.sub(both, part), f64x2.replace_lane(f64x2.splat(0), 1, error))
    restTotal = f64x2.add(restTotal, left)
    largest = f64x2.pmax(largest, f64x2.abs(restTotal))
    coarse += 8
    rest += 8
    coarseSquares += 8
    restSquares += 8
    v128.store64_lane(coarse, coarseTotal, 0)
    v128.store64_lane(rest, restTotal, 0)
    v128.store64_lane(coarseSquares, coarseTotal, 1)
    v128.store64_lane(restSquares, restTotal, 1)
  }
  return f64x2.extract_lane(largest, 1)
}

/** Variances of windows, NaN where the bound does not decide the last bit; gives whether there is one. May write, and look at, one slot more. */
export function vary(
  coarse: usize, rest: usize, coarseSquares: usize, restSquares: usize, period: i32, error: f64, count: i32, out: usize,
): i32 {
  const far = usize(period) << 3
  const p = f64(period)
  const factor = f64x2.splat(p)
  const scale = f64x2.splat(p * p)
  const inverse = f64x2.splat(1 / (p * p))
  const errors = f64x2.splat(error * (1 / (p * p)))
  const units = f64x2.splat(4.440892098500626e-16 * (1 / (p * p))) // 2^-51
  const splitter = f64x2.splat(134217729)
  let certainAll = i64x2.splat(-1)
  const end = out + (usize(count) << 3)
  for (; out < end; out += 16) {
    const sum = f64x2.sub(v128.load(coarse + far), v128.load(coarse))
    const sumRest = f64x2.sub(v128.load(rest + far), v128.load(rest))
    const windowSquares = f64x2.sub(v128.load(coarseSquares + far), v128.load(coarseSquares))
    const first = f64x2.sub(f64x2.mul(factor, windowSquares), f64x2.mul(sum, sum))
    const squares = f64x2.mul(factor, f64x2.sub(v128.load(restSquares + far), v128.load(restSquares)))
    const mixed = f64x2.mul(sumRest, f64x2.add(f64x2.add(sum, sum), sumRest))
    const second = f64x2.sub(squares, mixed)
    const estimate = f64x2.mul(f64x2.add(first, second), inverse)
    const scaled = f64x2.mul(splitter, estimate)
    const leading = f64x2.sub(scaled, f64x2.sub(scaled, estimate))
    const remainder = f64x2.sub(first, f64x2.mul(leading, scale))
    const tail = f64x2.mul(f64x2.add(remainder, second), inverse)
    const parts = f64x2.add(f64x2.add(f64x2.abs(squares), f64x2.abs(mixed)), f64x2.abs(remainder))
    const bound = f64x2.add(errors, f64x2.mul(units, parts))
    const variance = f64x2.add(leading, f64x2.add(tail, bound))
    const certain = f64x2.eq(variance, f64x2.add(leading, f64x2.sub(tail, bound)))
    // An uncertain one becomes NaN: all bits set.
    v128.store(out, v128.or(variance, v128.not(certain)))
    certainAll = v128.and(certainAll, certain)
    coarse += 16
    rest += 16
    coarseSquares += 16
    restSquares += 16
  }
  return i32(!i64x2.all_true(certainAll))
}
