import type { Dimension, Direction, FinishedTrial, SampleRequest, Space } from '@tradewright/core'

/** One coordinate of the unit cube as a model sees it. */
export interface Axis {
  readonly dimension: Dimension
  readonly kind: 'continuous' | 'ordered' | 'categorical'
  /** Number of values; Infinity where continuous. */
  readonly count: number
  /** Edges of the cells of an ordered axis in the unit interval, shape [count + 1]; empty elsewhere. */
  readonly edges: Float64Array
  /** Parent axis and its value, where the axis is active only under a condition. */
  readonly parent: number
  readonly parentValue: number
}

const MAX_CELLS = 65_536

function cellEdges(dimension: Dimension): Float64Array {
  const { count, low, high, step, log } = dimension
  const edges = new Float64Array(count + 1)
  if (!log) {
    for (let k = 0; k <= count; k++) edges[k] = k / count
    return edges
  }
  const bottom = Math.log(low - step / 2)
  const range = Math.log(high + step / 2) - bottom
  for (let k = 0; k <= count; k++) edges[k] = (Math.log(low + (k - 0.5) * step) - bottom) / range
  return edges
}

/** The axes of a space, one a dimension. Ordered dimensions of more than 65,536 values count as continuous. */
export function axesOf(space: Space): readonly Axis[] {
  return space.dimensions.map((dimension) => {
    const { count, condition } = dimension
    const kind =
      dimension.kind === 'categorical'
        ? 'categorical'
        : count <= MAX_CELLS && dimension.step > 0
          ? 'ordered'
          : 'continuous'
    return {
      dimension,
      kind,
      count,
      edges: kind === 'ordered' ? cellEdges(dimension) : new Float64Array(0),
      parent: condition?.dimension ?? -1,
      parentValue: condition?.value ?? -1,
    }
  })
}

/** Which cell of an ordered or categorical axis a unit coordinate lies in. */
export function cellOf(axis: Axis, unit: number): number {
  const { count, edges, kind } = axis
  if (kind === 'categorical' || !axis.dimension.log) return Math.min(count - 1, Math.max(0, Math.floor(unit * count)))
  let low = 0
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (edges[middle] <= unit) low = middle
    else high = middle - 1
  }
  return low
}

/** A unit coordinate moved to the middle of its cell; continuous ones stay. */
export function snapUnit(axis: Axis, unit: number): number {
  if (axis.kind === 'continuous') return Math.min(1, Math.max(0, unit))
  const cell = cellOf(axis, unit)
  if (axis.kind === 'categorical') return (cell + 0.5) / axis.count
  return 0.5 * (axis.edges[cell] + axis.edges[cell + 1])
}

/** Whether axis `a` is active at a unit point whose parents are set. */
export function isActive(axes: readonly Axis[], a: number, unit: ArrayLike<number>): boolean {
  for (let { parent, parentValue } = axes[a]; parent >= 0; { parent, parentValue } = axes[parent])
    if (cellOf(axes[parent], unit[parent]) !== parentValue) return false
  return true
}

/** What one trial is worth to a minimizer: NaN where it says nothing, Infinity where it failed. */
function lossOf(trial: FinishedTrial, objective: number, direction: Direction): number {
  const { status, values, reports } = trial
  const sign = direction === 'maximize' ? -1 : 1
  // A value that is not a number is no value: the same as a failure.
  if (status === 'failed' || (status === 'done' && Number.isNaN(values[objective]))) return Number.POSITIVE_INFINITY
  if (status === 'done') return sign * values[objective]
  // A pruned trial is worth its last intermediate value (as in Optuna), where there is one objective.
  if (status === 'pruned' && objective === 0 && reports.length > 0) return sign * reports[reports.length - 1].value
  return Number.NaN
}

/**
 * Finished trials as columns: what every sampler here works on. Grows with the history it is given; a history that is
 * not a continuation of the last one is read afresh, so the columns are always a pure function of the request.
 */
export class Observations {
  axes: readonly Axis[] = []
  /** Trials that say something. */
  count = 0
  /** Those that did not fail. */
  succeeded = 0
  /** The best observation of one objective; -1 where none succeeded. */
  best = -1
  /** shape [count * axes], unit coordinates, NaN where inactive. */
  points: Float64Array = new Float64Array(0)
  /** shape [count * objectives], smaller is better, never NaN; may be infinite, and is where the trial failed. */
  losses: Float64Array = new Float64Array(0)
  /** shape [count], 0 where feasible, Infinity where the trial failed: failures are worse than all else. */
  violations: Float64Array = new Float64Array(0)
  /** shape [count], trial numbers. */
  numbers: Float64Array = new Float64Array(0)
  /** shape [count], 1 where the trial was pruned: its loss is an intermediate one. */
  pruned: Uint8Array = new Uint8Array(0)
  /** shape [count], 1 where the trial failed. */
  failed: Uint8Array = new Uint8Array(0)
  objectives = 1
  /** Trials of the history read so far, failed ones included. */
  read = 0
  #space: Space | undefined
  #first: FinishedTrial | undefined
  #last: FinishedTrial | undefined
  #seed = -1

