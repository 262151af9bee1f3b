import { BINS, BLOCK, contextNumbers, contextWords, type TreeJob, type TreeKernels } from './tree-kernels.ts'

const POWERS = Float64Array.from({ length: 2047 }, (_, i) => 2 ** (i - 1023))

/** e^x to about one unit in the last place, the same bits as the WebAssembly form. `x` is clamped to +-708. */
export function exponential(value: number): number {
  const x = Math.min(Math.max(value, -708), 708)
  const k = Math.floor(x * Math.LOG2E + 0.5)
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10
  let p = 1.6059043836821613e-10
  p = p * r + 2.08767569878681e-9
  p = p * r + 2.505210838544172e-8
  p = p * r + 2.755731922398589e-7
  p = p * r + 2.7557319223985893e-6
  p = p * r + 2.48015873015873e-5
  p = p * r + 1.984126984126984e-4
  p = p * r + 1.388888888888889e-3
  p = p * r + 8.333333333333333e-3
  p = p * r + 4.1666666666666664e-2
  p = p * r + 1.6666666666666666e-1
  p = p * r + 0.5
  p = p * r + 1
  p = p * r + 1
  return p * POWERS[k + 1023]
}

/** Soft thresholding by the L1 penalty. */
export function shrink(g: number, alpha: number): number {
  return g > alpha ? g - alpha : g < -alpha ? g + alpha : 0
}

/** Gain of a node with gradient sum `g` and hessian sum `h` at its best weight. */
export function gainOf(g: number, h: number, lambda: number, alpha: number): number {
  if (h <= 0) return 0
  const t = shrink(g, alpha)
  return (t * t) / (h + lambda)
}

/** What a bounded split is judged by. */
export interface SplitRule {
  readonly lambda: number
  readonly alpha: number
  readonly minChildWeight: number
  readonly lower: number
  readonly upper: number
}

/** Weight of a node within its bounds; 0 where it is too light. */
export function boundedWeight(g: number, h: number, rule: SplitRule): number {
  if (h <= 0 || h < rule.minChildWeight) return 0
  return Math.min(Math.max(-shrink(g, rule.alpha) / (h + rule.lambda), rule.lower), rule.upper)
}

/** Gain of a node at a given weight. */
export function gainAtWeight(g: number, h: number, weight: number, lambda: number): number {
  return h <= 0 ? 0 : -(2 * g * weight + (h + lambda) * weight * weight)
}

/** Gain of a split under a monotone constraint; -Infinity where it breaks it. */
export function boundedGain(
  [gl, hl]: readonly [number, number],
  [gr, hr]: readonly [number, number],
  rule: SplitRule,
  direction: number,
): number {
  const wl = boundedWeight(gl, hl, rule)
  const wr = boundedWeight(gr, hr, rule)
  if ((direction > 0 && wl > wr) || (direction < 0 && wl < wr)) return Number.NEGATIVE_INFINITY
  return gainAtWeight(gl, hl, wl, rule.lambda) + gainAtWeight(gr, hr, wr, rule.lambda)
}

/** The kernels in plain TypeScript: the reference for the WebAssembly form, and the fallback. */
class PlainTreeKernels implements TreeKernels {
  readonly name = 'plain'
  readonly threads = 1
  readonly buffer: ArrayBufferLike
  readonly #context: number
  readonly #i32: Int32Array
  readonly #u32: Uint32Array
  readonly #u8: Uint8Array
  readonly #f32: Float32Array
  readonly #f64: Float64Array

  constructor(bytes: number, context: number) {
    this.buffer = new ArrayBuffer((bytes + 7) & ~7)
    this.#context = context
    this.#i32 = new Int32Array(this.buffer)
    this.#u32 = new Uint32Array(this.buffer)
    this.#u8 = new Uint8Array(this.buffer)
    this.#f32 = new Float32Array(this.buffer)
    this.#f64 = new Float64Array(this.buffer)
  }

  dispose(): void {}

