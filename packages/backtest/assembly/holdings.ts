// The exact form: what any trades come to, bar by bar within the holdings. Rows and settings as in account.ts.

const FAILED: f64 = 1

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
  const initial = load<f64>(settings)
  const buy = load<f64>(settings, 8)
  const sell = load<f64>(settings, 16)
  const rate = load<f64>(settings, 24)
  const fixed = load<f64>(settings, 32)
  const fraction = load<f64>(settings, 40)
  const quantity = load<f64>(settings, 48)
  const liquidation = load<f64>(settings, 56) != 0
  const all = quantity == 0 && fraction == 1
  const cost = 1 + rate
  let sum: f64 = 0
  let sum2: f64 = 0
  let sumLoss: f64 = 0
  let sum3: f64 = 0
  let sum4: f64 = 0
  let cash = initial
  let equity = initial // at the last bar seen
  let peak = initial
  let least = initial
  let ratio: f64 = 1
  let won: f64 = 0
  let lost: f64 = 0
  let wins = 0
  let traded: f64 = 0
  let fees: f64 = 0
  let held = 0
  let size: f64 = 0
  let price: f64 = 0
  let entryFee: f64 = 0
  let reversed = false
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
    const before = equity
    equity = cash + position * load<f64>(close + (<usize>from << 3))
    const r = (equity - before) / before
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
  store<f64>(out, count >> 1, 72)
  store<f64>(out, (count >> 1) + (count & 1), 80)
  store<f64>(out, final < ratio ? final : ratio, 88)
  store<f64>(out, fees, 96)
  store<f64>(out, sum3, 104)
  store<f64>(out, sum4, 112)
  store<f64>(out, 0, 120)
}
