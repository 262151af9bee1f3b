import { normalCdf } from '@tradewright/core'

/** Quantile by the nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = q * (sorted.length - 1)
  const low = Math.floor(at)
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low])
}

/**
 * One-sided Mann-Whitney test by the normal approximation with ties: the probability of values of `a` this much larger
 * than those of `b`, were they alike.
 *
 * @see Mann, Whitney (1947), Ann. Math. Stat. 18.
 */
export function mannWhitneyGreater(a: readonly number[], b: readonly number[]): number {
  const all = [...a.map((v) => ({ v, own: true })), ...b.map((v) => ({ v, own: false }))].sort((x, y) => x.v - y.v)
  let rankSum = 0
  let ties = 0
  for (let i = 0; i < all.length; ) {
    let j = i
    while (j < all.length && all[j].v === all[i].v) j++
    for (let k = i; k < j; k++) if (all[k].own) rankSum += (i + 1 + j) / 2
    ties += (j - i) ** 3 - (j - i)
    i = j
  }
  const [n, m] = [a.length, b.length]
  const u = rankSum - (n * (n + 1)) / 2
  const total = n + m
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)))
  return variance > 0 ? normalCdf(-(u - (n * m) / 2 - 0.5) / Math.sqrt(variance)) : 1
}
