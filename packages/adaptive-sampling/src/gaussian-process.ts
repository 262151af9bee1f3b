import { choleskyRows, inverseFromCholesky, solveLower, solveUpper } from './cholesky.ts'
import { fastestGpKernels } from './fastest-gp-kernels.ts'
import { BLOCK, type GpKernels } from './gp-kernels.ts'
import { type AxisKinds, axisSquare, type GpParameters, RATIONAL, SQRT5 } from './gp-parameters.ts'

/** A posterior over functions: given observations, the mean and variance anywhere. */
export class GaussianProcess {
  readonly d: number
  n = 0
  readonly parameters: GpParameters
  readonly #kinds: AxisKinds
  /** Whether every coordinate is a number: no categories, nothing inactive. */
  #plain: boolean
  readonly #capacity: number
  readonly #x: Float64Array
  readonly #y: Float64Array
  readonly #l: Float64Array
  readonly #alpha: Float64Array
  readonly #k: Float64Array
  readonly #slope: Float64Array
  readonly #sumSlope: Float64Array
  readonly #beta: Float64Array
  readonly #part: number
  /** shape [2 * d]: 1 / length^2 of each axis, and of the sum, times {@link RATIONAL}. */
  readonly #weights: Float64Array
  readonly #kernels: GpKernels

  /**
   * @param capacity observations, later ones included.
   * @param kernels  what the costly loops run on; every form gives the same numbers.
   */
  constructor(parameters: GpParameters, kinds: AxisKinds, capacity: number, kernels: GpKernels = fastestGpKernels()) {
    this.parameters = parameters
    this.d = kinds.length
    this.#kinds = kinds
    this.#kernels = kernels
    this.#plain = kinds.every((kind) => kind === 'number')
    capacity += capacity & 1
    this.#capacity = capacity
    this.#weights = new Float64Array(2 * this.d)
    this.#weights.set(parameters.inverseSquares)
    for (let j = 0; j < this.d; j++) this.#weights[this.d + j] = RATIONAL * parameters.sumInverseSquares[j]
    this.#x = new Float64Array(capacity * this.d)
    this.#y = new Float64Array(capacity)
    this.#l = new Float64Array(capacity * capacity)
    this.#alpha = new Float64Array(capacity)
    this.#k = new Float64Array(capacity)
    this.#slope = new Float64Array(capacity)
    this.#sumSlope = new Float64Array(capacity * this.d)
    this.#beta = new Float64Array(capacity)
    this.#part = parameters.sumScale / this.d
  }

  /** Variance of the function before anything is known. */
  get variance(): number {
    return this.parameters.scale + this.parameters.sumScale
  }

  /** Numbers a point takes in what {@link GaussianProcess.whiten} fills: the capacity, made even. */
  get stride(): number {
    return this.#capacity
  }

  /** Whether a point can be compared with the observations by differences alone. */
  #isPlain(points: Float64Array, at: number): boolean {
    if (!this.#plain) return false
    for (let j = at; j < at + this.d; j++) if (Number.isNaN(points[j])) return false
    return true
  }

