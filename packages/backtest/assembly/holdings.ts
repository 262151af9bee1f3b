// The exact form: what any trades come to, bar by bar within the holdings. Rows and settings as in account.ts.
//
// Sums begin at what stands at `out` + 256, and what they are after the last closed trade is left there: 0 sum r,
// 1 sum r^2, 2 sum min(r, 0)^2, 3 sum r^3, 4 sum r^4, 5 cash, 6 peak, 7 least equity since, 8 least equity / peak,
// 9 cash won, 10 cash lost, 11 trades won, 12 traded value, 13 fees, 14 bars in a position, 15 trades closed, 16 equity
// at the last bar seen; 17 to 19, units, price and fee of the position that the exit reversed into, 20 whether it did;
// at 21 the number of int32 in `list` up to there.

const FAILED: f64 = 1
const SAVED: usize = 256

// @ts-ignore: decorator
@inline
function fail(out: usize): void {
  store<f64>(out, FAILED, 120)
}

/**
 * Any sizing, either side, fixed fees. Status 1 where a case comes up that it leaves to the bar-by-bar simulator: no
 * cash for an order, equity at or below zero, a short near its liquidation.
 *
 * `list` holds pairs as of walkTrades (bit 31 of the first: short); `short` 1: all are. `prices` 0: exits at `fill`.
 */
