// Kernels of the tree booster over one linear memory: the plain form of each is in src/trees/plain-tree-kernels.ts and a
// test holds the two together. Work comes as items of 16 words; threads take items by an atomic counter, and no result
// depends on who took what: gradients lie on a grid on which every sum is exact.

// Words of the context (i32 each), written once a fit. The offsets are those of src/trees/tree-kernels.ts.
const BINS = 0
const ROW_BYTES = 4
const GRADIENTS = 8
const FEATURES = 12
const BIN_COUNTS = 16
const MONOTONE = 20
const CONSTRAINED = 24
const MARGINS = 28
const LABELS = 32
const WEIGHTS = 36
const CLASSES = 40
const ROWS = 44
const OBJECTIVE = 48
// Numbers of the context (f64 each).
const LAMBDA = 64
const ALPHA = 72
const MIN_CHILD_WEIGHT = 80
const QUANTILE = 88
const GRID_G = 96
const GRID_H = 104

const MISSING: u32 = 255

// --- Histograms -----------------------------------------------------------------------------------------------------

/** Adds the gradient pairs of rows to the bins of blocks of eight features: 512 rows at a time, so that they stay near. */
function accumulate(ctx: usize, rows: usize, count: i32, gradients: usize, hist: usize, from: i32, to: i32): void {
  const bins = <usize>load<u32>(ctx, BINS)
  const rowBytes = load<u32>(ctx, ROW_BYTES)
  memory.fill(hist + (<usize>from << 15), 0, <usize>(to - from) << 15)
  for (let c: i32 = 0; c < count; c += 512) {
    const end = rows + (<usize>min(count, c + 512) << 2)
    for (let b: i32 = from; b < to; b++) {
      const base = bins + (<usize>b << 3)
      const h = hist + (<usize>b << 15)
      for (let i = rows + (<usize>c << 2); i < end; i += 4) {
        const r = load<u32>(i)
        const g = v128.load(gradients + (<usize>r << 4))
        const w = load<u64>(base + <usize>(r * rowBytes))
        let p = h + (<usize>(w & 255) << 4)
        v128.store(p, f64x2.add(v128.load(p), g))
        p = h + (<usize>((w >> 8) & 255) << 4)
        v128.store(p, f64x2.add(v128.load(p, 4096), g), 4096)
        p = h + (<usize>((w >> 16) & 255) << 4)
        v128.store(p, f64x2.add(v128.load(p, 8192), g), 8192)
        p = h + (<usize>((w >> 24) & 255) << 4)
        v128.store(p, f64x2.add(v128.load(p, 12288), g), 12288)
        p = h + (<usize>((w >> 32) & 255) << 4)
        v128.store(p, f64x2.add(v128.load(p, 16384), g), 16384)
        p = h + (<usize>((w >> 40) & 255) << 4)
        v128.store(p, f64x2.add(v128.load(p, 20480), g), 20480)
        p = h + (<usize>((w >> 48) & 255) << 4)
        v128.store(p, f64x2.add(v128.load(p, 24576), g), 24576)
        p = h + (<usize>(w >> 56) << 4)
        v128.store(p, f64x2.add(v128.load(p, 28672), g), 28672)
      }
    }
  }
}

/** The larger sibling's histogram from the parent's, in its place. */
function subtract(parent: usize, child: usize, from: i32, to: i32): void {
  const end = parent + (<usize>to << 15)
  let q = child + (<usize>from << 15)
  for (let p = parent + (<usize>from << 15); p < end; p += 16, q += 16)
    v128.store(p, f64x2.sub(v128.load(p), v128.load(q)))
}

// --- Splits ---------------------------------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline
function shrink(g: f64, alpha: f64): f64 {
  return g > alpha ? g - alpha : g < -alpha ? g + alpha : 0
}

// @ts-ignore: decorator
@inline
function gainOf(g: f64, h: f64, lambda: f64, alpha: f64): f64 {
  if (h <= 0) return 0
  const t = shrink(g, alpha)
  return (t * t) / (h + lambda)
}

let lower: f64 = 0
let upper: f64 = 0

