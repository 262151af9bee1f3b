// Kernels of the Gaussian process. The plain TypeScript forms in src/plain-gp-kernels.ts are the reference: same results,
// bit by bit, so that a study is the same with and without WebAssembly. Hence no sum is taken in another order. All
// matrices are row-major, `stride` numbers a row.

/** Dot product of `n` numbers by four sums, as two pairs. */
// @ts-ignore: decorator
@inline
function dot(a: usize, b: usize, n: i32): f64 {
  let s01 = f64x2.splat(0)
  let s23 = f64x2.splat(0)
  let i: i32 = 0
  for (; i + 3 < n; i += 4) {
    s01 = f64x2.add(s01, f64x2.mul(v128.load(a), v128.load(b)))
    s23 = f64x2.add(s23, f64x2.mul(v128.load(a, 16), v128.load(b, 16)))
    a += 32
    b += 32
  }
  let s0 = f64x2.extract_lane(s01, 0)
  for (; i < n; i++) {
    s0 += load<f64>(a) * load<f64>(b)
    a += 8
    b += 8
  }
  return s0 + f64x2.extract_lane(s01, 1) + (f64x2.extract_lane(s23, 0) + f64x2.extract_lane(s23, 1))
}

/** Rows `from` to `n` of the Cholesky factor, in place; 0 where the matrix is not positive. */
export function choleskyRows(a: usize, stride: i32, from: i32, n: i32): i32 {
  const bytes = (<usize>stride) << 3
  for (let i = from; i < n; i++) {
    const row = a + <usize>i * bytes
    for (let j = 0; j < i; j++) {
      const other = a + <usize>j * bytes
      const at = (<usize>j) << 3
      store<f64>(row + at, (load<f64>(row + at) - dot(row, other, j)) / load<f64>(other + at))
    }
    const end = row + ((<usize>i) << 3)
    const pivot = load<f64>(end) - dot(row, row, i)
    if (!(pivot > 0)) return 0
    store<f64>(end, Math.sqrt(pivot))
  }
  return 1
}

/** Solves L x = b for `count` rows of `b`, `width` numbers each, from number `from` on, in place. */
export function solveLowerRows(l: usize, stride: i32, n: i32, b: usize, width: i32, count: i32, from: i32): void {
  const bytes = (<usize>stride) << 3
  // Rows in blocks that stay in the cache, for each of which L is read once.
  for (let c = 0; c < count; c++) {
    const x = b + (<usize>c * <usize>width << 3)
    for (let i = from; i < n; i++) {
      const row = l + <usize>i * bytes
      const at = (<usize>i) << 3
      store<f64>(x + at, (load<f64>(x + at) - dot(row, x, i)) / load<f64>(row + at))
    }
  }
}

/** Solves L' x = b in place. */
export function solveUpper(l: usize, stride: i32, n: i32, b: usize): void {
  const bytes = (<usize>stride) << 3
  for (let i = n - 1; i >= 0; i--) {
    const row = l + <usize>i * bytes
    const at = (<usize>i) << 3
    const x = load<f64>(b + at) / load<f64>(row + at)
    store<f64>(b + at, x)
    subtractRow(b, row, x, i)
  }
}

/** to -= x * row, `count` numbers. */
// @ts-ignore: decorator
@inline
function subtractRow(to: usize, row: usize, x: f64, count: i32): void {
  const both = f64x2.splat(x)
  let j: i32 = 0
  for (; j + 1 < count; j += 2) {
    v128.store(to, f64x2.sub(v128.load(to), f64x2.mul(both, v128.load(row))))
    to += 16
    row += 16
  }
  if (j < count) store<f64>(to, load<f64>(to) - x * load<f64>(row))
}

/** to += x * row, `count` numbers. */
// @ts-ignore: decorator
@inline
function addRow(to: usize, row: usize, x: f64, count: i32): void {
  const both = f64x2.splat(x)
  let j: i32 = 0
  for (; j + 1 < count; j += 2) {
    v128.store(to, f64x2.add(v128.load(to), f64x2.mul(both, v128.load(row))))
    to += 16
    row += 16
  }
  if (j < count) store<f64>(to, load<f64>(to) + x * load<f64>(row))
}

