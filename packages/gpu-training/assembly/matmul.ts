import { f4 } from './vector-math'
import { packA } from './pack'

// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

const ACCUMULATE: i32 = 1
const BIAS: i32 = 2
const RELU: i32 = 4
const MASK: i32 = 8

/** Rows whose packed part of A stays in the first cache beside a panel of B. */
const BLOCK: i32 = 24
/** Rows that are multiplied at once: as many as leave the 15 vector registers of V8 for a row of B and one number of A. */
const TILE: i32 = 6

// The functions below are exported so that they stay functions of their own: inlined, the compilers of Node 20 and 22
// move sums to memory and back in the loop (26 instead of 33 GFLOP/s); so they do where the loop is unrolled.

/** 6 packed rows times a panel of 8 columns, into 6 rows `step` bytes apart. */
export function multiply6x8(left: usize, panel: usize, k: i32, out: usize, step: usize): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0)
  let c40 = f32x4.splat(0), c41 = f32x4.splat(0)
  let c50 = f32x4.splat(0), c51 = f32x4.splat(0)
  let b0: v128, b1: v128, x: v128
  for (let p = 0; p < k; p++) {
    b0 = v128.load(panel); b1 = v128.load(panel, 16)
    x = v128.load_splat<f32>(left); c00 = madd(x, b0, c00); c01 = madd(x, b1, c01)
    x = v128.load_splat<f32>(left, 4); c10 = madd(x, b0, c10); c11 = madd(x, b1, c11)
    x = v128.load_splat<f32>(left, 8); c20 = madd(x, b0, c20); c21 = madd(x, b1, c21)
    x = v128.load_splat<f32>(left, 12); c30 = madd(x, b0, c30); c31 = madd(x, b1, c31)
    x = v128.load_splat<f32>(left, 16); c40 = madd(x, b0, c40); c41 = madd(x, b1, c41)
    x = v128.load_splat<f32>(left, 20); c50 = madd(x, b0, c50); c51 = madd(x, b1, c51)
    panel += 32
    left += 24
  }
  v128.store(out, c00); v128.store(out, c01, 16)
  out += step
  v128.store(out, c10); v128.store(out, c11, 16)
  out += step
  v128.store(out, c20); v128.store(out, c21, 16)
  out += step
  v128.store(out, c30); v128.store(out, c31, 16)
  out += step
  v128.store(out, c40); v128.store(out, c41, 16)
  out += step
  v128.store(out, c50); v128.store(out, c51, 16)
}

/** The same for the last 4 rows, or fewer. */
export function multiply4x8(left: usize, panel: usize, k: i32, out: usize, step: usize): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0)
  let b0: v128, b1: v128, x: v128
  for (let p = 0; p < k; p++) {
    b0 = v128.load(panel); b1 = v128.load(panel, 16)
    x = v128.load_splat<f32>(left); c00 = madd(x, b0, c00); c01 = madd(x, b1, c01)
    x = v128.load_splat<f32>(left, 4); c10 = madd(x, b0, c10); c11 = madd(x, b1, c11)
    x = v128.load_splat<f32>(left, 8); c20 = madd(x, b0, c20); c21 = madd(x, b1, c21)
    x = v128.load_splat<f32>(left, 12); c30 = madd(x, b0, c30); c31 = madd(x, b1, c31)
    panel += 32
    left += 16
  }
  v128.store(out, c00); v128.store(out, c01, 16)
  out += step
  v128.store(out, c10); v128.store(out, c11, 16)
  out += step
  v128.store(out, c20); v128.store(out, c21, 16)
  out += step
  v128.store(out, c30); v128.store(out, c31, 16)
}

/** The first 4 columns of it, for the last panel of a narrow matrix. */
export function multiply6x4(left: usize, panel: usize, k: i32, out: usize, step: usize): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0)
  let c3 = f32x4.splat(0), c4 = f32x4.splat(0), c5 = f32x4.splat(0)
  let b: v128
  for (let p = 0; p < k; p++) {
    b = v128.load(panel)
    c0 = madd(v128.load_splat<f32>(left), b, c0)
    c1 = madd(v128.load_splat<f32>(left, 4), b, c1)
    c2 = madd(v128.load_splat<f32>(left, 8), b, c2)
    c3 = madd(v128.load_splat<f32>(left, 12), b, c3)
    c4 = madd(v128.load_splat<f32>(left, 16), b, c4)
    c5 = madd(v128.load_splat<f32>(left, 20), b, c5)
    panel += 32
    left += 24
  }
  v128.store(out, c0)
  out += step
  v128.store(out, c1)
  out += step
  v128.store(out, c2)
  out += step
  v128.store(out, c3)
  out += step
  v128.store(out, c4)
  out += step
  v128.store(out, c5)
}

export function multiply4x4(left: usize, panel: usize, k: i32, out: usize, step: usize): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0), c3 = f32x4.splat(0)
  let b: v128
  for (let p = 0; p < k; p++) {
    b = v128.load(panel)
    c0 = madd(v128.load_splat<f32>(left), b, c0)
    c1 = madd(v128.load_splat<f32>(left, 4), b, c1)
    c2 = madd(v128.load_splat<f32>(left, 8), b, c2)
    c3 = madd(v128.load_splat<f32>(left, 12), b, c3)
    panel += 32
    left += 16
  }
  v128.store(out, c0)
  out += step
  v128.store(out, c1)
  out += step
  v128.store(out, c2)
  out += step
  v128.store(out, c3)
}