/** Gain of a split under monotone constraints: weights are clamped to the node's bounds. */
function boundedGain(
  gl: f64, hl: f64, gr: f64, hr: f64, lambda: f64, alpha: f64, mcw: f64, direction: i32,
): f64 {
  const wl = hl <= 0 || hl < mcw ? 0 : min(max(-shrink(gl, alpha) / (hl + lambda), lower), upper)
  const wr = hr <= 0 || hr < mcw ? 0 : min(max(-shrink(gr, alpha) / (hr + lambda), lower), upper)
  if ((direction > 0 && wl > wr) || (direction < 0 && wl < wr)) return -Infinity
  const left = hl <= 0 ? 0 : -(2 * gl * wl + (hl + lambda) * wl * wl)
  const right = hr <= 0 ? 0 : -(2 * gr * wr + (hr + lambda) * wr * wr)
  return left + right
}

/** The best split of a node over a range of features, ties to the first: out = gain, feature, bin, default left, gl, hl. */
function evaluate(ctx: usize, hist: usize, first: i32, last: i32, node: usize, mask: usize, out: usize): void {
  const lambda = load<f64>(ctx, LAMBDA)
  const alpha = load<f64>(ctx, ALPHA)
  const mcw = load<f64>(ctx, MIN_CHILD_WEIGHT)
  const constrained = load<i32>(ctx, CONSTRAINED) != 0
  const counts = <usize>load<u32>(ctx, BIN_COUNTS)
  const monotone = <usize>load<u32>(ctx, MONOTONE)
  const G = load<f64>(node)
  const H = load<f64>(node, 8)
  let best = load<f64>(node, 16)
  lower = load<f64>(node, 24)
  upper = load<f64>(node, 32)
  let bestFeature: i32 = -1
  let bestBin: i32 = 0
  let bestDefault: i32 = 0
  let bestG: f64 = 0
  let bestH: f64 = 0
  for (let f = first; f < last; f++) {
    const n = load<i32>(counts + (<usize>f << 2))
    if (n <= 0 || load<u8>(mask + <usize>f) == 0) continue
    const direction = constrained ? load<i32>(monotone + (<usize>f << 2)) : 0
    const at = hist + (<usize>f << 12)
    let g: f64 = 0
    let h: f64 = 0
    const full = n == 256
    const end = min(n, 255)
    for (let b: i32 = 0; b < end; b++) {
      const bg = load<f64>(at + (<usize>b << 4))
      const bh = load<f64>(at + (<usize>b << 4), 8)
      if (bg == 0 && bh == 0) continue
      g += bg
      h += bh
      if (h < mcw) continue
      const hr = H - h
      if (hr < mcw) break
      const gr = G - g
      const gain = constrained
        ? boundedGain(g, h, gr, hr, lambda, alpha, mcw, direction)
        : gainOf(g, h, lambda, alpha) + gainOf(gr, hr, lambda, alpha)
      if (gain > best) {
        best = gain
        bestFeature = f
        bestBin = b
        bestDefault = 0
        bestG = g
        bestH = h
      }
    }
    // The last of 256 bins is where missing values would lie: then there are none.
    if (full || (load<f64>(at, 4080) == 0 && load<f64>(at, 4088) == 0)) continue
    g = 0
    h = 0
    for (let b: i32 = n - 1; b >= 0; b--) {
      const bg = load<f64>(at + (<usize>b << 4))
      const bh = load<f64>(at + (<usize>b << 4), 8)
      if (bg == 0 && bh == 0) continue
      g += bg
      h += bh
      if (h < mcw) continue
      const hl = H - h
      if (hl < mcw) break
      const gl = G - g
      const gain = constrained
        ? boundedGain(gl, hl, g, h, lambda, alpha, mcw, direction)
        : gainOf(gl, hl, lambda, alpha) + gainOf(g, h, lambda, alpha)
      if (gain > best) {
        best = gain
        bestFeature = f
        bestBin = b - 1
        bestDefault = 1
        bestG = gl
        bestH = hl
      }
    }
  }
  store<f64>(out, best)
  store<f64>(out, <f64>bestFeature, 8)
  store<f64>(out, <f64>bestBin, 16)
  store<f64>(out, <f64>bestDefault, 24)
  store<f64>(out, bestG, 32)
  store<f64>(out, bestH, 40)
}

