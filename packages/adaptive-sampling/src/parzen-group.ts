import { type Axis, type Observations, snapUnit } from './observations.ts'
import { ParzenMixture } from './parzen-mixture.ts'

/** Kernels are never narrower than this part of the range. */
const MIN_BANDWIDTH = 0.003

/** Order of the observations along one axis, kept as they come. */
class SortedColumn {
  #order = new Int32Array(64)
  count = 0

  get order(): Int32Array {
    return this.#order
  }

  /** Inserts row `index` with value `value`; `at(row)` gives the others' values. */
  insert(index: number, value: number, at: (row: number) => number): void {
    if (this.count === this.#order.length) {
      const larger = new Int32Array(2 * this.count)
      larger.set(this.#order)
      this.#order = larger
    }
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (at(this.#order[middle]) <= value) low = middle + 1
      else high = middle
    }
    this.#order.copyWithin(low + 1, low, this.count)
    this.#order[low] = index
    this.count++
  }
}

/**
 * Parameters that are active together, and the two mixtures over them: one of the good observations, one of the bad.
 */
export class ParzenGroup {
  /** Axes of the space, ascending. */
  readonly members: readonly number[]
  readonly good: ParzenMixture
  readonly bad: ParzenMixture
  readonly #axes: readonly Axis[]
  readonly #observations: Observations
  readonly #columns: readonly SortedColumn[]
  /** Observations in which the group is active, in trial order. */
  #rows: number[] = []
  #read = 0
  #priorWeight = 1
  /** Values of the bad observations along each axis, ascending, for the bandwidths of lies. */
  #badSorted: Float64Array[] = []

  constructor(observations: Observations, members: readonly number[]) {
    this.members = members
    this.#observations = observations
    this.#axes = members.map((a) => observations.axes[a])
    this.#columns = members.map(() => new SortedColumn())
    this.good = new ParzenMixture(this.#axes)
    this.bad = new ParzenMixture(this.#axes)
  }

  #readNew(): void {
    const { points, count, axes } = this.#observations
    const d = axes.length
    for (; this.#read < count; this.#read++) {
      const row = this.#read
      if (Number.isNaN(points[row * d + this.members[0]])) continue
      this.#rows.push(row)
      this.members.forEach((a, i) => {
        if (this.#axes[i].kind !== 'categorical')
          this.#columns[i].insert(row, points[row * d + a], (other) => points[other * d + a])
      })
    }
  }

  /**
   * Models the observations: those of which `good` is above 0, their weight, by one mixture, the others by the other.
   *
   * @param ageWeight weight of a bad one by its place among the bad ones, the oldest first.
   */
  fit(good: Float64Array, priorWeight: number, ageWeight: (index: number, count: number) => number): void {
    this.#readNew()
    this.#priorWeight = priorWeight
    this.#badSorted = []
    const [goods, bads] = [this.#rows.filter((row) => good[row] > 0), this.#rows.filter((row) => good[row] === 0)]
    this.#fitMixture(this.good, goods, (r) => good[goods[r]])
    this.#fitMixture(this.bad, bads, (r) => ageWeight(r, bads.length))
  }

  #fitMixture(mixture: ParzenMixture, rows: readonly number[], weightOf: (r: number) => number): void {
    const { points, axes } = this.#observations
    const d = axes.length
    const m = this.members.length
    const n = rows.length
    const isBad = mixture === this.bad
    const least = isBad ? leastBandwidth(n + 1, 1) : leastBandwidth(n + 1, 1 + Math.min(0.5, 2 / m))
    const position = new Int32Array(this.#observations.count).fill(-1)
    rows.forEach((row, i) => {
      position[row] = i
    })
    const means = new Float64Array((n + 1) * m)
    const sigmas = new Float64Array((n + 1) * m)
    for (let i = 0; i < m; i++) {
      const axis = this.#axes[i]
      const a = this.members[i]
      means[n * m + i] = 0.5
      for (let r = 0; r < n; r++) means[r * m + i] = points[rows[r] * d + a]
      if (axis.kind === 'categorical') {
        // The prior's mass is spread over all values and shared among the kernels.
        for (let r = 0; r <= n; r++) sigmas[r * m + i] = this.#priorWeight / (n + 1)
        sigmas[n * m + i] = 1e6
        continue
      }
      sigmas[n * m + i] = 1
      const sorted = new Float64Array(n)
      const order = new Int32Array(n)
      let k = 0
      const column = this.#columns[i]
      for (let s = 0; s < column.count; s++) {
        const row = column.order[s]
        if (position[row] < 0) continue
        order[k] = position[row]
        sorted[k++] = points[row * d + a]
      }
      for (let s = 0; s < n; s++) sigmas[order[s] * m + i] = bandwidth(sorted, s, least)
      if (isBad) this.#badSorted[i] = sorted
    }
    mixture.clear()
    for (let r = 0; r < n; r++) mixture.add(means, sigmas, weightOf(r), r * m)
    mixture.add(means, sigmas, n === 0 ? 1 : this.#priorWeight, n * m)
  }

  /** Counts a point as bad until the next `fit`. */
  lie(unit: Float64Array): void {
    const m = this.members.length
    const means = new Float64Array(m)
    const sigmas = new Float64Array(m)
    for (let i = 0; i < m; i++) {
      const axis = this.#axes[i]
      means[i] = snapUnit(axis, unit[this.members[i]])
      if (axis.kind === 'categorical') sigmas[i] = this.#priorWeight / this.bad.kernels
      else {
        const sorted = this.#badSorted[i]
        let low = 0
        let high = sorted.length
        while (low < high) {
          const middle = (low + high) >>> 1
          if (sorted[middle] <= means[i]) low = middle + 1
          else high = middle
        }
        const left = low > 0 ? means[i] - sorted[low - 1] : 0
        const right = low < sorted.length ? sorted[low] - means[i] : 0
        const least = leastBandwidth(this.bad.kernels + 1, 1)
        sigmas[i] = Math.min(1, Math.max(sorted.length === 0 ? 1 : Math.max(left, right), least))
      }
    }
    this.bad.add(means, sigmas, 1)
  }
}

/** The least bandwidth of so many kernels: a power of their number. */
const leastBandwidth = (kernels: number, power: number): number => Math.max(MIN_BANDWIDTH, (1 + kernels) ** -power)

/** The larger distance to a neighbour; the range's ends are neighbours only of a lone observation. */
function bandwidth(sorted: Float64Array, s: number, least: number): number {
  const n = sorted.length
  const left = n === 1 ? sorted[0] : s === 0 ? 0 : sorted[s] - sorted[s - 1]
  const right = n === 1 ? 1 - sorted[0] : s === n - 1 ? 0 : sorted[s + 1] - sorted[s]
  return Math.min(1, Math.max(left, right, least))
}

/** The groups of a space: axes under the same condition, parents before children; or every axis by itself. */
export function parzenGroups(observations: Observations, multivariate: boolean): readonly ParzenGroup[] {
  const { axes } = observations
  if (!multivariate) return axes.map((_, a) => new ParzenGroup(observations, [a]))
  const byCondition = new Map<string, number[]>()
  axes.forEach(({ parent, parentValue }, a) => {
    const key = `${parent}:${parentValue}`
    const group = byCondition.get(key)
    if (group === undefined) byCondition.set(key, [a])
    else group.push(a)
  })
  return [...byCondition.values()].map((members) => new ParzenGroup(observations, members))
}
