/** Bounds of the inverse temperature. */
const LEAST = 1e-3
const MOST = 1e3

/**
 * Temperature scaling: the one number that classes' log probabilities are divided by, of maximum likelihood.
 *
 * @param logits shape [rows * classes], row-major: log probabilities up to a constant a row. Read only.
 * @param labels shape [rows], classes from 0. Read only.
 * @param weights shape [rows], >= 0. Read only. @default all 1
 * @returns the temperature, from 0.001 to 1000. Above 1 the model was too sure.
 * @see Guo, Pleiss, Sun, Weinberger (2017), "On calibration of modern neural networks", ICML, section 4.2.
 */
export function bestTemperature(
  logits: Float64Array,
  labels: Float32Array | Float64Array,
  classes: number,
  weights?: Float32Array,
): number {
  // The loss is convex in the inverse temperature: its slope is 0 at the minimum, found by bisection.
  const slope = (inverse: number): number => {
    let sum = 0
    for (let i = 0, base = 0; i < labels.length; i++, base += classes) {
      let most = Number.NEGATIVE_INFINITY
      for (let k = 0; k < classes; k++) most = Math.max(most, inverse * logits[base + k])
      let total = 0
      let expected = 0
      for (let k = 0; k < classes; k++) {
        const e = Math.exp(inverse * logits[base + k] - most)
        total += e
        expected += e * logits[base + k]
      }
      sum += (weights?.[i] ?? 1) * (expected / total - logits[base + labels[i]])
    }
    return sum
  }
  if (slope(LEAST) >= 0) return 1 / LEAST
  if (slope(MOST) <= 0) return 1 / MOST
  let low = LEAST
  let high = MOST
  for (let i = 0; i < 200 && high / low > 1 + 1e-15; i++) {
    const middle = Math.sqrt(low * high)
    if (slope(middle) > 0) high = middle
    else low = middle
  }
  return 1 / Math.sqrt(low * high)
}