/** Item: rows, count, gradients, slot, parent slot, first block, last block, node, mask, out, sibling's node, mask, out. */
function histogramItem(ctx: usize, item: usize): void {
  const slot = <usize>load<u32>(item, 12)
  const parent = <usize>load<u32>(item, 16)
  const from = load<i32>(item, 20)
  const to = load<i32>(item, 24)
  accumulate(ctx, <usize>load<u32>(item), load<i32>(item, 4), <usize>load<u32>(item, 8), slot, from, to)
  if (parent != 0) subtract(parent, slot, from, to)
  const first = from << 3
  const last = min(to << 3, load<i32>(ctx, FEATURES))
  const node = <usize>load<u32>(item, 28)
  if (node != 0) evaluate(ctx, slot, first, last, node, <usize>load<u32>(item, 32), <usize>load<u32>(item, 36))
  const sibling = <usize>load<u32>(item, 40)
  if (sibling != 0) evaluate(ctx, parent, first, last, sibling, <usize>load<u32>(item, 44), <usize>load<u32>(item, 48))
}

// --- Rows -----------------------------------------------------------------------------------------------------------

/** Item: rows, count, scratch, feature, bin, default left, categories (0: none), out. Left rows stay, right rows leave. */
function partitionItem(ctx: usize, item: usize): void {
  const rows = <usize>load<u32>(item)
  const count = load<i32>(item, 4)
  let right = <usize>load<u32>(item, 8)
  const column = <usize>load<u32>(ctx, BINS) + <usize>load<u32>(item, 12)
  const split = load<i32>(item, 16)
  const missing = load<i32>(item, 20)
  const categories = <usize>load<u32>(item, 24)
  const rowBytes = load<u32>(ctx, ROW_BYTES)
  const end = rows + (<usize>count << 2)
  let left = rows
  if (categories == 0) {
    for (let i = rows; i < end; i += 4) {
      const r = load<u32>(i)
      const bin = <i32>load<u8>(column + <usize>(r * rowBytes))
      const goes = select<i32>(missing, i32(bin <= split), bin == MISSING)
      store<u32>(left, r)
      store<u32>(right, r)
      left += <usize>(goes << 2)
      right += <usize>((1 - goes) << 2)
    }
  } else {
    for (let i = rows; i < end; i += 4) {
      const r = load<u32>(i)
      const bin = <u32>load<u8>(column + <usize>(r * rowBytes))
      const chosen = (load<u32>(categories + <usize>((bin >> 5) << 2)) >> (bin & 31)) & 1
      const goes = select<i32>(missing, <i32>(1 - chosen), bin == MISSING)
      store<u32>(left, r)
      store<u32>(right, r)
      left += <usize>(goes << 2)
      right += <usize>((1 - goes) << 2)
    }
  }
  store<i32>(<usize>load<u32>(item, 28), <i32>((left - rows) >> 2))
}

/** Item: rows, count, margins of the class, value (f32). */
function leafItem(ctx: usize, item: usize): void {
  const rows = <usize>load<u32>(item)
  const end = rows + (<usize>load<u32>(item, 4) << 2)
  const margins = <usize>load<u32>(item, 8)
  const value = load<f32>(item, 12)
  for (let i = rows; i < end; i += 4) {
    const p = margins + (<usize>load<u32>(i) << 2)
    store<f32>(p, load<f32>(p) + value)
  }
}

/** Item: rows, count, margins of the class, nodes (32 bytes: feature, bin, left, right, default left, categories, value). */
function traverseItem(ctx: usize, item: usize): void {
  const bins = <usize>load<u32>(ctx, BINS)
  const rowBytes = load<u32>(ctx, ROW_BYTES)
  const rows = <usize>load<u32>(item)
  const end = rows + (<usize>load<u32>(item, 4) << 2)
  const margins = <usize>load<u32>(item, 8)
  const nodes = <usize>load<u32>(item, 12)
  for (let i = rows; i < end; i += 4) {
    const r = load<u32>(i)
    const row = bins + <usize>(r * rowBytes)
    let node = nodes
    for (;;) {
      const feature = load<i32>(node)
      if (feature < 0) break
      const bin = <i32>load<u8>(row + <usize>feature)
      let goes: i32
      if (bin == MISSING) goes = load<i32>(node, 16)
      else {
        const categories = <usize>load<u32>(node, 20)
        if (categories == 0) goes = i32(bin <= load<i32>(node, 4))
        else goes = 1 - <i32>((load<u32>(categories + <usize>((bin >> 5) << 2)) >> (bin & 31)) & 1)
      }
      node = nodes + (<usize>(goes != 0 ? load<u32>(node, 8) : load<u32>(node, 12)) << 5)
    }
    const p = margins + (<usize>r << 2)
    store<f32>(p, load<f32>(p) + load<f32>(node, 24))
  }
}

