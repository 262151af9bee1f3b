import { sigmoid } from '../linear/link.ts'

/** P(class 1) = 1 / (1 + exp(slope * score + offset)). */
export interface PlattCurve {
  readonly slope: number
  readonly offset: number
}

/**
 * Platt's sigmoid: maximum likelihood with his targets, (N+ + 1) / (N+ + 2) and 1 / (N- + 2), so that a few rows cannot
 * make it certain. Newton with backtracking.
 *
 * @param scores  shape [rows], any finite numbers; the higher, the more likely class 1. Read only.
 * @param labels  shape [rows], 0 or 1. Read only.
 * @param weights shape [rows], >= 0; N+ and N- are sums of these. Read only. @default all 1
 * @see Platt (1999), "Probabilistic outputs for support vector machines"; Lin, Lin, Weng (2007), "A note on Platt's
 *   probabilistic outputs", Machine Learning 68, algorithm 1: a ridge of 1e-12 and its backtracking.
 */
export function plattCurve(
  scores: Float64Array,
  labels: Float32Array | Float64Array,
  weights?: Float32Array,
): PlattCurve {
  let positive = 0
  let negative = 0
  for (let i = 0; i < scores.length; i++) {
    const weight = weights?.[i] ?? 1
    if (labels[i] > 0) positive += weight
    else negative += weight
  }
  const high = (positive + 1) / (positive + 2)
  const low = 1 / (negative + 2)
  let slope = 0
  let offset = Math.log((negative + 1) / (positive + 1))
  const loss = (a: number, b: number): number => {
    let sum = 0
    for (let i = 0; i < scores.length; i++) {
      const target = labels[i] > 0 ? high : low
      const f = a * scores[i] + b
      // -t log p - (1 - t) log(1 - p) without cancellation.
      sum += (weights?.[i] ?? 1) * (target * f + Math.max(-f, 0) + Math.log1p(Math.exp(-Math.abs(f))))
    }
    return sum
  }
  let value = loss(slope, offset)
  for (let iteration = 0; iteration < 200; iteration++) {
    let g1 = 0
    let g2 = 0
    let h11 = 1e-12
    let h22 = 1e-12
    let h21 = 0
    for (let i = 0; i < scores.length; i++) {
      const weight = weights?.[i] ?? 1
      const p = sigmoid(-(slope * scores[i] + offset))
      const d1 = weight * ((labels[i] > 0 ? high : low) - p)
      const d2 = weight * p * (1 - p)
      g1 += scores[i] * d1
      g2 += d1
      h11 += scores[i] * scores[i] * d2
      h22 += d2
      h21 += scores[i] * d2
    }
    const determinant = h11 * h22 - h21 * h21
    if (!(determinant > 0)) break // all scores are the same
    const da = -(h22 * g1 - h21 * g2) / determinant
    const db = -(h11 * g2 - h21 * g1) / determinant
    const descent = g1 * da + g2 * db
    let step = 1
    let next = loss(slope + da, offset + db)
    for (; step > 1e-12 && !(next <= value + 1e-4 * step * descent); step /= 2)
      next = loss(slope + (step / 2) * da, offset + (step / 2) * db)
    if (!(step > 1e-12)) break
    slope += step * da
    offset += step * db
    value = next
    if (-descent < 1e-14 * Math.max(1, value)) break
  }
  return { slope, offset }
}
