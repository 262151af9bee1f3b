/** A quadratic with an elastic net: 1/2 b'Hb - c'b + l1 |b| + l2/2 |b|^2, the penalty on the first `penalized` only. */
export interface Quadratic {
  /** shape [size * size], symmetric, positive semidefinite. Read only. */
  readonly H: Float64Array
  /** shape [size]. Read only. */
  readonly c: Float64Array
  readonly l1: number
  readonly l2: number
  /** Whether a coordinate is penalized. */
  readonly penalized: (coordinate: number) => boolean
}

/**
 * Minimizes by cyclic coordinate descent with soft thresholds, from `b`.
 *
 * @param b shape [size]: the start, overwritten with the minimum.
 * @param tolerance largest change of any coordinate in a sweep, in units of the objective's root.
 * @returns sweeps made.
 * @see Friedman, Hastie, Tibshirani (2010), "Regularization paths for generalized linear models via coordinate descent",
 *   J. Statistical Software 33(1), section 2.2 (covariance updates).
 */
export function descendCoordinates(quadratic: Quadratic, b: Float64Array, tolerance: number, most: number): number {
  const { H, c, l1, l2, penalized } = quadratic
  const size = b.length
  const rest = c.slice() // c - Hb
  for (let j = 0; j < size; j++) {
    if (b[j] === 0) continue
    for (let i = 0; i < size; i++) rest[i] -= H[i * size + j] * b[j]
  }
  let sweeps = 0
  for (; sweeps < most; sweeps++) {
    let largest = 0
    for (let j = 0; j < size; j++) {
      const own = H[j * size + j]
      if (!(own > 0)) continue // says nothing: stays where it is
      const shrink = penalized(j)
      const pull = rest[j] + own * b[j]
      const threshold = shrink ? l1 : 0
      const thresholded = pull > threshold ? pull - threshold : pull < -threshold ? pull + threshold : 0
      const next = thresholded / (own + (shrink ? l2 : 0))
      const change = next - b[j]
      if (change === 0) continue
      b[j] = next
      const row = j * size
      for (let i = 0; i < size; i++) rest[i] -= H[row + i] * change
      largest = Math.max(largest, Math.abs(change) * Math.sqrt(own))
    }
    if (largest <= tolerance) break
  }
  return sweeps
}

/**
 * Solves (H + l2) b = c by Cholesky; columns that depend on earlier ones get 0, as in R's `lm`.
 *
 * @param b shape [size], overwritten.
 */
export function solveCholesky({ H, c, l2 }: Pick<Quadratic, 'H' | 'c' | 'l2'>, b: Float64Array): void {
  const size = b.length
  const L = new Float64Array(size * size)
  const used = new Uint8Array(size)
  for (let j = 0; j < size; j++) {
    let pivot = H[j * size + j] + l2
    const before = pivot
    for (let k = 0; k < j; k++) pivot -= L[j * size + k] ** 2
    if (!(pivot > before * 1e-11) || !(before > 0)) continue // depends on the columns before it
    used[j] = 1
    const root = Math.sqrt(pivot)
    L[j * size + j] = root
    for (let i = j + 1; i < size; i++) {
      let sum = H[i * size + j]
      for (let k = 0; k < j; k++) sum -= L[i * size + k] * L[j * size + k]
      L[i * size + j] = sum / root
    }
  }
  const z = new Float64Array(size)
  for (let j = 0; j < size; j++) {
    if (used[j] === 0) continue
    let sum = c[j]
    for (let k = 0; k < j; k++) sum -= L[j * size + k] * z[k]
    z[j] = sum / L[j * size + j]
  }
  for (let j = size - 1; j >= 0; j--) {
    b[j] = 0
    if (used[j] === 0) continue
    let sum = z[j]
    for (let i = j + 1; i < size; i++) sum -= L[i * size + j] * b[i]
    b[j] = sum / L[j * size + j]
  }
}