// --- Gradients ------------------------------------------------------------------------------------------------------

/** e^x to about one unit in the last place: Cody and Waite's reduction, Taylor's polynomial of degree 13. */
function exponential(x: f64): f64 {
  x = min(max(x, -708.0), 708.0)
  const k = Math.floor(x * 1.4426950408889634 + 0.5)
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10
  let p: f64 = 1.6059043836821613e-10
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
  return p * reinterpret<f64>((<i64>k + 1023) << 52)
}

/** Item: first row, last row, sums (per class: |g|, h). Gradients of class c begin at GRADIENTS + c * rows * 16. */
function gradientItem(ctx: usize, item: usize): void {
  const first = load<i32>(item)
  const last = load<i32>(item, 4)
  const sums = <usize>load<u32>(item, 8)
  const gradients = <usize>load<u32>(ctx, GRADIENTS)
  const margins = <usize>load<u32>(ctx, MARGINS)
  const labels = <usize>load<u32>(ctx, LABELS)
  const weights = <usize>load<u32>(ctx, WEIGHTS)
  const classes = load<i32>(ctx, CLASSES)
  const objective = load<i32>(ctx, OBJECTIVE)
  const quantile = load<f64>(ctx, QUANTILE)
  const rows = <usize>load<u32>(ctx, ROWS)
  for (let c: i32 = 0; c < classes; c++) {
    store<f64>(sums + (<usize>c << 4), 0)
    store<f64>(sums + (<usize>c << 4), 0, 8)
  }
  for (let r = first; r < last; r++) {
    const y = <f64>load<f32>(labels + (<usize>r << 2))
    const w: f64 = weights == 0 ? 1 : <f64>load<f32>(weights + (<usize>r << 2))
    if (objective == 1) {
      let top: f64 = -Infinity
      for (let c: i32 = 0; c < classes; c++)
        top = max(top, <f64>load<f32>(margins + ((<usize>c * rows + <usize>r) << 2)))
      let total: f64 = 0
      for (let c: i32 = 0; c < classes; c++) {
        const e = exponential(<f64>load<f32>(margins + ((<usize>c * rows + <usize>r) << 2)) - top)
        store<f64>(gradients + ((<usize>c * rows + <usize>r) << 4), e)
        total += e
      }
      for (let c: i32 = 0; c < classes; c++) {
        const at = gradients + ((<usize>c * rows + <usize>r) << 4)
        const p = load<f64>(at) / total
        put(at, sums + (<usize>c << 4), (p - (y == <f64>c ? 1 : 0)) * w, max(2 * p * (1 - p), 1e-16) * w)
      }
      continue
    }
    const m = <f64>load<f32>(margins + (<usize>r << 2))
    let g: f64
    let h: f64 = 1
    if (objective == 0) {
      const p = 1 / (1 + exponential(-m))
      g = p - y
      h = max(p * (1 - p), 1e-16)
    } else if (objective == 2) g = m - y
    else g = m >= y ? 1 - quantile : -quantile
    put(gradients + (<usize>r << 4), sums, g * w, h * w)
  }
}

// @ts-ignore: decorator
@inline
function put(at: usize, sums: usize, g: f64, h: f64): void {
  store<f64>(at, g)
  store<f64>(at, h, 8)
  store<f64>(sums, load<f64>(sums) + Math.abs(g))
  store<f64>(sums, load<f64>(sums, 8) + h, 8)
}

/** Item: first row, last row, gradients. Rounds them to the grid by adding and taking away a large number. */
function gridItem(ctx: usize, item: usize): void {
  const gradients = <usize>load<u32>(item, 8)
  const grid = v128.load(ctx, GRID_G)
  const end = gradients + (<usize>load<u32>(item, 4) << 4)
  for (let p = gradients + (<usize>load<u32>(item) << 4); p < end; p += 16)
    v128.store(p, f64x2.sub(f64x2.add(v128.load(p), grid), grid))
}

// --- Work -----------------------------------------------------------------------------------------------------------

