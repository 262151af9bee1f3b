// Kernels of the fused engine over one linear memory. Every argument that names an array is a byte offset; counts are
// in elements. The plain form of each is in src/plain-kernels.ts and a test holds the two together.

// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

// --- Matrix product -------------------------------------------------------------------------------------------------

/** Packs B (k x n, element (p, j) at b + p * rs + j * cs bytes) into panels of 8 columns: [panel][k][8], zero-padded. */
export function packB(b: usize, k: i32, n: i32, rs: i32, cs: i32, out: usize): void {
  for (let j = 0; j < n; j += 8) {
    const width = min(8, n - j)
    if (width == 8 && cs == 4) {
      let from = b + <usize>j * 4
      for (let p = 0; p < k; p++) {
        v128.store(out, v128.load(from))
        v128.store(out, v128.load(from, 16), 16)
        from += rs
        out += 32
      }
    } else if (width == 8 && rs == 4) {
      packTransposed(b + <usize>j * cs, k, cs, out)
      out += <usize>k * 32
    } else {
      for (let p = 0; p < k; p++) {
        for (let c = 0; c < 8; c++) {
          const value: f32 = c < width ? load<f32>(b + <usize>p * rs + <usize>(j + c) * cs) : 0
          store<f32>(out + <usize>c * 4, value)
        }
        out += 32
      }
    }
  }
}

/** Eight rows of k contiguous elements, `stride` bytes apart, as [k][8]: 4 x 4 transposes. */
function packTransposed(b: usize, k: i32, stride: i32, out: usize): void {
  const whole = k & ~3
  for (let half = 0; half < 2; half++) {
    const b0 = b + <usize>half * 4 * stride
    const b1 = b0 + stride
    const b2 = b1 + stride
    const b3 = b2 + stride
    let to = out + <usize>half * 16
    for (let p = 0; p < whole; p += 4) {
      const at = <usize>p * 4
      transposeStore(v128.load(b0 + at), v128.load(b1 + at), v128.load(b2 + at), v128.load(b3 + at), to, 32)
      to += 128
    }
    for (let p = whole; p < k; p++) {
      const at = <usize>p * 4
      store<f32>(to, load<f32>(b0 + at))
      store<f32>(to, load<f32>(b1 + at), 4)
      store<f32>(to, load<f32>(b2 + at), 8)
      store<f32>(to, load<f32>(b3 + at), 12)
      to += 32
    }
  }
}

// @ts-ignore: decorator
@inline
function transposeStore(r0: v128, r1: v128, r2: v128, r3: v128, to: usize, step: usize): void {
  const a = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
  const b = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
  const c = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
  const d = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<f32>(a, b, 0, 1, 4, 5))
  v128.store(to + step, v128.shuffle<f32>(a, b, 2, 3, 6, 7))
  v128.store(to + 2 * step, v128.shuffle<f32>(c, d, 0, 1, 4, 5))
  v128.store(to + 3 * step, v128.shuffle<f32>(c, d, 2, 3, 6, 7))
}

/** Packs `rows` <= 4 rows of A (element (i, p) at a + i * rs + p * cs bytes) as [k][4], zero-padded. */
function packA(a: usize, rows: i32, k: i32, rs: i32, cs: i32, out: usize): void {
  if (rows == 4 && rs == 4) {
    for (let p = 0; p < k; p++) {
      v128.store(out, v128.load(a))
      a += cs
      out += 16
    }
    return
  }
  if (rows == 4 && cs == 4) {
    const a1 = a + rs
    const a2 = a1 + rs
    const a3 = a2 + rs
    const whole = k & ~3
    for (let p = 0; p < whole; p += 4) {
      const at = <usize>p * 4
      transposeStore(v128.load(a + at), v128.load(a1 + at), v128.load(a2 + at), v128.load(a3 + at), out, 16)
      out += 64
    }
    for (let p = whole; p < k; p++) {
      const at = <usize>p * 4
      store<f32>(out, load<f32>(a + at))
      store<f32>(out, load<f32>(a1 + at), 4)
      store<f32>(out, load<f32>(a2 + at), 8)
      store<f32>(out, load<f32>(a3 + at), 12)
      out += 16
    }
    return
  }
  for (let p = 0; p < k; p++) {
    for (let i = 0; i < 4; i++)
      store<f32>(out + <usize>i * 4, i < rows ? load<f32>(a + <usize>i * rs + <usize>p * cs) : 0)
    out += 16
  }
}

