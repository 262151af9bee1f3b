// Trades where signals alone do not give them: stops, time stops, both sides.

/** First bar from `from` on with its bit set, `to` where there is none before it. */
// @ts-ignore: decorator
@inline
function nextBit(bits: usize, from: i32, to: i32): i32 {
  if (from >= to) return to
  let w = from >> 6
  const last = (to - 1) >> 6
  let word = load<u64>(bits + (<usize>w << 3)) & (~(<u64>0) << u64(from & 63))
  while (word == 0) {
    if (++w > last) return to
    word = load<u64>(bits + (<usize>w << 3))
  }
  const i = (w << 6) + i32(ctz(word))
  return i < to ? i : to
}

// @ts-ignore: decorator
@inline
function bit(bits: usize, i: i32): bool {
  return ((load<u64>(bits + (<usize>(i >> 6) << 3)) >> u64(i & 63)) & 1) != 0
}

// @ts-ignore: decorator
@inline
function hit(table: usize, stride: usize, k: i32, i: i32, levels: v128): bool {
  return v128.any_true(f64x2.le(v128.load(table + <usize>k * stride + (<usize>i << 4)), levels))
}

/** First bar from `from` to `to` whose low or -high is at or below its level, -1 where there is none. */
// @ts-ignore: decorator
@inline
function firstHit(table: usize, stride: usize, top: i32, from: i32, to: i32, levels: v128): i32 {
  let k = 31 - i32(clz(to - from + 1))
  if (k <= top) {
    if (!hit(table, stride, k, from, levels) && !hit(table, stride, k, to + 1 - (1 << k), levels)) return -1
  }
  let i = from
  k = 0
  while (!hit(table, stride, k, i, levels)) {
    i += 1 << k
    if (i > to) return -1
    if (k < top) k++
  }
  while (k > 0) {
    k--
    if (!hit(table, stride, k, i, levels)) i += 1 << k
  }
  return i <= to ? i : -1
}

/**
 * The trades of signals with stops. `rules` (f64): 0 buy factor, 1 sell factor, 2 stop loss, 3 take profit (fractions,
 * NaN where off), 4 slippage of a stop's exit, 5 time stop in bars or 0. `stopColumn`, `targetColumn`: distances in
 * price units read on the signal bar, or 0. `wait` opens from flat; `leaveLong`, `leaveShort` end a side; `goLong`,
 * `goShort` tell which side an opening bar takes. Signals count from `from` to `to` - 1 and fill `lag` bars later.
 *
 * Writes (fill bar of the entry, of the exit) to `list`, the first with bit 31 set for a short, and the price of every
 * exit, slippage included, to `prices`. Returns the number of int32 written.
 */
export function walkTrades(
  wait: usize, leaveLong: usize, leaveShort: usize, goLong: usize, goShort: usize,
  from: i32, to: i32, end: i32, lag: i32, open: usize, fill: usize,
  table: usize, stride: usize, top: i32, rules: usize, stopColumn: usize, targetColumn: usize,
  list: usize, prices: usize,
): i32 {
  const buy = load<f64>(rules)
  const sell = load<f64>(rules, 8)
  const loss = load<f64>(rules, 16)
  const gain = load<f64>(rules, 24)
  const slip = load<f64>(rules, 32)
  const limit = i32(load<f64>(rules, 40))
  const stops = loss == loss || gain == gain || (stopColumn | targetColumn) != 0
  let at = list
  let due = from
  while (true) {
    let signal = nextBit(wait, due, to)
    if (signal >= to) break
    let long = goShort == 0 || (goLong != 0 && bit(goLong, signal))
    while (true) {
      const entry = signal + lag
      store<i32>(at, long ? entry : entry | i32.MIN_VALUE)
      let leave = nextBit(long ? leaveLong : leaveShort, signal + 1, to)
      let timed = false
      if (limit > 0 && entry + limit <= leave && entry + limit < to) {
        leave = entry + limit
        timed = true
      }
      const exit = leave < to ? leave + lag : end
      if (stops) {
        const price = load<f64>(fill + (<usize>entry << 3)) * (long ? buy : sell)
        const sign: f64 = long ? -1 : 1
        let stop = price * (1 + sign * loss)
        let target = price * (1 - sign * gain)
        if (stopColumn) {
          const distance = load<f64>(stopColumn + (<usize>signal << 3))
          stop = distance > 0 ? price + sign * distance : NaN
        }
        if (targetColumn) {
          const distance = load<f64>(targetColumn + (<usize>signal << 3))
          target = distance > 0 ? price - sign * distance : NaN
        }
        const low = long ? stop : target
        const high = long ? target : stop
        const levels = f64x2.replace_lane(f64x2.splat(low), 1, -high)
        const last = exit < end ? exit : end - 1
        const bar = entry < last ? firstHit(table, stride, top, entry + 1, last, levels) : -1
        if (bar >= 0) {
          const o = load<f64>(open + (<usize>bar << 3))
          const range = v128.load(table + (<usize>bar << 4))
          // The stop loss is tested first.
          const stopped = long ? f64x2.extract_lane(range, 0) <= stop : -f64x2.extract_lane(range, 1) >= stop
          const level = stopped ? stop : target
          const falling = stopped == long
          const raw = (falling ? o <= level : o >= level) ? o : level
          store<f64>(prices, raw * (long ? 1 - slip : 1 + slip))
          prices += 8
          store<i32>(at, bar, 4)
          at += 8
          due = bar + 1 - lag
          break
        }
      }
      if (leave >= to) return i32((at + 4 - list) >> 2)
      store<f64>(prices, load<f64>(fill + (<usize>exit << 3)) * (long ? sell : buy))
      prices += 8
      store<i32>(at, exit, 4)
      at += 8
      if (timed || !(long ? goShort != 0 && bit(goShort, leave) : goLong != 0 && bit(goLong, leave))) {
        due = leave + 1
        break
      }
      signal = leave
      long = !long
    }
  }
  return i32((at - list) >> 2)
}
