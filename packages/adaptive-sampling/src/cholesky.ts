/** Dot product of two stretches, with four sums so that the multiplier stays busy. */
function dot(a: Float64Array, at: number, b: Float64Array, bt: number, n: number): number {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let i = 0
  for (; i + 3 < n; i += 4) {
    s0 += a[at + i] * b[bt + i]
    s1 += a[at + i + 1] * b[bt + i + 1]
    s2 += a[at + i + 2] * b[bt + i + 2]
    s3 += a[at + i + 3] * b[bt + i + 3]
  }
  for (; i < n; i++) s0 += a[at + i] * b[bt + i]
  return s0 + s1 + (s2 + s3)
}

/**
 * Rows `from` to `n` of the lower Cholesky factor of a symmetric positive matrix, in place; earlier rows are a factor
 * already.
 *
 * @param a      row-major, `stride` numbers a row; its lower triangle is overwritten by the factor.
 * @returns false where the matrix is not positive: the factor is then useless.
 */
export function choleskyRows(a: Float64Array, stride: number, from: number, n: number): boolean {
  for (let i = from; i < n; i++) {
    const row = i * stride
    for (let j = 0; j < i; j++) a[row + j] = (a[row + j] - dot(a, row, a, j * stride, j)) / a[j * stride + j]
    const pivot = a[row + i] - dot(a, row, a, row, i)
    if (!(pivot > 0)) return false
    a[row + i] = Math.sqrt(pivot)
  }
  return true
}

/** Solves L x = b from row `from` on, in place: x[0..from) is known already. */
export function solveLower(l: Float64Array, stride: number, n: number, b: Float64Array, from = 0, offset = 0): void {
  for (let i = from; i < n; i++) {
    const row = i * stride
    b[offset + i] = (b[offset + i] - dot(l, row, b, offset, i)) / l[row + i]
  }
}

/** Solves L' x = b in place. */
export function solveUpper(l: Float64Array, stride: number, n: number, b: Float64Array): void {
  for (let i = n - 1; i >= 0; i--) {
    const row = i * stride
    const x = b[i] / l[row + i]
    b[i] = x
    for (let j = 0; j < i; j++) b[j] -= x * l[row + j]
  }
}

/**
 * The inverse of L L' from its factor.
 *
 * @param out  shape [n * n], lower triangle overwritten.
 * @param work shape [n * n], overwritten.
 */
export function inverseFromCholesky(l: Float64Array, n: number, out: Float64Array, work: Float64Array): void {
  // work = L^-1, row by row; then out = work' work.
  for (let i = 0; i < n; i++) {
    const row = i * n
    work.fill(0, row, row + i)
    for (let k = 0; k < i; k++) {
      const x = l[row + k]
      const other = k * n
      for (let j = 0; j <= k; j++) work[row + j] -= x * work[other + j]
    }
    const scale = 1 / l[row + i]
    for (let j = 0; j < i; j++) work[row + j] *= scale
    work[row + i] = scale
  }
  out.fill(0)
  for (let i = 0; i < n; i++) {
    const row = i * n
    for (let a = 0; a <= i; a++) {
      const x = work[row + a]
      const to = a * n
      for (let b = 0; b <= a; b++) out[to + b] += x * work[row + b]
    }
  }
}
