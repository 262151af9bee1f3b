import type { Data, FinishedTrial, Metrics, ReturnMoments, SliceResult } from '@tradewright/core'

/** What is kept of a slice with a finished trial. */
export interface KeptSlice {
  readonly metrics: Metrics
  readonly moments: ReturnMoments | undefined
}

/** What a training keeps with every finished trial, as plain data. */
export function keepSlices(slices: readonly SliceResult[]): Data {
  return { slices: slices.map(({ metrics, moments }) => ({ metrics, moments })) } as unknown as Data
}

/**
 * What a trial of a training did, slice by slice: the inverse of what the training kept.
 *
 * @returns an empty list for a trial that is not done.
 */
export function keptSlices(trial: FinishedTrial): readonly KeptSlice[] {
  const data = trial.data as { readonly slices?: readonly KeptSlice[] } | undefined
  return data?.slices ?? []
}

/**
 * Moments of several samples as one, by their raw power sums; undefined without any.
 *
 * The count is the largest of the parts, not their sum: symbols move together, and counting a day once per symbol
 * would make a result look surer than it is.
 */
export function poolMoments(parts: readonly ReturnMoments[]): ReturnMoments | undefined {
  if (parts.length === 0) return undefined
  if (parts.length === 1) return parts[0]
  let n = 0
  const raw = [0, 0, 0, 0]
  for (const { count, mean, variance, skew, kurtosis } of parts) {
    const m2 = (variance * (count - 1)) / count
    const m3 = skew * m2 ** 1.5
    const m4 = kurtosis * m2 * m2
    n += count
    raw[0] += count * mean
    raw[1] += count * (m2 + mean ** 2)
    raw[2] += count * (m3 + 3 * mean * m2 + mean ** 3)
    raw[3] += count * (m4 + 4 * mean * m3 + 6 * mean ** 2 * m2 + mean ** 4)
  }
  const [e1, e2, e3, e4] = raw.map((sum) => sum / n)
  const m2 = e2 - e1 ** 2
  const m3 = e3 - 3 * e1 * e2 + 2 * e1 ** 3
  const m4 = e4 - 4 * e1 * e3 + 6 * e1 ** 2 * e2 - 3 * e1 ** 4
  return {
    count: Math.max(...parts.map((part) => part.count)),
    mean: e1,
    variance: (m2 * n) / (n - 1),
    skew: m3 / m2 ** 1.5,
    kurtosis: m4 / (m2 * m2),
  }
}