const ACCUMULATE: i32 = 1
const BIAS: i32 = 2
const RELU: i32 = 4
const MASK: i32 = 8

/** One row of a tile, from `from`: adds what the flags say, and stores `width` <= 8 columns. */
// @ts-ignore: decorator
@inline
function storeRow(c: usize, from: usize, width: i32, flags: i32, bias: usize, mask: usize): void {
  if (width == 8) {
    let low = v128.load(from), high = v128.load(from, 16)
    if (flags & ACCUMULATE) {
      low = f32x4.add(low, v128.load(c))
      high = f32x4.add(high, v128.load(c, 16))
    }
    if (flags & BIAS) {
      low = f32x4.add(low, v128.load(bias))
      high = f32x4.add(high, v128.load(bias, 16))
    }
    if (flags & RELU) {
      const zero = f32x4.splat(0)
      low = f32x4.max(low, zero)
      high = f32x4.max(high, zero)
    }
    if (flags & MASK) {
      const zero = f32x4.splat(0)
      low = v128.and(low, f32x4.gt(v128.load(mask), zero))
      high = v128.and(high, f32x4.gt(v128.load(mask, 16), zero))
    }
    v128.store(c, low)
    v128.store(c, high, 16)
    return
  }
  for (let j = 0; j < width; j++) {
    const at = <usize>j * 4
    let value = load<f32>(from + at)
    if (flags & ACCUMULATE) value += load<f32>(c + at)
    if (flags & BIAS) value += load<f32>(bias + at)
    if (flags & RELU) value = max<f32>(value, 0)
    if (flags & MASK) if (!(load<f32>(mask + at) > 0)) value = 0
    store<f32>(c + at, value)
  }
}

/** Rows whose packed part of A stays in the first cache beside a panel of B. */
const BLOCK: i32 = 16

/**
 * 4 packed rows times a panel of 8 columns, into 8 vectors at `out`. Exported so that it stays a function of its own: with
 * the stores inlined, the compilers of Node 20 and 22 move accumulators to memory and back in the loop (26 instead of 33 GFLOP/s).
 */
export function multiply4x8(left: usize, panel: usize, k: i32, out: usize): void {
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
  v128.store(out, c10, 32); v128.store(out, c11, 48)
  v128.store(out, c20, 64); v128.store(out, c21, 80)
  v128.store(out, c30, 96); v128.store(out, c31, 112)
}

/**
 * C (m x n, row-major) = A * B, then + C, + bias, relu, and zero where mask <= 0, as the flags say.
 * A(i, p) lies at a + i * rs + p * cs bytes; B is packed by packB; scratch holds k * 64 + 128 bytes.
 */
export function gemm(
  m: i32, n: i32, k: i32, a: usize, rs: i32, cs: i32, packed: usize, c: usize,
  flags: i32, bias: usize, mask: usize, scratch: usize,
): void {
  const rowBytes = <usize>n * 4
  const tail = scratch + <usize>k * 64
  for (let first = 0; first < m; first += BLOCK) {
    const end = min(first + BLOCK, m)
    let left = scratch
    for (let i = first; i < end; i += 4) {
      packA(a + <usize>i * rs, min(4, end - i), k, rs, cs, left)
      left += <usize>k * 16
    }
    let panel = packed
    for (let j = 0; j < n; j += 8) {
      const width = min(8, n - j)
      left = scratch
      for (let i = first; i < end; i += 4) {
        multiply4x8(left, panel, k, tail)
        const rows = min(4, end - i)
        let at = <usize>i * rowBytes + <usize>j * 4
        for (let row = 0; row < rows; row++) {
          storeRow(c + at, tail + (<usize>row << 5), width, flags, bias + <usize>j * 4, mask + at)
          at += rowBytes
        }
        left += <usize>k * 16
      }
      panel += <usize>k * 32
    }
  }
}

