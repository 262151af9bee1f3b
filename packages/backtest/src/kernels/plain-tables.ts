import type { Kernels } from './kernel-set.ts'
import type { PlainMemory } from './plain-memory.ts'

type TableKernels = Pick<Kernels, 'priceRecords' | 'costRecords' | 'prefixMoments' | 'rangeTable'>

/** A compensated running sum (Kahan), as the WebAssembly form has it. */
function createSum(): (x: number) => number {
  let total = 0
  let error = 0
  return (x) => {
    const y = x - error
    const t = total + y
    error = t - total - y
    total = t
    return total
  }
}

/** Tables in plain TypeScript: the same numbers to the last bit. */
export function createPlainTables(memory: PlainMemory): TableKernels {
  return {
    priceRecords(close, n, records) {
      const { f64 } = memory
      const c = close >>> 3
      const first = createSum()
      const second = createSum()
      const losses = createSum()
      let sum = 0
      let square = 0
      let loss = 0
      let at = records >>> 3
      f64.fill(0, at, at + 4)
      for (let i = 0; i < n; i++) {
        if (i > 0) {
          const r = f64[c + i] / f64[c + i - 1] - 1
          sum = first(r)
          square = second(r * r)
          if (r < 0) loss = losses(r * r)
        }
        at += 4
        f64[at] = sum
        f64[at + 1] = square
        f64[at + 2] = loss
        f64[at + 3] = f64[c + i]
      }
    },
    costRecords(records, fill, n, buy, sell, rate, entries, exits) {
      const { f64 } = memory
      const cost = buy * (1 + rate)
      const net = sell * (1 - rate)
      for (let i = 0; i < n; i++) {
        const record = (records >>> 3) + i * 4
        const price = f64[(fill >>> 3) + i]
        const paid = price * cost
        const got = price * net
        const entry = (entries >>> 3) + i * 4
        const re = f64[record + 7] / paid - 1
        f64[entry] = f64[record + 4] - re
        f64[entry + 1] = f64[record + 5] - re * re
        f64[entry + 2] = f64[record + 6] - (re < 0 ? re * re : 0)
        f64[entry + 3] = paid
        const exit = (exits >>> 3) + i * 4
        const rx = i > 0 ? got / f64[record + 3] - 1 : 0
        f64[exit] = f64[record] + rx
        f64[exit + 1] = f64[record + 1] + rx * rx
        f64[exit + 2] = f64[record + 2] + (rx < 0 ? rx * rx : 0)
        f64[exit + 3] = got
      }
    },
    prefixMoments(close, n, sums) {
      const { f64 } = memory
      const c = close >>> 3
      const third = createSum()
      const fourth = createSum()
      const at = sums >>> 3
      f64[at] = 0
      f64[at + 1] = 0
      for (let i = 1; i < n; i++) {
        const r = f64[c + i] / f64[c + i - 1] - 1
        const r3 = r * r * r
        f64[at + i * 2] = third(r3)
        f64[at + i * 2 + 1] = fourth(r3 * r)
      }
    },
    rangeTable(low, high, n, levels, stride, table) {
      const { f64 } = memory
      const base = table >>> 3
      for (let i = 0; i < n; i++) {
        f64[base + i * 2] = f64[(low >>> 3) + i]
        f64[base + i * 2 + 1] = -f64[(high >>> 3) + i]
      }
      for (let k = 1; k < levels; k++) {
        const half = 1 << (k - 1)
        const source = base + (k - 1) * (stride >>> 3)
        const target = source + (stride >>> 3)
        for (let i = 0; i < n; i++) {
          const j = i + half < n ? i + half : i
          f64[target + i * 2] = Math.min(f64[source + i * 2], f64[source + j * 2])
          f64[target + i * 2 + 1] = Math.min(f64[source + i * 2 + 1], f64[source + j * 2 + 1])
        }
      }
    },
  }
}
