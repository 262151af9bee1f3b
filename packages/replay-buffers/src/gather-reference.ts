import { columnSize, type ReferenceSpec } from './columns.ts'
import type { Column } from './layout.ts'
import { type OutColumn, outColumn, type RowStore } from './row-store.ts'

/** Cuts windows from the shared bars; the agent's own state follows each. A slot below 0 gives zeros. */
export function gatherReference(
  store: RowStore,
  column: Column,
  spec: ReferenceSpec,
  plan: Int32Array,
  rows: number,
  out: OutColumn,
): void {
  const time = outColumn(new Int32Array(rows))
  const stateSize = spec.state ?? 0
  const state = outColumn(new Float32Array(rows * stateSize))
  for (const field of column.fields) {
    const target = field.name.endsWith('.time') ? time : state
    store.gather(field, plan, rows, target, 0)
  }
  const size = columnSize(spec)
  const cells = spec.window * spec.features
  const target = out.array as Float32Array
  for (let k = 0; k < rows; k++) {
    const to = k * size
    if (plan[k] < 0) {
      target.fill(0, to, to + size)
      continue
    }
    const end = (time.array[k] + 1) * spec.features
    const missing = Math.max(0, cells - end)
    target.fill(0, to, to + missing)
    target.set(spec.data.subarray(end - cells + missing, end), to + missing)
    for (let i = 0; i < stateSize; i++) target[to + cells + i] = state.array[k * stateSize + i]
  }
}
