import { DrawdownCourse } from './drawdown-course.ts'
import type { Kernels } from './kernel-set.ts'
import type { PlainMemory } from './plain-memory.ts'

/** Where sums begin and are left, from `out` on: see assembly/account.ts. */
const SAVED = 256

type AccountKernels = Pick<Kernels, 'accountLong' | 'accountLongOwnCosts' | 'accountLongMoments'>

/** What trades come to where equity goes as the price, in plain TypeScript. */
export function createPlainAccount(memory: PlainMemory): AccountKernels {
  const own: Kernels['accountLongOwnCosts'] = (
    list,
    count,
    lag,
    end,
    records,
    fill,
    table,
    stride,
    top,
    prices,
    settings,
    out,
  ) => {
    const { f64, i32 } = memory
    const [initial, buy, sell, rate] = f64.subarray(settings >>> 3, (settings >>> 3) + 4)
    const cost = buy * (1 + rate)
    const keep = 1 - rate
    const r0 = records >>> 3
    const saved = f64.subarray((out + SAVED) >>> 3, ((out + SAVED) >>> 3) + 16)
    let [sum, sum2, sumLoss, , cash, brought, won, lost, wins, held] = saved
    const [, , , , , , , , , , before] = saved
    const course = new DrawdownCourse({ ratio: saved[11], least: saved[12], peak: -saved[13] })
    const save = (): void => {
      const { ratio, least, peak } = course.save()
      saved.set([sum, sum2, sumLoss, 0, cash, brought, won, lost, wins, held, before + closed, ratio, least, -peak])
    }
    const closed = count >> 1
    let equity = cash
    for (let t = 0; t < count; t += 2) {
      const from = i32[(list >>> 2) + t] + lag
      const open = t + 1 === count
      if (open) save()
      const to = open ? end : i32[(list >>> 2) + t + 1] + lag
      const first = r0 + from * 4
      const last = r0 + to * 4
      const paid = f64[(fill >>> 3) + from] * cost
      const r = f64[first + 7] / paid - 1
      sum += f64[last] - (f64[first + 4] - r)
      sum2 += f64[last + 1] - (f64[first + 5] - r * r)
      sumLoss += f64[last + 2] - (f64[first + 6] - (r < 0 ? r * r : 0))
      const unit = 1 / paid
      const size = cash * unit
      held += to - from
      course_(memory, course, table, stride, top, from, to, size)
      if (open) {
        equity = size * f64[last + 3]
        break
      }
      const got = prices !== 0 ? f64[(prices >>> 3) + (t >>> 1)] * keep : f64[(fill >>> 3) + to] * (sell * keep)
      const x = got / f64[last + 3] - 1
      sum += x
      sum2 += x * x
      if (x < 0) sumLoss += x * x
      const gain = (got - paid) * size
      if (gain > 0) {
        won += gain
        wins++
      } else lost -= gain
      cash = cash * (unit * got)
      equity = cash
      brought += cash
      course.add(cash)
    }
    if ((count & 1) === 0) save()
    // Every trade spends all cash, so what is traded follows from what the sales brought.
    const spent = initial + brought - cash + ((count & 1) === 0 ? 0 : cash)
    const traded = spent / (1 + rate) + brought / keep
    const ended = before + closed
    const row = [sum, sum2, sumLoss, equity, won, lost, traded, held, wins, ended, ended + (count & 1), course.ratio]
    f64.set([...row, traded * rate, 0, 0, 0], out >>> 3)
  }
  return {
    accountLong: (list, count, lag, end, records, fill, _entries, _exits, table, stride, top, prices, settings, out) =>
      own(list, count, lag, end, records, fill, table, stride, top, prices, settings, out),
    accountLongOwnCosts: own,
    accountLongMoments(list, count, lag, end, records, fill, sums, prices, settings, out) {
      const { f64, i32 } = memory
      const [, buy, sell, rate] = f64.subarray(settings >>> 3, (settings >>> 3) + 4)
      const saved = f64.subarray(((out + SAVED) >>> 3) + 14, ((out + SAVED) >>> 3) + 16)
      let [sum3, sum4] = saved
      const add = (r: number): void => {
        sum3 += r * r * r
        sum4 += r * r * r * r
      }
      for (let t = 0; t < count; t += 2) {
        const from = i32[(list >>> 2) + t] + lag
        const open = t + 1 === count
        if (open) saved.set([sum3, sum4])
        const to = open ? end : i32[(list >>> 2) + t + 1] + lag
        add(f64[(records >>> 3) + from * 4 + 7] / (f64[(fill >>> 3) + from] * (buy * (1 + rate))) - 1)
        sum3 += f64[(sums >>> 3) + to * 2 - 2] - f64[(sums >>> 3) + from * 2]
        sum4 += f64[(sums >>> 3) + to * 2 - 1] - f64[(sums >>> 3) + from * 2 + 1]
        if (open) break
        const exit = prices !== 0 ? f64[(prices >>> 3) + (t >>> 1)] : f64[(fill >>> 3) + to] * sell
        add((exit * (1 - rate)) / f64[(records >>> 3) + to * 4 + 3] - 1)
      }
      if ((count & 1) === 0) saved.set([sum3, sum4])
      f64[(out >>> 3) + 13] = sum3
      f64[(out >>> 3) + 14] = sum4
    },
  }
}

/** Takes a holding into the course by the largest pieces that hold no new high. */
function course_(
  memory: PlainMemory,
  course: DrawdownCourse,
  table: number,
  stride: number,
  top: number,
  from: number,
  to: number,
  size: number,
): void {
  const { f64 } = memory
  let k = top
  let i = from
  while (i < to) {
    k = Math.min(k, 31 - Math.clz32(to - i))
    const at = (table >>> 3) + k * (stride >>> 3) + i * 2
    if (k === 0 || -f64[at + 1] * size <= course.peak) {
      course.add(f64[at] * size)
      i += 1 << k
      if (k < top) k++
    } else k--
  }
}
