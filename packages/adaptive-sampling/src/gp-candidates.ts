import type { Rng, Space } from '@tradewright/core'
import type { GaussianProcess } from './gaussian-process.ts'
import type { Box } from './gp-box.ts'
import { type Axis, isActive, snapUnit } from './observations.ts'

const WIDE_CANDIDATES = 192
const NEAR_CANDIDATES = 128
const NEAR_CENTERS = 6
const CROSSED_CANDIDATES = 64
const CROSSED_PARENTS = 10
/** Points from which the mean is followed down axis by axis, values tried on each axis, and rounds. */
const SWEPT = 2
const SWEEP_VALUES = 24
const SWEEP_ROUNDS = 2
/** Part of the variance that is a sum of functions of one axis, from which on axes are swept. */
const SWEPT_FROM = 0.05

/** What candidates come from. */
export interface CandidateSource {
  readonly space: Space
  readonly axes: readonly Axis[]
  /** shape [n * d], observations, NaN where inactive */
  readonly x: Float64Array
  /** shape [n], the best observation first */
  readonly order: Int32Array
  readonly box: Box
  readonly rng: Rng
}

/** From good points down the mean, axis by axis: how additive functions are descended. */
export function sweptCandidates(
  { space, axes, x, order, box, rng }: CandidateSource,
  gp: GaussianProcess,
): Float64Array {
  const d = axes.length
  if (gp.parameters.sumScale < SWEPT_FROM * gp.variance) return new Float64Array(0)
  const out: number[] = []
  const parents = new Set(axes.map(({ parent }) => parent))
  for (let s = 0; s < Math.min(SWEPT, order.length); s++) {
    const from = order[s === 0 ? 0 : rng.below(Math.min(CROSSED_PARENTS, order.length))]
    const point = x.slice(from * d, (from + 1) * d)
    for (let round = 0; round < SWEEP_ROUNDS; round++)
      for (let a = 0; a < d; a++) {
        // Other axes are active under other values of a parent: those are left to the candidates.
        if (Number.isNaN(point[a]) || axes[a].count === 1 || parents.has(a)) continue
        const values = sweepValues(axes[a], point[a], [box.low[a], box.high[a]], rng)
        const means = new Float64Array(values.length)
        gp.meansAlong(point, a, values, means)
        let least = 0
        for (let i = 1; i < values.length; i++) if (means[i] < means[least]) least = i
        const old = point[a]
        point[a] = values[least]
        if (space.where !== undefined && !space.where(space.fromUnit(point.map((u) => (Number.isNaN(u) ? 0.5 : u)))))
          point[a] = old
      }
    out.push(...point)
  }
  return Float64Array.from(out)
}

/** Where an axis is tried: where it stands, even steps over the box with a random offset, and near where it stands. */
function sweepValues(axis: Axis, current: number, [low, high]: readonly [number, number], rng: Rng): Float64Array {
  if (axis.kind === 'categorical' && axis.count <= SWEEP_VALUES) {
    const values = Float64Array.from({ length: axis.count + 1 }, (_, i) => (i - 0.5) / axis.count)
    values[0] = current
    return values
  }
  const values = new Float64Array(SWEEP_VALUES + 1)
  values[0] = current
  const width = high - low
  const even = (SWEEP_VALUES * 2) / 3
  const offset = rng.uniform()
  for (let i = 0; i < SWEEP_VALUES; i++) {
    const u =
      i < even ? low + ((i + offset) / even) * width : current + 10 ** (-3 + 2 * rng.uniform()) * width * rng.normal()
    values[1 + i] = snapUnit(axis, Math.min(1, Math.max(0, u)))
  }
  return values
}

/** Points all over the box, points near the best ones at every scale, and crosses of good ones. */
export function drawnCandidates({ space, axes, x, order, box, rng }: CandidateSource): Float64Array {
  const d = axes.length
  const out = new Float64Array((WIDE_CANDIDATES + NEAR_CANDIDATES + CROSSED_CANDIDATES) * d)
  const unit = new Float64Array(d)
  let kept = 0
  const keep = (): void => {
    for (let a = 0; a < d; a++) unit[a] = snapUnit(axes[a], unit[a])
    if (space.where !== undefined && !space.where(space.fromUnit(unit))) return
    for (let a = 0; a < d; a++) out[kept * d + a] = isActive(axes, a, unit) ? unit[a] : Number.NaN
    kept++
  }
  for (let c = 0; c < WIDE_CANDIDATES; c++) {
    for (let a = 0; a < d; a++) unit[a] = box.low[a] + rng.uniform() * (box.high[a] - box.low[a])
    keep()
  }
  for (let c = 0; c < NEAR_CANDIDATES; c++) {
    const center = order[c % Math.min(NEAR_CENTERS, order.length)] * d
    const scale = 10 ** (-3 + 2.5 * rng.uniform())
    for (let a = 0; a < d; a++) {
      const old = x[center + a]
      if (Number.isNaN(old)) unit[a] = rng.uniform()
      else if (axes[a].kind === 'categorical') unit[a] = rng.uniform() < 1.5 * scale ? rng.uniform() : old
      else unit[a] = Math.min(1, Math.max(0, old + scale * (box.high[a] - box.low[a]) * rng.normal()))
    }
    keep()
  }
  const parents = Math.min(CROSSED_PARENTS, order.length)
  for (let c = 0; c < CROSSED_CANDIDATES; c++) {
    const first = order[rng.below(parents)] * d
    const second = order[rng.below(parents)] * d
    for (let a = 0; a < d; a++) {
      const u = x[(rng.below(2) === 0 ? first : second) + a]
      unit[a] = Number.isNaN(u) ? rng.uniform() : u
    }
    keep()
  }
  return out.subarray(0, kept * d)
}
