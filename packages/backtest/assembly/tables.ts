// Sums and lows and highs of any range of bars in a few loads.

/**
 * 4 numbers for every i from 0 to n, of bar i - 1: sums of r and r^2 of bars 1 to i - 1 (r = close / close before - 1),
 * of min(r, 0)^2, and its close. The sums are compensated.
 */
export function priceRecords(close: usize, n: i32, records: usize): void {
  let total = f64x2.splat(0)
  let error = f64x2.splat(0)
  let lost: f64 = 0
  let lostError: f64 = 0
  v128.store(records, total)
  v128.store(records, total, 16)
  for (let i = 0; i < n; i++) {
    const c = load<f64>(close)
    if (i > 0) {
      const r = c / load<f64>(close - 8) - 1
      const y = f64x2.sub(f64x2.replace_lane(f64x2.splat(r), 1, r * r), error) // Kahan
      const t = f64x2.add(total, y)
      error = f64x2.sub(f64x2.sub(t, total), y)
      total = t
      if (r < 0) { // only then: a sum over gains alone must be exactly 0
        const y = r * r - lostError
        const t = lost + y
        lostError = t - lost - y
        lost = t
      }
    }
    close += 8
    records += 32
    v128.store(records, total)
    store<f64>(records, lost, 16)
    store<f64>(records, c, 24)
  }
}

/**
 * The record of bar i for a position entered or left at fill[i], 4 numbers each: the sums of priceRecords so that exit
 * less entry is the sum over the holding, entry and exit bar and costs included, and what a unit costs or brings.
 */
export function costRecords(
  records: usize, fill: usize, n: i32, buy: f64, sell: f64, rate: f64, entries: usize, exits: usize,
): void {
  const cost = buy * (1 + rate)
  const net = sell * (1 - rate)
  for (let i = 0; i < n; i++) {
    const price = load<f64>(fill)
    const paid = price * cost
    const got = price * net
    const re = load<f64>(records, 56) / paid - 1
    v128.store(entries, f64x2.sub(v128.load(records, 32), f64x2.replace_lane(f64x2.splat(re), 1, re * re)))
    store<f64>(entries, load<f64>(records, 48) - (re < 0 ? re * re : 0), 16)
    store<f64>(entries, paid, 24)
    const rx = i > 0 ? got / load<f64>(records, 24) - 1 : 0
    v128.store(exits, f64x2.add(v128.load(records), f64x2.replace_lane(f64x2.splat(rx), 1, rx * rx)))
    store<f64>(exits, load<f64>(records, 16) + (rx < 0 ? rx * rx : 0), 16)
    store<f64>(exits, got, 24)
    fill += 8
    records += 32
    entries += 32
    exits += 32
  }
}

/** Prefix sums of r^3 and r^4, interleaved. */
export function prefixMoments(close: usize, n: i32, sums: usize): void {
  let total = f64x2.splat(0)
  let error = f64x2.splat(0)
  v128.store(sums, total)
  for (let i = 1; i < n; i++) {
    close += 8
    sums += 16
    const r = load<f64>(close) / load<f64>(close - 8) - 1
    const r3 = r * r * r
    const y = f64x2.sub(f64x2.replace_lane(f64x2.splat(r3), 1, r3 * r), error)
    const t = f64x2.add(total, y)
    error = f64x2.sub(f64x2.sub(t, total), y)
    total = t
    v128.store(sums, total)
  }
}

/**
 * Level k of `table`, at `table + k * stride`, holds (min low, -max high) of bars i to min(n, i + 2^k) - 1 at 16 * i.
 */
export function rangeTable(low: usize, high: usize, n: i32, levels: i32, stride: usize, table: usize): void {
  const flip = f64x2.replace_lane(f64x2.splat(1), 1, -1)
  for (let i = 0; i < n; i++) {
    const o = <usize>i << 3
    v128.store(table + (o << 1), f64x2.mul(f64x2.replace_lane(v128.load64_splat(low + o), 1, load<f64>(high + o)), flip))
  }
  for (let k = 1; k < levels; k++) {
    const half = 1 << (k - 1)
    const source = table + <usize>(k - 1) * stride
    const target = source + stride
    const whole = n - half
    for (let i = 0; i < n; i++) {
      const a = v128.load(source + (<usize>i << 4))
      const b = i < whole ? v128.load(source + (<usize>(i + half) << 4)) : a
      v128.store(target + (<usize>i << 4), f64x2.pmin(a, b))
    }
  }
}
