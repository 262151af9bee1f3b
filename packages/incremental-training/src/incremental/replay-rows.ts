import { createRng, type FeatureMatrix, type FitRequest } from '@tradewright/core'

/** The rows that a model which goes on is trained on. */
export type TrainingRows = Pick<FitRequest, 'X' | 'y' | 'sampleWeight' | 'times'>

/**
 * The rows from `from` on, and a share of those before, drawn without replacement so that they are not forgotten; in the
 * order that they had.
 *
 * @param share from 0 to 1; 1 gives the rows as they are.
 * @see Robins (1995), "Catastrophic forgetting, rehearsal and pseudorehearsal", Connection Science 7.
 */
export function replayRows(
  { X, y, sampleWeight, times }: TrainingRows,
  from: number,
  share: number,
  seed: number,
): TrainingRows {
  const drawn = Math.round(from * share)
  if (drawn >= from) return { X, y, sampleWeight, times }
  const rng = createRng(seed)
  const rows: number[] = []
  // Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S): in order, each subset as likely.
  for (let i = 0; i < from && rows.length < drawn; i++)
    if (rng.uniform() * (from - i) < drawn - rows.length) rows.push(i)
  for (let i = from; i < X.rows; i++) rows.push(i)
  const data = new Float32Array(rows.length * X.columns)
  rows.forEach((row, i) => {
    data.set(X.data.subarray(row * X.columns, (row + 1) * X.columns), i * X.columns)
  })
  const part: FeatureMatrix = { names: X.names, columns: X.columns, rows: rows.length, data }
  return {
    X: part,
    y: Float32Array.from(rows, (row) => y[row]),
    sampleWeight: sampleWeight === undefined ? undefined : Float32Array.from(rows, (row) => sampleWeight[row]),
    times: times === undefined ? undefined : Float64Array.from(rows, (row) => times[row]),
  }
}
