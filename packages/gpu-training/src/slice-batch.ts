import type { Batch } from './backend.ts'

/** Some rows of a batch, as views of its arrays; the batch itself where those are all of its rows. */
export function viewRows(batch: Batch, from: number, count: number): Batch {
  if (from === 0 && count === batch.rows) return batch
  const inputs = batch.x.length / batch.rows
  const targets = batch.y.length / batch.rows
  return {
    rows: count,
    x: batch.x.subarray(from * inputs, (from + count) * inputs),
    y: batch.y.subarray(from * targets, (from + count) * targets),
    weight: batch.weight?.subarray(from, from + count),
  }
}