  /** Reads what is new. @returns false where the history is another one, so that memories of the old one are void. */
  sync(request: SampleRequest): boolean {
    const { space, history, directions, seed } = request
    const continued =
      space === this.#space &&
      seed === this.#seed &&
      directions.length === this.objectives &&
      history.length >= this.read &&
      history[0] === (this.read === 0 ? history[0] : this.#first) &&
      (this.read === 0 || history[this.read - 1] === this.#last)
    if (!continued) this.#reset(space, directions.length, seed)
    for (; this.read < history.length; this.read++) this.#add(space, history[this.read], directions)
    this.#first = history[0]
    this.#last = history[history.length - 1]
    return continued
  }

  #reset(space: Space, objectives: number, seed: number): void {
    this.#space = space
    this.#seed = seed
    this.axes = axesOf(space)
    this.objectives = objectives
    this.count = 0
    this.succeeded = 0
    this.best = -1
    this.read = 0
  }

  #add(space: Space, trial: FinishedTrial, directions: readonly Direction[]): void {
    const { axes, objectives, count } = this
    const d = axes.length
    for (let k = 0; k < objectives; k++) if (Number.isNaN(lossOf(trial, k, directions[k]))) return
    if (this.numbers.length === count) this.#grow()
    const point = space.toPoint(trial.params)
    const unit = space.toUnit(trial.params)
    for (let a = 0; a < d; a++)
      this.points[count * d + a] = Number.isNaN(point[a]) ? Number.NaN : snapUnit(axes[a], unit[a])
    let failed = trial.status === 'failed'
    for (let k = 0; k < objectives; k++) {
      this.losses[count * objectives + k] = lossOf(trial, k, directions[k])
      if (trial.status === 'done') failed ||= Number.isNaN(trial.values[k])
    }
    const violation = Number.isNaN(trial.violation) ? Number.POSITIVE_INFINITY : Math.max(0, trial.violation ?? 0)
    this.violations[count] = failed ? Number.POSITIVE_INFINITY : violation
    this.failed[count] = failed ? 1 : 0
    if (!failed) this.succeeded++
    this.numbers[count] = trial.number
    if (!failed && (this.best < 0 || this.compare(count, this.best) < 0)) this.best = count
    this.pruned[count] = trial.status === 'pruned' ? 1 : 0
    this.count++
  }

  #grow(): void {
    const size = Math.max(64, 2 * this.count)
    const larger = (old: Float64Array, length: number): Float64Array => {
      const array = new Float64Array(length)
      array.set(old.subarray(0, Math.min(old.length, length)))
      return array
    }
    this.points = larger(this.points, size * this.axes.length)
    this.losses = larger(this.losses, size * this.objectives)
    this.violations = larger(this.violations, size)
    this.numbers = larger(this.numbers, size)
    const flags = (old: Uint8Array): Uint8Array => {
      const array = new Uint8Array(size)
      array.set(old.subarray(0, this.count))
      return array
    }
    this.pruned = flags(this.pruned)
    this.failed = flags(this.failed)
  }

  /** -1 where observation `a` is better than `b`, 1 where worse: failures last, by violation, loss, age. One objective. */
  compare(a: number, b: number): number {
    const { violations, losses, objectives, failed } = this
    if (failed[a] !== failed[b]) return failed[a] - failed[b]
    if (violations[a] !== violations[b]) return violations[a] < violations[b] ? -1 : 1
    const x = losses[a * objectives]
    const y = losses[b * objectives]
    if (x !== y) return x < y ? -1 : 1
    return a - b
  }

  /** Indexes of all observations, best first, failures last. One objective. */
  ranked(): Int32Array {
    return Int32Array.from({ length: this.count }, (_, i) => i).sort((a, b) => this.compare(a, b))
  }

  /** Indexes of the observations that did not fail, in trial order. */
  successes(): Int32Array {
    const out = new Int32Array(this.succeeded)
    let n = 0
    for (let i = 0; i < this.count; i++) if (this.failed[i] === 0) out[n++] = i
    return out
  }

  /** A copy of one point, 0.5 where inactive. */
  copyPoint(index: number, out: Float64Array = new Float64Array(this.axes.length)): Float64Array {
    const d = this.axes.length
    for (let a = 0; a < d; a++) {
      const x = this.points[index * d + a]
      out[a] = Number.isNaN(x) ? 0.5 : x
    }
    return out
  }
}