/** Lower triangle of the inverse of L L'; `work` is scratch of the same shape. */
export function inverseFromCholesky(l: usize, n: i32, out: usize, work: usize): void {
  const bytes = (<usize>n) << 3
  for (let i = 0; i < n; i++) {
    const row = work + <usize>i * bytes
    const factor = l + <usize>i * bytes
    memory.fill(row, 0, (<usize>i) << 3)
    let k: i32 = 0
    // Four rows at a time: each number is read and written once for the four of them, in the same order.
    for (; k + 3 < i; k += 4) {
      const x0 = load<f64>(factor + ((<usize>k) << 3))
      const x1 = load<f64>(factor + ((<usize>k) << 3), 8)
      const x2 = load<f64>(factor + ((<usize>k) << 3), 16)
      const x3 = load<f64>(factor + ((<usize>k) << 3), 24)
      const r0 = work + <usize>k * bytes
      const r1 = r0 + bytes
      const r2 = r1 + bytes
      const r3 = r2 + bytes
      const y0 = f64x2.splat(x0)
      const y1 = f64x2.splat(x1)
      const y2 = f64x2.splat(x2)
      const y3 = f64x2.splat(x3)
      const even = (k + 1) & ~1
      let at: usize = 0
      const end = (<usize>even) << 3
      for (; at < end; at += 16) {
        let v = v128.load(row + at)
        v = f64x2.sub(v, f64x2.mul(y0, v128.load(r0 + at)))
        v = f64x2.sub(v, f64x2.mul(y1, v128.load(r1 + at)))
        v = f64x2.sub(v, f64x2.mul(y2, v128.load(r2 + at)))
        v = f64x2.sub(v, f64x2.mul(y3, v128.load(r3 + at)))
        v128.store(row + at, v)
      }
      for (let j = even; j <= k + 3; j++) {
        const place = (<usize>j) << 3
        let v = load<f64>(row + place)
        if (j <= k) v -= x0 * load<f64>(r0 + place)
        if (j <= k + 1) v -= x1 * load<f64>(r1 + place)
        if (j <= k + 2) v -= x2 * load<f64>(r2 + place)
        v -= x3 * load<f64>(r3 + place)
        store<f64>(row + place, v)
      }
    }
    for (; k < i; k++) subtractRow(row, work + <usize>k * bytes, load<f64>(factor + ((<usize>k) << 3)), k + 1)
    const scale = 1 / load<f64>(factor + ((<usize>i) << 3))
    for (let j = 0; j < i; j++) {
      const place = row + ((<usize>j) << 3)
      store<f64>(place, load<f64>(place) * scale)
    }
    store<f64>(row + ((<usize>i) << 3), scale)
  }
  memory.fill(out, 0, <usize>n * bytes)
  let i: i32 = 0
  for (; i + 3 < n; i += 4) {
    const r0 = work + <usize>i * bytes
    const r1 = r0 + bytes
    const r2 = r1 + bytes
    const r3 = r2 + bytes
    for (let a = 0; a <= i; a++) {
      const place = (<usize>a) << 3
      const x0 = load<f64>(r0 + place)
      const x1 = load<f64>(r1 + place)
      const x2 = load<f64>(r2 + place)
      const x3 = load<f64>(r3 + place)
      const y0 = f64x2.splat(x0)
      const y1 = f64x2.splat(x1)
      const y2 = f64x2.splat(x2)
      const y3 = f64x2.splat(x3)
      const to = out + <usize>a * bytes
      let b: i32 = 0
      for (; b < a; b += 2) {
        const at = (<usize>b) << 3
        let v = v128.load(to + at)
        v = f64x2.add(v, f64x2.mul(y0, v128.load(r0 + at)))
        v = f64x2.add(v, f64x2.mul(y1, v128.load(r1 + at)))
        v = f64x2.add(v, f64x2.mul(y2, v128.load(r2 + at)))
        v = f64x2.add(v, f64x2.mul(y3, v128.load(r3 + at)))
        v128.store(to + at, v)
      }
      if (b === a) {
        const at = (<usize>b) << 3
        let v = load<f64>(to + at)
        v += x0 * load<f64>(r0 + at)
        v += x1 * load<f64>(r1 + at)
        v += x2 * load<f64>(r2 + at)
        v += x3 * load<f64>(r3 + at)
        store<f64>(to + at, v)
      }
    }
    // What lies beside the diagonal of the four.
    for (let r = 1; r < 4; r++) {
      const row = r0 + <usize>r * bytes
      for (let a = i + 1; a <= i + r; a++)
        addRow(out + <usize>a * bytes, row, load<f64>(row + ((<usize>a) << 3)), a + 1)
    }
  }
  for (; i < n; i++) {
    const row = work + <usize>i * bytes
    for (let a = 0; a <= i; a++) addRow(out + <usize>a * bytes, row, load<f64>(row + ((<usize>a) << 3)), a + 1)
  }
}

