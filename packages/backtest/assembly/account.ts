// What trades come to: sums of the returns, cash, fees, drawdown. Both forms write the same row of numbers to `out`:
// 0 sum r, 1 sum r^2, 2 sum min(r, 0)^2, 3 last equity, 4 cash won, 5 cash lost, 6 traded value, 7 bars in a position,
// 8 trades won, 9 trades closed, 10 trades, 11 least equity / peak, 12 fees, 13 sum r^3, 14 sum r^4, 15 status.
//
// `list` holds (bar of the entry's fill, bar of the exit's fill) pairs of int32, each less `lag`; a last one without
// a second bar is still open. Settings: 0 cash, 1 buy factor, 2 sell factor, 3 fee rate, 4 fixed fee, 5 fraction,
// 6 quantity or 0, 7 whether to liquidate.
//
// Sums begin at what stands at `out` + 256, and what they are after the last closed trade is left there, so that a run
// over more bars can go on from it: 0 sum r, 1 sum r^2, 2 sum min(r, 0)^2, 3 unused, 4 cash, 5 cash of all sales,
// 6 cash won, 7 cash lost, 8 trades won, 9 bars in a position, 10 trades closed, 11 least equity / peak, 12 least equity
// since the peak, 13 -peak, 14 sum r^3, 15 sum r^4.

const SAVED: usize = 256

/**
 * A holding with a new high: the exact course of peak and drawdown, by the largest pieces that hold no new high.
 * `state`: least equity since the peak, -peak, least equity / peak.
 */
function walkHighs(table: usize, stride: usize, top: i32, from: i32, to: i32, size: f64, state: usize): void {
  let least = load<f64>(state)
  let peak = -load<f64>(state, 8)
  let ratio = load<f64>(state, 16)
  let k = top
  let i = from
  while (i < to) {
    const fit = 31 - i32(clz(to - i))
    if (k > fit) k = fit
    const at = table + <usize>k * stride + (<usize>i << 4)
    const low = load<f64>(at) * size
    const high = -load<f64>(at, 8) * size
    if (high <= peak) {
      if (low < least) least = low
      i += 1 << k
      if (k < top) k++
    } else if (k == 0) {
      if (least < peak * ratio) ratio = least / peak
      peak = high
      least = high
      i++
      k = 1 < top ? 1 : top
    } else k -= k > 1 ? 2 : 1
  }
  store<f64>(state, least)
  store<f64>(state, -peak, 8)
  store<f64>(state, ratio, 16)
}

/** Takes one more equity into `state`, exactly. */
function walkEquity(equity: f64, state: usize): void {
  const peak = -load<f64>(state, 8)
  const least = load<f64>(state)
  if (equity > peak) {
    if (least < peak * load<f64>(state, 16)) store<f64>(state, least / peak, 16)
    store<f64>(state, equity)
    store<f64>(state, -equity, 8)
  } else if (equity < least) store<f64>(state, equity)
}

/** r and r^2. */
// @ts-ignore: decorator
@inline
function twice(r: f64): v128 {
  return f64x2.replace_lane(f64x2.splat(r), 1, r * r)
}