/** Takes items until none is left. */
export function work(kind: i32, ctx: usize, items: usize, count: i32, counter: usize): void {
  for (;;) {
    const i = atomic.add<i32>(counter, 1)
    if (i >= count) break
    const item = items + (<usize>i << 6)
    if (kind == 0) histogramItem(ctx, item)
    else if (kind == 1) partitionItem(ctx, item)
    else if (kind == 2) leafItem(ctx, item)
    else if (kind == 3) traverseItem(ctx, item)
    else if (kind == 4) gradientItem(ctx, item)
    else gridItem(ctx, item)
  }
}

// --- Prediction -----------------------------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline
function denseStep(nodes: usize, node: usize, row: usize): usize {
  const at = nodes + node
  const right = <usize>i32(!(load<f32>(row + <usize>load<u32>(at)) < load<f32>(at, 4)))
  return <usize>load<u32>(at, 8) + (right << 4)
}

// @ts-ignore: decorator
@inline
function step(nodes: usize, node: usize, row: usize): usize {
  const at = nodes + node
  const x = load<f32>(row + <usize>load<u32>(at))
  const right = i32(!(x < load<f32>(at, 4))) & ~(i32(x != x) & load<i32>(at, 12))
  return <usize>load<u32>(at, 8) + (<usize>right << 4)
}

/**
 * Adds trees to margins, in order, in float32. Nodes are 16 bytes: byte of the feature in a row, threshold, byte of the
 * left child (the right one follows it), default left. A leaf has threshold NaN and the node before itself as left
 * child, so that rows which reached it stay: every row takes `depth` steps and none branches. Values are apart, 4 bytes
 * a node. Trees are 12 bytes: byte of the root, depth, group.
 */
export function predict(
  data: usize, columns: i32, rows: i32, nodes: usize, values: usize, trees: usize, count: i32, margins: usize, groups: i32,
): void {
  const stride = <usize>columns << 2
  let missing = false
  const cells = <usize>rows * <usize>columns << 2
  for (let i: usize = 0; i < cells; i += 4) {
    const x = load<f32>(data + i)
    missing = missing || x != x
  }
  const lastTree = trees + <usize>count * 12
  for (let tree = trees; tree < lastTree; tree += 12) {
    const root = <usize>load<u32>(tree)
    const depth = load<i32>(tree, 4)
    const out = margins + (<usize>load<u32>(tree, 8) << 2)
    const gap = <usize>groups << 2
    let r: i32 = 0
    let row = data
    let m = out
    for (; r + 8 <= rows; r += 8) {
      const r1 = row + stride
      const r2 = r1 + stride
      const r3 = r2 + stride
      const r4 = r3 + stride
      const r5 = r4 + stride
      const r6 = r5 + stride
      const r7 = r6 + stride
      let n0 = root
      let n1 = root
      let n2 = root
      let n3 = root
      let n4 = root
      let n5 = root
      let n6 = root
      let n7 = root
      if (missing) {
        for (let d: i32 = 0; d < depth; d++) {
          n0 = step(nodes, n0, row)
          n1 = step(nodes, n1, r1)
          n2 = step(nodes, n2, r2)
          n3 = step(nodes, n3, r3)
          n4 = step(nodes, n4, r4)
          n5 = step(nodes, n5, r5)
          n6 = step(nodes, n6, r6)
          n7 = step(nodes, n7, r7)
        }
      } else {
        for (let d: i32 = 0; d < depth; d++) {
          n0 = denseStep(nodes, n0, row)
          n1 = denseStep(nodes, n1, r1)
          n2 = denseStep(nodes, n2, r2)
          n3 = denseStep(nodes, n3, r3)
          n4 = denseStep(nodes, n4, r4)
          n5 = denseStep(nodes, n5, r5)
          n6 = denseStep(nodes, n6, r6)
          n7 = denseStep(nodes, n7, r7)
        }
      }
      store<f32>(m, load<f32>(m) + load<f32>(values + (n0 >> 2)))
      m += gap
      store<f32>(m, load<f32>(m) + load<f32>(values + (n1 >> 2)))
      m += gap
      store<f32>(m, load<f32>(m) + load<f32>(values + (n2 >> 2)))
      m += gap
      store<f32>(m, load<f32>(m) + load<f32>(values + (n3 >> 2)))
      m += gap
      store<f32>(m, load<f32>(m) + load<f32>(values + (n4 >> 2)))
      m += gap
      store<f32>(m, load<f32>(m) + load<f32>(values + (n5 >> 2)))
      m += gap
      store<f32>(m, load<f32>(m) + load<f32>(values + (n6 >> 2)))
      m += gap
      store<f32>(m, load<f32>(m) + load<f32>(values + (n7 >> 2)))
      m += gap
      row = r7 + stride
    }
    for (; r < rows; r++) {
      let n = root
      for (let d: i32 = 0; d < depth; d++) n = step(nodes, n, row)
      store<f32>(m, load<f32>(m) + load<f32>(values + (n >> 2)))
      m += gap
      row += stride
    }
  }
}

