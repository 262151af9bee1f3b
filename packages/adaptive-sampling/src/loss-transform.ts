/** Offsets of the logarithm, in units of the distance from the best to the median loss; Infinity leaves losses as they are. */
const OFFSETS = [Number.POSITIVE_INFINITY, 10, 3, 1]
/** Gain of log likelihood an observation that a logarithm must bring: smooth functions are better left as they are. */
const LEAST_GAIN = 0.15

/**
 * Losses as a model with normal errors likes them: log(c + loss - best) with the c of largest likelihood, standardised.
 *
 * Monotone, so that the best stays the best. Infinite losses count as the worst finite one, infeasible ones as worse than
 * every feasible one, by their violation.
 *
 * @param losses     shape [n], not NaN. Read only.
 * @param violations shape [n], 0 where feasible. Read only.
 * @returns shape [n], mean 0 and variance 1; all 0 where the losses are equal. Given away.
 * @see Box, Cox (1964), "An analysis of transformations", J. R. Stat. Soc. B 26, equation 7 (the likelihood of a shift).
 */
export function transformLosses(losses: Float64Array, violations: Float64Array): Float64Array {
  const y = finiteLosses(losses, violations)
  const n = y.length
  const sorted = y.slice().sort()
  const best = sorted[0]
  const unit = sorted[n >> 1] - best || sorted[n - 1] - best
  if (!(unit > 0)) return new Float64Array(n)
  const z = y.map((v) => (v - best) / unit)
  let chosen = z
  let likelihood = Number.NEGATIVE_INFINITY
  for (const c of OFFSETS) {
    const t = Number.isFinite(c) ? z.map((v) => Math.log(v + c)) : z
    let jacobian = 0
    if (Number.isFinite(c)) for (const v of t) jacobian -= v
    const l = -0.5 * n * Math.log(varianceOf(t)) + jacobian - (Number.isFinite(c) ? LEAST_GAIN * n : 0)
    if (l > likelihood) {
      likelihood = l
      chosen = t
    }
  }
  const mean = chosen.reduce((a, b) => a + b, 0) / n
  const deviation = Math.sqrt(varianceOf(chosen))
  return chosen.map((v) => (v - mean) / deviation)
}

function varianceOf(values: Float64Array): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  return Math.max(1e-300, values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)
}

function finiteLosses(losses: Float64Array, violations: Float64Array): Float64Array {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  let worstViolation = 0
  for (let i = 0; i < losses.length; i++) {
    if (violations[i] > 0 && Number.isFinite(violations[i])) worstViolation = Math.max(worstViolation, violations[i])
    else if (violations[i] === 0 && Math.abs(losses[i]) < 1e150) {
      low = Math.min(low, losses[i])
      high = Math.max(high, losses[i])
    }
  }
  if (!(low <= high)) {
    low = 0
    high = 0
  }
  const range = high - low || 1
  return losses.map((loss, i) => {
    if (violations[i] > 0) return high + range * (0.1 + Math.min(1, violations[i] / (worstViolation || 1)))
    return Math.min(high, Math.max(low, loss))
  })
}
