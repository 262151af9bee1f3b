import type { Rng } from '@tradewright/core'
import { type Axis, cellOf, snapUnit } from './observations.ts'

const CROSSOVER_ETA = 15
const MUTATION_ETA = 20

/**
 * A child of two parents: simulated binary crossover and polynomial mutation on numbers, uniform on categories.
 *
 * @param a shape [axes], unit coordinates. Read only.
 * @param b shape [axes], unit coordinates. Read only.
 * @see Deb, Agrawal (1995), Complex Systems 9 (SBX); Deb, Goyal (1996) (polynomial mutation).
 */
export function child(axes: readonly Axis[], a: Float64Array, b: Float64Array, rng: Rng): Float64Array {
  const out = a.slice()
  const crosses = rng.uniform() < 0.9
  axes.forEach((axis, i) => {
    if (axis.kind === 'categorical') {
      if (crosses && rng.uniform() < 0.5) out[i] = b[i]
      if (rng.uniform() < 1 / axes.length) out[i] = (rng.below(axis.count) + 0.5) / axis.count
      out[i] = (cellOf(axis, out[i]) + 0.5) / axis.count
      return
    }
    let x = a[i]
    if (crosses && rng.uniform() < 0.5) {
      const u = rng.uniform()
      const beta = u <= 0.5 ? (2 * u) ** (1 / (CROSSOVER_ETA + 1)) : (1 / (2 * (1 - u))) ** (1 / (CROSSOVER_ETA + 1))
      const sign = rng.below(2) === 0 ? 1 : -1
      x = 0.5 * (a[i] + b[i] + sign * beta * Math.abs(b[i] - a[i]))
    }
    if (rng.uniform() < 1 / axes.length) {
      const u = rng.uniform()
      x += u < 0.5 ? (2 * u) ** (1 / (MUTATION_ETA + 1)) - 1 : 1 - (2 * (1 - u)) ** (1 / (MUTATION_ETA + 1))
    }
    out[i] = snapUnit(axis, Math.min(1, Math.max(0, x)))
  })
  return out
}