// `folded`: entries and exits are costRecords. Else they are computed from priceRecords and `fill`, or `given` exits.
// @ts-ignore: decorator
@inline
function long(
  list: usize, count: i32, lag: i32, end: i32, records: usize, fill: usize, entries: usize, exits: usize,
  table: usize, stride: usize, top: i32, prices: usize, settings: usize, out: usize,
  foldedEntry: bool, foldedExit: bool, given: bool,
): void {
  const initial = load<f64>(settings)
  const buy = load<f64>(settings, 8)
  const sell = load<f64>(settings, 16)
  const rate = load<f64>(settings, 24)
  const cost = buy * (1 + rate)
  const keep = 1 - rate
  const net = sell * keep
  const zero = f64x2.splat(0)
  const flip = f64x2.replace_lane(f64x2.splat(1), 1, -1)
  const saved = out + SAVED
  let sums = v128.load(saved) // r, r^2
  let losses = v128.load(saved, 16) // min(r, 0)^2; the second lane is of no use
  let cash = load<f64>(saved, 32)
  let wonLost = v128.load(saved, 48)
  let wins = i64x2.splat(i64(load<f64>(saved, 64)))
  let brought = load<f64>(saved, 40)
  let held = i32(load<f64>(saved, 72))
  let state = v128.load(saved, 96) // least equity since the peak, -peak
  const course = out + 128
  store<f64>(course, load<f64>(saved, 88), 16)
  const closed = count >> 1
  const before = load<f64>(saved, 80)
  const last = list + (<usize>closed << 3)
  while (list < last) {
    let walk = false
    let size = zero
    // The loop over trades without a new high (or beyond the table) stands by itself: with a call in it V8 keeps its state on the stack.
    while (list < last) {
      const from = load<i32>(list) + lag
      const to = load<i32>(list, 4) + lag
      list += 8
      let enter: v128
      let enter2: v128
      let unit: f64
      if (foldedEntry) {
        const entry = entries + (<usize>from << 5)
        enter = v128.load(entry)
        enter2 = v128.load(entry, 16)
        unit = 1 / f64x2.extract_lane(enter2, 1)
      } else {
        const record = records + (<usize>from << 5)
        const paid = load<f64>(fill + (<usize>from << 3)) * cost
        const r = load<f64>(record, 56) / paid - 1
        enter = f64x2.sub(v128.load(record, 32), twice(r))
        enter2 = f64x2.replace_lane(f64x2.splat(load<f64>(record, 48) - (r < 0 ? r * r : 0)), 1, paid)
        unit = 1 / paid
      }
      let leave: v128
      let leave2: v128
      if (foldedExit) {
        const exit = exits + (<usize>to << 5)
        leave = v128.load(exit)
        leave2 = v128.load(exit, 16)
      } else {
        const record = records + (<usize>to << 5)
        const got = given ? load<f64>(prices) * keep : load<f64>(fill + (<usize>to << 3)) * net
        if (given) prices += 8
        const r = got / load<f64>(record, 24) - 1
        leave = f64x2.add(v128.load(record), twice(r))
        leave2 = f64x2.replace_lane(f64x2.splat(load<f64>(record, 16) + (r < 0 ? r * r : 0)), 1, got)
      }
      sums = f64x2.add(sums, f64x2.sub(leave, enter))
      const change = f64x2.sub(leave2, enter2) // losses, got - paid
      losses = f64x2.add(losses, change)

      size = f64x2.splat(cash * unit)
      cash = cash * (unit * f64x2.extract_lane(leave2, 1))
      const gain = f64x2.mul(f64x2.mul(v128.shuffle<i64>(change, change, 1, 1), size), flip)
      wonLost = f64x2.add(wonLost, f64x2.pmax(zero, gain))
      wins = i64x2.sub(wins, f64x2.gt(gain, zero))
      brought += cash
      held += to - from

      const k = 31 - i32(clz(to - from))
      walk = k > top
      if (walk) break
      const level = table + <usize>k * stride
      const range = f64x2.pmin(
        v128.load(level + (<usize>from << 4)),
        v128.load(level + (<usize>to << 4) - (<usize>16 << k)),
      )
      const least = f64x2.pmin(f64x2.mul(range, size), f64x2.mul(f64x2.splat(cash), flip))
      walk = (i64x2.bitmask(f64x2.lt(least, state)) & 2) != 0
      if (walk) break
      state = f64x2.pmin(state, least)
    }
    if (walk) {
      v128.store(course, state)
      const from = load<i32>(list - 8) + lag
      const to = load<i32>(list - 4) + lag
      walkHighs(table, stride, top, from, to, f64x2.extract_lane(size, 0), course)
      walkEquity(cash, course)
      state = v128.load(course)
    }
  }
  v128.store(saved, sums)
  v128.store(saved, losses, 16)
  store<f64>(saved, cash, 32)
  store<f64>(saved, brought, 40)
  v128.store(saved, wonLost, 48)
  store<f64>(saved, f64(i64x2.extract_lane(wins, 0)), 64)
  store<f64>(saved, held, 72)
  store<f64>(saved, before + closed, 80)
  store<f64>(saved, load<f64>(course, 16), 88)
  v128.store(saved, state, 96)
  // Every trade spends all cash, so what is traded follows from what the sales brought.
  let spent = initial + brought - cash
  let equity = cash
  if (count & 1) {
    const from = load<i32>(list) + lag
    const record = records + (<usize>from << 5)
    const final = records + (<usize>end << 5)
    const paid = load<f64>(fill + (<usize>from << 3)) * cost
    const r = load<f64>(record, 56) / paid - 1
    sums = f64x2.add(sums, f64x2.add(f64x2.sub(v128.load(final), v128.load(record, 32)), twice(r)))
    losses = f64x2.add(losses, f64x2.sub(v128.load(final, 16), v128.load(record, 48)))
    losses = f64x2.add(losses, f64x2.splat(r < 0 ? r * r : 0))
    const size = cash / paid
    spent += cash
    held += end - from
    equity = size * load<f64>(final, 24)
    v128.store(course, state)
    walkHighs(table, stride, top, from, end, size, course)
    state = v128.load(course)
  }
  const lastRatio = f64x2.extract_lane(state, 0) / -f64x2.extract_lane(state, 1)
  const ratio = load<f64>(course, 16)
  const traded = spent / (1 + rate) + brought / keep
  v128.store(out, sums)
  store<f64>(out, f64x2.extract_lane(losses, 0), 16)
  store<f64>(out, equity, 24)
  v128.store(out, wonLost, 32)
  store<f64>(out, traded, 48)
  store<f64>(out, held, 56)
  store<f64>(out, f64(i64x2.extract_lane(wins, 0)), 64)
  store<f64>(out, before + closed, 72)
  store<f64>(out, before + closed + (count & 1), 80)
  store<f64>(out, lastRatio < ratio ? lastRatio : ratio, 88)
  store<f64>(out, traded * rate, 96)
  store<f64>(out, 0, 120)
}

