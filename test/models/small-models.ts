// Models small enough to see through, loaded by name as a user's are: here and in workers.
import type { Data, FeatureMatrix, FitOptions, Model } from '@tradewright/core'

const rowText = ({ data, columns }: FeatureMatrix, row: number): string =>
  data.subarray(row * columns, (row + 1) * columns).join(' ')

/** Remembers every row it was trained on: 1 for a row that it saw, 0 for others. */
export function memoryModel(): Model {
  let seen = new Set<string>()
  return {
    name: 'memory',
    bytes: 0,
    async fit(X) {
      seen = new Set(Array.from({ length: X.rows }, (_, row) => rowText(X, row)))
    },
    predict: (X, out = new Float32Array(X.rows)) => out.map((_, row) => (seen.has(rowText(X, row)) ? 1 : 0)),
    save: () => [...seen],
    load(data) {
      seen = new Set(data as string[])
    },
  }
}

/** Options of {@link stepModel}. */
export interface StepOptions {
  /** Where the first feature is cut. */
  readonly cut: number
  /** Throws when trained. */
  readonly broken?: boolean
}

/** The share of class 1 (or the mean) on either side of a cut through the first feature. */
export function stepModel({ cut, broken = false }: StepOptions): Model {
  let shares = [0, 0]
  const side = ({ data, columns }: FeatureMatrix, row: number): number => (data[row * columns] > cut ? 1 : 0)
  return {
    name: 'step',
    bytes: 16,
    async fit(X, y, { sampleWeight, onProgress }: FitOptions = {}) {
      if (broken) throw new Error('this model cannot be trained')
      const sums = [0, 0]
      const weights = [0, 0]
      for (let row = 0; row < X.rows; row++) {
        const weight = sampleWeight?.[row] ?? 1
        sums[side(X, row)] += weight * y[row]
        weights[side(X, row)] += weight
      }
      shares = sums.map((sum, k) => (weights[k] === 0 ? 0.5 : sum / weights[k]))
      onProgress?.({ round: 1, rounds: 1, loss: undefined, validationLoss: undefined })
    },
    predict: (X, out = new Float32Array(X.rows)) => out.map((_, row) => shares[side(X, row)]),
    save: (): Data => ({ shares, cut }),
    load(data) {
      shares = [...(data as { shares: number[] }).shares]
    },
    get importances() {
      return { move: 1, other: 0 }
    },
  }
}
