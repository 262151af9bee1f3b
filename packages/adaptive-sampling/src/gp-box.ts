import type { GpParameters } from './gp-parameters.ts'
import { type Axis, cellOf } from './observations.ts'

/** A box of the unit cube. */
export interface Box {
  readonly low: Float64Array
  readonly high: Float64Array
}

/** The trust region as a box: longer along axes on which the function changes slowly. Categorical axes are whole. */
export function boxAround(
  axes: readonly Axis[],
  center: Float64Array,
  { inverseSquares }: GpParameters,
  length: number,
): Box {
  const d = axes.length
  const low = new Float64Array(d)
  const high = new Float64Array(d).fill(1)
  if (!Number.isFinite(length)) return { low, high }
  let logSum = 0
  let count = 0
  for (let a = 0; a < d; a++)
    if (axes[a].kind !== 'categorical') {
      logSum += -0.5 * Math.log(inverseSquares[a])
      count++
    }
  for (let a = 0; a < d; a++) {
    if (axes[a].kind === 'categorical' || Number.isNaN(center[a])) continue
    const weight = Math.exp(-0.5 * Math.log(inverseSquares[a]) - logSum / count)
    const half = 0.5 * length * Math.min(10, Math.max(0.1, weight))
    low[a] = Math.max(0, center[a] - half)
    high[a] = Math.min(1, center[a] + half)
    if (axes[a].kind === 'ordered') {
      // At least the neighbouring values.
      const cell = cellOf(axes[a], center[a])
      low[a] = Math.min(low[a], axes[a].edges[Math.max(0, cell - 1)])
      high[a] = Math.max(high[a], axes[a].edges[Math.min(axes[a].count, cell + 2)])
    }
  }
  return { low, high }
}
