/** Bars from `start` (included) to `end` (excluded). */
export interface BarRange {
  readonly start: number
  readonly end: number
}

const finite = (value: number): boolean => value - value === 0

/**
 * The next range of bars at or after `from` in which every column is finite, as long as it gets. Empty at the end of
 * the columns when there is none.
 */
export function findFiniteRun(columns: readonly Float64Array[], from: number): BarRange {
  const length = columns[0].length
  let start = from
  while (start < length && !columns.every((column) => finite(column[start]))) start++
  let end = length
  for (const column of columns) end = finiteUntil(column, start, end)
  return { start, end }
}

function finiteUntil(column: Float64Array, from: number, to: number): number {
  // x - x is 0 for a finite x, else NaN, and NaN stays in a sum: no branch a bar where all is well.
  let a = 0
  let b = 0
  let i = from
  for (; i + 3 < to; i += 4) {
    a += column[i] - column[i] + (column[i + 1] - column[i + 1])
    b += column[i + 2] - column[i + 2] + (column[i + 3] - column[i + 3])
  }
  for (; i < to; i++) a += column[i] - column[i]
  if (a + b === 0) return to
  for (i = from; i < to; i++) if (column[i] - column[i] !== 0) return i
  return to
}

/**
 * Runs a kernel over every finite range of its inputs, as views, so that a NaN or infinite bar starts its warm-up anew.
 *
 * @param kernel gets views of one range of `inputs` and `outs`; fills the whole of its outputs.
 */
export function overFiniteRuns(
  inputs: readonly Float64Array[],
  outs: readonly Float64Array[],
  kernel: (inputs: readonly Float64Array[], outs: readonly Float64Array[]) => void,
): void {
  const length = inputs[0].length
  for (let from = 0; from < length; ) {
    const { start, end } = findFiniteRun(inputs, from)
    for (const out of outs) out.fill(NaN, from, start)
    if (start === 0 && end === length) kernel(inputs, outs)
    else if (start < end)
      kernel(
        inputs.map((column) => column.subarray(start, end)),
        outs.map((column) => column.subarray(start, end)),
      )
    from = Math.max(end, start)
  }
}