export function accountHoldings(
  list: usize, count: i32, lag: i32, end: i32, fill: usize, close: usize, high: usize, prices: usize,
  settings: usize, out: usize, short: i32, moments: i32,
): void {
  const buy = load<f64>(settings, 8)
  const sell = load<f64>(settings, 16)
  const rate = load<f64>(settings, 24)
  const fixed = load<f64>(settings, 32)
  const fraction = load<f64>(settings, 40)
  const quantity = load<f64>(settings, 48)
  const liquidation = load<f64>(settings, 56) != 0
  const all = quantity == 0 && fraction == 1
  const cost = 1 + rate
  const saved = out + SAVED
  let sum = load<f64>(saved)
  let sum2 = load<f64>(saved, 8)
  let sumLoss = load<f64>(saved, 16)
  let sum3 = load<f64>(saved, 24)
  let sum4 = load<f64>(saved, 32)
  let cash = load<f64>(saved, 40)
  let equity = load<f64>(saved, 128) // at the last bar seen
  let peak = load<f64>(saved, 48)
  let least = load<f64>(saved, 56)
  let ratio = load<f64>(saved, 64)
  let won = load<f64>(saved, 72)
  let lost = load<f64>(saved, 80)
  let wins = i32(load<f64>(saved, 88))
  let traded = load<f64>(saved, 96)
  let fees = load<f64>(saved, 104)
  let held = i32(load<f64>(saved, 112))
  const before = i32(load<f64>(saved, 120))
  store<f64>(saved, 0, 168)
  let size = load<f64>(saved, 136)
  let price = load<f64>(saved, 144)
  let entryFee = load<f64>(saved, 152)
  let reversed = load<f64>(saved, 160) != 0
  for (let t = 0; t < count; t += 2) {
    const code = load<i32>(list)
    const long = short == 0 && code >= 0
    const from = (code & 0x7fffffff) + lag
    const last = t + 1 == count
    const to = last ? end : load<i32>(list, 4) + lag
    if (!reversed) {
      const raw = load<f64>(fill + (<usize>from << 3))
      if (long) {
        price = raw * buy
        size = quantity > 0 ? quantity : (fraction * cash - fixed) / cost / price
        let fee = size * price * rate + fixed
        if (all || size * price + fee > cash) {
          size = (cash - fixed) / cost / price
          fee = size * price * rate + fixed
          cash = 0
        } else cash = cash - size * price - fee
        entryFee = fee
      } else {
        price = raw * sell
        size = quantity > 0 ? quantity : (fraction * (cash - fixed)) / (price * cost)
        entryFee = size * price * rate + fixed
        if (size * price - entryFee < 0) return fail(out)
        cash = cash + size * price - entryFee
      }
      if (!(size > 0)) return fail(out)
      traded += size * price
      fees += entryFee
    }
    held += to - from

    const position = long ? size : -size
    const earlier = equity
    equity = cash + position * load<f64>(close + (<usize>from << 3))
    const r = (equity - earlier) / earlier
    sum += r
    sum2 += r * r
    if (r < 0) sumLoss += r * r
    if (moments) {
      sum3 += r * r * r
      sum4 += r * r * r * r
    }
    // The bars within: two at a time.
    const vCash = f64x2.splat(cash)
    const vPosition = f64x2.splat(position)
    const zero = f64x2.splat(0)
    let low = f64x2.splat(equity)
    let top = low
    let vSum = zero
    let vSum2 = zero
    let vLoss = zero
    let vSum3 = zero
    let vSum4 = zero
    let i = from + 1
    for (; i + 1 < to; i += 2) {
      const at = close + (<usize>i << 3)
      const now = f64x2.add(vCash, f64x2.mul(vPosition, v128.load(at)))
      const old = f64x2.add(vCash, f64x2.mul(vPosition, v128.load(at - 8)))
      const x = f64x2.div(f64x2.sub(now, old), old)
      const x2 = f64x2.mul(x, x)
      vSum = f64x2.add(vSum, x)
      vSum2 = f64x2.add(vSum2, x2)
      const n = f64x2.pmin(zero, x)
      vLoss = f64x2.add(vLoss, f64x2.mul(n, n))
      if (moments) {
        vSum3 = f64x2.add(vSum3, f64x2.mul(x2, x))
        vSum4 = f64x2.add(vSum4, f64x2.mul(x2, x2))
      }
      low = f64x2.pmin(low, now)
      top = f64x2.pmax(top, now)
    }
    if (i < to) {
      const at = close + (<usize>i << 3)
      const now = cash + position * load<f64>(at)
      const old = cash + position * load<f64>(at - 8)
      const x = (now - old) / old
      sum += x
      sum2 += x * x
      if (x < 0) sumLoss += x * x
      if (moments) {
        sum3 += x * x * x
        sum4 += x * x * x * x
      }
      low = f64x2.pmin(low, f64x2.splat(now))
      top = f64x2.pmax(top, f64x2.splat(now))
    }
    sum += f64x2.extract_lane(vSum, 0) + f64x2.extract_lane(vSum, 1)
    sum2 += f64x2.extract_lane(vSum2, 0) + f64x2.extract_lane(vSum2, 1)
    sumLoss += f64x2.extract_lane(vLoss, 0) + f64x2.extract_lane(vLoss, 1)
    if (moments) {
      sum3 += f64x2.extract_lane(vSum3, 0) + f64x2.extract_lane(vSum3, 1)
      sum4 += f64x2.extract_lane(vSum4, 0) + f64x2.extract_lane(vSum4, 1)
    }
    const lowest = min(f64x2.extract_lane(low, 0), f64x2.extract_lane(low, 1))
    if (!(lowest > 0)) return fail(out)
    if (max(f64x2.extract_lane(top, 0), f64x2.extract_lane(top, 1)) > peak) {
      for (let k = from; k < to; k++) {
        const value = cash + position * load<f64>(close + (<usize>k << 3))
        if (value > peak) {
          if (least < peak * ratio) ratio = least / peak
          peak = value
          least = value
        } else if (value < least) least = value
      }
    } else if (lowest < least) least = lowest
    if (!long && liquidation) {
      const ruin = ((cash - fixed) / (size * buy * cost)) * (1 - 1e-9)
      const stop = to < end ? to : end - 1
      for (let k = from; k <= stop; k++) if (load<f64>(high + (<usize>k << 3)) >= ruin) return fail(out)
    }
    equity = cash + position * load<f64>(close + (<usize>to << 3) - 8)
    if (last) break

    const exit = prices ? load<f64>(prices) : load<f64>(fill + (<usize>to << 3)) * (long ? sell : buy)
    if (prices) prices += 8
    list += 8
    reversed = t + 2 < count && (load<i32>(list) & 0x7fffffff) + lag == to
    let closing: f64 = 0
    if (!reversed) {
      const fee = size * exit * rate + fixed
      if (long) {
        if (size * exit - fee < 0) return fail(out)
        cash = cash + size * exit - fee
      } else {
        if (size * exit + fee > cash) return fail(out)
        cash = cash - size * exit - fee
      }
      closing = fee
      traded += size * exit
      fees += fee
      if (!(cash > 0)) return fail(out)
      const x = (cash - equity) / equity
      equity = cash
      sum += x
      sum2 += x * x
      if (x < 0) sumLoss += x * x
      if (moments) {
        sum3 += x * x * x
        sum4 += x * x * x * x
      }
      if (cash > peak) {
        if (least < peak * ratio) ratio = least / peak
        peak = cash
        least = cash
      } else if (cash < least) least = cash
    }
    let opening: f64 = 0
    let openingFee: f64 = 0
    if (reversed) {
      if (long) {
        const free = cash + size * exit * (1 - rate)
        opening = quantity > 0 ? quantity : (fraction * (free - fixed)) / (exit * cost)
      } else if (all) opening = (cash - fixed) / cost / exit - size
      else opening = quantity > 0 ? quantity : (fraction * (cash - size * exit * cost) - fixed) / cost / exit
      if (!(opening > 0)) return fail(out)
      const total = size + opening
      const fee = total * exit * rate + fixed
      if (long) {
        if (total * exit - fee < 0) return fail(out)
        cash = cash + total * exit - fee
      } else if (all) cash = 0
      else {
        if (total * exit + fee > cash) return fail(out)
        cash = cash - total * exit - fee
      }
      closing = fee * (size / total)
      openingFee = fee - closing
      traded += total * exit
      fees += fee
    }
    const pnl = (long ? exit - price : price - exit) * size - entryFee - closing
    if (pnl > 0) {
      won += pnl
      wins++
    } else lost -= pnl
    store<f64>(saved, sum)
    store<f64>(saved, sum2, 8)
    store<f64>(saved, sumLoss, 16)
    store<f64>(saved, sum3, 24)
    store<f64>(saved, sum4, 32)
    store<f64>(saved, cash, 40)
    store<f64>(saved, peak, 48)
    store<f64>(saved, least, 56)
    store<f64>(saved, ratio, 64)
    store<f64>(saved, won, 72)
    store<f64>(saved, lost, 80)
    store<f64>(saved, wins, 88)
    store<f64>(saved, traded, 96)
    store<f64>(saved, fees, 104)
    store<f64>(saved, held, 112)
    store<f64>(saved, before + (t >> 1) + 1, 120)
    store<f64>(saved, equity, 128)
    store<f64>(saved, opening, 136)
    store<f64>(saved, exit, 144)
    store<f64>(saved, openingFee, 152)
    store<f64>(saved, reversed ? 1 : 0, 160)
    store<f64>(saved, t + 2, 168)
    size = opening
    price = exit
    entryFee = openingFee
  }
  const final = least / peak
  store<f64>(out, sum)
  store<f64>(out, sum2, 8)
  store<f64>(out, sumLoss, 16)
  store<f64>(out, equity, 24)
  store<f64>(out, won, 32)
  store<f64>(out, lost, 40)
  store<f64>(out, traded, 48)
  store<f64>(out, held, 56)
  store<f64>(out, wins, 64)
  store<f64>(out, before + (count >> 1), 72)
  store<f64>(out, before + (count >> 1) + (count & 1), 80)
  store<f64>(out, final < ratio ? final : ratio, 88)
  store<f64>(out, fees, 96)
  store<f64>(out, sum3, 104)
  store<f64>(out, sum4, 112)
  store<f64>(out, 0, 120)
}