// --- Elementwise: arrays are padded to 16 bytes, so whole vectors may run up to 12 bytes past the count ----------------

// @ts-ignore: decorator
@inline
function f4(value: f32): v128 { return f32x4.splat(value) }

/** e^x within 2 units in the last place (Cephes expf). */
// @ts-ignore: decorator
@inline
function exp4(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, f4(-87.3)), f4(88.3))
  const n = f32x4.nearest(f32x4.mul(x, f4(1.44269504088896341)))
  let r = f32x4.sub(x, f32x4.mul(n, f4(0.693359375)))
  r = f32x4.sub(r, f32x4.mul(n, f4(-2.12194440e-4)))
  let y = f4(1.9875691500e-4)
  y = f32x4.add(f32x4.mul(y, r), f4(1.3981999507e-3))
  y = f32x4.add(f32x4.mul(y, r), f4(8.3334519073e-3))
  y = f32x4.add(f32x4.mul(y, r), f4(4.1665795894e-2))
  y = f32x4.add(f32x4.mul(y, r), f4(1.6666665459e-1))
  y = f32x4.add(f32x4.mul(y, r), f4(5.0000001201e-1))
  y = f32x4.add(f32x4.add(f32x4.mul(y, f32x4.mul(r, r)), r), f4(1))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  return f32x4.mul(y, power)
}

