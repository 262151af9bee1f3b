// Matrices in the order in which the product reads them.

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

/**
 * Packs `rows` <= `tile` rows of A (element (i, p) at a + i * rs + p * cs bytes) as [k][tile], zero-padded. A tile has 4
 * or 6 rows.
 */
export function packA(a: usize, rows: i32, tile: i32, k: i32, rs: i32, cs: i32, out: usize): void {
  const step = <usize>tile << 2
  if (rows == tile && rs == 4) {
    for (let p = 0; p < k; p++) {
      v128.store(out, v128.load(a))
      if (tile == 6) store<u64>(out, load<u64>(a, 16), 16)
      a += cs
      out += step
    }
    return
  }
  if (rows == tile && cs == 4) return packRows(a, tile, k, rs, out)
  for (let p = 0; p < k; p++) {
    for (let i = 0; i < tile; i++)
      store<f32>(out + (<usize>i << 2), i < rows ? load<f32>(a + <usize>i * rs + <usize>p * cs) : 0)
    out += step
  }
}

/** 4 or 6 rows of k contiguous elements: 4 x 4 and 2 x 4 transposes. */
function packRows(a: usize, tile: i32, k: i32, rs: i32, out: usize): void {
  const step = <usize>tile << 2
  const a1 = a + rs, a2 = a1 + rs, a3 = a2 + rs, a4 = a3 + rs, a5 = a4 + rs
  const whole = k & ~3
  for (let p = 0; p < whole; p += 4) {
    const at = <usize>p * 4
    transposeStore(v128.load(a + at), v128.load(a1 + at), v128.load(a2 + at), v128.load(a3 + at), out, step)
    if (tile == 6) {
      const r4 = v128.load(a4 + at), r5 = v128.load(a5 + at)
      const low = v128.shuffle<f32>(r4, r5, 0, 4, 1, 5), high = v128.shuffle<f32>(r4, r5, 2, 6, 3, 7)
      v128.store_lane<u64>(out, low, 0, 16)
      v128.store_lane<u64>(out, low, 1, 40)
      v128.store_lane<u64>(out, high, 0, 64)
      v128.store_lane<u64>(out, high, 1, 88)
    }
    out += step << 2
  }
  for (let p = whole; p < k; p++) {
    for (let i = 0; i < tile; i++) store<f32>(out + (<usize>i << 2), load<f32>(a + <usize>i * rs + <usize>p * 4))
    out += step
  }
}
