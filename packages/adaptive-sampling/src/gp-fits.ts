import { firstTheta, fitGp, type GpFit } from './gp-fit.ts'
import type { AxisKinds } from './gp-parameters.ts'
import { transformLosses } from './loss-transform.ts'
import type { Axis, Observations } from './observations.ts'

/** Observations that hyperparameters are fitted to, at most. */
const FIT_POINTS = 112
/** A link of the chain of fits every so many observations, and a new chain every so many. */
const LINK = 16
const CHAIN = 256
/** A link at a multiple of this also tries short lengths. */
const ROUGH_LINK = 32
const ROUGH_FROM = 64
const FIRST_EVALUATIONS = 30
const LINK_EVALUATIONS = 9
const LAST_EVALUATIONS = 3

/** How the axes of a space are compared. */
export function kindsOf(axes: readonly Axis[]): AxisKinds {
  return axes.map((axis) => (axis.kind === 'categorical' ? 'category' : 'number'))
}

/** What hyperparameters are fitted to: the best, the newest and some of the rest, of observations given best first. */
export function fitSubset(order: Int32Array): Int32Array {
  const n = order.length
  if (n <= FIT_POINTS) return Int32Array.from({ length: n }, (_, i) => i)
  const chosen = new Set<number>()
  for (let i = 0; i < FIT_POINTS * 0.4; i++) chosen.add(order[i])
  for (let i = n - 1; chosen.size < FIT_POINTS * 0.7; i--) chosen.add(i)
  for (let i = 0; i < n && chosen.size < FIT_POINTS; i++) chosen.add(Math.floor(((i * 0.618034) % 1) * n))
  return Int32Array.from(chosen).sort()
}

/** Rows of a matrix. */
export function gather(x: Float64Array, d: number, rows: Int32Array): Float64Array {
  const out = new Float64Array(rows.length * d)
  rows.forEach((row, i) => {
    out.set(x.subarray(row * d, (row + 1) * d), i * d)
  })
  return out
}

const ascending = (y: Float64Array): Int32Array =>
  Int32Array.from({ length: y.length }, (_, i) => i).sort((a, b) => y[a] - y[b] || a - b)

/** Fits to observations `x`, `y`, beginning at `from`; to some of them where they are many. */
function fitSome(x: Float64Array, y: Float64Array, kinds: AxisKinds, evaluations: number, from: Float64Array): GpFit {
  const chosen = fitSubset(ascending(y))
  const some = Float64Array.from(chosen, (i) => y[i])
  return fitGp(gather(x, kinds.length, chosen), some, kinds, { evaluations, from })
}

/**
 * Hyperparameters of a growing history, each fit begun where an earlier one ended: a chain with a link every 16
 * observations that begins anew every 256. A link depends on the observations before it alone, so that a resumed study
 * finds the same ones.
 */
export class GpFits {
  readonly #observations: Observations
  #at = -1
  #theta: Float64Array | undefined

  constructor(observations: Observations) {
    this.#observations = observations
  }

  /** Forgets everything: the history is another one. */
  clear(): void {
    this.#at = -1
    this.#theta = undefined
  }

  /** Fits to rows of the observations with transformed losses `y`, from the last link. */
  fit(x: Float64Array, y: Float64Array, kinds: AxisKinds): GpFit {
    return fitSome(x, y, kinds, LAST_EVALUATIONS, this.#link(kinds))
  }

  #link(kinds: AxisKinds): Float64Array {
    const d = kinds.length
    const rows = this.#observations.successes()
    const wanted = Math.floor(rows.length / LINK) * LINK
    const first = Math.floor(wanted / CHAIN) * CHAIN
    let theta = this.#theta ?? firstTheta(d)
    let at = this.#at
    if (at < first || at > wanted) {
      at = first
      theta = firstTheta(d)
      if (first > 0) theta = this.#fitFirst(rows.subarray(0, first), kinds, theta, FIRST_EVALUATIONS, true)
    }
    for (; at < wanted; ) {
      at += LINK
      theta = this.#fitFirst(
        rows.subarray(0, at),
        kinds,
        theta,
        at === LINK ? FIRST_EVALUATIONS : LINK_EVALUATIONS,
        at >= ROUGH_FROM && at % ROUGH_LINK === 0,
      )
    }
    this.#at = at
    this.#theta = theta
    return theta
  }

  #fitFirst(
    rows: Int32Array,
    kinds: AxisKinds,
    from: Float64Array,
    evaluations: number,
    tryRough: boolean,
  ): Float64Array {
    const { points, losses, violations } = this.#observations
    const d = kinds.length
    const x = gather(points, d, rows)
    const y = transformLosses(
      Float64Array.from(rows, (row) => losses[row]),
      Float64Array.from(rows, (row) => violations[row]),
    )
    const smooth = fitSome(x, y, kinds, evaluations, from)
    if (!tryRough || d < 2) return smooth.parameters.theta
    const rough = fitSome(x, y, kinds, evaluations, firstTheta(d, true))
    return (rough.loss < smooth.loss ? rough : smooth).parameters.theta
  }
}
