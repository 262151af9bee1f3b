const MEMORY = 8

/** How {@link lbfgs} runs. */
export interface LbfgsOptions {
  /** shape [n] */
  readonly low: Float64Array
  /** shape [n] */
  readonly high: Float64Array
  readonly evaluations: number
  /** Stops where a step gains less than this. */
  readonly tolerance: number
  /** Longest first step. */
  readonly firstStep: number
}

/**
 * Minimises a smooth function within bounds: limited-memory BFGS, steps clipped to the box, backtracking by halves.
 *
 * @param x    shape [n], the start; overwritten by the best point found.
 * @param f    value at a point; fills the gradient. May give NaN, which counts as infinite.
 * @returns the value at `x`.
 * @see Nocedal, Wright (2006), "Numerical optimization", 2nd ed., algorithm 7.4. Where it differs: variables that a step
 *   would push through a bound they stand on are held for that step.
 */
export function lbfgs(
  x: Float64Array,
  f: (x: Float64Array, gradient: Float64Array) => number,
  { low, high, evaluations, tolerance, firstStep }: LbfgsOptions,
): number {
  const n = x.length
  const gradient = new Float64Array(n)
  const s: Float64Array[] = []
  const y: Float64Array[] = []
  let value = f(x, gradient)
  let left = evaluations - 1
  const trial = new Float64Array(n)
  const next = new Float64Array(n)
  while (left > 0) {
    const direction = twoLoop(heldGradient(x, gradient, low, high), s, y)
    let slope = 0
    for (let i = 0; i < n; i++) slope += direction[i] * gradient[i]
    if (!(slope < 0)) {
      if (s.length === 0) break
      s.length = 0
      y.length = 0
      continue
    }
    let step = 1
    if (s.length === 0) {
      const norm = Math.sqrt(direction.reduce((t, v) => t + v * v, 0))
      step = Math.min(1, firstStep / Math.max(1e-300, norm))
    }
    let found = Number.POSITIVE_INFINITY
    while (left > 0) {
      for (let i = 0; i < n; i++) trial[i] = Math.min(high[i], Math.max(low[i], x[i] + step * direction[i]))
      found = f(trial, next)
      left--
      if (found <= value + 1e-4 * step * slope) break
      step *= 0.3
      if (step < 1e-8) break
    }
    if (!(found < value)) break
    const ds = trial.map((v, i) => v - x[i])
    const dy = next.map((v, i) => v - gradient[i])
    const gain = value - found
    x.set(trial)
    gradient.set(next)
    value = found
    if (ds.reduce((t, v, i) => t + v * dy[i], 0) > 1e-12) {
      s.push(ds)
      y.push(dy)
      if (s.length > MEMORY) {
        s.shift()
        y.shift()
      }
    }
    if (gain < tolerance) break
  }
  return value
}

/** The gradient with 0 for variables that stand on a bound and would leave the box. */
function heldGradient(x: Float64Array, gradient: Float64Array, low: Float64Array, high: Float64Array): Float64Array {
  return gradient.map((g, i) => ((x[i] <= low[i] && g > 0) || (x[i] >= high[i] && g < 0) ? 0 : g))
}

/** Minus the inverse Hessian's estimate times the gradient. */
function twoLoop(gradient: Float64Array, s: readonly Float64Array[], y: readonly Float64Array[]): Float64Array {
  const held = gradient.map((g) => (g === 0 ? 0 : 1))
  const q = gradient.slice()
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((t, v, i) => t + v * b[i], 0)
  const alpha = new Float64Array(s.length)
  for (let k = s.length - 1; k >= 0; k--) {
    alpha[k] = dot(s[k], q) / dot(s[k], y[k])
    for (let i = 0; i < q.length; i++) q[i] -= alpha[k] * y[k][i]
  }
  const last = s.length - 1
  const scale = last < 0 ? 1 : dot(s[last], y[last]) / dot(y[last], y[last])
  for (let i = 0; i < q.length; i++) q[i] *= scale
  for (let k = 0; k < s.length; k++) {
    const beta = dot(y[k], q) / dot(s[k], y[k])
    for (let i = 0; i < q.length; i++) q[i] += (alpha[k] - beta) * s[k][i]
  }
  return q.map((v, i) => -v * held[i])
}
