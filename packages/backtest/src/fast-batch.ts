import type { FastMemory } from './fast-memory.ts'
import { ROW } from './fast-row.ts'
import { type FastBatch, FastRunner } from './fast-runner.ts'
import { everyTrial } from './trial-order.ts'

/** Shorter slices go to the plain form, whose figures are exact in degenerate samples. */
const LEAST_BARS = 128
/** @default of `maxBytes` */
const MOST_COLUMN_BYTES = 1024 * 1024 * 1024

/**
 * Simulates many trials over one range of bars: {@link ROW}.size numbers a trial, in the order of `trials`. Status 1:
 * left to the plain form.
 *
 * A trial's numbers do not depend on the other trials of its batch.
 */
export function runFast(memory: FastMemory, batch: FastBatch): Float64Array {
  const trials = batch.trials ?? everyTrial(batch.plans.length)
  const rows = new Float64Array(trials.length * ROW.size)
  runInto(memory, { ...batch, trials }, rows)
  return rows
}

function runInto(memory: FastMemory, batch: FastBatch & { readonly trials: Uint32Array }, rows: Float64Array): void {
  const { trials, values } = batch
  const mark = memory.mark()
  const runner = openFast(memory, batch)
  if (runner === 'too-large') {
    const half = trials.length >> 1
    for (const [from, to] of [
      [0, half],
      [half, trials.length],
    ]) {
      batch.market?.forget(mark)
      batch.market?.lend(values.bars)
      memory.release(mark)
      values.forget()
      const part = rows.subarray(from * ROW.size, to * ROW.size)
      runInto(memory, { ...batch, trials: trials.subarray(from, to) }, part)
    }
    return
  }
  for (const k of runner?.order() ?? everyTrial(trials.length)) {
    const at = k * ROW.size
    if (runner?.run(trials[k]) === true) runner.copyRow(rows, at)
    else rows[at + ROW.status] = runner?.again === true ? 2 : 1
  }
}

/**
 * Gets a batch ready: its columns are computed, its trials can be run in any order.
 *
 * @returns undefined where the plain form has to run all of it; 'too-large' where its columns are beyond `maxBytes`.
 */
export function openFast(memory: FastMemory, batch: FastBatch): FastRunner | undefined | 'too-large' {
  const { plans, trials = everyTrial(plans.length), values, maxBytes = MOST_COLUMN_BYTES } = batch
  if (values.bars.length - batch.start < LEAST_BARS) return undefined
  const runner = new FastRunner(memory, batch, trials)
  if (!runner.market.closesFit) return undefined
  runner.want()
  if (runner.columnBytes > maxBytes && trials.length > 1) return 'too-large'
  runner.load()
  return runner
}
