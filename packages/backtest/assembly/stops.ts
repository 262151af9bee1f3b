// Stops over trades that the signals alone give.

/** Number of bars on which `on` is set and `off` is not, from `from` to `to` - 1. */
export function countSets(on: usize, off: usize, from: i32, to: i32): i32 {
  let count: u64 = 0
  let mask: u64 = ~(<u64>0) << u64(from & 63)
  let base = from & ~63
  while (base < to) {
    if (to - base < 64) mask &= ~(<u64>0) >> u64(64 - (to - base))
    const o = <usize>base >> 3
    count += popcnt(load<u64>(on + o) & ~load<u64>(off + o) & mask)
    mask = ~(<u64>0)
    base += 64
  }
  return i32(count)
}

/** 1 where neither lane at `at` is at or below its level, else 0. */
// @ts-ignore: decorator
@inline
function missed(at: usize, levels: v128): u32 {
  return u32(i64x2.bitmask(f64x2.le(v128.load(at), levels)) - 1) >> 31
}

/** The first bar from `from` to `to` that reaches a level, as an offset in a row, for holdings beyond the table; or 0. */
function searchFar(table: usize, stride: usize, top: i32, from: usize, to: usize, levels: v128): usize {
  let at = from
  while (at <= to && missed(table + <usize>top * stride + at, levels)) at += <usize>16 << top
  for (let k = top - 1; k >= 0 && at <= to; k--)
    at += <usize>missed(table + <usize>k * stride + at, levels) << (k + 4)
  return at <= to ? at : 0
}

/**
 * Moves the exits of `list` (pairs of signal bars as of latchEvents, on one side) to where a stop or a target ends the
 * trade before. `rules` as of walkTrades. Only for signals with no second entry within a trade: then what ends one
 * trade changes no other. Bars become those of the fills, `prices` gets every exit's price with slippage. Returns the
 * number of int32 in the list.
 */
export function stopTrades(
  list: usize, count: i32, lag: i32, end: i32, short: i32, open: usize, fill: usize,
  table: usize, stride: usize, top: i32, rules: usize, prices: usize,
): i32 {
  const enter = load<f64>(rules + (short ? 8 : 0))
  const leave = load<f64>(rules + (short ? 0 : 8))
  const loss = load<f64>(rules, 16)
  const gain = load<f64>(rules, 24)
  const slip = short ? 1 + load<f64>(rules, 32) : 1 - load<f64>(rules, 32)
  // (lower level, -upper level) for a price of 1.
  const factors = short
    ? f64x2.replace_lane(f64x2.splat(1 - gain), 1, -(1 + loss))
    : f64x2.replace_lane(f64x2.splat(1 - loss), 1, -(1 + gain))
  const side = short ? i64x2.splat(-1) : i64x2.splat(0)
  if (count & 1) store<i32>(list + (<usize>count << 2), end - lag)
  const stop = list + (<usize>((count + 1) >> 1) << 3)
  for (let p = list; p < stop; p += 8) {
    const from = load<i32>(p) + lag
    const to = load<i32>(p, 4) + lag
    const levels = f64x2.mul(f64x2.splat(load<f64>(fill + (<usize>from << 3)) * enter), factors)
    store<i32>(p, from)
    const last = to < end ? to : end - 1
    const size = last - from
    let at: usize = 0
    if (size > 0) {
      let k = 31 - i32(clz(size))
      const first = <usize>(from + 1) << 4
      if (k <= top) {
        let row = table + <usize>k * stride
        if ((missed(row + first, levels) & missed(row + (<usize>(last + 1) << 4) - (<usize>16 << k), levels)) == 0) {
          // The first bar that reaches a level: no branch on the way down.
          at = first
          for (; k >= 0; k--) {
            at += <usize>missed(row + at, levels) << (k + 4)
            row -= stride
          }
        }
      } else at = searchFar(table, stride, top, first, <usize>last << 4, levels)
    }
    if (at) {
      const o = v128.load64_splat(open + (at >> 1))
      // At the open where it is beyond the level; a stop loss before a target.
      const below = f64x2.pmin(levels, o)
      const above = f64x2.pmax(f64x2.neg(levels), o)
      const hit = f64x2.le(v128.load(table + at), levels)
      const lower = v128.shuffle<i64>(hit, hit, 0, 0)
      const upper = v128.shuffle<i64>(hit, hit, 1, 1)
      const low = v128.shuffle<i64>(below, below, 0, 0)
      const high = v128.shuffle<i64>(above, above, 1, 1)
      const raw = v128.bitselect(v128.bitselect(high, low, upper), v128.bitselect(low, high, lower), side)
      store<i32>(p, i32(at >> 4), 4)
      store<f64>(prices, f64x2.extract_lane(raw, 0) * slip)
    } else {
      store<i32>(p, to, 4)
      if (to < end) store<f64>(prices, load<f64>(fill + (<usize>to << 3)) * leave)
    }
    prices += 8
  }
  const pairs = i32((stop - list) >> 2)
  return pairs > 0 && load<i32>(stop - 4) >= end ? pairs - 1 : pairs
}
