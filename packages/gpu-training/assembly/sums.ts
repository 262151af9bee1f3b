// Filling, scaling, adding and sums. Whole vectors may run up to 12 bytes past the count.
import { f4 } from './vector-math'

export function fill(n: i32, value: f32, x: usize): void {
  const v = f4(value)
  const end = x + (<usize>n << 2)
  for (; x < end; x += 16) v128.store(x, v)
}

/** y += a * x. */
export function axpy(n: i32, a: f32, x: usize, y: usize): void {
  const v = f4(a)
  const end = x + (<usize>n << 2)
  for (; x < end; x += 16, y += 16) v128.store(y, f32x4.add(v128.load(y), f32x4.mul(v, v128.load(x))))
}

/** x *= the number at `at`: an argument that is no integer would be garbage of the host in every call. */
export function scaleAt(n: i32, at: usize, x: usize): void { scale(n, load<f32>(at), x) }

/** x *= a. */
export function scale(n: i32, a: f32, x: usize): void {
  const v = f4(a)
  const end = x + (<usize>n << 2)
  for (; x < end; x += 16) v128.store(x, f32x4.mul(v, v128.load(x)))
}

/** Sum of x^2 in double precision; NaN or Infinity where x holds one. */
export function sumSquares(n: i32, x: usize): f64 {
  let s0 = f64x2.splat(0)
  let s1 = f64x2.splat(0)
  const whole = n & ~3
  const end = x + (<usize>whole << 2)
  for (; x < end; x += 16) {
    const v = v128.load(x)
    const low = f64x2.promote_low_f32x4(v)
    const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 1))
    s0 = f64x2.add(s0, f64x2.mul(low, low))
    s1 = f64x2.add(s1, f64x2.mul(high, high))
  }
  s0 = f64x2.add(s0, s1)
  let sum = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1)
  for (let i = whole; i < n; i++, x += 4) {
    const v = <f64>load<f32>(x)
    sum += v * v
  }
  return sum
}

/** out[j] = sum over rows of x[i, j], or += it. */
export function columnSum(rows: i32, columns: i32, x: usize, out: usize, accumulate: i32): void {
  columnSumPart(rows, columns, 0, columns, x, out, accumulate)
}

/** The sums of the columns from `j` to before `end`. */
export function columnSumPart(
  rows: i32, columns: i32, j: i32, end: i32, x: usize, out: usize, accumulate: i32,
): void {
  const stride = <usize>columns << 2
  for (; j + 16 <= end; j += 16) {
    const to = out + (<usize>j << 2)
    let s0 = f4(0), s1 = f4(0), s2 = f4(0), s3 = f4(0)
    if (accumulate) {
      s0 = v128.load(to); s1 = v128.load(to, 16); s2 = v128.load(to, 32); s3 = v128.load(to, 48)
    }
    let at = x + (<usize>j << 2)
    for (let i = 0; i < rows; i++) {
      s0 = f32x4.add(s0, v128.load(at)); s1 = f32x4.add(s1, v128.load(at, 16))
      s2 = f32x4.add(s2, v128.load(at, 32)); s3 = f32x4.add(s3, v128.load(at, 48))
      at += stride
    }
    v128.store(to, s0); v128.store(to, s1, 16); v128.store(to, s2, 32); v128.store(to, s3, 48)
  }
  for (; j < end; j++) {
    let s: f32 = accumulate ? load<f32>(out + (<usize>j << 2)) : 0
    for (let i = 0; i < rows; i++) s += load<f32>(x + ((<usize>i * columns + j) << 2))
    store<f32>(out + (<usize>j << 2), s)
  }
}