/** One row of a tile, from `from`, to `width` <= 8 columns: stored, or added to what is there. */
// @ts-ignore: decorator
@inline
function storeRow(c: usize, from: usize, width: i32, accumulate: i32): void {
  if (width == 8) {
    let low = v128.load(from), high = v128.load(from, 16)
    if (accumulate) {
      low = f32x4.add(low, v128.load(c))
      high = f32x4.add(high, v128.load(c, 16))
    }
    v128.store(c, low)
    v128.store(c, high, 16)
    return
  }
  for (let j = 0; j < width; j++) {
    const at = <usize>j * 4
    const value = load<f32>(from + at)
    store<f32>(c + at, accumulate ? value + load<f32>(c + at) : value)
  }
}

/** `rows` x `width` of a product through `tail`: where it is no whole tile, or is added to what is there. */
function multiplyPart(
  left: usize, panel: usize, k: i32, rows: i32, width: i32, c: usize, rowBytes: usize, accumulate: i32, tail: usize,
): void {
  if (rows > 4) {
    if (width > 4) multiply6x8(left, panel, k, tail, 32)
    else multiply6x4(left, panel, k, tail, 32)
  } else if (width > 4) multiply4x8(left, panel, k, tail, 32)
  else multiply4x4(left, panel, k, tail, 32)
  for (let row = 0; row < rows; row++) {
    storeRow(c, tail, width, accumulate)
    c += rowBytes
    tail += 32
  }
}

/**
 * C (m x n, row-major) = A * B, then + C, + bias, relu, and zero where mask <= 0, as the flags say.
 * A(i, p) lies at a + i * rs + p * cs bytes; B is packed by packB; scratch holds k * 96 + 192 bytes.
 */
export function gemm(
  m: i32, n: i32, k: i32, a: usize, rs: i32, cs: i32, packed: usize, c: usize,
  flags: i32, bias: usize, mask: usize, scratch: usize,
): void {
  const rowBytes = <usize>n * 4
  const tail = scratch + <usize>k * (BLOCK * 4)
  const accumulate = flags & ACCUMULATE
  for (let first = 0; first < m; first += BLOCK) {
    const end = min(first + BLOCK, m)
    for (let i = first, left = scratch; i < end; i += TILE, left += <usize>k * (TILE * 4))
      packA(a + <usize>i * rs, min(TILE, end - i), end - i > 4 ? TILE : 4, k, rs, cs, left)
    let panel = packed
    for (let j = 0; j < n; j += 8) {
      const width = min(8, n - j)
      let left = scratch
      for (let i = first; i < end; i += TILE) {
        const rows = min(TILE, end - i)
        const at = c + <usize>i * rowBytes + <usize>j * 4
        if (width < 8 || accumulate) multiplyPart(left, panel, k, rows, width, at, rowBytes, accumulate, tail)
        else if (rows == TILE) multiply6x8(left, panel, k, at, rowBytes)
        else if (rows == 4) multiply4x8(left, panel, k, at, rowBytes)
        else multiplyPart(left, panel, k, rows, width, at, rowBytes, 0, tail)
        left += <usize>k * (TILE * 4)
      }
      panel += <usize>k * 32
    }
    // The block is still in the first cache.
    const at = <usize>first * rowBytes
    if (flags > ACCUMULATE) epilogue(end - first, n, c + at, flags, bias, mask + at)
  }
}

// Marks of the parts of an epilogue that a loop does: known where it is compiled, so each has no branch inside.
// @ts-ignore: decorator
@inline
function epilogueRow(n: i32, c: usize, flags: i32, bias: usize, mask: usize): void {
  const zero = f4(0)
  const whole = <usize>(n & ~3) << 2
  let at: usize = 0
  for (; at < whole; at += 16) {
    let v = v128.load(c + at)
    if (flags & BIAS) v = f32x4.add(v, v128.load(bias + at))
    if (flags & RELU) v = f32x4.max(v, zero)
    if (flags & MASK) v = v128.and(v, f32x4.gt(v128.load(mask + at), zero))
    v128.store(c + at, v)
  }
  for (const end = <usize>n << 2; at < end; at += 4) {
    let v = load<f32>(c + at)
    if (flags & BIAS) v += load<f32>(bias + at)
    if (flags & RELU) v = max<f32>(v, 0)
    if (flags & MASK) if (!(load<f32>(mask + at) > 0)) v = 0
    store<f32>(c + at, v)
  }
}

/** C (m x n) after a product: + bias, relu, zero where mask <= 0. */
export function epilogue(m: i32, n: i32, c: usize, flags: i32, bias: usize, mask: usize): void {
  const step = <usize>n << 2
  for (let i = 0; i < m; i++) {
    if ((flags & 14) == (BIAS | RELU)) epilogueRow(n, c, BIAS | RELU, bias, 0)
    else if ((flags & 14) == MASK) epilogueRow(n, c, MASK, 0, mask)
    else epilogueRow(n, c, flags, bias, mask)
    c += step
    mask += step
  }
}