  /** Adds observations; the factor grows by their rows. `x` shape [count * d], copied. */
  add(x: Float64Array, y: Float64Array, count: number): void {
    const { d } = this
    const from = this.n
    this.#x.set(x.subarray(0, count * d), from * d)
    this.#y.set(y.subarray(0, count), from)
    if (this.#plain) for (let i = 0; i < count * d; i++) if (Number.isNaN(x[i])) this.#plain = false
    this.n += count
    for (let jitter = 0; ; jitter = Math.max(10 * jitter, 1e-8)) {
      const factored = from === 0 && this.#plain ? this.#factorAll(jitter) : this.#factorRows(from, jitter)
      if (factored || jitter > 1) break
    }
    this.#alpha.set(this.#y.subarray(0, this.n))
    const alpha = this.#alpha.subarray(0, this.n)
    solveLower(this.#l, this.#capacity, this.n, alpha)
    solveUpper(this.#l, this.#capacity, this.n, alpha)
  }

  /** The factor's rows from `from` on; false where the matrix is not positive. */
  #factorRows(from: number, jitter: number): boolean {
    const { d, n } = this
    for (let i = from; i < n; i++) {
      this.#covariances(this.#x, i * d, 0, i, this.#l, i * this.#capacity)
      this.#l[i * this.#capacity + i] = this.variance * (1 + jitter) + this.parameters.noise
    }
    return choleskyRows(this.#l, this.#capacity, from, n)
  }

  /** The whole factor, where every coordinate is a number. */
  #factorAll(jitter: number): boolean {
    const { d, n } = this
    const { scale } = this.parameters
    const part = this.#part
    const work = this.#kernels.fitWork(n, d)
    const { squares, width, roots, sums, l } = work
    for (let i = 1, p = 0; i < n; i++)
      for (let k = 0; k < i; k++, p++)
        for (let j = 0; j < d; j++) {
          const difference = this.#x[i * d + j] - this.#x[k * d + j]
          squares[p * width + j] = difference * difference
        }
    const weights = new Float64Array(3 * width)
    weights.set(this.#weights.subarray(0, d))
    weights.set(this.#weights.subarray(d), width)
    work.distances(weights, part > 0)
    for (let i = 0, p = 0; i < n; i++) {
      for (let k = 0; k < i; k++, p++) {
        const root = roots[p]
        l[i * n + k] = scale * (1 + root + (root * root) / 3) * Math.exp(-root) + part * sums[p]
      }
      l[i * n + i] = this.variance * (1 + jitter) + this.parameters.noise
    }
    const factored = work.factor()
    for (let i = 0; i < n; i++) this.#l.set(l.subarray(i * n, i * n + i + 1), i * this.#capacity)
    return factored
  }

  /** Covariances of a point with the observations from `from` to `count`. */
  #covariances(points: Float64Array, at: number, from: number, count: number, out: Float64Array, offset: number): void {
    const { d } = this
    const { scale } = this.parameters
    const x = this.#x
    const part = this.#part
    const kinds = this.#kinds
    const weights = this.#weights
    const plain = this.#isPlain(points, at)
    for (let i = from; i < count; i++) {
      let square = 0
      let sum = 0
      for (let j = 0, row = i * d; j < d; j++) {
        const difference = points[at + j] - x[row + j]
        const s = plain ? difference * difference : axisSquare(kinds[j], points[at + j], x[row + j])
        square += weights[j] * s
        if (part > 0) {
          const q = 1 / (1 + weights[d + j] * s)
          sum += q * q
        }
      }
      const root = SQRT5 * Math.sqrt(square)
      out[offset + i] = scale * (1 + root + (root * root) / 3) * Math.exp(-root) + part * sum
    }
  }

  /** Mean at a point. O(n d). */
  mean(points: Float64Array, at: number): number {
    this.#covariances(points, at, 0, this.n, this.#k, 0)
    return this.#meanOf(this.#k, 0)
  }

  /**
   * Means along one axis through a point.
   *
   * @param point  shape [d]. Read only.
   * @param values shape [m], coordinates of the axis to try. Read only.
   * @param out    shape [m], filled.
   */
  meansAlong(point: Float64Array, axis: number, values: Float64Array, out: Float64Array): void {
    const { d, n } = this
    const x = this.#x
    const part = this.#part
    const kinds = this.#kinds
    const weights = this.#weights
    const rest = this.#k
    const sums = this.#slope
    const plain = this.#isPlain(point, 0)
    for (let i = 0; i < n; i++) {
      let square = 0
      let sum = 0
      for (let j = 0, row = i * d; j < d; j++) {
        if (j === axis) continue
        const difference = point[j] - x[row + j]
        const s = plain ? difference * difference : axisSquare(kinds[j], point[j], x[row + j])
        square += weights[j] * s
        if (part > 0) {
          const q = 1 / (1 + weights[d + j] * s)
          sum += q * q
        }
      }
      rest[i] = square
      sums[i] = sum
    }
    if (plain) this.#alongPlain(axis, values, out)
    else this.#alongAny(axis, values, out)
  }

  /** {@link GaussianProcess.meansAlong} once what the other axes add is in `#k` and `#slope`. */
  #alongPlain(axis: number, values: Float64Array, out: Float64Array): void {
    const { d, n } = this
    const { scale } = this.parameters
    const part = this.#part
    const alpha = this.#alpha
    const work = this.#kernels.lineWork(n, values.length)
    const { roots, sums, stride } = work
    work.values.set(values)
    for (let i = 0; i < n; i++) work.column[i] = this.#x[i * d + axis]
    work.rest.set(this.#k.subarray(0, n))
    work.restSums.set(this.#slope.subarray(0, n))
    work.distances(this.#weights[axis], this.#weights[d + axis])
    for (let m = 0; m < values.length; m++) {
      let mean = 0
      for (let i = 0, at = m * stride; i < n; i++, at++) {
        const root = roots[at]
        let k = scale * (1 + root + (root * root) / 3) * Math.exp(-root)
        if (part > 0) k += part * sums[at]
        mean += k * alpha[i]
      }
      out[m] = mean
    }
  }

  #alongAny(axis: number, values: Float64Array, out: Float64Array): void {
    const { d, n } = this
    const { scale } = this.parameters
    const part = this.#part
    const weights = this.#weights
    for (let m = 0; m < values.length; m++) {
      let mean = 0
      for (let i = 0, at = axis; i < n; i++, at += d) {
        const s = axisSquare(this.#kinds[axis], values[m], this.#x[at])
        const root = SQRT5 * Math.sqrt(this.#k[i] + weights[axis] * s)
        let k = scale * (1 + root + (root * root) / 3) * Math.exp(-root)
        if (part > 0) {
          const q = 1 / (1 + weights[d + axis] * s)
          k += part * (this.#slope[i] + q * q)
        }
        mean += k * this.#alpha[i]
      }
      out[m] = mean
    }
  }

  /**
   * Whitened covariances of points: L^-1 k. Their square sums are what the observations take from the variances.
   *
   * @param points shape [count * d]. Read only.
   * @param out    shape [count * stride]; the first n numbers of each point are filled.
   * @param means  shape [count], filled.
   */
  whiten(points: Float64Array, count: number, out: Float64Array, means: Float64Array): void {
    const { d, n } = this
    const stride = this.#capacity
    let plain = true
    for (let c = 0; c < count && plain; c++) plain = this.#isPlain(points, c * d)
    if (plain) {
      this.#whitenBlocks(points, count, out, means)
      return
    }
    for (let c = 0; c < count; c++) {
      this.#covariances(points, c * d, 0, n, out, c * stride)
      means[c] = this.#meanOf(out, c * stride)
      solveLower(this.#l, stride, n, out, 0, c * stride)
    }
  }

  #meanOf(covariances: Float64Array, offset: number): number {
    let mean = 0
    for (let i = 0; i < this.n; i++) mean += covariances[offset + i] * this.#alpha[i]
    return mean
  }

  #whitenBlocks(points: Float64Array, count: number, out: Float64Array, means: Float64Array): void {
    const { d, n } = this
    const { scale } = this.parameters
    const part = this.#part
    const stride = this.#capacity
    const columns = new Float64Array(d * stride)
    for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) columns[j * stride + i] = this.#x[i * d + j]
    const work = this.#kernels.blockWork({ n, d, stride, columns, l: this.#l, weights: this.#weights })
    const { roots, sums } = work
    for (let from = 0; from < count; from += BLOCK) {
      const size = Math.min(BLOCK, count - from)
      work.points.set(points.subarray(from * d, (from + size) * d))
      work.distances(size, part > 0)
      for (let c = 0; c < size; c++) {
        for (let i = c * stride; i < c * stride + n; i++) {
          const root = roots[i]
          roots[i] = scale * (1 + root + (root * root) / 3) * Math.exp(-root) + part * sums[i]
        }
        means[from + c] = this.#meanOf(roots, c * stride)
      }
      work.solve(size)
      out.set(roots.subarray(0, size * stride), from * stride)
    }
  }

  /** Extends what {@link whiten} gave by the observations added since. */
  extend(points: Float64Array, at: number, out: Float64Array, offset: number, from: number): void {
    this.#covariances(points, at, from, this.n, out, offset)
    solveLower(this.#l, this.#capacity, this.n, out, from, offset)
  }

  /**
   * Mean and variance at a point, with their gradients by the numeric coordinates.
   *
   * @param gradients shape [2 * d], of the mean and of the variance; 0 for categories. Fully overwritten.
   */
  predict(point: Float64Array, gradients: Float64Array): { readonly mean: number; readonly variance: number } {
    const { d, n } = this
    const { inverseSquares, sumInverseSquares, scale } = this.parameters
    const part = this.#part
    const x = this.#x
    const kinds = this.#kinds
    const weights = this.#weights
    const k = this.#k
    const slope = this.#slope
    const sumSlope = this.#sumSlope
    const plain = this.#isPlain(point, 0)
    for (let i = 0; i < n; i++) {
      let square = 0
      let sum = 0
      for (let j = 0, row = i * d; j < d; j++) {
        const difference = point[j] - x[row + j]
        const s = plain ? difference * difference : axisSquare(kinds[j], point[j], x[row + j])
        square += weights[j] * s
        if (part > 0) {
          const q = 1 / (1 + weights[d + j] * s)
          sum += part * q * q
          sumSlope[row + j] = -4 * RATIONAL * part * q * q * q
        }
      }
      const root = SQRT5 * Math.sqrt(square)
      const decay = scale * Math.exp(-root)
      k[i] = (1 + root + (root * root) / 3) * decay + sum
      slope[i] = -(5 / 3) * (1 + root) * decay
    }
    const beta = this.#beta.subarray(0, n)
    beta.set(k.subarray(0, n))
    solveLower(this.#l, this.#capacity, n, beta)
    let mean = 0
    let taken = 0
    for (let i = 0; i < n; i++) {
      mean += k[i] * this.#alpha[i]
      taken += beta[i] * beta[i]
    }
    solveUpper(this.#l, this.#capacity, n, beta)
    gradients.fill(0)
    for (let i = 0; i < n; i++) {
      const a = this.#alpha[i]
      const b = -2 * beta[i]
      const steep = slope[i]
      for (let j = 0, row = i * d; j < d; j++) {
        if (!plain && kinds[j] !== 'number') continue
        const step = point[j] - x[row + j]
        if (Number.isNaN(step)) continue
        let g = steep * inverseSquares[j]
        if (part > 0) g += sumSlope[row + j] * sumInverseSquares[j]
        gradients[j] += a * g * step
        gradients[d + j] += b * g * step
      }
    }
    return { mean, variance: Math.max(1e-12, this.variance - taken) }
  }

  /**
   * How well the model foretells each of its observations from the others: 1 less the leave-one-out error over the
   * variance. At most 1; 0 is as good as the mean, less is worse.
   *
   * @see Rasmussen, Williams (2006), equation 5.12.
   */
  skill(part = 1): number {
    const { n } = this
    const l = new Float64Array(n * n)
    for (let i = 0; i < n; i++) l.set(this.#l.subarray(i * this.#capacity, i * this.#capacity + i + 1), i * n)
    const inverse = new Float64Array(n * n)
    inverseFromCholesky(l, n, inverse, new Float64Array(n * n))
    const order = Int32Array.from({ length: n }, (_, i) => i).sort((i, k) => this.#y[i] - this.#y[k] || i - k)
    const best = order.subarray(0, Math.max(2, Math.ceil(part * n)))
    let mean = 0
    for (const i of best) mean += this.#y[i] / best.length
    let error = 0
    let variance = 0
    for (const i of best) {
      error += (this.#alpha[i] / inverse[i * n + i]) ** 2
      variance += (this.#y[i] - mean) ** 2
    }
    return variance > 0 ? 1 - error / variance : 0
  }
}
