/**
 * Ranks points by domination: 0 for those that no other dominates, 1 for those dominated only by rank 0, ...
 * Smaller values are better. Points of larger violation come after all of smaller violation.
 *
 * @param losses     shape [n * objectives], never NaN.
 * @param violations shape [n], 0 where feasible.
 * @returns shape [n]; given away. O(objectives n^2).
 * @see Deb, Pratap, Agarwal, Meyarivan (2002), "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE
 *   Trans. Evol. Comput. 6(2), sections III and VI (constrained domination).
 */
export function nonDominatedRanks(
  losses: Float64Array,
  violations: Float64Array,
  n: number,
  objectives: number,
): Int32Array {
  const ranks = new Int32Array(n).fill(-1)
  const dominatedBy = new Int32Array(n)
  const lists: number[][] = Array.from({ length: n }, () => [])
  for (let a = 0; a < n; a++)
    for (let b = a + 1; b < n; b++) {
      const order = domination(losses, violations, objectives, a, b)
      if (order < 0) {
        lists[a].push(b)
        dominatedBy[b]++
      } else if (order > 0) {
        lists[b].push(a)
        dominatedBy[a]++
      }
    }
  let front: number[] = []
  for (let a = 0; a < n; a++) if (dominatedBy[a] === 0) front.push(a)
  for (let rank = 0; front.length > 0; rank++) {
    const next: number[] = []
    for (const a of front) {
      ranks[a] = rank
      for (const b of lists[a]) if (--dominatedBy[b] === 0) next.push(b)
    }
    front = next
  }
  return ranks
}

/** -1 where `a` dominates `b`, 1 where `b` dominates `a`, else 0. */
function domination(losses: Float64Array, violations: Float64Array, objectives: number, a: number, b: number): number {
  if (violations[a] !== violations[b]) return violations[a] < violations[b] ? -1 : 1
  let better = false
  let worse = false
  for (let k = 0; k < objectives; k++) {
    const x = losses[a * objectives + k]
    const y = losses[b * objectives + k]
    if (x < y) better = true
    else if (x > y) worse = true
  }
  return better === worse ? 0 : better ? -1 : 1
}

/**
 * Crowding distances of the members of one front: Infinity at its ends, larger where neighbours are far.
 *
 * @see Deb et al. (2002), section III-B.
 */
export function crowdingDistances(losses: Float64Array, objectives: number, members: readonly number[]): Float64Array {
  const distances = new Float64Array(members.length)
  if (members.length === 0) return distances
  const order = members.map((_, i) => i)
  for (let k = 0; k < objectives; k++) {
    const value = (i: number): number => losses[members[i] * objectives + k]
    order.sort((a, b) => value(a) - value(b) || members[a] - members[b])
    const range = value(order[order.length - 1]) - value(order[0])
    distances[order[0]] = Number.POSITIVE_INFINITY
    distances[order[order.length - 1]] = Number.POSITIVE_INFINITY
    if (!(range > 0) || !Number.isFinite(range)) continue
    for (let i = 1; i < order.length - 1; i++)
      distances[order[i]] += (value(order[i + 1]) - value(order[i - 1])) / range
  }
  return distances
}

/** Indexes of all points: by rank, within a rank the least crowded first. */
export function nonDominatedOrder(
  losses: Float64Array,
  violations: Float64Array,
  n: number,
  objectives: number,
): Int32Array {
  const ranks = nonDominatedRanks(losses, violations, n, objectives)
  const fronts: number[][] = []
  for (let i = 0; i < n; i++) {
    fronts[ranks[i]] ??= []
    fronts[ranks[i]].push(i)
  }
  const order: number[] = []
  for (const front of fronts) {
    const distances = crowdingDistances(losses, objectives, front)
    const by = front
      .map((_, i) => i)
      .sort((a, b) => (distances[b] === distances[a] ? a - b : distances[b] - distances[a]))
    for (const i of by) order.push(front[i])
  }
  return Int32Array.from(order)
}

/**
 * How many others dominate each point, kept as points come: O(objectives n) a point, no memory but a count each.
 *
 * @see Fonseca, Fleming (1993), "Genetic algorithms for multiobjective optimization", ICGA, section 3 (rank by count).
 */
export class DominationCounts {
  #counts = new Int32Array(64)
  #n = 0

  /** Takes in points up to `n`. Arrays as in {@link nonDominatedRanks}. */
  update(losses: Float64Array, violations: Float64Array, n: number, objectives: number): void {
    if (n > this.#counts.length) {
      const larger = new Int32Array(Math.max(n, 2 * this.#counts.length))
      larger.set(this.#counts)
      this.#counts = larger
    }
    for (; this.#n < n; this.#n++) {
      const b = this.#n
      this.#counts[b] = 0
      for (let a = 0; a < b; a++) {
        const order = domination(losses, violations, objectives, a, b)
        if (order < 0) this.#counts[b]++
        else if (order > 0) this.#counts[a]++
      }
    }
  }

  /** Indexes of all points: the least dominated first; of those that nobody dominates, the least crowded first. */
  order(losses: Float64Array, objectives: number): Int32Array {
    const counts = this.#counts
    const front: number[] = []
    for (let i = 0; i < this.#n; i++) if (counts[i] === 0) front.push(i)
    const distances = crowdingDistances(losses, objectives, front)
    const crowding = new Map(front.map((index, i) => [index, distances[i]]))
    const spread = (i: number): number => crowding.get(i) ?? 0
    return Int32Array.from({ length: this.#n }, (_, i) => i).sort(
      (a, b) => counts[a] - counts[b] || (spread(a) === spread(b) ? a - b : spread(b) - spread(a)),
    )
  }
}