  run(job: TreeJob, items: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const item = (items + i * 64) >>> 2
      if (job === 0) this.#histogram(item)
      else if (job === 1) this.#partition(item)
      else if (job === 2) this.#leaf(item)
      else if (job === 3) this.#traverse(item)
      else if (job === 4) this.#gradient(item)
      else this.#grid(item)
    }
  }

  #word(offset: number): number {
    return this.#u32[(this.#context + offset) >>> 2]
  }

  #number(offset: number): number {
    return this.#f64[(this.#context + offset) >>> 3]
  }

  #histogram(item: number): void {
    const u = this.#u32
    const f64 = this.#f64
    const slot = u[item + 3]
    const parent = u[item + 4]
    const from = u[item + 5]
    const to = u[item + 6]
    const rows = u[item] >>> 2
    const count = u[item + 1]
    const gradients = u[item + 2] >>> 3
    const bins = this.#word(contextWords.bins)
    const rowBytes = this.#word(contextWords.rowBytes)
    const features = this.#word(contextWords.features)
    const first = from * BLOCK
    const last = to * BLOCK
    const hist = slot >>> 3
    f64.fill(0, hist + first * BINS * 2, hist + last * BINS * 2)
    for (let i = 0; i < count; i++) {
      const r = u[rows + i]
      const g = f64[gradients + 2 * r]
      const h = f64[gradients + 2 * r + 1]
      const row = bins + r * rowBytes
      for (let f = first; f < last; f++) {
        const at = hist + (f * BINS + this.#u8[row + f]) * 2
        f64[at] += g
        f64[at + 1] += h
      }
    }
    if (parent !== 0) {
      const end = (parent >>> 3) + last * BINS * 2
      let q = hist + first * BINS * 2
      for (let p = (parent >>> 3) + first * BINS * 2; p < end; p++) f64[p] -= f64[q++]
    }
    const limit = Math.min(last, features)
    if (u[item + 7] !== 0) this.#evaluate(hist, first, limit, item + 7)
    if (u[item + 10] !== 0) this.#evaluate(parent >>> 3, first, limit, item + 10)
  }

  /** `place` holds node, mask and out. */
  #evaluate(hist: number, first: number, last: number, place: number): void {
    const f64 = this.#f64
    const node = this.#u32[place] >>> 3
    const mask = this.#u32[place + 1]
    const out = this.#u32[place + 2] >>> 3
    const G = f64[node]
    const H = f64[node + 1]
    const lambda = this.#number(contextNumbers.lambda)
    const alpha = this.#number(contextNumbers.alpha)
    const minChildWeight = this.#number(contextNumbers.minChildWeight)
    const constrained = this.#word(contextWords.constrained) !== 0
    const rule: SplitRule = { lambda, alpha, minChildWeight, lower: f64[node + 3], upper: f64[node + 4] }
    const counts = this.#word(contextWords.binCounts) >>> 2
    const monotone = this.#word(contextWords.monotone) >>> 2
    const best = { gain: f64[node + 2], feature: -1, bin: 0, defaultLeft: 0, g: 0, h: 0 }
    for (let f = first; f < last; f++) {
      const count = this.#i32[counts + f]
      if (count <= 0 || this.#u8[mask + f] === 0) continue
      // The last of 256 bins is where missing values would lie: then there are none.
      const n = Math.min(count, 255)
      const at = hist + f * BINS * 2
      const missing = count < 256 && (f64[at + 510] !== 0 || f64[at + 511] !== 0)
      for (const backward of missing ? [false, true] : [false]) {
        let g = 0
        let h = 0
        for (let i = 0; i < n; i++) {
          const b = backward ? n - 1 - i : i
          const bg = f64[at + 2 * b]
          const bh = f64[at + 2 * b + 1]
          if (bg === 0 && bh === 0) continue
          g += bg
          h += bh
          if (h < minChildWeight) continue
          const oh = H - h
          if (oh < minChildWeight) break
          const og = G - g
          const gl = backward ? og : g
          const hl = backward ? oh : h
          const gr = backward ? g : og
          const hr = backward ? h : oh
          const gain = constrained
            ? boundedGain([gl, hl], [gr, hr], rule, this.#i32[monotone + f])
            : gainOf(gl, hl, lambda, alpha) + gainOf(gr, hr, lambda, alpha)
          if (gain > best.gain)
            Object.assign(best, {
              gain,
              feature: f,
              bin: backward ? b - 1 : b,
              defaultLeft: Number(backward),
              g: gl,
              h: hl,
            })
        }
      }
    }
    f64.set([best.gain, best.feature, best.bin, best.defaultLeft, best.g, best.h], out)
  }

  #goesLeft(bin: number, split: number, missing: number, categories: number): boolean {
    if (bin === 255) return missing !== 0
    if (categories === 0) return bin <= split
    return ((this.#u32[(categories >>> 2) + (bin >> 5)] >>> (bin & 31)) & 1) === 0
  }

  #partition(item: number): void {
    const u = this.#u32
    const rows = u[item] >>> 2
    const count = u[item + 1]
    const column = this.#word(contextWords.bins) + u[item + 3]
    const rowBytes = this.#word(contextWords.rowBytes)
    let left = rows
    let right = u[item + 2] >>> 2
    for (let i = 0; i < count; i++) {
      const r = u[rows + i]
      if (this.#goesLeft(this.#u8[column + r * rowBytes], this.#i32[item + 4], u[item + 5], u[item + 6])) u[left++] = r
      else u[right++] = r
    }
    u[u[item + 7] >>> 2] = left - rows
  }

  #leaf(item: number): void {
    const rows = this.#u32[item] >>> 2
    const count = this.#u32[item + 1]
    const margins = this.#u32[item + 2] >>> 2
    const value = this.#f32[item + 3]
    for (let i = 0; i < count; i++) this.#f32[margins + this.#u32[rows + i]] += value
  }

  #traverse(item: number): void {
    const u = this.#u32
    const rows = u[item] >>> 2
    const count = u[item + 1]
    const margins = u[item + 2] >>> 2
    const nodes = u[item + 3] >>> 2
    const bins = this.#word(contextWords.bins)
    const rowBytes = this.#word(contextWords.rowBytes)
    for (let i = 0; i < count; i++) {
      const row = bins + u[rows + i] * rowBytes
      let node = nodes
      while (this.#i32[node] >= 0) {
        const bin = this.#u8[row + this.#i32[node]]
        const left = this.#goesLeft(bin, this.#i32[node + 1], u[node + 4], u[node + 5])
        node = nodes + (left ? u[node + 2] : u[node + 3]) * 8
      }
      this.#f32[margins + u[rows + i]] += this.#f32[node + 6]
    }
  }

  #gradient(item: number): void {
    const { labels, weights, margins, gradients, classes, objective, rows } = contextWords
    const y = this.#word(labels) >>> 2
    const w = this.#word(weights) >>> 2
    const m = this.#word(margins) >>> 2
    const out = this.#word(gradients) >>> 3
    const count = this.#word(classes)
    const kind = this.#word(objective)
    const total = this.#word(rows)
    const alpha = this.#number(contextNumbers.quantile)
    const sums = this.#u32[item + 2] >>> 3
    this.#f64.fill(0, sums, sums + 2 * count)
    const put = (r: number, c: number, g: number, h: number): void => {
      const at = out + (c * total + r) * 2
      this.#f64[at] = g
      this.#f64[at + 1] = h
      this.#f64[sums + 2 * c] += Math.abs(g)
      this.#f64[sums + 2 * c + 1] += h
    }
    const e = new Float64Array(count)
    for (let r = this.#u32[item]; r < this.#u32[item + 1]; r++) {
      const target = this.#f32[y + r]
      const weight = w === 0 ? 1 : this.#f32[w + r]
      const margin = this.#f32[m + r]
      if (kind === 1) {
        let top = Number.NEGATIVE_INFINITY
        for (let c = 0; c < count; c++) top = Math.max(top, this.#f32[m + c * total + r])
        let sum = 0
        for (let c = 0; c < count; c++) sum += e[c] = exponential(this.#f32[m + c * total + r] - top)
        for (let c = 0; c < count; c++) {
          const p = e[c] / sum
          put(r, c, (p - (target === c ? 1 : 0)) * weight, Math.max(2 * p * (1 - p), 1e-16) * weight)
        }
      } else if (kind === 0) {
        const p = 1 / (1 + exponential(-margin))
        put(r, 0, (p - target) * weight, Math.max(p * (1 - p), 1e-16) * weight)
      } else if (kind === 2) put(r, 0, (margin - target) * weight, weight)
      else put(r, 0, (margin >= target ? 1 - alpha : -alpha) * weight, weight)
    }
  }

  #grid(item: number): void {
    const at = this.#u32[item + 2] >>> 3
    const cg = this.#number(contextNumbers.gridGradient)
    const ch = this.#number(contextNumbers.gridHessian)
    const last = at + 2 * this.#u32[item + 1]
    for (let p = at + 2 * this.#u32[item]; p < last; p += 2) {
      this.#f64[p] = this.#f64[p] + cg - cg
      this.#f64[p + 1] = this.#f64[p + 1] + ch - ch
    }
  }
}

/** The kernels in plain TypeScript over a memory of `bytes`, with the context at byte offset `context`. */
export function plainTreeKernels(bytes: number, context: number): TreeKernels {
  return new PlainTreeKernels(bytes, context)
}
