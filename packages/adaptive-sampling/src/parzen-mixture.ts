import type { Rng } from '@tradewright/core'
import { normalCdf, truncatedNormal } from '@tradewright/core'
import { type Axis, cellOf, snapUnit } from './observations.ts'

/** Axes with more cells are judged by the density in the middle of a cell, as if they were continuous. */
const MAX_TABLE = 16
/** A term this far below the largest one is less than 1e-12 of the sum: it is left out. */
const NEGLIGIBLE = -28

/**
 * A mixture of product kernels over some axes of the unit cube: truncated normals on numbers (their mass in a cell on
 * coarse ones), smoothed indicators on categorical axes. One kernel an observation, and a wide prior.
 *
 * Densities are up to a factor that is the same for every mixture over the same axes.
 */
export class ParzenMixture {
  readonly #axes: readonly Axis[]
  /** Positions in `#axes` of those judged by a density. */
  readonly #smooth: readonly number[]
  /** Positions of those judged by a table of log masses. */
  readonly #tabled: readonly number[]
  readonly #tableOffset: readonly number[]
  readonly #tableSize: number
  kernels = 0
  #capacity = 0
  /** shape [kernels * smooth] */
  #mu = new Float64Array(0)
  #inverse = new Float64Array(0)
  /** shape [kernels * axes], standard deviations (0 on categorical axes) and means, for sampling */
  #sigma = new Float64Array(0)
  #mean = new Float64Array(0)
  /** shape [kernels * tableSize], log masses by cell */
  #tables = new Float64Array(0)
  /** shape [kernels], log weight less the log normalisers */
  #logWeight = new Float64Array(0)
  #weight = new Float64Array(0)
  #totalWeight = 0
  #terms = new Float64Array(0)