/** ln x for x > 0 (Cephes logf). */
// @ts-ignore: decorator
@inline
function log4(x: v128): v128 {
  let e = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126)))
  let m = v128.or(v128.and(x, i32x4.splat(0x7fffff)), i32x4.splat(0x3f000000))
  const small = f32x4.lt(m, f4(0.707106781186547524))
  e = f32x4.sub(e, v128.and(small, f4(1)))
  m = f32x4.sub(f32x4.add(m, v128.and(small, m)), f4(1))
  const z = f32x4.mul(m, m)
  let y = f4(7.0376836292e-2)
  y = f32x4.add(f32x4.mul(y, m), f4(-1.1514610310e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(1.1676998740e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(-1.2420140846e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(1.4249322787e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(-1.6668057665e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(2.0000714765e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(-2.4999993993e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(3.3333331174e-1))
  y = f32x4.mul(f32x4.mul(y, m), z)
  y = f32x4.add(y, f32x4.mul(e, f4(-2.12194440e-4)))
  y = f32x4.sub(y, f32x4.mul(z, f4(0.5)))
  return f32x4.add(f32x4.add(m, y), f32x4.mul(e, f4(0.693359375)))
}

// @ts-ignore: decorator
@inline
function sigmoid4(x: v128): v128 { return f32x4.div(f4(1), f32x4.add(f4(1), exp4(f32x4.neg(x)))) }

// @ts-ignore: decorator
@inline
function tanh4(x: v128): v128 {
  // Near zero 1 - 2 / (e^2x + 1) loses digits: a polynomial there (Cephes tanhf).
  const z = f32x4.mul(x, x)
  let y = f4(-5.70498872745e-3)
  y = f32x4.add(f32x4.mul(y, z), f4(2.06390887954e-2))
  y = f32x4.add(f32x4.mul(y, z), f4(-5.37397155531e-2))
  y = f32x4.add(f32x4.mul(y, z), f4(1.33314422036e-1))
  y = f32x4.add(f32x4.mul(y, z), f4(-3.33332819422e-1))
  y = f32x4.add(f32x4.mul(f32x4.mul(y, z), x), x)
  const far = f32x4.sub(f4(1), f32x4.div(f4(2), f32x4.add(exp4(f32x4.add(x, x)), f4(1))))
  return v128.bitselect(y, far, f32x4.lt(f32x4.abs(x), f4(0.625)))
}

const LEAK: f32 = 0.01
const GELU_A: f32 = 0.7978845608028654
const GELU_B: f32 = 0.044715

/** y = f(x). Kinds: 0 relu, 1 leaky relu (0.01), 2 elu, 3 sigmoid, 4 tanh, 5 softplus, 6 silu, 7 gelu (tanh form). */
export function activate(kind: i32, n: i32, x: usize, y: usize): void {
  const end = x + (<usize>n << 2)
  const zero = f4(0)
  for (; x < end; x += 16, y += 16) {
    const v = v128.load(x)
    let r: v128
    if (kind == 0) r = f32x4.max(v, zero)
    else if (kind == 1) r = f32x4.max(v, f32x4.mul(v, f4(LEAK)))
    else if (kind == 2) r = v128.bitselect(v, f32x4.sub(exp4(f32x4.min(v, zero)), f4(1)), f32x4.gt(v, zero))
    else if (kind == 3) r = sigmoid4(v)
    else if (kind == 4) r = tanh4(v)
    else if (kind == 5) r = f32x4.add(f32x4.max(v, zero), log4(f32x4.add(f4(1), exp4(f32x4.neg(f32x4.abs(v))))))
    else if (kind == 6) r = f32x4.mul(v, sigmoid4(v))
    else {
      const u = f32x4.mul(f4(GELU_A), f32x4.add(v, f32x4.mul(f4(GELU_B), f32x4.mul(v, f32x4.mul(v, v)))))
      r = f32x4.mul(f32x4.mul(f4(0.5), v), f32x4.add(f4(1), tanh4(u)))
    }
    v128.store(y, r)
  }
}

/** dx = dy * f'(x), from x for kinds 6 and 7, else from y. dx may be dy. */
export function activateGrad(kind: i32, n: i32, x: usize, y: usize, dy: usize, dx: usize): void {
  const count = <usize>n << 2
  const one = f4(1)
  const zero = f4(0)
  for (let at: usize = 0; at < count; at += 16) {
    const g = v128.load(dy + at)
    let r: v128
    if (kind < 6) {
      const v = v128.load(y + at)
      if (kind == 0) r = v128.and(g, f32x4.gt(v, zero))
      else if (kind == 1) r = v128.bitselect(g, f32x4.mul(g, f4(LEAK)), f32x4.gt(v, zero))
      else if (kind == 2) r = v128.bitselect(g, f32x4.mul(g, f32x4.add(v, one)), f32x4.gt(v, zero))
      else if (kind == 3) r = f32x4.mul(g, f32x4.mul(v, f32x4.sub(one, v)))
      else if (kind == 4) r = f32x4.mul(g, f32x4.sub(one, f32x4.mul(v, v)))
      else r = f32x4.mul(g, f32x4.sub(one, exp4(f32x4.neg(v))))
    } else {
      const v = v128.load(x + at)
      if (kind == 6) {
        const s = sigmoid4(v)
        r = f32x4.mul(g, f32x4.mul(s, f32x4.add(one, f32x4.mul(v, f32x4.sub(one, s)))))
      } else {
        const square = f32x4.mul(v, v)
        const t = tanh4(f32x4.mul(f4(GELU_A), f32x4.add(v, f32x4.mul(f4(GELU_B), f32x4.mul(v, square)))))
        const slope = f32x4.mul(f4(GELU_A), f32x4.add(one, f32x4.mul(f4(3 * GELU_B), square)))
        const left = f32x4.mul(f4(0.5), f32x4.add(one, t))
        const right = f32x4.mul(f32x4.mul(f4(0.5), v), f32x4.mul(f32x4.sub(one, f32x4.mul(t, t)), slope))
        r = f32x4.mul(g, f32x4.add(left, right))
      }
    }
    v128.store(dx + at, r)
  }
}

/** C (m x n) after a product made elsewhere: + bias, relu, zero where mask <= 0. */
export function epilogue(m: i32, n: i32, c: usize, flags: i32, bias: usize, mask: usize): void {
  const zero = f4(0)
  for (let i = 0; i < m; i++) {
    let j = 0
    for (; j + 4 <= n; j += 4) {
      const at = (<usize>i * n + j) << 2
      let v = v128.load(c + at)
      if (flags & BIAS) v = f32x4.add(v, v128.load(bias + (<usize>j << 2)))
      if (flags & RELU) v = f32x4.max(v, zero)
      if (flags & MASK) v = v128.and(v, f32x4.gt(v128.load(mask + at), zero))
      v128.store(c + at, v)
    }
    for (; j < n; j++) {
      const at = (<usize>i * n + j) << 2
      let v = load<f32>(c + at)
      if (flags & BIAS) v += load<f32>(bias + (<usize>j << 2))
      if (flags & RELU) v = max<f32>(v, 0)
      if (flags & MASK) if (!(load<f32>(mask + at) > 0)) v = 0
      store<f32>(c + at, v)
    }
  }
}

export function fill(n: i32, value: f32, x: usize): void {
  const v = f4(value)
  const end = x + (<usize>n << 2)
  for (; x < end; x += 16) v128.store(x, v)
}

/** y += a * x. */
export function axpy(n: i32, a: f32, x: usize, y: usize): void {
  const v = f4(a)
  const end = x + (<usize>n << 2)
  for (; x < end; x += 16, y += 16) v128.store(y, f32x4.add(v128.load(y), f32x4.mul(v, v128.load(x))))
}

/** x *= the number at `at`: an argument that is no integer would be garbage of the host in every call. */
export function scaleAt(n: i32, at: usize, x: usize): void { scale(n, load<f32>(at), x) }

/** x *= a. */
export function scale(n: i32, a: f32, x: usize): void {
  const v = f4(a)
  const end = x + (<usize>n << 2)
  for (; x < end; x += 16) v128.store(x, f32x4.mul(v, v128.load(x)))
}

/** Sum of x^2 in double precision; NaN or Infinity where x holds one. */
export function sumSquares(n: i32, x: usize): f64 {
  let s0 = f64x2.splat(0)
  let s1 = f64x2.splat(0)
  const whole = n & ~3
  const end = x + (<usize>whole << 2)
  for (; x < end; x += 16) {
    const v = v128.load(x)
    const low = f64x2.promote_low_f32x4(v)
    const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 1))
    s0 = f64x2.add(s0, f64x2.mul(low, low))
    s1 = f64x2.add(s1, f64x2.mul(high, high))
  }
  s0 = f64x2.add(s0, s1)
  let sum = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1)
  for (let i = whole; i < n; i++, x += 4) {
    const v = <f64>load<f32>(x)
    sum += v * v
  }
  return sum
}

/** out[j] = sum over rows of x[i, j], or += it. */
export function columnSum(rows: i32, columns: i32, x: usize, out: usize, accumulate: i32): void {
  columnSumPart(rows, columns, 0, columns, x, out, accumulate)
}

/** The sums of the columns from `j` to before `end`. */
export function columnSumPart(
  rows: i32, columns: i32, j: i32, end: i32, x: usize, out: usize, accumulate: i32,
): void {
  const stride = <usize>columns << 2
  for (; j + 16 <= end; j += 16) {
    const to = out + (<usize>j << 2)
    let s0 = f4(0), s1 = f4(0), s2 = f4(0), s3 = f4(0)
    if (accumulate) {
      s0 = v128.load(to); s1 = v128.load(to, 16); s2 = v128.load(to, 32); s3 = v128.load(to, 48)
    }
    let at = x + (<usize>j << 2)
    for (let i = 0; i < rows; i++) {
      s0 = f32x4.add(s0, v128.load(at)); s1 = f32x4.add(s1, v128.load(at, 16))
      s2 = f32x4.add(s2, v128.load(at, 32)); s3 = f32x4.add(s3, v128.load(at, 48))
      at += stride
    }
    v128.store(to, s0); v128.store(to, s1, 16); v128.store(to, s2, 32); v128.store(to, s3, 48)
  }
  for (; j < end; j++) {
    let s: f32 = accumulate ? load<f32>(out + (<usize>j << 2)) : 0
    for (let i = 0; i < rows; i++) s += load<f32>(x + ((<usize>i * columns + j) << 2))
    store<f32>(out + (<usize>j << 2), s)
  }
}

// --- Layer norm -----------------------------------------------------------------------------------------------------

/** y = (x - mean) * rstd * gamma + beta a row; stat holds mean and rstd of each row. */
export function layerNorm(rows: i32, n: i32, eps: f32, x: usize, gamma: usize, beta: usize, y: usize, stat: usize): void {
  const size = <usize>n << 2
  for (let i = 0; i < rows; i++) {
    let sum: f64 = 0
    for (let at: usize = 0; at < size; at += 4) sum += <f64>load<f32>(x + at)
    const mean = <f32>(sum / n)
    let squares: f64 = 0
    for (let at: usize = 0; at < size; at += 4) {
      const d = <f64>(load<f32>(x + at) - mean)
      squares += d * d
    }
    const rstd = <f32>(1 / Math.sqrt(squares / n + eps))
    for (let at: usize = 0; at < size; at += 4)
      store<f32>(y + at, (load<f32>(x + at) - mean) * rstd * load<f32>(gamma + at) + load<f32>(beta + at))
    store<f32>(stat, mean)
    store<f32>(stat, rstd, 4)
    x += size
    y += size
    stat += 8
  }
}

/** dx (unless 0), and dgamma += , dbeta += . */
export function layerNormGrad(
  rows: i32, n: i32, x: usize, gamma: usize, stat: usize, dy: usize, dx: usize, dgamma: usize, dbeta: usize,
): void {
  const size = <usize>n << 2
  for (let i = 0; i < rows; i++) {
    const mean = load<f32>(stat)
    const rstd = load<f32>(stat, 4)
    let sum: f64 = 0
    let product: f64 = 0
    for (let at: usize = 0; at < size; at += 4) {
      const g = load<f32>(dy + at)
      const h = (load<f32>(x + at) - mean) * rstd
      store<f32>(dgamma + at, load<f32>(dgamma + at) + g * h)
      store<f32>(dbeta + at, load<f32>(dbeta + at) + g)
      const u = <f64>(g * load<f32>(gamma + at))
      sum += u
      product += u * h
    }
    if (dx != 0) {
      const a = <f32>(sum / n)
      const b = <f32>(product / n)
      for (let at: usize = 0; at < size; at += 4) {
        const h = (load<f32>(x + at) - mean) * rstd
        store<f32>(dx + at, rstd * (load<f32>(dy + at) * load<f32>(gamma + at) - a - h * b))
      }
      dx += size
    }
    x += size
    dy += size
    stat += 8
  }
}

// --- Embedding: column `column` of x is replaced by the row of the table that it names, put at the end ------------------

export function embed(rows: i32, columns: i32, column: i32, size: i32, x: usize, table: usize, y: usize): void {
  for (let i = 0; i < rows; i++) {
    const index = <i32>load<f32>(x + (<usize>column << 2))
    for (let j = 0; j < columns; j++) {
      if (j == column) continue
      store<f32>(y, load<f32>(x + (<usize>j << 2)))
      y += 4
    }
    memory.copy(y, table + ((<usize>index * size) << 2), <usize>size << 2)
    y += <usize>size << 2
    x += <usize>columns << 2
  }
}

/** dx (unless 0; 0 in the index column), and dtable += . */
export function embedGrad(
  rows: i32, columns: i32, column: i32, size: i32, x: usize, dy: usize, dx: usize, dtable: usize,
): void {
  for (let i = 0; i < rows; i++) {
    const index = <i32>load<f32>(x + (<usize>column << 2))
    for (let j = 0; j < columns; j++) {
      if (j == column) {
        if (dx != 0) store<f32>(dx + (<usize>j << 2), 0)
        continue
      }
      if (dx != 0) store<f32>(dx + (<usize>j << 2), load<f32>(dy))
      dy += 4
    }
    let to = dtable + ((<usize>index * size) << 2)
    for (let j = 0; j < size; j++) {
      store<f32>(to, load<f32>(to) + load<f32>(dy))
      to += 4
      dy += 4
    }
    if (dx != 0) dx += <usize>columns << 2
    x += <usize>columns << 2
  }
}

// --- Dropout: Philox 4x32-10, 8 decisions of 16 bits a block ---------------------------------------------------------

/** y = x * factor where a 16-bit draw is >= threshold, else 0. Block b has the counter (first + b, step, 0, 0). */
export function dropout(
  n: i32, x: usize, y: usize, threshold: u32, factor: f32, key0: u32, key1: u32, step: u32, first: u32,
): void {
  const blocks = (n + 7) >> 3
  for (let block = 0; block < blocks; block++) {
    let c0 = first + <u32>block, c1 = step, c2: u32 = 0, c3: u32 = 0
    let k0 = key0, k1 = key1
    for (let round = 0; round < 10; round++) {
      const p0 = <u64>c0 * 0xd2511f53
      const p1 = <u64>c2 * 0xcd9e8d57
      c0 = <u32>(p1 >> 32) ^ c1 ^ k0
      c1 = <u32>p1
      c2 = <u32>(p0 >> 32) ^ c3 ^ k1
      c3 = <u32>p0
      k0 += 0x9e3779b9
      k1 += 0xbb67ae85
    }
    const limit = min(8, n - (block << 3))
    for (let j = 0; j < limit; j++) {
      const word = j < 2 ? c0 : j < 4 ? c1 : j < 6 ? c2 : c3
      const draw = j & 1 ? word >> 16 : word & 0xffff
      const at = (<usize>block * 8 + j) << 2
      store<f32>(y + at, draw >= threshold ? load<f32>(x + at) * factor : 0)
    }
  }
}

// --- 16-bit storage ---------------------------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline
function toBrain(bits: u32): u32 {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >> 16) | 0x40 // a NaN stays one
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16
}

function toFloat16(bits: u32): u32 {
  const sign = (bits >> 16) & 0x8000
  const size = bits & 0x7fffffff
  if (size > 0x7f800000) return sign | 0x7e00
  if (size >= 0x47800000) return sign | 0x7c00
  if (size < 0x38800000) {
    // Below 2^-14: adding 0.5 lines the bits up and rounds to even.
    const shifted = reinterpret<u32>(reinterpret<f32>(size) + <f32>0.5)
    return sign | (shifted - 0x3f000000)
  }
  return sign | ((size + 0xc8000fff + ((size >> 13) & 1)) >> 13)
}

function fromFloat16(half: u32): u32 {
  const sign = (half & 0x8000) << 16
  const rest = half & 0x7fff
  if (rest >= 0x7c00) return sign | 0x7f800000 | ((rest & 0x3ff) << 13)
  if (rest >= 0x400) return sign | ((rest << 13) + 0x38000000)
  return sign | reinterpret<u32>(<f32>rest * reinterpret<f32>(0x33800000)) // rest * 2^-24
}

/** float32 to bfloat16 (kind 0) or float16 (kind 1), to nearest, ties to even. */
export function toHalf(kind: i32, n: i32, x: usize, y: usize): void {
  if (kind == 0) for (let i = 0; i < n; i++) store<u16>(y + (<usize>i << 1), <u16>toBrain(load<u32>(x + (<usize>i << 2))))
  else for (let i = 0; i < n; i++) store<u16>(y + (<usize>i << 1), <u16>toFloat16(load<u32>(x + (<usize>i << 2))))
}

export function fromHalf(kind: i32, n: i32, x: usize, y: usize): void {
  if (kind == 0) for (let i = 0; i < n; i++) store<u32>(y + (<usize>i << 2), <u32>load<u16>(x + (<usize>i << 1)) << 16)
  else for (let i = 0; i < n; i++) store<u32>(y + (<usize>i << 2), fromFloat16(load<u16>(x + (<usize>i << 1))))
}

// --- Update rules -----------------------------------------------------------------------------------------------------

/**
 * p -= rate * ((m' * c1) / (sqrt(v' * c2) + eps) + decay * p), with m' and v' the moving means of g and g^2. The numbers lie at
 * `numbers`: rate, beta1, 1 - beta1, beta2, 1 - beta2, eps, c1, c2, l2, decay (the differences made in double precision).
 */
export function adam(n: i32, p: usize, g: usize, m: usize, v: usize, numbers: usize): void {
  const rate = load<f32>(numbers), eps = load<f32>(numbers, 20)
  const c1 = load<f32>(numbers, 24), c2 = load<f32>(numbers, 28)
  const l2 = load<f32>(numbers, 32), decay = load<f32>(numbers, 36)
  const b1 = v128.load_splat<f32>(numbers, 4), d1 = v128.load_splat<f32>(numbers, 8)
  const b2 = v128.load_splat<f32>(numbers, 12), d2 = v128.load_splat<f32>(numbers, 16)
  const size = <usize>n << 2
  for (let at: usize = 0; at < size; at += 16) {
    const w = v128.load(p + at)
    const d = f32x4.add(v128.load(g + at), f32x4.mul(f4(l2), w))
    const m1 = f32x4.add(f32x4.mul(b1, v128.load(m + at)), f32x4.mul(d1, d))
    const v1 = f32x4.add(f32x4.mul(b2, v128.load(v + at)), f32x4.mul(d2, f32x4.mul(d, d)))
    v128.store(m + at, m1)
    v128.store(v + at, v1)
    const root = f32x4.add(f32x4.sqrt(f32x4.mul(v1, f4(c2))), f4(eps))
    const move = f32x4.add(f32x4.div(f32x4.mul(m1, f4(c1)), root), f32x4.mul(f4(decay), w))
    v128.store(p + at, f32x4.sub(w, f32x4.mul(f4(rate), move)))
  }
}

/**
 * v' = momentum * v + damp * (g + l2 * p); p -= rate * (nesterov ? g + l2 * p + momentum * v' : v'). The numbers lie at
 * `numbers`: rate, momentum, damp, l2.
 */
export function momentum(n: i32, p: usize, g: usize, v: usize, numbers: usize, nesterov: i32): void {
  const rate = load<f32>(numbers), mu = load<f32>(numbers, 4)
  const damp = load<f32>(numbers, 8), l2 = load<f32>(numbers, 12)
  const size = <usize>n << 2
  for (let at: usize = 0; at < size; at += 16) {
    const w = v128.load(p + at)
    const d = f32x4.add(v128.load(g + at), f32x4.mul(f4(l2), w))
    const v1 = f32x4.add(f32x4.mul(f4(mu), v128.load(v + at)), f32x4.mul(f4(damp), d))
    v128.store(v + at, v1)
    const move = nesterov ? f32x4.add(d, f32x4.mul(f4(mu), v1)) : v1
    v128.store(p + at, f32x4.sub(w, f32x4.mul(f4(rate), move)))
  }
}