/**
 * For every point and observation: the root of the weighted square distance, and the sum of the kernels of one axis.
 *
 * @param points  shape [count * d]
 * @param columns shape [d * stride], the observations' coordinates axis by axis; those from `from` to `n` are taken, and
 *   `from` is even
 * @param weights shape [2 * d], 1 / length^2 by axis, then what multiplies squares in the sum
 * @param roots, sums  shape [count * stride]
 */
export function distances(
  points: usize, count: i32, d: i32, columns: usize, stride: i32, from: i32, n: i32, weights: usize, sumsToo: i32,
  factor: f64, roots: usize, sums: usize,
): void {
  const bytes = (<usize>stride) << 3
  const axes = (<usize>d) << 3
  const one = f64x2.splat(1)
  const scale = f64x2.splat(factor)
  for (let c = 0; c < count; c++) {
    const point = points + <usize>c * axes
    for (let i = from; i < n; i += 2) {
      const at = (<usize>i) << 3
      let square = f64x2.splat(0)
      let sum = f64x2.splat(0)
      let column = columns + at
      if (sumsToo) {
        for (let j: usize = 0; j < axes; j += 8) {
          const difference = f64x2.sub(v128.load64_splat(point + j), v128.load(column))
          const s = f64x2.mul(difference, difference)
          square = f64x2.add(square, f64x2.mul(v128.load64_splat(weights + j), s))
          const q = f64x2.div(one, f64x2.add(one, f64x2.mul(v128.load64_splat(weights + axes + j), s)))
          sum = f64x2.add(sum, f64x2.mul(q, q))
          column += bytes
        }
      } else {
        for (let j: usize = 0; j < axes; j += 8) {
          const difference = f64x2.sub(v128.load64_splat(point + j), v128.load(column))
          square = f64x2.add(square, f64x2.mul(v128.load64_splat(weights + j), f64x2.mul(difference, difference)))
          column += bytes
        }
      }
      const to = <usize>c * bytes + at
      v128.store(roots + to, f64x2.mul(scale, f64x2.sqrt(square)))
      v128.store(sums + to, sum)
    }
  }
}

/**
 * The same of pairs of observations whose squares are known, `width` (even) numbers a pair, of which `d` count; pairs in
 * even number.
 */
export function pairDistances(
  squares: usize, pairs: i32, d: i32, width: i32, weights: usize, sumsToo: i32, factor: f64, roots: usize, sums: usize,
): void {
  const bytes = (<usize>width) << 3
  const axes = (<usize>width) << 3
  const one = f64x2.splat(1)
  const scale = f64x2.splat(factor)
  const odd = (d & 1) === 1
  const last = (<usize>(d & ~1)) << 3
  for (let p = 0; p < pairs; p += 2) {
    const first = squares + <usize>p * bytes
    const second = first + bytes
    let square = f64x2.splat(0)
    let sum = f64x2.splat(0)
    for (let j: usize = 0; j < last; j += 16) {
      const a = v128.load(first + j)
      const b = v128.load(second + j)
      const s0 = v128.shuffle<f64>(a, b, 0, 2)
      const s1 = v128.shuffle<f64>(a, b, 1, 3)
      square = f64x2.add(square, f64x2.mul(v128.load64_splat(weights + j), s0))
      square = f64x2.add(square, f64x2.mul(v128.load64_splat(weights + j, 8), s1))
      if (sumsToo) {
        const q0 = f64x2.div(one, f64x2.add(one, f64x2.mul(v128.load64_splat(weights + axes + j), s0)))
        const q1 = f64x2.div(one, f64x2.add(one, f64x2.mul(v128.load64_splat(weights + axes + j, 8), s1)))
        sum = f64x2.add(sum, f64x2.mul(q0, q0))
        sum = f64x2.add(sum, f64x2.mul(q1, q1))
      }
    }
    if (odd) {
      const s = v128.shuffle<f64>(v128.load(first + last), v128.load(second + last), 0, 2)
      square = f64x2.add(square, f64x2.mul(v128.load64_splat(weights + last), s))
      if (sumsToo) {
        const q = f64x2.div(one, f64x2.add(one, f64x2.mul(v128.load64_splat(weights + axes + last), s)))
        sum = f64x2.add(sum, f64x2.mul(q, q))
      }
    }
    const to = (<usize>p) << 3
    v128.store(roots + to, f64x2.mul(scale, f64x2.sqrt(square)))
    v128.store(sums + to, sum)
  }
}