/**
 * Long positions that take all cash, without fixed fee: then equity goes as the price, so a holding's returns are
 * differences of prefix sums and its lows and highs two loads of a table. `prices` 0: exits at the fill prices;
 * else the price of every exit, slippage included.
 */
export function accountLong(
  list: usize, count: i32, lag: i32, end: i32, records: usize, fill: usize, entries: usize, exits: usize,
  table: usize, stride: usize, top: i32, prices: usize, settings: usize, out: usize,
): void {
  if (prices)
    long(list, count, lag, end, records, fill, entries, exits, table, stride, top, prices, settings, out, true, false, true)
  else long(list, count, lag, end, records, fill, entries, exits, table, stride, top, 0, settings, out, true, true, false)
}

/** The same for costs that no costRecords were made for. */
export function accountLongOwnCosts(
  list: usize, count: i32, lag: i32, end: i32, records: usize, fill: usize,
  table: usize, stride: usize, top: i32, prices: usize, settings: usize, out: usize,
): void {
  if (prices)
    long(list, count, lag, end, records, fill, 0, 0, table, stride, top, prices, settings, out, false, false, true)
  else long(list, count, lag, end, records, fill, 0, 0, table, stride, top, 0, settings, out, false, false, false)
}

/** Adds the sums of r^3 and r^4 to the row of accountLong: `sums` of prefixMoments, `prices` 0 or as above. */
export function accountLongMoments(
  list: usize, count: i32, lag: i32, end: i32, records: usize, fill: usize, sums: usize, prices: usize,
  settings: usize, out: usize,
): void {
  const cost = load<f64>(settings, 8) * (1 + load<f64>(settings, 24))
  const keep = 1 - load<f64>(settings, 24)
  const net = load<f64>(settings, 16) * keep
  const saved = out + SAVED
  let total = v128.load(saved, 112)
  for (let t = 0; t < count; t += 2) {
    const from = load<i32>(list + (<usize>t << 2)) + lag
    const open = t + 1 == count
    if (open) v128.store(saved, total, 112)
    const to = open ? end : load<i32>(list + (<usize>t << 2), 4) + lag
    const r = load<f64>(records + (<usize>from << 5), 56) / (load<f64>(fill + (<usize>from << 3)) * cost) - 1
    const r3 = r * r * r
    total = f64x2.add(total, f64x2.replace_lane(f64x2.splat(r3), 1, r3 * r))
    total = f64x2.add(total, f64x2.sub(v128.load(sums + (<usize>to << 4) - 16), v128.load(sums + (<usize>from << 4))))
    if (!open) {
      const got = prices ? load<f64>(prices + (<usize>t << 2)) * keep : load<f64>(fill + (<usize>to << 3)) * net
      const x = got / load<f64>(records + (<usize>to << 5), 24) - 1
      const x3 = x * x * x
      total = f64x2.add(total, f64x2.replace_lane(f64x2.splat(x3), 1, x3 * x))
    }
  }
  if ((count & 1) == 0) v128.store(saved, total, 112)
  v128.store(out, total, 104)
}
