/** Number of points of the simplex lattice: (m + p - 1) choose p. */
function latticeSize(objectives: number, divisions: number): number {
  let count = 1
  for (let i = 1; i <= divisions; i++) count = (count * (objectives - 1 + i)) / i
  return Math.round(count)
}

/**
 * Evenly spread points of the unit simplex.
 *
 * @param most      points at most, where `divisions` is not given.
 * @see Das, Dennis (1998), SIAM J. Optim. 8.
 */
export function referencePoints(objectives: number, most: number, divisions?: number): readonly Float64Array[] {
  let p = divisions ?? 1
  if (divisions === undefined && objectives > 1) while (latticeSize(objectives, p + 1) <= most) p++
  const points: Float64Array[] = []
  const point = new Float64Array(objectives)
  const walk = (k: number, left: number): void => {
    if (k === objectives - 1) {
      point[k] = left / p
      points.push(point.slice())
      return
    }
    for (let i = 0; i <= left; i++) {
      point[k] = i / p
      walk(k + 1, left - i)
    }
  }
  walk(0, p)
  return points
}

/**
 * Takes `wanted` members of a front: those of the reference directions that are served least, the nearest first.
 *
 * @param losses shape [n * objectives]. Read only.
 * @param kept   indexes that survive already.
 * @see Deb, Jain (2014), algorithms 2 to 4.
 */
export function nichedSelection(
  losses: Float64Array,
  objectives: number,
  kept: readonly number[],
  front: readonly number[],
  points: readonly Float64Array[],
  wanted: number,
): readonly number[] {
  const low = new Float64Array(objectives).fill(Number.POSITIVE_INFINITY)
  const high = new Float64Array(objectives).fill(Number.NEGATIVE_INFINITY)
  for (const i of [...kept, ...front])
    for (let k = 0; k < objectives; k++) {
      const v = losses[i * objectives + k]
      if (!Number.isFinite(v)) continue
      low[k] = Math.min(low[k], v)
      high[k] = Math.max(high[k], v)
    }
  const served = new Int32Array(points.length)
  const nearest = (i: number): { niche: number; distance: number } => {
    let niche = 0
    let distance = Number.POSITIVE_INFINITY
    points.forEach((point, p) => {
      let along = 0
      let norm = 0
      let square = 0
      for (let k = 0; k < objectives; k++) {
        const v = Math.min(1e6, (losses[i * objectives + k] - low[k]) / (high[k] - low[k] || 1))
        along += v * point[k]
        norm += point[k] * point[k]
        square += v * v
      }
      const away = square - (along * along) / norm
      if (away < distance) {
        niche = p
        distance = away
      }
    })
    return { niche, distance }
  }
  for (const i of kept) served[nearest(i).niche]++
  const waiting = front
    .map((index) => ({ index, ...nearest(index) }))
    .sort((a, b) => a.distance - b.distance || a.index - b.index)
  const chosen: number[] = []
  while (chosen.length < wanted && waiting.length > 0) {
    let best = 0
    for (let w = 1; w < waiting.length; w++) if (served[waiting[w].niche] < served[waiting[best].niche]) best = w
    const [taken] = waiting.splice(best, 1)
    served[taken.niche]++
    chosen.push(taken.index)
  }
  return chosen
}
