// A maximum over 2k bars is that of two maxima over k bars; over any number, of two that overlap. Of equal values the newest
// stays, which tells -0 from 0: pmax(a, b) is b only where a < b.

/** Window maxima in place, each over `period` values up to its slot; the first period - 1 slots are left undefined. */
export function maxima(values: usize, count: i32, period: i32): void {
  for (let width: i32 = 1; width < period; ) {
    const step = min(width, period - width)
    const far = usize(step) << 3
    // From the end, in place: what is read lies before what is written.
    let at = values + (usize(count) << 3)
    const start = values + far
    for (; at >= start + 16; ) {
      at -= 16
      v128.store(at, f64x2.pmax(v128.load(at), v128.load(at - far)))
    }
    if (at > start) {
      at -= 8
      const value = load<f64>(at)
      const older = load<f64>(at - far)
      store<f64>(at, value < older ? older : value)
    }
    width += step
  }
}

/** Window minima, otherwise as `maxima`. */
export function minima(values: usize, count: i32, period: i32): void {
  for (let width: i32 = 1; width < period; ) {
    const step = min(width, period - width)
    const far = usize(step) << 3
    let at = values + (usize(count) << 3)
    const start = values + far
    for (; at >= start + 16; ) {
      at -= 16
      v128.store(at, f64x2.pmin(v128.load(at), v128.load(at - far)))
    }
    if (at > start) {
      at -= 8
      const value = load<f64>(at)
      const older = load<f64>(at - far)
      store<f64>(at, older < value ? older : value)
    }
    width += step
  }
}
