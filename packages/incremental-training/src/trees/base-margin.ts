import type { ResolvedBoosting } from './gradient-boosting-options.ts'
import { logistic, weightedQuantile } from './tree-objective.ts'

/** Where margins begin. */
export function baseMargin(
  { objective, baseScore, quantile }: ResolvedBoosting,
  y: Float32Array,
  weight: Float32Array | undefined,
): number {
  if (objective === 'multi-class') return Math.fround(baseScore === 'estimate' ? 0.5 : baseScore)
  let score = baseScore
  if (score === 'estimate' && objective === 'quantile')
    score = weightedQuantile(Float64Array.from(y), weight && Float64Array.from(weight), quantile)
  if (score === 'estimate') {
    let sum = 0
    let total = 0
    for (let i = 0; i < y.length; i++) {
      const w = weight === undefined ? 1 : weight[i]
      sum += w * y[i]
      total += w
    }
    score = sum / total
  }
  if (objective !== 'binary') return Math.fround(score)
  return marginOfProbability(score)
}

/** Margin of a probability, as XGBoost reads `base_score`: from its float32. */
export function marginOfProbability(probability: number): number {
  const p = Math.fround(Math.min(Math.max(probability, 1e-6), 1 - 1e-6))
  return Math.fround(-Math.log(1 / p - 1))
}

/** Probability of a margin, in float32. */
export function probabilityOfMargin(margin: number): number {
  return Math.fround(logistic(margin))
}

/** Row after row the same sums. */
export function repeated(base: Float32Array, rows: number): Float32Array {
  const out = new Float32Array(rows * base.length)
  for (let i = 0; i < out.length; i++) out[i] = base[i % base.length]
  return out
}
