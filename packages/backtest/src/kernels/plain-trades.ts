import type { Kernels } from './kernel-set.ts'
import type { PlainMemory } from './plain-memory.ts'

type TradeKernels = Pick<Kernels, 'countSets' | 'latchEvents' | 'stopTrades' | 'walkTrades'>

const SHORT = 0x80000000 | 0

/** From bit sets to trades, in plain TypeScript: a loop over the bars, and over set bits. */
export function createPlainTrades(memory: PlainMemory): TradeKernels {
  const bit = (bits: number, i: number): boolean => ((memory.u32[(bits >>> 2) + (i >>> 5)] >>> (i & 31)) & 1) === 1
  const nextBit = (bits: number, from: number, to: number): number => {
    if (from >= to) return to
    const { u32 } = memory
    const last = (to - 1) >>> 5
    let w = from >>> 5
    let word = u32[(bits >>> 2) + w] & (0xffffffff << (from & 31))
    while (word === 0) {
      if (++w > last) return to
      word = u32[(bits >>> 2) + w]
    }
    return Math.min(to, w * 32 + 31 - Math.clz32(word & -word))
  }
  return {
    latchEvents(on, off, from, to, state, out) {
      const { u32, i32 } = memory
      let set = state === 1
      let at = out >>> 2
      for (let w = from >>> 5; w * 32 < to; w++) {
        const e = u32[(on >>> 2) + w]
        const x = u32[(off >>> 2) + w]
        let either = e ^ x
        if (w === from >>> 5) either &= 0xffffffff << (from & 31)
        while (either !== 0) {
          const k = 31 - Math.clz32(either & -either)
          either &= either - 1
          const i = w * 32 + k
          if (i >= to) break
          const enters = ((e >>> k) & 1) === 1
          if (enters !== set) {
            set = enters
            i32[at++] = i
          }
        }
      }
      return at - (out >>> 2)
    },
    countSets(on, off, from, to) {
      const { u32 } = memory
      let count = 0
      for (let i = from; i < to; i++) {
        const w = i >>> 5
        count += ((u32[(on >>> 2) + w] & ~u32[(off >>> 2) + w]) >>> (i & 31)) & 1
      }
      return count
    },
    stopTrades(list, count, lag, end, short, open, fill, table, stride, top, rules, prices) {
      const { f64, i32 } = memory
      const [buy, sell, loss, gain, slip] = f64.subarray(rules >>> 3, (rules >>> 3) + 5)
      const firstHit = createFirstHit(memory, table, stride, top)
      const long = short === 0
      let at = list >>> 2
      const stop = at + count
      for (let price = prices >>> 3; at < stop; at += 2, price++) {
        const from = i32[at] + lag
        const to = at + 1 < stop ? i32[at + 1] + lag : end
        const last = Math.min(to, end - 1)
        const entry = f64[(fill >>> 3) + from] * (long ? buy : sell)
        const low = entry * (1 - (long ? loss : gain))
        const high = entry * (1 + (long ? gain : loss))
        const bar = from < last ? firstHit(from + 1, last, low, -high) : -1
        i32[at] = from
        i32[at + 1] = bar >= 0 ? bar : to
        if (bar >= 0) {
          const o = f64[(open >>> 3) + bar]
          const row = (table >>> 3) + bar * 2
          // A stop loss before a target, and at the open where it is beyond the level.
          const falls = long ? f64[row] <= low : !(f64[row + 1] <= -high)
          f64[price] = (falls ? (o < low ? o : low) : o > high ? o : high) * (long ? 1 - slip : 1 + slip)
        } else if (to < end) f64[price] = f64[(fill >>> 3) + to] * (long ? sell : buy)
      }
      const written = at - (list >>> 2)
      return written > 0 && i32[at - 1] >= end ? written - 1 : written
    },
    walkTrades(
      wait,
      leaveLong,
      leaveShort,
      goLong,
      goShort,
      from,
      to,
      end,
      lag,
      open,
      fill,
      table,
      stride,
      top,
      rules,
      stopColumn,
      targetColumn,
      list,
      prices,
    ) {
      const { f64, i32 } = memory
      const [buy, sell, loss, gain, slip, limit] = f64.subarray(rules >>> 3, (rules >>> 3) + 6)
      const stops = loss === loss || gain === gain || (stopColumn | targetColumn) !== 0
      const ranges = stops ? createFirstHit(memory, table, stride, top) : undefined
      let at = list >>> 2
      let price = prices >>> 3
      let due = from
      for (;;) {
        let signal = nextBit(wait, due, to)
        if (signal >= to) break
        let long = goShort === 0 || (goLong !== 0 && bit(goLong, signal))
        for (;;) {
          const entry = signal + lag
          i32[at] = long ? entry : entry | SHORT
          let leave = nextBit(long ? leaveLong : leaveShort, signal + 1, to)
          let timed = false
          if (limit > 0 && entry + limit <= leave && entry + limit < to) {
            leave = entry + limit
            timed = true
          }
          const exit = leave < to ? leave + lag : end
          if (ranges !== undefined) {
            const from_ = f64[(fill >>> 3) + entry] * (long ? buy : sell)
            const sign = long ? -1 : 1
            const distance = (column: number): number => {
              const value = f64[(column >>> 3) + signal]
              return value > 0 ? value : NaN
            }
            const stop = stopColumn !== 0 ? from_ + sign * distance(stopColumn) : from_ * (1 + sign * loss)
            const target = targetColumn !== 0 ? from_ - sign * distance(targetColumn) : from_ * (1 - sign * gain)
            const low = long ? stop : target
            const high = long ? target : stop
            const last = Math.min(exit, end - 1)
            const bar = entry < last ? ranges(entry + 1, last, low, -high) : -1
            if (bar >= 0) {
              const o = f64[(open >>> 3) + bar]
              const stopped = long ? f64[(table >>> 3) + bar * 2] <= stop : -f64[(table >>> 3) + bar * 2 + 1] >= stop
              const level = stopped ? stop : target
              const raw = (stopped === long ? o <= level : o >= level) ? o : level
              f64[price++] = raw * (long ? 1 - slip : 1 + slip)
              i32[at + 1] = bar
              at += 2
              due = bar + 1 - lag
              break
            }
          }
          if (leave >= to) return at + 1 - (list >>> 2)
          f64[price++] = f64[(fill >>> 3) + exit] * (long ? sell : buy)
          i32[at + 1] = exit
          at += 2
          if (timed || !(long ? goShort !== 0 && bit(goShort, leave) : goLong !== 0 && bit(goLong, leave))) {
            due = leave + 1
            break
          }
          signal = leave
          long = !long
        }
      }
      return at - (list >>> 2)
    },
  }
}

/** First bar from `from` to `to` with low <= `low` or -high <= `high`, -1 where there is none. */
function createFirstHit(
  memory: PlainMemory,
  table: number,
  stride: number,
  top: number,
): (from: number, to: number, low: number, high: number) => number {
  const { f64 } = memory
  const base = table >>> 3
  const step = stride >>> 3
  return (from, to, low, high) => {
    const hit = (k: number, i: number): boolean => {
      const at = base + k * step + i * 2
      return f64[at] <= low || f64[at + 1] <= high
    }
    let i = from
    let k = 0
    while (!hit(k, i)) {
      i += 1 << k
      if (i > to) return -1
      if (k < top) k++
    }
    while (k > 0) {
      k--
      if (!hit(k, i)) i += 1 << k
    }
    return i <= to ? i : -1
  }
}