/**
 * Sums over pairs: gradient[j] -= (joint[p] * s) * w[j], and of the second half by the slope of the kernels of one axis.
 *
 * @param weights shape [3 * width]: w, what multiplies squares in the sum, v
 * @param gradient shape [2 * width]
 */
export function pairGradients(
  squares: usize, pairs: i32, width: i32, weights: usize, sumsToo: i32, joint: usize, share: usize, slope: f64,
  gradient: usize,
): void {
  const axes = (<usize>width) << 3
  const one = f64x2.splat(1)
  const steep = f64x2.splat(slope)
  for (let p = 0; p < pairs; p++) {
    const row = squares + <usize>p * axes
    const weight = v128.load64_splat(joint + ((<usize>p) << 3))
    const part = v128.load64_splat(share + ((<usize>p) << 3))
    for (let j: usize = 0; j < axes; j += 16) {
      const s = v128.load(row + j)
      const w = v128.load(weights + j)
      v128.store(gradient + j, f64x2.sub(v128.load(gradient + j), f64x2.mul(f64x2.mul(weight, s), w)))
      if (sumsToo) {
        const q = f64x2.div(one, f64x2.add(one, f64x2.mul(v128.load(weights + axes + j), s)))
        const bend = f64x2.mul(f64x2.mul(f64x2.mul(steep, q), q), q)
        const term = f64x2.mul(f64x2.mul(f64x2.mul(part, bend), s), v128.load(weights + 2 * axes + j))
        const at = gradient + axes + j
        v128.store(at, f64x2.sub(v128.load(at), term))
      }
    }
  }
}

/**
 * Along one axis: for every value and observation the root of the square distance, and the sum, of which the other axes'
 * parts are known.
 *
 * @param column, rest, sums  shape [stride], the first `n` count; read two at a time
 * @param roots, totals       shape [count * stride]
 */
export function distancesAlong(
  values: usize, count: i32, column: usize, rest: usize, sums: usize, stride: i32, n: i32, weight: f64, sumWeight: f64,
  factor: f64, roots: usize, totals: usize,
): void {
  const bytes = (<usize>stride) << 3
  const end = (<usize>((n + 1) & ~1)) << 3
  const one = f64x2.splat(1)
  const scale = f64x2.splat(factor)
  const own = f64x2.splat(weight)
  const ownSum = f64x2.splat(sumWeight)
  for (let m = 0; m < count; m++) {
    const value = v128.load64_splat(values + ((<usize>m) << 3))
    for (let at: usize = 0; at < end; at += 16) {
      const difference = f64x2.sub(value, v128.load(column + at))
      const s = f64x2.mul(difference, difference)
      const square = f64x2.add(v128.load(rest + at), f64x2.mul(own, s))
      v128.store(roots + at, f64x2.mul(scale, f64x2.sqrt(square)))
      const q = f64x2.div(one, f64x2.add(one, f64x2.mul(ownSum, s)))
      v128.store(totals + at, f64x2.add(v128.load(sums + at), f64x2.mul(q, q)))
    }
    roots += bytes
    totals += bytes
  }
}