// --- Bins -----------------------------------------------------------------------------------------------------------

/**
 * Puts numbers into bins: rows of `features` float32 to rows of `features` bytes. `table` has 256 float32 a feature: its
 * cuts in order, then infinities. Eight steps a value and no branch. @returns whether every value was finite or NaN.
 */
export function bin(data: usize, rows: i32, features: i32, table: usize, out: usize): i32 {
  let finite: i32 = 1
  let x = data
  for (let r: i32 = 0; r < rows; r++) {
    let cuts = table
    for (let f: i32 = 0; f < features; f++) {
      const v = load<f32>(x)
      let p = cuts
      p += <usize>(i32(load<f32>(p, 508) <= v) << 9)
      p += <usize>(i32(load<f32>(p, 252) <= v) << 8)
      p += <usize>(i32(load<f32>(p, 124) <= v) << 7)
      p += <usize>(i32(load<f32>(p, 60) <= v) << 6)
      p += <usize>(i32(load<f32>(p, 28) <= v) << 5)
      p += <usize>(i32(load<f32>(p, 12) <= v) << 4)
      p += <usize>(i32(load<f32>(p, 4) <= v) << 3)
      p += <usize>(i32(load<f32>(p) <= v) << 2)
      const number = v == v
      finite &= i32(v - v == 0) | i32(!number)
      store<u8>(out, number ? <u32>((p - cuts) >> 2) : MISSING)
      out++
      x += 4
      cuts += 1024
    }
  }
  return finite
}

/** Sorts unsigned keys of 32 bits, 11 bits a pass, from `a` by way of `b` back into `b`; `counts` has 3 x 2048 words. */
export function sortKeys(a: usize, b: usize, n: i32, counts: usize): void {
  memory.fill(counts, 0, 24576)
  const end = a + (<usize>n << 2)
  for (let i = a; i < end; i += 4) {
    const key = load<u32>(i)
    let at = counts + <usize>((key & 2047) << 2)
    store<u32>(at, load<u32>(at) + 1)
    at = counts + <usize>(((key >> 11) & 2047) << 2)
    store<u32>(at, load<u32>(at, 8192) + 1, 8192)
    at = counts + <usize>((key >> 22) << 2)
    store<u32>(at, load<u32>(at, 16384) + 1, 16384)
  }
  for (let pass: usize = 0; pass < 3; pass++) {
    let sum: u32 = 0
    for (let i: usize = 0; i < 8192; i += 4) {
      const at = counts + (pass << 13) + i
      const count = load<u32>(at)
      store<u32>(at, sum)
      sum += count
    }
  }
  scatter(a, b, n, counts, 0)
  scatter(b, a, n, counts + 8192, 11)
  scatter(a, b, n, counts + 16384, 22)
}

function scatter(from: usize, to: usize, n: i32, counts: usize, shift: u32): void {
  const end = from + (<usize>n << 2)
  for (let i = from; i < end; i += 4) {
    const key = load<u32>(i)
    const at = counts + <usize>(((key >> shift) & 2047) << 2)
    const place = load<u32>(at)
    store<u32>(at, place + 1)
    store<u32>(to + <usize>(place << 2), key)
  }
}

/**
 * Takes a column of row-major float32 as keys that sort like the numbers; missing ones are left out, -0 is 0.
 * @returns how many there are; -1 for an infinite one.
 */
export function columnKeys(data: usize, rows: i32, stride: i32, out: usize): i32 {
  const begin = out
  for (let r: i32 = 0; r < rows; r++) {
    const v = load<f32>(data)
    data += <usize>stride
    if (v != v) continue
    if (v - v != 0) return -1
    const bits = reinterpret<u32>(v + 0)
    store<u32>(out, bits ^ (<u32>(<i32>bits >> 31) | 0x80000000))
    out += 4
  }
  return <i32>((out - begin) >> 2)
}
