/** Cuts every value at the last place of `splitter`; slot k of `coarse` and `rest` is the sum of the first k parts. */
export function split(values: usize, count: i32, splitter: f64, coarse: usize, rest: usize): void {
  let coarseTotal: f64 = 0
  let restTotal: f64 = 0
  store<f64>(coarse, 0)
  store<f64>(rest, 0)
  const end = values + (usize(count) << 3)
  for (; values < end; values += 8) {
    const value = load<f64>(values)
    const part = value + splitter - splitter
    coarseTotal += part
    restTotal += value - part
    coarse += 8
    rest += 8
    store<f64>(coarse, coarseTotal)
    store<f64>(rest, restTotal)
  }
}

/** Window sums of `count` windows, the first of which starts at slot 0. May write one slot more. */
export function subtract(coarse: usize, rest: usize, period: i32, count: i32, out: usize): void {
  const far = usize(period) << 3
  const end = out + (usize(count) << 3)
  for (; out < end; out += 16) {
    const sum = f64x2.sub(v128.load(coarse + far), v128.load(coarse))
    v128.store(out, f64x2.add(sum, f64x2.sub(v128.load(rest + far), v128.load(rest))))
    coarse += 16
    rest += 16
  }
}

// @ts-ignore: decorator
@inline
function mean2(coarse: usize, rest: usize, far: usize, divisor: v128, inverse: v128, round: v128): v128 {
  const sum = f64x2.sub(v128.load(coarse + far), v128.load(coarse))
  const difference = f64x2.sub(v128.load(rest + far), v128.load(rest))
  const quotient = f64x2.sub(f64x2.add(f64x2.mul(sum, inverse), round), round)
  const remainder = f64x2.add(f64x2.sub(sum, f64x2.mul(quotient, divisor)), difference)
  return f64x2.add(quotient, f64x2.div(remainder, divisor))
}

/**
 * Window means; gives whether one is below `smallest` in magnitude and not 0. May write, and look at, up to three slots
 * more.
 */
export function divide(
  coarse: usize, rest: usize, period: i32, count: i32, rounder: f64, smallest: f64, out: usize,
): i32 {
  const far = usize(period) << 3
  const divisor = f64x2.splat(f64(period))
  const inverse = f64x2.splat(1 / f64(period))
  const round = f64x2.splat(rounder)
  const bound = f64x2.splat(smallest)
  const zero = f64x2.splat(0)
  let small = i64x2.splat(0) // a mask
  const end = out + (usize(count) << 3)
  for (; out < end; out += 32) {
    const a = mean2(coarse, rest, far, divisor, inverse, round)
    const b = mean2(coarse + 16, rest + 16, far, divisor, inverse, round)
    v128.store(out, a)
    v128.store(out, b, 16)
    small = v128.or(small, v128.and(f64x2.lt(f64x2.abs(a), bound), f64x2.ne(a, zero)))
    small = v128.or(small, v128.and(f64x2.lt(f64x2.abs(b), bound), f64x2.ne(b, zero)))
    coarse += 32
    rest += 32
  }
  return i32(v128.any_true(small))
}