  constructor(axes: readonly Axis[]) {
    this.#axes = axes
    const tabled = (axis: Axis): boolean =>
      axis.kind === 'categorical' || (axis.kind === 'ordered' && axis.count <= MAX_TABLE)
    this.#smooth = axes.flatMap((axis, i) => (tabled(axis) ? [] : [i]))
    this.#tabled = axes.flatMap((axis, i) => (tabled(axis) ? [i] : []))
    let offset = 0
    this.#tableOffset = this.#tabled.map((i) => {
      const at = offset
      offset += axes[i].count
      return at
    })
    this.#tableSize = offset
  }

  clear(): void {
    this.kernels = 0
    this.#totalWeight = 0
  }

  #grow(): void {
    const size = Math.max(64, 2 * this.#capacity)
    const larger = (old: Float64Array, width: number): Float64Array<ArrayBuffer> => {
      const array = new Float64Array(size * width)
      array.set(old)
      return array
    }
    this.#mu = larger(this.#mu, this.#smooth.length)
    this.#inverse = larger(this.#inverse, this.#smooth.length)
    this.#sigma = larger(this.#sigma, this.#axes.length)
    this.#mean = larger(this.#mean, this.#axes.length)
    this.#tables = larger(this.#tables, this.#tableSize)
    this.#logWeight = larger(this.#logWeight, 1)
    this.#weight = larger(this.#weight, 1)
    this.#capacity = size
  }

  /**
   * Adds a kernel.
   *
   * @param means  unit coordinates, one an axis; read from `offset`.
   * @param sigmas standard deviations, one an axis; those of categorical axes are the mass spread over all values.
   */
  add(means: Float64Array, sigmas: Float64Array, weight: number, offset = 0): void {
    if (this.kernels === this.#capacity) this.#grow()
    const k = this.kernels++
    const m = this.#axes.length
    let logNorm = 0
    for (let i = 0; i < this.#smooth.length; i++) {
      const at = this.#smooth[i]
      const mu = means[offset + at]
      const sigma = sigmas[offset + at]
      const inverse = 1 / sigma
      this.#mu[k * this.#smooth.length + i] = mu
      this.#inverse[k * this.#smooth.length + i] = inverse
      logNorm += Math.log(sigma * (normalCdf((1 - mu) * inverse) - normalCdf(-mu * inverse)))
    }
    for (let i = 0; i < m; i++) {
      this.#sigma[k * m + i] = sigmas[offset + i]
      this.#mean[k * m + i] = means[offset + i]
    }
    for (let i = 0; i < this.#tabled.length; i++) {
      const at = this.#tabled[i]
      this.#fillTable(
        k * this.#tableSize + this.#tableOffset[i],
        this.#axes[at],
        means[offset + at],
        sigmas[offset + at],
      )
    }
    this.#weight[k] = weight
    this.#totalWeight += weight
    this.#logWeight[k] = Math.log(weight) - logNorm
  }

  #fillTable(at: number, axis: Axis, mean: number, sigma: number): void {
    const { count, edges } = axis
    if (axis.kind === 'categorical') {
      const hit = cellOf(axis, mean)
      const spread = sigma / count
      for (let c = 0; c < count; c++) this.#tables[at + c] = Math.log(((c === hit ? 1 : 0) + spread) / (1 + sigma))
      return
    }
    const whole = normalCdf((1 - mean) / sigma) - normalCdf(-mean / sigma)
    for (let c = 0; c < count; c++) {
      // The mirror image above the mean keeps the tail's accuracy.
      const low = (edges[c] - mean) / sigma
      const high = (edges[c + 1] - mean) / sigma
      const mass = low > 0 ? normalCdf(-low) - normalCdf(-high) : normalCdf(high) - normalCdf(low)
      this.#tables[at + c] = Math.log(Math.max(1e-300, mass / whole))
    }
  }

  /** One draw into `out` from `offset`: unit coordinates, in the middle of their cells on discrete axes. */
  sample(rng: Rng, out: Float64Array, offset: number): void {
    const m = this.#axes.length
    let target = rng.uniform() * this.#totalWeight
    let k = 0
    while (k < this.kernels - 1 && target >= this.#weight[k]) target -= this.#weight[k++]
    for (let i = 0; i < m; i++) {
      const axis = this.#axes[i]
      const mean = this.#mean[k * m + i]
      const sigma = this.#sigma[k * m + i]
      const u = rng.uniform()
      if (axis.kind === 'categorical') {
        const stays = u * (1 + sigma) < 1
        out[offset + i] = stays
          ? mean
          : (Math.min(axis.count - 1, Math.floor(((u * (1 + sigma) - 1) / sigma) * axis.count)) + 0.5) / axis.count
      } else out[offset + i] = snapUnit(axis, truncatedNormal(mean, sigma, 0, 1, u))
    }
  }

  /**
   * Log densities of points.
   *
   * @param points shape [count * axes], unit coordinates. Read only.
   * @param out    shape [count], fully overwritten.
   */
  logDensities(points: Float64Array, count: number, out: Float64Array): void {
    const { kernels } = this
    // Candidates in blocks of four: four independent sums keep the multiplier busy, and a kernel is read once a block.
    const width = (count + 3) & ~3
    const columns = this.#smoothColumns(points, count, width)
    if (this.#terms.length < kernels * width) this.#terms = new Float64Array(this.#capacity * width)
    const terms = this.#terms
    squareTerms(
      { columns, mu: this.#mu, inverse: this.#inverse, logWeight: this.#logWeight, terms },
      kernels,
      width,
      this.#smooth.length,
    )
    if (this.#tabled.length > 0) this.#addTables(points, count, width)
    const top = new Float64Array(width).fill(Number.NEGATIVE_INFINITY)
    for (let k = 0, at = 0; k < kernels; k++, at += width)
      for (let c = 0; c < count; c++) if (terms[at + c] > top[c]) top[c] = terms[at + c]
    // One exponential a product kernel, and none where it would not be seen.
    const sums = new Float64Array(width)
    for (let k = 0, at = 0; k < kernels; k++, at += width)
      for (let c = 0; c < count; c++) {
        const below = terms[at + c] - top[c]
        if (below > NEGLIGIBLE) sums[c] += Math.exp(below)
      }
    for (let c = 0; c < count; c++) out[c] = top[c] + Math.log(sums[c])
  }

  /** The smooth coordinates of `points`, one column an axis, shape [smooth * width]. */
  #smoothColumns(points: Float64Array, count: number, width: number): Float64Array {
    const m = this.#axes.length
    const columns = new Float64Array(this.#smooth.length * width)
    this.#smooth.forEach((at, i) => {
      for (let c = 0; c < count; c++) columns[i * width + c] = points[c * m + at]
    })
    return columns
  }

  #addTables(points: Float64Array, count: number, width: number): void {
    const m = this.#axes.length
    this.#tabled.forEach((at, i) => {
      const cells = new Int32Array(count)
      for (let c = 0; c < count; c++) cells[c] = this.#tableOffset[i] + cellOf(this.#axes[at], points[c * m + at])
      for (let k = 0; k < this.kernels; k++)
        for (let c = 0; c < count; c++) this.#terms[k * width + c] += this.#tables[k * this.#tableSize + cells[c]]
    })
  }
}

/**
 * terms[k, c] = logWeight[k] - sum over axes of ((x[axis, c] - mu[k, axis]) * inverse[k, axis])^2 / 2.
 *
 * @param width candidates, a multiple of four.
 */
function squareTerms(
  arrays: {
    readonly columns: Float64Array
    readonly mu: Float64Array
    readonly inverse: Float64Array
    readonly logWeight: Float64Array
    readonly terms: Float64Array
  },
  kernels: number,
  width: number,
  axes: number,
): void {
  const { columns, mu, inverse, logWeight, terms } = arrays
  for (let k = 0; k < kernels; k++) {
    const row = k * axes
    const base = logWeight[k]
    for (let c = 0; c < width; c += 4) {
      let s0 = 0
      let s1 = 0
      let s2 = 0
      let s3 = 0
      for (let i = 0, at = c; i < axes; i++, at += width) {
        const center = mu[row + i]
        const scale = inverse[row + i]
        const z0 = (columns[at] - center) * scale
        const z1 = (columns[at + 1] - center) * scale
        const z2 = (columns[at + 2] - center) * scale
        const z3 = (columns[at + 3] - center) * scale
        s0 += z0 * z0
        s1 += z1 * z1
        s2 += z2 * z2
        s3 += z3 * z3
      }
      const to = k * width + c
      terms[to] = base - 0.5 * s0
      terms[to + 1] = base - 0.5 * s1
      terms[to + 2] = base - 0.5 * s2
      terms[to + 3] = base - 0.5 * s3
    }
  }
}
