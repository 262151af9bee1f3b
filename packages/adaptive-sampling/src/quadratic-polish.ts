import type { Params, SampleRequest } from '@tradewright/core'
import { choleskyRows, solveLower, solveUpper } from './cholesky.ts'
import { lbfgs } from './lbfgs.ts'
import { type Observations, snapUnit } from './observations.ts'

/** Neighbours for every coefficient of the quadratic. */
const NEIGHBOURS_A_COEFFICIENT = 1.5
/** How much less the furthest neighbour counts than the nearest. */
const NEAR_WEIGHT = 0.1
const EVALUATIONS = 60

/** A quadratic around the best point, in units of the distance to the furthest neighbour. */
interface Local {
  /** Axes it is over. */
  readonly free: readonly number[]
  readonly center: Float64Array
  readonly reach: number
  readonly linear: Float64Array
  /** shape [n * n], symmetric. */
  readonly hessian: Float64Array
}

/**
 * Points near the best one: where a quadratic through its nearest neighbours is least, and around there. How a search
 * that has found the basin finds its bottom, within a few trials.
 *
 * @returns fewer than `count` where the best point has too few neighbours of the same kind.
 * @see Powell (2009), "The BOBYQA algorithm", DAMTP 2009/NA06; Conn, Scheinberg, Vicente (2009), "Introduction to
 *   derivative-free optimization", chapter 4 (regression models). Where it differs: the neighbours are whatever trials
 *   there are, weighted by distance, and the trust region reaches to the furthest.
 */
export function polishPoints(request: SampleRequest, observations: Observations): readonly Params[] {
  const { space, count, firstTrial, rng } = request
  const local = fitLocal(observations)
  if (local === undefined) return []
  const { free, center, reach } = local
  const { axes } = observations
  const out: Params[] = []
  const least = minimum(local, 1)
  const step = Math.sqrt(least.reduce((s, z) => s + z * z, 0) / free.length)
  for (let i = 0; i < count; i++) {
    const draws = rng(firstTrial + i)
    const unit = center.slice()
    // The bottom itself, then around it, closer and closer: neighbours on all sides are what the next quadratic needs.
    const width = i === 0 ? 0 : Math.max(0.02, Math.min(0.5, step)) * 2 ** (1 - i)
    free.forEach((a, k) => {
      const noise = width === 0 ? 0 : width * draws.normal()
      unit[a] = snapUnit(axes[a], Math.min(1, Math.max(0, center[a] + reach * (least[k] + noise))))
    })
    const params = space.fromUnit(unit.map((u) => (Number.isNaN(u) ? 0.5 : u)))
    out.push(space.where === undefined || space.where(params) ? params : space.sample(draws))
  }
  return out
}

function fitLocal({ best, axes, points, losses, failed, violations, count }: Observations): Local | undefined {
  if (best < 0 || violations[best] > 0) return undefined
  const d = axes.length
  const center = points.slice(best * d, (best + 1) * d)
  const free = axes.map((_, a) => a).filter((a) => axes[a].kind === 'continuous' && !Number.isNaN(center[a]))
  const n = free.length
  if (n === 0) return undefined
  const neighbours: { readonly row: number; readonly away: number }[] = []
  for (let row = 0; row < count; row++) {
    if (failed[row] === 1 || violations[row] > 0 || !(Math.abs(losses[row]) < 1e150)) continue
    const alike = axes.every(({ kind }, a) => kind === 'continuous' || Object.is(points[row * d + a], center[a]))
    if (!alike) continue
    let square = 0
    for (const a of free) square += (points[row * d + a] - center[a]) ** 2
    neighbours.push({ row, away: Math.sqrt(square) })
  }
  neighbours.sort((a, b) => a.away - b.away || a.row - b.row)
  const coefficients = ((n + 1) * (n + 2)) / 2
  const used = neighbours.slice(0, Math.ceil(NEIGHBOURS_A_COEFFICIENT * coefficients) + 1)
  const reach = used[used.length - 1]?.away ?? 0
  if (used.length < 2 * n + 1 || !(reach > 1e-12)) return undefined
  return regress(
    free,
    center,
    reach,
    used.map(({ row, away }) => ({
      z: Float64Array.from(free, (a) => (points[row * d + a] - center[a]) / reach),
      rise: losses[row] - losses[best],
      weight: 1 / (NEAR_WEIGHT + (away / reach) ** 2),
    })),
  )
}

function regress(
  free: readonly number[],
  center: Float64Array,
  reach: number,
  samples: readonly { readonly z: Float64Array; readonly rise: number; readonly weight: number }[],
): Local | undefined {
  const n = free.length
  const size = n + (n * (n + 1)) / 2
  const matrix = new Float64Array(size * size)
  const right = new Float64Array(size)
  const terms = new Float64Array(size)
  // Through the best point exactly: there is no constant.
  for (const { z, rise, weight } of samples) {
    for (let i = 0, t = n; i < n; i++) {
      terms[i] = z[i]
      for (let j = 0; j <= i; j++) terms[t++] = (i === j ? 0.5 : 1) * z[i] * z[j]
    }
    for (let a = 0; a < size; a++) {
      const scaled = weight * terms[a]
      right[a] += scaled * rise
      for (let b = 0; b <= a; b++) matrix[a * size + b] += scaled * terms[b]
    }
  }
  let trace = 0
  for (let a = 0; a < size; a++) trace += matrix[a * size + a] / size
  for (let a = 0; a < size; a++) matrix[a * size + a] += (a < n ? 1e-12 : 1e-9) * trace
  if (!choleskyRows(matrix, size, 0, size)) return undefined
  solveLower(matrix, size, size, right)
  solveUpper(matrix, size, size, right)
  const hessian = new Float64Array(n * n)
  for (let i = 0, t = n; i < n; i++)
    for (let j = 0; j <= i; j++) {
      hessian[i * n + j] = right[t]
      hessian[j * n + i] = right[t++]
    }
  return { free, center, reach, linear: right.slice(0, n), hessian }
}

/** Where the quadratic is least within a box of half width `radius` and the unit cube. */
function minimum({ free, center, reach, linear, hessian }: Local, radius: number): Float64Array {
  const n = free.length
  const z = new Float64Array(n)
  const size = linear.reduce((s, v) => s + v * v, 0)
  const scale = Math.max(
    1e-300,
    Math.sqrt(size),
    hessian.reduce((s, v) => Math.max(s, Math.abs(v)), 0),
  )
  lbfgs(
    z,
    (x, gradient) => {
      let value = 0
      for (let i = 0; i < n; i++) {
        let along = 0
        for (let j = 0; j < n; j++) along += hessian[i * n + j] * x[j]
        gradient[i] = (linear[i] + along) / scale
        value += (x[i] * (linear[i] + 0.5 * along)) / scale
      }
      return value
    },
    {
      low: Float64Array.from(free, (a) => Math.max(-radius, -center[a] / reach)),
      high: Float64Array.from(free, (a) => Math.min(radius, (1 - center[a]) / reach)),
      evaluations: EVALUATIONS,
      tolerance: 1e-14,
      firstStep: 0.2,
    },
  )
  return z
}
