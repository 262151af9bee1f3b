/**
 * Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations.
 *
 * @param matrix  shape [n * n], symmetric. Read only.
 * @param values  shape [n], eigenvalues in no order; fully overwritten.
 * @param vectors shape [n * n], column j belongs to value j; read as the start where `warm`, then overwritten.
 * @param warm    whether `vectors` holds those of a similar matrix, which saves most sweeps.
 * @see Golub, Van Loan (2013), "Matrix computations", 4th ed., section 8.5. O(n^3) a sweep.
 */
export function symmetricEigen(
  matrix: Float64Array,
  n: number,
  values: Float64Array,
  vectors: Float64Array,
  warm = false,
): void {
  const a = new Float64Array(n * n)
  if (warm) conjugate(matrix, vectors, n, a)
  else {
    a.set(matrix)
    vectors.fill(0)
    for (let i = 0; i < n; i++) vectors[i * n + i] = 1
  }
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0
    let diagonal = 0
    for (let i = 0; i < n; i++) {
      diagonal += a[i * n + i] * a[i * n + i]
      for (let j = i + 1; j < n; j++) off += a[i * n + j] * a[i * n + j]
    }
    if (off <= 1e-22 * diagonal) break
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(a, vectors, n, p, q)
  }
  for (let i = 0; i < n; i++) values[i] = a[i * n + i]
}

/** out = vectors' * matrix * vectors */
function conjugate(matrix: Float64Array, vectors: Float64Array, n: number, out: Float64Array): void {
  const product = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const x = matrix[i * n + k]
      for (let j = 0; j < n; j++) product[i * n + j] += x * vectors[k * n + j]
    }
  for (let k = 0; k < n; k++)
    for (let i = 0; i < n; i++) {
      const x = vectors[k * n + i]
      for (let j = 0; j < n; j++) out[i * n + j] += x * product[k * n + j]
    }
}

function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q]
  if (apq === 0) return
  const theta = (a[q * n + q] - a[p * n + p]) / (2 * apq)
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const c = 1 / Math.sqrt(t * t + 1)
  const s = t * c
  for (let k = 0; k < n; k++) {
    const x = a[k * n + p]
    const y = a[k * n + q]
    a[k * n + p] = c * x - s * y
    a[k * n + q] = s * x + c * y
  }
  for (let k = 0; k < n; k++) {
    const x = a[p * n + k]
    const y = a[q * n + k]
    a[p * n + k] = c * x - s * y
    a[q * n + k] = s * x + c * y
  }
  for (let k = 0; k < n; k++) {
    const x = v[k * n + p]
    const y = v[k * n + q]
    v[k * n + p] = c * x - s * y
    v[k * n + q] = s * x + c * y
  }
}
