/** Linearly weighted window means, otherwise as `divide`. The first window starts at slot 0. */
export function weigh(
  coarse: usize, rest: usize, period: i32, count: i32, rounder: f64, smallest: f64, out: usize,
): i32 {
  const far = usize(period) << 3
  const factor = f64(period)
  const weights = (factor * (factor + 1)) / 2
  const inverse = 1 / weights
  let sum: f64 = 0
  let difference: f64 = 0
  for (let k: i32 = 1; k < period; k++) {
    const at = usize(k) << 3
    sum += f64(k) * (load<f64>(coarse + at) - load<f64>(coarse + at - 8))
    difference += f64(k) * (load<f64>(rest + at) - load<f64>(rest + at - 8))
  }
  let coarseBefore: f64 = 0
  let restBefore: f64 = 0
  let small = 0
  coarse += far
  rest += far
  const end = out + (usize(count) << 3)
  for (; out < end; out += 8) {
    sum += factor * (load<f64>(coarse) - load<f64>(coarse - 8)) - coarseBefore
    difference += factor * (load<f64>(rest) - load<f64>(rest - 8)) - restBefore
    coarseBefore = load<f64>(coarse) - load<f64>(coarse - far)
    restBefore = load<f64>(rest) - load<f64>(rest - far)
    const quotient = sum * inverse + rounder - rounder
    const mean = quotient + (sum - quotient * weights + difference) / weights
    store<f64>(out, mean)
    small |= i32(abs(mean) < smallest) & i32(mean != 0)
    coarse += 8
    rest += 8
  }
  return small
}
