import { DrawdownCourse } from './drawdown-course.ts'
import type { Kernels } from './kernel-set.ts'
import type { PlainMemory } from './plain-memory.ts'

/** Where sums begin and are left, from `out` on: see assembly/holdings.ts. */
const SAVED = 256

/** What any trades come to, bar by bar within the holdings, in plain TypeScript. */
export function createPlainHoldings(memory: PlainMemory): Pick<Kernels, 'accountHoldings'> {
  return {
    accountHoldings(list, count, lag, end, fill, close, high, prices, settings, out, short) {
      const { f64, i32 } = memory
      const [, buy, sell, rate, fixed, fraction, quantity, liquidation] = f64.subarray(
        settings >>> 3,
        (settings >>> 3) + 8,
      )
      const all = quantity === 0 && fraction === 1
      const cost = 1 + rate
      const saved = f64.subarray((out + SAVED) >>> 3, ((out + SAVED) >>> 3) + 22)
      const course = new DrawdownCourse({ peak: saved[6], least: saved[7], ratio: saved[8] })
      const row = new Float64Array(16)
      row.set(saved.subarray(0, 3))
      row.set([saved[9], saved[10], saved[12], saved[14], saved[11]], 4)
      row.set([saved[13], saved[3], saved[4]], 12)
      const [, , , , , , , , , , , , , , , before] = saved
      let [, , , , , cash] = saved
      let [equity, size, price, entryFee] = saved.subarray(16)
      let reversed = saved[20] !== 0
      saved[21] = 0
      const save = (t: number): void => {
        const { peak, least, ratio } = course.save()
        const [sum, sum2, sumLoss, , won, lost, traded, held, wins] = row
        const sums = [sum, sum2, sumLoss, row[13], row[14]]
        const closed = before + (t >>> 1) + 1
        saved.set([...sums, cash, peak, least, ratio, won, lost, wins, traded, row[12], held, closed])
        saved.set([equity, size, price, entryFee, reversed ? 1 : 0, t + 2], 16)
      }
      const add = (value: number): void => {
        const r = (value - equity) / equity
        equity = value
        row[0] += r
        row[1] += r * r
        if (r < 0) row[2] += r * r
        row[13] += r * r * r
        row[14] += r * r * r * r
        course.add(value)
      }
      const order = (units: number, at: number, fee: number): void => {
        row[6] += units * at
        row[12] += fee
      }
      const fail = (): void => {
        f64[(out >>> 3) + 15] = 1
      }
      for (let t = 0; t < count; t += 2) {
        const code = i32[(list >>> 2) + t]
        const long = short === 0 && code >= 0
        const from = (code & 0x7fffffff) + lag
        const last = t + 1 === count
        const to = last ? end : i32[(list >>> 2) + t + 1] + lag
        if (!reversed) {
          const raw = f64[(fill >>> 3) + from]
          price = raw * (long ? buy : sell)
          const given = long ? (fraction * cash - fixed) / cost / price : (fraction * (cash - fixed)) / (price * cost)
          size = quantity > 0 ? quantity : given
          entryFee = size * price * rate + fixed
          if (long) {
            if (all || size * price + entryFee > cash) {
              size = (cash - fixed) / cost / price
              entryFee = size * price * rate + fixed
              cash = 0
            } else cash = cash - size * price - entryFee
          } else {
            if (size * price - entryFee < 0) return fail()
            cash = cash + size * price - entryFee
          }
          if (!(size > 0)) return fail()
          order(size, price, entryFee)
        }
        row[7] += to - from
        const position = long ? size : -size
        for (let i = from; i < to; i++) {
          const value = cash + position * f64[(close >>> 3) + i]
          if (!(value > 0)) return fail()
          add(value)
        }
        if (!long && liquidation !== 0) {
          const ruin = ((cash - fixed) / (size * buy * cost)) * (1 - 1e-9)
          const stop = Math.min(to, end - 1)
          for (let i = from; i <= stop; i++) if (f64[(high >>> 3) + i] >= ruin) return fail()
        }
        if (last) break
        const exit = prices !== 0 ? f64[(prices >>> 3) + (t >>> 1)] : f64[(fill >>> 3) + to] * (long ? sell : buy)
        reversed = t + 2 < count && (i32[(list >>> 2) + t + 2] & 0x7fffffff) + lag === to
        let opening = 0
        if (reversed) {
          if (quantity > 0) opening = quantity
          else if (long) opening = (fraction * (cash + size * exit * (1 - rate) - fixed)) / (exit * cost)
          else if (all) opening = (cash - fixed) / cost / exit - size
          else opening = (fraction * (cash - size * exit * cost) - fixed) / cost / exit
          if (!(opening > 0)) return fail()
        }
        const total = size + opening
        const fee = total * exit * rate + fixed
        if (long) {
          if (total * exit - fee < 0) return fail()
          cash = cash + total * exit - fee
        } else if (reversed && all) cash = 0
        else {
          if (total * exit + fee > cash) return fail()
          cash = cash - total * exit - fee
        }
        order(total, exit, fee)
        const closing = fee * (size / total)
        const pnl = (long ? exit - price : price - exit) * size - entryFee - closing
        if (pnl > 0) {
          row[4] += pnl
          row[8]++
        } else row[5] -= pnl
        if (!reversed) {
          if (!(cash > 0)) return fail()
          add(cash)
        }
        size = opening
        price = exit
        entryFee = fee - closing
        save(t)
      }
      row[3] = equity
      row[9] = before + (count >> 1)
      row[10] = row[9] + (count & 1)
      row[11] = course.ratio
      f64.set(row, out >>> 3)
    },
  }
}
